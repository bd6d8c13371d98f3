//! Enrollments that wait, each of another contact: one that the engine made, and copies of it with its charge and its event, in the
//! order of their keys. They are due at every hour of thirty days, the first in three weeks, in an order that is not the one of their start:
//! thousands wait for the same instant, as when a window opens.
//!
//! The words under which contacts are found are left out: nothing that is measured reads them. The copies are not in the tallies and in
//! the balances either.

use std::path::Path;
use std::time::Instant;

use domain::ids::WorkflowId;
use engine::workflows::{StepInput, WorkflowInput};
use engine::{Actor, Engine};
use store::{Lane, Sql, Value};

use crate::place::Place;
use crate::sink::Sink;
use crate::{FILE, customer, indexes};

/// The workspace, and its number that all are texted from.
pub(crate) const WORKSPACE: &str = "Acme Homes";
pub(crate) const NUMBER: &str = "+18335550100";
/// How many rows one transaction makes.
const BATCH: i64 = 100_000;
/// When the first text of the sample is due: in three weeks.
const DAYS: i64 = 21;

static SAMPLE: Sql = Sql::Same(
    "SELECT e.contact_id, e.enrollment_id, v.event_id
    FROM enrollments e JOIN events v ON v.workspace_id = e.workspace_id AND v.kind = 'enrollment.started'
    WHERE e.workspace_id = $1",
);

/// `$2` to `$3` are places in the order, of `$4`; `$5` is the row that is copied. The identifiers are those of the milliseconds
/// before its own, with a count that nothing else of them has.
macro_rules! copies {
    ($insert:literal) => {
        concat!(
            "WITH RECURSIVE n (i, back) AS (
                SELECT $2, ($4 - $2 + 1) * 4194304 - 5000
                UNION ALL SELECT i + 1, back - 4194304 FROM n WHERE i + 1 < $3) ",
            $insert
        )
    };
}

static CONTACTS: Sql = Sql::Same(copies!(
    "INSERT INTO contacts (workspace_id, contact_id, phone, phone_hash, name, name_key, fields, number_id, created_at, updated_at)
    SELECT $1, s.contact_id - n.back,
        printf('+1%s%07d', CASE n.i / 8000000 WHEN 0 THEN '212' WHEN 1 THEN '917' ELSE '646' END, 2000000 + n.i % 8000000),
        n.i * 460718883641, REPLACE(s.name, 'Ann0', 'Ann' || n.i), REPLACE(s.name_key, 'ann0', 'ann' || n.i),
        REPLACE(s.fields, 'Ann0', 'Ann' || n.i), s.number_id, s.created_at, s.updated_at
    FROM n CROSS JOIN contacts s
    WHERE s.workspace_id = $1 AND s.contact_id = $5"
));

static ENROLLMENTS: Sql = Sql::Same(copies!(
    "INSERT INTO enrollments (workspace_id, enrollment_id, contact_id, workflow_id, version, state, number_id, place, field_values,
        prices, rate_micros, next_step, due_at, started_by, started_at)
    SELECT $1, s.enrollment_id - n.back, s.contact_id - n.back, s.workflow_id, s.version, s.state, s.number_id, s.place,
        REPLACE(s.field_values, 'Ann0', 'Ann' || n.i), s.prices, s.rate_micros, s.next_step,
        s.due_at + n.i * 7919 % 720 * 3600000000, s.started_by, s.started_at
    FROM n CROSS JOIN enrollments s
    WHERE s.workspace_id = $1 AND s.enrollment_id = $5"
));

static RUNS: Sql = Sql::Same(copies!(
    "INSERT INTO runs (workspace_id, contact_id, enrollment_id, workflow_id)
    SELECT $1, s.contact_id - n.back, s.enrollment_id - n.back, s.workflow_id
    FROM n CROSS JOIN enrollments s
    WHERE s.workspace_id = $1 AND s.enrollment_id = $5"
));

static TRANSFERS: Sql = Sql::Same(copies!(
    "INSERT INTO transfers (workspace_id, subject, step, reason, unit, debit, credit, amount, at, day)
    SELECT $1, s.subject - n.back, s.step, s.reason, s.unit, s.debit, s.credit, s.amount, s.at, s.day
    FROM n CROSS JOIN transfers s
    WHERE s.workspace_id = $1 AND s.subject = $5"
));

static EVENTS: Sql = Sql::Same(copies!(
    "INSERT INTO events (workspace_id, event_id, contact_id, kind, actor, payload, at)
    SELECT $1, s.event_id - n.back, s.contact_id - n.back, s.kind, s.actor, s.payload, s.at
    FROM n CROSS JOIN events s
    WHERE s.workspace_id = $1 AND s.event_id = $5"
));

/// Fills the database in this folder.
pub(crate) async fn fill(folder: &Path, count: i64) {
    let begun = Instant::now();
    let sink = Sink::start();
    let place = Place::file(folder, FILE, &sink);
    let actor = sample(&place.engine).await;
    let store = place.engine.store().clone();
    let workspace = actor.workspace().0;
    let work = move || {
        let sample = store.read_blocking(move |db| db.query_one(&SAMPLE, &[workspace.into()])).unwrap();
        let dropped = indexes::drop(&store);
        for (what, sql, place) in [
            ("contacts", &CONTACTS, 0),
            ("enrollments", &ENROLLMENTS, 1),
            ("runs", &RUNS, 1),
            ("transfers", &TRANSFERS, 1),
            ("events", &EVENTS, 2),
        ] {
            let copied = sample.int(place).unwrap();
            let mut from = 1;
            while from <= count {
                let until = (from + BATCH).min(count + 1);
                let params: Vec<Value> = [workspace, from, until, count, copied].map(Value::Int).to_vec();
                store.write_blocking(Lane::Bulk, move |tx| tx.execute(sql, &params)).unwrap();
                from = until;
            }
            eprintln!("{:>5} s  {what}", begun.elapsed().as_secs());
        }
        indexes::make(&store, dropped);
        eprintln!("{:>5} s  indexes", begun.elapsed().as_secs());
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

/// One contact whose workflow begins in three weeks.
async fn sample(engine: &Engine) -> Actor {
    let actor = customer::workspace(engine, WORKSPACE).await;
    customer::number(engine, &actor, NUMBER, "simulator").await;
    customer::contacts(engine, &actor, 0, 1).await;
    let workflow = waiting(engine, &actor).await;
    customer::enroll(engine, &actor, workflow).await;
    actor
}

async fn waiting(engine: &Engine, actor: &Actor) -> WorkflowId {
    let step = |nth: i64| StepInput {
        gap_days: if nth == 0 { DAYS } else { 1 },
        text: if nth == 0 { "Hi {First Name}, are you still thinking of selling?" } else { "Any news?" }.to_owned(),
    };
    let input = WorkflowInput { name: "Later".to_owned(), steps: (0..3).map(step).collect() };
    engine.create_workflow(actor, input).await.unwrap().summary.workflow.id
}
