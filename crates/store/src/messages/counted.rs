//! Texts counted and looked through: for the caps of 24 hours, and for reports.

use domain::ids::{ContactId, MessageId, WorkspaceId};
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, json};

static SENT_SINCE: Sql = Sql::Twin {
    sqlite: "
        SELECT t.contact_id, COUNT(*), MIN(t.claimed_at) FROM (
            SELECT contact_id, claimed_at FROM messages
            WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2))
              AND kind IN ('workflow', 'manual') AND claimed_at > $3
              AND state IN ('sending', 'in_doubt', 'sent', 'delivered', 'undelivered')
            UNION ALL
            SELECT e.contact_id, e.claimed_at FROM enrollments e
            WHERE e.workspace_id = $1 AND COALESCE(e.claimed_at, 0) > $3 AND e.enrollment_id IN (
                SELECT r.enrollment_id FROM runs r
                WHERE r.workspace_id = $1 AND r.contact_id IN (SELECT value FROM json_each($2))
                UNION ALL
                SELECT p.enrollment_id FROM enrollments p
                WHERE p.workspace_id = $1 AND p.contact_id IN (SELECT value FROM json_each($2))
                  AND p.state <> 'active')) AS t
        GROUP BY t.contact_id",
    postgres: "
        SELECT t.contact_id, COUNT(*), MIN(t.claimed_at) FROM (
            SELECT contact_id, claimed_at FROM messages
            WHERE workspace_id = $1
              AND contact_id = ANY ($2::BIGINT[])
              AND kind IN ('workflow', 'manual') AND claimed_at > $3
              AND state IN ('sending', 'in_doubt', 'sent', 'delivered', 'undelivered')
            UNION ALL
            SELECT e.contact_id, e.claimed_at FROM enrollments e
            WHERE e.workspace_id = $1 AND COALESCE(e.claimed_at, 0) > $3 AND e.enrollment_id IN (
                SELECT r.enrollment_id FROM runs r
                WHERE r.workspace_id = $1 AND r.contact_id = ANY ($2::BIGINT[])
                UNION ALL
                SELECT p.enrollment_id FROM enrollments p
                WHERE p.workspace_id = $1 AND p.contact_id = ANY ($2::BIGINT[]) AND p.state <> 'active')) AS t
        GROUP BY t.contact_id",
};

static COUNTS: Sql = Sql::Same(
    "
    SELECT t.state, COUNT(*) FROM (
        SELECT state FROM messages WHERE workspace_id = $1 AND kind <> 'inbound'
        UNION ALL
        SELECT 'sending' FROM enrollments WHERE workspace_id = $1 AND claimed_at IS NOT NULL) AS t
    GROUP BY t.state ORDER BY t.state",
);

static INBOUND: Sql = Sql::Same("SELECT COUNT(*) FROM messages WHERE workspace_id = $1 AND kind = 'inbound'");

static SENT: Sql = Sql::Same(
    "
    SELECT m.sent_at, m.segments, m.step, e.place FROM messages m
    JOIN enrollments e ON e.workspace_id = m.workspace_id AND e.enrollment_id = m.enrollment_id
    WHERE m.workspace_id = $1 AND m.sent_at IS NOT NULL AND m.message_id > $2
    ORDER BY m.message_id",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("messages::SENT_SINCE", &SENT_SINCE),
    ("messages::COUNTS", &COUNTS),
    ("messages::INBOUND", &INBOUND),
    ("messages::SENT", &SENT),
];

/// How many texts a contact got since a time, and when the oldest of them was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentCount {
    /// Whom.
    pub contact: ContactId,
    /// How many.
    pub count: i64,
    /// The oldest of them.
    pub first: Timestamp,
}

/// Counts the texts that each of these contacts got after a time: for the caps of 24 hours. A message may
/// have been made long before it is claimed, so the whole conversation is looked through, by its index.
pub fn sent_since(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    after: Timestamp,
) -> Result<Vec<SentCount>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let params = [workspace.0.into(), list, json::micros(after).into()];
    let count = |row: &Row| {
        Ok(SentCount { contact: ContactId(row.int(0)?), count: row.int(1)?, first: json::timestamp(row.int(2)?)? })
    };
    db.query(&SENT_SINCE, &params)?.iter().map(count).collect()
}

/// How many outbound messages are in each state.
pub fn counts(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(String, i64)>, DbError> {
    let count = |row: &Row| Ok((row.text(0)?.to_owned(), row.int(1)?));
    db.query(&COUNTS, &[workspace.0.into()])?.iter().map(count).collect()
}

/// A workflow message that was sent.
#[derive(Debug, Clone)]
pub struct SentMessage {
    /// When.
    pub sent_at: Timestamp,
    /// Its segments.
    pub segments: i64,
    /// The zone whose clock the contact is on.
    pub zone: String,
}

/// Goes through all workflow messages that were sent after this one, in order of their making.
pub fn each_sent<E: From<DbError>>(
    db: &Read<'_>,
    workspace: WorkspaceId,
    after: MessageId,
    mut see: impl FnMut(SentMessage) -> Result<(), E>,
) -> Result<(), E> {
    db.for_each(&SENT, &[workspace.0.into(), after.0.into()], |row| {
        let place: crate::enrollments::Place = json::read(row.text(3)?)?;
        let sent_at = json::timestamp(row.int(0)?)?;
        see(SentMessage { sent_at, segments: row.int(1)?, zone: place.primary })
    })
}

/// How many texts came in.
pub fn inbound_count(db: &Read<'_>, workspace: WorkspaceId) -> Result<i64, DbError> {
    db.query_one(&INBOUND, &[workspace.0.into()])?.int(0)
}
