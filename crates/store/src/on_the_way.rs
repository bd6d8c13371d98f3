//! What is with a carrier for the first time.
//!
//! A step that is claimed has no message of its own yet: its enrollment's row holds the identifier that the message will have, and
//! `claimed_at`. Once it is known what came of it the message is written, as it is then ([`messages::land`](crate::messages::land)), and
//! `claimed_at` goes with the enrollment's next step or by [`land`]. So a message that arrives at once is written once, and not a second time
//! with all its index entries (`docs/decisions/0049`). Retries, texts written by hand and answers of the product have rows before they go.

use domain::ids::{ContactId, EnrollmentId, MessageId, WorkspaceId};

use crate::json;
use crate::{DbError, Read, Sql, Tx};

static FIND: Sql = Sql::Same(
    "SELECT enrollment_id FROM enrollments WHERE workspace_id = $1 AND message_id = $2 AND claimed_at IS NOT NULL",
);

static BEFORE: Sql = Sql::Twin {
    sqlite: "
        SELECT enrollment_id FROM enrollments
        WHERE workspace_id = $1 AND claimed_at IS NOT NULL AND message_id < $2
        ORDER BY message_id LIMIT $3",
    postgres: "
        SELECT enrollment_id FROM enrollments
        WHERE workspace_id = $1 AND claimed_at IS NOT NULL AND message_id < $2
        ORDER BY message_id LIMIT $3
        FOR UPDATE SKIP LOCKED",
};

/// By what the contact runs or ran through: on PostgreSQL the index of what is on its way is mostly entries of what has been settled since.
static OF_CONTACT: Sql = Sql::Same(
    "
    SELECT e.enrollment_id FROM enrollments e
    WHERE e.workspace_id = $1 AND COALESCE(e.claimed_at, 0) > 0 AND e.message_id < $3 AND e.enrollment_id IN (
        SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = $2
        UNION ALL
        SELECT p.enrollment_id FROM enrollments p
        WHERE p.workspace_id = $1 AND p.contact_id = $2 AND p.state <> 'active')
    ORDER BY e.message_id DESC",
);

static LAND: Sql = Sql::Twin {
    sqlite: "
        UPDATE enrollments SET claimed_at = NULL
        WHERE workspace_id = $1 AND enrollment_id IN (SELECT value FROM json_each($2))",
    postgres: "
        UPDATE enrollments SET claimed_at = NULL
        WHERE workspace_id = $1
          AND enrollment_id = ANY ($2::BIGINT[])",
};

static DRIFTED: Sql = Sql::Same(
    "
    SELECT e.enrollment_id FROM enrollments e
    LEFT JOIN messages m ON m.workspace_id = e.workspace_id AND m.message_id = e.message_id
    WHERE e.workspace_id = $1 AND (e.message_id IS NOT NULL OR e.claimed_at IS NOT NULL)
      AND (e.message_id IS NULL
        OR CASE WHEN e.claimed_at IS NULL THEN 1 ELSE 0 END <> CASE WHEN m.message_id IS NULL THEN 0 ELSE 1 END)
    ORDER BY e.enrollment_id",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("on_the_way::FIND", &FIND),
    ("on_the_way::BEFORE", &BEFORE),
    ("on_the_way::OF_CONTACT", &OF_CONTACT),
    ("on_the_way::LAND", &LAND),
    ("on_the_way::DRIFTED", &DRIFTED),
];

/// The enrollment whose step is on its way for the first time as this message.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, message: MessageId) -> Result<Option<EnrollmentId>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), message.0.into()])?;
    row.map(|row| row.int(0).map(EnrollmentId)).transpose()
}

/// Enrollments whose step is on its way as a message before this one, locked; those that another transaction has locked are passed over.
pub fn before(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    message: MessageId,
    limit: i64,
) -> Result<Vec<EnrollmentId>, DbError> {
    let rows = tx.query(&BEFORE, &[workspace.0.into(), message.0.into(), limit.into()])?;
    rows.iter().map(|row| row.int(0).map(EnrollmentId)).collect()
}

/// The enrollments of a contact of which a step is on its way for the first time, the newest before this message first.
pub fn of_contact(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    before: MessageId,
) -> Result<Vec<EnrollmentId>, DbError> {
    let rows = db.query(&OF_CONTACT, &[workspace.0.into(), contact.0.into(), before.0.into()])?;
    rows.iter().map(|row| row.int(0).map(EnrollmentId)).collect()
}

/// The steps of these enrollments, which the transaction has locked, have messages of their own now.
pub fn land(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    rows: impl IntoIterator<Item = EnrollmentId>,
) -> Result<(), DbError> {
    let mut rows = rows.into_iter().map(|id| id.0).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    tx.run(&LAND, &[workspace.0.into(), json::list(rows)])
}

/// Enrollments whose step has a message while it is on its way for the first time, or has none while it is not: none, unless something is broken.
pub fn drifted(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<EnrollmentId>, DbError> {
    db.query(&DRIFTED, &[workspace.0.into()])?.iter().map(|row| row.int(0).map(EnrollmentId)).collect()
}
