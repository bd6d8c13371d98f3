//! Two customers: one whose texts have gone out over Twilio's API and whom the carrier has much to tell, one with a backlog.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use carrier::simulator::{Behaviour, Receipts, Replies};
use carrier::{CarrierEvent, Simulator};
use domain::money::Micros;
use dripline::wiring::{self, Parts};
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::carriers::{Http, Kind};
use engine::import::{ImportOptions, ImportOutlets};
use engine::numbers::NewNumber;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock, Engine};
use jiff::SignedDuration;
use store::Address;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::exchange::dialect::Call;
use crate::exchange::{Exchange, Habits, dialect};
use crate::registered::register;

/// Everything.
pub(crate) struct Town {
    pub(crate) parts: Parts,
    pub(crate) database: &'static str,
    exchange: Exchange,
    _folder: TempDir,
}

/// The machine's clock, ahead to the next time at which every window is open: 16:00 in UTC is noon or eleven in New York.
fn clock() -> Clock {
    let now = Clock::System.now();
    let day = SignedDuration::from_hours(24).as_secs();
    let ahead = (16 * 3_600 - now.as_second().rem_euclid(day)).rem_euclid(day);
    Clock::kept_ahead(SignedDuration::from_secs(ahead), |_| {})
}

impl Town {
    /// Enough texts for so many calls, and a backlog.
    pub(crate) async fn found(calls: usize, backlog: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Each text is told as sent and as delivered, and half are answered.
        let replies = Replies { rate: 0.5, ..Replies::default() };
        let world = Arc::new(Simulator::new(Behaviour { replies, ..Behaviour::default() }, 1).unwrap());
        let clock = clock();
        let exchange = Exchange::open(world, clock.clone(), Habits::default()).await;
        let outfit = Outfit {
            keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
            http: Http::new().unwrap(),
            public_url: "https://texts.example.com".to_owned(),
            reach: "localhost".parse().unwrap(),
            bases: BTreeMap::from([(Kind::Twilio, exchange.address.clone())]),
        };
        let (database, address) = match std::env::var("DRIPLINE_TEST_POSTGRES") {
            Ok(address) => ("PostgreSQL", address.parse().unwrap()),
            Err(_) => ("SQLite", Address::file(folder.path().join("acks.db"))),
        };
        let data = folder.path().to_owned();
        // The backlog's carrier tells nothing of its texts: the calls that are timed are all that come in.
        let receipts = Receipts { missing: 1.0, ..Receipts::default() };
        let silent = Behaviour { receipts, ..wiring::quiet_behaviour() };
        let open = move || wiring::open_with(&address, &data, clock, silent, Some(outfit)).unwrap();
        let parts = tokio::task::spawn_blocking(open).await.unwrap();
        let engine = parts.engine.clone();
        tokio::spawn(async move { engine.hold_node(watch::channel(false).1).await });
        let town = Self { parts, database, exchange, _folder: folder };
        town.tell_much(calls * 2 / 5 + 500).await;
        customer(&town.parts.engine, "Backlog", "+13055550100", "simulator", backlog).await;
        println!("{backlog} texts wait");
        town
    }

    /// The customer whose texts go out at once.
    async fn tell_much(&self, texts: usize) {
        let engine = &self.parts.engine;
        let ours = "+12125550100";
        let account = self.exchange.account(Kind::Twilio, &[ours]);
        let actor = workspace(engine, "Told").await;
        let typed = dialect::of(Kind::Twilio).typed(&account);
        let typed = typed.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let added = engine.add_carrier(&actor, "twilio", "Ours", typed).await.unwrap();
        self.exchange.call_at(&account, &added.callbacks);
        fill(engine, &actor, ours, &added.id.to_string(), texts).await;
        let (stop, stopped) = watch::channel(false);
        let dispatch = tokio::spawn({
            let engine = engine.clone();
            async move { engine.dispatch(stopped, SignedDuration::from_secs(5)).await }
        });
        while self.exchange.simulator.stats().unwrap().texts < texts as u64 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        stop.send_replace(true);
        dispatch.await.unwrap();
        println!("{texts} texts have gone out over Twilio's API");
    }

    /// The calls that the carrier has to make, in the order of what happened.
    pub(crate) fn calls(&self, count: usize) -> Vec<Call> {
        let mut calls = Vec::with_capacity(count);
        loop {
            let events: Vec<CarrierEvent> = self.exchange.simulator.due_events(self.parts.engine.now());
            if events.is_empty() {
                break;
            }
            calls.extend(events.iter().map(|event| self.exchange.call(event).1));
        }
        assert!(calls.len() >= count, "only {} calls are to be made", calls.len());
        calls.truncate(count);
        calls
    }
}

async fn workspace(engine: &Engine, name: &str) -> Actor {
    let (name, zone) = (name.to_owned(), "America/New_York".to_owned());
    let new = NewWorkspace { name, zone, rate: Micros(15_000), plan_credits: 0 };
    let workspace = engine.create_workspace(new).await.unwrap().workspace.id;
    engine.top_up(workspace, Micros(1_000_000_000_000), Slip::default()).await.unwrap();
    Actor::operator(workspace)
}

async fn customer(engine: &Engine, name: &str, number: &str, carrier: &str, contacts: usize) {
    let actor = workspace(engine, name).await;
    fill(engine, &actor, number, carrier, contacts).await;
}

/// Contacts, all in a workflow of two messages, the first of which is due.
async fn fill(engine: &Engine, actor: &Actor, number: &str, carrier: &str, contacts: usize) {
    let new = NewNumber { phone: number.to_owned(), carrier: carrier.to_owned(), per_minute: 0, per_day: 0 };
    let number = engine.add_number(actor, new).await.unwrap();
    if carrier != "simulator" {
        register(engine, actor, number.id).await;
    }
    let mut file = "First Name,Phone\n".to_owned();
    for nth in 0..contacts {
        file.push_str(&format!("Ann{nth},+1212{}{:04}\n", 200 + nth / 10_000 % 800, nth % 10_000));
    }
    let source = Cursor::new(file.into_bytes());
    engine.import_contacts(actor, source, ImportOptions::default(), ImportOutlets::default()).await.unwrap();
    let step = |gap_days, text: &str| StepInput { gap_days, text: text.to_owned() };
    let steps = vec![step(0, "Hi {First Name}, are you still thinking of selling?"), step(3, "Any news?")];
    let input = WorkflowInput { name: "Leads".to_owned(), steps };
    let workflow = engine.create_workflow(actor, input).await.unwrap().summary.workflow.id;
    let job = engine.enroll_many(actor, workflow, Selection::All, None).await.unwrap();
    engine.run_job(actor, job.id, |_| {}).await.unwrap();
}
