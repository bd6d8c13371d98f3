//! Links that were given out to join a workspace or to set a password. Only the hash of a link's secret is stored.

use domain::ids::{InvitationId, UserId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// An invitation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The identifier.
    pub id: InvitationId,
    /// Whose password it sets; nothing where it makes a user.
    pub user: Option<UserId>,
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role's word.
    pub role: String,
    /// The hash of its secret.
    pub secret_hash: String,
    /// Who made it, as events name them.
    pub made_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO invitations (workspace_id, invitation_id, user_id, email, name, role, secret_hash, made_by,
        created_at, expires_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)",
);

static FIND: Sql = Sql::Same(
    "
    SELECT invitation_id, user_id, email, name, role, secret_hash, made_by, created_at, expires_at, used_at
    FROM invitations WHERE workspace_id = $1 AND invitation_id = $2",
);

static OPEN: Sql = Sql::Same(
    "
    SELECT invitation_id, user_id, email, name, role, secret_hash, made_by, created_at, expires_at, used_at
    FROM invitations WHERE workspace_id = $1 AND used_at IS NULL AND expires_at > $2 ORDER BY invitation_id LIMIT $3",
);

static USE: Sql = Sql::Same(
    "
    UPDATE invitations SET used_at = $3
    WHERE workspace_id = $1 AND invitation_id = $2 AND used_at IS NULL AND expires_at > $3",
);

static REMOVE: Sql =
    Sql::Same("DELETE FROM invitations WHERE workspace_id = $1 AND invitation_id = $2 AND used_at IS NULL");

static REPLACE: Sql = Sql::Same(
    "
    DELETE FROM invitations
    WHERE workspace_id = $1 AND used_at IS NULL AND (LOWER(email) = LOWER($2) OR expires_at <= $3)",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("invitations::INSERT", &INSERT),
    ("invitations::FIND", &FIND),
    ("invitations::OPEN", &OPEN),
    ("invitations::USE", &USE),
    ("invitations::REMOVE", &REMOVE),
    ("invitations::REPLACE", &REPLACE),
];

fn read(row: &Row) -> Result<Invitation, DbError> {
    Ok(Invitation {
        id: InvitationId(row.int(0)?),
        user: row.opt_int(1)?.map(UserId),
        email: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        role: row.text(4)?.to_owned(),
        secret_hash: row.text(5)?.to_owned(),
        made_by: row.text(6)?.to_owned(),
        created_at: json::timestamp(row.int(7)?)?,
        expires_at: json::timestamp(row.int(8)?)?,
        used_at: json::timestamp_or_none(row.opt_int(9)?)?,
    })
}

/// Keeps an invitation. Open ones for the same address are gone then, and those that have expired.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, one: &Invitation) -> Result<(), DbError> {
    let same = [workspace.0.into(), one.email.as_str().into(), json::micros(one.created_at).into()];
    tx.execute(&REPLACE, &same)?;
    let params = [
        workspace.0.into(),
        one.id.0.into(),
        one.user.map(|user| user.0).into(),
        one.email.as_str().into(),
        one.name.as_str().into(),
        one.role.as_str().into(),
        one.secret_hash.as_str().into(),
        one.made_by.as_str().into(),
        json::micros(one.created_at).into(),
        json::micros(one.expires_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// One invitation, used or not.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: InvitationId) -> Result<Option<Invitation>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// The invitations that can still be used, oldest first.
pub fn open(db: &Read<'_>, workspace: WorkspaceId, now: Timestamp, limit: i64) -> Result<Vec<Invitation>, DbError> {
    db.query(&OPEN, &[workspace.0.into(), json::micros(now).into(), limit.into()])?.iter().map(read).collect()
}

/// Uses an invitation; false if that was done before, or it has expired or is gone.
pub fn take(tx: &mut Tx<'_>, workspace: WorkspaceId, id: InvitationId, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&USE, &[workspace.0.into(), id.0.into(), json::micros(now).into()])? == 1)
}

/// Removes an invitation; false if there is none that is open.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, id: InvitationId) -> Result<bool, DbError> {
    Ok(tx.execute(&REMOVE, &[workspace.0.into(), id.0.into()])? == 1)
}
