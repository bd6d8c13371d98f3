//! Reminders: a contact, a time, a line for oneself and perhaps a workflow; at most one for each contact. One that is done is gone.

use domain::ids::{ContactId, WorkflowId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A reminder as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// Of whom.
    pub contact: ContactId,
    /// When.
    pub due_at: Timestamp,
    /// What somebody wrote for themselves; may be empty.
    pub note: String,
    /// What is to be started then.
    pub workflow: Option<WorkflowId>,
    /// Who wants it.
    pub author: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was told that it is due.
    pub told_at: Option<Timestamp>,
}

/// A reminder in the list, with what it is listed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The reminder.
    pub reminder: Reminder,
    /// The contact's name.
    pub name: String,
    /// The contact's phone.
    pub phone: String,
    /// The workflow's name, if it is there still.
    pub workflow: Option<String>,
}

macro_rules! columns {
    () => {
        "r.contact_id, r.due_at, r.note, r.workflow_id, r.author, r.created_at, r.told_at"
    };
}

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM reminders r WHERE r.workspace_id = $1 AND r.contact_id = $2"));

static PUT: Sql = Sql::Same(
    "
    INSERT INTO reminders (workspace_id, contact_id, due_at, note, workflow_id, author, created_at, told_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)
    ON CONFLICT (workspace_id, contact_id) DO UPDATE
    SET due_at = excluded.due_at, note = excluded.note, workflow_id = excluded.workflow_id, author = excluded.author,
        created_at = excluded.created_at, told_at = NULL",
);

static REMOVE: Sql = Sql::Same("DELETE FROM reminders WHERE workspace_id = $1 AND contact_id = $2");

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    ", c.name, c.phone, w.name
    FROM reminders r
    JOIN contacts c ON c.workspace_id = r.workspace_id AND c.contact_id = r.contact_id AND c.deleted_at IS NULL
    LEFT JOIN workflows w
        ON w.workspace_id = r.workspace_id AND w.workflow_id = r.workflow_id AND w.archived_at IS NULL
    WHERE r.workspace_id = $1 AND (r.due_at, r.contact_id) > ($2, $3)
    ORDER BY r.due_at, r.contact_id LIMIT $4"
));

static COUNT_DUE: Sql = Sql::Same(
    "
    SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM reminders r
        JOIN contacts c ON c.workspace_id = r.workspace_id AND c.contact_id = r.contact_id AND c.deleted_at IS NULL
        WHERE r.workspace_id = $1 AND r.due_at <= $2 LIMIT $3) AS found",
);

static UNTOLD: Sql = Sql::Same(
    "
    SELECT workspace_id, contact_id FROM reminders WHERE told_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2",
);

static TELL: Sql = Sql::Same(
    "
    UPDATE reminders SET told_at = $3
    WHERE workspace_id = $1 AND contact_id = $2 AND told_at IS NULL AND due_at <= $3",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("reminders::FIND", &FIND),
    ("reminders::PUT", &PUT),
    ("reminders::REMOVE", &REMOVE),
    ("reminders::PAGE", &PAGE),
    ("reminders::COUNT_DUE", &COUNT_DUE),
    ("reminders::UNTOLD", &UNTOLD),
    ("reminders::TELL", &TELL),
];

fn read(row: &Row) -> Result<Reminder, DbError> {
    Ok(Reminder {
        contact: ContactId(row.int(0)?),
        due_at: json::timestamp(row.int(1)?)?,
        note: row.text(2)?.to_owned(),
        workflow: row.opt_int(3)?.map(WorkflowId),
        author: row.text(4)?.to_owned(),
        created_at: json::timestamp(row.int(5)?)?,
        told_at: json::timestamp_or_none(row.opt_int(6)?)?,
    })
}

/// The reminder of a contact.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<Option<Reminder>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), contact.0.into()])?.as_ref().map(read).transpose()
}

/// Sets the reminder of a contact, in place of the one that it has.
pub fn put(tx: &mut Tx<'_>, workspace: WorkspaceId, reminder: &Reminder) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        reminder.contact.0.into(),
        json::micros(reminder.due_at).into(),
        reminder.note.as_str().into(),
        reminder.workflow.map(|workflow| workflow.0).into(),
        reminder.author.as_str().into(),
        json::micros(reminder.created_at).into(),
    ];
    tx.execute(&PUT, &params).map(|_| ())
}

/// Takes it away; false if there is none.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<bool, DbError> {
    Ok(tx.execute(&REMOVE, &[workspace.0.into(), contact.0.into()])? == 1)
}

/// Those of contacts that are there, the earliest first, after the given place; at most so many.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    after: (Timestamp, ContactId),
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let params = [workspace.0.into(), json::micros(after.0).into(), after.1.0.into(), limit.into()];
    let listed = |row: &Row| {
        let workflow = row.opt_text(9)?.map(str::to_owned);
        Ok(Listed { reminder: read(row)?, name: row.text(7)?.to_owned(), phone: row.text(8)?.to_owned(), workflow })
    };
    db.query(&PAGE, &params)?.iter().map(listed).collect()
}

/// How many are due, up to a limit.
pub fn count_due(db: &Read<'_>, workspace: WorkspaceId, now: Timestamp, limit: i64) -> Result<i64, DbError> {
    db.query_one(&COUNT_DUE, &[workspace.0.into(), json::micros(now).into(), limit.into()])?.int(0)
}

/// Those of all workspaces that are due and were not told; the oldest first.
pub fn untold(db: &Read<'_>, now: Timestamp, limit: i64) -> Result<Vec<(WorkspaceId, ContactId)>, DbError> {
    let row = |row: &Row| Ok((WorkspaceId(row.int(0)?), ContactId(row.int(1)?)));
    db.query(&UNTOLD, &[json::micros(now).into(), limit.into()])?.iter().map(row).collect()
}

/// Marks one as told; false if another node was faster, or it is not due any more.
pub fn tell(tx: &mut Tx<'_>, workspace: WorkspaceId, contact: ContactId, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&TELL, &[workspace.0.into(), contact.0.into(), json::micros(now).into()])? == 1)
}
