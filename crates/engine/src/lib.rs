//! What happens: one function for each use case, one transaction each; the dispatcher; the clock.
//!
//! Every use case has six beats: authorize, load, decide, save, commit, wake. Only *decide* differs,
//! and it is a pure function of `domain`. The web, the command line, the tests and the simulation
//! call the same functions.

pub mod actor;
pub mod audit;
mod batch;
mod beat;
pub mod billing;
pub mod bulk;
pub mod claim;
pub mod clock;
pub mod contacts;
pub mod conversations;
mod counts;
pub mod dispatch;
pub mod doubts;
pub mod drafts;
pub mod ending;
mod engine;
pub mod enrolling;
mod facts;
pub mod failure;
pub mod figures;
pub mod first_run;
mod guesses;
pub mod idempotency;
pub mod ids;
pub mod import;
pub mod invitations;
pub mod keys;
mod kin;
pub mod labels;
pub mod lease;
pub mod live;
pub mod manual;
pub mod notes;
pub mod numbers;
pub mod passwords;
pub mod pauses;
pub mod pick;
pub mod play;
pub mod progress;
mod pump;
pub mod quick_replies;
pub mod receipts;
pub mod receive;
mod rehoming;
pub mod removal;
mod ruling;
pub mod search;
mod senders;
pub mod sessions;
pub mod settings;
mod settle;
pub mod simulation;
pub mod skipping;
pub mod statement;
pub mod text;
mod tokens;
pub mod upkeep;
pub mod users;
pub mod views;
pub mod workflow_file;
pub mod workflows;
pub mod workspaces;

pub use actor::{Actor, Forbidden};
pub use claim::Claimed;
pub use clock::Clock;
pub use counts::Counts;
pub use engine::{Carriers, Engine, OpenError};
pub use failure::Failure;
pub use idempotency::IdempotencyKey;
pub use settings::{Settings, Switch};
