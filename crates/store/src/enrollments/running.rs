//! What runs of contacts, locked.

use domain::ids::{ContactId, WorkspaceId};

use super::{Enrollment, read_all};
use crate::contacts::kin::kin_of_phones;
use crate::{DbError, Sql, Tx, Value, json, tallies};

pub(super) static LOCK: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM enrollments e
          WHERE e.workspace_id = $1 AND e.state = 'active' AND e.enrollment_id IN (
            SELECT r.enrollment_id FROM runs r
            WHERE r.workspace_id = $1 AND r.contact_id IN (SELECT value FROM json_each($2)))
          ORDER BY e.enrollment_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM enrollments e
          WHERE e.workspace_id = $1 AND e.state = 'active' AND e.enrollment_id = ANY (ARRAY(
            SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = ANY ($2::BIGINT[])))
          ORDER BY e.enrollment_id FOR UPDATE"
    ),
};

pub(super) static LOCK_BY_PHONES: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM enrollments e
          WHERE e.workspace_id = $1 AND e.state = 'active' AND e.enrollment_id IN (
            SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id IN (",
        kin_of_phones!(sqlite),
        ")) ORDER BY e.enrollment_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM enrollments e
          WHERE e.workspace_id = $1 AND e.state = 'active' AND e.enrollment_id = ANY (ARRAY(
            SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = ANY (ARRAY(",
        kin_of_phones!(postgres),
        ")))) ORDER BY e.enrollment_id FOR UPDATE"
    ),
};

/// What runs of these contacts, which the transaction has locked: locked until it ends, too, in the order of their keys.
pub fn lock_running(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contacts: &[ContactId],
) -> Result<Vec<Enrollment>, DbError> {
    locked(tx, workspace, &LOCK, json::list(contacts.iter().map(|id| id.0)))
}

/// What runs of the contacts with these phones and of those of the same persons, as it is now, whoever they are: locked until the transaction
/// ends, in the order of their keys.
pub fn lock_running_by_phones(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    phones: &[&str],
) -> Result<Vec<Enrollment>, DbError> {
    locked(tx, workspace, &LOCK_BY_PHONES, json::texts(phones))
}

fn locked(tx: &mut Tx<'_>, workspace: WorkspaceId, sql: &Sql, whose: Value) -> Result<Vec<Enrollment>, DbError> {
    let rows = read_all(tx, sql, &[workspace.0.into(), whose])?;
    tallies::of_workflows(tx, workspace, &rows);
    Ok(rows)
}
