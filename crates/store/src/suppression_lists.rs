//! Lists of phones that came as files, and what each of them holds. A phone may be held by several lists.

use domain::ids::{ContactId, ListId, WorkspaceId};
use domain::suppression::Suppression;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Its identifier.
    pub id: ListId,
    /// Its name.
    pub name: String,
    /// The word of what it forbids: `do_not_contact` or `compliance_blocked`.
    pub kind: String,
    /// Where it comes from.
    pub source: String,
    /// The name of its file; empty if its phones came otherwise.
    pub file_name: String,
    /// The day on which it was drawn up, as `2026-03-03`.
    pub dated: Option<String>,
    /// `filling`, `kept`, `removing` or `removed`.
    pub state: String,
    /// What was read, as a document.
    pub counts: String,
    /// Who made it.
    pub actor: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "list_id, name, kind, source, file_name, dated, state, counts, actor, created_at, updated_at, removed_at"
    };
}

static ALL_LISTS: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM suppression_lists WHERE workspace_id = $1 ORDER BY list_id DESC LIMIT $2"
));

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM suppression_lists WHERE workspace_id = $1 AND list_id = $2"));

/// All lists of the workspace, locked: what a list holds and what the others hold cannot change meanwhile.
static LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM suppression_lists WHERE workspace_id = $1 ORDER BY list_id"),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM suppression_lists WHERE workspace_id = $1 ORDER BY list_id FOR UPDATE"
    ),
};

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO suppression_lists (workspace_id, list_id, name, kind, source, file_name, dated, state, counts, actor,
        created_at, updated_at, removed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, NULL)",
);

static SAVE: Sql = Sql::Same(
    "
    UPDATE suppression_lists SET state = $3, counts = $4, updated_at = $5, removed_at = $6
    WHERE workspace_id = $1 AND list_id = $2",
);

/// Lists whose removal was begun, of all workspaces: whoever keeps house goes on with them.
static REMOVING: Sql = Sql::Same(
    "
    SELECT workspace_id, list_id FROM suppression_lists WHERE state = 'removing' AND updated_at < $1
    ORDER BY workspace_id, list_id LIMIT $2",
);

static HOLD: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO suppression_entries (workspace_id, phone_hash, list_id)
        SELECT $1, value, $2 FROM json_each($3) WHERE true
        ON CONFLICT (workspace_id, phone_hash, list_id) DO NOTHING",
    postgres: "
        INSERT INTO suppression_entries (workspace_id, phone_hash, list_id)
        SELECT $1, v, $2 FROM UNNEST($3::BIGINT[]) AS v
        ON CONFLICT (workspace_id, phone_hash, list_id) DO NOTHING",
};

static HELD: Sql = Sql::Same(
    "
    SELECT phone_hash FROM suppression_entries WHERE workspace_id = $1 AND list_id = $2 ORDER BY phone_hash LIMIT $3",
);

static HOLDING: Sql = Sql::Same(
    "
    SELECT l.list_id, l.name, l.kind, l.dated FROM suppression_entries e
    JOIN suppression_lists l ON l.workspace_id = e.workspace_id AND l.list_id = e.list_id
    WHERE e.workspace_id = $1 AND e.phone_hash = $2
    ORDER BY e.list_id",
);

static LET_GO: Sql = Sql::Twin {
    sqlite: "
        DELETE FROM suppression_entries
        WHERE workspace_id = $1 AND list_id = $2 AND phone_hash IN (SELECT value FROM json_each($3))",
    postgres: "
        DELETE FROM suppression_entries
        WHERE workspace_id = $1 AND list_id = $2
          AND phone_hash = ANY ($3::BIGINT[])",
};

static FORBID: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO suppressions (workspace_id, phone_hash, kind, source, created_at, lifted_at, contact_id, listed)
        SELECT $1, value ->> 'hash', $3, $4, $5, NULL, value ->> 'contact', 1 FROM json_each($2) WHERE true
        ON CONFLICT (workspace_id, phone_hash, kind)
        DO UPDATE SET source = excluded.source, created_at = excluded.created_at, lifted_at = NULL, listed = 1,
            contact_id = COALESCE(excluded.contact_id, suppressions.contact_id)
        WHERE suppressions.lifted_at IS NOT NULL
        RETURNING phone_hash, contact_id",
    postgres: "
        INSERT INTO suppressions (workspace_id, phone_hash, kind, source, created_at, lifted_at, contact_id, listed)
        SELECT $1, hash, $3, $4, $5, NULL, contact, 1
        FROM jsonb_to_recordset($2::text::jsonb) AS t (hash BIGINT, contact BIGINT)
        ORDER BY hash
        ON CONFLICT (workspace_id, phone_hash, kind)
        DO UPDATE SET source = excluded.source, created_at = excluded.created_at, lifted_at = NULL, listed = 1,
            contact_id = COALESCE(excluded.contact_id, suppressions.contact_id)
        WHERE suppressions.lifted_at IS NOT NULL
        RETURNING phone_hash, contact_id",
};

static FREE: Sql = Sql::Twin {
    sqlite: "
        UPDATE suppressions SET lifted_at = $4
        WHERE workspace_id = $1 AND kind = $3 AND listed = 1 AND lifted_at IS NULL
          AND phone_hash IN (SELECT value FROM json_each($2))
          AND NOT EXISTS (SELECT 1 FROM suppression_entries e
              JOIN suppression_lists l ON l.workspace_id = e.workspace_id AND l.list_id = e.list_id
              WHERE e.workspace_id = $1 AND e.phone_hash = suppressions.phone_hash AND l.kind = $3)
        RETURNING phone_hash, contact_id",
    postgres: "
        UPDATE suppressions SET lifted_at = $4
        WHERE workspace_id = $1 AND kind = $3 AND listed = 1 AND lifted_at IS NULL
          AND phone_hash = ANY ($2::BIGINT[])
          AND NOT EXISTS (SELECT 1 FROM suppression_entries e
              JOIN suppression_lists l ON l.workspace_id = e.workspace_id AND l.list_id = e.list_id
              WHERE e.workspace_id = $1 AND e.phone_hash = suppressions.phone_hash AND l.kind = $3)
        RETURNING phone_hash, contact_id",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("suppression_lists::ALL_LISTS", &ALL_LISTS),
    ("suppression_lists::FIND", &FIND),
    ("suppression_lists::LOCK", &LOCK),
    ("suppression_lists::INSERT", &INSERT),
    ("suppression_lists::SAVE", &SAVE),
    ("suppression_lists::REMOVING", &REMOVING),
    ("suppression_lists::HOLD", &HOLD),
    ("suppression_lists::HELD", &HELD),
    ("suppression_lists::HOLDING", &HOLDING),
    ("suppression_lists::LET_GO", &LET_GO),
    ("suppression_lists::FORBID", &FORBID),
    ("suppression_lists::FREE", &FREE),
];

fn read(row: &Row) -> Result<List, DbError> {
    let text = |place| row.text(place).map(str::to_owned);
    Ok(List {
        id: ListId(row.int(0)?),
        name: text(1)?,
        kind: text(2)?,
        source: text(3)?,
        file_name: text(4)?,
        dated: row.opt_text(5)?.map(str::to_owned),
        state: text(6)?,
        counts: text(7)?,
        actor: text(8)?,
        created_at: json::timestamp(row.int(9)?)?,
        updated_at: json::timestamp(row.int(10)?)?,
        removed_at: json::timestamp_or_none(row.opt_int(11)?)?,
    })
}

/// The lists of a workspace, the newest first, removed ones too.
pub fn all(db: &Read<'_>, workspace: WorkspaceId, limit: i64) -> Result<Vec<List>, DbError> {
    db.query(&ALL_LISTS, &[workspace.0.into(), limit.into()])?.iter().map(read).collect()
}

/// One list.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: ListId) -> Result<Option<List>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// All lists of a workspace, locked until the transaction ends. After everything else that is locked.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Vec<List>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into()])?.iter().map(read).collect()
}

/// Adds a list.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, list: &List) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        list.id.0.into(),
        list.name.as_str().into(),
        list.kind.as_str().into(),
        list.source.as_str().into(),
        list.file_name.as_str().into(),
        list.dated.as_deref().into(),
        list.state.as_str().into(),
        list.counts.as_str().into(),
        list.actor.as_str().into(),
        json::micros(list.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Saves state, counts and times.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, list: &List) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        list.id.0.into(),
        list.state.as_str().into(),
        list.counts.as_str().into(),
        json::micros(list.updated_at).into(),
        list.removed_at.map(json::micros).into(),
    ];
    tx.execute(&SAVE, &params).map(|_| ())
}

/// Lists of all workspaces whose removal has not moved since a time.
pub fn removing(db: &Read<'_>, before: Timestamp, limit: i64) -> Result<Vec<(WorkspaceId, ListId)>, DbError> {
    let rows = db.query(&REMOVING, &[json::micros(before).into(), limit.into()])?;
    rows.iter().map(|row| Ok((WorkspaceId(row.int(0)?), ListId(row.int(1)?)))).collect()
}

/// Lets a list hold these phones; says how many it did not hold before.
pub fn hold(tx: &mut Tx<'_>, workspace: WorkspaceId, list: ListId, hashes: &[i64]) -> Result<u64, DbError> {
    let hashes = json::list(hashes.iter().copied());
    tx.execute(&HOLD, &[workspace.0.into(), list.0.into(), hashes])
}

/// Some of the phones that a list holds.
pub fn held(db: &Read<'_>, workspace: WorkspaceId, list: ListId, limit: i64) -> Result<Vec<i64>, DbError> {
    db.query(&HELD, &[workspace.0.into(), list.0.into(), limit.into()])?.iter().map(|row| row.int(0)).collect()
}

/// A list that holds a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which.
    pub list: ListId,
    /// Its name.
    pub name: String,
    /// The word of what it forbids.
    pub kind: String,
    /// The day on which it was drawn up.
    pub dated: Option<String>,
}

/// The lists that hold a phone, of any kind.
pub fn holding(db: &Read<'_>, workspace: WorkspaceId, hash: i64) -> Result<Vec<Holder>, DbError> {
    let holder = |row: &Row| {
        Ok(Holder {
            list: ListId(row.int(0)?),
            name: row.text(1)?.to_owned(),
            kind: row.text(2)?.to_owned(),
            dated: row.opt_text(3)?.map(str::to_owned),
        })
    };
    db.query(&HOLDING, &[workspace.0.into(), hash.into()])?.iter().map(holder).collect()
}

/// Lets a list hold these phones no longer.
pub fn let_go(tx: &mut Tx<'_>, workspace: WorkspaceId, list: ListId, hashes: &[i64]) -> Result<u64, DbError> {
    let hashes = json::list(hashes.iter().copied());
    tx.execute(&LET_GO, &[workspace.0.into(), list.0.into(), hashes])
}

#[derive(Serialize)]
struct Owned {
    hash: i64,
    contact: Option<i64>,
}

/// A phone that came onto a list or off it, and who has it.
pub type Moved = (i64, Option<ContactId>);

fn moved(rows: &[Row]) -> Result<Vec<Moved>, DbError> {
    rows.iter().map(|row| Ok((row.int(0)?, row.opt_int(1)?.map(ContactId)))).collect()
}

/// Forbids texting these phones, each once, in the name of a list; answers those that were not forbidden so before.
pub fn forbid(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    phones: &[Moved],
    (kind, list): (Suppression, ListId),
    now: Timestamp,
) -> Result<Vec<Moved>, DbError> {
    let rows: Vec<Owned> =
        phones.iter().map(|(hash, contact)| Owned { hash: *hash, contact: contact.map(|contact| contact.0) }).collect();
    let (rows, source) = (json::text(&rows)?, list.to_string());
    let params = [workspace.0.into(), rows.into(), kind.word().into(), source.into(), json::micros(now).into()];
    moved(&tx.query_write(&FORBID, &params)?)
}

/// Takes these phones off, as far as no list and no user holds them; answers those that are free now.
pub fn free(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    hashes: &[i64],
    kind: Suppression,
    now: Timestamp,
) -> Result<Vec<Moved>, DbError> {
    let hashes = json::list(hashes.iter().copied());
    let params = [workspace.0.into(), hashes, kind.word().into(), json::micros(now).into()];
    moved(&tx.query_write(&FREE, &params)?)
}
