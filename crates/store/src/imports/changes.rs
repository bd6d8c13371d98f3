//! What imports changed of contacts that were there before, or that they met them: what their undoing goes by. `engine::upkeep` says how long it is kept.

use domain::ids::{ContactId, ImportId, PersonId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx};

/// What an import changed of one contact, however often it touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub contact: ContactId,
    /// When the contact was changed last, as the import found it.
    pub found_at: Timestamp,
    /// The same as the import left it.
    pub left_at: Timestamp,
    /// What, as a document.
    pub what: String,
}

static OF: Sql = Sql::Twin {
    sqlite: "
        SELECT contact_id, found_at, left_at, what FROM import_changes
        WHERE workspace_id = $1 AND import_id = $2 AND contact_id IN (SELECT value FROM json_each($3))",
    postgres: "
        SELECT contact_id, found_at, left_at, what FROM import_changes
        WHERE workspace_id = $1 AND import_id = $2
          AND contact_id = ANY ($3::BIGINT[])",
};

static OF_OTHERS: Sql = Sql::Twin {
    sqlite: "
        SELECT contact_id, found_at, left_at, what, import_id FROM import_changes
        WHERE workspace_id = $1 AND import_id <> $2 AND contact_id IN (SELECT value FROM json_each($3))
        ORDER BY found_at, import_id",
    postgres: "
        SELECT contact_id, found_at, left_at, what, import_id FROM import_changes
        WHERE workspace_id = $1 AND import_id <> $2
          AND contact_id = ANY ($3::BIGINT[])
        ORDER BY found_at, import_id",
};

// Of contacts that the import made itself nothing is to be changed back: they are deleted, or stay as they are.
static PAGE: Sql = Sql::Same(
    "
    SELECT i.contact_id, i.found_at, i.left_at, i.what FROM import_changes i
    WHERE i.workspace_id = $1 AND i.import_id = $2 AND i.contact_id < $3
      AND NOT EXISTS (SELECT 1 FROM contacts c
          WHERE c.workspace_id = $1 AND c.contact_id = i.contact_id AND c.import_id = $2)
    ORDER BY i.contact_id DESC LIMIT $4",
);

static KEEP: Each<4> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO import_changes (workspace_id, import_id, contact_id, found_at, left_at, what)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (workspace_id, import_id, contact_id)
        DO UPDATE SET found_at = excluded.found_at, left_at = excluded.left_at, what = excluded.what",
    postgres: "
        INSERT INTO import_changes (workspace_id, import_id, contact_id, found_at, left_at, what)
        SELECT $1, $2, contact, found, stood, what
        FROM UNNEST($3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[]) AS t (contact, found, stood, what)
        ON CONFLICT (workspace_id, import_id, contact_id)
        DO UPDATE SET found_at = excluded.found_at, left_at = excluded.left_at, what = excluded.what",
});

static DROP: Sql = Sql::Same(
    "
    DELETE FROM import_changes WHERE workspace_id = $1 AND import_id = $2 AND contact_id >= $3",
);

static SET_BACK: Each<2> = Each(Sql::Twin {
    sqlite: "UPDATE contacts SET updated_at = $3 WHERE workspace_id = $1 AND contact_id = $2",
    postgres: "
        UPDATE contacts SET updated_at = t.at
        FROM UNNEST($2::BIGINT[], $3::BIGINT[]) AS t (id, at)
        WHERE contacts.workspace_id = $1 AND contacts.contact_id = t.id",
});

static OTHERS: Sql = Sql::Same(
    "
    SELECT 1 FROM contacts c
    WHERE c.workspace_id = $1 AND c.person_id = $2 AND c.deleted_at IS NULL
      AND (c.import_id IS NULL OR c.import_id <> $3)
      AND NOT EXISTS (SELECT 1 FROM import_changes i
          WHERE i.workspace_id = $1 AND i.import_id = $3 AND i.contact_id = c.contact_id)
    LIMIT 1",
);

static FORGET: Sql = Sql::Same(
    "
    DELETE FROM import_changes WHERE workspace_id = $1 AND (import_id, contact_id) IN (
        SELECT import_id, contact_id FROM import_changes WHERE workspace_id = $1 AND import_id < $2
        ORDER BY import_id, contact_id LIMIT $3)",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("imports::changes::OF", &OF),
    ("imports::changes::OF_OTHERS", &OF_OTHERS),
    ("imports::changes::PAGE", &PAGE),
    ("imports::changes::KEEP", &KEEP.0),
    ("imports::changes::DROP", &DROP),
    ("imports::changes::SET_BACK", &SET_BACK.0),
    ("imports::changes::OTHERS", &OTHERS),
    ("imports::changes::FORGET", &FORGET),
];

fn read(row: &Row) -> Result<Change, DbError> {
    Ok(Change {
        contact: ContactId(row.int(0)?),
        found_at: json::timestamp(row.int(1)?)?,
        left_at: json::timestamp(row.int(2)?)?,
        what: row.text(3)?.to_owned(),
    })
}

/// What an import has changed of these contacts so far.
pub fn of(
    db: &Read<'_>,
    workspace: WorkspaceId,
    import: ImportId,
    contacts: &[ContactId],
) -> Result<Vec<Change>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    db.query(&OF, &[workspace.0.into(), import.0.into(), list])?.iter().map(read).collect()
}

/// What the other imports have changed of these contacts, in the order in which they found them.
pub fn of_others(
    db: &Read<'_>,
    workspace: WorkspaceId,
    import: ImportId,
    contacts: &[ContactId],
) -> Result<Vec<(ImportId, Change)>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let rows = db.query(&OF_OTHERS, &[workspace.0.into(), import.0.into(), list])?;
    rows.iter().map(|row| Ok((ImportId(row.int(4)?), read(row)?))).collect()
}

/// What an import changed of contacts that it did not make: the newest contacts first, before the given one.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    import: ImportId,
    before: ContactId,
    limit: i64,
) -> Result<Vec<Change>, DbError> {
    let params = [workspace.0.into(), import.0.into(), before.0.into(), limit.into()];
    db.query(&PAGE, &params)?.iter().map(read).collect()
}

/// Keeps what an import changed, in place of what was kept of the same contacts. The contacts are locked.
pub fn keep(tx: &mut Tx<'_>, workspace: WorkspaceId, import: ImportId, changes: &[Change]) -> Result<(), DbError> {
    let row = |one: &Change| {
        let (found, left) = (json::micros(one.found_at), json::micros(one.left_at));
        [one.contact.0.into(), found.into(), left.into(), one.what.as_str().into()]
    };
    let rows = changes.iter().map(row);
    tx.execute_each(&KEEP, &[workspace.0.into(), import.0.into()], rows).map(|_| ())
}

/// Lets go of what an import changed of this contact and those after it.
pub fn drop_from(tx: &mut Tx<'_>, workspace: WorkspaceId, import: ImportId, from: ContactId) -> Result<(), DbError> {
    tx.execute(&DROP, &[workspace.0.into(), import.0.into(), from.0.into()]).map(|_| ())
}

/// Has contacts say that they were changed last at these times.
pub fn set_back(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: &[(ContactId, Timestamp)]) -> Result<(), DbError> {
    let rows = contacts.iter().map(|(id, at)| [id.0.into(), json::micros(*at).into()]);
    tx.execute_each(&SET_BACK, &[workspace.0.into()], rows).map(|_| ())
}

/// Whether a person has numbers that an import neither made nor met: somebody else has joined them since.
pub fn has_others(db: &Read<'_>, workspace: WorkspaceId, person: PersonId, import: ImportId) -> Result<bool, DbError> {
    Ok(db.query_optional(&OTHERS, &[workspace.0.into(), person.0.into(), import.0.into()])?.is_some())
}

/// Lets go of what imports before the given one changed, at most so many contacts; answers how many.
pub fn forget(tx: &mut Tx<'_>, workspace: WorkspaceId, before: ImportId, limit: u64) -> Result<u64, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.execute(&FORGET, &[workspace.0.into(), before.0.into(), limit.into()])
}
