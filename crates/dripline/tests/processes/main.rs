//! The real binary as processes: killed at any instant, several on one database, stopped in good order.
//!
//! | file | owns |
//! |---|---|
//! | `server` | one `dripline serve` process, and calls of its API |
//! | `world` | the workspaces that are set up before the first start |
//! | `handsets` | the receiving end: the journal that outlives every process |
//! | `books` | what must hold in the database when everything has ended |
//! | `traffic` | what goes on at once while something is broken, and what must hold of it |
//! | `town` | a carrier in this process, and the server that sends through its API |
//! | `cluster` | PostgreSQL servers that a test may break |
//! | `kill`, `outage`, `power`, `disk`, `nodes`, `stop`, `changes`, `import` | the stories |

#![allow(clippy::unwrap_used, reason = "tests")]

mod books;
mod changes;
mod cluster;
#[cfg(target_os = "linux")]
mod disk;
#[path = "../../../engine/tests/exchange/mod.rs"]
mod exchange;
mod handsets;
mod import;
mod kill;
mod nodes;
mod outage;
#[cfg(target_os = "linux")]
mod power;
#[path = "../../../engine/tests/registered/mod.rs"]
mod registered;
mod server;
mod stop;
mod town;
mod traffic;
mod world;
