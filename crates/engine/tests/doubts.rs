//! Messages in doubt that only a person can settle; automatic answers; numbers that are somebody else's.

use std::sync::{Arc, Mutex};

use carrier::simulator::{Answer, Behaviour, Faults, Reaction};
use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission, Support};
use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, EventId, MessageId, UserId};
use domain::message::MessageState;
use domain::suppression::Suppression;
use engine::doubts::{DoubtError, Doubts, Fate};
use engine::enrolling::EnrollRequest;
use engine::workspaces::SettingsChange;
use engine::{Actor, Carriers, Engine, Settings, Switch};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::events::Event;

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";

/// A carrier that cannot be asked what became of a text.
fn mute() -> Plan {
    Plan { behaviour: Behaviour { find: Support::Missing, ..Behaviour::default() }, ..Plan::default() }
}

async fn start(world: &World, reactions: Vec<Reaction>) -> (ContactId, EnrollmentId) {
    let contact = world.contact(1, PHONE, &[]).await;
    let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
    world.simulator.script(PHONE, reactions);
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    (contact, world.engine.enroll(&world.actor, request).await.unwrap().enrollment)
}

async fn events(world: &World, contact: ContactId) -> Vec<Event> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::of_contact(db, workspace, contact, EventId(i64::MAX), 100);
    world.engine.store().read::<_, store::DbError, _>(read).await.unwrap()
}

async fn state_of(world: &World, enrollment: EnrollmentId) -> EnrollmentState {
    world.engine.enrollment(&world.actor, enrollment).await.unwrap().state
}

#[test]
fn a_person_settles_what_the_carrier_cannot_tell() {
    for (fate, state, money) in
        [(Fate::Sent, MessageState::Sent, (0, 2)), (Fate::NotSent, MessageState::Failed, (1, 1))]
    {
        on_both(mute, async |world| {
            let (contact, enrollment) = start(&world, vec![Reaction::answering(Answer::LostAfter)]).await;
            world.engine.round().await.unwrap();
            assert_eq!(world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap(), []);
            world.play_days(1).await;
            let waiting = world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap();
            assert_eq!(waiting.iter().map(|message| message.contact).collect::<Vec<_>>(), [contact]);
            let id = waiting[0].id;
            let settled = world.engine.settle_by_hand(&world.actor, id, fate).await.unwrap();
            assert_eq!(settled.state, state);
            assert_eq!(world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap(), []);
            let again = world.engine.settle_by_hand(&world.actor, id, Fate::Sent).await;
            assert!(matches!(again, Err(DoubtError::NotInDoubt(_))), "{again:?}");
            let told = events(&world, contact).await;
            let told: Vec<_> = told.iter().filter(|event| event.kind == "message.settled").collect();
            assert_eq!((told.len(), told[0].actor.as_str()), (1, world.actor.name()));
            assert!(told[0].payload.contains(fate.word()));
            // The enrollment goes on: the gap counts from the send that was doubted.
            world.play_days(4).await;
            assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Completed);
            assert_eq!(world.texts(PHONE), ["One", "Two"]);
            assert_eq!((world.balance("prepaid").await.0, world.balance("earned").await.0), (0, money.1));
            assert_eq!(world.balance("available").await.0, 8 + money.0);
            assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
            world.end().await;
        });
    }
}

#[test]
fn only_who_may_send_settles_and_only_what_nobody_else_can() {
    on_both(Plan::default, async |world| {
        let (contact, _) = start(&world, vec![Reaction::answering(Answer::LostAfter)]).await;
        world.engine.round().await.unwrap();
        let workspace = world.workspace();
        let read = move |db: &store::Read<'_>| store::messages::thread(db, workspace, contact, MessageId(i64::MAX), 9);
        let doubted = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap().pop().unwrap();
        assert_eq!(doubted.state, MessageState::InDoubt);
        let asked = world.engine.settle_by_hand(&world.actor, doubted.id, Fate::Sent).await;
        assert!(matches!(asked, Err(DoubtError::StillAsked)), "{asked:?}");
        let viewer = Actor::user(workspace, UserId(7), Role::Viewer.permissions());
        let forbidden = world.engine.settle_by_hand(&viewer, doubted.id, Fate::Sent).await;
        assert!(matches!(forbidden, Err(DoubtError::Forbidden(_))), "{forbidden:?}");
        let other = Actor::operator(domain::ids::WorkspaceId(2));
        let unknown = world.engine.settle_by_hand(&other, doubted.id, Fate::Sent).await;
        assert!(matches!(unknown, Err(DoubtError::Unknown)), "{unknown:?}");
        world.play_days(1).await;
        world.end().await;
    });
}

#[test]
fn a_carrier_that_stays_away_for_days_leaves_the_doubt_to_a_person() {
    let away = Behaviour { faults: Faults { find_unavailable: 1.0, ..Faults::default() }, ..Behaviour::default() };
    on_both(
        move || Plan { behaviour: away.clone(), ..Plan::default() },
        async |world| {
            start(&world, vec![Reaction::answering(Answer::LostBefore)]).await;
            world.play_days(2).await;
            assert_eq!(world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap().len(), 0);
            world.play_days(2).await;
            let waiting = world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap();
            assert_eq!(waiting.len(), 1);
            world.engine.settle_by_hand(&world.actor, waiting[0].id, Fate::NotSent).await.unwrap();
            world.play_days(4).await;
            assert_eq!(world.balance("prepaid").await, (0, 0));
            world.end().await;
        },
    );
}

#[test]
fn a_reply_that_races_a_person_leaves_the_books_right() {
    on_both(mute, async |world| {
        let (_, enrollment) = start(&world, vec![Reaction::answering(Answer::LostAfter)]).await;
        world.play_days(1).await;
        let id = world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap()[0].id;
        let settle = world.engine.settle_by_hand(&world.actor, id, Fate::NotSent);
        let (settled, ()) = tokio::join!(settle, world.reply(PHONE, "hello"));
        settled.unwrap();
        assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Stopped(StopReason::Replied));
        assert_eq!((world.balance("available").await.0, world.balance("prepaid").await.0), (10, 0));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn automatic_answers_count_as_replies_unless_the_workspace_says_otherwise() {
    const ROBOT: &str = "I'm driving with Do Not Disturb While Driving turned on. I'll see your message later.";
    for (switch, body, expected) in [
        (Switch::On, ROBOT, EnrollmentState::Stopped(StopReason::Replied)),
        (Switch::Off, ROBOT, EnrollmentState::Active),
        (Switch::Off, "I'm driving, call me at 5", EnrollmentState::Stopped(StopReason::Replied)),
        (Switch::Off, "Auto-reply: STOP", EnrollmentState::Stopped(StopReason::OptedOut)),
        (Switch::Off, "STOP", EnrollmentState::Stopped(StopReason::OptedOut)),
    ] {
        on_both(Plan::default, async |world| {
            let settings = Settings { automatic_answers_stop: switch, ..Settings::default() };
            let change = SettingsChange { settings: Some(settings), ..SettingsChange::default() };
            world.engine.change_settings(&world.actor, change).await.unwrap();
            let (contact, enrollment) = start(&world, Vec::new()).await;
            world.play_days(1).await;
            world.reply(PHONE, body).await;
            assert_eq!(state_of(&world, enrollment).await, expected, "{switch:?} {body}");
            // It is stored and shown, and the history says what it was taken for.
            let told = events(&world, contact).await;
            let told = told.iter().find(|event| event.kind == "message.received").unwrap();
            assert_eq!(told.payload.contains("\"automatic\":true"), body.contains("Do Not") || body.contains("Auto"));
            world.end().await;
        });
    }
}

#[test]
fn a_wrong_number_is_suppressed_and_marked_until_a_user_knows_better() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment) = start(&world, Vec::new()).await;
        world.play_days(1).await;
        let at = world.engine.now();
        world.reply(PHONE, "You have the wrong number").await;
        assert_eq!(state_of(&world, enrollment).await, EnrollmentState::Stopped(StopReason::Replied));
        assert_eq!(world.engine.suppressions(&world.actor, contact).await.unwrap(), [Suppression::DoNotContact]);
        assert_eq!(world.engine.contact(&world.actor, contact).await.unwrap().reassigned_at, Some(at));
        world.engine.clock().move_to(at + SignedDuration::from_hours(1));
        world.reply(PHONE, "wrong number!!").await;
        let told = events(&world, contact).await;
        assert_eq!(told.iter().filter(|event| event.kind == "contact.reassigned").count(), 1);
        assert_eq!(world.engine.contact(&world.actor, contact).await.unwrap().reassigned_at, Some(at));
        world.engine.unsuppress(&world.actor, contact, Suppression::DoNotContact).await.unwrap();
        assert_eq!(world.engine.contact(&world.actor, contact).await.unwrap().reassigned_at, None);
        world.end().await;
    });
}

/// A carrier whose list knows no texts: it finds the last one that it took, whichever was sought.
struct Vague {
    inner: Arc<Simulator>,
    last: Mutex<String>,
}

impl Carrier for Vague {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = self.inner.submit(submission, now).await;
            if let Outcome::Accepted { carrier_id, .. } = &outcome {
                self.last.lock().unwrap().clone_from(carrier_id);
            }
            outcome
        })
    }

    fn find<'a>(&'a self, _sought: &'a Sought, _now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async { Finding::Sent { carrier_id: self.last.lock().unwrap().clone() } })
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[test]
fn a_text_that_is_another_message_is_not_taken_for_the_one_in_doubt() {
    on_both(Plan::default, async |world| {
        let vague = Vague { inner: Arc::clone(&world.simulator), last: Mutex::default() };
        let carriers = Carriers::from([("simulator".to_owned(), Arc::new(vague) as Arc<dyn Carrier>)]);
        let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let engine = opened.await.unwrap();
        let contact = world.contact(1, PHONE, &[]).await;
        world.simulator.script(PHONE, vec![Reaction::delivered(), Reaction::answering(Answer::LostBefore)]);
        let mut ids = Vec::new();
        for body in ["One", "Two"] {
            ids.push(engine.send_message(&world.actor, contact, body).await.unwrap().id);
            engine.play(&world.simulator, engine.now() + SignedDuration::from_secs(30)).await.unwrap();
        }
        engine.play(&world.simulator, engine.now() + SignedDuration::from_hours(24)).await.unwrap();
        let workspace = world.workspace();
        let mut states = Vec::new();
        for id in ids {
            let read = move |db: &store::Read<'_>| store::messages::find(db, workspace, id);
            states.push(engine.store().read::<_, store::DbError, _>(read).await.unwrap().unwrap().state);
        }
        assert_eq!(states, [MessageState::Delivered, MessageState::Failed]);
        assert_eq!(world.texts(PHONE), ["One"]);
        assert_eq!(world.balance("earned").await.0, 1);
        assert!(engine.verify_ledger(workspace).await.unwrap().is_clean());
        world.end().await;
    });
}
