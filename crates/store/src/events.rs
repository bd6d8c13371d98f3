//! The history: everything that happens is one row, written in the transaction of the thing itself.
//!
//! Whoever writes it also queues it for the endpoints of webhooks that are on ([`crate::webhooks::deliveries`], decision 0023): on PostgreSQL in
//! the very statement, on SQLite in one more for each event where there is an endpoint, which its writer remembers.

use domain::ids::{ContactId, EventId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::webhooks::deliveries;
use crate::{DbError, Each, Read, Row, Sql, Tx};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its identifier, in order of time.
    pub id: EventId,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
    /// What happened, such as `enrollment.started`.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// Its facts, as a document.
    pub payload: String,
    /// When.
    pub at: Timestamp,
}

static INSERT: Each<6> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO events (workspace_id, event_id, contact_id, kind, actor, payload, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
    postgres: "
        WITH written AS (
            INSERT INTO events (workspace_id, event_id, contact_id, kind, actor, payload, at)
            SELECT $1, id, contact, kind, actor, payload, at
            FROM UNNEST($2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[])
                AS t (id, contact, kind, actor, payload, at)
            RETURNING event_id, contact_id, kind, at)
        INSERT INTO webhook_deliveries (workspace_id, webhook_id, event_id, lane, state, tries, due_at, queued_at)
        SELECT w.workspace_id, w.webhook_id, e.event_id, COALESCE(e.contact_id, e.event_id), 'pending', 0, e.at, e.at
        FROM webhooks w
        CROSS JOIN written e
        WHERE w.workspace_id = $1 AND w.state = 'on'
          AND (w.kinds IS NULL OR REPLACE(w.kinds, ',' || e.kind || ',', '') <> w.kinds)",
});

static OF_CONTACT: Sql = Sql::Same(
    "
    SELECT event_id, contact_id, kind, actor, payload, at FROM events
    WHERE workspace_id = $1 AND contact_id = $2 AND event_id < $3 ORDER BY event_id DESC LIMIT $4",
);

static LISTINGS: Sql = Sql::Same(
    "
    SELECT event_id, contact_id, kind, actor, payload, at FROM events
    WHERE workspace_id = $1 AND contact_id = $2 AND kind IN ('contact.suppressed', 'contact.unsuppressed')
    ORDER BY event_id DESC LIMIT $3",
);

static PAGE: Sql = Sql::Same(
    "
    SELECT event_id, contact_id, kind, actor, payload, at FROM events
    WHERE workspace_id = $1 AND event_id > $2 ORDER BY event_id LIMIT $3",
);

static NEWEST: Sql = Sql::Same(
    "
    SELECT event_id, contact_id, kind FROM events
    WHERE workspace_id = $1 AND event_id > $2 ORDER BY event_id DESC LIMIT $3",
);

static BACKWARDS: Sql = Sql::Same(
    "
    SELECT event_id, contact_id, kind, actor, payload, at FROM events
    WHERE workspace_id = $1 AND event_id < $2 ORDER BY event_id DESC LIMIT $3",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("events::INSERT", &INSERT.0),
    ("events::OF_CONTACT", &OF_CONTACT),
    ("events::LISTINGS", &LISTINGS),
    ("events::PAGE", &PAGE),
    ("events::NEWEST", &NEWEST),
    ("events::BACKWARDS", &BACKWARDS),
];

fn read(row: &Row) -> Result<Event, DbError> {
    Ok(Event {
        id: EventId(row.int(0)?),
        contact: row.opt_int(1)?.map(ContactId),
        kind: row.text(2)?.to_owned(),
        actor: row.text(3)?.to_owned(),
        payload: row.text(4)?.to_owned(),
        at: json::timestamp(row.int(5)?)?,
    })
}

/// Writes what happened, and queues it for webhooks.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, events: &[Event]) -> Result<(), DbError> {
    if events.is_empty() {
        return Ok(());
    }
    let row = |event: &Event| {
        [
            event.id.0.into(),
            event.contact.map(|contact| contact.0).into(),
            event.kind.as_str().into(),
            event.actor.as_str().into(),
            event.payload.as_str().into(),
            json::micros(event.at).into(),
        ]
    };
    tx.run_each(&INSERT, &[workspace.0.into()], events.iter().map(row))?;
    if !tx.is_embedded() || !is_told(tx, workspace)? {
        return Ok(());
    }
    let row = |event: &Event| {
        let contact = event.contact.map(|contact| contact.0);
        [event.id.0.into(), contact.into(), event.kind.as_str().into(), json::micros(event.at).into()]
    };
    tx.run_each(&deliveries::FAN_OUT, &[workspace.0.into()], events.iter().map(row))
}

/// Whether the workspace has an endpoint that is on. The writer of SQLite remembers the answer, so whoever has none pays no statement.
fn is_told(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<bool, DbError> {
    if let Some(known) = tx.remembered(workspace.0) {
        return Ok(known);
    }
    let told = !tx.query(&deliveries::WANTED, &[workspace.0.into()])?.is_empty();
    tx.remember(workspace.0, told);
    Ok(told)
}

/// What happened with a contact, newest first, before the given event.
pub fn of_contact(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    before: EventId,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    let params = [workspace.0.into(), contact.0.into(), before.0.into(), limit.into()];
    db.query(&OF_CONTACT, &params)?.iter().map(read).collect()
}

/// When a contact came onto lists that forbid texting and when it left them, newest first.
pub fn listings(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId, limit: i64) -> Result<Vec<Event>, DbError> {
    db.query(&LISTINGS, &[workspace.0.into(), contact.0.into(), limit.into()])?.iter().map(read).collect()
}

/// What happened in a workspace, oldest first, after the given event.
pub fn page(db: &Read<'_>, workspace: WorkspaceId, after: EventId, limit: i64) -> Result<Vec<Event>, DbError> {
    db.query(&PAGE, &[workspace.0.into(), after.0.into(), limit.into()])?.iter().map(read).collect()
}

/// What happened, without its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// Its identifier.
    pub id: EventId,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
    /// What happened.
    pub kind: String,
}

/// The newest of what happened after the given event, newest first.
pub fn newest(db: &Read<'_>, workspace: WorkspaceId, after: EventId, limit: i64) -> Result<Vec<Headline>, DbError> {
    let rows = db.query(&NEWEST, &[workspace.0.into(), after.0.into(), limit.into()])?;
    let headline = |row: &Row| {
        Ok(Headline {
            id: EventId(row.int(0)?),
            contact: row.opt_int(1)?.map(ContactId),
            kind: row.text(2)?.to_owned(),
        })
    };
    rows.iter().map(headline).collect()
}

/// What happened in a workspace, newest first, before the given event.
pub fn backwards(db: &Read<'_>, workspace: WorkspaceId, before: EventId, limit: i64) -> Result<Vec<Event>, DbError> {
    db.query(&BACKWARDS, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(read).collect()
}
