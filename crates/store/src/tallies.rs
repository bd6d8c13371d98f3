//! Tallies: how much of what happened on each day, and in each workflow. Written with the thing itself.
//!
//! The statements that store a thing tell it here (`message`, `posted`, `count`); the transaction keeps it and
//! writes all of it in one statement, its last. So nothing can be counted without being stored, every figure is there
//! at the commit, and on PostgreSQL tallies are locked after everything else and in the order of their key.
//!
//! A day is the **workspace's** local date when it was counted: a bill and a chart are read by the customer, not by
//! the contact or by the server. A later change of the zone moves nothing that was counted. Transfers carry their day,
//! so that a day of the statement opens to exactly what its sums say. [`recount`] takes all counts again from the rows.

mod fill;
mod pending;
pub mod recount;

use std::collections::{BTreeMap, HashMap};

use domain::ids::{CarrierId, NumberId, WorkflowId, WorkspaceId};
use domain::ledger::{Amounts, Cause, Reason, Transfer, Unit};
use domain::message::MessageState;
use domain::money::Micros;
use domain::tally::{self, Count, Leg, What};
use domain::zones::Zone;
use jiff::Timestamp;
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::Serialize;

use self::pending::{Book, Changed, Posted, day_of};
use crate::enrollments::Enrollment;
use crate::messages::Message;
use crate::workspaces::Workspace;
use crate::{DbError, Read, Row, Sql, Tx, json};

pub use self::fill::take_again;
pub(crate) use self::pending::Pending;

static ZONE: Sql = Sql::Same("SELECT zone FROM workspaces WHERE workspace_id = $1");

static WORKFLOWS: Sql = Sql::Twin {
    sqlite: "
        SELECT enrollment_id, workflow_id FROM enrollments
        WHERE workspace_id = $1 AND enrollment_id IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT enrollment_id, workflow_id FROM enrollments
        WHERE workspace_id = $1
          AND enrollment_id = ANY ($2::BIGINT[])",
};

/// The carriers of numbers: which account each is of never changes.
static CARRIERS: Sql = Sql::Twin {
    sqlite: "
        SELECT number_id, carrier FROM numbers
        WHERE workspace_id = $1 AND number_id IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT number_id, carrier FROM numbers
        WHERE workspace_id = $1
          AND number_id = ANY ($2::BIGINT[])",
};

static STATE: Sql = Sql::Same("SELECT state FROM messages WHERE workspace_id = $1 AND message_id = $2");

static WRITE: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO tallies (workspace_id, workflow_id, step, day, what, count, segments, credits, micros)
        SELECT $1, value ->> 'f', value ->> 's', value ->> 'd', value ->> 'w', value ->> 'n', value ->> 'g',
            value ->> 'c', value ->> 'm'
        FROM json_each($2) WHERE true
        ON CONFLICT (workspace_id, workflow_id, step, day, what) DO UPDATE SET
            count = tallies.count + excluded.count, segments = tallies.segments + excluded.segments,
            credits = tallies.credits + excluded.credits, micros = tallies.micros + excluded.micros",
    postgres: "
        INSERT INTO tallies (workspace_id, workflow_id, step, day, what, count, segments, credits, micros)
        SELECT $1, f, s, d, w, n, g, c, m
        FROM jsonb_to_recordset($2::text::jsonb)
            AS t (f BIGINT, s BIGINT, d BIGINT, w TEXT, n BIGINT, g BIGINT, c BIGINT, m BIGINT)
        ON CONFLICT (workspace_id, workflow_id, step, day, what) DO UPDATE SET
            count = tallies.count + excluded.count, segments = tallies.segments + excluded.segments,
            credits = tallies.credits + excluded.credits, micros = tallies.micros + excluded.micros",
};

macro_rules! columns {
    () => {
        "workflow_id, step, day, what, count, segments, credits, micros"
    };
}

static ALL_ROWS: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM tallies WHERE workspace_id = $1"));

static DAYS: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM tallies
      WHERE workspace_id = $1 AND workflow_id = 0 AND step = 0 AND day >= $2 AND day <= $3
      ORDER BY day, what"
));

static STATEMENT_DAYS: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM tallies
      WHERE workspace_id = $1 AND workflow_id = 0 AND step = 0 AND day < $2 AND day >= COALESCE((
        SELECT MIN(d.day) FROM (
            SELECT DISTINCT day FROM tallies
            WHERE workspace_id = $1 AND workflow_id = 0 AND step = 0 AND day < $2
              AND (what IN ('added', 'manual') OR what LIKE 'money.%') AND what <> 'money.earn'
            ORDER BY day DESC LIMIT $3) AS d), 0)
      ORDER BY day, what"
));

static OF_WORKFLOW: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM tallies WHERE workspace_id = $1 AND workflow_id = $2 ORDER BY step, what"
));

static BY_WORKFLOW: Sql = Sql::Twin {
    sqlite: "
        SELECT workflow_id, 0, 0, what, SUM(count), SUM(segments), SUM(credits), SUM(micros) FROM tallies
        WHERE workspace_id = $1 AND workflow_id > 0 GROUP BY workflow_id, what ORDER BY workflow_id, what",
    postgres: "
        SELECT workflow_id, 0, 0, what, CAST(SUM(count) AS BIGINT), CAST(SUM(segments) AS BIGINT),
            CAST(SUM(credits) AS BIGINT), CAST(SUM(micros) AS BIGINT)
        FROM tallies
        WHERE workspace_id = $1 AND workflow_id > 0 GROUP BY workflow_id, what ORDER BY workflow_id, what",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("tallies::ZONE", &ZONE),
    ("tallies::WORKFLOWS", &WORKFLOWS),
    ("tallies::CARRIERS", &CARRIERS),
    ("tallies::STATE", &STATE),
    ("tallies::WRITE", &WRITE),
    ("tallies::ALL_ROWS", &ALL_ROWS),
    ("tallies::DAYS", &DAYS),
    ("tallies::STATEMENT_DAYS", &STATEMENT_DAYS),
    ("tallies::OF_WORKFLOW", &OF_WORKFLOW),
    ("tallies::BY_WORKFLOW", &BY_WORKFLOW),
    ("tallies::fill::CLEAR", &fill::CLEAR),
    ("tallies::fill::SPAN", &fill::SPAN),
    ("tallies::fill::DATE", &fill::DATE),
    ("tallies::recount::MESSAGES", &recount::MESSAGES),
    ("tallies::recount::ENROLLMENTS", &recount::ENROLLMENTS),
    ("tallies::recount::TRANSFERS", &recount::TRANSFERS),
    ("tallies::recount::OPT_OUTS", &recount::OPT_OUTS),
    ("tallies::recount::ZONES", &recount::ZONES),
];

/// The place of one count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Of which workflow; 0 for the workspace.
    pub workflow: i64,
    /// Of which step, from 1; 0 for none.
    pub step: i64,
    /// On which day, from [`number_of`]; 0 for a workflow, which is counted whole.
    pub day: i64,
    /// The word of what.
    pub what: String,
}

/// One count of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Of which workflow; 0 for the workspace.
    pub workflow: WorkflowId,
    /// Of which step, from 1; 0 for none.
    pub step: u8,
    /// On which day, from [`number_of`]; 0 for a workflow.
    pub day: i64,
    /// What.
    pub what: What,
    /// How much.
    pub count: Count,
}

/// A date as the database holds it: days since 1970.
#[must_use]
pub fn number_of(date: Date) -> i64 {
    i64::from(date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days()))
}

/// The date of a day.
#[must_use]
pub fn date_of(day: i64) -> Date {
    let days = jiff::Span::new().try_days(day).unwrap_or_default();
    Date::constant(1970, 1, 1).saturating_add(days)
}

/// The day of an instant on the workspace's clock.
pub(crate) fn day(tx: &mut Tx<'_>, workspace: WorkspaceId, at: Timestamp) -> Result<i64, DbError> {
    if tx.pending().book(workspace).zone.is_none() {
        let zone = zone_of(tx, workspace)?;
        tx.pending().book(workspace).zone = zone;
    }
    Ok(day_of(tx.pending().book(workspace).zone.as_ref(), at))
}

fn zone_of(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Zone>, DbError> {
    let row = db.query_optional(&ZONE, &[workspace.0.into()])?;
    Ok(row.map(|row| row.text(0).map(str::to_owned)).transpose()?.and_then(|name| Zone::named(&name).ok()))
}

/// Counts something that happened now.
pub(crate) fn count(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    at: Timestamp,
    of: (i64, i64),
    what: What,
    count: Count,
) -> Result<(), DbError> {
    let day = day(tx, workspace, at)?;
    tx.pending().book(workspace).add(day, of, what, count);
    Ok(())
}

/// Notes the states that messages have, as they are locked or made.
pub(crate) fn seen<'m>(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: impl Iterator<Item = &'m Message>) {
    let book = tx.pending().book(workspace);
    for message in rows {
        book.seen.entry(message.id).or_insert(message.state);
    }
}

/// Notes of which workflows enrollments are, as they are locked.
pub(crate) fn of_workflows(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[Enrollment]) {
    let of = rows.iter().map(|row| (row.id.0, row.workflow.0));
    tx.pending().book(workspace).workflows.extend(of);
}

/// Notes the workspace's clock, as its row is read.
pub fn on_clock_of(tx: &mut Tx<'_>, workspace: &Workspace) {
    let book = tx.pending().book(workspace.id);
    if book.zone.is_none() {
        book.zone = Zone::named(&workspace.zone).ok();
    }
}

/// Notes which carriers numbers send by.
pub fn carried_by<'c>(tx: &mut Tx<'_>, workspace: WorkspaceId, of: impl IntoIterator<Item = (NumberId, &'c str)>) {
    let of = of.into_iter().map(|(number, carrier)| (number.0, account(carrier)));
    tx.pending().book(workspace).accounts.extend(of);
}

/// Messages were made. Until then they were nothing, which counts as nothing, as what is queued does.
pub(crate) fn made<'m>(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: impl IntoIterator<Item = &'m Message>) {
    let book = tx.pending().book(workspace);
    for message in rows {
        let before = MessageState::Queued;
        book.seen.insert(message.id, before);
        if !tally::of_message(message.kind, message.state).is_empty() {
            book.changed.insert(message.id, Changed::of(before, message));
        }
    }
}

/// A message was saved.
pub(crate) fn message(tx: &mut Tx<'_>, workspace: WorkspaceId, message: &Message) -> Result<(), DbError> {
    let known = tx.pending().book(workspace).seen.get(&message.id).copied();
    let before = match known {
        Some(state) => state,
        None => stored_state(tx, workspace, message)?,
    };
    // The state before is the database's, however often the message is saved.
    tx.pending().book(workspace).changed.insert(message.id, Changed::of(before, message));
    Ok(())
}

/// The state that a message has before it is saved, where the transaction has not locked it.
fn stored_state(db: &Read<'_>, workspace: WorkspaceId, message: &Message) -> Result<MessageState, DbError> {
    let row = db.query_optional(&STATE, &[workspace.0.into(), message.id.0.into()])?;
    let state = row.map(|row| row.text(0).map(MessageState::from_word)).transpose()?.flatten();
    Ok(state.unwrap_or(MessageState::Queued))
}

/// Transfers were posted on a day.
pub(crate) fn posted(tx: &mut Tx<'_>, workspace: WorkspaceId, transfers: &[Transfer], day: i64) {
    let rows = transfers.iter().map(|transfer| Posted { transfer: *transfer, day });
    tx.pending().book(workspace).posted.extend(rows);
}

/// Writes what the transaction has counted: its last statement.
pub(crate) fn write(tx: &mut Tx<'_>) -> Result<(), DbError> {
    for mut book in tx.pending().take() {
        settle(tx, &mut book)?;
        let rows = book.sorted();
        put(tx, book.workspace, rows.iter().map(|(key, count)| (key, count)))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Written<'a> {
    f: i64,
    s: i64,
    d: i64,
    w: &'a str,
    n: i64,
    g: i64,
    c: i64,
    m: i64,
}

fn put<'k>(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    rows: impl Iterator<Item = (&'k Key, &'k Count)>,
) -> Result<(), DbError> {
    let row = |(key, count): (&'k Key, &'k Count)| Written {
        f: key.workflow,
        s: key.step,
        d: key.day,
        w: &key.what,
        n: count.count,
        g: count.segments,
        c: count.amounts.credits,
        m: count.amounts.micros.0,
    };
    let rows: Vec<Written<'_>> = rows.map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.run(&WRITE, &[workspace.0.into(), json::text(&rows)?.into()])
}

/// Turns messages and transfers into counts.
fn settle(tx: &mut Tx<'_>, book: &mut Book) -> Result<(), DbError> {
    book.changed.retain(|_, changed| {
        tally::of_message(changed.kind, changed.before) != tally::of_message(changed.kind, changed.after)
    });
    if book.changed.is_empty() && book.posted.is_empty() {
        return Ok(());
    }
    if book.zone.is_none() {
        book.zone = zone_of(tx, book.workspace)?;
    }
    let mut workflows = std::mem::take(&mut book.workflows);
    workflows.extend(workflows_of(tx, book.workspace, &book.unknown(&workflows))?);
    for ((cause, reason, day), amounts) in movements(std::mem::take(&mut book.posted)) {
        let workflow = workflows.get(&cause.subject).copied().unwrap_or(0);
        let count = Count { count: 1, segments: 0, amounts };
        book.add(day, (workflow, i64::from(cause.step)), What::Moved(reason), count);
    }
    let unknown = accounts_of(tx, book.workspace, &book.numbers())?;
    book.accounts.extend(unknown);
    let accounts = std::mem::take(&mut book.accounts);
    for (_, changed) in std::mem::take(&mut book.changed) {
        settle_message(book, &changed, &workflows);
        settle_leg(book, &changed, &accounts);
    }
    Ok(())
}

fn settle_message(book: &mut Book, changed: &Changed, workflows: &FxHashMap<i64, i64>) {
    let workflow = changed.enrollment.and_then(|id| workflows.get(&id.0)).copied().unwrap_or(0);
    let of = (workflow, changed.step);
    let day = day_of(book.zone.as_ref(), changed.at);
    let (old, new) = (tally::of_message(changed.kind, changed.before), tally::of_message(changed.kind, changed.after));
    let one = Count::one(changed.segments);
    for what in new.iter().filter(|what| !old.contains(what)) {
        book.add(day, of, *what, one);
    }
    for what in old.iter().filter(|what| !new.contains(what)) {
        book.add(day, of, *what, one.negated());
    }
}

/// What was carried counts for the workspace alone, by country and account.
fn settle_leg(book: &mut Book, changed: &Changed, accounts: &FxHashMap<i64, Option<CarrierId>>) {
    let Some(([before, after], country)) = changed.carried() else { return };
    let account = accounts.get(&changed.number.0).copied().flatten();
    let day = day_of(book.zone.as_ref(), changed.at);
    let one = Count::one(changed.segments);
    for (way, count) in [(before, one.negated()), (after, one)] {
        if let Some(way) = way {
            book.add(day, (0, 0), What::Carried(Leg { way, country, account }), count);
        }
    }
}

/// The account that a number's carrier names; none for the installation's own.
fn account(carrier: &str) -> Option<CarrierId> {
    carrier.parse().ok()
}

fn accounts_of(
    db: &Read<'_>,
    workspace: WorkspaceId,
    numbers: &[i64],
) -> Result<HashMap<i64, Option<CarrierId>>, DbError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = db.query(&CARRIERS, &[workspace.0.into(), json::list(numbers.iter().copied())])?;
    rows.iter().map(|row| Ok((row.int(0)?, account(row.text(1)?)))).collect()
}

/// The movements that transfers are: one for each cause and reason, with its credits and its money.
fn movements(posted: Vec<Posted>) -> BTreeMap<(Cause, Reason, i64), Amounts> {
    let mut movements = BTreeMap::<(Cause, Reason, i64), Amounts>::new();
    for Posted { transfer, day } in posted {
        let amounts = match transfer.unit {
            Unit::Segments => Amounts { credits: transfer.amount, micros: Micros::ZERO },
            Unit::Micros => Amounts { credits: 0, micros: Micros(transfer.amount) },
        };
        let sum = movements.entry((transfer.cause, transfer.reason, day)).or_default();
        *sum = sum.plus(amounts);
    }
    movements
}

fn workflows_of(db: &Read<'_>, workspace: WorkspaceId, ids: &[i64]) -> Result<HashMap<i64, i64>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let list = json::list(ids.iter().copied());
    let rows = db.query(&WORKFLOWS, &[workspace.0.into(), list])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

fn read(row: &Row) -> Result<Tally, DbError> {
    let what = What::from_word(row.text(3)?);
    let amounts = Amounts { credits: row.int(6)?, micros: Micros(row.int(7)?) };
    Ok(Tally {
        workflow: WorkflowId(row.int(0)?),
        step: json::small(row.int(1)?)?,
        day: row.int(2)?,
        what: what.ok_or_else(|| json::unreadable("tallies.what", row.text(3).unwrap_or_default()))?,
        count: Count { count: row.int(4)?, segments: row.int(5)?, amounts },
    })
}

/// What was counted for the workspace from one day to another, both included, by day.
pub fn days(db: &Read<'_>, workspace: WorkspaceId, from: i64, to: i64) -> Result<Vec<Tally>, DbError> {
    db.query(&DAYS, &[workspace.0.into(), from.into(), to.into()])?.iter().map(read).collect()
}

/// What was counted on the latest days before one on which anybody was added or anything moved, at most so many, by day.
pub fn statement_days(db: &Read<'_>, workspace: WorkspaceId, before: i64, limit: i64) -> Result<Vec<Tally>, DbError> {
    db.query(&STATEMENT_DAYS, &[workspace.0.into(), before.into(), limit.into()])?.iter().map(read).collect()
}

/// What was counted for one workflow, by step.
pub fn of_workflow(db: &Read<'_>, workspace: WorkspaceId, workflow: WorkflowId) -> Result<Vec<Tally>, DbError> {
    db.query(&OF_WORKFLOW, &[workspace.0.into(), workflow.0.into()])?.iter().map(read).collect()
}

/// What was counted for every workflow, all steps together.
pub fn by_workflow(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Tally>, DbError> {
    db.query(&BY_WORKFLOW, &[workspace.0.into()])?.iter().map(read).collect()
}

/// Every count as it is stored.
pub fn all(db: &Read<'_>, workspace: WorkspaceId) -> Result<HashMap<Key, Count>, DbError> {
    let rows = db.query(&ALL_ROWS, &[workspace.0.into()])?;
    let row = |row: &Row| {
        let key = Key { workflow: row.int(0)?, step: row.int(1)?, day: row.int(2)?, what: row.text(3)?.to_owned() };
        let amounts = Amounts { credits: row.int(6)?, micros: Micros(row.int(7)?) };
        Ok((key, Count { count: row.int(4)?, segments: row.int(5)?, amounts }))
    };
    rows.iter().map(row).collect()
}
