//! Deletes what is too old to be asked for, a bounded number of rows at a time. `engine::upkeep` says what is kept how long.

use domain::ids::WorkspaceId;
use jiff::Timestamp;

use crate::{DbError, Sql, Tx, json};

static ANSWERS: Sql = Sql::Same(
    "
    DELETE FROM answers WHERE workspace_id = $1 AND idempotency_key IN (
        SELECT idempotency_key FROM answers WHERE workspace_id = $1 AND at < $2 ORDER BY at LIMIT $3)",
);

static QUOTES: Sql = Sql::Same(
    "
    DELETE FROM quotes WHERE workspace_id = $1 AND quote_id IN (
        SELECT quote_id FROM quotes WHERE workspace_id = $1 AND expires_at < $2 ORDER BY expires_at LIMIT $3)",
);

static CALLBACKS: Sql = Sql::Same(
    "
    DELETE FROM carrier_events WHERE workspace_id = $1 AND (carrier, event_key) IN (
        SELECT carrier, event_key FROM carrier_events WHERE workspace_id = $1 AND at < $2 ORDER BY at LIMIT $3)",
);

// No workspace is known for them, and they are few.
static STRAYS: Sql = Sql::Same(
    "
    DELETE FROM stray_events WHERE (carrier, event_key) IN (
        SELECT carrier, event_key FROM stray_events WHERE at < $1 ORDER BY at LIMIT $2)",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("upkeep::ANSWERS", &ANSWERS),
    ("upkeep::QUOTES", &QUOTES),
    ("upkeep::CALLBACKS", &CALLBACKS),
    ("upkeep::STRAYS", &STRAYS),
];

/// What a workspace lets go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// Answers to idempotency keys that were given before the time.
    Answers,
    /// Quotes that expired before it.
    Quotes,
    /// Keys of carriers' callbacks that came before it.
    Callbacks,
}

/// Deletes the oldest of a workspace, at most so many rows; answers how many.
pub fn forget(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    what: Old,
    before: Timestamp,
    limit: u64,
) -> Result<u64, DbError> {
    let sql = match what {
        Old::Answers => &ANSWERS,
        Old::Quotes => &QUOTES,
        Old::Callbacks => &CALLBACKS,
    };
    tx.execute(sql, &[workspace.0.into(), json::micros(before).into(), rows(limit).into()])
}

/// Deletes the oldest callbacks that belong to nobody, at most so many; answers how many.
pub fn forget_strays(tx: &mut Tx<'_>, before: Timestamp, limit: u64) -> Result<u64, DbError> {
    tx.execute(&STRAYS, &[json::micros(before).into(), rows(limit).into()])
}

fn rows(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
