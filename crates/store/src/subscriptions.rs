//! Which plan a workspace has, where it stands with it, and the periods that it had.
//!
//! A subscription is read and written under the lock of its workspace's row (`workspaces::lock`), so that paying,
//! canceling and the end of a period come one after the other.

use domain::ids::{PeriodId, PlanId, WorkspaceId};
use domain::money::Micros;
use domain::plan::{AtEnd, Course, Period, Standing};
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, Tx, json, tallies};

/// A workspace's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The plan of the period that runs.
    pub plan: PlanId,
    /// The plan of the next period, where it is another.
    pub next_plan: Option<PlanId>,
    /// The period that runs.
    pub period: PeriodId,
    /// Where the workspace stands.
    pub course: Course,
}

/// A period of a workspace's plan, as it was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodRow {
    /// Its identifier, which its transfers name.
    pub id: PeriodId,
    /// The plan.
    pub plan: PlanId,
    /// Its number and when it runs.
    pub period: Period,
    /// Its price.
    pub price: Micros,
    /// Its credits.
    pub credits: i64,
    /// When the price was paid and the credits were granted.
    pub paid_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "plan_id, next_plan_id, standing, grace_until, anchor, period_id, period_number, period_from, period_until, at_end, warned"
    };
}

macro_rules! period_columns {
    () => {
        "period_id, plan_id, number, from_at, until_at, price, credits, paid_at"
    };
}

static FIND: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM subscriptions WHERE workspace_id = $1"));

static SAVE: Sql = Sql::Same(concat!(
    "INSERT INTO subscriptions (workspace_id, ",
    columns!(),
    ", next_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (workspace_id) DO UPDATE SET plan_id = excluded.plan_id, next_plan_id = excluded.next_plan_id,
        standing = excluded.standing, grace_until = excluded.grace_until, anchor = excluded.anchor,
        period_id = excluded.period_id, period_number = excluded.period_number, period_from = excluded.period_from,
        period_until = excluded.period_until, at_end = excluded.at_end, warned = excluded.warned,
        next_at = excluded.next_at"
));

static DUE: Sql = Sql::Same("SELECT workspace_id FROM subscriptions WHERE next_at <= $1 ORDER BY next_at LIMIT $2");

static ADD_PERIOD: Sql = Sql::Same(concat!(
    "INSERT INTO periods (workspace_id, ",
    period_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
));

static PAY: Sql = Sql::Same("UPDATE periods SET paid_at = $3 WHERE workspace_id = $1 AND period_id = $2");

static PERIODS: Sql = Sql::Same(concat!(
    "SELECT ",
    period_columns!(),
    " FROM periods WHERE workspace_id = $1 AND period_id < $2 ORDER BY period_id DESC LIMIT $3"
));

static TRIED: Sql = Sql::Same("SELECT COUNT(*) FROM periods WHERE workspace_id = $1 AND number = 0");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("subscriptions::FIND", &FIND),
    ("subscriptions::SAVE", &SAVE),
    ("subscriptions::DUE", &DUE),
    ("subscriptions::ADD_PERIOD", &ADD_PERIOD),
    ("subscriptions::PAY", &PAY),
    ("subscriptions::PERIODS", &PERIODS),
    ("subscriptions::TRIED", &TRIED),
];

fn read(row: &Row) -> Result<Subscription, DbError> {
    let standing = Standing::from_word(row.text(2)?, json::timestamp_or_none(row.opt_int(3)?)?);
    let at_end = AtEnd::from_word(row.text(9)?);
    let course = Course {
        standing: standing
            .ok_or_else(|| json::unreadable("subscriptions.standing", row.text(2).unwrap_or_default()))?,
        anchor: tallies::date_of(row.int(4)?),
        period: Period {
            number: row.int(6)?,
            from: json::timestamp(row.int(7)?)?,
            until: json::timestamp(row.int(8)?)?,
        },
        at_end: at_end.ok_or_else(|| json::unreadable("subscriptions.at_end", row.text(9).unwrap_or_default()))?,
        warned: row.int(10)?,
    };
    Ok(Subscription {
        plan: PlanId(row.int(0)?),
        next_plan: row.opt_int(1)?.map(PlanId),
        period: PeriodId(row.int(5)?),
        course,
    })
}

/// The workspace's plan; nothing if it never had one, or is served without.
pub fn find(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Subscription>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into()])?.as_ref().map(read).transpose()
}

/// Stores the workspace's plan in place of what was there. Its row of `workspaces` has to be locked.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, row: &Subscription) -> Result<(), DbError> {
    let course = &row.course;
    let grace = match course.standing {
        Standing::PastDue { until } => Some(json::micros(until)),
        _ => None,
    };
    let params = [
        workspace.0.into(),
        row.plan.0.into(),
        row.next_plan.map(|plan| plan.0).into(),
        course.standing.word().into(),
        grace.into(),
        tallies::number_of(course.anchor).into(),
        row.period.0.into(),
        course.period.number.into(),
        json::micros(course.period.from).into(),
        json::micros(course.period.until).into(),
        course.at_end.word().into(),
        course.warned.into(),
        course.next_at().map(json::micros).into(),
    ];
    tx.execute(&SAVE, &params).map(|_| ())
}

/// Workspaces in which something is to be done with the plan, the longest due first.
pub fn due(db: &Read<'_>, now: Timestamp, limit: i64) -> Result<Vec<WorkspaceId>, DbError> {
    let rows = db.query(&DUE, &[json::micros(now).into(), limit.into()])?;
    rows.iter().map(|row| row.int(0).map(WorkspaceId)).collect()
}

/// Inserts a period that begins.
pub fn add_period(tx: &mut Tx<'_>, workspace: WorkspaceId, row: &PeriodRow) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        row.id.0.into(),
        row.plan.0.into(),
        row.period.number.into(),
        json::micros(row.period.from).into(),
        json::micros(row.period.until).into(),
        row.price.0.into(),
        row.credits.into(),
        row.paid_at.map(json::micros).into(),
    ];
    tx.execute(&ADD_PERIOD, &params).map(|_| ())
}

/// The price of a period was paid.
pub fn pay(tx: &mut Tx<'_>, workspace: WorkspaceId, id: PeriodId, at: Timestamp) -> Result<(), DbError> {
    tx.execute(&PAY, &[workspace.0.into(), id.0.into(), json::micros(at).into()]).map(|_| ())
}

/// Periods of the workspace before the given one, newest first.
pub fn periods(db: &Read<'_>, workspace: WorkspaceId, before: PeriodId, limit: i64) -> Result<Vec<PeriodRow>, DbError> {
    let period = |row: &Row| {
        Ok(PeriodRow {
            id: PeriodId(row.int(0)?),
            plan: PlanId(row.int(1)?),
            period: Period {
                number: row.int(2)?,
                from: json::timestamp(row.int(3)?)?,
                until: json::timestamp(row.int(4)?)?,
            },
            price: Micros(row.int(5)?),
            credits: row.int(6)?,
            paid_at: json::timestamp_or_none(row.opt_int(7)?)?,
        })
    };
    db.query(&PERIODS, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(period).collect()
}

/// Whether the workspace has had a trial.
pub fn had_trial(db: &Read<'_>, workspace: WorkspaceId) -> Result<bool, DbError> {
    Ok(db.query_one(&TRIED, &[workspace.0.into()])?.int(0)? > 0)
}
