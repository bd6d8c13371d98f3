//! The list of contacts, filtered and sorted: identifiers first, from whatever index fits, rows last.
//!
//! | filter | its contacts come from |
//! |---|---|
//! | none | the table's own key, the keys in the order of names, or the conversations by time |
//! | a state or a list that forbids texting | the running enrollments, the suppressions |
//! | an import, a label, a list of the workspace | its contacts |
//! | what a field holds | `contacts::values`, where contacts are kept by it |
//! | a workflow that runs, ran, or either | its enrollments |
//! | moved since a time | the conversations by time |
//! | words | `store::search` |
//!
//! What else is asked is looked up for each of them ([`fitting`]). Everything is bounded: whoever asks goes on from the
//! place that is answered.

use domain::ids::{ContactId, ImportId, LabelId, WorkflowId, WorkspaceId};
use domain::search::{ORDER_END, in_order, order_key};
use jiff::Timestamp;

use super::values;
use crate::json;
use crate::{DbError, Read, Row, Sql};

/// Where the contacts come from, in the order of their identifiers, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// All of them.
    All,
    /// Those in a workflow.
    Running,
    /// Those on a list that forbids texting, by its word.
    Listed(&'static str),
    /// Those that an import made.
    Imported(ImportId),
    /// Those that have a label, or are on a list of the workspace.
    Labelled(LabelId),
    /// Those that are kept under a key of a field.
    Kept {
        /// The field's key.
        field: String,
        /// The key of what it holds.
        key: String,
    },
}

/// What a contact must be beside. An empty word and a zero ask nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Must {
    /// `in_workflow`, `never_texted`, or the word of a list that forbids texting.
    pub state: &'static str,
    /// The import that made it.
    pub import: i64,
    /// The label that it has.
    pub label: i64,
    /// The list of the workspace that it is on.
    pub list: i64,
    /// The workflow that it is or was in.
    pub been_in: i64,
    /// Whether only what runs counts for that.
    pub still: bool,
    /// The workflow that it never was in.
    pub never_in: i64,
    /// Since when its conversation has moved, in microseconds.
    pub moved_since: i64,
    /// Since when it has not.
    pub quiet_since: i64,
}

static NEWEST: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts
    WHERE workspace_id = $1 AND deleted_at IS NULL AND contact_id < $2 ORDER BY contact_id DESC LIMIT $3",
);

static RUNNING: Sql = Sql::Same(
    "
    SELECT contact_id FROM runs WHERE workspace_id = $1 AND contact_id < $2 ORDER BY contact_id DESC LIMIT $3",
);

static LISTED: Sql = Sql::Same(
    "
    SELECT contact_id FROM suppressions
    WHERE workspace_id = $1 AND kind = $4 AND lifted_at IS NULL AND contact_id < $2 ORDER BY contact_id DESC LIMIT $3",
);

static IMPORTED: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts
    WHERE workspace_id = $1 AND import_id = $4 AND contact_id < $2 ORDER BY contact_id DESC LIMIT $3",
);

static LABELLED: Sql = Sql::Same(
    "
    SELECT contact_id FROM contact_labels
    WHERE workspace_id = $1 AND label_id = $4 AND contact_id < $2 ORDER BY contact_id DESC LIMIT $3",
);

static RUNNING_IN: Sql = Sql::Same(
    "
    SELECT contact_id FROM runs WHERE workspace_id = $1 AND workflow_id = $2 LIMIT $3",
);

static ENDED_IN: Sql = Sql::Same(
    "
    SELECT contact_id FROM enrollments WHERE workspace_id = $1 AND workflow_id = $2 AND state <> 'active' LIMIT $3",
);

/// Of every conversation, by the three indexes that hold each of them once.
macro_rules! of_conversations {
    ($columns:literal, $where:literal) => {
        concat!(
            "SELECT * FROM (SELECT ",
            $columns,
            " FROM conversations
                WHERE workspace_id = $1 AND side = 'in' AND opted_out = 0 AND ",
            $where,
            ") AS a
            UNION ALL
            SELECT * FROM (SELECT ",
            $columns,
            " FROM conversations
                WHERE workspace_id = $1 AND side = 'out' AND opted_out = 0 AND ",
            $where,
            ") AS b
            UNION ALL
            SELECT * FROM (SELECT ",
            $columns,
            " FROM conversations
                WHERE workspace_id = $1 AND opted_out = 1 AND ",
            $where,
            ") AS c"
        )
    };
}

static MOVED: Sql = Sql::Same(concat!(
    "SELECT t.contact_id FROM (",
    of_conversations!("contact_id", "last_at >= $2 LIMIT $3"),
    ") AS t LIMIT $3"
));

/// That a key is its contact's still ([`by_name`]) is not asked here: PostgreSQL would take it for another way to join, and read all contacts.
static BY_NAME: Sql = Sql::Same(
    "
    SELECT w.contact_id, c.name_key, w.word
    FROM contact_words w
    JOIN contacts c ON c.workspace_id = $1 AND c.contact_id = w.contact_id
    WHERE w.workspace_id = $1 AND (w.word, w.contact_id) > ($2, $3) AND w.word < $4 AND c.deleted_at IS NULL
    ORDER BY w.word, w.contact_id LIMIT $5",
);

static BY_ACTIVITY: Sql = Sql::Same(concat!(
    "SELECT t.contact_id, t.last_at FROM (",
    of_conversations!(
        "contact_id, last_at",
        "(last_at, contact_id) < ($2, $3) ORDER BY last_at DESC, contact_id DESC LIMIT $4"
    ),
    ") AS t ORDER BY t.last_at DESC, t.contact_id DESC LIMIT $4"
));

static SILENT: Sql = Sql::Same(
    "
    SELECT c.contact_id FROM contacts c
    WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id < $2
      AND NOT EXISTS (SELECT 1 FROM conversations v WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id)
    ORDER BY c.contact_id DESC LIMIT $3",
);

/// `$3` is the state or the list that forbids texting, `$4` the import, `$5` the label, `$6` a workflow that was begun and `$7` whether only a running one
/// counts, `$8` a workflow that never was, `$9` and `$10` since when the conversation has moved, or has not, `$11` the
/// list of the workspace.
macro_rules! must {
    () => {
        "c.deleted_at IS NULL
          AND ($3 <> 'in_workflow' OR EXISTS (SELECT 1 FROM runs r
              WHERE r.workspace_id = $1 AND r.contact_id = c.contact_id))
          AND ($3 <> 'never_texted' OR NOT EXISTS (SELECT 1 FROM conversations v
              WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id AND v.last_outbound_at IS NOT NULL))
          AND ($3 IN ('', 'in_workflow', 'never_texted') OR EXISTS (SELECT 1 FROM suppressions s
              WHERE s.workspace_id = $1 AND s.phone_hash = c.phone_hash AND s.kind = $3 AND s.lifted_at IS NULL))
          AND ($4 = 0 OR c.import_id = $4)
          AND ($5 = 0 OR EXISTS (SELECT 1 FROM contact_labels l
              WHERE l.workspace_id = $1 AND l.contact_id = c.contact_id AND l.label_id = $5))
          AND ($11 = 0 OR EXISTS (SELECT 1 FROM contact_labels l
              WHERE l.workspace_id = $1 AND l.contact_id = c.contact_id AND l.label_id = $11))
          AND ($6 = 0
            OR EXISTS (SELECT 1 FROM runs r
              WHERE r.workspace_id = $1 AND r.contact_id = c.contact_id AND r.workflow_id = $6)
            OR ($7 = 0 AND EXISTS (SELECT 1 FROM enrollments e
              WHERE e.workspace_id = $1 AND e.workflow_id = $6 AND e.contact_id = c.contact_id AND e.state <> 'active')))
          AND ($8 = 0
            OR NOT EXISTS (SELECT 1 FROM runs r
              WHERE r.workspace_id = $1 AND r.contact_id = c.contact_id AND r.workflow_id = $8)
            AND NOT EXISTS (SELECT 1 FROM enrollments e
              WHERE e.workspace_id = $1 AND e.workflow_id = $8 AND e.contact_id = c.contact_id AND e.state <> 'active'))
          AND ($9 = 0 OR EXISTS (SELECT 1 FROM conversations v
              WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id AND v.last_at >= $9))
          AND ($10 = 0 OR NOT EXISTS (SELECT 1 FROM conversations v
              WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id AND v.last_at >= $10))"
    };
}

/// `$fields` is what is read beside the places.
macro_rules! fitting {
    ($fields:literal) => {
        Sql::Twin {
            sqlite: concat!(
                "SELECT c.contact_id, c.name_key,
                    (SELECT v.last_at FROM conversations v WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id)",
                $fields,
                " FROM contacts c
                  WHERE c.workspace_id = $1 AND c.contact_id IN (SELECT value FROM json_each($2)) AND ",
                must!()
            ),
            postgres: concat!(
                "SELECT c.contact_id, c.name_key,
                    (SELECT v.last_at FROM conversations v WHERE v.workspace_id = $1 AND v.contact_id = c.contact_id)",
                $fields,
                " FROM contacts c
                  WHERE c.workspace_id = $1 AND c.contact_id =
                    ANY ($2::BIGINT[]) AND ",
                must!()
            ),
        }
    };
}

static FITTING: Sql = fitting!("");

static FITTING_FIELDS: Sql = fitting!(", c.fields");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("contacts::list::NEWEST", &NEWEST),
    ("contacts::list::RUNNING", &RUNNING),
    ("contacts::list::LISTED", &LISTED),
    ("contacts::list::IMPORTED", &IMPORTED),
    ("contacts::list::LABELLED", &LABELLED),
    ("contacts::list::RUNNING_IN", &RUNNING_IN),
    ("contacts::list::ENDED_IN", &ENDED_IN),
    ("contacts::list::MOVED", &MOVED),
    ("contacts::list::BY_NAME", &BY_NAME),
    ("contacts::list::BY_ACTIVITY", &BY_ACTIVITY),
    ("contacts::list::SILENT", &SILENT),
    ("contacts::list::FITTING", &FITTING),
    ("contacts::list::FITTING_FIELDS", &FITTING_FIELDS),
];

/// A contact's place in each order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The contact.
    pub id: ContactId,
    /// As much of its folded name as decides its place by name.
    pub name_key: String,
    /// When its conversation moved last.
    pub active_at: Option<Timestamp>,
}

fn only_id(row: &Row) -> Result<ContactId, DbError> {
    row.int(0).map(ContactId)
}

/// Identifiers of a source, the newest first, before the given one. Some may be of contacts that were deleted.
pub fn ids(
    db: &Read<'_>,
    workspace: WorkspaceId,
    source: &Source,
    before: ContactId,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    let (sql, of) = match source {
        Source::All => (&NEWEST, None),
        Source::Running => (&RUNNING, None),
        Source::Listed(kind) => (&LISTED, Some((*kind).into())),
        Source::Imported(import) => (&IMPORTED, Some(import.0.into())),
        Source::Labelled(label) => (&LABELLED, Some(label.0.into())),
        Source::Kept { field, key } => return values::under(db, workspace, (field, key), before, limit),
    };
    let mut params = vec![workspace.0.into(), before.0.into(), limit.into()];
    params.extend(of);
    db.query(sql, &params)?.iter().map(only_id).collect()
}

/// Contacts in a workflow that runs, at most so many, in no order.
pub fn running_in(
    db: &Read<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    db.query(&RUNNING_IN, &[workspace.0.into(), workflow.0.into(), limit.into()])?.iter().map(only_id).collect()
}

/// Contacts in a workflow that has ended, once for each time, at most so many, in no order.
pub fn ended_in(
    db: &Read<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    db.query(&ENDED_IN, &[workspace.0.into(), workflow.0.into(), limit.into()])?.iter().map(only_id).collect()
}

/// Contacts whose conversation has moved since, at most so many, in no order.
pub fn moved(db: &Read<'_>, workspace: WorkspaceId, since: Timestamp, limit: i64) -> Result<Vec<ContactId>, DbError> {
    db.query(&MOVED, &[workspace.0.into(), json::micros(since).into(), limit.into()])?.iter().map(only_id).collect()
}

/// All contacts by name, after the given place; none at the end alone. Those of a large import that are not sorted in yet are missing, and a key
/// that is there longer than its contact has the name is passed over ([`crate::search::due`]).
pub fn by_name(
    db: &Read<'_>,
    workspace: WorkspaceId,
    (name_key, id): (&str, ContactId),
    limit: i64,
) -> Result<Vec<(ContactId, String)>, DbError> {
    let (mut key, mut id) = (order_key(name_key), id);
    loop {
        let params = [workspace.0.into(), key.into(), id.0.into(), ORDER_END.into(), limit.into()];
        let rows = db.query(&BY_NAME, &params)?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        (key, id) = (last.text(2)?.to_owned(), only_id(last)?);
        let mut places = Vec::with_capacity(rows.len());
        for row in &rows {
            let name = row.text(1)?;
            if order_key(name) == row.text(2)? {
                places.push((only_id(row)?, in_order(name).to_owned()));
            }
        }
        if !places.is_empty() {
            return Ok(places);
        }
    }
}

/// Contacts with a conversation, the one that moved last first, before the given place.
pub fn by_activity(
    db: &Read<'_>,
    workspace: WorkspaceId,
    (at, id): (Timestamp, ContactId),
    limit: i64,
) -> Result<Vec<(ContactId, Timestamp)>, DbError> {
    let params = [workspace.0.into(), json::micros(at).into(), id.0.into(), limit.into()];
    let place = |row: &Row| Ok((only_id(row)?, json::timestamp(row.int(1)?)?));
    db.query(&BY_ACTIVITY, &params)?.iter().map(place).collect()
}

/// Contacts without a conversation, the newest first, before the given one.
pub fn silent(db: &Read<'_>, workspace: WorkspaceId, before: ContactId, limit: i64) -> Result<Vec<ContactId>, DbError> {
    db.query(&SILENT, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(only_id).collect()
}

/// What a contact's fields must be: their keys and values are given to it.
pub type Keep<'k> = &'k dyn Fn(&[(String, String)]) -> bool;

/// Those of these contacts that are not deleted and what they must be, with their places, in no order.
pub fn fitting(
    db: &Read<'_>,
    workspace: WorkspaceId,
    ids: &[ContactId],
    must: Must,
    keep: Option<Keep<'_>>,
) -> Result<Vec<Place>, DbError> {
    let list = json::list(ids.iter().map(|id| id.0));
    let params = [
        workspace.0.into(),
        list,
        must.state.into(),
        must.import.into(),
        must.label.into(),
        must.been_in.into(),
        i64::from(must.still).into(),
        must.never_in.into(),
        must.moved_since.into(),
        must.quiet_since.into(),
        must.list.into(),
    ];
    let place = |row: &Row| {
        let active_at = json::timestamp_or_none(row.opt_int(2)?)?;
        Ok(Place { id: only_id(row)?, name_key: in_order(row.text(1)?).to_owned(), active_at })
    };
    let Some(keep) = keep else { return db.query(&FITTING, &params)?.iter().map(place).collect() };
    let mut kept = Vec::new();
    for row in &db.query(&FITTING_FIELDS, &params)? {
        let fields: Vec<(String, String)> = json::read(row.text(3)?)?;
        if keep(&fields) {
            kept.push(place(row)?);
        }
    }
    Ok(kept)
}
