//! A workspace with money, a number and contacts in a workflow: what the benchmarks send.

#![allow(dead_code, reason = "shared by benchmarks, each of which uses a part")]

use std::io::Cursor;

use domain::ids::WorkflowId;
use domain::money::Micros;
use domain::registration::Registration;
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::import::{ImportOptions, ImportOutlets};
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock, Engine};
use jiff::SignedDuration;

/// The machine's clock, ahead to the next time at which every window is open: 16:00 in UTC is noon or eleven in New York.
pub(crate) fn clock() -> Clock {
    let now = Clock::System.now();
    let day = SignedDuration::from_hours(24).as_secs();
    let ahead = (16 * 3_600 - now.as_second().rem_euclid(day)).rem_euclid(day);
    Clock::kept_ahead(SignedDuration::from_secs(ahead), |_| {})
}

pub(crate) async fn workspace(engine: &Engine, name: &str) -> Actor {
    let (name, zone) = (name.to_owned(), "America/New_York".to_owned());
    let new = NewWorkspace { name, zone, rate: Micros(15_000), plan_credits: 0 };
    let workspace = engine.create_workspace(new).await.unwrap().workspace.id;
    engine.top_up(workspace, Micros(1_000_000_000_000), Slip::default()).await.unwrap();
    Actor::operator(workspace)
}

/// A number at a carrier that may text the US without a pace; toll-free, if the carrier is no simulator.
pub(crate) async fn number(engine: &Engine, actor: &Actor, phone: &str, carrier: &str) {
    let new = NewNumber { phone: phone.to_owned(), carrier: carrier.to_owned(), per_minute: 0, per_day: 0 };
    let number = engine.add_number(actor, new).await.unwrap();
    if carrier != "simulator" {
        engine.register_number(actor, number.id, None, Registration::Approved).await.unwrap();
    }
}

/// The phone of the contact of this place.
pub(crate) fn phone(nth: usize) -> String {
    format!("+1{}{:07}", ["212", "917", "646", "718"][nth / 8_000_000 % 4], 2_000_000 + nth % 8_000_000)
}

/// So many contacts, from the place `first` on.
pub(crate) async fn contacts(engine: &Engine, actor: &Actor, first: usize, count: usize) {
    let mut file = "First Name,Phone\n".to_owned();
    for nth in first..first + count {
        file.push_str(&format!("Ann{nth},{}\n", phone(nth)));
    }
    let source = Cursor::new(file.into_bytes());
    engine.import_contacts(actor, source, ImportOptions::default(), ImportOutlets::default()).await.unwrap();
}

/// A workflow of so many messages, a day apart; the first goes at once.
pub(crate) async fn workflow(engine: &Engine, actor: &Actor, steps: usize) -> WorkflowId {
    let step = |nth| StepInput {
        gap_days: i64::from(nth > 0),
        text: if nth == 0 { "Hi {First Name}, are you still thinking of selling?" } else { "Any news?" }.to_owned(),
    };
    let input = WorkflowInput { name: "Leads".to_owned(), steps: (0..steps).map(step).collect() };
    engine.create_workflow(actor, input).await.unwrap().summary.workflow.id
}

/// Starts the workflow for every contact.
pub(crate) async fn enroll(engine: &Engine, actor: &Actor, workflow: WorkflowId) {
    let job = engine.enroll_many(actor, workflow, Selection::All, None).await.unwrap();
    engine.run_job(actor, job.id, |_| {}).await.unwrap();
}
