//! By which identifiers a carrier knows our texts, and receipts that came before that was known.
//!
//! | who | does, in one transaction | so that |
//! |---|---|---|
//! | the answer of a submission | [`link`]: inserts the row, or fills in one that waits, and takes what is parked | no receipt that was first is missed |
//! | a receipt without a known text | [`reserve`]: inserts the row without a message, or locks the one that is there; then [`park`] | no answer that is under way is missed |
//!
//! Both lock the row of the carrier's identifier: whoever is second sees what the first one did.

use domain::ids::{MessageId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx};

static LINK: Each<3> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO carrier_messages (workspace_id, carrier, carrier_id, message_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (workspace_id, carrier, carrier_id) DO NOTHING",
    postgres: "
        INSERT INTO carrier_messages (workspace_id, carrier, carrier_id, message_id)
        SELECT $1, carrier, id, message
        FROM UNNEST($2::TEXT[], $3::TEXT[], $4::BIGINT[]) AS t (carrier, id, message)
        ON CONFLICT (workspace_id, carrier, carrier_id) DO NOTHING RETURNING message_id",
});

static FILL: Sql = Sql::Same(
    "
    UPDATE carrier_messages SET message_id = $4
    WHERE workspace_id = $1 AND carrier = $2 AND carrier_id = $3 AND message_id = 0",
);

static FIND: Sql = Sql::Same(
    "
    SELECT message_id FROM carrier_messages
    WHERE workspace_id = $1 AND carrier = $2 AND carrier_id = $3 AND message_id <> 0",
);

static RESERVE: Sql = Sql::Same(
    "
    INSERT INTO carrier_messages (workspace_id, carrier, carrier_id, message_id) VALUES ($1, $2, $3, 0)
    ON CONFLICT (workspace_id, carrier, carrier_id) DO UPDATE SET message_id = carrier_messages.message_id
    RETURNING message_id",
);

static PARK: Sql = Sql::Same(
    "
    INSERT INTO parked_receipts (workspace_id, carrier, carrier_id, event_key, payload, at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (workspace_id, carrier, carrier_id, event_key) DO NOTHING",
);

static TAKE: Sql = Sql::Same(
    "
    DELETE FROM parked_receipts WHERE workspace_id = $1 AND carrier = $2 AND carrier_id = $3
    RETURNING at, event_key, payload",
);

static OVERDUE: Sql = Sql::Same(
    "
    SELECT w.workspace_id FROM workspaces w
    WHERE EXISTS (SELECT 1 FROM parked_receipts p WHERE p.workspace_id = w.workspace_id AND p.at < $1)
    ORDER BY w.workspace_id
    LIMIT $2",
);

static EXPIRE: Sql = Sql::Same(
    "
    DELETE FROM parked_receipts WHERE workspace_id = $1 AND (carrier, carrier_id, event_key) IN (
        SELECT carrier, carrier_id, event_key FROM parked_receipts WHERE workspace_id = $1 AND at < $2
        ORDER BY at LIMIT $3)
    RETURNING carrier, carrier_id, event_key, payload, at",
);

static FREE: Sql = Sql::Same(
    "
    DELETE FROM carrier_messages
    WHERE workspace_id = $1 AND carrier = $2 AND carrier_id = $3 AND message_id = 0
      AND NOT EXISTS (
        SELECT 1 FROM parked_receipts p
        WHERE p.workspace_id = carrier_messages.workspace_id AND p.carrier = carrier_messages.carrier
          AND p.carrier_id = carrier_messages.carrier_id)",
);

static PARKED: Sql = Sql::Twin {
    sqlite: "
        SELECT carrier_id, payload FROM parked_receipts
        WHERE workspace_id = $1 AND carrier = $2 AND carrier_id IN (SELECT value FROM json_each($3))",
    postgres: "
        SELECT carrier_id, payload FROM parked_receipts
        WHERE workspace_id = $1 AND carrier = $2
          AND carrier_id = ANY ($3::TEXT[])",
};

static ANY_PARKED: Sql = Sql::Same("SELECT 1 FROM parked_receipts WHERE workspace_id = $1 LIMIT 1");

static NOTE_COST: Sql = Sql::Same(
    "UPDATE messages SET carrier_cost = $3, carrier_currency = $4 WHERE workspace_id = $1 AND message_id = $2",
);

static COST: Sql = Sql::Same(
    "
    SELECT carrier_cost, carrier_currency FROM messages
    WHERE workspace_id = $1 AND message_id = $2 AND carrier_cost IS NOT NULL AND carrier_currency IS NOT NULL",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("receipts::PARKED", &PARKED),
    ("receipts::ANY_PARKED", &ANY_PARKED),
    ("receipts::NOTE_COST", &NOTE_COST),
    ("receipts::COST", &COST),
    ("receipts::LINK", &LINK.0),
    ("receipts::FILL", &FILL),
    ("receipts::FIND", &FIND),
    ("receipts::RESERVE", &RESERVE),
    ("receipts::PARK", &PARK),
    ("receipts::TAKE", &TAKE),
    ("receipts::OVERDUE", &OVERDUE),
    ("receipts::EXPIRE", &EXPIRE),
    ("receipts::FREE", &FREE),
];

/// A text as its carrier names it.
#[derive(Debug, Clone, Copy)]
pub struct CarrierId<'a> {
    /// The carrier's name.
    pub carrier: &'a str,
    /// Its identifier of the text.
    pub id: &'a str,
}

/// A receipt that was parked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parked {
    /// When it was parked, in microseconds.
    pub at: i64,
    /// The carrier's identifier of it.
    pub event_key: String,
    /// What it says.
    pub payload: String,
}

/// Remembers the carriers' identifiers of accepted texts; says for which texts nobody had told of them before.
pub fn link_new(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    of: &[(CarrierId<'_>, MessageId)],
) -> Result<Vec<MessageId>, DbError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let row = |(of, message): &(CarrierId<'_>, MessageId)| [of.carrier.into(), of.id.into(), message.0.into()];
    let new = tx.changed_each(&LINK, &[workspace.0.into()], of.iter().map(row), 2)?;
    Ok(new.into_iter().map(MessageId).collect())
}

/// Remembers the carrier's identifier of an accepted text; answers the receipts that came before it, oldest
/// first, which are parked no longer.
pub fn link(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    of: CarrierId<'_>,
    message: MessageId,
) -> Result<Vec<Parked>, DbError> {
    let params = [workspace.0.into(), of.carrier.into(), of.id.into(), message.0.into()];
    // The usual case is one statement: nobody was there before, so nothing is parked.
    if !link_new(tx, workspace, &[(of, message)])?.is_empty() || tx.execute(&FILL, &params)? == 0 {
        return Ok(Vec::new());
    }
    let rows = tx.query_write(&TAKE, &[workspace.0.into(), of.carrier.into(), of.id.into()])?;
    let row = |row: &Row| {
        let (event_key, payload) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        Ok(Parked { at: row.int(0)?, event_key, payload })
    };
    let mut taken = rows.iter().map(row).collect::<Result<Vec<_>, DbError>>()?;
    taken.sort_unstable();
    Ok(taken)
}

/// The message that a carrier knows by this identifier.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, of: CarrierId<'_>) -> Result<Option<MessageId>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), of.carrier.into(), of.id.into()])?;
    row.map(|row| row.int(0).map(MessageId)).transpose()
}

/// Looks once more for the message of a carrier's identifier, and keeps an answer from linking it unseen
/// until the transaction ends.
pub fn reserve(tx: &mut Tx<'_>, workspace: WorkspaceId, of: CarrierId<'_>) -> Result<Option<MessageId>, DbError> {
    let rows = tx.query_write(&RESERVE, &[workspace.0.into(), of.carrier.into(), of.id.into()])?;
    let id = rows.first().ok_or(DbError::Rows { found: 0 })?.int(0)?;
    Ok((id != 0).then_some(MessageId(id)))
}

/// Keeps a receipt until its text is known; [`reserve`] comes first.
pub fn park(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    of: CarrierId<'_>,
    event_key: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let at = json::micros(now).into();
    let params = [workspace.0.into(), of.carrier.into(), of.id.into(), event_key.into(), payload.into(), at];
    tx.execute(&PARK, &params).map(|_| ())
}

/// Whether anything is parked: seldom where carriers answer before they tell, and nobody else has texts at the account.
pub fn any_parked(db: &Read<'_>, workspace: WorkspaceId) -> Result<bool, DbError> {
    Ok(db.query_optional(&ANY_PARKED, &[workspace.0.into()])?.is_some())
}

/// What is parked for these identifiers of a carrier: each with a receipt as it was told.
pub fn parked(
    db: &Read<'_>,
    workspace: WorkspaceId,
    carrier: &str,
    ids: &[&str],
) -> Result<Vec<(String, String)>, DbError> {
    let read = |row: &Row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
    db.query_map(&PARKED, &[workspace.0.into(), carrier.into(), json::texts(ids)], read)
}

/// Workspaces with receipts that were parked before a time: each is asked once, by an index probe.
pub fn overdue(db: &Read<'_>, before: Timestamp, limit: i64) -> Result<Vec<WorkspaceId>, DbError> {
    let rows = db.query(&OVERDUE, &[json::micros(before).into(), limit.into()])?;
    rows.iter().map(|row| row.int(0).map(WorkspaceId)).collect()
}

/// Gives up waiting for the texts of receipts that were parked before a time, the oldest first and at most so many: they are kept
/// as strays. Says how many there were.
pub fn expire(tx: &mut Tx<'_>, workspace: WorkspaceId, before: Timestamp, limit: i64) -> Result<usize, DbError> {
    let rows = tx.query_write(&EXPIRE, &[workspace.0.into(), json::micros(before).into(), limit.into()])?;
    for row in &rows {
        let (carrier, carrier_id) = (row.text(0)?, row.text(1)?);
        crate::answers::keep_stray(tx, carrier, row.text(2)?, row.text(3)?, json::timestamp(row.int(4)?)?)?;
        tx.execute(&FREE, &[workspace.0.into(), carrier.into(), carrier_id.into()])?;
    }
    Ok(rows.len())
}

/// Notes what the carrier charges for a text, in millionths of a currency.
pub fn note_cost(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    message: MessageId,
    micros: i64,
    currency: &str,
) -> Result<(), DbError> {
    tx.execute(&NOTE_COST, &[workspace.0.into(), message.0.into(), micros.into(), currency.into()]).map(|_| ())
}

/// What the carrier charges for a text, in millionths, and in which currency; nothing if it has not told.
pub fn cost(db: &Read<'_>, workspace: WorkspaceId, message: MessageId) -> Result<Option<(i64, String)>, DbError> {
    let row = db.query_optional(&COST, &[workspace.0.into(), message.0.into()])?;
    row.map(|row| Ok((row.int(0)?, row.text(1)?.to_owned()))).transpose()
}
