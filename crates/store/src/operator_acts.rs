//! What operators did to the installation itself: rows that are only ever added. What they do in a workspace is in its events.

use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// An act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its identifier, by the time of its making.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What, such as `plan_added`.
    pub kind: String,
    /// The facts of it, as a document.
    pub payload: String,
}

static INSERT: Sql =
    Sql::Same("INSERT INTO operator_acts (act_id, at, actor, kind, payload) VALUES ($1, $2, $3, $4, $5)");

static PAGE: Sql = Sql::Same(
    "
    SELECT act_id, at, actor, kind, payload FROM operator_acts WHERE act_id < $1 ORDER BY act_id DESC LIMIT $2",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("operator_acts::INSERT", &INSERT), ("operator_acts::PAGE", &PAGE)];

/// Adds an act.
pub fn insert(tx: &mut Tx<'_>, act: &Act) -> Result<(), DbError> {
    let text = |text: &str| text.to_owned().into();
    let params = [act.id.into(), json::micros(act.at).into(), text(&act.actor), text(&act.kind), text(&act.payload)];
    tx.execute(&INSERT, &params).map(|_| ())
}

fn read(row: &Row) -> Result<Act, DbError> {
    Ok(Act {
        id: row.int(0)?,
        at: json::timestamp(row.int(1)?)?,
        actor: row.text(2)?.to_owned(),
        kind: row.text(3)?.to_owned(),
        payload: row.text(4)?.to_owned(),
    })
}

/// Acts before the given one, newest first.
pub fn page(db: &Read<'_>, before: i64, limit: i64) -> Result<Vec<Act>, DbError> {
    db.query(&PAGE, &[before.into(), limit.into()])?.iter().map(read).collect()
}
