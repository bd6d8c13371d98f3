//! Outgoing webhooks as a customer meets them: a real HTTP server on loopback is told what happens.
//!
//! `house` makes the workspace and the server, `order` tries what fails and in which order, `ends` how endpoints end, `nodes` what two
//! nodes and a restart do, `kinds` whether every event is in the list that endpoints choose from.

mod ends;
mod house;
mod keeping;
mod kinds;
mod nodes;
mod order;
