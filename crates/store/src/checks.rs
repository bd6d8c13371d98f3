//! When the books and the history of a workspace are checked, and what the last check found. Who checks is `engine::checks`.

use domain::ids::WorkspaceId;
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, Tx, json};

static DUE: Sql = Sql::Same(
    "
    SELECT w.workspace_id, c.due_at
    FROM workspaces w
    LEFT JOIN self_checks c ON c.workspace_id = w.workspace_id
    WHERE w.workspace_id > $1 AND (c.due_at IS NULL OR c.due_at <= $2)
    ORDER BY w.workspace_id LIMIT $3",
);

static PLAN: Sql = Sql::Same(
    "
    INSERT INTO self_checks (workspace_id, due_at, planned_at, checked_at, ledger_faults, history_faults)
    VALUES ($1, $2, $3, NULL, 0, 0)
    ON CONFLICT (workspace_id) DO NOTHING",
);

static TAKE: Sql = Sql::Same("UPDATE self_checks SET due_at = $3 WHERE workspace_id = $1 AND due_at <= $2");

static FINISH: Sql = Sql::Same(
    "
    UPDATE self_checks SET checked_at = $2, due_at = $3, ledger_faults = $4, history_faults = $5
    WHERE workspace_id = $1",
);

static STATE: Sql = Sql::Same(
    "
    SELECT MIN(COALESCE(checked_at, planned_at)), CAST(COALESCE(SUM(ledger_faults), 0) AS BIGINT),
        CAST(COALESCE(SUM(history_faults), 0) AS BIGINT)
    FROM self_checks",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("checks::DUE", &DUE),
    ("checks::PLAN", &PLAN),
    ("checks::TAKE", &TAKE),
    ("checks::FINISH", &FINISH),
    ("checks::STATE", &STATE),
];

/// A workspace whose check is due, or was never planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// Whether a check is planned at all.
    pub is_planned: bool,
}

/// What all checks say together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// When the workspace that has waited longest was checked last, or its first check was planned.
    pub oldest: Option<Timestamp>,
    /// Faults in the books that the last checks found.
    pub ledger_faults: i64,
    /// Faults in the history that they found.
    pub history_faults: i64,
}

/// Workspaces after the given one whose check is due or was never planned, at most so many.
pub fn due(db: &Read<'_>, after: WorkspaceId, now: Timestamp, limit: i64) -> Result<Vec<Due>, DbError> {
    let due = |row: &Row| Ok(Due { workspace: WorkspaceId(row.int(0)?), is_planned: row.opt_int(1)?.is_some() });
    db.query(&DUE, &[after.0.into(), json::micros(now).into(), limit.into()])?.iter().map(due).collect()
}

/// Plans the first check of a workspace.
pub fn plan(tx: &mut Tx<'_>, workspace: WorkspaceId, due_at: Timestamp, now: Timestamp) -> Result<(), DbError> {
    let params = [workspace.0.into(), json::micros(due_at).into(), json::micros(now).into()];
    tx.execute(&PLAN, &params).map(drop)
}

/// Takes a check that is due, so that no other node does; it is due again at the given time if it is not finished until then.
pub fn take(tx: &mut Tx<'_>, workspace: WorkspaceId, now: Timestamp, again: Timestamp) -> Result<bool, DbError> {
    let params = [workspace.0.into(), json::micros(now).into(), json::micros(again).into()];
    Ok(tx.execute(&TAKE, &params)? == 1)
}

/// Keeps what a check found, the faults of the books and of the history, and when the next one is due.
pub fn finish(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (now, next): (Timestamp, Timestamp),
    (ledger, history): (i64, i64),
) -> Result<(), DbError> {
    let params =
        [workspace.0.into(), json::micros(now).into(), json::micros(next).into(), ledger.into(), history.into()];
    tx.execute(&FINISH, &params).map(drop)
}

/// What all checks say together.
pub fn state(db: &Read<'_>) -> Result<Checked, DbError> {
    let row = db.query_one(&STATE, &[])?;
    Ok(Checked {
        oldest: json::timestamp_or_none(row.opt_int(0)?)?,
        ledger_faults: row.int(1)?,
        history_faults: row.int(2)?,
    })
}
