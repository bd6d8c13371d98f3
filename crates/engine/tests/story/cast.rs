//! Who takes part: two customers with their numbers and people.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use carrier::account::Kind;
use carrier::{Inbound, Simulator};
use domain::ids::{ContactId, PersonId, WorkflowId, WorkspaceId};
use domain::money::Micros;
use engine::contacts::MAX_PAGE;
use engine::import::{ImportOptions, ImportOutlets};
use engine::numbers::NewNumber;
use engine::workspaces::{NewWorkspace, SettingsChange};
use engine::{Actor, Clock, Engine, Settings, Switch};
use store::Store;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::exchange::Early;
use crate::registered::register;
use crate::story::dice::Dice;
use crate::story::log::Log;
use crate::story::texts;
use crate::story::way::{self, Way};

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
    pub(crate) way: Way,
    pub(crate) kind: Option<Kind>,
    /// Calls that come before the answer to the submission.
    pub(crate) early: Option<UnboundedReceiver<Early>>,
    /// What was heard so early that the stop counts only from the end of the round.
    pub(crate) heard_early: Vec<Inbound>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) log: Log,
    pub(crate) dice: Dice,
    folder: TempDir,
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
    /// Over the simulator itself, or over a carrier's API.
    pub(crate) async fn begin(store: &Store, kind: Option<Kind>, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("handsets.jsonl");
        let simulator = Arc::new(Simulator::with_journal(way::behaviour(kind), seed, &journal).unwrap());
        let clock = Clock::manual(START.parse().unwrap());
        let way = Way::lay(kind, &simulator, &clock).await;
        let (store, opener) = (store.clone(), way.clone());
        let engine = tokio::task::spawn_blocking(move || opener.engine(store, clock)).await.unwrap();
        engine.open_links();
        let mut dice = Dice::new(seed);
        let file_of_first = file(0, ROWS, FAMILIES);
        let first = customer(&engine, &way, &mut dice, &["+12125550100", "+13055550101"], file_of_first).await;
        let other_file = file(ROWS - SHARED, OTHER_ROWS, 0);
        let mut second = customer(&engine, &way, &mut dice, &["+17135550102"], other_file).await;
        give_back_refused(&engine, &second.actor).await;
        second.refused_is_earned = false;
        let customers = vec![first, second];
        let early = match &way {
            Way::Straight(_) => None,
            Way::Over(_, exchange) => Some(exchange.early()),
        };
        let (log, heard_early) = (Log::default(), Vec::new());
        Self { engine, simulator, way, kind, early, heard_early, customers, log, dice, folder }
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

async fn customer(engine: &Engine, way: &Way, dice: &mut Dice, numbers: &[&str], file: String) -> Customer {
    let new = NewWorkspace {
        name: numbers[0].to_owned(),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 300,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    let carrier = way.carrier(engine, &actor, numbers).await;
    for phone in numbers {
        let (phone, carrier) = ((*phone).to_owned(), carrier.clone());
        let number = NewNumber { phone, carrier, per_minute: 600, per_day: 0 };
        let number = engine.add_number(&actor, number).await.unwrap();
        register(engine, &actor, number.id).await;
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
