//! The program at the command line: what it prints, where, and how it ends.

#![allow(clippy::unwrap_used, reason = "these are tests, their helper functions too")]

mod bad_input;
mod books;
mod commands;
mod copy;
mod house;
mod operator;
mod program;
mod reminders;
mod rules;
mod simulate;
