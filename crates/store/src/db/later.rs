//! What a statement answers, for whoever asks for it when something behind it was waited for.
//!
//! On PostgreSQL a statement is a journey to the server. Several that do not need each other's answers go together: all but the last are asked for
//! later ([`Tx::query_later`](super::Tx::query_later), [`Tx::execute_each_later`](super::Tx::execute_each_later)), and whoever waits for the last has all. On SQLite each answers at once.

use super::DbError;
use super::postgres::{Asked, Told};

/// An answer that [`Tx::heard`](super::Tx::heard) gives.
#[must_use = "whether the statement failed is known once it was heard"]
pub struct Later<T>(pub(super) Answer<T>);

pub(super) enum Answer<T> {
    /// It is here.
    Here(T),
    /// It comes, and is read from what the server tells.
    Asked(Asked, Box<dyn FnOnce(Told) -> Result<T, DbError>>),
}
