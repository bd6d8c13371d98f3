//! The hot path: which work is due, the claim that takes it, and what a settled attempt changes.
//!
//! Every statement but [`due_workspaces`], [`next_due`] and [`backlog`] touches one workspace (`tests/sharding.rs`). Those ask
//! each workspace once, by an index probe, because somebody has to know whom to serve next.

use std::sync::Arc;

use domain::enrollment::StepPrice;
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, WorkflowId, WorkspaceId};
use domain::tally::{Count, What};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::enrollments::{Frozen, Place};
use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, tallies};

/// One probe of an index for each number and each workspace. PostgreSQL answers `EXISTS` for all rows at once when it
/// expects many workspaces, and walks through all that is due for it: 30 ms a look with 60,000 due. The steps of a suspended
/// workspace wait; its messages are found, as what is on its way there has to be settled.
static DUE_WORKSPACES: Sql = Sql::Same(
    "
    SELECT w.workspace_id, w.dispatched_at FROM workspaces w
    WHERE (w.suspended_at IS NULL AND (SELECT 1 FROM numbers n
            WHERE n.workspace_id = w.workspace_id AND n.paced_until <= $1
              AND (SELECT 1 FROM enrollments e
                    WHERE e.workspace_id = n.workspace_id AND e.number_id = n.number_id
                      AND e.state = 'active' AND e.due_at IS NOT NULL AND e.due_at <= $1
                    ORDER BY e.due_at LIMIT 1) IS NOT NULL
            LIMIT 1) IS NOT NULL)
        OR (SELECT 1 FROM messages m
            WHERE m.workspace_id = w.workspace_id AND m.due_at IS NOT NULL AND m.due_at <= $1
            ORDER BY m.due_at LIMIT 1) IS NOT NULL
        OR (SELECT 1 FROM enrollments o
            WHERE o.workspace_id = w.workspace_id AND o.claimed_at IS NOT NULL AND o.message_id < $3
            ORDER BY o.message_id LIMIT 1) IS NOT NULL
    ORDER BY w.dispatched_at, w.workspace_id
    LIMIT $2",
);

/// One probe for each number too: of those that wait, thousands may be due at the same instant, at which a window opens.
static NEXT_DUE: Sql = Sql::Same(
    "
    SELECT MIN(t.at), (
        SELECT MIN(u.message) FROM (
            SELECT (SELECT o.message_id FROM enrollments o
                WHERE o.workspace_id = w.workspace_id AND o.claimed_at IS NOT NULL
                ORDER BY o.message_id LIMIT 1) AS message
            FROM workspaces w) AS u)
    FROM (
        SELECT (SELECT CASE WHEN e.due_at < n.paced_until THEN n.paced_until ELSE e.due_at END
                FROM enrollments e
                WHERE e.workspace_id = n.workspace_id AND e.number_id = n.number_id
                  AND e.state = 'active' AND e.due_at IS NOT NULL
                ORDER BY e.due_at LIMIT 1) AS at
        FROM numbers n
        JOIN workspaces s ON s.workspace_id = n.workspace_id AND s.suspended_at IS NULL
        UNION ALL
        SELECT (SELECT m.due_at FROM messages m
                WHERE m.workspace_id = w.workspace_id AND m.due_at IS NOT NULL
                ORDER BY m.due_at LIMIT 1) AS at
        FROM workspaces w
    ) AS t",
);

/// The same probes, and what a partial index holds: the operator sees all workspaces.
static BACKLOG: Sql = Sql::Same(
    "
    SELECT COUNT(*), MIN(b.at), (SELECT COUNT(*) FROM messages d WHERE d.state = 'in_doubt') FROM (
        SELECT t.workspace_id, MIN(t.at) AS at FROM (
            SELECT n.workspace_id, (SELECT e.due_at FROM enrollments e
                WHERE e.workspace_id = n.workspace_id AND e.number_id = n.number_id
                  AND e.state = 'active' AND e.due_at IS NOT NULL
                ORDER BY e.due_at LIMIT 1) AS at
            FROM numbers n
            JOIN workspaces s ON s.workspace_id = n.workspace_id AND s.suspended_at IS NULL
            UNION ALL
            SELECT w.workspace_id, (SELECT m.due_at FROM messages m
                WHERE m.workspace_id = w.workspace_id AND m.due_at IS NOT NULL
                ORDER BY m.due_at LIMIT 1) AS at
            FROM workspaces w
            UNION ALL
            SELECT w.workspace_id, (SELECT o.claimed_at + $3 FROM enrollments o
                WHERE o.workspace_id = w.workspace_id AND o.claimed_at IS NOT NULL AND o.message_id < $2
                ORDER BY o.message_id LIMIT 1) AS at
            FROM workspaces w
        ) AS t
        WHERE t.at <= $1
        GROUP BY t.workspace_id
    ) AS b",
);

/// The row stays locked until the claim commits, and whoever finds it locked passes it over: on PostgreSQL that is what makes
/// it one node's turn. SQLite has one process, whose transactions come one after the other.
static TAKE_TURN: Sql = Sql::Twin {
    sqlite: "
        UPDATE workspaces SET dispatched_at = $3
        WHERE workspace_id = $1 AND dispatched_at = $2
          AND EXISTS (SELECT 1 FROM nodes WHERE node = $4 AND owner = $5)",
    postgres: "
        UPDATE workspaces SET dispatched_at = $3
        WHERE workspace_id = $1 AND workspace_id = (
            SELECT w.workspace_id FROM workspaces w WHERE w.workspace_id = $1 AND w.dispatched_at = $2
            FOR NO KEY UPDATE SKIP LOCKED)
          AND EXISTS (SELECT 1 FROM nodes WHERE node = $4 AND owner = $5)",
};

static DUE: Sql = Sql::Twin {
    sqlite: "
        SELECT e.enrollment_id, e.contact_id, e.workflow_id, e.version, e.next_step, e.due_at, e.message_id,
            e.place, e.field_values, e.prices, c.phone, c.phone_hash
        FROM enrollments e
        JOIN contacts c ON c.workspace_id = e.workspace_id AND c.contact_id = e.contact_id
        WHERE e.workspace_id = $1 AND e.number_id = $2 AND e.state = 'active' AND e.due_at IS NOT NULL AND e.due_at <= $3
        ORDER BY e.due_at
        LIMIT $4",
    postgres: "
        SELECT e.enrollment_id, e.contact_id, e.workflow_id, e.version, e.next_step, e.due_at, e.message_id,
            e.place, e.field_values, e.prices, c.phone, c.phone_hash
        FROM enrollments e
        JOIN contacts c ON c.workspace_id = e.workspace_id AND c.contact_id = e.contact_id
        WHERE e.workspace_id = $1 AND e.number_id = $2 AND e.state = 'active' AND e.due_at IS NOT NULL AND e.due_at <= $3
        ORDER BY e.due_at
        LIMIT $4
        FOR UPDATE OF e SKIP LOCKED",
};

static CLAIM: Each<3> = Each(Sql::Twin {
    sqlite: "
        UPDATE enrollments SET due_at = NULL, message_id = $3, claimed_at = $4
        WHERE workspace_id = $1 AND enrollment_id = $2 AND state = 'active'",
    postgres: "
        UPDATE enrollments SET due_at = NULL, message_id = t.message, claimed_at = t.claimed
        FROM UNNEST($2::BIGINT[], $3::BIGINT[], $4::BIGINT[]) AS t (id, message, claimed)
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = t.id AND enrollments.state = 'active'",
});

static HOLD: Sql = Sql::Twin {
    sqlite: "
        UPDATE enrollments SET due_at = j.value ->> 'due'
        FROM json_each($2) AS j
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = j.value ->> 'id' AND enrollments.state = 'active'",
    postgres: "
        UPDATE enrollments SET due_at = t.due
        FROM jsonb_to_recordset($2::text::jsonb) AS t (id BIGINT, due BIGINT)
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = t.id AND enrollments.state = 'active'",
};

/// Leaves `state` alone: SQLite then leaves alone the indexes that hold only what has ended.
static ADVANCE: Each<4> = Each(Sql::Twin {
    sqlite: "
        UPDATE enrollments SET next_step = $3, due_at = $4, message_id = NULL, claimed_at = NULL,
            hour_minute = COALESCE($5, hour_minute)
        WHERE workspace_id = $1 AND enrollment_id = $2",
    postgres: "
        UPDATE enrollments SET next_step = t.step, due_at = t.due, message_id = NULL, claimed_at = NULL,
            hour_minute = COALESCE(t.hour, hour_minute)
        FROM UNNEST($2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[]) AS t (id, step, due, hour)
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = t.id",
});

static COMPLETE: Each<3> = Each(Sql::Twin {
    sqlite: "
        UPDATE enrollments SET next_step = $4, due_at = NULL, message_id = NULL, claimed_at = NULL,
            hour_minute = COALESCE($5, hour_minute),
            state = CASE WHEN state = 'active' THEN 'completed' ELSE state END,
            ended_at = CASE WHEN state = 'active' THEN $2 ELSE ended_at END
        WHERE workspace_id = $1 AND enrollment_id = $3",
    postgres: "
        UPDATE enrollments SET next_step = t.step, due_at = NULL, message_id = NULL, claimed_at = NULL,
            hour_minute = COALESCE(t.hour, hour_minute),
            state = CASE WHEN state = 'active' THEN 'completed' ELSE state END,
            ended_at = CASE WHEN state = 'active' THEN $2 ELSE ended_at END
        FROM UNNEST($3::BIGINT[], $4::BIGINT[], $5::BIGINT[]) AS t (id, step, hour)
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = t.id",
});

static REASSIGN: Sql = Sql::Same(
    "
    UPDATE enrollments SET number_id = $3
    WHERE workspace_id = $1 AND number_id = $2 AND due_at IS NOT NULL AND state = 'active' AND message_id IS NULL",
);

static OF_NUMBER: Sql = Sql::Same(
    "
    SELECT enrollment_id, contact_id FROM enrollments
    WHERE workspace_id = $1 AND number_id = $2 AND state = 'active' AND due_at IS NOT NULL AND due_at <= $3
    ORDER BY due_at
    LIMIT $4",
);

static STRAYED: Sql = Sql::Same(
    "
    SELECT e.contact_id
    FROM enrollments e
    JOIN contacts c ON c.workspace_id = e.workspace_id AND c.contact_id = e.contact_id
    WHERE e.workspace_id = $1 AND e.number_id = $3 AND e.state = 'active' AND e.due_at IS NOT NULL AND c.number_id = $2
    ORDER BY e.contact_id",
);

static REHOME: Sql = Sql::Twin {
    sqlite: "
        UPDATE enrollments SET number_id = j.value ->> 'number'
        FROM json_each($2) AS j
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = j.value ->> 'id' AND enrollments.state = 'active'",
    postgres: "
        UPDATE enrollments SET number_id = t.number
        FROM jsonb_to_recordset($2::text::jsonb) AS t (id BIGINT, number BIGINT)
        WHERE enrollments.workspace_id = $1 AND enrollments.enrollment_id = t.id AND enrollments.state = 'active'",
};

/// From the index alone; by quarters of an hour, which no zone's midnight cuts.
static COMING: Sql = Sql::Same(
    "
    SELECT workflow_id, version, next_step, due_at / 900000000, COUNT(*) FROM enrollments
    WHERE workspace_id = $1 AND due_at IS NOT NULL AND due_at < $2
    GROUP BY workflow_id, version, next_step, due_at / 900000000",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("claims::DUE_WORKSPACES", &DUE_WORKSPACES),
    ("claims::NEXT_DUE", &NEXT_DUE),
    ("claims::BACKLOG", &BACKLOG),
    ("claims::TAKE_TURN", &TAKE_TURN),
    ("claims::DUE", &DUE),
    ("claims::CLAIM", &CLAIM.0),
    ("claims::HOLD", &HOLD),
    ("claims::ADVANCE", &ADVANCE.0),
    ("claims::COMPLETE", &COMPLETE.0),
    ("claims::REASSIGN", &REASSIGN),
    ("claims::OF_NUMBER", &OF_NUMBER),
    ("claims::STRAYED", &STRAYED),
    ("claims::REHOME", &REHOME),
    ("claims::COMING", &COMING),
];

/// A workspace whose turn it is, and when it had its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// When a node claimed for it last, in microseconds: a turn is taken only if that is so still.
    pub after: i64,
}

/// Workspaces with due work, the one that waited longest first. What is on its way for the first time is due as a message before `overdue`.
pub fn due_workspaces(db: &Read<'_>, now: Timestamp, overdue: MessageId, limit: i64) -> Result<Vec<Turn>, DbError> {
    let rows = db.query(&DUE_WORKSPACES, &[json::micros(now).into(), limit.into(), overdue.0.into()])?;
    rows.iter().map(|row| Ok(Turn { workspace: WorkspaceId(row.int(0)?), after: row.int(1)? })).collect()
}

/// When the next work of any workspace is due, pacing of numbers included; and the oldest message that is on its way for the first time.
pub fn next_due(db: &Read<'_>) -> Result<(Option<Timestamp>, Option<MessageId>), DbError> {
    let row = db.query_one(&NEXT_DUE, &[])?;
    Ok((json::timestamp_or_none(row.opt_int(0)?)?, row.opt_int(1)?.map(MessageId)))
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// How many workspaces have work that is due.
    pub workspaces: i64,
    /// Since when the oldest of it is due.
    pub oldest: Option<Timestamp>,
    /// How many messages are in doubt.
    pub in_doubt: i64,
}

/// How much is due in all workspaces. What is on its way for the first time is due as a message before `overdue`, `wait` after its claim.
pub fn backlog(db: &Read<'_>, now: Timestamp, overdue: MessageId, wait: SignedDuration) -> Result<Backlog, DbError> {
    let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    let row = db.query_one(&BACKLOG, &[json::micros(now).into(), overdue.0.into(), wait.into()])?;
    Ok(Backlog { workspaces: row.int(0)?, oldest: json::timestamp_or_none(row.opt_int(1)?)?, in_doubt: row.int(2)? })
}

/// A node as it names itself: its number and the secret of its process.
#[derive(Debug, Clone)]
pub struct Node {
    /// The number that it took.
    pub number: i64,
    /// Who has it.
    pub owner: String,
}

/// Takes a workspace's turn until the transaction ends; false if another node has it now or had it since, or if
/// another process has taken this node's number meanwhile. Waits for nobody.
pub fn take_turn(tx: &mut Tx<'_>, turn: Turn, node: &Node, now: Timestamp) -> Result<bool, DbError> {
    let (workspace, now) = (turn.workspace.0.into(), json::micros(now).into());
    let params = [workspace, turn.after.into(), now, node.number.into(), node.owner.as_str().into()];
    Ok(tx.execute(&TAKE_TURN, &params)? == 1)
}

/// A step that is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// Of which enrollment.
    pub enrollment: EnrollmentId,
    /// Of which contact.
    pub contact: ContactId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// In which version of it.
    pub version: i64,
    /// Which step, from 1.
    pub step: u8,
    /// Since when.
    pub due_at: Timestamp,
    /// Its message, if this is a retry.
    pub message: Option<MessageId>,
    /// The frozen place; one for all in an answer that have the same.
    pub place: Arc<Place>,
    /// The frozen field values.
    pub values: Vec<(String, String)>,
    /// The price of each step.
    pub prices: Arc<Vec<StepPrice>>,
    /// The contact's phone.
    pub phone: String,
    /// Its hash.
    pub phone_hash: i64,
}

fn due_row(row: &Row, frozen: &mut Frozen) -> Result<Due, DbError> {
    Ok(Due {
        enrollment: EnrollmentId(row.int(0)?),
        contact: ContactId(row.int(1)?),
        workflow: WorkflowId(row.int(2)?),
        version: row.int(3)?,
        step: json::small(row.int(4)?)?,
        due_at: json::timestamp(row.int(5)?)?,
        message: row.opt_int(6)?.map(MessageId),
        place: frozen.places.read(row.text(7)?)?,
        values: json::read(row.text(8)?)?,
        prices: frozen.prices.read(row.text(9)?)?,
        phone: row.text(10)?.to_owned(),
        phone_hash: row.int(11)?,
    })
}

/// The oldest due steps of one number, locked until the transaction ends; steps that another
/// transaction has locked are passed over.
pub fn due(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    number: NumberId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let params = [workspace.0.into(), number.0.into(), json::micros(now).into(), limit.into()];
    let mut frozen = Frozen::new();
    tx.query_map(&DUE, &params, |row| due_row(row, &mut frozen))
}

/// A step that is taken.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Of which enrollment.
    pub enrollment: EnrollmentId,
    /// As which message.
    pub message: MessageId,
    /// When, if it goes for the first time; nothing if its message is there.
    pub claimed_at: Option<Timestamp>,
}

/// Marks steps as taken by their messages; false if that did not hold for all of them. The fence's one half.
pub fn claim(tx: &mut Tx<'_>, workspace: WorkspaceId, steps: &[Taken]) -> Result<bool, DbError> {
    let claimed = |step: &Taken| step.claimed_at.map(json::micros).into();
    let rows = steps.iter().map(|step| [step.enrollment.0.into(), step.message.0.into(), claimed(step)]);
    let taken = tx.execute_each(&CLAIM, &[workspace.0.into()], rows)?;
    Ok(usize::try_from(taken).ok() == Some(steps.len()))
}

#[derive(Debug, Clone, Serialize)]
struct Held {
    id: i64,
    due: i64,
}

/// Moves due steps to a later time: a closed window, a cap, a number that is not live, a retry.
pub fn hold(tx: &mut Tx<'_>, workspace: WorkspaceId, steps: &[(EnrollmentId, Timestamp)]) -> Result<(), DbError> {
    if steps.is_empty() {
        return Ok(());
    }
    let batch: Vec<_> = steps.iter().map(|(id, due)| Held { id: id.0, due: json::micros(*due) }).collect();
    tx.run(&HOLD, &[workspace.0.into(), json::text(&batch)?.into()])
}

/// Where an enrollment goes after a step was sent or given up.
#[derive(Debug, Clone)]
pub struct Advance {
    /// Which enrollment.
    pub enrollment: EnrollmentId,
    /// The step that comes next, from 1.
    pub step: u8,
    /// When it is due, in microseconds; nothing if there is none: an active enrollment is then completed.
    pub due: Option<i64>,
    /// Minute of the local day of the first send, when this was it.
    pub hour: Option<i64>,
    /// The workflow that it completes by this; nothing if it goes on, or had ended before.
    pub completes: Option<WorkflowId>,
}

/// Moves enrollments to their next steps. An enrollment that was stopped meanwhile stays stopped.
pub fn advance(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[Advance], now: Timestamp) -> Result<(), DbError> {
    let place = |row: &Advance| (row.enrollment.0.into(), i64::from(row.step).into());
    let on = rows.iter().filter_map(|row| {
        let (id, step) = place(row);
        row.due.map(|due| [id, step, due.into(), row.hour.into()])
    });
    tx.run_each(&ADVANCE, &[workspace.0.into()], on)?;
    let over = rows.iter().filter(|row| row.due.is_none()).map(|row| {
        let (id, step) = place(row);
        [id, step, row.hour.into()]
    });
    tx.run_each(&COMPLETE, &[workspace.0.into(), json::micros(now).into()], over)?;
    for workflow in rows.iter().filter_map(|row| row.completes) {
        tallies::count(tx, workspace, now, (workflow.0, 0), What::Completed, Count::one(0))?;
    }
    let ended = rows.iter().filter(|row| row.due.is_none()).map(|row| row.enrollment);
    crate::runs::end(tx, workspace, ended.clone())?;
    crate::conversations::leave(tx, workspace, ended)
}

/// Gives the running enrollments of a lost number to another one.
pub fn reassign(tx: &mut Tx<'_>, workspace: WorkspaceId, from: NumberId, to: NumberId) -> Result<u64, DbError> {
    tx.execute(&REASSIGN, &[workspace.0.into(), from.0.into(), to.0.into()])
}

/// Contacts that know one number and are in a workflow that texts from another, in the order of their keys. Locks nothing.
pub fn strayed(
    db: &Read<'_>,
    workspace: WorkspaceId,
    known: NumberId,
    texting: NumberId,
) -> Result<Vec<ContactId>, DbError> {
    let rows = db.query(&STRAYED, &[workspace.0.into(), known.0.into(), texting.0.into()])?;
    rows.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// Enrollments of one number with a due step, and their contacts, the oldest first. Locks nothing.
pub fn due_of(
    db: &Read<'_>,
    workspace: WorkspaceId,
    number: NumberId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(EnrollmentId, ContactId)>, DbError> {
    let params = [workspace.0.into(), number.0.into(), json::micros(now).into(), limit.into()];
    let rows = db.query(&OF_NUMBER, &params)?;
    rows.iter().map(|row| Ok((EnrollmentId(row.int(0)?), ContactId(row.int(1)?)))).collect()
}

#[derive(Debug, Clone, Serialize)]
struct Rehomed {
    id: i64,
    number: i64,
}

/// Gives running enrollments, which the transaction has locked, other numbers.
pub fn rehome(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[(EnrollmentId, NumberId)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let batch: Vec<_> = rows.iter().map(|(id, number)| Rehomed { id: id.0, number: number.0 }).collect();
    tx.execute(&REHOME, &[workspace.0.into(), json::text(&batch)?.into()]).map(|_| ())
}

/// Steps of one workflow that are due in the same quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coming {
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// In which version of it.
    pub version: i64,
    /// Which step, from 1.
    pub next_step: u8,
    /// When that quarter begins.
    pub due_at: Timestamp,
    /// How many.
    pub count: i64,
}

/// The next steps of all running enrollments that are due before a time, but for those on their way.
pub fn coming(db: &Read<'_>, workspace: WorkspaceId, before: Timestamp) -> Result<Vec<Coming>, DbError> {
    let coming = |row: &Row| {
        Ok(Coming {
            workflow: WorkflowId(row.int(0)?),
            version: row.int(1)?,
            next_step: json::small(row.int(2)?)?,
            due_at: json::timestamp(row.int(3)?.saturating_mul(900_000_000))?,
            count: row.int(4)?,
        })
    };
    db.query(&COMING, &[workspace.0.into(), json::micros(before).into()])?.iter().map(coming).collect()
}
