//! Accounts at carriers.
//!
//! [`all`] and [`version`] are the two reads over all workspaces: every node holds every account open, as any of them may
//! be called by a carrier. There are as many accounts as workspaces that send, not as contacts.

use domain::ids::{CarrierId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The identifier.
    pub id: CarrierId,
    /// Which carrier.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Its settings, sealed.
    pub sealed: Vec<u8>,
    /// The secret part of the address that the carrier calls.
    pub hook_key: String,
    /// The one before, as long as it is still taken.
    pub hook_key_before: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

macro_rules! columns {
    () => {
        "workspace_id, carrier_id, kind, name, sealed, hook_key, hook_key_before, created_at, changed_at"
    };
}

static ALL_OPEN: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM carriers WHERE removed_at IS NULL"));

/// Each change makes the time since the making longer, whatever the clocks of the nodes say.
static VERSION: Sql =
    Sql::Same("SELECT COUNT(*), CAST(COALESCE(SUM(changed_at - created_at), 0) AS BIGINT) FROM carriers");

static LIST: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM carriers WHERE workspace_id = $1 AND removed_at IS NULL ORDER BY carrier_id"
));

static FIND: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM carriers WHERE workspace_id = $1 AND carrier_id = $2 AND removed_at IS NULL"
));

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO carriers (workspace_id, carrier_id, kind, name, sealed, hook_key, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
);

static CHANGE: Sql = Sql::Same(
    "
    UPDATE carriers SET name = $3, sealed = $4, hook_key = $5, hook_key_before = $6, changed_at = $7
    WHERE workspace_id = $1 AND carrier_id = $2 AND removed_at IS NULL",
);

/// What was sealed goes; the row stays, as messages were sent by it.
static REMOVE: Sql = Sql::Same(
    "
    UPDATE carriers SET removed_at = $3, changed_at = $3, sealed = $4, hook_key_before = NULL
    WHERE workspace_id = $1 AND carrier_id = $2 AND removed_at IS NULL",
);

static NUMBERS: Sql = Sql::Same(
    "
    SELECT COUNT(*) FROM numbers WHERE workspace_id = $1 AND carrier = $2 AND state <> 'lost'",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("carriers::ALL_OPEN", &ALL_OPEN),
    ("carriers::VERSION", &VERSION),
    ("carriers::LIST", &LIST),
    ("carriers::FIND", &FIND),
    ("carriers::INSERT", &INSERT),
    ("carriers::CHANGE", &CHANGE),
    ("carriers::REMOVE", &REMOVE),
    ("carriers::NUMBERS", &NUMBERS),
];

fn read(row: &Row) -> Result<Carrier, DbError> {
    Ok(Carrier {
        workspace: WorkspaceId(row.int(0)?),
        id: CarrierId(row.int(1)?),
        kind: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        sealed: row.bytes(4)?.to_vec(),
        hook_key: row.text(5)?.to_owned(),
        hook_key_before: row.opt_text(6)?.map(str::to_owned),
        created_at: json::timestamp(row.int(7)?)?,
        changed_at: json::timestamp(row.int(8)?)?,
    })
}

/// All accounts of all workspaces.
pub fn all(db: &Read<'_>) -> Result<Vec<Carrier>, DbError> {
    db.query(&ALL_OPEN, &[])?.iter().map(read).collect()
}

/// A mark that is another whenever an account was added, changed or removed, in any workspace.
pub fn version(db: &Read<'_>) -> Result<(i64, i64), DbError> {
    let row = db.query_one(&VERSION, &[])?;
    Ok((row.int(0)?, row.int(1)?))
}

/// The accounts of a workspace, the oldest first.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Carrier>, DbError> {
    db.query(&LIST, &[workspace.0.into()])?.iter().map(read).collect()
}

/// One account.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: CarrierId) -> Result<Option<Carrier>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// Inserts an account.
pub fn insert(tx: &mut Tx<'_>, carrier: &Carrier) -> Result<(), DbError> {
    let params = [
        carrier.workspace.0.into(),
        carrier.id.0.into(),
        carrier.kind.as_str().into(),
        carrier.name.as_str().into(),
        carrier.sealed.as_slice().into(),
        carrier.hook_key.as_str().into(),
        json::micros(carrier.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites name, settings and keys of an account; false if there is none.
pub fn change(tx: &mut Tx<'_>, carrier: &Carrier) -> Result<bool, DbError> {
    let params = [
        carrier.workspace.0.into(),
        carrier.id.0.into(),
        carrier.name.as_str().into(),
        carrier.sealed.as_slice().into(),
        carrier.hook_key.as_str().into(),
        carrier.hook_key_before.as_deref().into(),
        json::micros(carrier.changed_at).into(),
    ];
    Ok(tx.execute(&CHANGE, &params)? == 1)
}

/// Removes an account and forgets what was sealed; false if there is none.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, id: CarrierId, now: Timestamp) -> Result<bool, DbError> {
    let nothing: &[u8] = &[];
    let params = [workspace.0.into(), id.0.into(), json::micros(now).into(), nothing.into()];
    Ok(tx.execute(&REMOVE, &params)? == 1)
}

/// How many numbers, but for lost ones, a carrier of this name sends for.
pub fn numbers(db: &Read<'_>, workspace: WorkspaceId, carrier: &str) -> Result<i64, DbError> {
    db.query_one(&NUMBERS, &[workspace.0.into(), carrier.into()])?.int(0)
}
