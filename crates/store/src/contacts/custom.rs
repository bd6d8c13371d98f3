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

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("contacts::CUSTOM", &CUSTOM), ("contacts::ADD_CUSTOM", &ADD_CUSTOM)];

/// The workspace's own fields: key and name.
pub fn custom_fields(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(String, String)>, DbError> {
    let field = |row: &Row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
    db.query(&CUSTOM, &[workspace.0.into()])?.iter().map(field).collect()
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
