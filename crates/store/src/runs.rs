//! Who is in which workflow: a row for each enrollment that runs, made with it and gone with its end, in the same transaction.
//!
//! **One at a time.** Its key lets no contact be in two workflows: of two starts at once the second fails.
//! What runs is found by these rows. Indexes over the enrollments themselves would do, but PostgreSQL writes each entry of a row anew
//! with every claim and every settling (`docs/decisions/0048`).

use domain::ids::{ContactId, EnrollmentId, WorkflowId, WorkspaceId};

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx};

static BEGIN: Each<2> = Each(Sql::Twin {
    sqlite: "INSERT INTO runs (workspace_id, workflow_id, enrollment_id, contact_id) VALUES ($1, $2, $3, $4)",
    postgres: "
        INSERT INTO runs (workspace_id, workflow_id, enrollment_id, contact_id)
        SELECT $1, $2, id, contact FROM UNNEST($3::BIGINT[], $4::BIGINT[]) AS t (id, contact)",
});

static END: Sql = Sql::Twin {
    sqlite: "
        DELETE FROM runs
        WHERE workspace_id = $1 AND (contact_id, enrollment_id) IN (
            SELECT e.contact_id, e.enrollment_id FROM enrollments e
            WHERE e.workspace_id = $1 AND e.enrollment_id IN (SELECT value FROM json_each($2)))",
    postgres: "
        DELETE FROM runs
        USING enrollments e
        WHERE e.workspace_id = $1 AND e.enrollment_id = ANY ($2::BIGINT[])
          AND runs.workspace_id = $1 AND runs.contact_id = e.contact_id AND runs.enrollment_id = e.enrollment_id",
};

static OF: Sql = Sql::Twin {
    sqlite: "
        SELECT r.contact_id, r.enrollment_id, e.next_step, w.name
        FROM runs r
        JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
        JOIN workflows w ON w.workspace_id = r.workspace_id AND w.workflow_id = r.workflow_id
        WHERE r.workspace_id = $1 AND r.contact_id IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT r.contact_id, r.enrollment_id, e.next_step, w.name
        FROM runs r
        JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
        JOIN workflows w ON w.workspace_id = r.workspace_id AND w.workflow_id = r.workflow_id
        WHERE r.workspace_id = $1 AND r.contact_id = ANY ($2::BIGINT[])",
};

static COUNT: Sql = Sql::Same("SELECT COUNT(*) FROM runs WHERE workspace_id = $1 AND workflow_id = $2");

static DRIFTED: Sql = Sql::Same(
    "
    SELECT e.enrollment_id FROM enrollments e
    WHERE e.workspace_id = $1 AND e.state = 'active' AND NOT EXISTS (
        SELECT 1 FROM runs r
        WHERE r.workspace_id = $1 AND r.contact_id = e.contact_id
          AND r.enrollment_id = e.enrollment_id AND r.workflow_id = e.workflow_id)
    UNION ALL
    SELECT r.enrollment_id FROM runs r
    WHERE r.workspace_id = $1 AND NOT EXISTS (
        SELECT 1 FROM enrollments e
        WHERE e.workspace_id = $1 AND e.enrollment_id = r.enrollment_id AND e.contact_id = r.contact_id
          AND e.workflow_id = r.workflow_id AND e.state = 'active')",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("runs::BEGIN", &BEGIN.0),
    ("runs::END", &END),
    ("runs::OF", &OF),
    ("runs::COUNT", &COUNT),
    ("runs::DRIFTED", &DRIFTED),
];

/// Puts contacts into a workflow. One that is in a workflow already makes it fail as a whole.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    rows: impl IntoIterator<Item = (EnrollmentId, ContactId)>,
) -> Result<(), DbError> {
    let rows = rows.into_iter().map(|(id, contact)| [id.0.into(), contact.0.into()]);
    tx.run_each(&BEGIN, &[workspace.0.into(), workflow.0.into()], rows)
}

/// Takes the contacts of these enrollments, which have ended, out of their workflows.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ended: impl IntoIterator<Item = EnrollmentId>,
) -> Result<(), DbError> {
    let mut ended = ended.into_iter().map(|id| id.0).peekable();
    if ended.peek().is_none() {
        return Ok(());
    }
    tx.run(&END, &[workspace.0.into(), json::list(ended)])
}

/// The enrollment in which a contact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose.
    pub contact: ContactId,
    /// Which.
    pub id: EnrollmentId,
    /// The step that comes next, from 1.
    pub next_step: u8,
    /// The workflow's name.
    pub workflow: String,
}

/// The running enrollments of these contacts.
pub fn of(db: &Read<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<Vec<Run>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let run = |row: &Row| {
        Ok(Run {
            contact: ContactId(row.int(0)?),
            id: EnrollmentId(row.int(1)?),
            next_step: json::small(row.int(2)?)?,
            workflow: row.text(3)?.to_owned(),
        })
    };
    db.query(&OF, &[workspace.0.into(), list])?.iter().map(run).collect()
}

/// How many contacts are moving through a workflow.
pub fn count(db: &Read<'_>, workspace: WorkspaceId, workflow: WorkflowId) -> Result<i64, DbError> {
    db.query_one(&COUNT, &[workspace.0.into(), workflow.0.into()])?.int(0)
}

/// Enrollments that run and are not here, or are here and do not run: none, unless something is broken.
pub fn drifted(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<EnrollmentId>, DbError> {
    db.query(&DRIFTED, &[workspace.0.into()])?.iter().map(|row| row.int(0).map(EnrollmentId)).collect()
}
