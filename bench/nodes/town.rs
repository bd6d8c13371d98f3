//! Workspaces with an account of their own each, whose texts are all due.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use domain::money::Micros;
use domain::zones::Zone;
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::import::{ImportOptions, ImportOutlets};
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock, Engine};
use store::testing::TestDatabase;
use store::{Address, Store};

use crate::node;

/// The address of a test's database as another process takes it: an address shows itself without its user.
pub(crate) fn server(database: &TestDatabase) -> String {
    let server = std::env::var("DRIPLINE_TEST_POSTGRES").expect("run it by scripts/postgres");
    let (server, _) = server.rsplit_once('/').unwrap();
    let shown = database.address.to_string();
    let (_, name) = shown.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// A zone in which it is about noon, so that texts go out at whatever hour it runs.
fn zone_at_noon() -> String {
    let now = Clock::System.now();
    let zones = (-11..=12).map(|hours: i32| format!("Etc/GMT{hours:+}"));
    let is_noon = |name: &String| Zone::named(name).is_ok_and(|zone| zone.local(now).hour() == 12);
    zones.into_iter().find(is_noon).unwrap()
}

/// Fills a database with so many texts that are due, and closes it.
pub(crate) fn found(address: &Address, workspaces: usize, texts: usize) {
    let carriers = node::carriers(workspaces, Duration::ZERO, &Arc::default());
    let engine = Engine::open(Store::open(address).unwrap(), Clock::System, carriers).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let zone = zone_at_noon();
        let all = (0..workspaces).map(|nth| fill(&engine, nth, texts.div_ceil(workspaces), &zone));
        futures_util::future::join_all(all).await;
        engine.leave_node().await.unwrap();
    });
}

async fn fill(engine: &Engine, nth: usize, texts: usize, zone: &str) {
    let new = NewWorkspace {
        name: format!("Office {nth}"),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 0,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    engine.top_up(actor.workspace(), Micros(1_000_000_000_000), Slip::default()).await.unwrap();
    let new = NewNumber {
        phone: format!("+1212555{:04}", 100 + nth),
        carrier: node::account(nth),
        per_minute: 0,
        per_day: 0,
    };
    engine.add_number(&actor, new).await.unwrap();
    let mut file = "First Name,Phone,Time Zone\n".to_owned();
    for person in 0..texts {
        file.push_str(&format!("Ann{person},+1212{}{:04},{zone}\n", 600 + person / 10_000, person % 10_000));
    }
    let source = Cursor::new(file.into_bytes());
    engine.import_contacts(&actor, source, ImportOptions::default(), ImportOutlets::default()).await.unwrap();
    let steps = vec![StepInput { gap_days: 0, text: "Hi {First Name}, are you still thinking of selling?".to_owned() }];
    let input = WorkflowInput { name: "Leads".to_owned(), steps };
    let workflow = engine.create_workflow(&actor, input).await.unwrap().summary.workflow.id;
    let job = engine.enroll_many(&actor, workflow, Selection::All, None).await.unwrap();
    engine.run_job(&actor, job.id, |_| {}).await.unwrap();
}
