//! Sessions: who is signed in, in which browser. Only the hash of a session's secret is stored.

use domain::ids::{SessionId, UserId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The identifier.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The hash of its secret.
    pub secret_hash: String,
    /// What the browser called itself.
    pub agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to some minutes.
    pub used_at: Timestamp,
}

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO sessions (workspace_id, session_id, user_id, secret_hash, agent, created_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

static FIND: Sql = Sql::Same(
    "
    SELECT session_id, user_id, secret_hash, agent, created_at, used_at FROM sessions
    WHERE workspace_id = $1 AND session_id = $2",
);

static OF_USER: Sql = Sql::Same(
    "
    SELECT session_id, user_id, secret_hash, agent, created_at, used_at FROM sessions
    WHERE workspace_id = $1 AND user_id = $2 ORDER BY session_id DESC LIMIT $3",
);

static USE: Sql = Sql::Same("UPDATE sessions SET used_at = $3 WHERE workspace_id = $1 AND session_id = $2");

static END: Sql = Sql::Same("DELETE FROM sessions WHERE workspace_id = $1 AND session_id = $2 AND user_id = $3");

static END_OTHERS: Sql =
    Sql::Same("DELETE FROM sessions WHERE workspace_id = $1 AND user_id = $2 AND session_id <> $3");

static END_ALL: Sql = Sql::Same("DELETE FROM sessions WHERE workspace_id = $1 AND user_id = $2");

static SWEEP: Sql = Sql::Same(
    "
    DELETE FROM sessions
    WHERE workspace_id = $1 AND user_id = $2 AND (used_at < $3 OR created_at < $4)",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("sessions::INSERT", &INSERT),
    ("sessions::FIND", &FIND),
    ("sessions::OF_USER", &OF_USER),
    ("sessions::USE", &USE),
    ("sessions::END", &END),
    ("sessions::END_OTHERS", &END_OTHERS),
    ("sessions::END_ALL", &END_ALL),
    ("sessions::SWEEP", &SWEEP),
];

fn read(row: &Row) -> Result<Session, DbError> {
    Ok(Session {
        id: SessionId(row.int(0)?),
        user: UserId(row.int(1)?),
        secret_hash: row.text(2)?.to_owned(),
        agent: row.text(3)?.to_owned(),
        created_at: json::timestamp(row.int(4)?)?,
        used_at: json::timestamp(row.int(5)?)?,
    })
}

/// Begins a session.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, session: &Session) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        session.id.0.into(),
        session.user.0.into(),
        session.secret_hash.as_str().into(),
        session.agent.as_str().into(),
        json::micros(session.created_at).into(),
        json::micros(session.used_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// One session.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: SessionId) -> Result<Option<Session>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// A user's sessions, newest first.
pub fn of_user(db: &Read<'_>, workspace: WorkspaceId, user: UserId, limit: i64) -> Result<Vec<Session>, DbError> {
    db.query(&OF_USER, &[workspace.0.into(), user.0.into(), limit.into()])?.iter().map(read).collect()
}

/// Notes that a session was used.
pub fn touch(tx: &mut Tx<'_>, workspace: WorkspaceId, id: SessionId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(&USE, &[workspace.0.into(), id.0.into(), json::micros(now).into()]).map(|_| ())
}

/// Ends one session of a user; false if there was none.
pub fn end(tx: &mut Tx<'_>, workspace: WorkspaceId, user: UserId, id: SessionId) -> Result<bool, DbError> {
    Ok(tx.execute(&END, &[workspace.0.into(), id.0.into(), user.0.into()])? == 1)
}

/// Ends all sessions of a user but this one; answers how many.
pub fn end_others(tx: &mut Tx<'_>, workspace: WorkspaceId, user: UserId, but: SessionId) -> Result<u64, DbError> {
    tx.execute(&END_OTHERS, &[workspace.0.into(), user.0.into(), but.0.into()])
}

/// Ends all sessions of a user; answers how many.
pub fn end_all(tx: &mut Tx<'_>, workspace: WorkspaceId, user: UserId) -> Result<u64, DbError> {
    tx.execute(&END_ALL, &[workspace.0.into(), user.0.into()])
}

/// Lets go of a user's sessions that were used last or began before these times.
pub fn sweep(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    user: UserId,
    used: Timestamp,
    begun: Timestamp,
) -> Result<(), DbError> {
    let params = [workspace.0.into(), user.0.into(), json::micros(used).into(), json::micros(begun).into()];
    tx.execute(&SWEEP, &params).map(|_| ())
}
