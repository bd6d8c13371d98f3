//! Contacts: one phone number of one person, unique by phone among those not deleted.

use std::collections::BTreeSet;

use domain::ids::{ContactId, ImportId, NumberId, PersonId, WorkspaceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, Value, search, suppressions};

pub(crate) mod custom;
pub(crate) mod deleted;
pub mod list;
pub(crate) mod order;
pub(crate) mod restored;
pub mod values;

pub use custom::{add_custom_field, custom_fields, keep_custom_fields, remove_custom_field, rename_custom_field};
pub use deleted::{delete, delete_all};
pub(crate) use order::sort_in;
pub use restored::restore;
use values::{Fields, Held};

/// A contact as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Its identifier.
    pub id: ContactId,
    /// E.164.
    pub phone: String,
    /// The hash under which suppressions are kept.
    pub phone_hash: i64,
    /// What it shares with the other numbers of its row.
    pub person: Option<PersonId>,
    /// The name as it is listed.
    pub name: String,
    /// Field values by key, sorted by key.
    pub fields: Vec<(String, String)>,
    /// The number of ours that the contact knows.
    pub number: Option<NumberId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Since when the phone is known to belong to somebody else.
    pub reassigned_at: Option<Timestamp>,
    /// When all that is known of the person was erased.
    #[serde(default)]
    pub erased_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "c.contact_id, c.phone, c.phone_hash, c.person_id, c.name, c.fields, c.number_id, c.created_at, c.updated_at, \
         c.deleted_at, c.reassigned_at, c.erased_at"
    };
}

pub mod kin;

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM contacts c WHERE c.workspace_id = $1 AND c.contact_id = $2"));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id IN (SELECT value FROM json_each($2))
          ORDER BY c.contact_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL
            AND c.contact_id = ANY ($2::BIGINT[])
          ORDER BY c.contact_id FOR UPDATE"
    ),
};

static TRY_LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM contacts c WHERE c.workspace_id = $1 AND c.contact_id = $2"),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c WHERE c.workspace_id = $1 AND c.contact_id = $2 FOR UPDATE SKIP LOCKED"
    ),
};

static SOME: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id IN (SELECT value FROM json_each($2))
          ORDER BY c.contact_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL
            AND c.contact_id = ANY ($2::BIGINT[])
          ORDER BY c.contact_id"
    ),
};

static BY_PHONES: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.phone IN (SELECT value FROM json_each($2))
          ORDER BY c.contact_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL
            AND c.phone = ANY ($2::TEXT[])
          ORDER BY c.contact_id"
    ),
};

static LOCK_BY_PHONES: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.phone IN (SELECT value FROM json_each($2))
          ORDER BY c.contact_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL
            AND c.phone = ANY ($2::TEXT[])
          ORDER BY c.contact_id FOR UPDATE"
    ),
};

static OF_PERSON: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts WHERE workspace_id = $1 AND person_id = $2 AND deleted_at IS NULL ORDER BY contact_id",
);

static PERSONS: Sql = Sql::Twin {
    sqlite: "
        SELECT person_id, COUNT(*) FROM contacts
        WHERE workspace_id = $1 AND person_id IN (SELECT value FROM json_each($2)) AND deleted_at IS NULL
        GROUP BY person_id",
    postgres: "
        SELECT person_id, COUNT(*) FROM contacts
        WHERE workspace_id = $1 AND deleted_at IS NULL
          AND person_id = ANY ($2::BIGINT[])
        GROUP BY person_id",
};

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM contacts c
      WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id > $2
      ORDER BY c.contact_id LIMIT $3"
));

static NEWEST_FIELDS: Sql = Sql::Same(
    "
    SELECT phone, fields FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY contact_id DESC LIMIT $2",
);

static ALL_IDS: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL AND contact_id > $2
    ORDER BY contact_id LIMIT $3",
);

static INSERT: Each<7> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO contacts (workspace_id, created_at, updated_at, import_id, contact_id, phone, phone_hash, person_id,
            name, name_key, fields)
        VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (workspace_id, phone) WHERE deleted_at IS NULL DO NOTHING",
    postgres: "
        INSERT INTO contacts (workspace_id, created_at, updated_at, import_id, contact_id, phone, phone_hash, person_id,
            name, name_key, fields)
        SELECT $1, $2, $2, $3, id, phone, hash, person, name, key, fields
        FROM UNNEST($4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[], $9::TEXT[], $10::TEXT[])
            AS t (id, phone, hash, person, name, key, fields)
        ON CONFLICT (workspace_id, phone) WHERE deleted_at IS NULL DO NOTHING",
});

static UPDATE: Each<7> = Each(Sql::Twin {
    sqlite: "
        UPDATE contacts SET name = $7, name_key = $8, fields = $9, person_id = $6, updated_at = $2
        WHERE workspace_id = $1 AND contact_id = $3 AND deleted_at IS NULL",
    postgres: "
        UPDATE contacts SET name = t.name, name_key = t.key, fields = t.fields, person_id = t.person, updated_at = $2
        FROM UNNEST($3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[], $9::TEXT[])
            AS t (id, phone, hash, person, name, key, fields)
        WHERE contacts.workspace_id = $1 AND contacts.contact_id = t.id AND contacts.deleted_at IS NULL",
});

static ASSIGN: Each<2> = Each(Sql::Twin {
    sqlite: "UPDATE contacts SET number_id = $3 WHERE workspace_id = $1 AND contact_id = $2",
    postgres: "
        UPDATE contacts SET number_id = t.number
        FROM UNNEST($2::BIGINT[], $3::BIGINT[]) AS t (id, number)
        WHERE contacts.workspace_id = $1 AND contacts.contact_id = t.id",
});

static REASSIGNED: Sql =
    Sql::Same("UPDATE contacts SET reassigned_at = $3, updated_at = $4 WHERE workspace_id = $1 AND contact_id = $2");

static COUNT: Sql = Sql::Same("SELECT COUNT(*) FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL");

/// Every statement of this file, for the test that prepares them on both databases; those of `contacts/` beside it.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("contacts::FIND", &FIND),
    ("contacts::LOCK", &LOCK),
    ("contacts::TRY_LOCK", &TRY_LOCK),
    ("contacts::SOME", &SOME),
    ("contacts::BY_PHONES", &BY_PHONES),
    ("contacts::LOCK_BY_PHONES", &LOCK_BY_PHONES),
    ("contacts::kin::LOCK", &kin::LOCK),
    ("contacts::OF_PERSON", &OF_PERSON),
    ("contacts::PERSONS", &PERSONS),
    ("contacts::PAGE", &PAGE),
    ("contacts::NEWEST_FIELDS", &NEWEST_FIELDS),
    ("contacts::ALL_IDS", &ALL_IDS),
    ("contacts::INSERT", &INSERT.0),
    ("contacts::UPDATE", &UPDATE.0),
    ("contacts::ASSIGN", &ASSIGN.0),
    ("contacts::REASSIGNED", &REASSIGNED),
    ("contacts::COUNT", &COUNT),
];

fn read(row: &Row) -> Result<Contact, DbError> {
    Ok(Contact {
        id: ContactId(row.int(0)?),
        phone: row.text(1)?.to_owned(),
        phone_hash: row.int(2)?,
        person: row.opt_int(3)?.map(PersonId),
        name: row.text(4)?.to_owned(),
        fields: json::read(row.text(5)?)?,
        number: row.opt_int(6)?.map(NumberId),
        created_at: json::timestamp(row.int(7)?)?,
        updated_at: json::timestamp(row.int(8)?)?,
        deleted_at: json::timestamp_or_none(row.opt_int(9)?)?,
        reassigned_at: json::timestamp_or_none(row.opt_int(10)?)?,
        erased_at: json::timestamp_or_none(row.opt_int(11)?)?,
    })
}

fn read_all(rows: &[Row]) -> Result<Vec<Contact>, DbError> {
    rows.iter().map(read).collect()
}

/// One contact, deleted or not.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: ContactId) -> Result<Option<Contact>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// Those of these contacts that are not deleted, locked until the transaction ends, in the order of
/// their keys. Enrolling begins here and receiving in [`kin::lock`]: so neither can miss the other.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[ContactId]) -> Result<Vec<Contact>, DbError> {
    let list = json::list(ids.iter().map(|id| id.0));
    read_all(&tx.query_write(&LOCK, &[workspace.0.into(), list])?)
}

/// One contact, deleted or not, locked until the transaction ends; nothing if another transaction has it.
pub fn try_lock(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ContactId) -> Result<Option<Contact>, DbError> {
    tx.query_write(&TRY_LOCK, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

/// Those of these contacts that are not deleted, in the order of their keys.
pub fn some(db: &Read<'_>, workspace: WorkspaceId, ids: &[ContactId]) -> Result<Vec<Contact>, DbError> {
    let list = json::list(ids.iter().map(|id| id.0));
    read_all(&db.query(&SOME, &[workspace.0.into(), list])?)
}

/// The contacts with these phones.
pub fn by_phones(db: &Read<'_>, workspace: WorkspaceId, phones: &[&str]) -> Result<Vec<Contact>, DbError> {
    read_all(&db.query(&BY_PHONES, &[workspace.0.into(), json::texts(phones)])?)
}

/// The contacts with these phones, locked until the transaction ends, in the order of their keys: what
/// is merged into them cannot undo what somebody else writes meanwhile.
pub fn lock_by_phones(tx: &mut Tx<'_>, workspace: WorkspaceId, phones: &[&str]) -> Result<Vec<Contact>, DbError> {
    read_all(&tx.query_write(&LOCK_BY_PHONES, &[workspace.0.into(), json::texts(phones)])?)
}

/// The contacts of one person.
pub fn of_person(db: &Read<'_>, workspace: WorkspaceId, person: PersonId) -> Result<Vec<ContactId>, DbError> {
    let rows = db.query(&OF_PERSON, &[workspace.0.into(), person.0.into()])?;
    rows.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// How many numbers each of these persons has.
pub fn persons(
    db: &Read<'_>,
    workspace: WorkspaceId,
    persons: &BTreeSet<PersonId>,
) -> Result<Vec<(PersonId, usize)>, DbError> {
    if persons.is_empty() {
        return Ok(Vec::new());
    }
    let list = json::list(persons.iter().map(|person| person.0));
    let rows = db.query(&PERSONS, &[workspace.0.into(), list])?;
    let counted = |row: &Row| Ok((PersonId(row.int(0)?), usize::try_from(row.int(1)?).unwrap_or(usize::MAX)));
    rows.iter().map(counted).collect()
}

/// Contacts in the order of their making, after the given one.
pub fn page(db: &Read<'_>, workspace: WorkspaceId, after: ContactId, limit: i64) -> Result<Vec<Contact>, DbError> {
    read_all(&db.query(&PAGE, &[workspace.0.into(), after.0.into(), limit.into()])?)
}

/// Gives phone and fields of the newest contacts to `each`. No statement may run in it.
pub fn for_each_newest(
    db: &Read<'_>,
    workspace: WorkspaceId,
    limit: i64,
    mut each: impl FnMut(&str, &[(String, String)]),
) -> Result<(), DbError> {
    db.for_each(&NEWEST_FIELDS, &[workspace.0.into(), limit.into()], |row| {
        let fields: Vec<(String, String)> = json::read(row.text(1)?)?;
        each(row.text(0)?, &fields);
        Ok(())
    })
}

/// The identifiers of all contacts, in order, after the given one.
pub fn ids(db: &Read<'_>, workspace: WorkspaceId, after: ContactId, limit: i64) -> Result<Vec<ContactId>, DbError> {
    let rows = db.query(&ALL_IDS, &[workspace.0.into(), after.0.into(), limit.into()])?;
    rows.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// What a person or an import gives of a contact.
#[derive(Debug, Clone)]
pub struct ContactRow {
    /// Its identifier.
    pub id: ContactId,
    /// E.164.
    pub phone: String,
    /// The hash under which suppressions are kept.
    pub phone_hash: i64,
    /// What it shares with the other numbers of its row.
    pub person: Option<PersonId>,
    /// The name as it is listed.
    pub name: String,
    /// Field values by key.
    pub fields: Vec<(String, String)>,
}

fn batch(rows: &[ContactRow]) -> Result<Vec<[Value; 7]>, DbError> {
    let written = |row: &ContactRow| {
        Ok([
            row.id.0.into(),
            row.phone.as_str().into(),
            row.phone_hash.into(),
            row.person.map(|person| person.0).into(),
            row.name.as_str().into(),
            domain::search::fold(&row.name).into(),
            json::text(&row.fields)?.into(),
        ])
    };
    rows.iter().map(written).collect()
}

/// Inserts contacts and says how many were new; one whose phone is there already is passed over.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[ContactRow], now: Timestamp) -> Result<u64, DbError> {
    insert_imported(tx, workspace, rows, None, Found::AtOnce, now)
}

/// When contacts that were made are found by their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// By the same transaction.
    AtOnce,
    /// Once [`search::due`] has come to them.
    Later,
}

/// As [`insert`], by an import.
pub fn insert_imported(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    rows: &[ContactRow],
    import: Option<ImportId>,
    found: Found,
    now: Timestamp,
) -> Result<u64, DbError> {
    let fields = Fields::of(tx, workspace)?;
    let import = import.map(|import| import.0);
    let shared = [workspace.0.into(), json::micros(now).into(), import.into()];
    let new = tx.execute_each(&INSERT, &shared, &batch(rows)?)?;
    // One that was passed over is found by nothing: who it is instead is another row.
    match found {
        Found::Later => search::due::put_off(tx, workspace, rows.iter().map(|row| row.id), now)?,
        Found::AtOnce if new == rows.len() as u64 => search::add_new(tx, workspace, &keys(rows))?,
        Found::AtOnce => search::add(tx, workspace, &keys(rows))?,
    }
    fields.add(tx, workspace, rows.iter().map(|row| (row.id, row.fields.as_slice())))?;
    let hashes: Vec<_> = rows.iter().map(|row| (row.phone_hash, row.id)).collect();
    suppressions::take_over(tx, workspace, &hashes)?;
    Ok(new)
}

/// Overwrites name, fields and person of existing contacts.
pub fn update(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[ContactRow], now: Timestamp) -> Result<u64, DbError> {
    let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
    let fields = Fields::of(tx, workspace)?;
    let before = some(tx, workspace, &ids)?;
    let (old, new) = (kept_keys(&before), keys(rows));
    let changed = tx.execute_each(&UPDATE, &[workspace.0.into(), json::micros(now).into()], &batch(rows)?)?;
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.into_iter().collect(), new.into_iter().collect());
    search::remove(tx, workspace, &old.difference(&new).cloned().collect::<Vec<_>>())?;
    search::add(tx, workspace, &new.difference(&old).cloned().collect::<Vec<_>>())?;
    fields.change(tx, workspace, held(&before), rows.iter().map(|row| (row.id, row.fields.as_slice())))?;
    Ok(changed)
}

fn value<'f>(fields: &'f [(String, String)], key: &str) -> Option<&'f str> {
    fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

/// What a contact is found by.
pub(crate) fn keys_of(name: &str, phone: &str, fields: &[(String, String)]) -> Vec<String> {
    domain::search::contact_keys(name, phone, |key| value(fields, key))
}

/// What these contacts are to be found by.
fn keys(rows: &[ContactRow]) -> Vec<(String, ContactId)> {
    let of = |row: &ContactRow| {
        let keys = keys_of(&row.name, &row.phone, &row.fields);
        keys.into_iter().map(|key| (key, row.id)).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of).collect()
}

/// What these contacts are to be found by, as they are stored.
pub(crate) fn kept_keys(rows: &[Contact]) -> Vec<(String, ContactId)> {
    let of = |row: &Contact| {
        let keys = keys_of(&row.name, &row.phone, &row.fields);
        keys.into_iter().map(|key| (key, row.id)).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of).collect()
}

/// What these contacts hold.
fn held(rows: &[Contact]) -> impl Iterator<Item = Held<'_>> {
    rows.iter().map(|row| (row.id, row.fields.as_slice()))
}

/// Gives contacts their sending numbers.
pub fn assign(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[(ContactId, NumberId)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.iter().map(|(id, number)| [id.0.into(), number.0.into()]);
    tx.run_each(&ASSIGN, &[workspace.0.into()], rows)
}

/// Marks a contact's phone as somebody else's since a time, or takes the mark away.
pub fn set_reassigned(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: ContactId,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = [workspace.0.into(), id.0.into(), since.map(json::micros).into(), json::micros(now).into()];
    tx.execute(&REASSIGNED, &params).map(|_| ())
}

/// How many contacts there are.
pub fn count(db: &Read<'_>, workspace: WorkspaceId) -> Result<i64, DbError> {
    db.query_one(&COUNT, &[workspace.0.into()])?.int(0)
}
