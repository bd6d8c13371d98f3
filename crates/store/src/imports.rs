//! Imports of contacts: what is to be done with a file, how far it is, what became of it. The file itself lies with the program.

pub mod changes;

use domain::ids::{ContactId, ImportId, LabelId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// An import as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its identifier.
    pub id: ImportId,
    /// The file's name as it was uploaded.
    pub file_name: String,
    /// Its size.
    pub file_bytes: i64,
    /// Its word; the engine's `imports` says which there are.
    pub state: String,
    /// How it is read, as a document.
    pub choices: String,
    /// How far it is, as a document.
    pub counts: String,
    /// What became of it, as a document.
    pub outcome: String,
    /// Who uploaded it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it moved last.
    pub updated_at: Timestamp,
}

macro_rules! columns {
    () => {
        "import_id, file_name, file_bytes, state, choices, counts, outcome, actor, created_at, updated_at"
    };
}

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM imports WHERE workspace_id = $1 AND import_id = $2"));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM imports WHERE workspace_id = $1 AND import_id = $2"),
    postgres: concat!("SELECT ", columns!(), " FROM imports WHERE workspace_id = $1 AND import_id = $2 FOR UPDATE"),
};

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM imports WHERE workspace_id = $1 AND import_id < $2 ORDER BY import_id DESC LIMIT $3"
));

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO imports (workspace_id, import_id, file_name, file_bytes, state, choices, counts, outcome, actor,
        created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
);

static SAVE: Sql = Sql::Same(
    "
    UPDATE imports SET state = $3, choices = $4, counts = $5, outcome = $6, updated_at = $7
    WHERE workspace_id = $1 AND import_id = $2",
);

static END: Sql = Sql::Same(
    "
    UPDATE imports SET state = $3, counts = $4, outcome = $5, updated_at = $6
    WHERE workspace_id = $1 AND import_id = $2 AND (state = 'canceling' OR (state = 'running' AND updated_at = $7))",
);

static BEGIN: Sql = Sql::Same(
    "
    UPDATE imports SET state = 'running', choices = $3, counts = $4, updated_at = $5
    WHERE workspace_id = $1 AND import_id = $2 AND state NOT IN ('done', 'undoing', 'undone')
      AND (state NOT IN ('running', 'canceling') OR updated_at < $6)",
);

static MOVE: Sql = Sql::Same(
    "
    UPDATE imports SET counts = $3, updated_at = $4
    WHERE workspace_id = $1 AND import_id = $2 AND state = 'running' AND updated_at = $5",
);

static CANCEL: Sql = Sql::Same(
    "
    UPDATE imports SET state = 'canceling', updated_at = $3
    WHERE workspace_id = $1 AND import_id = $2 AND state = 'running'",
);

static REMOVE: Sql = Sql::Same("DELETE FROM imports WHERE workspace_id = $1 AND import_id = $2");

static BEGIN_UNDO: Sql = Sql::Same(
    "
    UPDATE imports SET state = 'undoing', updated_at = $3
    WHERE workspace_id = $1 AND import_id = $2
      AND (state IN ('done', 'failed', 'canceled')
          OR (state IN ('running', 'canceling', 'undoing') AND updated_at < $4))",
);

/// `$own` are the labels and lists that the import itself gave, as a list.
macro_rules! untouched {
    ($own:literal) => {
        concat!(
            "
    SELECT c.contact_id FROM contacts c
    WHERE c.workspace_id = $1 AND c.import_id = $2 AND c.contact_id < $3 AND c.deleted_at IS NULL
      AND (c.updated_at = c.created_at OR EXISTS (SELECT 1 FROM import_changes i
          WHERE i.workspace_id = $1 AND i.import_id = $2 AND i.contact_id = c.contact_id
            AND i.found_at = c.created_at AND i.left_at = c.updated_at))
      AND c.number_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM conversations v WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id)
      AND NOT EXISTS (SELECT 1 FROM runs u WHERE u.workspace_id = $1 AND u.contact_id = c.contact_id)
      AND NOT EXISTS (SELECT 1 FROM enrollments e
          WHERE e.workspace_id = $1 AND e.contact_id = c.contact_id AND e.state <> 'active')
      AND NOT EXISTS (SELECT 1 FROM notes n WHERE n.workspace_id = $1 AND n.contact_id = c.contact_id)
      AND NOT EXISTS (SELECT 1 FROM reminders r WHERE r.workspace_id = $1 AND r.contact_id = c.contact_id)
      AND NOT EXISTS (SELECT 1 FROM contact_labels l
          JOIN labels t ON t.workspace_id = l.workspace_id AND t.label_id = l.label_id AND t.deleted_at IS NULL
          WHERE l.workspace_id = $1 AND l.contact_id = c.contact_id AND l.label_id NOT IN (",
            $own,
            "))
      AND NOT EXISTS (SELECT 1 FROM import_changes o
          WHERE o.workspace_id = $1 AND o.contact_id = c.contact_id AND o.import_id <> $2)
    ORDER BY c.contact_id DESC LIMIT $4"
        )
    };
}

static UNTOUCHED: Sql = Sql::Twin {
    sqlite: untouched!("SELECT value FROM json_each($5)"),
    postgres: untouched!("SELECT v FROM UNNEST($5::BIGINT[]) AS v"),
};

static UNDONE_MAKERS: Sql = Sql::Twin {
    sqlite: "
        SELECT DISTINCT i.import_id FROM contacts c
        JOIN imports i ON i.workspace_id = c.workspace_id AND i.import_id = c.import_id AND i.state = 'undone'
        WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT DISTINCT i.import_id FROM contacts c
        JOIN imports i ON i.workspace_id = c.workspace_id AND i.import_id = c.import_id AND i.state = 'undone'
        WHERE c.workspace_id = $1 AND c.deleted_at IS NULL
          AND c.contact_id = ANY ($2::BIGINT[])",
};

static LEFT: Sql =
    Sql::Same("SELECT COUNT(*) FROM contacts WHERE workspace_id = $1 AND import_id = $2 AND deleted_at IS NULL");

static IN_HAND: Sql = Sql::Same(
    "
    SELECT workspace_id, import_id FROM imports
    WHERE (state = 'running' OR state = 'canceling' OR state = 'undoing') AND updated_at < $1
      AND (workspace_id, import_id) > ($2, $3)
    ORDER BY workspace_id, import_id LIMIT $4",
);

static IN_HAND_IN: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM imports
      WHERE workspace_id = $1 AND (state = 'running' OR state = 'canceling' OR state = 'undoing') AND updated_at < $2
      ORDER BY import_id LIMIT $3"
));

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("imports::FIND", &FIND),
    ("imports::LOCK", &LOCK),
    ("imports::PAGE", &PAGE),
    ("imports::INSERT", &INSERT),
    ("imports::SAVE", &SAVE),
    ("imports::END", &END),
    ("imports::BEGIN", &BEGIN),
    ("imports::MOVE", &MOVE),
    ("imports::CANCEL", &CANCEL),
    ("imports::REMOVE", &REMOVE),
    ("imports::BEGIN_UNDO", &BEGIN_UNDO),
    ("imports::UNTOUCHED", &UNTOUCHED),
    ("imports::UNDONE_MAKERS", &UNDONE_MAKERS),
    ("imports::LEFT", &LEFT),
    ("imports::IN_HAND", &IN_HAND),
    ("imports::IN_HAND_IN", &IN_HAND_IN),
];

fn read(row: &Row) -> Result<Import, DbError> {
    Ok(Import {
        id: ImportId(row.int(0)?),
        file_name: row.text(1)?.to_owned(),
        file_bytes: row.int(2)?,
        state: row.text(3)?.to_owned(),
        choices: row.text(4)?.to_owned(),
        counts: row.text(5)?.to_owned(),
        outcome: row.text(6)?.to_owned(),
        actor: row.text(7)?.to_owned(),
        created_at: json::timestamp(row.int(8)?)?,
        updated_at: json::timestamp(row.int(9)?)?,
    })
}

/// One import.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: ImportId) -> Result<Option<Import>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// One import, locked until the transaction ends: a run that it was taken from may save its last rows until then, and say so in it.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ImportId) -> Result<Option<Import>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

/// Imports, newest first, before the given one.
pub fn page(db: &Read<'_>, workspace: WorkspaceId, before: ImportId, limit: i64) -> Result<Vec<Import>, DbError> {
    db.query(&PAGE, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(read).collect()
}

/// Inserts an import.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, import: &Import) -> Result<(), DbError> {
    let text = |text: &str| text.to_owned().into();
    let params = [
        workspace.0.into(),
        import.id.0.into(),
        text(&import.file_name),
        import.file_bytes.into(),
        text(&import.state),
        text(&import.choices),
        text(&import.counts),
        text(&import.outcome),
        text(&import.actor),
        json::micros(import.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites what may change of an import.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, import: &Import) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        import.id.0.into(),
        import.state.as_str().into(),
        import.choices.as_str().into(),
        import.counts.as_str().into(),
        import.outcome.as_str().into(),
        json::micros(import.updated_at).into(),
    ];
    tx.execute(&SAVE, &params).map(|_| ())
}

/// Says what became of an import that runs and moved last at `moved_at`, or is being canceled; false if somebody else has it in hand by now.
pub fn end(tx: &mut Tx<'_>, workspace: WorkspaceId, import: &Import, moved_at: Timestamp) -> Result<bool, DbError> {
    let params = [
        workspace.0.into(),
        import.id.0.into(),
        import.state.as_str().into(),
        import.counts.as_str().into(),
        import.outcome.as_str().into(),
        json::micros(import.updated_at).into(),
        json::micros(moved_at).into(),
    ];
    Ok(tx.execute(&END, &params)? == 1)
}

/// Removes an import that has saved nothing.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ImportId) -> Result<(), DbError> {
    tx.execute(&REMOVE, &[workspace.0.into(), id.0.into()]).map(|_| ())
}

/// Takes the undoing of an import in hand; false if it is not over, or somebody has it in hand who moved it since `still_since`.
pub fn begin_undo(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: ImportId,
    (now, still_since): (Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let (now, still) = (json::micros(now).into(), json::micros(still_since).into());
    Ok(tx.execute(&BEGIN_UNDO, &[workspace.0.into(), id.0.into(), now, still])? == 1)
}

/// Takes an import in hand, as its row is given; false if it was undone, or somebody has it in hand who moved it since `still_since`.
pub fn begin(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    import: &Import,
    still_since: Timestamp,
) -> Result<bool, DbError> {
    let params = [
        workspace.0.into(),
        import.id.0.into(),
        import.choices.as_str().into(),
        import.counts.as_str().into(),
        json::micros(import.updated_at).into(),
        json::micros(still_since).into(),
    ];
    Ok(tx.execute(&BEGIN, &params)? == 1)
}

/// Says how far an import is that moved last at `moved_at`; false if it does not run any more, or somebody else has moved it.
pub fn moved(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (id, moved_at): (ImportId, Timestamp),
    counts: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (now, moved) = (json::micros(now).into(), json::micros(moved_at).into());
    Ok(tx.execute(&MOVE, &[workspace.0.into(), id.0.into(), counts.into(), now, moved])? == 1)
}

/// Says that an import is to end; false if it does not run.
pub fn cancel(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ImportId, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&CANCEL, &[workspace.0.into(), id.0.into(), json::micros(now).into()])? == 1)
}

/// Contacts that an import made and nobody else touched since: never changed, texted, enrolled, given a number, a note, a reminder, a
/// label or list but those that the import gave, nor met by another import. The newest first, before the given one.
pub fn untouched(
    db: &Read<'_>,
    workspace: WorkspaceId,
    id: ImportId,
    own: &[LabelId],
    before: ContactId,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    let own = json::list(own.iter().map(|label| label.0));
    let params = [workspace.0.into(), id.0.into(), before.0.into(), limit.into(), own];
    db.query(&UNTOUCHED, &params)?.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// The imports that made some of these contacts and are undone.
pub fn undone_makers(db: &Read<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<Vec<ImportId>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let rows = db.query(&UNDONE_MAKERS, &[workspace.0.into(), list])?;
    rows.iter().map(|row| row.int(0).map(ImportId)).collect()
}

/// How many contacts of an import are there.
pub fn left(db: &Read<'_>, workspace: WorkspaceId, id: ImportId) -> Result<i64, DbError> {
    db.query_one(&LEFT, &[workspace.0.into(), id.0.into()])?.int(0)
}

/// Imports of all workspaces that run, are being canceled or undone, and have not moved since a time; after the given one.
pub fn still(
    db: &Read<'_>,
    since: Timestamp,
    (workspace, import): (WorkspaceId, ImportId),
    limit: i64,
) -> Result<Vec<(WorkspaceId, ImportId)>, DbError> {
    let params = [json::micros(since).into(), workspace.0.into(), import.0.into(), limit.into()];
    let rows = db.query(&IN_HAND, &params)?;
    rows.iter().map(|row| Ok((WorkspaceId(row.int(0)?), ImportId(row.int(1)?)))).collect()
}

/// Those of one workspace, the oldest first.
pub fn still_in(db: &Read<'_>, workspace: WorkspaceId, since: Timestamp, limit: i64) -> Result<Vec<Import>, DbError> {
    let params = [workspace.0.into(), json::micros(since).into(), limit.into()];
    db.query(&IN_HAND_IN, &params)?.iter().map(read).collect()
}
