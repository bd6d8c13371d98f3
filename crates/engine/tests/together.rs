//! The demo's clock is pushed while the dispatcher and the handsets run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use carrier::simulator::{Behaviour, Delay, Receipts};
use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission};
use domain::ids::ContactId;
use engine::bulk::Selection;
use engine::{Carriers, Engine};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::{enrollments, events};
use tokio::sync::{Semaphore, watch};

use crate::world::{Plan, World, on_both};

const CONTACTS: i64 = 60;

fn phone(n: i64) -> String {
    format!("+1212600{n:04}")
}

/// The kinds of the events of a contact.
async fn kinds(world: &World, contact: ContactId) -> Vec<String> {
    let workspace = world.workspace();
    let read =
        move |db: &store::Read<'_>| events::of_contact(db, workspace, contact, domain::ids::EventId(i64::MAX), 100);
    let rows = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    rows.into_iter().map(|event| event.kind).collect()
}

/// The simulator behind a gate: it answers when it is let.
struct Gate {
    inner: Arc<Simulator>,
    reached: Semaphore,
    open: Semaphore,
}

impl Carrier for Gate {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            self.reached.add_permits(1);
            self.open.acquire().await.unwrap().forget();
            self.inner.submit(submission, now).await
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[test]
fn a_push_waits_for_a_message_that_the_dispatcher_has_in_hand() {
    on_both(Plan::default, async |world| {
        let inner = Arc::clone(&world.simulator);
        let gate = Arc::new(Gate { inner, reached: Semaphore::new(0), open: Semaphore::new(0) });
        let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&gate) as Arc<dyn Carrier>)]);
        let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let engine = opened.await.unwrap();
        let contact = world.contact(0, &phone(0), &[]).await;
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        let request = engine::enrolling::EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        engine.enroll(&world.actor, request).await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let dispatching = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.dispatch(stopped, SignedDuration::from_secs(10)).await })
        };
        gate.reached.acquire().await.unwrap().forget();
        let start = engine.now();
        let pushing = {
            let (engine, simulator) = (engine.clone(), Arc::clone(&world.simulator));
            tokio::spawn(async move { engine.play(&simulator, start + SignedDuration::from_hours(1)).await.unwrap() })
        };
        // Long enough for a play that does not wait to have gone by.
        for _ in 0..50 {
            engine.next_due().await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!((engine.now(), pushing.is_finished()), (start, false), "the clock ran away from a message");
        gate.open.add_permits(10);
        tokio::time::timeout(Duration::from_secs(30), pushing).await.expect("the push ends").unwrap();
        let kinds = kinds(&world, contact).await;
        assert!(!kinds.iter().any(|kind| kind == "message.in_doubt"), "{kinds:?}");
        assert_eq!((world.texts(&phone(0)).len(), world.balance("earned").await), (1, (1, 0)));
        stop.send_replace(true);
        engine.clock().move_to(engine.now() + SignedDuration::from_secs(30));
        tokio::time::timeout(Duration::from_secs(30), dispatching).await.unwrap().unwrap();
        world.end().await;
    });
}

#[test]
fn pushes_beside_the_dispatcher_lose_nothing_and_end() {
    // An answer takes a moment of real time, as a carrier's does.
    let receipts = Receipts { delay: Delay { min_ms: 500, max_ms: 5_000 }, ..Receipts::default() };
    let behaviour = Behaviour { latency_ms: 40, receipts, ..Behaviour::default() };
    let plan = move || Plan { behaviour: behaviour.clone(), credits: 1_000, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&[(0, "One"), (1, "Two"), (1, "Three")]).await;
        for n in 0..CONTACTS {
            world.contact(n, &phone(n), &[]).await;
        }
        let (stop, stopped) = watch::channel(false);
        let dispatching = {
            let (engine, stopped) = (world.engine.clone(), stopped.clone());
            tokio::spawn(async move { engine.dispatch(stopped, SignedDuration::from_secs(10)).await })
        };
        let pumping = {
            let (engine, simulator) = (world.engine.clone(), Arc::clone(&world.simulator));
            tokio::spawn(async move { engine.pump(&simulator, stopped).await })
        };
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
        world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
        let start = world.engine.now();
        // Several people push at once, by an hour, a day, a week.
        for hours in [1, 24, 168] {
            let until = start + SignedDuration::from_hours(hours);
            let push = || async { world.engine.play(&world.simulator, until).await.unwrap() };
            let both = async { tokio::join!(push(), push()) };
            tokio::time::timeout(Duration::from_secs(60), both).await.expect("a push ends");
        }
        stop.send_replace(true);
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(30));
        tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(dispatching, pumping) })
            .await
            .unwrap()
            .0
            .unwrap();
        for n in 0..CONTACTS {
            assert_eq!(world.texts(&phone(n)), ["One", "Two", "Three"], "contact {n}");
            let kinds = kinds(&world, ContactId(1_000 + n)).await;
            assert!(!kinds.iter().any(|kind| kind == "message.in_doubt"), "contact {n}: {kinds:?}");
        }
        let workspace = world.workspace();
        let read = move |db: &store::Read<'_>| enrollments::ends(db, workspace);
        let ends = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
        assert_eq!(ends, [("completed".to_owned(), None, CONTACTS)]);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        world.end().await;
    });
}

/// The simulator behind a machine that falls asleep at the first submission.
struct Asleep {
    inner: Arc<Simulator>,
    clock: engine::Clock,
    slept: AtomicBool,
}

impl Carrier for Asleep {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        if !self.slept.swap(true, Ordering::SeqCst) {
            self.clock.move_to(now + SignedDuration::from_hours(1));
        }
        self.inner.submit(submission, now)
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[test]
fn what_was_claimed_before_the_machine_slept_is_claimed_anew_before_it_is_sent() {
    on_both(Plan::default, async |world| {
        let (inner, clock) = (Arc::clone(&world.simulator), world.engine.clock().clone());
        let asleep = Arc::new(Asleep { inner, clock: clock.clone(), slept: AtomicBool::new(false) });
        let carriers = Carriers::from([("simulator".to_owned(), asleep as Arc<dyn Carrier>)]);
        let store = world.engine.store().clone();
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let engine = opened.await.unwrap();
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        for n in 0..2 {
            let contact = world.contact(n, &phone(n), &[]).await;
            let request = engine::enrolling::EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            engine.enroll(&world.actor, request).await.unwrap();
        }
        engine.round().await.unwrap();
        let got = |n: i64| world.texts(&phone(n)).len();
        assert_eq!(got(0) + got(1), 1, "a claim of an hour ago was handed over");
        // By now another node may have given the text up; or the contact answers, and it goes to nobody.
        let late = i64::from(got(0) == 1);
        world.reply(&phone(late), "who is this?").await;
        engine.play(&world.simulator, engine.now() + SignedDuration::from_hours(3)).await.unwrap();
        assert_eq!((got(late), world.balance("prepaid").await.0), (0, 1));
        world.end().await;
    });
}
