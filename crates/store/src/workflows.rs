//! Workflows and the steps of all their versions.

use domain::enrollment::StepPrice;
use domain::ids::{EnrollmentId, WorkflowId, WorkspaceId};
use domain::message::MessageState;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A workflow as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its identifier.
    pub id: WorkflowId,
    /// Its name.
    pub name: String,
    /// Its place in the workspace's order, from 1.
    pub position: i64,
    /// Counts the saves, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was saved last.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub archived_at: Option<Timestamp>,
}

/// One step of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    /// Its place, from 1.
    pub step: i64,
    /// Days since the message before.
    pub gap_days: i64,
    /// The text, in canonical form.
    pub template: String,
}

macro_rules! columns {
    () => {
        "workflow_id, name, position, version, created_at, updated_at, archived_at"
    };
}

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND workflow_id = $2"));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND workflow_id = $2"),
    postgres: concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND workflow_id = $2 FOR UPDATE"),
};

static SHARE: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND workflow_id = $2"),
    postgres: concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND workflow_id = $2 FOR SHARE"),
};

static LIST: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM workflows WHERE workspace_id = $1 AND archived_at IS NULL ORDER BY position, workflow_id"
));

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO workflows (workspace_id, workflow_id, name, name_key, position, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, 1, $6, $6)",
);

static SAVE: Sql = Sql::Same(
    "
    UPDATE workflows SET name = $3, name_key = $4, version = $5, updated_at = $6
    WHERE workspace_id = $1 AND workflow_id = $2 AND archived_at IS NULL",
);

static PLACE: Sql = Sql::Same("UPDATE workflows SET position = $3 WHERE workspace_id = $1 AND workflow_id = $2");

static ARCHIVE: Sql = Sql::Same(
    "
    UPDATE workflows SET archived_at = $3, updated_at = $3
    WHERE workspace_id = $1 AND workflow_id = $2 AND archived_at IS NULL",
);

static STEPS: Sql = Sql::Same(
    "
    SELECT step, gap_days, template FROM workflow_steps
    WHERE workspace_id = $1 AND workflow_id = $2 AND version = $3 ORDER BY step",
);

static INSERT_STEP: Sql = Sql::Same(
    "
    INSERT INTO workflow_steps (workspace_id, workflow_id, version, step, gap_days, template)
    VALUES ($1, $2, $3, $4, $5, $6)",
);

static ACTIVE: Sql = Sql::Same(
    "
    SELECT workflow_id, COUNT(*) FROM runs WHERE workspace_id = $1 GROUP BY workflow_id",
);

static NAMED: Sql = Sql::Same(
    "
    SELECT workflow_id FROM workflows WHERE workspace_id = $1 AND name_key = $2 AND archived_at IS NULL",
);

static SUMS: Sql = Sql::Same(
    "
    SELECT w.workflow_id, COUNT(s.step), CAST(SUM(s.gap_days) AS BIGINT)
    FROM workflows w
    JOIN workflow_steps s
        ON s.workspace_id = w.workspace_id AND s.workflow_id = w.workflow_id AND s.version = w.version
    WHERE w.workspace_id = $1 AND w.archived_at IS NULL
    GROUP BY w.workflow_id",
);

static TEXTS: Sql = Sql::Same(
    "
    SELECT w.workflow_id, w.name, s.template
    FROM workflows w
    JOIN workflow_steps s
        ON s.workspace_id = w.workspace_id AND s.workflow_id = w.workflow_id AND s.version = w.version
    WHERE w.workspace_id = $1 AND w.archived_at IS NULL
    ORDER BY w.position, w.workflow_id, s.step",
);

static RUNNING: Sql = Sql::Same(
    "
    SELECT e.enrollment_id, e.prices, e.next_step, CASE WHEN e.claimed_at IS NULL THEN m.state ELSE 'sending' END
    FROM runs r
    JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
    LEFT JOIN messages m ON m.workspace_id = e.workspace_id AND m.message_id = e.message_id
    WHERE r.workspace_id = $1 AND r.workflow_id = $2",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("workflows::FIND", &FIND),
    ("workflows::LOCK", &LOCK),
    ("workflows::SHARE", &SHARE),
    ("workflows::LIST", &LIST),
    ("workflows::INSERT", &INSERT),
    ("workflows::SAVE", &SAVE),
    ("workflows::PLACE", &PLACE),
    ("workflows::ARCHIVE", &ARCHIVE),
    ("workflows::STEPS", &STEPS),
    ("workflows::INSERT_STEP", &INSERT_STEP),
    ("workflows::ACTIVE", &ACTIVE),
    ("workflows::NAMED", &NAMED),
    ("workflows::SUMS", &SUMS),
    ("workflows::TEXTS", &TEXTS),
    ("workflows::RUNNING", &RUNNING),
];

fn read(row: &Row) -> Result<Workflow, DbError> {
    Ok(Workflow {
        id: WorkflowId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        position: row.int(2)?,
        version: row.int(3)?,
        created_at: json::timestamp(row.int(4)?)?,
        updated_at: json::timestamp(row.int(5)?)?,
        archived_at: json::timestamp_or_none(row.opt_int(6)?)?,
    })
}

/// One workflow, archived or not.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: WorkflowId) -> Result<Option<Workflow>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// One workflow, locked for a change of it until the transaction ends.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, id: WorkflowId) -> Result<Option<Workflow>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

/// One workflow, kept from changing until the transaction ends; several may hold it so. Enrolling does.
pub fn keep(tx: &mut Tx<'_>, workspace: WorkspaceId, id: WorkflowId) -> Result<Option<Workflow>, DbError> {
    tx.query_write(&SHARE, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

/// All workflows that are not archived, in the workspace's order.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Workflow>, DbError> {
    db.query(&LIST, &[workspace.0.into()])?.iter().map(read).collect()
}

/// Inserts a workflow at version 1. A name that is taken is a constraint error.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, workflow: &Workflow, key: &str) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        workflow.id.0.into(),
        workflow.name.as_str().into(),
        key.into(),
        workflow.position.into(),
        json::micros(workflow.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites name and version. A name that is taken is a constraint error.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, workflow: &Workflow, key: &str) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        workflow.id.0.into(),
        workflow.name.as_str().into(),
        key.into(),
        workflow.version.into(),
        json::micros(workflow.updated_at).into(),
    ];
    tx.execute(&SAVE, &params).map(|_| ())
}

/// Puts workflows into this order.
pub fn order(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[WorkflowId]) -> Result<(), DbError> {
    for (position, id) in (1i64..).zip(ids) {
        tx.execute(&PLACE, &[workspace.0.into(), id.0.into(), position.into()])?;
    }
    Ok(())
}

/// Archives a workflow.
pub fn archive(tx: &mut Tx<'_>, workspace: WorkspaceId, id: WorkflowId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(&ARCHIVE, &[workspace.0.into(), id.0.into(), json::micros(now).into()]).map(|_| ())
}

/// A message of a workflow as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Whose.
    pub workflow: WorkflowId,
    /// Its name.
    pub name: String,
    /// The text, in canonical form.
    pub template: String,
}

/// The messages of all workflows that are not archived, in the workspace's order.
pub fn texts(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Text>, DbError> {
    let text = |row: &Row| {
        let (name, template) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        Ok(Text { workflow: WorkflowId(row.int(0)?), name, template })
    };
    db.query(&TEXTS, &[workspace.0.into()])?.iter().map(text).collect()
}

/// The steps of one version, in order.
pub fn steps(db: &Read<'_>, workspace: WorkspaceId, id: WorkflowId, version: i64) -> Result<Vec<StepRow>, DbError> {
    let step = |row: &Row| Ok(StepRow { step: row.int(0)?, gap_days: row.int(1)?, template: row.text(2)?.to_owned() });
    db.query(&STEPS, &[workspace.0.into(), id.0.into(), version.into()])?.iter().map(step).collect()
}

/// Inserts the steps of a new version.
pub fn insert_steps(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: WorkflowId,
    version: i64,
    steps: &[StepRow],
) -> Result<(), DbError> {
    for step in steps {
        let params = [
            workspace.0.into(),
            id.0.into(),
            version.into(),
            step.step.into(),
            step.gap_days.into(),
            step.template.as_str().into(),
        ];
        tx.execute(&INSERT_STEP, &params)?;
    }
    Ok(())
}

/// How many contacts are moving through each workflow that has any.
pub fn active_counts(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(WorkflowId, i64)>, DbError> {
    let count = |row: &Row| Ok((WorkflowId(row.int(0)?), row.int(1)?));
    db.query(&ACTIVE, &[workspace.0.into()])?.iter().map(count).collect()
}

/// The workflow of this name among those not archived; `key` is the name as it is compared.
pub fn named(db: &Read<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<WorkflowId>, DbError> {
    let row = db.query_optional(&NAMED, &[workspace.0.into(), key.into()])?;
    row.map(|row| row.int(0).map(WorkflowId)).transpose()
}

/// How many steps the current version of a workflow has, and how many days they span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepSum {
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// How many steps.
    pub steps: i64,
    /// The sum of their gaps.
    pub days: i64,
}

/// The sums of all workflows that have steps and are not archived.
pub fn step_sums(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<StepSum>, DbError> {
    let sum = |row: &Row| Ok(StepSum { workflow: WorkflowId(row.int(0)?), steps: row.int(1)?, days: row.int(2)? });
    db.query(&SUMS, &[workspace.0.into()])?.iter().map(sum).collect()
}

/// A running enrollment, with what its end would give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPrice {
    /// Which.
    pub id: EnrollmentId,
    /// The price of each step.
    pub prices: Vec<StepPrice>,
    /// The step that comes next, from 1.
    pub next_step: u8,
    /// The state of that step's message, if it was claimed.
    pub message: Option<MessageState>,
}

/// Gives each running enrollment of a workflow to `each`. No statement may run in it.
pub fn for_each_running(
    db: &Read<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    mut each: impl FnMut(RunningPrice),
) -> Result<(), DbError> {
    db.for_each(&RUNNING, &[workspace.0.into(), workflow.0.into()], |row| {
        let state = row
            .opt_text(3)?
            .map(|word| MessageState::from_word(word).ok_or_else(|| json::unreadable("messages.state", word)));
        each(RunningPrice {
            id: EnrollmentId(row.int(0)?),
            prices: json::read(row.text(1)?)?,
            next_step: json::small(row.int(2)?)?,
            message: state.transpose()?,
        });
        Ok(())
    })
}
