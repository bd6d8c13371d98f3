//! Races, with real threads, on both databases: replies against claims on two nodes, the same key
//! many times at once, many starts of one contact at once.
//!
//! After `receive` has resolved, nothing of the contact's enrollment may be claimed any more. The
//! claims of the contact are read right then and compared at the end, in the database and at the
//! receiving end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use carrier::simulator::{Behaviour, Faults};
use carrier::{Capabilities, Carrier, CarrierEvent, Finding, Inbound, Outcome, Simulator, Sought, Submission};
use domain::ids::{ContactId, MessageId, WorkflowId};
use domain::message::MessageKind;
use domain::money::Micros;
use domain::suppression::Suppression;
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::enrolling::{EnrollError, EnrollRequest, Enrolled};
use engine::manual::SendError;
use engine::receive::Received;
use engine::{Carriers, Engine, IdempotencyKey};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::{Lane, messages};

use crate::world::{Plan, World, on_both};

/// How many contacts answer in each wave.
const CONTACTS: i64 = 300;
/// How many waves.
const WAVES: i64 = 8;
/// Most waves, where one side of the race was rare.
const MOST_WAVES: i64 = 24;
/// How many replies come at once.
const REPLIERS: i64 = 6;

/// The simulator, noting in which order submissions arrive.
struct Recorder {
    inner: Arc<Simulator>,
    next: AtomicU64,
    arrivals: Mutex<Vec<Arrival>>,
}

#[derive(Clone)]
struct Arrival {
    nth: u64,
    to: String,
    message: MessageId,
    attempt: i64,
}

impl Carrier for Recorder {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        let nth = self.next.fetch_add(1, Ordering::SeqCst);
        let (message, attempt) = messages::of_attempt(submission.attempt);
        self.arrivals.lock().unwrap().push(Arrival { nth, to: submission.to.clone(), message, attempt });
        self.inner.submit(submission, now)
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// Two nodes on the database of a world, and what their carrier saw.
struct Nodes {
    engines: Vec<Engine>,
    recorder: Arc<Recorder>,
}

async fn nodes(world: &World) -> Nodes {
    let inner = Arc::clone(&world.simulator);
    let recorder = Arc::new(Recorder { inner, next: AtomicU64::new(0), arrivals: Mutex::default() });
    let mut engines = Vec::new();
    for _ in 0..2 {
        let mut carriers = Carriers::new();
        carriers.insert("simulator".to_owned(), Arc::clone(&recorder) as Arc<dyn Carrier>);
        let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        engines.push(opened.await.unwrap());
    }
    Nodes { engines, recorder }
}

fn phone(n: i64) -> String {
    format!("+1212600{n:04}")
}

fn contact(n: i64) -> ContactId {
    ContactId(1_000 + n)
}

/// The claims of a contact: each message of a workflow and how many times it was handed over.
async fn claims(engine: &Engine, world: &World, contact: ContactId) -> HashMap<MessageId, (i64, Option<Timestamp>)> {
    let workspace = world.workspace();
    let texts = engine.texts();
    let read = move |db: &store::Read<'_>| texts.thread(db, workspace, contact, MessageId(i64::MAX), 1_000);
    let thread = engine.store().read(read).await.unwrap();
    let ours = thread.into_iter().filter(|message| message.kind == MessageKind::Workflow);
    ours.map(|message| (message.id, (message.attempts, message.claimed_at))).collect()
}

/// What was claimed for a contact when its reply had been taken.
struct Answered {
    n: i64,
    /// How many submissions the carrier had seen by then.
    arrived: u64,
    ended: usize,
    claims: HashMap<MessageId, (i64, Option<Timestamp>)>,
}

/// One person after the other answers.
async fn answer_some(world: Arc<World>, nodes: Arc<Nodes>, wave: i64, replier: i64) -> Vec<Answered> {
    let mut answered = Vec::new();
    for n in (0..CONTACTS).filter(|n| n % REPLIERS == replier) {
        let engine = &nodes.engines[usize::try_from((n / REPLIERS) % 2).unwrap()];
        let event = CarrierEvent::Inbound(Inbound {
            event_id: format!("wave-{wave}-{n}"),
            from: phone(n),
            to: world.number.clone(),
            body: "who is this?".to_owned(),
            media: 0,
            signal: None,
            at: world.engine.now(),
        });
        let Received::Stored { ended, .. } = engine.receive("simulator", event).await.unwrap() else {
            panic!("a reply was not stored")
        };
        let claims = claims(engine, &world, contact(n)).await;
        let arrived = nodes.recorder.next.load(Ordering::SeqCst);
        answered.push(Answered { n, arrived, ended: ended.len(), claims });
    }
    answered
}

/// Rounds on one node until told to stop.
async fn dispatch(engine: Engine, done: Arc<AtomicBool>) {
    while !done.load(Ordering::SeqCst) {
        engine.round().await.unwrap();
        tokio::task::yield_now().await;
    }
}

/// Lets time run, now and then by half a minute, so that retries fall due.
async fn tick(engine: Engine, done: Arc<AtomicBool>) {
    for nth in 1.. {
        if done.load(Ordering::SeqCst) {
            return;
        }
        let by = if nth % 10 == 0 { 31 } else { 5 };
        engine.clock().move_to(engine.now() + SignedDuration::from_secs(by));
        engine.next_due().await.unwrap();
        tokio::task::yield_now().await;
    }
}

async fn race(world: &Arc<World>, nodes: &Arc<Nodes>, wave: i64) -> Vec<Answered> {
    let done = Arc::new(AtomicBool::new(false));
    let mut busy = vec![tokio::spawn(tick(world.engine.clone(), Arc::clone(&done)))];
    for engine in &nodes.engines {
        busy.push(tokio::spawn(dispatch(engine.clone(), Arc::clone(&done))));
    }
    let repliers = (0..REPLIERS)
        .map(|replier| tokio::spawn(answer_some(Arc::clone(world), Arc::clone(nodes), wave, replier)))
        .collect::<Vec<_>>();
    let mut answered = Vec::new();
    for replier in repliers {
        answered.extend(replier.await.unwrap());
    }
    done.store(true, Ordering::SeqCst);
    for task in busy {
        task.await.unwrap();
    }
    // What a retry or a next step could still do, it does now.
    for _ in 0..20 {
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(10));
        for engine in &nodes.engines {
            engine.round().await.unwrap();
        }
    }
    answered
}

async fn people(world: &World, count: i64) {
    for n in 0..count {
        world.contact(n, &phone(n), &[]).await;
    }
}

fn three_steps() -> [(i64, &'static str); 3] {
    [(0, "One"), (1, "Two"), (1, "Three")]
}

#[test]
fn after_a_reply_was_taken_nothing_is_claimed_on_any_node() {
    let faults = Faults { temporary: 0.4, lost_after: 0.05, lost_before: 0.05, ..Faults::default() };
    let behaviour = Behaviour { faults, ..Behaviour::default() };
    let plan = move || Plan { behaviour: behaviour.clone(), per_minute: 240, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&three_steps()).await;
        people(&world, CONTACTS).await;
        let nodes = Arc::new(nodes(&world).await);
        let world = Arc::new(world);
        let start = world.engine.now();
        let (mut before, mut after) = (0, 0);
        let few = |count: i64| count <= CONTACTS / 10;
        for wave in 0..MOST_WAVES {
            // On a loaded machine the answers may all come first: go on until both sides have been met.
            if wave >= WAVES && !few(before) && !few(after) {
                break;
            }
            start_all(&world, workflow, wave).await;
            for answered in race(&world, &nodes, wave).await {
                assert_eq!(answered.ended, 1, "a reply of contact {} ended no enrollment", answered.n);
                let new = check(&world, &nodes, &answered).await;
                if new { after += 1 } else { before += 1 }
            }
            // A claim between the commit of a reply and the reading of its claims shows in the books:
            // its step was refunded by the reply and is earned or returned once more.
            let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
            assert!(report.is_clean(), "{report:?}");
            // The same morning hour, two days on.
            world.engine.clock().move_to(start + SignedDuration::from_hours(48 * (wave + 1)));
        }
        println!("{before} replies came before the wave's first claim, {after} after it");
        assert!(before > CONTACTS / 10 && after > CONTACTS / 10, "no race: {before} before, {after} after");
        assert_eq!(world.balance("prepaid").await, (0, 0));
        Arc::into_inner(world).unwrap().end().await;
    });
}

async fn start_all(world: &World, workflow: WorkflowId, wave: i64) {
    let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
    let done = world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
    assert_eq!(done.started, CONTACTS, "wave {wave}");
}

/// Checks that no claim came after the reply; says whether the wave had claimed anything before it.
async fn check(world: &World, nodes: &Nodes, answered: &Answered) -> bool {
    let now = claims(&world.engine, world, contact(answered.n)).await;
    assert_eq!(now, answered.claims, "contact {} was claimed after its reply", answered.n);
    let arrivals = nodes.recorder.arrivals.lock().unwrap().clone();
    let to = phone(answered.n);
    for arrival in arrivals.iter().filter(|arrival| arrival.to == to && arrival.nth >= answered.arrived) {
        let known = answered.claims.get(&arrival.message).is_some_and(|(attempts, _)| arrival.attempt <= *attempts);
        assert!(known, "a submission to {to} was not claimed before its reply");
    }
    let morning = world.engine.now() - SignedDuration::from_hours(12);
    answered.claims.values().any(|(_, claimed_at)| claimed_at.is_some_and(|at| at > morning))
}

/// Runs sixteen starts at once, half on each node.
async fn sixteen(world: &World, nodes: &Nodes, request: EnrollRequest) -> Vec<Result<Enrolled, EnrollError>> {
    let start = |n: usize| {
        let (engine, actor, request) = (nodes.engines[n % 2].clone(), world.actor.clone(), request.clone());
        tokio::spawn(async move { engine.enroll(&actor, request).await })
    };
    let tasks: Vec<_> = (0..16).map(start).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[test]
fn sixteen_requests_with_one_key_get_one_answer_and_one_charge() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&three_steps()).await;
        people(&world, 20).await;
        let nodes = nodes(&world).await;
        for n in 0..20 {
            let before = world.balance("prepaid").await;
            let key = Some(format!("key-{n}"));
            let request = EnrollRequest { contact: contact(n), workflow, from_step: 1, quote: None, key };
            let answers = sixteen(&world, &nodes, request).await;
            let first = answers[0].as_ref().unwrap().clone();
            assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| *answer == first)), "{answers:?}");
            let after = world.balance("prepaid").await;
            let charged = (first.charged_credits, first.charged_micros.0);
            assert_eq!((after.0 - before.0, after.1 - before.1), charged);
        }
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn of_sixteen_starts_of_one_contact_exactly_one_succeeds() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&three_steps()).await;
        people(&world, 20).await;
        let nodes = nodes(&world).await;
        let mut held = (0, 0);
        for n in 0..20 {
            let request = EnrollRequest { contact: contact(n), workflow, from_step: 1, quote: None, key: None };
            let answers = sixteen(&world, &nodes, request).await;
            let refused = answers.iter().filter(|answer| matches!(answer, Err(EnrollError::Refused(_)))).count();
            let started: Vec<&Enrolled> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
            assert_eq!((started.len(), refused), (1, 15), "{answers:?}");
            held = (held.0 + started[0].charged_credits, held.1 + started[0].charged_micros.0);
            assert_eq!(world.balance("prepaid").await, held);
        }
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn sixteen_bulk_requests_with_one_key_begin_one_job() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&three_steps()).await;
        people(&world, 3).await;
        let nodes = nodes(&world).await;
        for n in 0..20 {
            let begin = |task: usize| {
                let (engine, actor) = (nodes.engines[task % 2].clone(), world.actor.clone());
                let key = Some(format!("key-{n}"));
                tokio::spawn(async move { engine.enroll_many(&actor, workflow, Selection::All, key).await })
            };
            let tasks: Vec<_> = (0..16).map(begin).collect();
            let mut jobs = Vec::new();
            for task in tasks {
                jobs.push(task.await.unwrap().unwrap().id);
            }
            jobs.dedup();
            assert_eq!(jobs.len(), 1, "one key began {jobs:?}");
        }
        world.end().await;
    });
}

#[test]
fn twenty_sends_with_one_key_make_one_message_and_one_charge() {
    on_both(Plan::default, async |world| {
        people(&world, 5).await;
        let nodes = nodes(&world).await;
        for n in 0..5 {
            let actor = world.actor.clone().with_key(Some(IdempotencyKey::parse(&format!("key-{n}")).unwrap()));
            let send = |task: usize| {
                let (engine, actor) = (nodes.engines[task % 2].clone(), actor.clone());
                tokio::spawn(async move { engine.send_message(&actor, contact(n), "Hello").await })
            };
            let tasks: Vec<_> = (0..20).map(send).collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap().unwrap());
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "one key made {answers:?}");
            let other = world.engine.send_message(&actor, contact(n), "Hello again").await;
            assert!(matches!(other, Err(SendError::KeyReused(_))), "{other:?}");
        }
        world.play_days(1).await;
        for n in 0..5 {
            assert_eq!(world.texts(&phone(n)), ["Hello"]);
        }
        // Ten credits were there, and five messages of one segment each went out.
        assert_eq!(world.balance("available").await.0, 5);
        world.end().await;
    });
}

#[test]
fn a_message_by_hand_is_not_claimed_while_an_opt_out_is_being_taken() {
    // On SQLite writers wait for each other anyway.
    let database = store::testing::postgres();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(database.store.clone(), Plan::default()).await;
        people(&world, 2).await;
        for n in 0..2 {
            world.engine.send_message(&world.actor, contact(n), "hello").await.unwrap();
        }
        let (locked, mut reached) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, waits) = std::sync::mpsc::channel();
        let (waits, workspace, now) = (Mutex::new(waits), world.workspace(), world.engine.now());
        let stopping = database.store.write(Lane::Inbound, move |tx| {
            let hash = store::contacts::lock(tx, workspace, &[contact(0)])?[0].phone_hash;
            store::suppressions::add(tx, workspace, (hash, None), Suppression::OptedOut, "contact", now)?;
            store::conversations::set_opted_out(tx, workspace, contact(0), true)?;
            locked.send(()).unwrap();
            waits.lock().unwrap().recv().unwrap();
            Ok::<_, store::DbError>(())
        });
        let stopping = tokio::spawn(stopping);
        reached.recv().await.unwrap();
        world.engine.round().await.unwrap();
        assert_eq!((world.texts(&phone(0)).len(), world.texts(&phone(1)).len()), (0, 1));
        assert_eq!(world.engine.round().await.unwrap().touched, 0, "what waits for a contact keeps the round busy");
        go_on.send(()).unwrap();
        stopping.await.unwrap().unwrap();
        world.engine.round().await.unwrap();
        assert_eq!(world.texts(&phone(0)), Vec::<String>::new());
        world.end().await;
    });
}

#[test]
fn a_pause_ends_the_job_that_puts_contacts_into_the_workflow() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&three_steps()).await;
        // More than one transaction takes.
        people(&world, 1_100).await;
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
        let (reached, mut first) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let (engine, actor) = (world.engine.clone(), world.actor.clone());
        let working = tokio::spawn(async move {
            let after_each = move |_: &store::jobs::Job| {
                // Fails once nobody holds it up any more.
                if reached.send(()).is_ok() {
                    let _ = waits.recv();
                }
            };
            engine.run_job(&actor, job.id, after_each).await.unwrap()
        });
        first.recv().await.unwrap();
        let paused = world.engine.pause_workflow(&world.actor, workflow).await.unwrap();
        drop((first, go_on));
        let done = working.await.unwrap();
        assert_eq!((paused.contacts, done.started, done.refused, done.total), (1_000, 1_000, 0, 1_100));
        assert_eq!(world.engine.pause_preview(&world.actor, workflow).await.unwrap().contacts, 0);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        world.end().await;
    });
}

#[test]
fn a_first_text_by_hand_and_the_end_of_what_runs_agree_on_the_conversation() {
    let plan = || Plan { credits: 10_000, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&three_steps()).await;
        // No round is run: nobody has a conversation before the text by hand opens it, while what runs is ended.
        for n in 0..200 {
            let id = world.contact(n, &phone(n), &[]).await;
            let request = EnrollRequest { contact: id, workflow, from_step: 1, quote: None, key: None };
            let begun = world.engine.enroll(&world.actor, request).await.unwrap().enrollment;
            let (sent, removed) = tokio::join!(
                world.engine.send_message(&world.actor, id, "By hand"),
                world.engine.remove(&world.actor, begun)
            );
            assert!(sent.is_ok() && removed.is_ok(), "{sent:?} {removed:?}");
        }
        world.end().await;
    });
}

#[test]
fn credits_that_are_taken_while_a_job_decides_are_missing_and_no_error() {
    let plan = || Plan { credits: 0, wallet: Micros::ZERO, ..Plan::default() };
    on_both(plan, async |world| {
        let (workflow, workspace) = (world.workflow(&three_steps()).await, world.workspace());
        let slip = || Slip { note: "put right".to_owned(), ..Slip::default() };
        for nth in 0..6 {
            let mut some = Vec::new();
            for n in nth * 100..(nth + 1) * 100 {
                some.push(world.contact(n, &phone(n), &[]).await);
            }
            world.engine.grant_credits(workspace, 300, Slip::default()).await.unwrap();
            let job = world.engine.enroll_many(&world.actor, workflow, Selection::These(some), None).await.unwrap();
            // One after the other, for about as long as the job takes.
            let take = async {
                let mut taken = 0;
                for _ in 0..9 {
                    taken += i64::from(world.engine.revoke_credits(workspace, 1, slip()).await.is_ok());
                }
                taken
            };
            let (done, taken) = tokio::join!(world.engine.run_job(&world.actor, job.id, |_| {}), take);
            let (done, left) = (done.unwrap(), world.balance("available").await.0);
            assert_eq!((done.started + done.refused, left), (100, 300 - taken - 3 * done.started));
            assert!(done.started >= 97, "{} started", done.started);
            if left > 0 {
                world.engine.revoke_credits(workspace, left, slip()).await.unwrap();
            }
        }
        assert!(world.engine.verify_ledger(workspace).await.unwrap().is_clean());
        world.end().await;
    });
}
