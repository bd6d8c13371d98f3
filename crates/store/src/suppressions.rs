//! The lists that forbid texting, kept under the phone's hash so that they outlive the contact.

use domain::ids::{ContactId, WorkspaceId};
use domain::suppression::Suppression;
use domain::tally::{Count, What};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, tallies};

static OF: Sql = Sql::Twin {
    sqlite: "
        SELECT phone_hash, kind FROM suppressions
        WHERE workspace_id = $1 AND lifted_at IS NULL AND phone_hash IN (SELECT value FROM json_each($2))
        ORDER BY phone_hash, kind",
    postgres: "
        SELECT phone_hash, kind FROM suppressions
        WHERE workspace_id = $1 AND lifted_at IS NULL
          AND phone_hash = ANY ($2::BIGINT[])
        ORDER BY phone_hash, kind",
};

static ADD: Sql = Sql::Same(
    "
    INSERT INTO suppressions (workspace_id, phone_hash, kind, source, created_at, lifted_at, contact_id)
    VALUES ($1, $2, $3, $4, $5, NULL, $6)
    ON CONFLICT (workspace_id, phone_hash, kind)
    DO UPDATE SET source = excluded.source, created_at = excluded.created_at, lifted_at = NULL, listed = 0,
        contact_id = COALESCE(excluded.contact_id, suppressions.contact_id)
    WHERE suppressions.lifted_at IS NOT NULL",
);

/// A user's word goes before a list's: it stays when the list is removed.
static OWN: Sql = Sql::Same(
    "
    UPDATE suppressions SET source = $4, listed = 0
    WHERE workspace_id = $1 AND phone_hash = $2 AND kind = $3 AND listed = 1 AND lifted_at IS NULL",
);

/// For so many contacts it is asked first whether anybody was ever on a list.
const MANY: usize = 100;

static TAKE_OVER: Each<2> = Each(Sql::Twin {
    sqlite: "
        UPDATE suppressions SET contact_id = $3
        WHERE workspace_id = $1 AND phone_hash = $2
          AND EXISTS (SELECT 1 FROM contacts c
              WHERE c.workspace_id = $1 AND c.contact_id = $3 AND c.deleted_at IS NULL)",
    postgres: "
        UPDATE suppressions SET contact_id = t.contact
        FROM UNNEST($2::BIGINT[], $3::BIGINT[]) AS t (hash, contact)
        WHERE suppressions.workspace_id = $1 AND suppressions.phone_hash = t.hash
          AND EXISTS (SELECT 1 FROM contacts c
              WHERE c.workspace_id = $1 AND c.contact_id = t.contact AND c.deleted_at IS NULL)",
});

static ANY: Sql = Sql::Same("SELECT 1 FROM suppressions WHERE workspace_id = $1 LIMIT 1");

static LIFT: Sql = Sql::Same(
    "
    UPDATE suppressions SET lifted_at = $4
    WHERE workspace_id = $1 AND phone_hash = $2 AND kind = $3 AND lifted_at IS NULL",
);

static LIFTED: Sql = Sql::Same(
    "
    SELECT lifted_at FROM suppressions
    WHERE workspace_id = $1 AND phone_hash = $2 AND kind = $3 AND lifted_at >= $4",
);

static SINCE: Sql = Sql::Same(
    "
    SELECT created_at FROM suppressions
    WHERE workspace_id = $1 AND phone_hash = $2 AND kind = $3 AND lifted_at IS NULL",
);

static EVER: Sql = Sql::Same(
    "
    SELECT kind, source, created_at, lifted_at FROM suppressions
    WHERE workspace_id = $1 AND phone_hash = $2 ORDER BY created_at DESC, kind",
);

/// By the index that holds those in force by list and contact. `CROSS JOIN` is what keeps SQLite from walking through all
/// contacts instead, to save the sorting of a page.
static PAGE: Sql = Sql::Same(
    "
    SELECT s.contact_id, c.name, c.phone, s.source, s.created_at
    FROM suppressions s
    CROSS JOIN contacts c
    WHERE c.workspace_id = s.workspace_id AND c.contact_id = s.contact_id
      AND s.workspace_id = $1 AND s.kind = $2 AND s.contact_id < $3 AND s.lifted_at IS NULL AND c.deleted_at IS NULL
    ORDER BY s.contact_id DESC
    LIMIT $4",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("suppressions::OF", &OF),
    ("suppressions::ADD", &ADD),
    ("suppressions::OWN", &OWN),
    ("suppressions::TAKE_OVER", &TAKE_OVER.0),
    ("suppressions::ANY", &ANY),
    ("suppressions::LIFT", &LIFT),
    ("suppressions::LIFTED", &LIFTED),
    ("suppressions::SINCE", &SINCE),
    ("suppressions::EVER", &EVER),
    ("suppressions::PAGE", &PAGE),
];

/// The lists in force for these phones: one pair for each phone and list.
pub fn of(db: &Read<'_>, workspace: WorkspaceId, hashes: &[i64]) -> Result<Vec<(i64, Suppression)>, DbError> {
    let list = json::list(hashes.iter().copied());
    let kind = |row: &Row| {
        let kind = Suppression::from_word(row.text(1)?);
        Ok((row.int(0)?, kind.ok_or_else(|| json::unreadable("suppressions.kind", row.text(1).unwrap_or_default()))?))
    };
    db.query(&OF, &[workspace.0.into(), list])?.iter().map(kind).collect()
}

/// Puts a phone on a list, with the contact that has it now; false if it was there already.
pub fn add(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (hash, contact): (i64, Option<ContactId>),
    kind: Suppression,
    source: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (word, at) = (kind.word().into(), json::micros(now).into());
    let contact = contact.map(|contact| contact.0).into();
    let new = tx.execute(&ADD, &[workspace.0.into(), hash.into(), word, source.into(), at, contact])? == 1;
    if !new && matches!(kind, Suppression::DoNotContact | Suppression::ComplianceBlocked) {
        tx.execute(&OWN, &[workspace.0.into(), hash.into(), kind.word().into(), source.into()])?;
    }
    if new && kind == Suppression::OptedOut {
        tallies::count(tx, workspace, now, (0, 0), What::OptOut, Count::one(0))?;
    }
    Ok(new)
}

/// Lets new contacts have what is in force for their phones.
pub(crate) fn take_over(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[(i64, ContactId)]) -> Result<(), DbError> {
    // Where a file brings the first contacts, nobody was.
    if rows.len() >= MANY && tx.query_optional(&ANY, &[workspace.0.into()])?.is_none() {
        return Ok(());
    }
    let rows = rows.iter().map(|(hash, contact)| [(*hash).into(), contact.0.into()]);
    tx.execute_each(&TAKE_OVER, &[workspace.0.into()], rows).map(|_| ())
}

/// A contact that is on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub contact: ContactId,
    /// Their name.
    pub name: String,
    /// Their phone.
    pub phone: String,
    /// Who put them there, or what.
    pub source: String,
    /// Since when.
    pub since: Timestamp,
}

/// The contacts on a list, newest contact first, before the given one.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    kind: Suppression,
    before: ContactId,
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let listed = |row: &Row| {
        Ok(Listed {
            contact: ContactId(row.int(0)?),
            name: row.text(1)?.to_owned(),
            phone: row.text(2)?.to_owned(),
            source: row.text(3)?.to_owned(),
            since: json::timestamp(row.int(4)?)?,
        })
    };
    let params = [workspace.0.into(), kind.word().into(), before.0.into(), limit.into()];
    db.query(&PAGE, &params)?.iter().map(listed).collect()
}

/// Takes a phone off a list; false if it was not on it.
pub fn lift(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    hash: i64,
    kind: Suppression,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = [workspace.0.into(), hash.into(), kind.word().into(), json::micros(now).into()];
    Ok(tx.execute(&LIFT, &params)? == 1)
}

/// Whether a phone was taken off a list at or after a time, and is not on it again.
pub fn lifted_since(
    db: &Read<'_>,
    workspace: WorkspaceId,
    hash: i64,
    kind: Suppression,
    since: Timestamp,
) -> Result<bool, DbError> {
    let params = [workspace.0.into(), hash.into(), kind.word().into(), json::micros(since).into()];
    Ok(db.query_optional(&LIFTED, &params)?.is_some())
}

/// A list that a phone is on, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub kind: Suppression,
    /// Who put it there last.
    pub source: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if it is not on it any more.
    pub lifted_at: Option<Timestamp>,
}

/// Every list that a phone is or ever was on, the newest entry first.
pub fn ever(db: &Read<'_>, workspace: WorkspaceId, hash: i64) -> Result<Vec<Entry>, DbError> {
    let entry = |row: &Row| {
        let word = row.text(0)?;
        Ok(Entry {
            kind: Suppression::from_word(word).ok_or_else(|| json::unreadable("suppressions.kind", word))?,
            source: row.text(1)?.to_owned(),
            since: json::timestamp(row.int(2)?)?,
            lifted_at: json::timestamp_or_none(row.opt_int(3)?)?,
        })
    };
    db.query(&EVER, &[workspace.0.into(), hash.into()])?.iter().map(entry).collect()
}

/// Since when a phone is on a list; nothing if it is not.
pub fn since(
    db: &Read<'_>,
    workspace: WorkspaceId,
    hash: i64,
    kind: Suppression,
) -> Result<Option<Timestamp>, DbError> {
    let row = db.query_optional(&SINCE, &[workspace.0.into(), hash.into(), kind.word().into()])?;
    row.map(|row| json::timestamp(row.int(0)?)).transpose()
}
