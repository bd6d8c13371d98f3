//! Stopping what runs: the fence's other half.

use domain::enrollment::StopReason;
use domain::ids::{EnrollmentId, WorkspaceId};
use domain::tally::{Count, What};
use jiff::Timestamp;

use crate::{DbError, Later, Row, Sql, Tx, conversations, json, runs, tallies};

pub(super) static STOP: Sql = Sql::Twin {
    sqlite: "
        UPDATE enrollments SET state = 'stopped', reason = $3, ended_at = $4, due_at = NULL,
            stopped_after = CASE WHEN due_at IS NULL THEN next_step WHEN hour_minute IS NULL THEN 0 ELSE next_step - 1 END
        WHERE workspace_id = $1 AND state = 'active' AND enrollment_id IN (SELECT value FROM json_each($2))
        RETURNING enrollment_id, workflow_id, stopped_after",
    postgres: "
        UPDATE enrollments SET state = 'stopped', reason = $3, ended_at = $4, due_at = NULL,
            stopped_after = CASE WHEN due_at IS NULL THEN next_step WHEN hour_minute IS NULL THEN 0 ELSE next_step - 1 END
        WHERE workspace_id = $1 AND state = 'active'
          AND enrollment_id = ANY ($2::BIGINT[])
        RETURNING enrollment_id, workflow_id, stopped_after",
};

/// Enrollments that are being stopped: which were still active, with their workflow and the step that their end counts for.
#[must_use = "which of them were stopped is known once it was heard"]
pub struct Stopping {
    stopped: Later<Vec<(EnrollmentId, i64, i64)>>,
    reason: StopReason,
    at: Timestamp,
}

/// Stops those of these enrollments, which the transaction has locked, that are still active; [`stopped`] says which.
pub fn stop(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ids: &[EnrollmentId],
    reason: StopReason,
    at: Timestamp,
) -> Result<Stopping, DbError> {
    let list = json::list(ids.iter().map(|id| id.0));
    let params = [workspace.0.into(), list, reason.word().into(), json::micros(at).into()];
    let read = |rows: Vec<Row>| {
        rows.iter().map(|row| Ok((EnrollmentId(row.int(0)?), row.int(1)?, row.int(2)?))).collect::<Result<_, _>>()
    };
    let stopped = tx.query_later(&STOP, &params, read)?;
    runs::end(tx, workspace, ids.iter().copied())?;
    conversations::leave(tx, workspace, ids.iter().copied())?;
    Ok(Stopping { stopped, reason, at })
}

/// Which were stopped.
pub fn stopped(tx: &mut Tx<'_>, workspace: WorkspaceId, stopping: Stopping) -> Result<Vec<EnrollmentId>, DbError> {
    let Stopping { stopped, reason, at } = stopping;
    let stopped = tx.heard(stopped)?;
    for (_, workflow, after) in &stopped {
        tallies::count(tx, workspace, at, (*workflow, *after), What::Ended(reason), Count::one(0))?;
    }
    Ok(stopped.into_iter().map(|(id, ..)| id).collect())
}
