//! What is to be delivered to an endpoint, and what became of it.
//!
//! | who | does | while the endpoint is locked |
//! |---|---|---|
//! | the transaction of an event | adds a row for each endpoint that is on and wants it | no |
//! | a courier's claim | takes the first of each lane, parks what is due and is not the first ([`park`]) | yes |
//! | its settlement | closes it or puts it off, and lets the next of the lane go ([`let_next_go`]) | yes |
//! | a replay | queues it anew | yes |
//!
//! So a row is parked only while one before it is open, and who closes that one sees the row: parking and closing are one after
//! the other. A row that is added meanwhile is due by itself, whatever is before it.

use domain::ids::{ContactId, EventId, WebhookId, WorkspaceId};
use domain::webhook::DeliveryState;
use jiff::Timestamp;

use crate::events::Event;
use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx};

macro_rules! fan_out {
    () => {
        "webhook_deliveries (workspace_id, webhook_id, event_id, lane, state, tries, due_at, queued_at)
    SELECT $1, w.webhook_id, CAST($2 AS BIGINT), COALESCE(CAST($3 AS BIGINT), CAST($2 AS BIGINT)), 'pending', 0,
        CAST($5 AS BIGINT), CAST($5 AS BIGINT)
    FROM webhooks w
    WHERE w.workspace_id = $1 AND w.state = 'on'
      AND (w.kinds IS NULL OR REPLACE(w.kinds, ',' || CAST($4 AS TEXT) || ',', '') <> w.kinds)"
    };
}

/// On PostgreSQL the statement that writes the events does this itself ([`crate::events`]).
pub(crate) static FAN_OUT: Each<4> = Each(Sql::Twin {
    sqlite: concat!("INSERT OR FAIL INTO ", fan_out!()),
    postgres: concat!("INSERT INTO ", fan_out!()),
});

/// Stops at the first.
pub(crate) static WANTED: Sql = Sql::Same("SELECT 1 FROM webhooks WHERE workspace_id = $1 AND state = 'on' LIMIT 1");

static UNDER_WAY: Sql = Sql::Same(
    "
    SELECT COUNT(*) FROM webhook_deliveries
    WHERE workspace_id = $1 AND webhook_id = $2 AND state = 'sending' AND due_at > $3",
);

static DUE: Sql = Sql::Same(
    "
    SELECT d.event_id, d.tries, d.queued_at, e.contact_id, e.kind, e.actor, e.payload, e.at,
        (SELECT MIN(p.event_id) FROM webhook_deliveries p
            WHERE p.workspace_id = d.workspace_id AND p.webhook_id = d.webhook_id AND p.lane = d.lane),
        (SELECT COUNT(*) FROM webhook_deliveries s
            WHERE s.workspace_id = d.workspace_id AND s.webhook_id = d.webhook_id AND s.lane = d.lane
              AND s.state = 'sending' AND s.event_id <> d.event_id)
    FROM webhook_deliveries d
    JOIN events e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id
    WHERE d.workspace_id = $1 AND d.webhook_id = $2 AND d.due_at IS NOT NULL AND d.due_at <= $3
    ORDER BY d.due_at, d.event_id
    LIMIT $4",
);

static TAKE: Each<2> = Each(Sql::Twin {
    sqlite: "
        UPDATE webhook_deliveries SET state = 'sending', tries = $5, due_at = $3
        WHERE workspace_id = $1 AND webhook_id = $2 AND event_id = $4",
    postgres: "
        UPDATE webhook_deliveries SET state = 'sending', tries = t.tries, due_at = $3
        FROM UNNEST($4::BIGINT[], $5::BIGINT[]) AS t (id, tries)
        WHERE webhook_deliveries.workspace_id = $1 AND webhook_deliveries.webhook_id = $2
          AND webhook_deliveries.event_id = t.id",
});

static PARK: Each<1> = Each(Sql::Twin {
    sqlite: "
        UPDATE webhook_deliveries SET state = 'pending', due_at = NULL
        WHERE workspace_id = $1 AND webhook_id = $2 AND event_id = $3",
    postgres: "
        UPDATE webhook_deliveries SET state = 'pending', due_at = NULL
        FROM UNNEST($3::BIGINT[]) AS t (id)
        WHERE webhook_deliveries.workspace_id = $1 AND webhook_deliveries.webhook_id = $2
          AND webhook_deliveries.event_id = t.id",
});

/// Only where it is that very try's still.
static SETTLE: Each<7> = Each(Sql::Twin {
    sqlite: "
        UPDATE webhook_deliveries SET state = $6, due_at = $7, lane = CASE WHEN $7 IS NULL THEN NULL ELSE lane END,
            tried_at = $3, status = $8, said = $9, took_millis = $10
        WHERE workspace_id = $1 AND webhook_id = $2 AND event_id = $4 AND tries = $5 AND state = 'sending'",
    postgres: "
        UPDATE webhook_deliveries SET state = t.state, due_at = t.due,
            lane = CASE WHEN t.due IS NULL THEN NULL ELSE lane END,
            tried_at = $3, status = t.status, said = t.said, took_millis = t.took
        FROM UNNEST($4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::BIGINT[], $8::BIGINT[], $9::TEXT[], $10::BIGINT[])
            AS t (id, tries, state, due, status, said, took)
        WHERE webhook_deliveries.workspace_id = $1 AND webhook_deliveries.webhook_id = $2
          AND webhook_deliveries.event_id = t.id AND webhook_deliveries.tries = t.tries
          AND webhook_deliveries.state = 'sending'
        RETURNING webhook_deliveries.event_id",
});

static LET_NEXT_GO: Each<1> = Each(Sql::Twin {
    sqlite: "
        UPDATE webhook_deliveries SET due_at = $3
        WHERE workspace_id = $1 AND webhook_id = $2 AND due_at IS NULL AND event_id = (
            SELECT MIN(p.event_id) FROM webhook_deliveries p
            WHERE p.workspace_id = $1 AND p.webhook_id = $2 AND p.lane = $4)",
    postgres: "
        UPDATE webhook_deliveries SET due_at = $3
        FROM UNNEST($4::BIGINT[]) AS t (lane)
        WHERE webhook_deliveries.workspace_id = $1 AND webhook_deliveries.webhook_id = $2
          AND webhook_deliveries.due_at IS NULL AND webhook_deliveries.event_id = (
            SELECT MIN(p.event_id) FROM webhook_deliveries p
            WHERE p.workspace_id = $1 AND p.webhook_id = $2 AND p.lane = t.lane)",
});

macro_rules! logged {
    ($condition:literal) => {
        Sql::Same(concat!(
            "
    SELECT d.event_id, e.kind, e.contact_id, e.at, d.state, d.tries, d.due_at, d.queued_at, d.tried_at, d.status, d.said,
        d.took_millis
    FROM webhook_deliveries d
    JOIN events e ON e.workspace_id = d.workspace_id AND e.event_id = d.event_id
    WHERE d.workspace_id = $1 AND d.webhook_id = $2 AND ",
            $condition
        ))
    };
}

static LOG: Sql = logged!("d.event_id < $3 ORDER BY d.event_id DESC LIMIT $4");
static LOG_OF_STATE: Sql = logged!("d.event_id < $3 AND d.state = $5 ORDER BY d.event_id DESC LIMIT $4");
static FIND: Sql = logged!("d.event_id = $3");

static SINCE: Sql = Sql::Same(
    "
    SELECT e.event_id, e.kind, e.at, d.state FROM events e
    LEFT JOIN webhook_deliveries d
        ON d.workspace_id = e.workspace_id AND d.webhook_id = $2 AND d.event_id = e.event_id
    WHERE e.workspace_id = $1 AND e.event_id > $3
    ORDER BY e.event_id
    LIMIT $4",
);

/// What is under way or waits stays as it is.
static QUEUE: Each<1> = Each(Sql::Twin {
    sqlite: "
        INSERT OR FAIL INTO webhook_deliveries (workspace_id, webhook_id, event_id, lane, state, tries, due_at, queued_at)
        SELECT $1, $2, e.event_id, COALESCE(e.contact_id, e.event_id), 'pending', 0, $3, $3 FROM events e
        WHERE e.workspace_id = $1 AND e.event_id = $4
        ON CONFLICT (workspace_id, webhook_id, event_id) DO UPDATE SET lane = excluded.lane, state = 'pending', tries = 0,
            due_at = excluded.due_at, queued_at = excluded.queued_at
        WHERE webhook_deliveries.lane IS NULL",
    postgres: "
        INSERT INTO webhook_deliveries (workspace_id, webhook_id, event_id, lane, state, tries, due_at, queued_at)
        SELECT $1, $2, e.event_id, COALESCE(e.contact_id, e.event_id), 'pending', 0, $3, $3
        FROM UNNEST($4::BIGINT[]) AS t (id)
        JOIN events e ON e.workspace_id = $1 AND e.event_id = t.id
        ON CONFLICT (workspace_id, webhook_id, event_id) DO UPDATE SET lane = excluded.lane, state = 'pending', tries = 0,
            due_at = excluded.due_at, queued_at = excluded.queued_at
        WHERE webhook_deliveries.lane IS NULL",
});

static HASTEN: Sql = Sql::Same(
    "
    UPDATE webhook_deliveries SET due_at = $4
    WHERE workspace_id = $1 AND webhook_id = $2 AND event_id = $3 AND state = 'pending' AND due_at > $4",
);

/// What is not over stays, as something may wait behind it; with `$5` = 1 all goes.
static FORGET: Sql = Sql::Same(
    "
    DELETE FROM webhook_deliveries
    WHERE workspace_id = $1 AND webhook_id = $2 AND event_id IN (
        SELECT event_id FROM webhook_deliveries
        WHERE workspace_id = $1 AND webhook_id = $2 AND event_id < $3 AND (lane IS NULL OR $5 = 1)
        ORDER BY event_id LIMIT $4)",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("deliveries::FAN_OUT", &FAN_OUT.0),
    ("deliveries::WANTED", &WANTED),
    ("deliveries::UNDER_WAY", &UNDER_WAY),
    ("deliveries::DUE", &DUE),
    ("deliveries::TAKE", &TAKE.0),
    ("deliveries::PARK", &PARK.0),
    ("deliveries::SETTLE", &SETTLE.0),
    ("deliveries::LET_NEXT_GO", &LET_NEXT_GO.0),
    ("deliveries::LOG", &LOG),
    ("deliveries::LOG_OF_STATE", &LOG_OF_STATE),
    ("deliveries::FIND", &FIND),
    ("deliveries::SINCE", &SINCE),
    ("deliveries::QUEUE", &QUEUE.0),
    ("deliveries::HASTEN", &HASTEN),
    ("deliveries::FORGET", &FORGET),
];

/// Of which endpoint.
pub type Of = (WorkspaceId, WebhookId);

/// How many deliveries of an endpoint are under way, on all nodes.
pub fn under_way(db: &Read<'_>, (workspace, webhook): Of, now: Timestamp) -> Result<i64, DbError> {
    db.query_one(&UNDER_WAY, &[workspace.0.into(), webhook.0.into(), json::micros(now).into()])?.int(0)
}

/// A delivery that is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// What it tells.
    pub event: Event,
    /// How often it was tried.
    pub tries: i64,
    /// Since when it is to be delivered.
    pub queued_at: Timestamp,
    /// Whether it is its turn: nothing of its lane is before it or under way.
    pub is_first: bool,
}

/// What is due at an endpoint, the longest due first.
pub fn due(db: &Read<'_>, (workspace, webhook): Of, now: Timestamp, limit: i64) -> Result<Vec<Due>, DbError> {
    let rows = db.query(&DUE, &[workspace.0.into(), webhook.0.into(), json::micros(now).into(), limit.into()])?;
    let due = |row: &Row| {
        let id = row.int(0)?;
        let event = Event {
            id: EventId(id),
            contact: row.opt_int(3)?.map(ContactId),
            kind: row.text(4)?.to_owned(),
            actor: row.text(5)?.to_owned(),
            payload: row.text(6)?.to_owned(),
            at: json::timestamp(row.int(7)?)?,
        };
        let is_first = row.opt_int(8)? == Some(id) && row.int(9)? == 0;
        Ok(Due { event, tries: row.int(1)?, queued_at: json::timestamp(row.int(2)?)?, is_first })
    };
    rows.iter().map(due).collect()
}

/// Takes these up: each with the number of its try, which may last until then.
pub fn take(
    tx: &mut Tx<'_>,
    (workspace, webhook): Of,
    tries: &[(EventId, i64)],
    until: Timestamp,
) -> Result<(), DbError> {
    let rows = tries.iter().map(|(event, tries)| [event.0.into(), (*tries).into()]);
    tx.execute_each(&TAKE, &[workspace.0.into(), webhook.0.into(), json::micros(until).into()], rows).map(|_| ())
}

/// Lets these wait for what is before them.
pub fn park(tx: &mut Tx<'_>, (workspace, webhook): Of, events: &[EventId]) -> Result<(), DbError> {
    let rows = events.iter().map(|event| [event.0.into()]);
    tx.execute_each(&PARK, &[workspace.0.into(), webhook.0.into()], rows).map(|_| ())
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What was told.
    pub event: EventId,
    /// Which try it was.
    pub tries: i64,
    /// Where it stands now.
    pub state: DeliveryState,
    /// When it is tried again; nothing if it is over.
    pub due_at: Option<Timestamp>,
    /// The status that was answered.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there is none.
    pub said: String,
    /// How long it took.
    pub took_millis: i64,
}

/// Notes what became of tries; answers those that were this very try still.
pub fn settle(
    tx: &mut Tx<'_>,
    (workspace, webhook): Of,
    settled: &[Settled],
    now: Timestamp,
) -> Result<Vec<EventId>, DbError> {
    let row = |one: &Settled| {
        [
            one.event.0.into(),
            one.tries.into(),
            one.state.word().into(),
            one.due_at.map(json::micros).into(),
            one.status.map(i64::from).into(),
            one.said.as_str().into(),
            one.took_millis.into(),
        ]
    };
    let rows = settled.iter().map(row);
    let shared = [workspace.0.into(), webhook.0.into(), json::micros(now).into()];
    Ok(tx.changed_each(&SETTLE, &shared, rows, 0)?.into_iter().map(EventId).collect())
}

/// Lets the first of each of these lanes go, if it was parked. A lane is the contact, or the event itself.
pub fn let_next_go(tx: &mut Tx<'_>, (workspace, webhook): Of, lanes: &[i64], now: Timestamp) -> Result<(), DbError> {
    let rows = lanes.iter().map(|lane| [(*lane).into()]);
    let shared = [workspace.0.into(), webhook.0.into(), json::micros(now).into()];
    tx.execute_each(&LET_NEXT_GO, &shared, rows).map(|_| ())
}

/// A delivery as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// What it tells.
    pub event: EventId,
    /// Its kind.
    pub kind: String,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
    /// When it happened.
    pub at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next; nothing if it is over or waits for an earlier one.
    pub due_at: Option<Timestamp>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it was tried last.
    pub tried_at: Option<Timestamp>,
    /// What was answered then.
    pub status: Option<i64>,
    /// The beginning of the answer, or why there was none.
    pub said: Option<String>,
    /// How long it took.
    pub took_millis: Option<i64>,
}

fn logged(row: &Row) -> Result<Logged, DbError> {
    let state = row.text(4)?;
    Ok(Logged {
        event: EventId(row.int(0)?),
        kind: row.text(1)?.to_owned(),
        contact: row.opt_int(2)?.map(ContactId),
        at: json::timestamp(row.int(3)?)?,
        state: DeliveryState::from_word(state).ok_or_else(|| json::unreadable("webhook_deliveries.state", state))?,
        tries: row.int(5)?,
        due_at: json::timestamp_or_none(row.opt_int(6)?)?,
        queued_at: json::timestamp(row.int(7)?)?,
        tried_at: json::timestamp_or_none(row.opt_int(8)?)?,
        status: row.opt_int(9)?,
        said: row.opt_text(10)?.map(str::to_owned),
        took_millis: row.opt_int(11)?,
    })
}

/// Deliveries to an endpoint, the newest event first, before the given one; of one state, if given.
pub fn log(
    db: &Read<'_>,
    (workspace, webhook): Of,
    state: Option<DeliveryState>,
    before: EventId,
    limit: i64,
) -> Result<Vec<Logged>, DbError> {
    let key = [workspace.0.into(), webhook.0.into(), before.0.into(), limit.into()];
    let rows = match state {
        None => db.query(&LOG, &key)?,
        Some(state) => db.query(&LOG_OF_STATE, &[&key[..], &[state.word().into()]].concat())?,
    };
    rows.iter().map(logged).collect()
}

/// One delivery.
pub fn find(db: &Read<'_>, (workspace, webhook): Of, event: EventId) -> Result<Option<Logged>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), webhook.0.into(), event.0.into()])?;
    row.as_ref().map(logged).transpose()
}

/// An event, and how its delivery to an endpoint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The event.
    pub event: EventId,
    /// Its kind.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// How its delivery stands, if there is one.
    pub state: Option<DeliveryState>,
}

/// What happened in a workspace after the given event, oldest first, and how it was delivered to an endpoint.
pub fn since(db: &Read<'_>, (workspace, webhook): Of, after: EventId, limit: i64) -> Result<Vec<Told>, DbError> {
    let told = |row: &Row| {
        Ok(Told {
            event: EventId(row.int(0)?),
            kind: row.text(1)?.to_owned(),
            at: json::timestamp(row.int(2)?)?,
            state: row.opt_text(3)?.and_then(DeliveryState::from_word),
        })
    };
    let params = [workspace.0.into(), webhook.0.into(), after.0.into(), limit.into()];
    db.query(&SINCE, &params)?.iter().map(told).collect()
}

/// Queues events for an endpoint, those that were over anew; answers how many.
pub fn queue(tx: &mut Tx<'_>, (workspace, webhook): Of, events: &[EventId], now: Timestamp) -> Result<u64, DbError> {
    let rows = events.iter().map(|event| [event.0.into()]);
    tx.execute_each(&QUEUE, &[workspace.0.into(), webhook.0.into(), json::micros(now).into()], rows)
}

/// Tries a delivery now that waits for its next try.
pub fn hasten(tx: &mut Tx<'_>, (workspace, webhook): Of, event: EventId, now: Timestamp) -> Result<bool, DbError> {
    let params = [workspace.0.into(), webhook.0.into(), event.0.into(), json::micros(now).into()];
    Ok(tx.execute(&HASTEN, &params)? == 1)
}

/// Which deliveries are let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are over.
    Over,
    /// All.
    All,
}

/// Deletes deliveries of events before the given one, at most so many; answers how many.
pub fn forget(
    tx: &mut Tx<'_>,
    (workspace, webhook): Of,
    which: Which,
    before: EventId,
    limit: u64,
) -> Result<u64, DbError> {
    let (limit, all) = (i64::try_from(limit).unwrap_or(i64::MAX), i64::from(which == Which::All));
    tx.execute(&FORGET, &[workspace.0.into(), webhook.0.into(), before.0.into(), limit.into(), all.into()])
}
