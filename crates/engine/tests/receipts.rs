//! Delivery receipts: of an earlier try, of a failure for good, and those that overtake the answer.

use std::sync::{Arc, OnceLock};

use carrier::simulator::{Answer, Behaviour, Faults, Reaction};
use carrier::{
    Capabilities, Carrier, CarrierEvent, FailureClass, Finding, Outcome, Receipt, ReceiptState, Simulator, Sought,
    Submission, Support,
};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, EventId, MessageId, PersonId};
use domain::message::{MessageKind, MessageState};
use domain::suppression::Suppression;
use engine::enrolling::EnrollRequest;
use engine::receive::Received;
use engine::workspaces::SettingsChange;
use engine::{Carriers, Engine, Settings, Switch};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::messages::{self, Message};

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";

async fn start(world: &World, reactions: Vec<Reaction>) -> (ContactId, EnrollmentId) {
    let contact = world.contact(1, PHONE, &[]).await;
    let workflow = world.workflow(&[(0, "One"), (3, "Two"), (3, "Three")]).await;
    world.simulator.script(PHONE, reactions);
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    (contact, world.engine.enroll(&world.actor, request).await.unwrap().enrollment)
}

/// The newest message of the workflow to a contact.
async fn newest(world: &World, contact: ContactId) -> Message {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| messages::thread(db, workspace, contact, MessageId(i64::MAX), 100);
    let thread = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    thread.into_iter().find(|message| message.kind == MessageKind::Workflow).unwrap()
}

/// A receipt of one try of a message, as a carrier that echoes the attempt tells it.
fn of_try(world: &World, message: &Message, tried: i64, state: ReceiptState) -> Receipt {
    let at = world.engine.now();
    Receipt {
        event_id: format!("{}-{tried}-{state:?}", message.id),
        carrier_id: format!("carrier-{}-{tried}", message.id),
        from: world.number.clone(),
        attempt: Some(messages::attempt(message.id, tried)),
        state,
        code: None,
        failure: None,
        segments: None,
        cost: None,
        at,
    }
}

async fn tell(world: &World, receipt: Receipt) -> Received {
    world.engine.receive("simulator", CarrierEvent::Receipt(receipt)).await.unwrap()
}

async fn later(world: &World, by: SignedDuration) {
    world.engine.clock().move_to(world.engine.now() + by);
    world.engine.round().await.unwrap();
}

/// The first try was refused for now and the second one is with the carrier, nobody knows how.
async fn second_try(world: &World) -> (ContactId, EnrollmentId, Message) {
    let tries = vec![Reaction::answering(Answer::Temporary), Reaction::answering(Answer::LostAfter)];
    let (contact, enrollment) = start(world, tries).await;
    world.engine.round().await.unwrap();
    later(world, SignedDuration::from_mins(2)).await;
    let message = newest(world, contact).await;
    assert_eq!((message.attempts, message.state), (2, MessageState::InDoubt));
    (contact, enrollment, message)
}

#[test]
fn bad_news_of_an_earlier_try_says_nothing_of_the_one_that_is_under_way() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment, message) = second_try(&world).await;
        for state in [ReceiptState::Undelivered, ReceiptState::Failed] {
            assert_eq!(tell(&world, of_try(&world, &message, 1, state)).await, Received::Nothing);
            assert_eq!(newest(&world, contact).await.state, MessageState::InDoubt);
        }
        later(&world, SignedDuration::from_mins(3)).await;
        assert_eq!(newest(&world, contact).await.state, MessageState::Sent);
        let late = of_try(&world, &message, 1, ReceiptState::Undelivered);
        let late = Receipt { event_id: "later still".to_owned(), ..late };
        assert_eq!(tell(&world, late).await, Received::Nothing);
        assert_eq!(newest(&world, contact).await.state, MessageState::Sent);
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!((row.next_step, row.state), (2, EnrollmentState::Active));
        world.end().await;
    });
}

#[test]
fn good_news_of_an_earlier_try_proves_the_send_and_counts_once() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment, message) = second_try(&world).await;
        let told = tell(&world, of_try(&world, &message, 1, ReceiptState::Delivered)).await;
        assert_eq!(told, Received::Moved(message.id, MessageState::Delivered));
        assert_eq!(world.balance("earned").await, (1, 0));
        // What is found out of the second try changes nothing any more.
        later(&world, SignedDuration::from_mins(30)).await;
        assert_eq!(newest(&world, contact).await.state, MessageState::Delivered);
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!((row.next_step, row.message), (2, None));
        world.play_days(10).await;
        assert_eq!((world.balance("earned").await, world.balance("prepaid").await), ((3, 0), (0, 0)));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn a_text_that_was_sent_after_all_is_not_tried_again() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment) = start(&world, vec![Reaction::answering(Answer::Temporary)]).await;
        world.engine.round().await.unwrap();
        let waiting = newest(&world, contact).await;
        assert_eq!(waiting.state, MessageState::Queued);
        let told = tell(&world, of_try(&world, &waiting, 1, ReceiptState::Sent)).await;
        assert_eq!(told, Received::Moved(waiting.id, MessageState::Sent));
        later(&world, SignedDuration::from_hours(5)).await;
        assert_eq!(world.texts(PHONE), Vec::<String>::new());
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!((row.next_step, row.message), (2, None));
        world.play_days(10).await;
        assert_eq!(world.texts(PHONE), ["Two", "Three"]);
        assert_eq!((world.balance("earned").await, world.balance("prepaid").await), ((3, 0), (0, 0)));
        world.end().await;
    });
}

/// The simulator, whose receipts are told before the answer of the submission.
struct Hasty {
    inner: Arc<Simulator>,
    engine: OnceLock<Engine>,
    counts: Support,
}

impl Carrier for Hasty {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = self.inner.submit(submission, now).await;
            for mut event in self.inner.due_events(now) {
                if let (CarrierEvent::Receipt(receipt), Support::Missing) = (&mut event, self.counts) {
                    receipt.segments = None;
                }
                self.engine.get().unwrap().receive("simulator", event).await.unwrap();
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

/// A second node whose carrier is hasty.
async fn hasty(world: &World) -> Engine {
    hasty_with(world, Support::Offered).await
}

/// The same, whose receipts may not count segments.
async fn hasty_with(world: &World, counts: Support) -> Engine {
    let carrier = Arc::new(Hasty { inner: Arc::clone(&world.simulator), engine: OnceLock::new(), counts });
    let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&carrier) as Arc<dyn Carrier>)]);
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
    let engine = opened.await.unwrap();
    assert!(carrier.engine.set(engine.clone()).is_ok());
    engine
}

/// A carrier that does not echo our attempt.
fn silent() -> Plan {
    Plan { behaviour: Behaviour { echo: Support::Missing, ..Behaviour::default() }, ..Plan::default() }
}

#[test]
fn a_receipt_that_overtakes_the_answer_is_matched_when_the_answer_comes() {
    on_both(silent, async |world| {
        let engine = hasty(&world).await;
        let (contact, _) = start(&world, vec![Reaction::delivered()]).await;
        engine.round().await.unwrap();
        assert_eq!(newest(&world, contact).await.state, MessageState::Delivered);
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn answers_and_receipts_that_race_always_find_each_other() {
    on_both(silent, async |world| {
        let workflow = world.workflow(&[(0, "One")]).await;
        for n in 0..120 {
            let contact = world.contact(n, &format!("+1212600{n:04}"), &[]).await;
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            world.engine.enroll(&world.actor, request).await.unwrap();
        }
        let deliver = {
            let (engine, simulator) = (world.engine.clone(), Arc::clone(&world.simulator));
            tokio::spawn(async move {
                let mut told = 0;
                while told < 240 {
                    let events = simulator.due_events(engine.now());
                    told += events.len();
                    let taken = events.into_iter().map(|event| engine.receive("simulator", event));
                    futures_util::future::join_all(taken).await.into_iter().for_each(|taken| drop(taken.unwrap()));
                    tokio::task::yield_now().await;
                }
            })
        };
        world.engine.round().await.unwrap();
        deliver.await.unwrap();
        for n in 0..120 {
            assert_eq!(newest(&world, ContactId(1_000 + n)).await.state, MessageState::Delivered, "contact {n}");
        }
        world.end().await;
    });
}

async fn settings(world: &World, change: impl FnOnce(&mut Settings)) {
    let mut settings = Settings::default();
    change(&mut settings);
    let change = SettingsChange { settings: Some(settings), ..SettingsChange::default() };
    world.engine.change_settings(&world.actor, change).await.unwrap();
}

async fn state_of(world: &World, enrollment: EnrollmentId) -> EnrollmentState {
    world.engine.enrollment(&world.actor, enrollment).await.unwrap().state
}

async fn kinds(world: &World, contact: ContactId) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::of_contact(db, workspace, contact, EventId(i64::MAX), 100);
    let rows = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    rows.into_iter().rev().map(|event| event.kind).collect()
}

#[test]
fn a_failure_for_good_that_only_the_receipt_tells_ends_the_enrollment() {
    let cases = [
        (FailureClass::BadNumber, StopReason::Undeliverable, Suppression::Undeliverable),
        (FailureClass::Blocked, StopReason::Undeliverable, Suppression::Undeliverable),
        (FailureClass::OptedOut, StopReason::OptedOut, Suppression::OptedOut),
    ];
    for (failure, reason, list) in cases {
        on_both(Plan::default, async |world| {
            let accepted = Reaction::answering(Answer::Accept).receipt(ReceiptState::Sent, 0).failing(failure, 60_000);
            let (contact, enrollment) = start(&world, vec![accepted]).await;
            world.play_days(1).await;
            assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Stopped(reason));
            assert_eq!(world.engine.suppressions(&world.actor, contact).await.unwrap(), [list]);
            // The attempted message stays charged, the two others came back.
            assert_eq!(newest(&world, contact).await.state, MessageState::Undelivered);
            assert_eq!((world.balance("available").await.0, world.balance("earned").await.0), (9, 1));
            let told = kinds(&world, contact).await;
            for kind in ["message.undelivered", "enrollment.stopped", "contact.suppressed"] {
                assert_eq!(told.iter().filter(|told| *told == kind).count(), 1, "{kind} in {told:?}");
            }
            world.play_days(30).await;
            assert_eq!(world.texts(PHONE), ["One"]);
            assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
            world.end().await;
        });
    }
}

#[test]
fn a_failure_that_says_nothing_of_the_contact_lets_the_enrollment_go_on() {
    on_both(Plan::default, async |world| {
        let failed = |failure| Reaction::answering(Answer::Accept).failing(failure, 60_000);
        let (contact, enrollment) =
            start(&world, vec![failed(FailureClass::Temporary), failed(FailureClass::Filtered)]).await;
        world.play_days(30).await;
        assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Completed);
        assert_eq!(world.texts(PHONE).len(), 3);
        assert_eq!(world.engine.suppressions(&world.actor, contact).await.unwrap(), []);
        world.end().await;
    });
}

#[test]
fn trouble_with_our_number_that_a_receipt_tells_pauses_the_number() {
    on_both(Plan::default, async |world| {
        let failed = Reaction::answering(Answer::Accept).failing(FailureClass::SenderProblem, 60_000);
        let (_, enrollment) = start(&world, vec![failed]).await;
        world.play_days(1).await;
        let numbers = world.engine.numbers(&world.actor).await.unwrap();
        assert_eq!(numbers[0].state, "paused");
        assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Active);
        world.end().await;
    });
}

#[test]
fn where_refused_messages_are_refunded_the_attempted_one_comes_back_too_and_once() {
    let fewer = Behaviour { faults: Faults { fewer_segments: 1.0, ..Faults::default() }, ..Behaviour::default() };
    let plan = move || Plan { credits: 0, behaviour: fewer.clone(), ..Plan::default() };
    on_both(plan, async |world| {
        settings(&world, |settings| settings.refund_refused = Switch::On).await;
        let contact = world.contact(1, PHONE, &[]).await;
        let long = "long ".repeat(50);
        let workflow = world.workflow(&[(0, &long), (3, "Two")]).await;
        // Of two segments one was corrected before the news came; it comes twice, in two forms.
        let reaction = Reaction::answering(Answer::Accept)
            .failing(FailureClass::BadNumber, 60_000)
            .failing(FailureClass::Blocked, 90_000);
        world.simulator.script(PHONE, vec![reaction]);
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        world.engine.enroll(&world.actor, request).await.unwrap();
        world.play_days(1).await;
        assert_eq!(world.balance("available").await, (0, 100_000_000));
        assert_eq!((world.balance("earned").await, world.balance("prepaid").await), ((0, 0), (0, 0)));
        let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        world.end().await;
    });
}

#[test]
fn a_message_by_hand_that_the_carrier_refuses_by_a_receipt_comes_back() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let refused = Reaction::answering(Answer::Accept).failing(FailureClass::BadNumber, 60_000);
        world.simulator.script(PHONE, vec![refused]);
        world.engine.send_message(&world.actor, contact, "by hand").await.unwrap();
        world.play_days(1).await;
        assert_eq!((world.balance("available").await.0, world.balance("earned").await.0), (10, 0));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn a_failure_for_good_of_an_earlier_try_ends_the_enrollment_and_cancels_the_retry() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment) = start(&world, vec![Reaction::answering(Answer::Temporary)]).await;
        world.engine.round().await.unwrap();
        let waiting = newest(&world, contact).await;
        let late = of_try(&world, &waiting, 1, ReceiptState::Failed);
        tell(&world, Receipt { failure: Some(FailureClass::BadNumber), ..late }).await;
        assert_eq!(newest(&world, contact).await.state, MessageState::Canceled);
        assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Stopped(StopReason::Undeliverable));
        assert_eq!(world.balance("available").await.0, 10);
        world.end().await;
    });
}

#[test]
fn news_that_is_older_than_the_contacts_wish_to_be_texted_again_is_no_news() {
    on_both(Plan::default, async |world| {
        let (contact, _) = start(&world, vec![Reaction::answering(Answer::Accept)]).await;
        world.engine.round().await.unwrap();
        let first = newest(&world, contact).await;
        later(&world, SignedDuration::from_mins(5)).await;
        world.reply(PHONE, "STOP").await;
        later(&world, SignedDuration::from_mins(5)).await;
        world.reply(PHONE, "START").await;
        let late = of_try(&world, &first, 1, ReceiptState::Undelivered);
        tell(&world, Receipt { failure: Some(FailureClass::OptedOut), ..late }).await;
        assert_eq!(world.engine.suppressions(&world.actor, contact).await.unwrap(), []);
        assert_eq!(newest(&world, contact).await.state, MessageState::Undelivered);
        world.end().await;
    });
}

#[test]
fn an_opt_out_that_the_carrier_signals_stops_the_persons_other_contacts_too() {
    let receipt = || Reaction::answering(Answer::Accept).failing(FailureClass::OptedOut, 0);
    let answer = Reaction::answering(Answer::OptedOut);
    for (plan, overtakes, reaction) in
        [(Plan::default as fn() -> Plan, false, answer), (Plan::default, false, receipt()), (silent, true, receipt())]
    {
        on_both(plan, async |world| {
            let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
            let mut started = Vec::new();
            for (n, phone) in [(1, PHONE), (2, "+12125550122")] {
                let contact = world.contact_of(n, phone, PersonId(9)).await;
                let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
                started.push(world.engine.enroll(&world.actor, request).await.unwrap().enrollment);
            }
            world.simulator.script(PHONE, vec![reaction.clone()]);
            if overtakes {
                hasty(&world).await.round().await.unwrap();
            }
            world.play_days(1).await;
            let ends = [state_of(&world, started[0]).await, state_of(&world, started[1]).await];
            let expected = [StopReason::OptedOut, StopReason::PersonReplied].map(EnrollmentState::Stopped);
            assert_eq!(ends, expected);
            assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
            world.end().await;
        });
    }
}

#[test]
fn a_parked_failure_for_good_ends_the_enrollment_when_the_answer_comes() {
    on_both(silent, async |world| {
        let engine = hasty(&world).await;
        let refused = Reaction::answering(Answer::Accept).failing(FailureClass::OptedOut, 0);
        let (contact, enrollment) = start(&world, vec![refused]).await;
        engine.round().await.unwrap();
        assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Stopped(StopReason::OptedOut));
        assert_eq!(world.engine.suppressions(&world.actor, contact).await.unwrap(), [Suppression::OptedOut]);
        world.end().await;
    });
}

#[test]
fn a_receipt_that_nobody_claims_is_parked_for_three_days_and_then_a_stray() {
    on_both(Plan::default, async |world| {
        let unknown = Receipt {
            event_id: "unknown".to_owned(),
            carrier_id: "nobody knows it".to_owned(),
            from: world.number.clone(),
            attempt: None,
            state: ReceiptState::Delivered,
            code: None,
            failure: None,
            segments: None,
            cost: None,
            at: world.engine.now(),
        };
        assert_eq!(tell(&world, unknown.clone()).await, Received::Parked);
        assert_eq!(tell(&world, unknown).await, Received::Repeat);
        assert_eq!(world.engine.expire_receipts().await.unwrap(), 0);
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(73));
        assert_eq!(world.engine.expire_receipts().await.unwrap(), 1);
        assert_eq!(world.engine.expire_receipts().await.unwrap(), 0);
        let read = move |db: &store::Read<'_>| store::answers::stray(db, "simulator", "unknown");
        let stray = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
        assert!(stray.unwrap().contains("nobody knows it"));
        world.end().await;
    });
}

#[test]
fn the_carriers_smaller_count_is_refunded_also_when_its_receipt_was_faster_than_its_answer() {
    let fewer = Behaviour { faults: Faults { fewer_segments: 1.0, ..Faults::default() }, ..Behaviour::default() };
    on_both(
        move || Plan { credits: 0, behaviour: fewer.clone(), ..Plan::default() },
        async |world| {
            let engine = hasty_with(&world, Support::Missing).await;
            let contact = world.contact(1, PHONE, &[]).await;
            let long = "long ".repeat(50);
            let workflow = world.workflow(&[(0, &long)]).await;
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            world.engine.enroll(&world.actor, request).await.unwrap();
            engine.round().await.unwrap();
            assert_eq!(newest(&world, contact).await.state, MessageState::Delivered);
            assert_eq!(world.balance("earned").await, (0, 15_000));
            assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
            world.end().await;
        },
    );
}

#[test]
fn the_carriers_smaller_count_comes_back_once_also_when_it_comes_late() {
    let plan = || Plan { credits: 1, ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let long = "x".repeat(200);
        let workflow = world.workflow(&[(0, long.as_str())]).await;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        world.engine.enroll(&world.actor, request).await.unwrap();
        world.engine.round().await.unwrap();
        let message = newest(&world, contact).await;
        assert_eq!((message.state, message.segments), (MessageState::Sent, 2));
        assert_eq!(world.balance("earned").await, (1, 15_000));
        // What carriers say before they have counted, more than was quoted, and at last the count; then all of it again.
        for (nth, segments) in [0, 3, 1, 1, 0, 1].into_iter().enumerate() {
            let receipt = of_try(&world, &message, 1, ReceiptState::Sent);
            tell(&world, Receipt { event_id: format!("count {nth}"), segments: Some(segments), ..receipt }).await;
            let earned = if nth < 2 { (1, 15_000) } else { (1, 0) };
            assert_eq!(world.balance("earned").await, earned, "after count {nth}");
        }
        assert_eq!(world.balance("available").await, (0, 100_000_000));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}
