//! What an adapter needs that keeps a link of its own: somebody to tell what it hears, and a word on how the link stands.
//!
//! Adapters over HTTPS are called by their carriers; one over SMPP hears over the link that it made. Only a serving process
//! attaches ears: a command that asks something binds nothing for longer than the answer takes.

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::callback::Heard;

/// Who takes what a link hears.
pub trait Ear: Send + Sync {
    /// Takes it. Once it is done, everything is stored and may be confirmed to the carrier; if it fails, the carrier has to repeat itself.
    fn take<'a>(&'a self, carrier: &'a str, heard: Heard) -> BoxFuture<'a, Result<(), NotTaken>>;

    /// The time.
    fn now(&self) -> Timestamp;
}

/// It could not be stored now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what the carrier told could not be stored: {0}")]
pub struct NotTaken(pub String);

/// How the link of an account stands, as this process knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// This process keeps none: it does not serve.
    Apart,
    /// It stands.
    Linked {
        /// Since when.
        since: Timestamp,
    },
    /// It does not.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why, in plain words.
        why: String,
    },
}
