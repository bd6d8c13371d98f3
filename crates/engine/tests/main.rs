//! All integration tests of the engine, as one program: its code and its libraries are linked once, not once for each file.
//!
//! Tests of one subject are one module; what several of them use (a world with simulated phones, an exchange on loopback) is one
//! module too. Each test runs in a process of its own (`cargo nextest`). A file that is not named here would not run: `tidy` looks.

#![allow(clippy::unwrap_used, reason = "these are tests, their helper functions too")]

mod admin;
mod again;
mod attack;
mod by_hand;
mod carriers;
mod checks;
mod collisions;
mod consent;
mod contacts;
mod costs;
mod crowd;
mod cut;
mod deadline;
mod doubts;
mod enrolling;
mod erasing;
mod exchange;
mod export;
mod fairness;
mod figures;
mod filters;
mod fresh;
mod gathered;
mod hosted;
mod import;
mod import_check;
mod import_steps;
mod import_words;
mod inbox;
mod isolation;
mod line;
mod listing;
mod lists;
mod low_balance;
mod manual;
mod merging;
mod months;
mod nodes;
mod on_the_way;
mod outage;
mod payments;
mod plans;
mod quoted;
mod race;
mod receipts;
mod records;
mod registered;
mod registration;
mod reminders;
mod rows;
mod rules;
mod seals;
mod simulation;
mod story;
mod struck;
#[allow(dead_code, reason = "the tests of the pages use the rest")]
mod summed;
mod suppression_lists;
mod suspension;
mod tariffs;
mod together;
mod upkeep;
mod waiting;
mod webhooks;
mod world;
