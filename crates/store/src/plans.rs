//! Plans that the operator offers. They belong to no workspace, and their terms are never changed.

use domain::ids::PlanId;
use domain::money::Micros;
use domain::plan::Terms;
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A plan as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its identifier.
    pub id: PlanId,
    /// Its name.
    pub name: String,
    /// `offered`, or `withdrawn` from those who do not have it yet.
    pub state: String,
    /// What it costs and gives.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
}

macro_rules! columns {
    () => {
        "plan_id, name, state, price, credits, rate_micros, numbers, trial_days, grace_days, created_at"
    };
}

static FIND: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM plans WHERE plan_id = $1"));

static LIST: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM plans ORDER BY plan_id"));

static INSERT: Sql =
    Sql::Same(concat!("INSERT INTO plans (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"));

static SET_STATE: Sql = Sql::Same("UPDATE plans SET state = $2 WHERE plan_id = $1");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] =
    &[("plans::FIND", &FIND), ("plans::LIST", &LIST), ("plans::INSERT", &INSERT), ("plans::SET_STATE", &SET_STATE)];

fn read(row: &Row) -> Result<Plan, DbError> {
    let terms = Terms {
        price: Micros(row.int(3)?),
        credits: row.int(4)?,
        rate: Micros(row.int(5)?),
        numbers: row.opt_int(6)?,
        trial_days: row.int(7)?,
        grace_days: row.int(8)?,
    };
    Ok(Plan {
        id: PlanId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        state: row.text(2)?.to_owned(),
        terms,
        created_at: json::timestamp(row.int(9)?)?,
    })
}

/// One plan, offered or not.
pub fn find(db: &Read<'_>, id: PlanId) -> Result<Option<Plan>, DbError> {
    db.query_optional(&FIND, &[id.0.into()])?.as_ref().map(read).transpose()
}

/// All plans, oldest first, withdrawn ones too. There are few.
pub fn list(db: &Read<'_>) -> Result<Vec<Plan>, DbError> {
    db.query(&LIST, &[])?.iter().map(read).collect()
}

/// Inserts a plan.
pub fn insert(tx: &mut Tx<'_>, plan: &Plan) -> Result<(), DbError> {
    let terms = plan.terms;
    let params = [
        plan.id.0.into(),
        plan.name.as_str().into(),
        plan.state.as_str().into(),
        terms.price.0.into(),
        terms.credits.into(),
        terms.rate.0.into(),
        terms.numbers.into(),
        terms.trial_days.into(),
        terms.grace_days.into(),
        json::micros(plan.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Offers a plan, or withdraws it.
pub fn set_state(tx: &mut Tx<'_>, id: PlanId, state: &str) -> Result<(), DbError> {
    tx.execute(&SET_STATE, &[id.0.into(), state.into()]).map(|_| ())
}
