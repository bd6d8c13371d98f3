//! What the checker reads of the database, by statements of its own.

use std::collections::BTreeMap;

use domain::ids::WorkspaceId;
use store::{DbError, Row, Sql, Store, Value};

static RUNNING: Sql = Sql::Same(
    "SELECT enrollment_id, contact_id FROM enrollments
    WHERE workspace_id = $1 AND state = 'active' ORDER BY enrollment_id",
);

static WAITING: Sql = Sql::Same(
    "SELECT e.enrollment_id, e.due_at, CASE WHEN e.claimed_at IS NULL THEN m.state ELSE 'sending' END,
        COALESCE(m.due_at, e.claimed_at) FROM enrollments e
    LEFT JOIN messages m ON m.workspace_id = e.workspace_id AND m.message_id = e.message_id
    WHERE e.workspace_id = $1 AND e.state = 'active'",
);

static ENROLLMENTS: Sql = Sql::Same(
    "SELECT enrollment_id, contact_id, workflow_id, state, reason, field_values, prices, rate_micros
    FROM enrollments WHERE workspace_id = $1 ORDER BY enrollment_id",
);

static MESSAGES: Sql = Sql::Same(
    "SELECT message_id, kind, state, enrollment_id, step, credits, micros, carrier_id
    FROM messages WHERE workspace_id = $1
    UNION ALL SELECT message_id, 'workflow', 'sending', enrollment_id, next_step, 0, 0, NULL
    FROM enrollments WHERE workspace_id = $1 AND claimed_at IS NOT NULL ORDER BY 1",
);

static TRANSFERS: Sql =
    Sql::Same("SELECT subject, step, reason, unit, debit, credit, amount FROM transfers WHERE workspace_id = $1");

static ACCOUNTS: Sql = Sql::Same("SELECT account, unit, balance FROM accounts WHERE workspace_id = $1");

static LISTS: Sql =
    Sql::Same("SELECT phone_hash, kind FROM suppressions WHERE workspace_id = $1 AND lifted_at IS NULL");

static TOLD_OF: Sql = Sql::Same(
    "SELECT contact_id FROM contacts WHERE workspace_id = $1 AND (phone <> '' OR fields <> '[]')
    UNION SELECT contact_id FROM messages WHERE workspace_id = $1 AND body <> ''",
);

static EVENTS: Sql = Sql::Same("SELECT kind, payload FROM events WHERE workspace_id = $1 ORDER BY event_id");

/// Rows of one workspace, each made by `read`.
async fn all<T: Send + 'static>(
    store: &Store,
    sql: &'static Sql,
    workspace: WorkspaceId,
    read: fn(&Row) -> Result<T, DbError>,
) -> Vec<T> {
    let query = move |db: &store::Read<'_>| -> Result<Vec<T>, DbError> {
        db.query(sql, &[Value::from(workspace.0)])?.iter().map(read).collect()
    };
    store.read(query).await.unwrap()
}

/// Enrollments that run, and their contacts.
pub(crate) async fn running(store: &Store, workspace: WorkspaceId) -> Vec<(i64, i64)> {
    all(store, &RUNNING, workspace, |row| Ok((row.int(0)?, row.int(1)?))).await
}

/// An enrollment that runs, and when somebody looks at it next.
pub(crate) struct Waiting {
    pub(crate) id: i64,
    pub(crate) due: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) message_due: Option<i64>,
}

pub(crate) async fn waiting(store: &Store, workspace: WorkspaceId) -> Vec<Waiting> {
    let read = |row: &Row| {
        let message = row.opt_text(2)?.map(str::to_owned);
        Ok(Waiting { id: row.int(0)?, due: row.opt_int(1)?, message, message_due: row.opt_int(3)? })
    };
    all(store, &WAITING, workspace, read).await
}

/// Segments, credits and micro-dollars.
pub(crate) type Price = (i64, i64, i64);

/// An enrollment as it is stored.
#[derive(Debug)]
pub(crate) struct Enrollment {
    pub(crate) id: i64,
    pub(crate) contact: i64,
    pub(crate) workflow: i64,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    /// The number of its run, unless its contact was erased.
    pub(crate) run: Option<usize>,
    pub(crate) prices: Vec<Price>,
    pub(crate) rate: i64,
}

pub(crate) async fn enrollments(store: &Store, workspace: WorkspaceId) -> Vec<Enrollment> {
    let read = |row: &Row| {
        let values: BTreeMap<String, String> =
            serde_json::from_str::<Vec<(String, String)>>(row.text(5)?).unwrap().into_iter().collect();
        Ok(Enrollment {
            id: row.int(0)?,
            contact: row.int(1)?,
            workflow: row.int(2)?,
            state: row.text(3)?.to_owned(),
            reason: row.opt_text(4)?.map(str::to_owned),
            run: values.get("ref").map(|text| text.parse().unwrap()),
            prices: serde_json::from_str(row.text(6)?).unwrap(),
            rate: row.int(7)?,
        })
    };
    all(store, &ENROLLMENTS, workspace, read).await
}

/// A message as it is stored.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) enrollment: Option<i64>,
    pub(crate) step: Option<i64>,
    pub(crate) credits: i64,
    pub(crate) micros: i64,
    pub(crate) carrier_id: Option<String>,
}

pub(crate) async fn messages(store: &Store, workspace: WorkspaceId) -> Vec<Message> {
    let read = |row: &Row| {
        Ok(Message {
            id: row.int(0)?,
            kind: row.text(1)?.to_owned(),
            state: row.text(2)?.to_owned(),
            enrollment: row.opt_int(3)?,
            step: row.opt_int(4)?,
            credits: row.int(5)?,
            micros: row.int(6)?,
            carrier_id: row.opt_text(7)?.map(str::to_owned),
        })
    };
    all(store, &MESSAGES, workspace, read).await
}

/// A movement of money or credits.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) subject: i64,
    pub(crate) step: i64,
    pub(crate) reason: String,
    pub(crate) unit: String,
    pub(crate) debit: String,
    pub(crate) credit: String,
    pub(crate) amount: i64,
}

pub(crate) async fn transfers(store: &Store, workspace: WorkspaceId) -> Vec<Transfer> {
    let read = |row: &Row| {
        Ok(Transfer {
            subject: row.int(0)?,
            step: row.int(1)?,
            reason: row.text(2)?.to_owned(),
            unit: row.text(3)?.to_owned(),
            debit: row.text(4)?.to_owned(),
            credit: row.text(5)?.to_owned(),
            amount: row.int(6)?,
        })
    };
    all(store, &TRANSFERS, workspace, read).await
}

/// Balances by account and unit.
pub(crate) async fn accounts(store: &Store, workspace: WorkspaceId) -> BTreeMap<(String, String), i64> {
    let read = |row: &Row| Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned()), row.int(2)?));
    all(store, &ACCOUNTS, workspace, read).await.into_iter().collect()
}

/// The lists that forbid to text now, by the phone's hash.
pub(crate) async fn lists(store: &Store, workspace: WorkspaceId) -> Vec<(i64, String)> {
    all(store, &LISTS, workspace, |row| Ok((row.int(0)?, row.text(1)?.to_owned()))).await
}

/// The contacts of whom a phone, a field or a text is there.
pub(crate) async fn told_of(store: &Store, workspace: WorkspaceId) -> Vec<i64> {
    all(store, &TOLD_OF, workspace, |row| row.int(0)).await
}

/// The history: what happened, and its facts.
pub(crate) async fn events(store: &Store, workspace: WorkspaceId) -> Vec<(String, serde_json::Value)> {
    let read = |row: &Row| Ok((row.text(0)?.to_owned(), serde_json::from_str(row.text(1)?).unwrap()));
    all(store, &EVENTS, workspace, read).await
}
