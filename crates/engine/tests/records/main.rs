//! What people do with their contacts, on both databases: fields of their own, files, changes of many, drafts of texts.

#![allow(clippy::unwrap_used, reason = "these are tests, their helper functions too")]

mod changes;
mod drafts;
mod fields;
mod imports;
#[path = "../world/mod.rs"]
mod world;
