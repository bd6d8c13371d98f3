//! What needs a person: few rows, found by partial indexes, and counted no further than a limit.

use domain::ids::{ContactId, MessageId, NumberId, WorkspaceId};
use domain::message::MessageKind;
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, json};

static UNREAD: Sql = Sql::Same(
    "
    SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM conversations WHERE workspace_id = $1 AND unread > 0 LIMIT $2) AS found",
);

static DOUBTS: Sql = Sql::Same(
    "
    SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM messages WHERE workspace_id = $1 AND state = 'in_doubt' AND due_at IS NULL LIMIT $2) AS found",
);

static FAILURES: Sql = Sql::Same(
    "
    SELECT m.message_id, m.contact_id, m.kind, m.state, m.body, m.code, m.detail, m.state_at, c.name, c.phone, n.phone
    FROM messages m
    JOIN contacts c ON c.workspace_id = m.workspace_id AND c.contact_id = m.contact_id
    LEFT JOIN numbers n ON n.workspace_id = m.workspace_id AND n.number_id = m.number_id
    WHERE m.workspace_id = $1 AND (m.state = 'failed' OR m.state = 'undelivered') AND m.message_id < $2
    ORDER BY m.message_id DESC
    LIMIT $3",
);

static FAILURES_BY_NUMBER: Sql = Sql::Same(
    "
    SELECT number_id, COUNT(*) FROM messages
    WHERE workspace_id = $1 AND (state = 'failed' OR state = 'undelivered') AND message_id > $2
    GROUP BY number_id",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("needs::UNREAD", &UNREAD),
    ("needs::DOUBTS", &DOUBTS),
    ("needs::FAILURES", &FAILURES),
    ("needs::FAILURES_BY_NUMBER", &FAILURES_BY_NUMBER),
];

/// How many conversations have something unread, up to a limit.
pub fn unread(db: &Read<'_>, workspace: WorkspaceId, limit: i64) -> Result<i64, DbError> {
    db.query_one(&UNREAD, &[workspace.0.into(), limit.into()])?.int(0)
}

/// How many messages in doubt only a person can settle, up to a limit.
pub fn doubts(db: &Read<'_>, workspace: WorkspaceId, limit: i64) -> Result<i64, DbError> {
    db.query_one(&DOUBTS, &[workspace.0.into(), limit.into()])?.int(0)
}

/// A text that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedText {
    /// Which.
    pub id: MessageId,
    /// To whom.
    pub contact: ContactId,
    /// The contact's name.
    pub name: String,
    /// The contact's phone.
    pub phone: String,
    /// Whether it is a workflow's or by hand.
    pub kind: MessageKind,
    /// Whether the carrier had taken it.
    pub was_sent: bool,
    /// What it says.
    pub body: String,
    /// The carrier's code.
    pub code: Option<String>,
    /// The same in plain words.
    pub detail: Option<String>,
    /// When that was known.
    pub at: Timestamp,
    /// Our number.
    pub number: String,
}

fn failed(row: &Row) -> Result<FailedText, DbError> {
    let kind = MessageKind::from_word(row.text(2)?);
    Ok(FailedText {
        id: MessageId(row.int(0)?),
        contact: ContactId(row.int(1)?),
        kind: kind.ok_or_else(|| json::unreadable("messages.kind", row.text(2).unwrap_or_default()))?,
        was_sent: row.text(3)? == "undelivered",
        body: row.text(4)?.to_owned(),
        code: row.opt_text(5)?.map(str::to_owned),
        detail: row.opt_text(6)?.map(str::to_owned),
        at: json::timestamp(row.int(7)?)?,
        name: row.text(8)?.to_owned(),
        phone: row.text(9)?.to_owned(),
        number: row.opt_text(10)?.unwrap_or_default().to_owned(),
    })
}

/// Texts that did not arrive, the newest first, before the given one.
pub fn failures(
    db: &Read<'_>,
    workspace: WorkspaceId,
    before: MessageId,
    limit: i64,
) -> Result<Vec<FailedText>, DbError> {
    db.query(&FAILURES, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(failed).collect()
}

/// How many texts after the given one did not arrive, by the number that they went from.
pub fn failures_by_number(
    db: &Read<'_>,
    workspace: WorkspaceId,
    after: MessageId,
) -> Result<Vec<(NumberId, i64)>, DbError> {
    let rows = db.query(&FAILURES_BY_NUMBER, &[workspace.0.into(), after.0.into()])?;
    rows.iter().map(|row| Ok((NumberId(row.int(0)?), row.int(1)?))).collect()
}
