//! Enrollments: one row from start to end.
//!
//! **The fence.** A claim and a stop meet on the row of the enrollment: [`claim`](crate::claims::claim) and [`stop`] both
//! carry `state = 'active'`, and on PostgreSQL both lock the row first. Whoever commits first wins.
//!
//! | column | meaning |
//! |---|---|
//! | `next_step` | the step that comes next, from 1; while `message_id` is set, the step that is on its way |
//! | `due_at` | when that step is due, or its retry; nothing while a message is with the carrier |
//! | `stopped_after` | the last step that was tried before the stop: fixed then, while `next_step` may still follow a text that was on its way |
//! | `message_id` | the message of `next_step`, from its claim until it is settled |
//! | `claimed_at` | when `next_step` was claimed for its first try, from then until it is settled: see [`on_the_way`](crate::on_the_way) |
//! | `hour_minute` | minute of the local day at which the following messages go out; set by the first send |

use std::sync::Arc;

use domain::enrollment::{self, EnrollmentState, StepPrice};
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, WorkflowId, WorkspaceId};
use domain::money::Micros;
use domain::tally::{Count, What};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, Value, runs, tallies};

pub mod stopping;

pub use running::{lock_running, lock_running_by_phones};
pub use stopping::{Stopping, stop, stopped};

/// Where the contact of an enrollment may be, and how its texts are written: frozen at its start. Stored as a list in this order:
/// with the names of its parts beside them, as it was once written and is still read, each waiting row is 47 bytes longer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// Names of the candidate time zones.
    pub zones: Vec<String>,
    /// The one of them whose clock is shown.
    pub primary: String,
    /// Codes of the rules in force.
    pub rules: Vec<String>,
    /// Where the zone came from.
    pub source: String,
    /// Whether look-alike characters are replaced: `on` or `off`.
    pub smart: String,
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.zones, &self.primary, &self.rules, &self.source, &self.smart).serialize(serializer)
    }
}

/// An enrollment as it is stored, but for its frozen field values: see [`values`].
#[derive(Debug, Clone, PartialEq)]
pub struct Enrollment {
    /// Its identifier.
    pub id: EnrollmentId,
    /// Whose.
    pub contact: ContactId,
    /// Through which workflow.
    pub workflow: WorkflowId,
    /// In which version of it.
    pub version: i64,
    /// Where it is.
    pub state: EnrollmentState,
    /// From which number.
    pub number: NumberId,
    /// The frozen place; one for all in an answer that have the same.
    pub place: Arc<Place>,
    /// The price of each step; nothing for those before the one with which it started (`domain::enrollment::first_step`).
    pub prices: Arc<Vec<StepPrice>>,
    /// Price of a segment beyond the credits.
    pub rate: Micros,
    /// The step that comes next, from 1.
    pub next_step: u8,
    /// When it is due; nothing while its message is with the carrier.
    pub due_at: Option<Timestamp>,
    /// The message of that step, once it was claimed.
    pub message: Option<MessageId>,
    /// Minute of the local day for the following messages.
    pub hour_minute: Option<i64>,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The last step that was tried before it was stopped, 0 for none; nothing while it runs.
    pub stopped_after: Option<u8>,
    /// When its step was claimed, while that is on its way for the first time and has no message of its own: see [`on_the_way`](crate::on_the_way).
    pub claimed_at: Option<Timestamp>,
}

impl Enrollment {
    /// The step with which it started, from 1.
    #[must_use]
    pub fn first_step(&self) -> u8 {
        enrollment::first_step(&self.prices)
    }

    /// The step from which it would go on after its end, from 1.
    #[must_use]
    pub fn first_untried(&self) -> u8 {
        enrollment::first_untried(&self.prices, self.stopped_after)
    }
}

/// The columns of [`Enrollment`], in the order that `read` expects.
macro_rules! columns {
    () => {
        "e.enrollment_id, e.contact_id, e.workflow_id, e.version, e.state, e.reason, e.number_id, e.place, \
         e.prices, e.rate_micros, e.next_step, e.due_at, e.message_id, e.hour_minute, e.started_by, \
         e.started_at, e.ended_at, e.stopped_after, e.claimed_at"
    };
}

mod running;

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM enrollments e WHERE e.workspace_id = $1 AND e.enrollment_id = $2"));

static VALUES: Sql = Sql::Same("SELECT field_values FROM enrollments WHERE workspace_id = $1 AND enrollment_id = $2");

static OF_CONTACT: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM enrollments e
      WHERE e.workspace_id = $1 AND e.enrollment_id IN (
        SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = $2 AND r.enrollment_id < $3
        UNION ALL
        SELECT p.enrollment_id FROM (
            SELECT enrollment_id FROM enrollments
            WHERE workspace_id = $1 AND contact_id = $2 AND state <> 'active' AND enrollment_id < $3
            ORDER BY enrollment_id DESC LIMIT $4) AS p)
      ORDER BY e.enrollment_id DESC LIMIT $4"
));

static IN_WORKFLOW: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM runs r
      JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
      WHERE r.workspace_id = $1 AND r.workflow_id = $2 AND r.enrollment_id > $3
      ORDER BY r.enrollment_id LIMIT $4"
));

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM enrollments e WHERE e.workspace_id = $1 AND e.enrollment_id < $2 ORDER BY e.enrollment_id DESC LIMIT $3"
));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM enrollments e
          WHERE e.workspace_id = $1 AND e.enrollment_id IN (SELECT value FROM json_each($2)) ORDER BY e.enrollment_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM enrollments e
          WHERE e.workspace_id = $1
            AND e.enrollment_id = ANY ($2::BIGINT[])
          ORDER BY e.enrollment_id FOR UPDATE"
    ),
};

static CARDS: Sql = Sql::Twin {
    sqlite: "
        SELECT e.contact_id, e.enrollment_id, e.workflow_id, e.next_step, w.name, e.due_at,
            (SELECT COUNT(*) FROM workflow_steps s
             WHERE s.workspace_id = e.workspace_id AND s.workflow_id = e.workflow_id AND s.version = e.version)
        FROM runs r
        JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
        JOIN workflows w ON w.workspace_id = r.workspace_id AND w.workflow_id = r.workflow_id
        WHERE r.workspace_id = $1 AND r.contact_id IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT e.contact_id, e.enrollment_id, e.workflow_id, e.next_step, w.name, e.due_at,
            (SELECT COUNT(*) FROM workflow_steps s
             WHERE s.workspace_id = e.workspace_id AND s.workflow_id = e.workflow_id AND s.version = e.version)
        FROM runs r
        JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
        JOIN workflows w ON w.workspace_id = r.workspace_id AND w.workflow_id = r.workflow_id
        WHERE r.workspace_id = $1 AND r.contact_id = ANY ($2::BIGINT[])",
};

static INSERT: Each<7> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO enrollments (workspace_id, workflow_id, version, rate_micros, started_by, started_at, next_step,
            enrollment_id, contact_id, number_id, place, field_values, prices, due_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'active')",
    postgres: "
        INSERT INTO enrollments (workspace_id, workflow_id, version, rate_micros, started_by, started_at, next_step,
            enrollment_id, contact_id, number_id, place, field_values, prices, due_at, state)
        SELECT $1, $2, $3, $4, $5, $6, $7, id, contact, number, place, held, prices, due, 'active'
        FROM UNNEST($8::BIGINT[], $9::BIGINT[], $10::BIGINT[], $11::TEXT[], $12::TEXT[], $13::TEXT[], $14::BIGINT[])
            AS t (id, contact, number, place, held, prices, due)",
});

static ENDS: Sql = Sql::Same(
    "
    SELECT state, reason, COUNT(*) FROM enrollments WHERE workspace_id = $1 GROUP BY state, reason ORDER BY state, reason",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("enrollments::FIND", &FIND),
    ("enrollments::VALUES", &VALUES),
    ("enrollments::OF_CONTACT", &OF_CONTACT),
    ("enrollments::IN_WORKFLOW", &IN_WORKFLOW),
    ("enrollments::PAGE", &PAGE),
    ("enrollments::LOCK", &LOCK),
    ("enrollments::running::LOCK", &running::LOCK),
    ("enrollments::running::LOCK_BY_PHONES", &running::LOCK_BY_PHONES),
    ("enrollments::CARDS", &CARDS),
    ("enrollments::INSERT", &INSERT.0),
    ("enrollments::stopping::STOP", &stopping::STOP),
    ("enrollments::ENDS", &ENDS),
];

/// What the rows of one answer share.
pub(crate) struct Frozen {
    pub(crate) places: json::Shared<Place>,
    pub(crate) prices: json::Shared<Vec<StepPrice>>,
}

impl Frozen {
    pub(crate) fn new() -> Self {
        Self { places: json::Shared::new(), prices: json::Shared::new() }
    }
}

fn read(row: &Row, frozen: &mut Frozen) -> Result<Enrollment, DbError> {
    let state = EnrollmentState::from_words(row.text(4)?, row.opt_text(5)?);
    Ok(Enrollment {
        id: EnrollmentId(row.int(0)?),
        contact: ContactId(row.int(1)?),
        workflow: WorkflowId(row.int(2)?),
        version: row.int(3)?,
        state: state.ok_or_else(|| json::unreadable("enrollments.state", row.text(4).unwrap_or_default()))?,
        number: NumberId(row.int(6)?),
        place: frozen.places.read(row.text(7)?)?,
        prices: frozen.prices.read(row.text(8)?)?,
        rate: Micros(row.int(9)?),
        next_step: json::small(row.int(10)?)?,
        due_at: json::timestamp_or_none(row.opt_int(11)?)?,
        message: row.opt_int(12)?.map(MessageId),
        hour_minute: row.opt_int(13)?,
        started_by: row.text(14)?.to_owned(),
        started_at: json::timestamp(row.int(15)?)?,
        ended_at: json::timestamp_or_none(row.opt_int(16)?)?,
        stopped_after: row.opt_int(17)?.map(json::small).transpose()?,
        claimed_at: json::timestamp_or_none(row.opt_int(18)?)?,
    })
}

fn read_all(db: &Read<'_>, sql: &Sql, params: &[Value]) -> Result<Vec<Enrollment>, DbError> {
    let mut frozen = Frozen::new();
    db.query_map(sql, params, |row| read(row, &mut frozen))
}

/// One enrollment.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: EnrollmentId) -> Result<Option<Enrollment>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?;
    row.as_ref().map(|row| read(row, &mut Frozen::new())).transpose()
}

/// The frozen field values of an enrollment that is there: keys and values. [`Enrollment`] does not carry them, as nothing that is settled
/// needs them.
pub fn values(db: &Read<'_>, workspace: WorkspaceId, id: EnrollmentId) -> Result<Vec<(String, String)>, DbError> {
    json::read(db.query_one(&VALUES, &[workspace.0.into(), id.0.into()])?.text(0)?)
}

/// The enrollments of a contact, newest first, before the given one.
pub fn of_contact(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    before: EnrollmentId,
    limit: i64,
) -> Result<Vec<Enrollment>, DbError> {
    read_all(db, &OF_CONTACT, &[workspace.0.into(), contact.0.into(), before.0.into(), limit.into()])
}

/// All enrollments of a workspace, newest first, before the given one.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    before: EnrollmentId,
    limit: i64,
) -> Result<Vec<Enrollment>, DbError> {
    read_all(db, &PAGE, &[workspace.0.into(), before.0.into(), limit.into()])
}

/// The running enrollments of a workflow, oldest first, after the given one.
pub fn running_in(
    db: &Read<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    after: EnrollmentId,
    limit: i64,
) -> Result<Vec<Enrollment>, DbError> {
    read_all(db, &IN_WORKFLOW, &[workspace.0.into(), workflow.0.into(), after.0.into(), limit.into()])
}

/// These enrollments, locked until the transaction ends, in the order of their keys.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[EnrollmentId]) -> Result<Vec<Enrollment>, DbError> {
    let list = json::list(ids.iter().map(|id| id.0));
    let rows = read_all(tx, &LOCK, &[workspace.0.into(), list])?;
    tallies::of_workflows(tx, workspace, &rows);
    Ok(rows)
}

/// Where a contact is in its workflow, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Whose.
    pub contact: ContactId,
    /// Which enrollment.
    pub id: EnrollmentId,
    /// Through which workflow.
    pub workflow: WorkflowId,
    /// Its name.
    pub name: String,
    /// The step that comes next or is on its way, from 1.
    pub next_step: u8,
    /// How many there are.
    pub steps: i64,
    /// When it is due; nothing while its message is with the carrier.
    pub due_at: Option<Timestamp>,
}

/// Where these contacts are in their workflows.
pub fn cards(db: &Read<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<Vec<Card>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let card = |row: &Row| {
        Ok(Card {
            contact: ContactId(row.int(0)?),
            id: EnrollmentId(row.int(1)?),
            workflow: WorkflowId(row.int(2)?),
            next_step: json::small(row.int(3)?)?,
            name: row.text(4)?.to_owned(),
            due_at: json::timestamp_or_none(row.opt_int(5)?)?,
            steps: row.int(6)?,
        })
    };
    db.query(&CARDS, &[workspace.0.into(), list])?.iter().map(card).collect()
}

/// A new enrollment.
#[derive(Debug, Clone)]
pub struct NewEnrollment {
    /// Its identifier.
    pub id: EnrollmentId,
    /// Whose.
    pub contact: ContactId,
    /// From which number.
    pub number: NumberId,
    /// The frozen place.
    pub place: Place,
    /// The frozen field values.
    pub values: Vec<(String, String)>,
    /// The price of each step.
    pub prices: Vec<StepPrice>,
    /// When the first step is due.
    pub due_at: Timestamp,
}

/// What all enrollments of one batch share.
#[derive(Debug, Clone)]
pub struct Start {
    /// Through which workflow.
    pub workflow: WorkflowId,
    /// In which version.
    pub version: i64,
    /// The step with which they start, from 1.
    pub from_step: u8,
    /// Price of a segment beyond the credits.
    pub rate: Micros,
    /// Who starts them.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Inserts a batch. A contact that is in an active enrollment already makes it fail as a whole.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, start: &Start, rows: &[NewEnrollment]) -> Result<(), DbError> {
    let inserted = |row: &NewEnrollment| {
        Ok([
            row.id.0.into(),
            row.contact.0.into(),
            row.number.0.into(),
            json::text(&row.place)?.into(),
            json::text(&row.values)?.into(),
            json::text(&row.prices)?.into(),
            json::micros(row.due_at).into(),
        ])
    };
    let batch = rows.iter().map(inserted).collect::<Result<Vec<_>, DbError>>()?;
    let shared = [
        workspace.0.into(),
        start.workflow.0.into(),
        start.version.into(),
        start.rate.0.into(),
        start.by.as_str().into(),
        json::micros(start.at).into(),
        i64::from(start.from_step).into(),
    ];
    tx.run_each(&INSERT, &shared, &batch)?;
    for row in rows {
        tallies::count(tx, workspace, start.at, (start.workflow.0, 0), What::Added, Count::added(&row.prices))?;
    }
    runs::begin(tx, workspace, start.workflow, rows.iter().map(|row| (row.id, row.contact)))?;
    crate::conversations::enter(tx, workspace, rows.iter().map(|row| (row.id, row.contact)))
}

/// How many enrollments are in each state, by reason.
pub fn ends(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(String, Option<String>, i64)>, DbError> {
    let end = |row: &Row| Ok((row.text(0)?.to_owned(), row.opt_text(1)?.map(str::to_owned), row.int(2)?));
    db.query(&ENDS, &[workspace.0.into()])?.iter().map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_list_and_one_with_names_is_read_as_well() {
        let named = r#"{"zones":["America/New_York"],"primary":"America/New_York","rules":["US"],"source":"state","smart":"on"}"#;
        let listed = r#"[["America/New_York"],"America/New_York",["US"],"state","on"]"#;
        let place: Place = json::read(named).unwrap();
        assert_eq!(json::text(&place).unwrap(), listed);
        assert_eq!(json::read::<Place>(listed).unwrap(), place);
    }
}
