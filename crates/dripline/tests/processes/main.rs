//! The real binary as processes: killed at any instant, and several on one database.
//!
//! | file | owns |
//! |---|---|
//! | `server` | one `dripline serve` process, and calls of its API |
//! | `world` | the workspaces that are set up before the first start |
//! | `handsets` | the receiving end: the journal that outlives every process |
//! | `books` | what must hold in the database when everything has ended |
//! | `kill`, `nodes` | the two stories |

#![allow(clippy::unwrap_used, reason = "tests")]

mod books;
mod handsets;
mod kill;
mod nodes;
mod server;
mod world;
