//! The workspace's own fields of contacts.

use domain::ids::WorkspaceId;
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

static CUSTOM: Sql = Sql::Same("SELECT field_key, name FROM custom_fields WHERE workspace_id = $1 ORDER BY field_key");

static ADD_CUSTOM: Sql = Sql::Same(
    "
    INSERT INTO custom_fields (workspace_id, field_key, name, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (workspace_id, field_key) DO NOTHING",
);

static KEEP_CUSTOM: Sql = Sql::Twin {
    sqlite: "SELECT field_key, name FROM custom_fields WHERE workspace_id = $1 ORDER BY field_key",
    postgres: "SELECT field_key, name FROM custom_fields WHERE workspace_id = $1 ORDER BY field_key FOR SHARE",
};

static RENAME_CUSTOM: Sql = Sql::Same("UPDATE custom_fields SET name = $3 WHERE workspace_id = $1 AND field_key = $2");

static REMOVE_CUSTOM: Sql = Sql::Same("DELETE FROM custom_fields WHERE workspace_id = $1 AND field_key = $2");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("contacts::CUSTOM", &CUSTOM),
    ("contacts::ADD_CUSTOM", &ADD_CUSTOM),
    ("contacts::KEEP_CUSTOM", &KEEP_CUSTOM),
    ("contacts::RENAME_CUSTOM", &RENAME_CUSTOM),
    ("contacts::REMOVE_CUSTOM", &REMOVE_CUSTOM),
];

fn field(row: &Row) -> Result<(String, String), DbError> {
    Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))
}

/// The workspace's own fields: key and name.
pub fn custom_fields(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(String, String)>, DbError> {
    db.query(&CUSTOM, &[workspace.0.into()])?.iter().map(field).collect()
}

/// As [`custom_fields`], and kept from going until the transaction ends: what is written by their names stays true.
pub fn keep_custom_fields(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Vec<(String, String)>, DbError> {
    tx.query_write(&KEEP_CUSTOM, &[workspace.0.into()])?.iter().map(field).collect()
}

/// Adds a field of the workspace's own; a key that is there already keeps its name.
pub fn add_custom_field(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    key: &str,
    name: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(&ADD_CUSTOM, &[workspace.0.into(), key.into(), name.into(), json::micros(now).into()]).map(|_| ())
}

/// Writes a field's name anew; false if there is no such field.
pub fn rename_custom_field(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str, name: &str) -> Result<bool, DbError> {
    Ok(tx.execute(&RENAME_CUSTOM, &[workspace.0.into(), key.into(), name.into()])? == 1)
}

/// Takes a field from the workspace's own; false if there is none. What contacts have in it stays with them.
pub fn remove_custom_field(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<bool, DbError> {
    Ok(tx.execute(&REMOVE_CUSTOM, &[workspace.0.into(), key.into()])? == 1)
}
