//! Seals over the history, which are only ever added, and the events as a seal reads them. What they are says `domain::seal`.

use domain::ids::{ContactId, EventId, WorkspaceId};
use domain::seal::{Entry, Former, Hash, Seal};

use crate::{DbError, Read, Row, Sql, Tx};

macro_rules! columns {
    () => {
        "seal, after_event, until_event, events, digest, previous, sealed_at, hash"
    };
}

static LAST: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM event_seals WHERE workspace_id = $1 ORDER BY seal DESC LIMIT 1"));

static NEXT: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    ", marks FROM event_seals WHERE workspace_id = $1 AND seal > $2 ORDER BY seal LIMIT 1"
));

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO event_seals
        (workspace_id, seal, after_event, until_event, events, digest, previous, sealed_at, hash, marks)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (workspace_id, seal) DO NOTHING",
);

static EVENTS: Sql = Sql::Same(
    "
    SELECT event_id, contact_id, kind, actor, payload, at FROM events
    WHERE workspace_id = $1 AND event_id > $2 AND event_id <= $3 ORDER BY event_id LIMIT $4",
);

static FIRST_OPEN: Sql = Sql::Same(
    "
    SELECT event_id FROM events WHERE workspace_id = $1 AND event_id > $2 ORDER BY event_id LIMIT 1",
);

static COUNT_OPEN: Sql = Sql::Same("SELECT COUNT(*) FROM events WHERE workspace_id = $1 AND event_id > $2");

static HIGHEST: Sql = Sql::Same(
    "
    SELECT MAX((
        SELECT s.until_event FROM event_seals s WHERE s.workspace_id = w.workspace_id ORDER BY s.seal DESC LIMIT 1))
    FROM workspaces w",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("seals::LAST", &LAST),
    ("seals::NEXT", &NEXT),
    ("seals::INSERT", &INSERT),
    ("seals::EVENTS", &EVENTS),
    ("seals::FIRST_OPEN", &FIRST_OPEN),
    ("seals::COUNT_OPEN", &COUNT_OPEN),
    ("seals::HIGHEST", &HIGHEST),
];

/// A seal as it is stored: whether its hash is really its own is for whoever verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The seal.
    pub seal: Seal,
    /// The hash that stands beside it.
    pub hash: Hash,
}

impl Stored {
    /// What the next seal follows.
    #[must_use]
    pub fn as_former(&self) -> Former {
        Former { number: self.seal.number, until: self.seal.until, hash: self.hash }
    }
}

/// Bytes that are no hash read as none, which no seal has.
fn hash(row: &Row, place: usize) -> Result<Hash, DbError> {
    Ok(Hash::from_bytes(row.bytes(place)?).unwrap_or(Hash::NONE))
}

fn read(row: &Row, workspace: WorkspaceId) -> Result<Stored, DbError> {
    let seal = Seal {
        workspace,
        number: row.int(0)?,
        after: EventId(row.int(1)?),
        until: EventId(row.int(2)?),
        events: row.int(3)?,
        digest: hash(row, 4)?,
        previous: hash(row, 5)?,
        sealed_at: row.int(6)?,
    };
    Ok(Stored { seal, hash: hash(row, 7)? })
}

/// The last seal of a workspace.
pub fn last(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Stored>, DbError> {
    db.query_optional(&LAST, &[workspace.0.into()])?.map(|row| read(&row, workspace)).transpose()
}

/// The first seal of a workspace after the given number, with its marks.
pub fn next(db: &Read<'_>, workspace: WorkspaceId, after: i64) -> Result<Option<(Stored, Vec<u8>)>, DbError> {
    let row = db.query_optional(&NEXT, &[workspace.0.into(), after.into()])?;
    row.map(|row| Ok((read(&row, workspace)?, row.bytes(8)?.to_vec()))).transpose()
}

/// Adds a seal; false if another node has made one of this number.
pub fn insert(tx: &mut Tx<'_>, seal: &Seal, marks: &[u8]) -> Result<bool, DbError> {
    let params = [
        seal.workspace.0.into(),
        seal.number.into(),
        seal.after.0.into(),
        seal.until.0.into(),
        seal.events.into(),
        seal.digest.0.as_slice().into(),
        seal.previous.0.as_slice().into(),
        seal.sealed_at.into(),
        seal.hash().0.as_slice().into(),
        marks.into(),
    ];
    Ok(tx.execute(&INSERT, &params)? == 1)
}

/// Gives the events after one identifier until another to `each`, at most so many, in the order of the identifiers. What is
/// stored is given as it is; what no version of this program wrote reads as what it never writes. No statement may run in it.
pub fn events(
    db: &Read<'_>,
    workspace: WorkspaceId,
    (after, until): (EventId, EventId),
    limit: i64,
    mut each: impl FnMut(&Entry<'_>),
) -> Result<(), DbError> {
    let params = [workspace.0.into(), after.0.into(), until.0.into(), limit.into()];
    db.for_each(&EVENTS, &params, |row| {
        let text = |place| row.text(place).unwrap_or("\u{fffd}");
        each(&Entry {
            id: EventId(row.int(0)?),
            contact: row.opt_int(1).unwrap_or(Some(i64::MIN)).map(ContactId),
            kind: text(2),
            actor: text(3),
            payload: text(4),
            at: row.int(5).unwrap_or(i64::MIN),
        });
        Ok::<_, DbError>(())
    })
}

/// The first event after the given one.
pub fn first_open(db: &Read<'_>, workspace: WorkspaceId, after: EventId) -> Result<Option<EventId>, DbError> {
    let row = db.query_optional(&FIRST_OPEN, &[workspace.0.into(), after.0.into()])?;
    row.map(|row| row.int(0).map(EventId)).transpose()
}

/// How many events there are after the given one.
pub fn count_open(db: &Read<'_>, workspace: WorkspaceId, after: EventId) -> Result<i64, DbError> {
    db.query_one(&COUNT_OPEN, &[workspace.0.into(), after.0.into()])?.int(0)
}

/// Until which identifier anything is sealed, in any workspace.
pub fn highest(db: &Read<'_>) -> Result<Option<EventId>, DbError> {
    Ok(db.query_one(&HIGHEST, &[])?.opt_int(0)?.map(EventId))
}
