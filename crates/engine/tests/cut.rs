//! On SQLite, which has one writer, a claim and a settling end early for a reply that waits. What they leave is done next: nothing stays
//! behind, nothing goes twice, and no number waits for another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use carrier::{Carrier, CarrierEvent, Inbound};
use domain::ids::{ContactId, WorkflowId};
use domain::money::Micros;
use engine::bulk::Selection;
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::receive::Received;
use engine::{Carriers, Engine};
use store::mishaps::{Mishap, Mishaps};
use tokio::task::JoinHandle;

use crate::world::door::Door;
use crate::world::{Plan, World};

/// Contacts that get texts.
const CONTACTS: i64 = 600;
/// A claim takes so many, if nobody is in the way.
const CLAIM: usize = 200;
/// So many others write again and again, from tasks of their own, so that something inbound waits nearly always.
const TALKERS: i64 = 12;

fn phone(n: i64) -> String {
    format!("+1212{:07}", 7_000_000 + n)
}

fn plan() -> Plan {
    Plan { credits: 0, wallet: Micros(1_000_000_000), ..Plan::default() }
}

/// Runs a story on both databases; it is told whether this one has one writer.
pub(crate) fn on_both(story: impl AsyncFn(World, bool)) {
    for database in store::testing::databases() {
        println!("on {}", database.name);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let has_one_writer = database.name == "sqlite";
        runtime.block_on(async { story(World::new(database.store.clone(), plan()).await, has_one_writer).await });
    }
}

async fn workflow(world: &World) -> WorkflowId {
    world.workflow(&[(0, "One"), (1, "Two")]).await
}

async fn start(world: &World, workflow: WorkflowId, contacts: Vec<ContactId>) {
    let job = world.engine.enroll_many(&world.actor, workflow, Selection::These(contacts), None).await.unwrap();
    world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
}

async fn contacts(world: &World, from: i64, to: i64) -> Vec<ContactId> {
    let mut all = Vec::new();
    for n in from..to {
        all.push(world.contact(n, &phone(n), &[]).await);
    }
    all
}

/// People who write as long as they are let.
pub(crate) struct Talk {
    over: Arc<AtomicBool>,
    said: Arc<AtomicUsize>,
    talkers: Vec<JoinHandle<()>>,
}

impl Talk {
    pub(crate) async fn begin(world: &World) -> Self {
        let (over, said) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let one = |n| {
            let (engine, to) = (world.engine.clone(), world.number.clone());
            tokio::spawn(talk(engine, to, CONTACTS + n, Arc::clone(&over), Arc::clone(&said)))
        };
        let talkers = (0..TALKERS).map(one).collect();
        while said.load(Ordering::SeqCst) < 50 {
            tokio::task::yield_now().await;
        }
        Self { over, said, talkers }
    }

    pub(crate) async fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        for talker in self.talkers {
            talker.await.unwrap();
        }
        assert!(self.said.load(Ordering::SeqCst) > 50);
    }
}

async fn talk(engine: Engine, to: String, n: i64, over: Arc<AtomicBool>, said: Arc<AtomicUsize>) {
    /// Also where people talk twice in a test each thing is said once.
    static SAID: AtomicUsize = AtomicUsize::new(0);
    while !over.load(Ordering::SeqCst) {
        let (event_id, body) = (SAID.fetch_add(1, Ordering::SeqCst).to_string(), "and then?".to_owned());
        let (from, to, at) = (phone(n), to.clone(), engine.now());
        let event = CarrierEvent::Inbound(Inbound { event_id, from, to, body, media: 0, signal: None, at });
        let received = engine.receive("simulator", event).await.unwrap();
        assert!(matches!(received, Received::Stored { .. }), "{received:?}");
        said.fetch_add(1, Ordering::SeqCst);
    }
}

/// How many texts have been claimed and not settled.
async fn sending(world: &World) -> i64 {
    let workspace = world.workspace();
    let counts = move |db: &store::Read<'_>| store::messages::counted::counts(db, workspace);
    let counts = world.engine.store().read::<_, store::DbError, _>(counts).await.unwrap();
    counts.into_iter().find(|(state, _)| state == "sending").map_or(0, |(_, count)| count)
}

#[test]
fn a_claim_that_ends_early_leaves_nothing_behind() {
    on_both(async |world, has_one_writer| {
        let all = contacts(&world, 0, CONTACTS).await;
        start(&world, workflow(&world).await, all).await;
        let talk = Talk::begin(&world).await;
        let mut claimed = Vec::new();
        loop {
            match world.engine.round().await.unwrap() {
                round if round.touched == 0 => break,
                round => claimed.push(round.submitted),
            }
        }
        talk.end().await;
        assert_eq!(sending(&world).await, 0, "answers were not settled");
        assert!((0..CONTACTS).all(|n| world.texts(&phone(n)).len() == 1), "somebody got none, or two");
        let whole = claimed.iter().filter(|claimed| **claimed == CLAIM).count();
        if has_one_writer {
            assert!(whole < claimed.len(), "no claim ended early: {claimed:?}");
        } else {
            assert_eq!(claimed, [CLAIM; 3]);
        }
        world.play_days(2).await;
        assert!((0..CONTACTS).all(|n| world.texts(&phone(n)).len() == 2));
        world.end().await;
    });
}

/// A node whose carrier answers when it is let, and how many transactions it has begun.
async fn node(world: &World) -> (Engine, Arc<Door>, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let count = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Mishap::None
    };
    let door = Door::new("simulator", &world.simulator, 0);
    let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&door) as Arc<dyn Carrier>)]);
    let (store, clock) = (world.engine.store().with(Mishaps::new(None, count)), world.engine.clock().clone());
    let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
    (opened.await.unwrap(), door, begun)
}

/// Has answers to a whole claim come at once while people write; says in how many transactions they are settled.
async fn settle_beside_talk(world: &World, workflow: WorkflowId, nth: i64) -> usize {
    let claim = i64::try_from(CLAIM).unwrap();
    let all = contacts(world, nth * claim, (nth + 1) * claim).await;
    start(world, workflow, all).await;
    let (engine, door, begun) = node(world).await;
    let round = tokio::spawn(async move { engine.round().await.unwrap() });
    while door.called() < claim {
        tokio::task::yield_now().await;
    }
    let talk = Talk::begin(world).await;
    let before = begun.load(Ordering::SeqCst);
    door.open.add_permits(1);
    assert_eq!(round.await.unwrap().submitted, CLAIM);
    let settlings = begun.load(Ordering::SeqCst) - before;
    talk.end().await;
    assert_eq!(sending(world).await, 0, "answers were not settled");
    settlings
}

#[test]
fn a_settling_that_ends_early_goes_on_with_the_rest() {
    on_both(async |world, has_one_writer| {
        let (workflow, mut settlings) = (workflow(&world).await, Vec::new());
        // Where the machine has no time for those who write, nobody waits: another try or two.
        for nth in 0..3 {
            settlings.push(settle_beside_talk(&world, workflow, nth).await);
            if !has_one_writer || settlings.last() > Some(&1) {
                break;
            }
        }
        let last = settlings.last().copied().unwrap_or_default();
        assert!(if has_one_writer { last > 1 } else { last == 1 }, "the settling did not end early: {settlings:?}");
        world.play_days(2).await;
        world.end().await;
    });
}

/// The live number is paused, and another takes its place.
async fn change_numbers(world: &World, nth: i64) {
    let all = world.engine.numbers(&world.actor).await.unwrap();
    let live = all.iter().find(|number| number.state == "live").unwrap().id;
    let next =
        NewNumber { phone: format!("+1212555019{nth}"), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    world.engine.add_number(&world.actor, next).await.unwrap();
    let pause = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
    world.engine.change_number(&world.actor, live, pause).await.unwrap();
}

#[test]
fn numbers_whose_steps_only_wait_keep_no_other_back() {
    on_both(async |world, _| {
        let (workflow, each) = (workflow(&world).await, CONTACTS / 6);
        for nth in 0..5 {
            let waiting = contacts(&world, nth * each, (nth + 1) * each).await;
            start(&world, workflow, waiting).await;
            change_numbers(&world, nth).await;
        }
        let sent = contacts(&world, 5 * each, CONTACTS).await;
        start(&world, workflow, sent).await;
        let talk = Talk::begin(&world).await;
        while world.texts(&phone(CONTACTS - 1)).is_empty() {
            let round = world.engine.round().await.unwrap();
            assert!(round.submitted > 0, "a claim reached only numbers that wait");
        }
        talk.end().await;
        assert!((0..5 * each).all(|n| world.texts(&phone(n)).is_empty()));
        world.play_days(2).await;
        world.end().await;
    });
}

#[test]
fn a_job_that_starts_many_ends_its_transaction_after_a_part() {
    on_both(async |world, has_one_writer| {
        let workflow = workflow(&world).await;
        let everybody = contacts(&world, 2_000, 4_500).await;
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::These(everybody), None).await.unwrap();
        let talk = Talk::begin(&world).await;
        let mut steps = Vec::new();
        world.engine.run_job(&world.actor, job.id, |job| steps.push(job.started)).await.unwrap();
        talk.end().await;
        // Two parts at a time, unless it was cut short.
        let is_cut = steps.iter().any(|started| started % 1_000 == 500 && *started < 2_500);
        assert_eq!(is_cut, has_one_writer, "{steps:?}");
        assert_eq!(steps.last(), Some(&2_500));
        world.end().await;
    });
}
