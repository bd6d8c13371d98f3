//! All integration tests of the store, as one program. A file that is not named here would not run: `tidy` looks.

#![allow(clippy::unwrap_used, reason = "these are tests, their helper functions too")]

mod common;
mod conflict;
mod copies;
mod crash;
mod due;
mod export;
mod face;
mod group;
mod ledger;
mod log;
mod mails;
mod mishaps;
mod open;
mod parity;
mod plans;
mod runs;
mod sent;
mod sharding;
mod statements;
mod statistics;
mod tallies;
mod webhooks;
mod words;
mod words_due;
