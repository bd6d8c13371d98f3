//! SMPP 3.4: what an SMSC writes and means.
//!
//! Source: *Short Message Peer to Peer Protocol Specification v3.4*, issue 1.2.

pub mod alphabet;
pub mod codes;
pub mod receipt;
