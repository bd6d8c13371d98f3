//! Notes that users write about a contact, for each other.

use domain::ids::{ContactId, NoteId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// Its identifier.
    pub id: NoteId,
    /// About whom.
    pub contact: ContactId,
    /// Who wrote it.
    pub author: String,
    /// What.
    pub body: String,
    /// When.
    pub created_at: Timestamp,
}

static OF_CONTACT: Sql = Sql::Same(
    "
    SELECT note_id, contact_id, author, body, created_at FROM notes
    WHERE workspace_id = $1 AND contact_id = $2 AND note_id < $3 ORDER BY note_id DESC LIMIT $4",
);

static FIND: Sql = Sql::Same(
    "
    SELECT note_id, contact_id, author, body, created_at FROM notes WHERE workspace_id = $1 AND note_id = $2",
);

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO notes (workspace_id, note_id, contact_id, author, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
);

static DELETE: Sql = Sql::Same("DELETE FROM notes WHERE workspace_id = $1 AND note_id = $2");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("notes::OF_CONTACT", &OF_CONTACT),
    ("notes::FIND", &FIND),
    ("notes::INSERT", &INSERT),
    ("notes::DELETE", &DELETE),
];

fn read(row: &Row) -> Result<Note, DbError> {
    Ok(Note {
        id: NoteId(row.int(0)?),
        contact: ContactId(row.int(1)?),
        author: row.text(2)?.to_owned(),
        body: row.text(3)?.to_owned(),
        created_at: json::timestamp(row.int(4)?)?,
    })
}

/// The notes about a contact, newest first, before the given one.
pub fn of_contact(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    before: NoteId,
    limit: i64,
) -> Result<Vec<Note>, DbError> {
    let params = [workspace.0.into(), contact.0.into(), before.0.into(), limit.into()];
    db.query(&OF_CONTACT, &params)?.iter().map(read).collect()
}

/// One note.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: NoteId) -> Result<Option<Note>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// Writes a note.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, note: &Note) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        note.id.0.into(),
        note.contact.0.into(),
        note.author.as_str().into(),
        note.body.as_str().into(),
        json::micros(note.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Deletes a note; false if there is none.
pub fn delete(tx: &mut Tx<'_>, workspace: WorkspaceId, id: NoteId) -> Result<bool, DbError> {
    Ok(tx.execute(&DELETE, &[workspace.0.into(), id.0.into()])? == 1)
}
