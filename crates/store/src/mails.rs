//! E-mails to the people of a workspace, from the transaction of the event that they tell until the mail server has taken them.
//!
//! | who | does |
//! |---|---|
//! | the transaction of an event | adds a row for each person |
//! | a postman's claim | takes one that is due, under the lock of that row: its try has a number, and a time until which it may last |
//! | its settlement | closes it or puts it off, where it is that very try's still |

use domain::ids::{EventId, UserId, WorkspaceId};
use domain::mail::MailState;
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, Tx, json};

/// Which mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// What it tells.
    pub event: EventId,
    /// Whom.
    pub user: UserId,
}

/// A mail that was taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The number of this try.
    pub tries: i64,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
    /// Since when it is to be sent.
    pub queued_at: Timestamp,
}

/// A mail as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Which.
    pub key: Key,
    /// Where it stands.
    pub state: MailState,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    /// What the mail server said last.
    pub said: Option<String>,
}

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO mails (workspace_id, event_id, user_id, subject, body, state, tries, due_at, queued_at)
    VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6)",
);

static TOLD_SINCE: Sql =
    Sql::Same("SELECT COUNT(DISTINCT event_id) FROM mails WHERE workspace_id = $1 AND event_id > $2");

static DUE: Sql =
    Sql::Same("SELECT workspace_id, event_id, user_id FROM mails WHERE due_at <= $1 ORDER BY due_at LIMIT $2");

/// The row is locked by this: whoever comes second waits, and finds it due no more.
static TAKE: Sql = Sql::Same(
    "
    UPDATE mails SET state = 'sending', tries = tries + 1, due_at = $5, tried_at = $4
    WHERE workspace_id = $1 AND event_id = $2 AND user_id = $3 AND due_at <= $4
    RETURNING tries, subject, body, queued_at",
);

static SETTLE: Sql = Sql::Same(
    "
    UPDATE mails SET state = $5, due_at = $6, said = $7
    WHERE workspace_id = $1 AND event_id = $2 AND user_id = $3 AND tries = $4 AND state = 'sending'",
);

static OF: Sql = Sql::Same(
    "
    SELECT workspace_id, event_id, user_id, state, tries, due_at, said FROM mails
    WHERE workspace_id = $1 AND event_id > $2 ORDER BY event_id, user_id LIMIT $3",
);

static FORGET: Sql = Sql::Same(
    "
    DELETE FROM mails WHERE workspace_id = $1 AND (event_id, user_id) IN (
        SELECT event_id, user_id FROM mails WHERE workspace_id = $1 AND event_id < $2 ORDER BY event_id, user_id LIMIT $3)",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("mails::INSERT", &INSERT),
    ("mails::TOLD_SINCE", &TOLD_SINCE),
    ("mails::DUE", &DUE),
    ("mails::TAKE", &TAKE),
    ("mails::SETTLE", &SETTLE),
    ("mails::OF", &OF),
    ("mails::FORGET", &FORGET),
];

fn key(row: &Row) -> Result<Key, DbError> {
    Ok(Key { workspace: WorkspaceId(row.int(0)?), event: EventId(row.int(1)?), user: UserId(row.int(2)?) })
}

/// Queues a mail, due at once.
pub fn insert(tx: &mut Tx<'_>, key: Key, subject: &str, body: &str, now: Timestamp) -> Result<(), DbError> {
    let params = [
        key.workspace.0.into(),
        key.event.0.into(),
        key.user.0.into(),
        subject.into(),
        body.into(),
        json::micros(now).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// How many events after this one were told by mail.
pub fn told_since(db: &Read<'_>, workspace: WorkspaceId, after: EventId) -> Result<i64, DbError> {
    db.query_one(&TOLD_SINCE, &[workspace.0.into(), after.0.into()])?.int(0)
}

/// What is due in all workspaces, the longest due first.
pub fn due(db: &Read<'_>, now: Timestamp, limit: i64) -> Result<Vec<Key>, DbError> {
    db.query(&DUE, &[json::micros(now).into(), limit.into()])?.iter().map(key).collect()
}

/// Takes a mail up until the given time; nothing if it is not due any more, or another's.
pub fn take(tx: &mut Tx<'_>, key: Key, now: Timestamp, until: Timestamp) -> Result<Option<Taken>, DbError> {
    let params = [
        key.workspace.0.into(),
        key.event.0.into(),
        key.user.0.into(),
        json::micros(now).into(),
        json::micros(until).into(),
    ];
    let taken = |row: &Row| {
        Ok(Taken {
            tries: row.int(0)?,
            subject: row.text(1)?.to_owned(),
            body: row.text(2)?.to_owned(),
            queued_at: json::timestamp(row.int(3)?)?,
        })
    };
    tx.query_write(&TAKE, &params)?.first().map(taken).transpose()
}

/// Closes a try, or puts the mail off until `due_at`; false if it is another try's by now.
pub fn settle(
    tx: &mut Tx<'_>,
    key: Key,
    tries: i64,
    state: MailState,
    due_at: Option<Timestamp>,
    said: Option<&str>,
) -> Result<bool, DbError> {
    let params = [
        key.workspace.0.into(),
        key.event.0.into(),
        key.user.0.into(),
        tries.into(),
        state.word().into(),
        due_at.map(json::micros).into(),
        said.map(str::to_owned).into(),
    ];
    Ok(tx.execute(&SETTLE, &params)? == 1)
}

/// The mails of a workspace about events after this one, in their order.
pub fn of(db: &Read<'_>, workspace: WorkspaceId, after: EventId, limit: i64) -> Result<Vec<Mail>, DbError> {
    let mail = |row: &Row| {
        let state = row.text(3)?;
        Ok(Mail {
            key: key(row)?,
            state: MailState::from_word(state).ok_or_else(|| json::unreadable("mails.state", state))?,
            tries: row.int(4)?,
            due_at: json::timestamp_or_none(row.opt_int(5)?)?,
            said: row.opt_text(6)?.map(str::to_owned),
        })
    };
    db.query(&OF, &[workspace.0.into(), after.0.into(), limit.into()])?.iter().map(mail).collect()
}

/// Deletes mails about events before this one, at most so many rows; answers how many.
pub fn forget(tx: &mut Tx<'_>, workspace: WorkspaceId, before: EventId, limit: u64) -> Result<u64, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.execute(&FORGET, &[workspace.0.into(), before.0.into(), limit.into()])
}
