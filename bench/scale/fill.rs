//! Fills a workspace with millions of rows. What a rule must get right (workflows, prices, places, users) is made by the
//! engine and copied; figures are then counted from the rows, as in any database that is older than its tallies.
//!
//! Rows come in batches in the order of their keys; the other indexes are made again at the end, in one pass each.

use std::time::Instant;

use domain::ids::WorkspaceId;
use domain::search;
use dripline::wiring::Parts;
use serde::Serialize;
use store::{Lane, Sql, Value, tallies};

use crate::house::House;
use crate::indexes;
use crate::people::{self, Person};
use crate::runs::{self, Run};

/// Rows of one batch.
const BATCH: i64 = 5_000;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) contacts: i64,
    pub(crate) conversations: i64,
    /// Texts of each conversation.
    pub(crate) each: i64,
}

impl Size {
    pub(crate) fn divided_by(scale: i64) -> Self {
        Self { contacts: 1_000_000 / scale, conversations: 200_000 / scale, each: 25 }
    }

    pub(crate) fn messages(self) -> i64 {
        self.conversations * self.each
    }

    /// One conversation in two has been through a workflow.
    pub(crate) fn runs(self) -> i64 {
        self.conversations / 2
    }
}

static CONTACTS: Sql = Sql::Same(
    "INSERT INTO contacts (workspace_id, contact_id, phone, phone_hash, name, name_key, fields, number_id, created_at, updated_at)
    SELECT $1, value ->> 'id', value ->> 'phone', value ->> 'hash', value ->> 'name', value ->> 'key', value ->> 'fields',
        value ->> 'number', value ->> 'at', value ->> 'at'
    FROM json_each($2)",
);

static CONTACT_WORDS: Sql = Sql::Same(
    "INSERT INTO contact_words (workspace_id, word, contact_id)
    SELECT $1, value ->> 0, value ->> 1 FROM json_each($2) WHERE true ON CONFLICT DO NOTHING",
);

static MESSAGE_WORDS: Sql = Sql::Same(
    "INSERT INTO message_words (workspace_id, word, message_id)
    SELECT $1, value ->> 0, value ->> 1 FROM json_each($2) WHERE true ON CONFLICT DO NOTHING",
);

static ENROLLMENTS: Sql = Sql::Same(
    "INSERT INTO enrollments (workspace_id, enrollment_id, contact_id, workflow_id, version, state, reason, number_id, place,
        field_values, prices, rate_micros, next_step, due_at, message_id, hour_minute, started_by, started_at, ended_at, stopped_after)
    SELECT $1, value ->> 'id', value ->> 'contact', value ->> 'workflow', 1, value ->> 'state', value ->> 'reason',
        value ->> 'number', s.place, s.field_values, s.prices, s.rate_micros, value ->> 'next', value ->> 'due', NULL, 600,
        'operator', value ->> 'started', value ->> 'ended', value ->> 'after'
    FROM json_each($2), (SELECT place, field_values, prices, rate_micros FROM enrollments WHERE workspace_id = $1 AND enrollment_id = $3) AS s",
);

/// Of what runs, once all of it is there; the first one has its row.
static RUNS: Sql = Sql::Same(
    "INSERT INTO runs (workspace_id, contact_id, enrollment_id, workflow_id)
    SELECT workspace_id, contact_id, enrollment_id, workflow_id FROM enrollments
    WHERE workspace_id = $1 AND state = 'active' ORDER BY contact_id
    ON CONFLICT DO NOTHING",
);

static MESSAGES: Sql = Sql::Same(
    "INSERT INTO messages (workspace_id, message_id, contact_id, kind, state, enrollment_id, step, number_id, body, segments,
        credits, micros, attempts, claimed_at, sought, code, author, created_at, sent_at, state_at)
    SELECT $1, value ->> 'id', value ->> 'contact', value ->> 'kind', value ->> 'state', value ->> 'run', value ->> 'step',
        value ->> 'number', value ->> 'body', 1, 0, 0, 1, value ->> 'at', 0, value ->> 'code', value ->> 'kind', value ->> 'at',
        value ->> 'sent', value ->> 'at'
    FROM json_each($2)",
);

static CONVERSATIONS: Sql = Sql::Same(
    "INSERT INTO conversations (workspace_id, contact_id, last_at, last_message_id, last_inbound_at, last_outbound_at, unread,
        side, enrollment_id, opted_out)
    SELECT $1, value ->> 'contact', value ->> 'at', value ->> 'message', value ->> 'inbound', value ->> 'at', value ->> 'unread',
        value ->> 'side', value ->> 'run', value ->> 'opted_out'
    FROM json_each($2)",
);

static SUPPRESSIONS: Sql = Sql::Same(
    "INSERT INTO suppressions (workspace_id, phone_hash, kind, source, created_at, contact_id)
    SELECT $1, c.phone_hash, 'opted_out', 'contact', v.last_at, v.contact_id
    FROM conversations v JOIN contacts c ON c.workspace_id = v.workspace_id AND c.contact_id = v.contact_id
    WHERE v.workspace_id = $1 AND v.opted_out = 1",
);

static TRANSFERS: Sql = Sql::Same(
    "INSERT INTO transfers (workspace_id, subject, step, reason, unit, debit, credit, amount, at)
    SELECT $1, value ->> 'id', value ->> 'step', value ->> 'reason', 'micros', value ->> 'debit', value ->> 'credit',
        value ->> 'amount', value ->> 'at'
    FROM json_each($2)",
);

static EVENTS: Sql = Sql::Same(
    "INSERT INTO events (workspace_id, event_id, contact_id, kind, actor, payload, at)
    SELECT $1, value ->> 'id', value ->> 'contact', value ->> 'kind', 'operator', value ->> 'payload', value ->> 'at'
    FROM json_each($2)",
);

static BALANCES: Sql = Sql::Same(
    "UPDATE accounts SET balance = (
        SELECT COALESCE(SUM(CASE WHEN t.credit = accounts.account THEN t.amount ELSE -t.amount END), 0) FROM transfers t
        WHERE t.workspace_id = $1 AND t.unit = accounts.unit AND (t.credit = accounts.account OR t.debit = accounts.account))
    WHERE workspace_id = $1",
);

/// Runs statements one batch after the other, and says what took how long.
struct Filler<'a> {
    parts: &'a Parts,
    workspace: i64,
    begun: Instant,
}

impl Filler<'_> {
    fn run(&self, sql: &'static Sql, more: Vec<Value>) {
        let first = vec![Value::Int(self.workspace)];
        let params: Vec<Value> = first.into_iter().chain(more).collect();
        let written = self.parts.engine.store().write_blocking(Lane::Bulk, move |tx| tx.execute(sql, &params));
        written.unwrap();
    }

    /// Batches of rows `0..count`, of which some may make none or several.
    fn rows<R: Serialize>(&self, sql: &'static Sql, count: i64, more: &[Value], row: impl Fn(i64) -> Vec<R>) {
        let mut from = 0;
        while from < count {
            let until = (from + BATCH).min(count);
            let batch: Vec<R> = (from..until).flat_map(&row).collect();
            let json = serde_json::to_string(&batch).unwrap();
            self.run(sql, std::iter::once(Value::Text(json)).chain(more.iter().cloned()).collect());
            from = until;
        }
    }

    fn told(&self, what: &str) {
        println!("{:>5} s  {what}", self.begun.elapsed().as_secs());
    }
}

/// Fills.
pub(crate) fn fill(parts: &Parts, house: &House, size: Size) {
    let filler = Filler { parts, workspace: house.workspace.0, begun: Instant::now() };
    let indexes = indexes::drop(parts.engine.store());
    contacts(&filler, house, size);
    filler.told("contacts");
    let sample = Value::Int(house.sample.0);
    filler.rows(&ENROLLMENTS, size.runs(), &[sample], |nth| vec![Run::of(house, size, nth)]);
    filler.run(&RUNS, Vec::new());
    filler.rows(&TRANSFERS, size.runs(), &[], |nth| runs::transfers(&Run::of(house, size, nth)));
    filler.told("enrollments and transfers");
    filler.rows(&MESSAGES, size.messages(), &[], |nth| vec![runs::message(house, size, nth)]);
    filler.told("messages");
    filler.rows(&CONVERSATIONS, size.conversations, &[], |nth| vec![runs::conversation(house, size, nth)]);
    filler.run(&SUPPRESSIONS, Vec::new());
    filler.rows(&EVENTS, size.messages(), &[], |nth| runs::event(house, size, nth));
    filler.told("conversations and events");
    words(&filler, size);
    filler.told("words");
    indexes::make(parts.engine.store(), indexes);
    filler.told("indexes");
    let workspace: WorkspaceId = house.workspace;
    filler.run(&BALANCES, Vec::new());
    let counted = parts.engine.store().write_blocking(Lane::Bulk, move |tx| tallies::take_again(tx, workspace));
    counted.unwrap();
    filler.told("figures");
}

fn contacts(filler: &Filler<'_>, house: &House, size: Size) {
    filler.rows(&CONTACTS, size.contacts, &[], |nth| vec![Person::of(house, size, nth)]);
    let mut keys: Vec<(String, i64)> = Vec::new();
    for nth in 0..size.contacts {
        let person = Person::of(house, size, nth);
        let found = search::contact_keys(&person.name, &person.phone, |_| None);
        keys.extend(found.into_iter().map(|key| (key, person.id)));
    }
    sorted(filler, &CONTACT_WORDS, keys);
}

/// The words of what people wrote.
fn words(filler: &Filler<'_>, size: Size) {
    let mut words: Vec<(String, i64)> = Vec::new();
    for nth in 0..size.messages() {
        if let Some(body) = runs::written(size, nth) {
            let id = people::message_id(size, nth);
            words.extend(search::text_words(&body).into_iter().map(|word| (word, id)));
        }
        // In parts, so that they fit into memory.
        if words.len() > 8_000_000 {
            sorted(filler, &MESSAGE_WORDS, std::mem::take(&mut words));
        }
    }
    sorted(filler, &MESSAGE_WORDS, words);
}

fn sorted(filler: &Filler<'_>, sql: &'static Sql, mut rows: Vec<(String, i64)>) {
    rows.sort_unstable();
    let count = i64::try_from(rows.len()).unwrap();
    filler.rows(sql, count, &[], |nth| vec![&rows[usize::try_from(nth).unwrap()]]);
}
