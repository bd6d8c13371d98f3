//! How Dripline is reached: the command line, the configuration and the logs of the binary.
//!
//! No rule lives here: what is true is in `domain`, what happens is in `engine`.

mod api;
pub mod checks;
pub mod cli;
pub mod config;
mod consent_rows;
mod demo;
mod export;
mod hooks;
pub mod logs;
mod metrics;
pub mod outfit;
mod page;
mod problem;
pub mod proxies;
pub mod serve;
mod statement;
mod web;
pub mod wiring;

pub use web::ImportsKeeper;
