//! What must hold in the database when everything has ended, read by statements of its own.

use std::collections::{BTreeMap, HashMap};

use domain::ids::WorkspaceId;
use store::{DbError, Row, Sql, Store, Value};

static ENROLLMENTS: Sql =
    Sql::Same("SELECT contact_id, state, prices FROM enrollments WHERE workspace_id = $1 ORDER BY enrollment_id");

static MESSAGES: Sql = Sql::Same(
    "SELECT message_id, contact_id, kind, state, body, code
    FROM messages WHERE workspace_id = $1
    UNION ALL SELECT message_id, contact_id, 'workflow', 'sending', '', NULL
    FROM enrollments WHERE workspace_id = $1 AND claimed_at IS NOT NULL ORDER BY 1",
);

static CHARGED: Sql = Sql::Same(
    "SELECT unit, CAST(SUM(amount) AS BIGINT) FROM transfers WHERE workspace_id = $1 AND reason = 'charge' GROUP BY unit",
);

static ACCOUNTS: Sql = Sql::Same("SELECT account, unit, balance FROM accounts WHERE workspace_id = $1");

static EVENTS: Sql = Sql::Same(
    "SELECT contact_id, kind FROM events WHERE workspace_id = $1 AND contact_id IS NOT NULL ORDER BY event_id",
);

static LABELLED: Sql = Sql::Same("SELECT contact_id FROM contact_labels WHERE workspace_id = $1");

static SUPPRESSED: Sql = Sql::Same("SELECT phone_hash FROM suppressions WHERE workspace_id = $1 AND lifted_at IS NULL");

static CONTACTS: Sql =
    Sql::Same("SELECT contact_id, phone, import_id, deleted_at FROM contacts WHERE workspace_id = $1");

static RUNNING: Sql = Sql::Same("SELECT job_id FROM jobs WHERE workspace_id = $1 AND state = 'running'");

/// How many jobs are not done.
pub(crate) fn running(store: &Store, workspace: WorkspaceId) -> usize {
    all(store, &RUNNING, workspace, |row| row.int(0)).len()
}

/// A contact as it is stored.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) id: i64,
    pub(crate) phone: String,
    pub(crate) imported: bool,
    pub(crate) deleted: bool,
}

/// Every contact of a workspace, also the deleted ones.
pub(crate) fn contacts(store: &Store, workspace: WorkspaceId) -> Vec<Contact> {
    all(store, &CONTACTS, workspace, |row| {
        let (imported, deleted) = (row.opt_int(2)?.is_some(), row.opt_int(3)?.is_some());
        Ok(Contact { id: row.int(0)?, phone: row.text(1)?.to_owned(), imported, deleted })
    })
}

/// How many contacts have a label, and how many are on a list.
pub(crate) fn marked(store: &Store, workspace: WorkspaceId) -> (usize, usize) {
    let count = |sql| all(store, sql, workspace, |row| row.int(0)).len();
    (count(&LABELLED), count(&SUPPRESSED))
}

/// How often this happened with each contact with which it happened.
pub(crate) fn happened(store: &Store, workspace: WorkspaceId, kind: &str) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    let events = all(store, &EVENTS, workspace, |row| Ok((row.int(0)?, row.text(1)?.to_owned())));
    events.into_iter().filter(|(_, of)| of == kind).for_each(|(contact, _)| *counts.entry(contact).or_default() += 1);
    counts
}

/// A message as it is stored.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) contact: i64,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) body: String,
    pub(crate) code: Option<String>,
}

fn all<T: Send + 'static>(
    store: &Store,
    sql: &'static Sql,
    workspace: WorkspaceId,
    read: fn(&Row) -> Result<T, DbError>,
) -> Vec<T> {
    let query = move |db: &store::Read<'_>| -> Result<Vec<T>, DbError> {
        db.query(sql, &[Value::from(workspace.0)])?.iter().map(read).collect()
    };
    store.read_blocking(query).unwrap()
}

/// Every message of a workspace.
pub(crate) fn messages(store: &Store, workspace: WorkspaceId) -> Vec<Message> {
    all(store, &MESSAGES, workspace, |row| {
        Ok(Message {
            id: row.int(0)?,
            contact: row.int(1)?,
            kind: row.text(2)?.to_owned(),
            state: row.text(3)?.to_owned(),
            body: row.text(4)?.to_owned(),
            code: row.opt_text(5)?.map(str::to_owned),
        })
    })
}

/// Every enrollment has ended, each contact had exactly one and was charged for it once, nothing is held
/// or in doubt, and the books of the workspace add up to zero.
pub(crate) fn check(store: &Store, workspace: WorkspaceId, contacts: usize) {
    let rows =
        all(store, &ENROLLMENTS, workspace, |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.text(2)?.to_owned())));
    let mut counts = HashMap::<i64, usize>::new();
    let mut price = BTreeMap::from([("micros".to_owned(), 0), ("segments".to_owned(), 0)]);
    for (contact, state, prices) in rows {
        *counts.entry(contact).or_default() += 1;
        assert!(["stopped", "completed"].contains(&state.as_str()), "an enrollment is {state}");
        for (_, credits, micros) in serde_json::from_str::<Vec<(i64, i64, i64)>>(&prices).unwrap() {
            *price.get_mut("segments").unwrap() += credits;
            *price.get_mut("micros").unwrap() += micros;
        }
    }
    assert_eq!(counts.len(), contacts, "somebody was never started");
    assert!(counts.values().all(|count| *count == 1), "somebody was started twice: {counts:?}");
    let charged = all(store, &CHARGED, workspace, |row| Ok((row.text(0)?.to_owned(), row.int(1)?)));
    assert_eq!(charged.into_iter().collect::<BTreeMap<_, _>>(), price, "somebody was charged twice or not at all");
    for message in messages(store, workspace) {
        let settled = !["queued", "sending", "in_doubt"].contains(&message.state.as_str());
        assert!(settled, "a message is left over: {message:?}");
    }
    let accounts =
        all(store, &ACCOUNTS, workspace, |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?)));
    for unit in ["micros", "segments"] {
        let of_unit = || accounts.iter().filter(|(_, of, _)| of == unit);
        assert_eq!(of_unit().map(|(_, _, balance)| balance).sum::<i64>(), 0, "the books in {unit} do not balance");
        let held = of_unit().find(|(account, _, _)| account == "prepaid").map(|(_, _, balance)| *balance);
        assert_eq!(held, Some(0), "{unit} are still held");
    }
}
