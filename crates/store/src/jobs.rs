//! Bulk jobs: work on many contacts, or on all that there is of one person. A job's progress moves in the transaction of
//! the chunk that it counts, so an interrupted job goes on where it was and does nothing twice.

use domain::ids::{ContactId, JobId, WorkspaceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// What it does: `enroll`, `withdraw`, `contacts` or `erase`.
    pub kind: String,
    /// `running` or `done`.
    pub state: String,
    /// What it is to do, as a document.
    pub payload: String,
    /// The last item that is done.
    pub cursor: i64,
    /// How many items it has.
    pub total: i64,
    /// How many were started or stored.
    pub started: i64,
    /// How many were refused.
    pub refused: i64,
    /// Who began it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it moved last.
    pub updated_at: Timestamp,
}

/// The outcome of an item that was started; every other outcome is a list of refusals.
pub const STARTED: &str = "started";

/// One thing that a job works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its place in the job, from 1.
    pub item: i64,
    /// The contact that it is about.
    pub contact: Option<i64>,
    /// What became of it, as a document; nothing while it waits.
    pub outcome: Option<String>,
}

macro_rules! columns {
    () => {
        "job_id, kind, state, payload, cursor, total, started, refused, actor, created_at, updated_at"
    };
}

static FIND: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM jobs WHERE workspace_id = $1 AND job_id = $2"));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM jobs WHERE workspace_id = $1 AND job_id = $2"),
    postgres: concat!("SELECT ", columns!(), " FROM jobs WHERE workspace_id = $1 AND job_id = $2 FOR UPDATE"),
};

static RUNNING: Sql = Sql::Same(
    "
    SELECT workspace_id, job_id FROM jobs
    WHERE state = 'running' AND kind = $1 AND updated_at <= $2 AND job_id > $3
    ORDER BY job_id
    LIMIT $4",
);

static RUNNING_IN: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM jobs WHERE workspace_id = $1 AND state = 'running' AND kind = $2 ORDER BY job_id"
));

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO jobs (workspace_id, job_id, kind, state, payload, cursor, total, started, refused, actor, created_at,
        updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
);

static SAVE: Sql = Sql::Same(
    "
    UPDATE jobs SET state = $3, cursor = $4, started = $5, refused = $6, updated_at = $7
    WHERE workspace_id = $1 AND job_id = $2",
);

static TAKE_OVER: Sql = Sql::Same(
    "
    UPDATE jobs SET updated_at = $4
    WHERE workspace_id = $1 AND job_id = $2 AND state = 'running' AND updated_at <= $3",
);

static ADD_ITEMS: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO job_items (workspace_id, job_id, item, contact_id, outcome)
        SELECT $1, $2, value ->> 'item', value ->> 'contact', value ->> 'outcome' FROM json_each($3)",
    postgres: "
        INSERT INTO job_items (workspace_id, job_id, item, contact_id, outcome)
        SELECT $1, $2, item, contact, outcome
        FROM jsonb_to_recordset($3::text::jsonb) AS t (item BIGINT, contact BIGINT, outcome TEXT)",
};

static SET_ITEMS: Sql = Sql::Twin {
    sqlite: "
        UPDATE job_items SET outcome = j.value ->> 'outcome'
        FROM json_each($3) AS j
        WHERE job_items.workspace_id = $1 AND job_items.job_id = $2 AND job_items.item = j.value ->> 'item'",
    postgres: "
        UPDATE job_items SET outcome = t.outcome
        FROM jsonb_to_recordset($3::text::jsonb) AS t (item BIGINT, contact BIGINT, outcome TEXT)
        WHERE job_items.workspace_id = $1 AND job_items.job_id = $2 AND job_items.item = t.item",
};

static ITEMS: Sql = Sql::Same(
    "
    SELECT item, contact_id, outcome FROM job_items
    WHERE workspace_id = $1 AND job_id = $2 AND item > $3 ORDER BY item LIMIT $4",
);

static REFUSED: Sql = Sql::Same(
    "
    SELECT item, contact_id, outcome FROM job_items
    WHERE workspace_id = $1 AND job_id = $2 AND item > $3 AND outcome IS NOT NULL AND outcome <> $5
    ORDER BY item LIMIT $4",
);

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM jobs WHERE workspace_id = $1 AND job_id < $2 ORDER BY job_id DESC LIMIT $3"
));

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("jobs::FIND", &FIND),
    ("jobs::PAGE", &PAGE),
    ("jobs::REFUSED", &REFUSED),
    ("jobs::LOCK", &LOCK),
    ("jobs::RUNNING", &RUNNING),
    ("jobs::RUNNING_IN", &RUNNING_IN),
    ("jobs::INSERT", &INSERT),
    ("jobs::SAVE", &SAVE),
    ("jobs::TAKE_OVER", &TAKE_OVER),
    ("jobs::ADD_ITEMS", &ADD_ITEMS),
    ("jobs::SET_ITEMS", &SET_ITEMS),
    ("jobs::ITEMS", &ITEMS),
];

fn read(row: &Row) -> Result<Job, DbError> {
    Ok(Job {
        id: JobId(row.int(0)?),
        kind: row.text(1)?.to_owned(),
        state: row.text(2)?.to_owned(),
        payload: row.text(3)?.to_owned(),
        cursor: row.int(4)?,
        total: row.int(5)?,
        started: row.int(6)?,
        refused: row.int(7)?,
        actor: row.text(8)?.to_owned(),
        created_at: json::timestamp(row.int(9)?)?,
        updated_at: json::timestamp(row.int(10)?)?,
    })
}

/// One job.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: JobId) -> Result<Option<Job>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// The jobs of a workspace, newest first, before the given one.
pub fn page(db: &Read<'_>, workspace: WorkspaceId, before: JobId, limit: i64) -> Result<Vec<Job>, DbError> {
    db.query(&PAGE, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(read).collect()
}

/// One job, locked until the transaction ends: two nodes never work on one chunk.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, id: JobId) -> Result<Option<Job>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

/// The jobs of all workspaces that are not done and have not moved since a time. Of an index that holds running jobs only.
pub fn running(
    db: &Read<'_>,
    kind: &str,
    still_since: Timestamp,
    after: JobId,
    limit: i64,
) -> Result<Vec<(WorkspaceId, JobId)>, DbError> {
    let row = |row: &Row| Ok((WorkspaceId(row.int(0)?), JobId(row.int(1)?)));
    db.query(&RUNNING, &[kind.into(), json::micros(still_since).into(), after.0.into(), limit.into()])?
        .iter()
        .map(row)
        .collect()
}

/// The jobs of one workspace that are not done, oldest first.
pub fn running_in(db: &Read<'_>, workspace: WorkspaceId, kind: &str) -> Result<Vec<Job>, DbError> {
    db.query(&RUNNING_IN, &[workspace.0.into(), kind.into()])?.iter().map(read).collect()
}

/// Inserts a job.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, job: &Job) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        job.id.0.into(),
        job.kind.as_str().into(),
        job.state.as_str().into(),
        job.payload.as_str().into(),
        job.cursor.into(),
        job.total.into(),
        job.started.into(),
        job.refused.into(),
        job.actor.as_str().into(),
        json::micros(job.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites a job's progress.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, job: &Job) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        job.id.0.into(),
        job.state.as_str().into(),
        job.cursor.into(),
        job.started.into(),
        job.refused.into(),
        json::micros(job.updated_at).into(),
    ];
    tx.execute(&SAVE, &params).map(|_| ())
}

/// Takes over a job that has not moved since a time; false if it has, or another node took it over.
pub fn take_over(
    tx: &mut Tx<'_>,
    (workspace, id): (WorkspaceId, JobId),
    still_since: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = [workspace.0.into(), id.0.into(), json::micros(still_since).into(), json::micros(now).into()];
    Ok(tx.execute(&TAKE_OVER, &params)? == 1)
}

/// Adds items to a job.
pub fn add_items(tx: &mut Tx<'_>, workspace: WorkspaceId, id: JobId, items: &[Item]) -> Result<(), DbError> {
    tx.execute(&ADD_ITEMS, &[workspace.0.into(), id.0.into(), json::text(items)?.into()]).map(|_| ())
}

/// Writes what became of items.
pub fn set_items(tx: &mut Tx<'_>, workspace: WorkspaceId, id: JobId, items: &[Item]) -> Result<(), DbError> {
    if items.is_empty() {
        return Ok(());
    }
    tx.execute(&SET_ITEMS, &[workspace.0.into(), id.0.into(), json::text(items)?.into()]).map(|_| ())
}

/// The items of a job, in order, after the given one.
pub fn items(db: &Read<'_>, workspace: WorkspaceId, id: JobId, after: i64, limit: i64) -> Result<Vec<Item>, DbError> {
    db.query(&ITEMS, &[workspace.0.into(), id.0.into(), after.into(), limit.into()])?.iter().map(item).collect()
}

/// The items of a job that were refused, in order, after the given one.
pub fn refused(db: &Read<'_>, workspace: WorkspaceId, id: JobId, after: i64, limit: i64) -> Result<Vec<Item>, DbError> {
    let params = [workspace.0.into(), id.0.into(), after.into(), limit.into(), STARTED.into()];
    db.query(&REFUSED, &params)?.iter().map(item).collect()
}

fn item(row: &Row) -> Result<Item, DbError> {
    Ok(Item { item: row.int(0)?, contact: row.opt_int(1)?, outcome: row.opt_text(2)?.map(str::to_owned) })
}

/// The contact of an item.
#[must_use]
pub fn contact_of(item: &Item) -> Option<ContactId> {
    item.contact.map(ContactId)
}
