//! The rules that are the product's reason to exist, each as a person lives it, on both databases.
//!
//! `docs/rules.md` says which test proves which rule; those of one function are beside it in `domain`.

use std::sync::{Arc, Mutex};

use carrier::simulator::{Answer, Reaction};
use carrier::{Capabilities, Carrier, CarrierEvent, Finding, Inbound, Outcome, Simulator, Sought, Submission};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, NumberId, WorkflowId};
use domain::message::MessageState;
use domain::money::Micros;
use domain::refusal::Refusal;
use domain::suppression::Suppression;
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::workflows::Status;
use engine::{Carriers, Engine};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::{DbError, Lane, Sql, messages};

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";

/// Ten segments of credits and three messages of two segments each at a price of 1.5 cents: six for one contact.
const LONG: &str = "We buy houses as they are, with everything that is in them, and we close on the day that suits \
    you: no agents, no repairs, no fees. Would a cash offer help? Just answer this message, {First Name|there}.";

fn three() -> [(i64, &'static str); 3] {
    [(0, LONG), (1, LONG), (1, LONG)]
}

async fn start(world: &World, contact: ContactId, workflow: WorkflowId) -> EnrollmentId {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap().enrollment
}

async fn state(world: &World, id: EnrollmentId) -> EnrollmentState {
    world.engine.enrollment(&world.actor, id).await.unwrap().state
}

async fn hours(world: &World, hours: i64) {
    let until = world.engine.now() + SignedDuration::from_hours(hours);
    world.engine.play(&world.simulator, until).await.unwrap();
}

#[test]
fn a_message_of_three_segments_as_the_contact_would_get_it_is_refused() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, LONG)]).await;
        let short = world.contact(1, PHONE, &[("firstname", "Ann")]).await;
        let long = world.contact(2, "+12125550112", &[("firstname", &"Ann".repeat(50))]).await;
        assert!(world.engine.quote(&world.actor, short, workflow, 1).await.is_ok());
        let request = EnrollRequest { contact: long, workflow, from_step: 1, quote: None, key: None };
        let Err(EnrollError::Refused(refusals)) = world.engine.enroll(&world.actor, request).await else {
            panic!("it was started");
        };
        assert!(matches!(refusals.as_slice(), [Refusal::MessageTooLong { step: 2, segments: 3, .. }]), "{refusals:?}");
        world.end().await;
    });
}

#[test]
fn a_workflow_is_active_from_the_first_start_to_the_last_end() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
        let status = async || world.engine.workflow(&world.actor, workflow).await.unwrap().summary.status();
        assert_eq!(status().await, Status::Inactive);
        let mut enrolled = Vec::new();
        for n in 1..=2 {
            let contact = world.contact(n, &format!("+1212555011{n}"), &[]).await;
            enrolled.push(start(&world, contact, workflow).await);
            assert_eq!(status().await, Status::Active);
        }
        world.engine.remove(&world.actor, enrolled[0]).await.unwrap();
        assert_eq!(status().await, Status::Active);
        world.play_days(3).await;
        assert_eq!(state(&world, enrolled[1]).await, EnrollmentState::Completed);
        assert_eq!(status().await, Status::Inactive);
        world.end().await;
    });
}

#[test]
fn what_the_preview_shows_arrives_on_its_dates_and_is_what_is_charged() {
    // Over a change of the clocks, and from an evening, when the first message waits for the morning.
    let plan = || Plan { start: "2026-10-31T01:30:00Z", credits: 4, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&[(0, LONG), (1, "It’s {First Name}"), (2, "🏡 {First Name|there}?")]).await;
        let contact = world.contact(1, PHONE, &[("firstname", "José")]).await;
        let before = world.balance("available").await;
        let shown = world.engine.quote(&world.actor, contact, workflow, 1).await.unwrap();
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: Some(shown.id), key: None };
        world.engine.enroll(&world.actor, request).await.unwrap();
        let after = world.balance("available").await;
        let amounts = shown.quote.amounts;
        assert_eq!((before.0 - after.0, before.1 - after.1), (amounts.credits, amounts.micros.0));
        assert_eq!((shown.after.credits, shown.after.wallet), (after.0, Micros(after.1)));
        world.play_days(10).await;
        let arrived = world.simulator.inbox(PHONE, 0, 10).unwrap();
        let arrived: Vec<_> = arrived.into_iter().map(|text| (text.body, text.segments, text.at)).collect();
        let step = |step: &domain::quote::QuotedStep| (step.text.clone(), step.price.segments, step.due);
        assert_eq!(arrived, shown.quote.steps.iter().map(step).collect::<Vec<_>>());
        world.end().await;
    });
}

#[test]
fn just_before_each_send_list_number_and_plan_are_checked_again() {
    static END: Sql = Sql::Same("UPDATE workspaces SET plan = 'ended' WHERE workspace_id = $1");
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
        let mut enrolled = Vec::new();
        for n in 1..=3 {
            let contact = world.contact(n, &format!("+1212555011{n}"), &[]).await;
            enrolled.push(start(&world, contact, workflow).await);
        }
        hours(&world, 1).await;
        // As a list that was imported, or an end that another node is still working on: nothing has ended yet.
        let (workspace, now) = (world.workspace(), world.engine.now());
        let block = move |tx: &mut store::Tx<'_>| {
            store::suppressions::add(tx, workspace, (5_001, None), Suppression::ComplianceBlocked, "list", now)
        };
        assert!(world.engine.store().write::<_, DbError, _>(Lane::Normal, block).await.unwrap());
        let paused = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
        world.engine.change_number(&world.actor, NumberId(5), paused).await.unwrap();
        world.play_days(2).await;
        assert_eq!(state(&world, enrolled[0]).await, EnrollmentState::Stopped(StopReason::ComplianceBlocked));
        assert_eq!(state(&world, enrolled[1]).await, EnrollmentState::Active);
        assert_eq!(world.simulator.stats().unwrap().texts, 3);
        let end = move |tx: &mut store::Tx<'_>| tx.execute(&END, &[workspace.0.into()]);
        world.engine.store().write::<_, DbError, _>(Lane::Normal, end).await.unwrap();
        world.play_days(1).await;
        assert_eq!(state(&world, enrolled[1]).await, EnrollmentState::Stopped(StopReason::PlanEnded));
        assert_eq!(world.simulator.stats().unwrap().texts, 3);
        assert_eq!(world.balance("prepaid").await, (0, 0));
        world.end().await;
    });
}

#[test]
fn who_is_due_at_the_same_time_goes_by_the_clock_of_each() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi")]).await;
        let phones = ["+12125550111", "+12135550112", "+12125550113", "+12135550114"];
        for (n, phone) in (1..).zip(phones) {
            let contact = world.contact(n, phone, &[]).await;
            start(&world, contact, workflow).await;
        }
        // Everybody is due by noon in New York. It is nine in the evening there, and six in Los Angeles.
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(11));
        world.engine.round().await.unwrap();
        assert_eq!(phones.map(|phone| world.texts(phone).len()), [0, 1, 0, 1]);
        world.play_days(1).await;
        assert_eq!(phones.map(|phone| world.texts(phone).len()), [1; 4]);
        world.end().await;
    });
}

#[test]
fn texts_that_go_at_the_same_time_are_followed_at_the_hour_of_each() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?"), (1, "Still there?")]).await;
        let begun = world.engine.now();
        let later = |hours| begun + SignedDuration::from_hours(hours);
        let mut enrolled = Vec::new();
        for (n, hours) in [(1, 0), (2, 5)] {
            world.engine.clock().move_to(later(hours));
            let contact = world.contact(n, &format!("+1212555011{n}"), &[]).await;
            enrolled.push(start(&world, contact, workflow).await);
            world.engine.round().await.unwrap();
        }
        // The node stood still: both go an hour after the second was due.
        world.engine.clock().move_to(later(30));
        world.engine.round().await.unwrap();
        for (enrollment, hours) in enrolled.into_iter().zip([48, 53]) {
            let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
            assert_eq!((row.next_step, row.due_at), (3, Some(later(hours))));
        }
        world.end().await;
    });
}

/// Looks into the database when it is called: what has become of the message by then.
struct Looking {
    inner: Arc<Simulator>,
    store: store::Store,
    workspace: domain::ids::WorkspaceId,
    seen: Mutex<Vec<MessageState>>,
}

impl Carrier for Looking {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let (workspace, message) = (self.workspace, messages::of_attempt(submission.attempt).0);
            let find = move |db: &store::Read<'_>| {
                let first_try = store::on_the_way::find(db, workspace, message)?.map(|_| MessageState::Sending);
                Ok(first_try.or(messages::find(db, workspace, message)?.map(|message| message.state)))
            };
            let found = self.store.read::<_, DbError, _>(find).await.unwrap();
            self.seen.lock().unwrap().push(found.expect("a claim is stored before the carrier is called"));
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
fn a_claim_is_durable_before_the_carrier_is_called() {
    on_both(Plan::default, async |world| {
        let looking = Arc::new(Looking {
            inner: Arc::clone(&world.simulator),
            store: world.engine.store().clone(),
            workspace: world.workspace(),
            seen: Mutex::default(),
        });
        let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&looking) as Arc<dyn Carrier>)]);
        let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let engine = opened.await.unwrap();
        let workflow = world.workflow(&three()).await;
        let contact = world.contact(1, PHONE, &[]).await;
        start(&world, contact, workflow).await;
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::Temporary), Reaction::delivered()]);
        engine.play(&world.simulator, engine.now() + SignedDuration::from_hours(72)).await.unwrap();
        assert_eq!(*looking.seen.lock().unwrap(), [MessageState::Sending; 4]);
        world.end().await;
    });
}

#[test]
fn a_text_whose_answer_was_lost_is_looked_up_and_never_sent_again() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
        let (arrives, gone) = (PHONE, "+12125550112");
        world.simulator.script(arrives, vec![Reaction::answering(Answer::LostAfter)]);
        world.simulator.script(gone, vec![Reaction::answering(Answer::LostBefore)]);
        let mut enrolled = Vec::new();
        for (n, phone) in [(1, arrives), (2, gone)] {
            let contact = world.contact(n, phone, &[]).await;
            enrolled.push(start(&world, contact, workflow).await);
        }
        world.engine.round().await.unwrap();
        assert_eq!(world.balance("prepaid").await, (4, 0));
        world.play_days(3).await;
        assert_eq!(world.texts(arrives), ["Hi", "Any news?"]);
        // It was lost: its money came back, and the rest went on.
        assert_eq!(world.texts(gone), ["Any news?"]);
        assert_eq!(world.balance("earned").await, (3, 0));
        assert_eq!(world.balance("available").await.0, 10 - 3);
        for id in enrolled {
            assert_eq!(state(&world, id).await, EnrollmentState::Completed);
        }
        world.end().await;
    });
}

#[test]
fn anything_that_a_contact_sends_to_any_number_ends_the_enrollment_with_its_refund() {
    let said = [
        ("who is this?", 0, StopReason::Replied),
        ("", 0, StopReason::Replied),
        ("", 1, StopReason::Replied),
        ("👍", 0, StopReason::Replied),
        ("Liked “Hi”", 0, StopReason::Replied),
        ("I am out of the office until Monday", 0, StopReason::Replied),
        ("START", 0, StopReason::Replied),
        ("STOP", 0, StopReason::OptedOut),
    ];
    on_both(Plan::default, async |world| {
        let other = NewNumber { phone: "+13055550101".to_owned(), carrier: "simulator".to_owned(), ..free() };
        let other = world.engine.add_number(&world.actor, other).await.unwrap().phone;
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
        for ((n, number), (body, media, reason)) in (1..).zip([&world.number, &other].into_iter().cycle()).zip(said) {
            let phone = format!("+1212555011{n}");
            let contact = world.contact(n, &phone, &[]).await;
            let id = start(&world, contact, workflow).await;
            hours(&world, 1).await;
            let held = world.balance("prepaid").await;
            let event = Inbound {
                event_id: format!("said-{n}"),
                from: phone,
                to: number.clone(),
                body: body.to_owned(),
                media,
                signal: None,
                at: world.engine.now(),
            };
            world.engine.receive("simulator", CarrierEvent::Inbound(event)).await.unwrap();
            assert_eq!(state(&world, id).await, EnrollmentState::Stopped(reason), "{body:?}");
            let now = world.balance("prepaid").await;
            assert_eq!((held.0 - now.0) * 15_000 + held.1 - now.1, 15_000, "{body:?} refunded another step");
        }
        world.play_days(3).await;
        let workflow_texts = world.simulator.stats().unwrap().texts;
        // One text of the workflow for each, and the confirmation of the opt-out.
        assert_eq!(workflow_texts, u64::try_from(said.len()).unwrap() + 1);
        world.end().await;
    });
}

fn free() -> NewNumber {
    NewNumber { phone: String::new(), carrier: String::new(), per_minute: 0, per_day: 0 }
}

#[test]
fn a_reply_its_stop_and_its_refund_are_one_transaction() {
    static TAKE: Sql = Sql::Same(
        "UPDATE accounts SET balance = $2 WHERE workspace_id = $1 AND account = 'prepaid' AND unit = 'segments'",
    );
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, "Any news?")]).await;
        let contact = world.contact(1, PHONE, &[]).await;
        let id = start(&world, contact, workflow).await;
        hours(&world, 1).await;
        let workspace = world.workspace();
        let set = async |balance: i64| {
            let set = move |tx: &mut store::Tx<'_>| tx.execute(&TAKE, &[workspace.0.into(), balance.into()]);
            world.engine.store().write::<_, DbError, _>(Lane::Normal, set).await.unwrap();
        };
        let thread = async || {
            let read = move |db: &store::Read<'_>| {
                messages::thread(db, workspace, contact, domain::ids::MessageId(i64::MAX), 9)
            };
            world.engine.store().read::<_, DbError, _>(read).await.unwrap().len()
        };
        let event = CarrierEvent::Inbound(Inbound {
            event_id: "once".to_owned(),
            from: PHONE.to_owned(),
            to: world.number.clone(),
            body: "yes".to_owned(),
            media: 0,
            signal: None,
            at: world.engine.now(),
        });
        // The refund cannot be posted: then nothing of the reply is kept, and the carrier will tell it again.
        set(0).await;
        assert!(world.engine.receive("simulator", event.clone()).await.is_err());
        assert_eq!((state(&world, id).await, thread().await), (EnrollmentState::Active, 1));
        set(1).await;
        world.engine.receive("simulator", event).await.unwrap();
        assert_eq!((state(&world, id).await, thread().await), (EnrollmentState::Stopped(StopReason::Replied), 2));
        assert_eq!(world.balance("prepaid").await, (0, 0));
        world.end().await;
    });
}

#[test]
fn the_whole_sequence_is_charged_at_the_start_credits_first_then_the_wallet() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&three()).await;
        let wallet = 100_000_000;
        let mut charged = Vec::new();
        for n in 1..=3 {
            let contact = world.contact(n, &format!("+1212555011{n}"), &[]).await;
            start(&world, contact, workflow).await;
            assert_eq!(world.simulator.stats().unwrap().texts, 0);
            charged.push((world.balance("available").await, world.balance("prepaid").await));
        }
        // Six segments each: ten credits cover one and two thirds of another.
        let rest = |micros: i64| wallet - micros;
        assert_eq!(charged[0], ((4, wallet), (6, 0)));
        assert_eq!(charged[1], ((0, rest(30_000)), (10, 30_000)));
        assert_eq!(charged[2], ((0, rest(120_000)), (10, 120_000)));
        world.play_days(4).await;
        assert_eq!(world.balance("earned").await, (10, 120_000));
        world.end().await;
    });
}

#[test]
fn every_early_end_gives_back_at_once_what_was_not_sent_to_where_it_came_from() {
    for end in ["removed", "workflow paused", "workflow deleted", "contact deleted", "do not contact", "plan ended"] {
        let plan = || Plan { credits: 3, ..Plan::default() };
        on_both(plan, async |world| {
            let workflow = world.workflow(&three()).await;
            let contact = world.contact(1, PHONE, &[]).await;
            let id = start(&world, contact, workflow).await;
            // Three of six segments were credits: two of the first message, one of the second.
            assert_eq!(world.balance("prepaid").await, (3, 45_000));
            hours(&world, 1).await;
            let (engine, actor) = (&world.engine, &world.actor);
            match end {
                "removed" => engine.remove(actor, id).await.map(|_| ()).unwrap(),
                "workflow paused" => engine.pause_workflow(actor, workflow).await.map(|_| ()).unwrap(),
                "workflow deleted" => engine.delete_workflow(actor, workflow).await.map(|_| ()).unwrap(),
                "contact deleted" => engine.delete_contact(actor, contact).await.unwrap(),
                "do not contact" => {
                    assert!(engine.suppress(actor, contact, Suppression::DoNotContact).await.unwrap());
                }
                _ => engine.end_plan(actor.workspace()).await.map(|_| ()).unwrap(),
            }
            assert_eq!(world.balance("prepaid").await, (0, 0), "{end}");
            assert_eq!(world.balance("available").await, (1, 100_000_000), "{end}");
            assert_eq!(world.balance("earned").await, (2, 0), "{end}");
            world.play_days(4).await;
            assert_eq!(world.texts(PHONE).len(), 1, "{end}");
            world.end().await;
        });
    }
}

#[test]
fn a_running_enrollment_tells_its_workflow_its_step_and_its_next_date() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (4, "Any news?")]).await;
        let contact = world.contact(1, PHONE, &[]).await;
        let begun = world.engine.now();
        let id = start(&world, contact, workflow).await;
        hours(&world, 1).await;
        let workspace = world.workspace();
        let running = async || {
            let read = move |db: &store::Read<'_>| store::runs::of(db, workspace, &[contact]);
            world.engine.store().read::<_, DbError, _>(read).await.unwrap()
        };
        let found = running().await;
        let told: Vec<_> = found.iter().map(|row| (row.contact, row.workflow.as_str(), row.next_step)).collect();
        assert_eq!(told, [(contact, "Leads", 2)]);
        let row = world.engine.enrollment(&world.actor, id).await.unwrap();
        assert_eq!(row.due_at, Some(begun + SignedDuration::from_hours(96)));
        world.reply(PHONE, "yes").await;
        assert!(running().await.is_empty());
        world.end().await;
    });
}
