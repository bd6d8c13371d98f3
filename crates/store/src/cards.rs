//! The card of a workspace that may be charged without a person, and what for. Of the card itself only the provider's
//! identifiers are kept, and what tells it from others.
//!
//! A row is changed under the lock of its workspace's row (`workspaces::lock`).

use domain::ids::WorkspaceId;
use domain::money::Micros;
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, Tx, json};

/// A card that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The provider's customer.
    pub customer: String,
    /// The provider's name for the card; nothing once it was removed.
    pub method: Option<String>,
    /// Such as `visa`.
    pub brand: String,
    /// Its last four digits.
    pub last_four: String,
    /// The year and the month until whose end it is valid.
    pub expires: (i64, i64),
    /// Since when it is kept.
    pub kept_at: Timestamp,
    /// Auto-recharge: below which balance; nothing while it is off.
    pub recharge_below: Option<Micros>,
    /// How much it adds.
    pub recharge_amount: Micros,
    /// How much it adds at most in 24 hours.
    pub recharge_most: Micros,
    /// Whether it pays what the wallet lacks for the plan's month.
    pub pays_plan: bool,
    /// How often it was declined in a row.
    pub declines: i64,
    /// When it may be charged again without a person.
    pub retry_at: Timestamp,
    /// Since when it is not charged any more without a person.
    pub stopped_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "customer, method, brand, last_four, expires_year, expires_month, kept_at, recharge_below, recharge_amount,
        recharge_most, pays_plan, declines, retry_at, stopped_at"
    };
}

static FIND: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM cards WHERE workspace_id = $1"));

static SAVE: Sql = Sql::Same(concat!(
    "INSERT INTO cards (workspace_id, ",
    columns!(),
    ")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT (workspace_id) DO UPDATE SET customer = excluded.customer, method = excluded.method, brand = excluded.brand,
        last_four = excluded.last_four, expires_year = excluded.expires_year, expires_month = excluded.expires_month,
        kept_at = excluded.kept_at, recharge_below = excluded.recharge_below, recharge_amount = excluded.recharge_amount,
        recharge_most = excluded.recharge_most, pays_plan = excluded.pays_plan, declines = excluded.declines,
        retry_at = excluded.retry_at, stopped_at = excluded.stopped_at"
));

static LOW: Sql = Sql::Same(
    "
    SELECT c.workspace_id FROM cards c
    JOIN accounts a ON a.workspace_id = c.workspace_id AND a.account = 'available' AND a.unit = 'micros'
    WHERE c.recharge_below > a.balance AND c.method IS NOT NULL AND c.stopped_at IS NULL AND c.retry_at <= $1 LIMIT $2",
);

static RENEWING: Sql = Sql::Same(
    "
    SELECT c.workspace_id FROM cards c
    JOIN subscriptions s ON s.workspace_id = c.workspace_id
    WHERE c.pays_plan = 1 AND c.method IS NOT NULL AND c.stopped_at IS NULL AND c.retry_at <= $1
      AND (s.standing = 'past_due' OR (s.standing IN ('active', 'trialing') AND s.period_until <= $2)) LIMIT $3",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] =
    &[("cards::FIND", &FIND), ("cards::SAVE", &SAVE), ("cards::LOW", &LOW), ("cards::RENEWING", &RENEWING)];

fn read(row: &Row) -> Result<Card, DbError> {
    Ok(Card {
        customer: row.text(0)?.to_owned(),
        method: row.opt_text(1)?.map(str::to_owned),
        brand: row.text(2)?.to_owned(),
        last_four: row.text(3)?.to_owned(),
        expires: (row.int(4)?, row.int(5)?),
        kept_at: json::timestamp(row.int(6)?)?,
        recharge_below: row.opt_int(7)?.map(Micros),
        recharge_amount: Micros(row.int(8)?),
        recharge_most: Micros(row.int(9)?),
        pays_plan: row.flag(10)?,
        declines: row.int(11)?,
        retry_at: json::timestamp(row.int(12)?)?,
        stopped_at: json::timestamp_or_none(row.opt_int(13)?)?,
    })
}

/// The workspace's card; nothing if it never had one.
pub fn find(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Card>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into()])?.as_ref().map(read).transpose()
}

/// Stores the workspace's card in place of what was there. Its row of `workspaces` has to be locked.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, row: &Card) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        row.customer.as_str().into(),
        row.method.clone().into(),
        row.brand.as_str().into(),
        row.last_four.as_str().into(),
        row.expires.0.into(),
        row.expires.1.into(),
        json::micros(row.kept_at).into(),
        row.recharge_below.map(|below| below.0).into(),
        row.recharge_amount.0.into(),
        row.recharge_most.0.into(),
        i64::from(row.pays_plan).into(),
        row.declines.into(),
        json::micros(row.retry_at).into(),
        row.stopped_at.map(json::micros).into(),
    ];
    tx.execute(&SAVE, &params).map(|_| ())
}

fn workspaces(rows: &[Row]) -> Result<Vec<WorkspaceId>, DbError> {
    rows.iter().map(|row| row.int(0).map(WorkspaceId)).collect()
}

/// Workspaces whose wallet is below the mark of their auto-recharge.
pub fn low(db: &Read<'_>, now: Timestamp, limit: i64) -> Result<Vec<WorkspaceId>, DbError> {
    workspaces(&db.query(&LOW, &[json::micros(now).into(), limit.into()])?)
}

/// Workspaces whose card may pay for their plan: the month is owed, or the next one begins before `until`.
pub fn renewing(db: &Read<'_>, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<WorkspaceId>, DbError> {
    workspaces(&db.query(&RENEWING, &[json::micros(now).into(), json::micros(until).into(), limit.into()])?)
}
