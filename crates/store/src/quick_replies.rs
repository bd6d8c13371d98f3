//! Texts that the people of a workspace write often, in an order of their own.

use domain::ids::{ReplyId, WorkspaceId};
use serde::Serialize;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A quick reply as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuickReply {
    /// The identifier.
    pub id: ReplyId,
    /// What it is called.
    pub name: String,
    /// The text that it puts into the composer.
    pub text: String,
}

static LIST: Sql = Sql::Same(
    "
    SELECT reply_id, name, body FROM quick_replies WHERE workspace_id = $1 ORDER BY position, reply_id",
);

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO quick_replies (workspace_id, reply_id, name, body, position)
    SELECT $1, $2, $3, $4, COALESCE(MAX(position), 0) + 1 FROM quick_replies WHERE workspace_id = $1",
);

static CHANGE: Sql =
    Sql::Same("UPDATE quick_replies SET name = $3, body = $4 WHERE workspace_id = $1 AND reply_id = $2");

static REMOVE: Sql = Sql::Same("DELETE FROM quick_replies WHERE workspace_id = $1 AND reply_id = $2");

static ORDER: Sql = Sql::Twin {
    sqlite: "
        UPDATE quick_replies SET position = ordered.position
        FROM (SELECT value ->> 'id' AS id, value ->> 'position' AS position FROM json_each($2)) AS ordered
        WHERE workspace_id = $1 AND reply_id = ordered.id",
    postgres: "
        UPDATE quick_replies SET position = ordered.position
        FROM jsonb_to_recordset($2::text::jsonb) AS ordered (id BIGINT, position BIGINT)
        WHERE workspace_id = $1 AND reply_id = ordered.id",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("quick_replies::LIST", &LIST),
    ("quick_replies::INSERT", &INSERT),
    ("quick_replies::CHANGE", &CHANGE),
    ("quick_replies::REMOVE", &REMOVE),
    ("quick_replies::ORDER", &ORDER),
];

fn read(row: &Row) -> Result<QuickReply, DbError> {
    Ok(QuickReply { id: ReplyId(row.int(0)?), name: row.text(1)?.to_owned(), text: row.text(2)?.to_owned() })
}

/// All quick replies in the workspace's order.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<QuickReply>, DbError> {
    db.query(&LIST, &[workspace.0.into()])?.iter().map(read).collect()
}

/// Inserts a quick reply, last in the order.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, reply: &QuickReply) -> Result<(), DbError> {
    let params = [workspace.0.into(), reply.id.0.into(), reply.name.as_str().into(), reply.text.as_str().into()];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites name and text; false if there is no such quick reply.
pub fn change(tx: &mut Tx<'_>, workspace: WorkspaceId, reply: &QuickReply) -> Result<bool, DbError> {
    let params = [workspace.0.into(), reply.id.0.into(), reply.name.as_str().into(), reply.text.as_str().into()];
    Ok(tx.execute(&CHANGE, &params)? == 1)
}

/// Removes a quick reply; false if there is none.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ReplyId) -> Result<bool, DbError> {
    Ok(tx.execute(&REMOVE, &[workspace.0.into(), id.0.into()])? == 1)
}

#[derive(Serialize)]
struct Place {
    id: i64,
    position: i64,
}

/// Puts quick replies into this order.
pub fn order(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[ReplyId]) -> Result<(), DbError> {
    let places: Vec<Place> = (1..).zip(ids).map(|(position, id)| Place { id: id.0, position }).collect();
    tx.execute(&ORDER, &[workspace.0.into(), json::text(&places)?.into()]).map(|_| ())
}
