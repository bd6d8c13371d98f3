//! What is planned from each number: the next steps of all that runs, for the forecast of a start of many.

use domain::ids::{NumberId, WorkflowId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql};

/// Steps of one workflow that are due from one number in the same hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// From which number.
    pub number: NumberId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// In which version of it.
    pub version: i64,
    /// Which step, from 1.
    pub next_step: u8,
    /// When that hour begins.
    pub due_at: Timestamp,
    /// How many.
    pub count: i64,
}

static PLANNED: Sql = Sql::Same(
    "
    SELECT number_id, workflow_id, version, next_step, due_at / 3600000000, COUNT(*) FROM enrollments
    WHERE workspace_id = $1 AND due_at IS NOT NULL
    GROUP BY number_id, workflow_id, version, next_step, due_at / 3600000000",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("planned::PLANNED", &PLANNED)];

/// The next steps of all running enrollments, but for those on their way: from the index of what is due alone.
pub fn all(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Planned>, DbError> {
    let planned = |row: &Row| {
        Ok(Planned {
            number: NumberId(row.int(0)?),
            workflow: WorkflowId(row.int(1)?),
            version: row.int(2)?,
            next_step: json::small(row.int(3)?)?,
            due_at: json::timestamp(row.int(4)?.saturating_mul(3_600_000_000))?,
            count: row.int(5)?,
        })
    };
    db.query(&PLANNED, &[workspace.0.into()])?.iter().map(planned).collect()
}
