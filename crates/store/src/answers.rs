//! What was answered before: idempotency keys, quotes, and callbacks of carriers that came already.

use std::collections::HashSet;

use domain::ids::{ContactId, QuoteId, WorkflowId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Later, Read, Row, Sql, Tx};

static FIND: Sql = Sql::Same(
    "
    SELECT request_hash, answer FROM answers WHERE workspace_id = $1 AND idempotency_key = $2",
);

static TAKE: Sql = Sql::Same(
    "
    INSERT INTO answers (workspace_id, idempotency_key, request_hash, answer, at) VALUES ($1, $2, $3, '', $4)
    ON CONFLICT (workspace_id, idempotency_key) DO NOTHING",
);

static GIVE: Sql = Sql::Same("UPDATE answers SET answer = $3 WHERE workspace_id = $1 AND idempotency_key = $2");

static INSERT_QUOTE: Sql = Sql::Same(
    "
    INSERT INTO quotes (workspace_id, quote_id, contact_id, workflow_id, terms, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)",
);

static FIND_QUOTE: Sql = Sql::Same(
    "
    SELECT contact_id, workflow_id, terms, expires_at FROM quotes WHERE workspace_id = $1 AND quote_id = $2",
);

static FIRST: Sql = Sql::Same(
    "
    INSERT INTO carrier_events (workspace_id, carrier, event_key, at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (workspace_id, carrier, event_key) DO NOTHING",
);

static FIRST_OF: Sql = Sql::Twin {
    sqlite: "
        INSERT OR FAIL INTO carrier_events (workspace_id, carrier, event_key, at)
        SELECT $1, $2, value, $4 FROM json_each($3) WHERE true ORDER BY value
        ON CONFLICT (workspace_id, carrier, event_key) DO NOTHING
        RETURNING event_key",
    postgres: "
        INSERT INTO carrier_events (workspace_id, carrier, event_key, at)
        SELECT $1, $2, key, $4 FROM UNNEST($3::TEXT[]) AS t (key) ORDER BY key
        ON CONFLICT (workspace_id, carrier, event_key) DO NOTHING
        RETURNING event_key",
};

static STRAY: Sql = Sql::Same(
    "
    INSERT INTO stray_events (carrier, event_key, payload, at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (carrier, event_key) DO NOTHING",
);

static FIND_STRAY: Sql = Sql::Same("SELECT payload FROM stray_events WHERE carrier = $1 AND event_key = $2");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("answers::FIND", &FIND),
    ("answers::TAKE", &TAKE),
    ("answers::GIVE", &GIVE),
    ("answers::INSERT_QUOTE", &INSERT_QUOTE),
    ("answers::FIND_QUOTE", &FIND_QUOTE),
    ("answers::FIRST", &FIRST),
    ("answers::FIRST_OF", &FIRST_OF),
    ("answers::STRAY", &STRAY),
    ("answers::FIND_STRAY", &FIND_STRAY),
];

/// The first answer to an idempotency key: the request's hash and the answer.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<(String, String)>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), key.into()])?;
    row.map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).transpose()
}

/// Takes an idempotency key for a request; false if a request that committed has it. Of two at once the later one
/// waits here until the first has committed or given up.
pub fn take(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    key: &str,
    request_hash: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = [workspace.0.into(), key.into(), request_hash.into(), json::micros(now).into()];
    Ok(tx.execute(&TAKE, &params)? == 1)
}

/// Keeps the answer under a key that this transaction has taken.
pub fn give(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str, answer: &str) -> Result<(), DbError> {
    tx.execute(&GIVE, &[workspace.0.into(), key.into(), answer.into()]).map(|_| ())
}

/// A quote as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteRow {
    /// For whom.
    pub contact: ContactId,
    /// Through which workflow.
    pub workflow: WorkflowId,
    /// Its text and price, as a document.
    pub terms: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// Keeps a quote.
pub fn insert_quote(tx: &mut Tx<'_>, workspace: WorkspaceId, id: QuoteId, quote: &QuoteRow) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        id.0.into(),
        quote.contact.0.into(),
        quote.workflow.0.into(),
        quote.terms.as_str().into(),
        json::micros(quote.expires_at).into(),
    ];
    tx.execute(&INSERT_QUOTE, &params).map(|_| ())
}

/// One quote, expired or not.
pub fn find_quote(db: &Read<'_>, workspace: WorkspaceId, id: QuoteId) -> Result<Option<QuoteRow>, DbError> {
    let quote = |row: &Row| {
        Ok(QuoteRow {
            contact: ContactId(row.int(0)?),
            workflow: WorkflowId(row.int(1)?),
            terms: row.text(2)?.to_owned(),
            expires_at: json::timestamp(row.int(3)?)?,
        })
    };
    db.query_optional(&FIND_QUOTE, &[workspace.0.into(), id.0.into()])?.as_ref().map(quote).transpose()
}

/// Notes a callback; false if it came before.
pub fn first(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    carrier: &str,
    event_key: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = [workspace.0.into(), carrier.into(), event_key.into(), json::micros(now).into()];
    Ok(tx.execute(&FIRST, &params)? == 1)
}

/// Notes callbacks; answers the keys of those that did not come before, once where two have the same. They are noted in the order of their keys, so
/// that two who note the same wait for each other in one direction.
pub fn first_of(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    carrier: &str,
    event_keys: &[&str],
    now: Timestamp,
) -> Result<Later<HashSet<String>>, DbError> {
    let params = [workspace.0.into(), carrier.into(), json::texts(event_keys), json::micros(now).into()];
    let read = |rows: Vec<Row>| rows.iter().map(|row| row.text(0).map(str::to_owned)).collect();
    tx.query_later(&FIRST_OF, &params, read)
}

/// Keeps a callback that belongs to no number of ours. No workspace is known for it.
pub fn keep_stray(
    tx: &mut Tx<'_>,
    carrier: &str,
    event_key: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(&STRAY, &[carrier.into(), event_key.into(), payload.into(), json::micros(now).into()]).map(|_| ())
}

/// What a callback said that was kept as a stray. No workspace is known for it.
pub fn stray(db: &Read<'_>, carrier: &str, event_key: &str) -> Result<Option<String>, DbError> {
    let row = db.query_optional(&FIND_STRAY, &[carrier.into(), event_key.into()])?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}
