//! Users and API keys. A secret is never stored, only its hash.

use domain::ids::{KeyId, UserId, WorkspaceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The identifier.
    pub id: UserId,
    /// The address, as it was given.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role's word.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The time zone in which pages show times to them; nothing is the workspace's.
    #[serde(default)]
    pub zone: Option<String>,
    /// Since when they run the installation, and not only the workspace; nothing if they do not.
    #[serde(default)]
    pub operator_at: Option<Timestamp>,
}

impl User {
    /// Whether this is their address, as addresses are compared.
    #[must_use]
    pub fn is_called(&self, email: &str) -> bool {
        email_key(&self.email) == email_key(email)
    }
}

/// An API key as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The identifier.
    pub id: KeyId,
    /// What it is called.
    pub name: String,
    /// The hash of its secret; written to the table alone, never into a document.
    #[serde(skip)]
    pub secret_hash: String,
    /// The words of its permissions.
    pub permissions: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

static INSERT_USER: Sql = Sql::Same(
    "
    INSERT INTO users (workspace_id, user_id, email, email_key, name, role, password_hash, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);

static INSERT_SIGN_IN: Sql = Sql::Same("INSERT INTO sign_ins (email_key, workspace_id, user_id) VALUES ($2, $1, $3)");

static REMOVE_SIGN_IN: Sql = Sql::Same(
    "
    DELETE FROM sign_ins
    WHERE email_key = (SELECT email_key FROM users WHERE workspace_id = $1 AND user_id = $2) AND workspace_id = $1",
);

static FIND_USER: Sql = Sql::Same(
    "
    SELECT user_id, email, name, role, created_at, zone, operator_at, password_hash FROM users
    WHERE workspace_id = $1 AND user_id = $2",
);

static SET_PASSWORD: Sql = Sql::Same("UPDATE users SET password_hash = $3 WHERE workspace_id = $1 AND user_id = $2");

/// The one read of users without a workspace: nobody types a workspace to sign in.
static BY_ADDRESS: Sql = Sql::Same(
    "
    SELECT s.workspace_id, u.user_id, u.email, u.name, u.role, u.created_at, u.zone, u.operator_at, u.password_hash
    FROM sign_ins s
    JOIN users u ON u.workspace_id = s.workspace_id AND u.user_id = s.user_id
    WHERE s.email_key = $1
    ORDER BY s.workspace_id
    LIMIT $2",
);

/// Whether there is anybody, in whichever workspace: asked before there is a workspace.
static ANYBODY: Sql = Sql::Same("SELECT email_key FROM sign_ins LIMIT 1");

/// No address is empty: this row only says that the first owner was made, and makes a second one wait and find it.
static FIRST: Sql = Sql::Same(
    "
    INSERT INTO sign_ins (email_key, workspace_id, user_id) VALUES ('', 0, 0)
    ON CONFLICT (email_key, workspace_id) DO NOTHING",
);

static LIST_USERS: Sql = Sql::Same(
    "
    SELECT user_id, email, name, role, created_at, zone, operator_at FROM users WHERE workspace_id = $1 ORDER BY user_id",
);

static LOCK_USERS: Sql = Sql::Twin {
    sqlite: "SELECT user_id, email, name, role, created_at, zone, operator_at FROM users WHERE workspace_id = $1 ORDER BY user_id",
    postgres: "
        SELECT user_id, email, name, role, created_at, zone, operator_at FROM users WHERE workspace_id = $1 ORDER BY user_id FOR UPDATE",
};

static CHANGE_USER: Sql = Sql::Same("UPDATE users SET name = $3, role = $4 WHERE workspace_id = $1 AND user_id = $2");

static RENAME: Sql = Sql::Same("UPDATE users SET name = $3 WHERE workspace_id = $1 AND user_id = $2");

static SET_ZONE: Sql = Sql::Same("UPDATE users SET zone = $3 WHERE workspace_id = $1 AND user_id = $2");

static SET_OPERATOR: Sql = Sql::Same("UPDATE users SET operator_at = $3 WHERE workspace_id = $1 AND user_id = $2");

static REMOVE_USER: Sql = Sql::Same("DELETE FROM users WHERE workspace_id = $1 AND user_id = $2");

static TAKEN: Sql = Sql::Same("SELECT user_id FROM users WHERE workspace_id = $1 AND email_key = $2");

static INSERT_KEY: Sql = Sql::Same(
    "
    INSERT INTO api_keys (workspace_id, key_id, name, secret_hash, permissions, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)",
);

static FIND_KEY: Sql = Sql::Same(
    "
    SELECT key_id, name, secret_hash, permissions, created_at, used_at, revoked_at FROM api_keys
    WHERE workspace_id = $1 AND key_id = $2",
);

static LIST_KEYS: Sql = Sql::Same(
    "
    SELECT key_id, name, secret_hash, permissions, created_at, used_at, revoked_at FROM api_keys
    WHERE workspace_id = $1 ORDER BY key_id",
);

static USE_KEY: Sql = Sql::Same("UPDATE api_keys SET used_at = $3 WHERE workspace_id = $1 AND key_id = $2");

static REVOKE_KEY: Sql = Sql::Same(
    "
    UPDATE api_keys SET revoked_at = $3 WHERE workspace_id = $1 AND key_id = $2 AND revoked_at IS NULL",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("users::INSERT_USER", &INSERT_USER),
    ("users::INSERT_SIGN_IN", &INSERT_SIGN_IN),
    ("users::REMOVE_SIGN_IN", &REMOVE_SIGN_IN),
    ("users::FIND_USER", &FIND_USER),
    ("users::SET_PASSWORD", &SET_PASSWORD),
    ("users::BY_ADDRESS", &BY_ADDRESS),
    ("users::ANYBODY", &ANYBODY),
    ("users::FIRST", &FIRST),
    ("users::LIST_USERS", &LIST_USERS),
    ("users::LOCK_USERS", &LOCK_USERS),
    ("users::CHANGE_USER", &CHANGE_USER),
    ("users::RENAME", &RENAME),
    ("users::SET_ZONE", &SET_ZONE),
    ("users::SET_OPERATOR", &SET_OPERATOR),
    ("users::REMOVE_USER", &REMOVE_USER),
    ("users::TAKEN", &TAKEN),
    ("users::INSERT_KEY", &INSERT_KEY),
    ("users::FIND_KEY", &FIND_KEY),
    ("users::LIST_KEYS", &LIST_KEYS),
    ("users::USE_KEY", &USE_KEY),
    ("users::REVOKE_KEY", &REVOKE_KEY),
];

/// An address as it is compared: without outer spaces and case.
fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The user who has this address in the workspace.
pub fn by_email(db: &Read<'_>, workspace: WorkspaceId, email: &str) -> Result<Option<UserId>, DbError> {
    let row = db.query_optional(&TAKEN, &[workspace.0.into(), email_key(email).into()])?;
    row.map(|row| row.int(0).map(UserId)).transpose()
}

/// Inserts a user. An address that is taken in the workspace is a constraint error.
pub fn insert(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    user: &User,
    password_hash: Option<&str>,
) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        user.id.0.into(),
        user.email.as_str().into(),
        email_key(&user.email).into(),
        user.name.as_str().into(),
        user.role.as_str().into(),
        password_hash.into(),
        json::micros(user.created_at).into(),
    ];
    tx.execute(&INSERT_USER, &params)?;
    let sign_in = [workspace.0.into(), email_key(&user.email).into(), user.id.0.into()];
    tx.execute(&INSERT_SIGN_IN, &sign_in).map(|_| ())
}

/// A user with the hash of their password.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: UserId) -> Result<Option<(User, Option<String>)>, DbError> {
    let row = db.query_optional(&FIND_USER, &[workspace.0.into(), id.0.into()])?;
    row.map(|row| Ok((user(&row)?, row.opt_text(7)?.map(str::to_owned)))).transpose()
}

/// Everybody who has this address, in the order of their workspaces, with the hashes of their passwords; at most so many.
pub fn by_address(db: &Read<'_>, email: &str, limit: i64) -> Result<Vec<(WorkspaceId, User, Option<String>)>, DbError> {
    let rows = db.query(&BY_ADDRESS, &[email_key(email).into(), limit.into()])?;
    let read = |row: &Row| {
        let user = User {
            id: UserId(row.int(1)?),
            email: row.text(2)?.to_owned(),
            name: row.text(3)?.to_owned(),
            role: row.text(4)?.to_owned(),
            created_at: json::timestamp(row.int(5)?)?,
            zone: row.opt_text(6)?.map(str::to_owned),
            operator_at: json::timestamp_or_none(row.opt_int(7)?)?,
        };
        Ok((WorkspaceId(row.int(0)?), user, row.opt_text(8)?.map(str::to_owned)))
    };
    rows.iter().map(read).collect()
}

/// Whether there is anybody in the whole database, or was when it was set up.
pub fn anybody(db: &Read<'_>) -> Result<bool, DbError> {
    Ok(db.query_optional(&ANYBODY, &[])?.is_some())
}

/// Takes the place of whoever makes the first user of the database; false if somebody has it.
pub fn be_first(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    Ok(!anybody(tx)? && tx.execute(&FIRST, &[])? == 1)
}

/// Overwrites the hash of a user's password.
pub fn set_password(tx: &mut Tx<'_>, workspace: WorkspaceId, id: UserId, hash: &str) -> Result<(), DbError> {
    tx.execute(&SET_PASSWORD, &[workspace.0.into(), id.0.into(), hash.into()]).map(|_| ())
}

fn user(row: &Row) -> Result<User, DbError> {
    Ok(User {
        id: UserId(row.int(0)?),
        email: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        role: row.text(3)?.to_owned(),
        created_at: json::timestamp(row.int(4)?)?,
        zone: row.opt_text(5)?.map(str::to_owned),
        operator_at: json::timestamp_or_none(row.opt_int(6)?)?,
    })
}

/// All users of a workspace.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<User>, DbError> {
    db.query(&LIST_USERS, &[workspace.0.into()])?.iter().map(user).collect()
}

/// All users of a workspace, locked until the transaction ends: who is the last owner is decided from all of them.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Vec<User>, DbError> {
    tx.query_write(&LOCK_USERS, &[workspace.0.into()])?.iter().map(user).collect()
}

/// Overwrites a user's name and role.
pub fn change(tx: &mut Tx<'_>, workspace: WorkspaceId, user: &User) -> Result<(), DbError> {
    let params = [workspace.0.into(), user.id.0.into(), user.name.as_str().into(), user.role.as_str().into()];
    tx.execute(&CHANGE_USER, &params).map(|_| ())
}

/// Overwrites a user's name alone.
pub fn rename(tx: &mut Tx<'_>, workspace: WorkspaceId, id: UserId, name: &str) -> Result<(), DbError> {
    tx.execute(&RENAME, &[workspace.0.into(), id.0.into(), name.into()]).map(|_| ())
}

/// Overwrites the zone in which a user is shown times; nothing is the workspace's.
pub fn set_zone(tx: &mut Tx<'_>, workspace: WorkspaceId, id: UserId, zone: Option<&str>) -> Result<(), DbError> {
    tx.execute(&SET_ZONE, &[workspace.0.into(), id.0.into(), zone.into()]).map(|_| ())
}

/// Since when a user runs the installation; nothing takes it from them.
pub fn set_operator(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: UserId,
    since: Option<Timestamp>,
) -> Result<(), DbError> {
    let params = [workspace.0.into(), id.0.into(), since.map(json::micros).into()];
    tx.execute(&SET_OPERATOR, &params).map(|_| ())
}

/// Removes a user. What they did stays in the history under their identifier.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, id: UserId) -> Result<(), DbError> {
    tx.execute(&REMOVE_SIGN_IN, &[workspace.0.into(), id.0.into()])?;
    tx.execute(&REMOVE_USER, &[workspace.0.into(), id.0.into()]).map(|_| ())
}

fn key(row: &Row) -> Result<ApiKey, DbError> {
    Ok(ApiKey {
        id: KeyId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        secret_hash: row.text(2)?.to_owned(),
        permissions: row.text(3)?.to_owned(),
        created_at: json::timestamp(row.int(4)?)?,
        used_at: json::timestamp_or_none(row.opt_int(5)?)?,
        revoked_at: json::timestamp_or_none(row.opt_int(6)?)?,
    })
}

/// Inserts a key.
pub fn insert_key(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &ApiKey) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        key.id.0.into(),
        key.name.as_str().into(),
        key.secret_hash.as_str().into(),
        key.permissions.as_str().into(),
        json::micros(key.created_at).into(),
    ];
    tx.execute(&INSERT_KEY, &params).map(|_| ())
}

/// One key, revoked or not.
pub fn find_key(db: &Read<'_>, workspace: WorkspaceId, id: KeyId) -> Result<Option<ApiKey>, DbError> {
    db.query_optional(&FIND_KEY, &[workspace.0.into(), id.0.into()])?.as_ref().map(key).transpose()
}

/// All keys of a workspace.
pub fn keys(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<ApiKey>, DbError> {
    db.query(&LIST_KEYS, &[workspace.0.into()])?.iter().map(key).collect()
}

/// Remembers when a key was used.
pub fn use_key(tx: &mut Tx<'_>, workspace: WorkspaceId, id: KeyId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(&USE_KEY, &[workspace.0.into(), id.0.into(), json::micros(now).into()]).map(|_| ())
}

/// Revokes a key; false if there is none or it was revoked before.
pub fn revoke_key(tx: &mut Tx<'_>, workspace: WorkspaceId, id: KeyId, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&REVOKE_KEY, &[workspace.0.into(), id.0.into(), json::micros(now).into()])? == 1)
}
