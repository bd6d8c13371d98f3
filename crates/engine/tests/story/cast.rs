//! Who takes part: two customers with their numbers and people, and how the handsets behave.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use carrier::simulator::{Behaviour, Delay, Faults, Receipts, Replies, ReplyText};
use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission};
use domain::ids::{ContactId, PersonId, WorkflowId, WorkspaceId};
use domain::money::Micros;
use engine::contacts::MAX_PAGE;
use engine::import::{ImportOptions, ImportOutlets};
use engine::numbers::NewNumber;
use engine::workspaces::{NewWorkspace, SettingsChange};
use engine::{Actor, Carriers, Clock, Engine, Settings, Switch};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use store::testing::TestDatabase;
use tempfile::TempDir;

use crate::dice::Dice;
use crate::log::Log;
use crate::texts;

/// Before the first day.
const START: &str = "2026-01-05T14:00:00Z";
/// Rows of the first customer's file; each of the first [`FAMILIES`] has two phones.
const ROWS: usize = 640;
const FAMILIES: usize = 60;
/// Rows of the second customer's file; its first phones are known to both.
const OTHER_ROWS: usize = 300;
const SHARED: usize = 50;
/// Areas with one zone and with two, with stricter laws and without.
const AREAS: [u16; 8] = [212, 305, 713, 206, 303, 850, 405, 808];
const NAMES: [&str; 16] =
    ["Ann", "José", "", "Zoë", "Bob", "Cleo", "Dan", "Eve", "李", "Finn", "Gus", "", "Hal", "Ida", "Jo", "Søren"];

/// What the carrier was handed and what it answered: its own record.
pub(crate) struct Recorder {
    inner: Arc<Simulator>,
    pub(crate) handed: Mutex<Vec<(Submission, Outcome)>>,
}

impl Carrier for Recorder {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = self.inner.submit(submission, now).await;
            self.handed.lock().unwrap().push((submission.clone(), outcome.clone()));
            outcome
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// A contact of a customer.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) contact: ContactId,
    pub(crate) phone: String,
    pub(crate) person: Option<PersonId>,
}

/// A customer.
pub(crate) struct Customer {
    pub(crate) actor: Actor,
    pub(crate) numbers: Vec<String>,
    pub(crate) people: Vec<Person>,
    pub(crate) workflows: Vec<WorkflowId>,
    /// Whom nobody has asked in yet.
    pub(crate) fresh: usize,
    /// Whether what a carrier refused for good is earned all the same.
    pub(crate) refused_is_earned: bool,
}

impl Customer {
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.actor.workspace()
    }
}

/// Everything at hand.
pub(crate) struct Story {
    pub(crate) engine: Engine,
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) log: Log,
    pub(crate) dice: Dice,
    folder: TempDir,
}

/// Every fault, each as often as it takes to meet every other.
fn behaviour() -> Behaviour {
    let hours = |min: u64, max: u64| Delay { min_ms: min * 3_600_000, max_ms: max * 3_600_000 };
    Behaviour {
        faults: Faults {
            temporary: 0.06,
            throttled: 0.03,
            permanent: 0.008,
            opted_out: 0.006,
            sender_problem: 0.004,
            rejected: 0.004,
            lost_after: 0.03,
            lost_before: 0.03,
            find_unavailable: 0.3,
            fewer_segments: 0.1,
            retry_after_seconds: 400,
        },
        receipts: Receipts {
            delay: hours(0, 8),
            missing: 0.3,
            doubled: 0.1,
            out_of_order: 0.15,
            failed: 0.06,
            recovered: 0.4,
            bad_number: 0.006,
            opted_out: 0.004,
        },
        replies: Replies {
            rate: 0.14,
            delay: hours(0, 90),
            texts: texts::SAYINGS
                .iter()
                .map(|(body, weight, _)| ReplyText { body: (*body).to_owned(), weight: *weight })
                .collect(),
            doubled: 0.2,
        },
        find_lag_ms: 300_000,
        ..Behaviour::default()
    }
}

fn phone(n: usize) -> String {
    format!("+1{}600{n:04}", AREAS[n % AREAS.len()])
}

/// A file of contacts whose phones begin at a place in the row of all phones.
fn file(from: usize, rows: usize, families: usize) -> String {
    let mut text = "First Name,Phone,Phone 2\n".to_owned();
    for n in 0..rows {
        let second = if n < families { phone(5_000 + n) } else { String::new() };
        text.push_str(&format!("{},{},{second}\n", NAMES[n % NAMES.len()], phone(from + n)));
    }
    text
}

impl Story {
    pub(crate) async fn begin(database: &TestDatabase, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let simulator = Simulator::with_journal(behaviour(), seed, &folder.path().join("handsets.jsonl")).unwrap();
        let simulator = Arc::new(simulator);
        let recorder = Arc::new(Recorder { inner: Arc::clone(&simulator), handed: Mutex::default() });
        let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&recorder) as Arc<dyn Carrier>)]);
        let clock = Clock::manual(START.parse().unwrap());
        let store = database.store.clone();
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let engine = opened.await.unwrap();
        let mut dice = Dice::new(seed);
        let file_of_first = file(0, ROWS, FAMILIES);
        let first = customer(&engine, &mut dice, &["+12125550100", "+13055550101"], file_of_first).await;
        let other_file = file(ROWS - SHARED, OTHER_ROWS, 0);
        let mut second = customer(&engine, &mut dice, &["+17135550102"], other_file).await;
        give_back_refused(&engine, &second.actor).await;
        second.refused_is_earned = false;
        let customers = vec![first, second];
        Self { engine, simulator, recorder, customers, log: Log::default(), dice, folder }
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("handsets.jsonl")
    }

    /// The phones of the person behind a phone.
    pub(crate) fn family(&self, workspace: WorkspaceId, phone: &str) -> Vec<String> {
        let people = self.customers.iter().filter(|customer| customer.workspace() == workspace);
        let people: Vec<&Person> = people.flat_map(|customer| &customer.people).collect();
        let person = people.iter().find(|person| person.phone == phone).and_then(|person| person.person);
        let others = people.iter().filter(|other| person.is_some() && other.person == person);
        let mut phones: Vec<String> = others.map(|other| other.phone.clone()).collect();
        if phones.is_empty() {
            phones.push(phone.to_owned());
        }
        phones
    }
}

async fn give_back_refused(engine: &Engine, actor: &Actor) {
    let settings = Settings { refund_refused: Switch::On, ..Settings::default() };
    let change = SettingsChange { settings: Some(settings), ..SettingsChange::default() };
    engine.change_settings(actor, change).await.unwrap();
}

async fn customer(engine: &Engine, dice: &mut Dice, numbers: &[&str], file: String) -> Customer {
    let new = NewWorkspace {
        name: numbers[0].to_owned(),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 300,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    for phone in numbers {
        let carrier = "simulator".to_owned();
        let number = NewNumber { phone: (*phone).to_owned(), carrier, per_minute: 600, per_day: 0 };
        engine.add_number(&actor, number).await.unwrap();
    }
    let source = Cursor::new(file.into_bytes());
    let import = engine.import_contacts(&actor, source, ImportOptions::default(), ImportOutlets::default());
    assert_eq!(import.await.unwrap().counts.rejected, 0);
    let (mut people, mut after) = (Vec::new(), None);
    loop {
        let page = engine.contacts(&actor, after, "", MAX_PAGE).await.unwrap();
        people.extend(page.contacts.into_iter().map(|row| Person {
            contact: row.id,
            phone: row.phone,
            person: row.person,
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut story = Customer {
        actor,
        numbers: numbers.iter().map(|phone| (*phone).to_owned()).collect(),
        people,
        workflows: Vec::new(),
        fresh: 0,
        refused_is_earned: true,
    };
    // The field must be known before a template may name it.
    let somebody = story.people[0].contact;
    let changes = vec![("Ref".to_owned(), Some("none".to_owned()))];
    engine.edit_contact(&story.actor, somebody, changes).await.unwrap();
    for steps in [1, 2, 3, 4, 5, 6, 7, 8, 9] {
        let input = texts::workflow(dice, format!("With {steps}"), steps);
        story.workflows.push(engine.create_workflow(&story.actor, input).await.unwrap().summary.workflow.id);
    }
    story
}
