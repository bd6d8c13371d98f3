//! Labels: short names in a colour that a workspace gives to its contacts; and lists, which are labels that the Messenger does not show.
//!
//! A label that a contact has carries the time of the contact's conversation along, so that the conversations of a label
//! are found in their order (`conversations::list`).

use domain::ids::{ContactId, LabelId, WorkspaceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::conversations;
use crate::json;
use crate::{DbError, Read, Row, Sql, Tx, Value};

/// What a label is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It marks conversations, in a colour.
    Label,
    /// It holds contacts together, such as those of one file: it is not shown in the Messenger.
    List,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Label, Self::List];

    /// The word for it in the database, in documents and to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::List => "list",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A label, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its identifier.
    pub id: LabelId,
    /// Which of the two it is.
    pub kind: Kind,
    /// Its name. No other label or list of the workspace has it.
    pub name: String,
    /// The word of its colour.
    pub colour: String,
}

impl Label {
    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.kind == Kind::List
    }
}

static LIST: Sql = Sql::Same(
    "
    SELECT label_id, kind, name, colour FROM labels WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY name_key",
);

static FIND: Sql = Sql::Same(
    "
    SELECT label_id, kind, name, colour FROM labels
    WHERE workspace_id = $1 AND label_id = $2 AND deleted_at IS NULL",
);

static NAMED: Sql =
    Sql::Same("SELECT label_id, kind, name, colour FROM labels WHERE workspace_id = $1 AND name_key = $2");

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO labels (workspace_id, label_id, kind, name, name_key, colour, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (workspace_id, name_key) DO NOTHING",
);

static UPDATE: Sql = Sql::Same(
    "
    UPDATE labels SET name = $3, name_key = $4, colour = $5
    WHERE workspace_id = $1 AND label_id = $2 AND deleted_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM labels o WHERE o.workspace_id = $1 AND o.name_key = $4 AND o.label_id <> $2)",
);

/// No name begins with a space: it is free for another one at once.
static DELETE: Sql = Sql::Same(
    "
    UPDATE labels SET deleted_at = $3, name_key = ' ' || label_id
    WHERE workspace_id = $1 AND label_id = $2 AND deleted_at IS NULL",
);

static DELETED: Sql = Sql::Same("SELECT label_id FROM labels WHERE workspace_id = $1 AND deleted_at < $2 LIMIT 1");

static FORGET_USES: Sql = Sql::Same(
    "
    DELETE FROM contact_labels
    WHERE workspace_id = $1 AND label_id = $2 AND contact_id IN (
        SELECT contact_id FROM contact_labels
        WHERE workspace_id = $1 AND label_id = $2 ORDER BY contact_id LIMIT $3)",
);

/// Another node may let go of the same rows: that none were left to us does not say that none are left.
static FORGET: Sql = Sql::Same(
    "
    DELETE FROM labels
    WHERE workspace_id = $1 AND label_id = $2
      AND NOT EXISTS (SELECT 1 FROM contact_labels WHERE workspace_id = $1 AND label_id = $2)",
);

static OF_CONTACTS: Sql = Sql::Twin {
    sqlite: "
        SELECT l.contact_id, t.label_id, t.kind, t.name, t.colour
        FROM contact_labels l
        JOIN labels t ON t.workspace_id = l.workspace_id AND t.label_id = l.label_id AND t.deleted_at IS NULL
        WHERE l.workspace_id = $1 AND l.contact_id IN (SELECT value FROM json_each($2))
        ORDER BY l.contact_id, t.name_key",
    postgres: "
        SELECT l.contact_id, t.label_id, t.kind, t.name, t.colour
        FROM contact_labels l
        JOIN labels t ON t.workspace_id = l.workspace_id AND t.label_id = l.label_id AND t.deleted_at IS NULL
        WHERE l.workspace_id = $1
          AND l.contact_id = ANY ($2::BIGINT[])
        ORDER BY l.contact_id, t.name_key",
};

static GIVE: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO contact_labels (workspace_id, contact_id, label_id, last_at, created_at)
        SELECT $1, value ->> 'contact', $2, value ->> 'last', $4 FROM json_each($3) WHERE true
        ON CONFLICT (workspace_id, contact_id, label_id) DO NOTHING
        RETURNING contact_id",
    postgres: "
        INSERT INTO contact_labels (workspace_id, contact_id, label_id, last_at, created_at)
        SELECT $1, contact, $2, last, $4 FROM jsonb_to_recordset($3::text::jsonb) AS t (contact BIGINT, last BIGINT)
        ON CONFLICT (workspace_id, contact_id, label_id) DO NOTHING
        RETURNING contact_id",
};

static TAKE: Sql = Sql::Twin {
    sqlite: "
        DELETE FROM contact_labels
        WHERE workspace_id = $1 AND label_id = $2 AND contact_id IN (SELECT value FROM json_each($3))
        RETURNING contact_id",
    postgres: "
        DELETE FROM contact_labels
        WHERE workspace_id = $1 AND label_id = $2
          AND contact_id = ANY ($3::BIGINT[])
        RETURNING contact_id",
};

static TAKE_ALL: Sql = Sql::Twin {
    sqlite: "
        DELETE FROM contact_labels WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2))",
    postgres: "
        DELETE FROM contact_labels
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("labels::LIST", &LIST),
    ("labels::FIND", &FIND),
    ("labels::NAMED", &NAMED),
    ("labels::INSERT", &INSERT),
    ("labels::UPDATE", &UPDATE),
    ("labels::DELETE", &DELETE),
    ("labels::DELETED", &DELETED),
    ("labels::FORGET_USES", &FORGET_USES),
    ("labels::FORGET", &FORGET),
    ("labels::OF_CONTACTS", &OF_CONTACTS),
    ("labels::GIVE", &GIVE),
    ("labels::TAKE", &TAKE),
    ("labels::TAKE_ALL", &TAKE_ALL),
];

/// A label whose first column is at this place.
fn read(row: &Row, first: usize) -> Result<Label, DbError> {
    let kind = row.text(first + 1)?;
    Ok(Label {
        id: LabelId(row.int(first)?),
        kind: Kind::from_word(kind).ok_or_else(|| json::unreadable("labels.kind", kind))?,
        name: row.text(first + 2)?.to_owned(),
        colour: row.text(first + 3)?.to_owned(),
    })
}

/// All labels, by name.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Label>, DbError> {
    db.query(&LIST, &[workspace.0.into()])?.iter().map(|row| read(row, 0)).collect()
}

/// One label.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: LabelId) -> Result<Option<Label>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.map(|row| read(&row, 0)).transpose()
}

/// The label or list of this name.
pub fn named(db: &Read<'_>, workspace: WorkspaceId, name: &str) -> Result<Option<Label>, DbError> {
    db.query_optional(&NAMED, &[workspace.0.into(), key(name).into()])?.map(|row| read(&row, 0)).transpose()
}

/// The form of a name by which two are the same.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Makes a label; false if one has that name, or a list has.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, label: &Label, now: Timestamp) -> Result<bool, DbError> {
    let params = [
        workspace.0.into(),
        label.id.0.into(),
        label.kind.word().into(),
        label.name.as_str().into(),
        key(&label.name).into(),
        label.colour.as_str().into(),
        json::micros(now).into(),
    ];
    Ok(tx.execute(&INSERT, &params)? == 1)
}

/// Changes name and colour, and not what it is; false if another has the name, or there is no such label.
pub fn update(tx: &mut Tx<'_>, workspace: WorkspaceId, label: &Label) -> Result<bool, DbError> {
    let params = [
        workspace.0.into(),
        label.id.0.into(),
        label.name.as_str().into(),
        key(&label.name).into(),
        label.colour.as_str().into(),
    ];
    Ok(tx.execute(&UPDATE, &params)? == 1)
}

/// Deletes a label: no contact has it any more, and its name is free. False if there is none.
pub fn delete(tx: &mut Tx<'_>, workspace: WorkspaceId, id: LabelId, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&DELETE, &[workspace.0.into(), id.0.into(), json::micros(now).into()])? == 1)
}

/// Lets go of whose a label was that was deleted before then, of at most so many, and of the label once that is nobody; says how many rows
/// went. Whoever found the label before it was deleted must have given it by then.
pub fn forget(tx: &mut Tx<'_>, workspace: WorkspaceId, before: Timestamp, limit: u64) -> Result<u64, DbError> {
    let found = tx.query_optional(&DELETED, &[workspace.0.into(), json::micros(before).into()])?;
    let Some(row) = found else { return Ok(0) };
    let (label, most) = (row.int(0)?, i64::try_from(limit).unwrap_or(i64::MAX));
    match tx.execute(&FORGET_USES, &[workspace.0.into(), label.into(), most.into()])? {
        0 => tx.execute(&FORGET, &[workspace.0.into(), label.into()]),
        gone => Ok(gone),
    }
}

/// The labels of these contacts, by contact and name.
pub fn of_contacts(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, Label)>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let rows = db.query(&OF_CONTACTS, &[workspace.0.into(), list])?;
    rows.iter().map(|row| Ok((ContactId(row.int(0)?), read(row, 1)?))).collect()
}

#[derive(Serialize)]
struct Given {
    contact: i64,
    last: Option<i64>,
}

/// Gives contacts a label, and says which did not have it. Their conversations are locked.
pub fn give(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    label: LabelId,
    contacts: &[ContactId],
    now: Timestamp,
) -> Result<Vec<ContactId>, DbError> {
    let last: std::collections::HashMap<ContactId, i64> =
        conversations::lock(tx, workspace, contacts)?.into_iter().collect();
    let rows: Vec<_> =
        contacts.iter().map(|contact| Given { contact: contact.0, last: last.get(contact).copied() }).collect();
    let params = [workspace.0.into(), label.0.into(), json::text(&rows)?.into(), json::micros(now).into()];
    tx.query_write(&GIVE, &params)?.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// Takes a label from contacts, and says which had it.
pub fn take(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    label: LabelId,
    contacts: &[ContactId],
) -> Result<Vec<ContactId>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let rows = tx.query_write(&TAKE, &[workspace.0.into(), label.0.into(), list])?;
    rows.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// The contacts of a list are deleted: they have no label any more.
pub(crate) fn take_all(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: Value) -> Result<(), DbError> {
    tx.execute(&TAKE_ALL, &[workspace.0.into(), contacts]).map(|_| ())
}
