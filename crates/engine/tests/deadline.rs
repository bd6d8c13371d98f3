//! Until when a carrier may deliver a text: what it is handed, what happens when the time is over, on both databases.

use std::sync::{Arc, Mutex};

use carrier::simulator::{Answer, Reaction};
use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission};
use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, EnrollmentId, WorkflowId};
use domain::message::MessageState;
use domain::window::Hours;
use engine::enrolling::EnrollRequest;
use engine::workspaces::SettingsChange;
use engine::{Carriers, Clock, Engine, Settings, Switch};
use futures_util::future::BoxFuture;
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use store::messages::{self, Message};

use crate::world::{Plan, World, on_both};

const NEW_YORK: &str = "+12125550111";
const MIAMI: &str = "+13055550111";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Remembers what it is handed, and lets time pass while it has a text in hand.
struct Slow {
    inner: Arc<Simulator>,
    clock: Clock,
    takes: Mutex<Vec<SignedDuration>>,
    handed: Mutex<Vec<Submission>>,
}

impl Carrier for Slow {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = self.inner.submit(submission, now).await;
            self.handed.lock().unwrap().push(submission.clone());
            if let Some(takes) = self.takes.lock().unwrap().pop() {
                self.clock.move_to(now + takes);
            }
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

/// An engine of the same world whose carrier remembers what it is handed.
async fn slow(world: &World) -> (Engine, Arc<Slow>) {
    let (inner, clock) = (Arc::clone(&world.simulator), world.engine.clock().clone());
    let slow = Arc::new(Slow { inner, clock, takes: Mutex::default(), handed: Mutex::default() });
    let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&slow) as Arc<dyn Carrier>)]);
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
    (opened.await.unwrap(), slow)
}

impl Slow {
    /// Until when each text could be delivered, by its body.
    fn until(&self) -> Vec<(String, Timestamp)> {
        let handed = std::mem::take(&mut *self.handed.lock().unwrap());
        handed.into_iter().map(|text| (text.body, text.deliver_by)).collect()
    }
}

async fn start(world: &World, contact: ContactId, workflow: WorkflowId) -> EnrollmentId {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap().enrollment
}

async fn thread(world: &World, contact: ContactId) -> Vec<Message> {
    let workspace = world.workspace();
    let read =
        move |db: &store::Read<'_>| messages::thread(db, workspace, contact, domain::ids::MessageId(i64::MAX), 50);
    let mut all = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    all.reverse();
    all
}

async fn settle_with(world: &World, change: impl FnOnce(Settings) -> Settings) {
    let settings = Some(change(Settings::default()));
    world.engine.change_settings(&world.actor, SettingsChange { settings, ..SettingsChange::default() }).await.unwrap();
}

fn every_day(start: u16, end: u16) -> Hours {
    let days = [1, 2, 3, 4, 5, 6, 7].map(|day| Weekday::from_monday_one_offset(day).unwrap());
    Hours::new(start, end, &days).unwrap()
}

#[test]
fn a_carrier_is_handed_the_end_of_the_window_that_the_text_goes_in() {
    // Four in the afternoon in New York, and the workspace texts until ten: the law until nine, Florida's until eight.
    let plan = || Plan { start: "2026-11-24T21:00:00Z", ..Plan::default() };
    on_both(plan, async |world| {
        settle_with(&world, |settings| Settings { hours: every_day(540, 1_320), ..settings }).await;
        let (engine, carrier) = slow(&world).await;
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        let new_york = world.contact(1, NEW_YORK, &[]).await;
        let miami = world.contact(2, MIAMI, &[]).await;
        start(&world, new_york, workflow).await;
        engine.round().await.unwrap();
        assert_eq!(carrier.until(), [("One".to_owned(), at("2026-11-25T01:00:00Z"))], "four hours at most");
        world.engine.clock().move_to(at("2026-11-24T23:30:00Z"));
        start(&world, miami, workflow).await;
        engine.send_message(&world.actor, new_york, "By hand").await.unwrap();
        engine.round().await.unwrap();
        let mut until = carrier.until();
        until.sort();
        let expected = [("By hand", "2026-11-25T02:00:00Z"), ("One", "2026-11-25T01:00:00Z")];
        assert_eq!(until, expected.map(|(body, until)| (body.to_owned(), at(until))));
        // What is asked about a lost answer is never handed over, and has no time.
        world.play_days(3).await;
        world.end().await;
    });
}

#[test]
fn an_answer_at_night_may_be_delivered_only_while_it_is_one() {
    let plan = || Plan { start: "2026-11-25T04:00:00Z", ..Plan::default() };
    on_both(plan, async |world| {
        let (engine, carrier) = slow(&world).await;
        let contact = world.contact(1, NEW_YORK, &[]).await;
        world.reply(NEW_YORK, "Who is this?").await;
        world.engine.clock().move_to(at("2026-11-25T04:10:00Z"));
        engine.send_message(&world.actor, contact, "Sam").await.unwrap();
        engine.round().await.unwrap();
        world.engine.clock().move_to(at("2026-11-25T04:29:00Z"));
        engine.send_message(&world.actor, contact, "Sam again").await.unwrap();
        engine.round().await.unwrap();
        world.reply(NEW_YORK, "STOP").await;
        engine.round().await.unwrap();
        let until: Vec<Timestamp> = carrier.until().into_iter().map(|(_, until)| until).collect();
        assert_eq!(until, ["2026-11-25T04:30:00Z", "2026-11-25T04:34:00Z", "2026-11-25T04:59:00Z"].map(at));
        world.end().await;
    });
}

#[test]
fn the_last_seconds_before_the_law_closes_wait_for_the_morning_as_the_preview_says() {
    // Half a minute before eight in Miami, and then a second less.
    for (start_at, goes_at) in
        [("2026-11-25T00:59:30Z", "2026-11-25T00:59:30Z"), ("2026-11-25T00:59:31Z", "2026-11-25T14:00:00Z")]
    {
        let plan = || Plan { start: start_at, ..Plan::default() };
        on_both(plan, async |world| {
            let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
            let contact = world.contact(1, MIAMI, &[]).await;
            let shown = world.engine.quote(&world.actor, contact, workflow, 1).await.unwrap();
            start(&world, contact, workflow).await;
            world.play_days(3).await;
            let arrived: Vec<Timestamp> =
                world.simulator.inbox(MIAMI, 0, 9).unwrap().into_iter().map(|text| text.at).collect();
            assert_eq!(arrived[0], at(goes_at));
            assert_eq!(arrived, shown.quote.steps.iter().map(|step| step.due).collect::<Vec<_>>());
            world.end().await;
        });
    }
}

#[test]
fn a_text_whose_time_is_over_before_its_turn_is_not_handed_over_but_goes_in_the_morning() {
    // Two texts are claimed 40 seconds before the law closes, and the carrier takes 45 for the first.
    let plan = || Plan { start: "2026-11-25T00:59:20Z", ..Plan::default() };
    on_both(plan, async |world| {
        let (engine, carrier) = slow(&world).await;
        let workflow = world.workflow(&[(0, "One")]).await;
        for n in 1..=2 {
            let contact = world.contact(n, &format!("+1305555011{n}"), &[]).await;
            start(&world, contact, workflow).await;
        }
        carrier.takes.lock().unwrap().push(SignedDuration::from_secs(45));
        engine.round().await.unwrap();
        assert_eq!(carrier.until(), [("One".to_owned(), at("2026-11-25T01:00:00Z"))], "one of two");
        let all = [thread(&world, ContactId(1_001)).await, thread(&world, ContactId(1_002)).await].concat();
        let waits: Vec<_> = all.iter().filter(|message| message.state == MessageState::Queued).collect();
        assert_eq!((waits.len(), waits[0].code.as_deref()), (1, Some("held_up")));
        world.engine.clock().move_to(at("2026-11-25T13:59:00Z"));
        engine.round().await.unwrap();
        assert_eq!(carrier.until(), []);
        world.engine.clock().move_to(at("2026-11-25T14:00:00Z"));
        engine.round().await.unwrap();
        assert_eq!(carrier.until(), [("One".to_owned(), at("2026-11-25T18:00:00Z"))]);
        assert_eq!(world.simulator.stats().unwrap().texts, 2);
        world.end().await;
    });
}

#[test]
fn a_text_that_was_not_delivered_in_time_is_told_as_that_and_not_sent_again() {
    for refund in [Switch::Off, Switch::On] {
        on_both(Plan::default, async |world| {
            settle_with(&world, |settings| Settings { refund_refused: refund, ..settings }).await;
            let contact = world.contact(1, NEW_YORK, &[]).await;
            let late = || Reaction::delivered().waiting(5 * 3_600_000);
            world.simulator.script(NEW_YORK, vec![late(), late()]);
            let before = world.balance("available").await;
            let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
            let enrollment = start(&world, contact, workflow).await;
            world.play_days(1).await;
            let message = thread(&world, contact).await.remove(0);
            assert_eq!((message.state, message.code.as_deref()), (MessageState::Undelivered, Some("sim_expired")));
            assert_eq!(message.detail.as_deref(), Some("the carrier did not deliver it in time"));
            let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
            assert_eq!((row.state, row.next_step), (EnrollmentState::Active, 2), "it goes on");
            let spent = if refund == Switch::On { 1 } else { 2 };
            assert_eq!(world.balance("available").await.0, before.0 - spent);
            // One that was written by hand costs nothing in any case.
            world.engine.send_message(&world.actor, contact, "By hand").await.unwrap();
            world.play_days(1).await;
            assert_eq!(thread(&world, contact).await[1].state, MessageState::Undelivered);
            assert_eq!(world.balance("available").await.0, before.0 - spent);
            assert_eq!(world.texts(NEW_YORK), [""; 0]);
            world.play_days(3).await;
            assert_eq!(world.texts(NEW_YORK), ["Two"]);
            assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
            world.end().await;
        });
    }
}

#[test]
fn news_that_a_text_expired_prove_that_it_was_taken_and_late_better_news_correct_them() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, NEW_YORK, &[]).await;
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        let lost = Reaction::answering(Answer::LostAfter).receipt(carrier::ReceiptState::Delivered, 0);
        world.simulator.script(NEW_YORK, vec![lost.waiting(5 * 3_600_000)]);
        let quiet = carrier::simulator::Behaviour { find: carrier::Support::Missing, ..Default::default() };
        world.simulator.set_behaviour(quiet).unwrap();
        start(&world, contact, workflow).await;
        world.engine.play(&world.simulator, world.engine.now() + SignedDuration::from_hours(3)).await.unwrap();
        assert_eq!(thread(&world, contact).await[0].state, MessageState::InDoubt);
        world.play_days(1).await;
        let message = thread(&world, contact).await.remove(0);
        assert_eq!(message.state, MessageState::Undelivered);
        let receipt = carrier::Receipt {
            event_id: "late".to_owned(),
            carrier_id: message.carrier_id.unwrap(),
            from: world.number.clone(),
            attempt: None,
            state: carrier::ReceiptState::Delivered,
            code: None,
            failure: None,
            segments: None,
            cost: None,
            at: world.engine.now(),
        };
        world.engine.receive("simulator", carrier::CarrierEvent::Receipt(receipt)).await.unwrap();
        let message = thread(&world, contact).await.remove(0);
        assert_eq!((message.state, message.detail), (MessageState::Delivered, None));
        world.play_days(5).await;
        world.end().await;
    });
}
