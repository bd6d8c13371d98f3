//! What moves when one contact takes another in: notes, the reminder, and the person that all numbers of both belong to.
//!
//! What the engine decides says `engine/merging.rs`; fields are written by [`contacts::update`](crate::contacts::update).

use domain::ids::{ContactId, PersonId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Sql, Tx, conversations};

static COUNT_NOTES: Sql = Sql::Same("SELECT COUNT(*) FROM notes WHERE workspace_id = $1 AND contact_id = $2");

static MOVE_NOTES: Sql = Sql::Same("UPDATE notes SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2");

static MOVE_REMINDER: Sql =
    Sql::Same("UPDATE reminders SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2");

static JOIN: Sql = Sql::Same(
    "
    UPDATE contacts SET person_id = $3, updated_at = $4 WHERE workspace_id = $1 AND person_id = $2",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("merges::COUNT_NOTES", &COUNT_NOTES),
    ("merges::MOVE_NOTES", &MOVE_NOTES),
    ("merges::MOVE_REMINDER", &MOVE_REMINDER),
    ("merges::JOIN", &JOIN),
];

/// How many notes there are about a contact.
pub fn count_notes(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<i64, DbError> {
    db.query_one(&COUNT_NOTES, &[workspace.0.into(), contact.0.into()])?.int(0)
}

/// Makes the notes about one contact notes about another.
pub fn move_notes(tx: &mut Tx<'_>, workspace: WorkspaceId, from: ContactId, to: ContactId) -> Result<(), DbError> {
    tx.execute(&MOVE_NOTES, &[workspace.0.into(), from.0.into(), to.0.into()]).map(|_| ())
}

/// Makes the reminder of one contact that of another, which has none.
pub fn move_reminder(tx: &mut Tx<'_>, workspace: WorkspaceId, from: ContactId, to: ContactId) -> Result<(), DbError> {
    tx.execute(&MOVE_REMINDER, &[workspace.0.into(), from.0.into(), to.0.into()]).map(|_| ())
}

/// Makes all contacts of one person those of another, deleted ones too.
pub fn join(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    from: PersonId,
    to: PersonId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(&JOIN, &[workspace.0.into(), from.0.into(), to.0.into(), json::micros(now).into()]).map(|_| ())
}

/// Locks the conversations of these contacts, in the order of their keys.
pub fn lock_conversations(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<(), DbError> {
    conversations::lock(tx, workspace, contacts).map(|_| ())
}
