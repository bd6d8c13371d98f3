//! How Dripline is reached: the command line, the configuration and the logs of the binary.
//!
//! No rule lives here: what is true is in `domain`, what happens is in `engine`.

pub mod cli;
pub mod config;
pub mod logs;
pub mod wiring;
