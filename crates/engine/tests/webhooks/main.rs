//! Outgoing webhooks as a customer meets them: a real HTTP server on loopback is told what happens.
//!
//! `house` makes the workspace and the server, `order` tries what fails and in which order, `ends` how endpoints end, `nodes` what two
//! nodes and a restart do, `kinds` whether every event is in the list that endpoints choose from.

#![allow(clippy::unwrap_used, reason = "tests")]

mod ends;
mod house;
#[path = "../exchange/http.rs"]
#[allow(dead_code, reason = "the carriers' tests use the rest")]
mod http;
mod keeping;
mod kinds;
mod nodes;
mod order;
