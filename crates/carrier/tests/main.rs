//! All integration tests of the carriers, as one program. A file that is not named here would not run: `tidy` looks.

#![allow(clippy::unwrap_used, reason = "these are tests, their helper functions too")]

mod adapters;
mod faults;
mod gateway;
mod heard;
mod journal;
mod mail;
mod order;
mod signatures;
mod smpp;
mod support;
mod webhook;
