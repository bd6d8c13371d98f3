//! Workspaces with a number, a workflow, a key and people, made before any process is started.

use std::io::Cursor;
use std::sync::Arc;

use carrier::simulator::Behaviour;
use carrier::{Carrier, Simulator};
use domain::access::{Permissions, Role};
use domain::ids::{ContactId, LabelId, WorkflowId, WorkspaceId};
use domain::money::Micros;
use domain::zones::Zone;
use engine::billing::Slip;
use engine::carriers::Kind;
use engine::contacts::MAX_PAGE;
use engine::import::{ImportOptions, ImportOutlets};
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::roll::Outfit;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Clock, Engine};
use store::{Address, Store};
use tokio::runtime::Runtime;

use crate::registered::register;

/// A workspace, and what its people need to call the API.
pub(crate) struct Office {
    pub(crate) workspace: WorkspaceId,
    pub(crate) key: String,
    pub(crate) number: String,
    pub(crate) workflow: WorkflowId,
    /// Each contact with its phone.
    pub(crate) people: Vec<(ContactId, String)>,
}

/// What every office is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) offices: usize,
    pub(crate) people: usize,
    /// Days between the texts.
    pub(crate) gaps: &'a [i64],
    /// The zone of everybody; where it is empty the area code tells.
    pub(crate) zone: &'a str,
}

/// A zone in which it is about noon, so that texts go out at whatever hour the test runs.
pub(crate) fn zone_at_noon() -> String {
    let now = Clock::System.now();
    let zones = (-11..=12).map(|hours: i32| format!("Etc/GMT{hours:+}"));
    let is_noon = |name: &String| Zone::named(name).is_ok_and(|zone| zone.local(now).hour() == 12);
    zones.into_iter().find(is_noon).unwrap()
}

fn open(address: &Address) -> (Engine, Runtime) {
    open_with(address, None)
}

fn open_with(address: &Address, outfit: Option<Outfit>) -> (Engine, Runtime) {
    let store = Store::open(address).unwrap();
    let simulator = Arc::new(Simulator::new(Behaviour::default(), 1).unwrap());
    let carriers = Carriers::from([("simulator".to_owned(), simulator as Arc<dyn Carrier>)]);
    let engine = Engine::open_with(store, Clock::System, carriers, outfit).unwrap();
    (engine, tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
}

/// What the owner of an office signs in with.
pub(crate) const OWNER: (&str, &str) = ("owner@example.com", "correct horse battery");

/// Gives an office an owner, who can sign in, and a label; closes the database again.
pub(crate) fn furnish(address: &Address, office: &Office) -> LabelId {
    let (engine, runtime) = open(address);
    runtime.block_on(async {
        let actor = Actor::operator(office.workspace);
        engine.create_user(&actor, OWNER.0, "Pat Doe", Role::Owner, OWNER.1).await.unwrap();
        engine.create_label(&actor, "Hot", "red").await.unwrap().id
    })
}

/// Lets an office send by an account at a carrier, typed in like this, and by nothing else; answers where the carrier has to call.
pub(crate) fn send_by(
    address: &Address,
    outfit: Outfit,
    office: &mut Office,
    (kind, typed): (Kind, Vec<(String, String)>),
    number: &str,
) -> String {
    let (engine, runtime) = open_with(address, Some(outfit));
    runtime.block_on(async {
        let actor = Actor::operator(office.workspace);
        let simulated = engine.numbers(&actor).await.unwrap()[0].id;
        let paused = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
        engine.change_number(&actor, simulated, paused).await.unwrap();
        let added = engine.add_carrier(&actor, kind.word(), "Ours", typed).await.unwrap();
        let new = NewNumber { phone: number.to_owned(), carrier: added.id.to_string(), per_minute: 0, per_day: 0 };
        let own = engine.add_number(&actor, new).await.unwrap().id;
        register(&engine, &actor, own).await;
        number.clone_into(&mut office.number);
        added.callbacks
    })
}

/// Makes the offices and closes the database again.
pub(crate) fn make(address: &Address, plan: Plan<'_>) -> Vec<Office> {
    let (engine, runtime) = open(address);
    runtime.block_on(async {
        let mut offices = Vec::new();
        for nth in 0..plan.offices {
            offices.push(office(&engine, plan, nth).await);
        }
        offices
    })
}

/// The phones of an office: no state with a law of its own, so that nothing but the zone closes a window.
fn phone(office: usize, person: usize) -> String {
    format!("+1212{}{person:04}", 600 + office)
}

async fn office(engine: &Engine, plan: Plan<'_>, nth: usize) -> Office {
    let new = NewWorkspace {
        name: format!("Office {nth}"),
        zone: "America/New_York".to_owned(),
        rate: Micros(15_000),
        plan_credits: 100,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    let slip = Slip { note: "by hand".to_owned(), idempotency_key: None };
    engine.top_up(actor.workspace(), Micros(1_000_000_000), slip).await.unwrap();
    let number = format!("+1212555{:04}", 100 + nth);
    let new = NewNumber { phone: number.clone(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    engine.add_number(&actor, new).await.unwrap();
    let mut file = "First Name,Phone,Time Zone\n".to_owned();
    for person in 0..plan.people {
        file.push_str(&format!("P{person},{},{}\n", phone(nth, person), plan.zone));
    }
    let source = Cursor::new(file.into_bytes());
    let imported = engine.import_contacts(&actor, source, ImportOptions::default(), ImportOutlets::default());
    assert_eq!(imported.await.unwrap().counts.created, u64::try_from(plan.people).unwrap());
    let steps = (1..).zip(plan.gaps).map(|(step, gap_days)| {
        let text = format!("Hi {{First Name}}, this is text {step}.");
        StepInput { gap_days: *gap_days, text }
    });
    let input = WorkflowInput { name: "Leads".to_owned(), steps: steps.collect() };
    let workflow = engine.create_workflow(&actor, input).await.unwrap().summary.workflow.id;
    let key = engine.create_key(&actor, "office", Permissions::all()).await.unwrap().1;
    Office { workspace: actor.workspace(), key, number, workflow, people: people(engine, &actor).await }
}

async fn people(engine: &Engine, actor: &Actor) -> Vec<(ContactId, String)> {
    let (mut people, mut after) = (Vec::new(), None);
    loop {
        let page = engine.contacts(actor, after, "", MAX_PAGE).await.unwrap();
        people.extend(page.contacts.into_iter().map(|contact| (contact.id, contact.phone)));
        after = page.next;
        if after.is_none() {
            return people;
        }
    }
}
