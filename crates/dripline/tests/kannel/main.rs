//! Gateways and SMSCs that are really there: a whole workflow through Debian's Kannel over HTTP, and over SMPP to an SMSC.
//!
//! Kannel stands between our gateway adapter and the SMSC of `carrier/tests/support/smsc.rs`, each on a free port of the loopback, in
//! a folder that goes away. Where Kannel is not installed the tests fail and say so.

#![allow(clippy::unwrap_used, reason = "tests")]

mod boxes;
mod gateway;
mod house;
#[path = "../../../engine/tests/registered/mod.rs"]
mod registered;
mod smpp;
#[path = "../../../carrier/tests/support/smsc.rs"]
mod smsc;
#[path = "../../../carrier/tests/support/validity.rs"]
mod validity;
