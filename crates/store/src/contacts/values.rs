//! Contacts by what a field of theirs holds, for the filters of their list.
//!
//! A field is kept so once somebody has filtered by it and that took long: whoever never does pays nothing for it. From then on
//! each change of a contact writes its keys (`domain::search::value_keys`) in its own transaction, and contacts that were there before
//! get theirs behind it, in the order of their identifiers. A field may be filtered by them when all have them (`ready`). Keys narrow
//! down where to look and never decide: whoever asks holds the value itself against what is asked, so a key too much does no harm.
//!
//! No change may miss that a field has become one of these: a transaction that writes contacts holds the workspace's lock of fields
//! together with others of its kind, and one that adds a field holds it alone, or does nothing while it cannot. On SQLite one writes at a time.
//! Who writes what contacts are found by behind them waits for it once (`search::due`).

use std::collections::BTreeSet;

use domain::ids::{ContactId, WorkspaceId};
use domain::search::{after_all, value_keys};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Each, Read, Sql, Tx, Value};

/// Most fields of one workspace that contacts are kept by.
pub const MOST_FIELDS: i64 = 20;

/// How far a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Contacts that were there before are being kept by it.
    Building,
    /// All contacts are kept by it.
    Ready,
    /// Nobody has asked for long: it is being let go.
    Going,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Ready => "ready",
            Self::Going => "going",
        }
    }

    fn from_word(word: &str) -> Result<Self, DbError> {
        let of = |state: &Self| state.word() == word;
        [Self::Building, Self::Ready, Self::Going].into_iter().find(of).ok_or_else(|| json::unreadable("state", word))
    }
}

/// A field that contacts are kept by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Its key.
    pub key: String,
    /// How far it is.
    pub state: State,
    /// The last contact that is kept by it, while it is building.
    pub place: ContactId,
    /// When somebody asked for it last, to the day.
    pub asked_at: Timestamp,
}

static SHARE: Sql = Sql::Twin {
    sqlite: "SELECT 1 WHERE $1 = 0",
    postgres: "SELECT 1 WHERE pg_advisory_xact_lock_shared($1)::text = '-'",
};

static TAKE: Sql =
    Sql::Twin { sqlite: "SELECT 1 WHERE $1 = $1", postgres: "SELECT 1 WHERE pg_try_advisory_xact_lock($1)" };

static WAIT: Sql =
    Sql::Twin { sqlite: "SELECT 1 WHERE $1 = 0", postgres: "SELECT 1 WHERE pg_advisory_xact_lock($1)::text = '-'" };

static WRITTEN: Sql = Sql::Same("SELECT field_key FROM filter_fields WHERE workspace_id = $1 AND state <> 'going'");

static FIND: Sql = Sql::Same(
    "
    SELECT workspace_id, field_key, state, place, asked_at FROM filter_fields WHERE workspace_id = $1 AND field_key = $2",
);

static LOCK: Sql = Sql::Twin {
    sqlite: "
        SELECT workspace_id, field_key, state, place, asked_at FROM filter_fields
        WHERE workspace_id = $1 AND field_key = $2",
    postgres: "
        SELECT workspace_id, field_key, state, place, asked_at FROM filter_fields
        WHERE workspace_id = $1 AND field_key = $2 FOR UPDATE SKIP LOCKED",
};

static UNFINISHED: Sql = Sql::Same(
    "
    SELECT workspace_id, field_key, state, place, asked_at FROM filter_fields
    WHERE state <> 'ready' OR asked_at < $1 LIMIT $2",
);

static ASKED: Sql = Sql::Same("UPDATE filter_fields SET asked_at = $3 WHERE workspace_id = $1 AND field_key = $2");

static ADD_FIELD: Sql = Sql::Same(
    "
    INSERT INTO filter_fields (workspace_id, field_key, state, place, asked_at)
    SELECT $1, $2, 'building', $4, $3 WHERE (SELECT COUNT(*) FROM filter_fields WHERE workspace_id = $1) < $5",
);

static MOVE_FIELD: Sql = Sql::Same(
    "
    UPDATE filter_fields SET state = $3, place = $4 WHERE workspace_id = $1 AND field_key = $2",
);

static REMOVE_FIELD: Sql = Sql::Same("DELETE FROM filter_fields WHERE workspace_id = $1 AND field_key = $2");

static REMOVE_VALUES: Sql = Sql::Twin {
    sqlite: "
        DELETE FROM filter_values WHERE workspace_id = $1 AND field_key = $2 AND (value_key, contact_id) IN (
            SELECT value_key, contact_id FROM filter_values WHERE workspace_id = $1 AND field_key = $2 LIMIT $3)",
    // By their places: nobody else writes them, and a list of keys is taken for a scan as long as nothing is known of a young table.
    postgres: "
        DELETE FROM filter_values WHERE workspace_id = $1 AND field_key = $2 AND ctid = ANY (ARRAY(
            SELECT ctid FROM filter_values WHERE workspace_id = $1 AND field_key = $2 LIMIT $3))",
};

static ADD: Each<3> = Each(Sql::Twin {
    sqlite: "
        INSERT OR FAIL INTO filter_values (workspace_id, field_key, value_key, contact_id)
        SELECT $1, $2, $3, c.contact_id FROM contacts c
        WHERE c.workspace_id = $1 AND c.contact_id = $4 AND c.deleted_at IS NULL
        ON CONFLICT DO NOTHING",
    postgres: "
        INSERT INTO filter_values (workspace_id, field_key, value_key, contact_id)
        SELECT $1, t.field, t.key, t.id
        FROM UNNEST($2::TEXT[], $3::TEXT[], $4::BIGINT[]) AS t (field, key, id)
        WHERE EXISTS (SELECT 1 FROM contacts c
            WHERE c.workspace_id = $1 AND c.contact_id = t.id AND c.deleted_at IS NULL)
        ON CONFLICT DO NOTHING",
});

static REMOVE: Each<3> = Each(Sql::Twin {
    sqlite: "
        DELETE FROM filter_values
        WHERE workspace_id = $1 AND field_key = $2 AND value_key = $3 AND contact_id = $4",
    postgres: "
        DELETE FROM filter_values v
        USING UNNEST($2::TEXT[], $3::TEXT[], $4::BIGINT[]) AS t (field, key, id)
        WHERE v.workspace_id = $1 AND v.field_key = t.field AND v.value_key = t.key AND v.contact_id = t.id",
});

static UNDER: Sql = Sql::Same(
    "
    SELECT contact_id FROM filter_values
    WHERE workspace_id = $1 AND field_key = $2 AND value_key = $3 AND contact_id < $4
    ORDER BY contact_id DESC LIMIT $5",
);

static BEGINNING: Sql = Sql::Same(
    "
    SELECT contact_id FROM filter_values
    WHERE workspace_id = $1 AND field_key = $2 AND value_key >= $3 AND value_key < $4 LIMIT $5",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("contacts::values::SHARE", &SHARE),
    ("contacts::values::TAKE", &TAKE),
    ("contacts::values::WAIT", &WAIT),
    ("contacts::values::WRITTEN", &WRITTEN),
    ("contacts::values::FIND", &FIND),
    ("contacts::values::LOCK", &LOCK),
    ("contacts::values::UNFINISHED", &UNFINISHED),
    ("contacts::values::ASKED", &ASKED),
    ("contacts::values::ADD_FIELD", &ADD_FIELD),
    ("contacts::values::MOVE_FIELD", &MOVE_FIELD),
    ("contacts::values::REMOVE_FIELD", &REMOVE_FIELD),
    ("contacts::values::REMOVE_VALUES", &REMOVE_VALUES),
    ("contacts::values::ADD", &ADD.0),
    ("contacts::values::REMOVE", &REMOVE.0),
    ("contacts::values::UNDER", &UNDER),
    ("contacts::values::BEGINNING", &BEGINNING),
];

/// A field's key, one key of what it holds, and of whom.
type Kept = (String, String, ContactId);

/// A contact and its fields.
pub(super) type Held<'c> = (ContactId, &'c [(String, String)]);

/// The fields whose keys this transaction has to write; none is added until it ends.
pub(super) struct Fields(Vec<String>);

impl Fields {
    pub(super) fn of(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Self, DbError> {
        tx.query_write(&SHARE, &[workspace.0.into()])?;
        let rows = tx.query(&WRITTEN, &[workspace.0.into()])?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>().map(Self)
    }

    fn keys<'c>(&self, contacts: impl Iterator<Item = Held<'c>>) -> BTreeSet<Kept> {
        let of = |(id, held): Held<'c>| {
            let keys = |field: &String| {
                let value = held.iter().find(|(key, _)| key == field).map_or("", |(_, value)| value.as_str());
                value_keys(value).into_iter().map(|key| (field.clone(), key, id)).collect::<Vec<_>>()
            };
            self.0.iter().flat_map(keys).collect::<Vec<_>>()
        };
        contacts.flat_map(of).collect()
    }

    /// Keeps contacts; those that are not there are passed over.
    pub(super) fn add<'c>(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        contacts: impl Iterator<Item = Held<'c>>,
    ) -> Result<(), DbError> {
        self.change(tx, workspace, std::iter::empty(), contacts)
    }

    /// Keeps contacts by what they hold now instead of what they held.
    pub(super) fn change<'c>(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        old: impl Iterator<Item = Held<'c>>,
        new: impl Iterator<Item = Held<'c>>,
    ) -> Result<(), DbError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (old, new) = (self.keys(old), self.keys(new));
        for (each, keys) in [(&REMOVE, old.difference(&new)), (&ADD, new.difference(&old))] {
            let rows: Vec<[Value; 3]> =
                keys.map(|(field, key, id)| [field.as_str().into(), key.as_str().into(), id.0.into()]).collect();
            if !rows.is_empty() {
                tx.execute_each(each, &[workspace.0.into()], &rows)?;
            }
        }
        Ok(())
    }
}

fn read(row: &crate::Row) -> Result<Field, DbError> {
    Ok(Field {
        workspace: WorkspaceId(row.int(0)?),
        key: row.text(1)?.to_owned(),
        state: State::from_word(row.text(2)?)?,
        place: ContactId(row.int(3)?),
        asked_at: json::timestamp(row.int(4)?)?,
    })
}

/// Whether and how far contacts are kept by a field.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<Field>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), key.into()])?.as_ref().map(read).transpose()
}

/// Fields of all workspaces that are not ready, or that nobody has asked for since a time; at most so many.
pub fn unfinished(db: &Read<'_>, asked_before: Timestamp, limit: i64) -> Result<Vec<Field>, DbError> {
    db.query(&UNFINISHED, &[json::micros(asked_before).into(), limit.into()])?.iter().map(read).collect()
}

/// Whether this transaction has the lock of fields alone; it waits for nobody, who might wait for it.
fn alone(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<bool, DbError> {
    Ok(!tx.query_write(&TAKE, &[workspace.0.into()])?.is_empty())
}

/// Returns once all transactions have ended that write contacts and held the lock before. Of a transaction that holds nothing else: who would wait for
/// it might be one of them.
pub(crate) fn wait_for_writers(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    tx.query_write(&WAIT, &[workspace.0.into()]).map(|_| ())
}

/// The field, unless there is none or another transaction has it.
fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<Field>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into(), key.into()])?.first().map(read).transpose()
}

/// Has contacts kept by a field from now on, or notes that it was asked for. False while contacts are being written by others, or where
/// the workspace has [`MOST_FIELDS`].
pub fn want(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str, now: Timestamp) -> Result<bool, DbError> {
    let asked = [workspace.0.into(), key.into(), json::micros(now).into()];
    if tx.execute(&ASKED, &asked)? == 1 {
        return Ok(true);
    }
    if !alone(tx, workspace)? {
        return Ok(false);
    }
    let bounds = [i64::MIN.into(), MOST_FIELDS.into()];
    Ok(tx.execute(&ADD_FIELD, &[asked.as_slice(), bounds.as_slice()].concat())? == 1)
}

/// The next of the contacts that were there before a field was kept, at most so many: they are kept by it from now on. True once it
/// is ready; also where another node is at it.
pub fn build(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str, limit: i64) -> Result<bool, DbError> {
    let Some(field) = lock(tx, workspace, key)?.filter(|field| field.state == State::Building) else {
        return Ok(true);
    };
    let ids = super::ids(tx, workspace, field.place, limit)?;
    // Locked, so that what is kept is what they hold when this commits.
    let contacts = super::lock(tx, workspace, &ids)?;
    Fields(vec![key.to_owned()]).add(tx, workspace, super::held(&contacts))?;
    let (state, place) = ids.last().map_or((State::Ready, field.place), |last| (State::Building, *last));
    tx.execute(&MOVE_FIELD, &[workspace.0.into(), key.into(), state.word().into(), place.0.into()])?;
    Ok(state == State::Ready)
}

/// Lets go of a field, at most so many rows; true once nothing of it is left, and where others are at it or write contacts.
pub fn let_go(tx: &mut Tx<'_>, workspace: WorkspaceId, key: &str, limit: u64) -> Result<bool, DbError> {
    if lock(tx, workspace, key)?.is_none() || !alone(tx, workspace)? {
        return Ok(true);
    }
    let (of, rows) = ([workspace.0.into(), key.into()], i64::try_from(limit).unwrap_or(i64::MAX));
    let going = [State::Going.word().into(), Value::from(i64::MIN)];
    tx.execute(&MOVE_FIELD, &[of.as_slice(), going.as_slice()].concat())?;
    let gone = tx.execute(&REMOVE_VALUES, &[of.as_slice(), &[rows.into()]].concat())?;
    if gone == limit {
        return Ok(false);
    }
    tx.execute(&REMOVE_FIELD, &of)?;
    Ok(true)
}

/// Contacts that are kept under exactly this key of a field, the newest first, before the given one.
pub(super) fn under(
    db: &Read<'_>,
    workspace: WorkspaceId,
    (field, key): (&str, &str),
    before: ContactId,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    let params = [workspace.0.into(), field.into(), key.into(), before.0.into(), limit.into()];
    db.query(&UNDER, &params)?.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// Contacts that are kept under a key of a field with this beginning, some twice; at most so many, in no order.
pub fn beginning(
    db: &Read<'_>,
    workspace: WorkspaceId,
    field: &str,
    beginning: &str,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    let params = [workspace.0.into(), field.into(), beginning.into(), after_all(beginning).into(), limit.into()];
    db.query(&BEGINNING, &params)?.iter().map(|row| row.int(0).map(ContactId)).collect()
}
