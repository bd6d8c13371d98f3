//! The pages, asked for without a network: what they say, who may see them, that their HTML is sound.
//!
//! A module for each section. `site` makes the world, `markup` holds what every page must fulfil, `crawl` follows every link.
#![allow(clippy::unwrap_used, reason = "tests")]

mod carriers;
mod consent;
mod contacts;
#[path = "../../../carrier/tests/support/desk.rs"]
#[allow(dead_code, reason = "the adapters' own tests use the rest")]
mod counter;
mod crawl;
mod desk;
mod enroll;
mod erasing;
#[path = "../../../engine/tests/exchange/mod.rs"]
mod exchange;
mod first_run;
mod hooks;
mod imports;
mod invite;
mod live;
mod markup;
mod merging;
mod messenger;
mod notice;
mod operator;
mod payments;
mod plan;
#[path = "../../../engine/tests/registered/mod.rs"]
mod registered;
mod registration;
mod reminders;
mod settings;
mod settings_fields;
mod settings_lists;
mod sign_in;
mod simulator;
#[allow(dead_code, reason = "each section uses what it needs")]
mod site;
mod statement;
#[path = "../../../engine/tests/payments/stripe.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod stripe;
#[path = "../../../engine/tests/summed.rs"]
mod summed;
mod webhooks;
mod workflows;
mod workspaces;
mod wrong;
mod zones;
