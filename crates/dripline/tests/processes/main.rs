//! The real binary as processes: killed at any instant, several on one database, stopped in good order.
//!
//! | file | owns |
//! |---|---|
//! | `server` | one `dripline serve` process, and calls of its API |
//! | `world` | the workspaces that are set up before the first start |
//! | `handsets` | the receiving end: the journal that outlives every process |
//! | `books` | what must hold in the database when everything has ended |
//! | `kill`, `nodes`, `stop`, `changes`, `import` | the stories |

#![allow(clippy::unwrap_used, reason = "tests")]

mod books;
mod changes;
mod handsets;
mod import;
mod kill;
mod nodes;
mod server;
mod stop;
mod world;
