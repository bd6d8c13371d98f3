//! Texts on their way for the first time, which have no rows of their own yet: everybody sees them, and what becomes of them when their node dies.

use std::sync::Arc;

use carrier::{
    Capabilities, Carrier, CarrierEvent, Cost, Finding, Outcome, Receipt, ReceiptState, Simulator, Sought, Submission,
};
use domain::attempt::ANSWER_WAIT;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{AttemptId, ContactId, EnrollmentId, MessageId};
use domain::message::MessageState;
use engine::doubts::{DoubtError, Fate};
use engine::enrolling::EnrollRequest;
use engine::erasing::{EraseError, Erasure, Person};
use engine::{Carriers, Engine};
use futures_util::future::{BoxFuture, pending, ready};
use jiff::{SignedDuration, Timestamp};
use store::messages::{self, Message};
use store::{DbError, Read};
use tokio::sync::Notify;

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";

/// A carrier that takes a text and never answers, or gives it an identifier.
struct Taking {
    inner: Arc<Simulator>,
    called: Notify,
    carrier_id: Option<&'static str>,
}

impl Carrier for Taking {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, _submission: &'a Submission, _now: Timestamp) -> BoxFuture<'a, Outcome> {
        self.called.notify_one();
        let Some(id) = self.carrier_id else { return Box::pin(pending()) };
        Box::pin(ready(Outcome::Accepted { carrier_id: id.to_owned(), segments: None }))
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// Another node over the same database.
async fn node(world: &World, carrier: Arc<dyn Carrier>) -> Engine {
    let carriers = Carriers::from([("simulator".to_owned(), carrier)]);
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap()).await.unwrap()
}

fn taking(world: &World, carrier_id: Option<&'static str>) -> Arc<Taking> {
    Arc::new(Taking { inner: Arc::clone(&world.simulator), called: Notify::new(), carrier_id })
}

async fn start(world: &World, first: &str) -> (ContactId, EnrollmentId) {
    let contact = world.contact(1, PHONE, &[("tea", "Oolong")]).await;
    let workflow = world.workflow(&[(0, first), (3, "Two")]).await;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    (contact, world.engine.enroll(&world.actor, request).await.unwrap().enrollment)
}

/// A node dies while a text is with the carrier.
async fn die(world: &World) {
    let silent = taking(world, None);
    let dying = node(world, Arc::clone(&silent) as Arc<dyn Carrier>).await;
    tokio::select! {
        () = silent.called.notified() => {}
        round = dying.round() => panic!("the carrier answered: {round:?}"),
    }
}

/// How many texts count for the contact's caps.
async fn sent(world: &World, contact: ContactId) -> i64 {
    let (workspace, since) = (world.workspace(), world.engine.now() - SignedDuration::from_hours(24));
    let read = move |db: &Read<'_>| messages::counted::sent_since(db, workspace, &[contact], since);
    let counted = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    counted.iter().map(|row| row.count).sum()
}

/// Starts somebody, and has a node die while their first text is with the carrier.
async fn on_its_way(world: &World, first: &str) -> (ContactId, EnrollmentId, Message) {
    let (contact, enrollment) = start(world, first).await;
    die(world).await;
    let thread = thread(world, contact).await;
    let [message] = &thread[..] else { panic!("one text is on its way: {thread:?}") };
    (contact, enrollment, message.clone())
}

async fn thread(world: &World, contact: ContactId) -> Vec<Message> {
    let (workspace, texts) = (world.workspace(), world.engine.texts());
    let read = move |db: &Read<'_>| texts.thread(db, workspace, contact, MessageId(i64::MAX), 10);
    world.engine.read(read).await.unwrap()
}

async fn find(world: &World, id: MessageId) -> Option<Message> {
    let (workspace, texts) = (world.workspace(), world.engine.texts());
    world.engine.read(move |db| texts.find(db, workspace, id)).await.unwrap()
}

/// The same as it is stored.
async fn stored(world: &World, id: MessageId) -> Option<Message> {
    let workspace = world.workspace();
    let read = move |db: &Read<'_>| messages::find(db, workspace, id);
    world.engine.store().read::<_, DbError, _>(read).await.unwrap()
}

/// The carrier's receipt, with a price.
fn receipt(world: &World, attempt: Option<AttemptId>) -> CarrierEvent {
    CarrierEvent::Receipt(Receipt {
        event_id: "told".to_owned(),
        carrier_id: "carrier-1".to_owned(),
        from: world.number.clone(),
        attempt,
        state: ReceiptState::Delivered,
        code: None,
        failure: None,
        segments: None,
        cost: Some(Cost { micros: 7_900, currency: "USD".to_owned() }),
        at: world.engine.now(),
    })
}

async fn cost(world: &World, id: MessageId) -> Option<(i64, String)> {
    let workspace = world.workspace();
    let read = move |db: &Read<'_>| store::receipts::cost(db, workspace, id);
    world.engine.store().read::<_, DbError, _>(read).await.unwrap()
}

async fn clean(world: &World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
}

#[test]
fn what_is_on_its_way_is_seen_by_everybody_and_has_no_row() {
    on_both(Plan::default, async |world| {
        world.engine.add_custom_field(&world.actor, "Tea").await.unwrap();
        let (contact, enrollment, message) = on_its_way(&world, "A cup of {Tea}?").await;
        assert_eq!(
            (message.state, message.body.as_str(), message.step),
            (MessageState::Sending, "A cup of Oolong?", Some(1))
        );
        assert_eq!(find(&world, message.id).await, Some(message.clone()));
        assert_eq!(stored(&world, message.id).await, None);
        let older = {
            let (workspace, texts, before) = (world.workspace(), world.engine.texts(), message.id);
            world.engine.read(move |db| texts.thread(db, workspace, contact, before, 10)).await.unwrap()
        };
        assert_eq!(older, [], "it is no part of the page before it");
        let by_hand = world.engine.settle_by_hand(&world.actor, message.id, Fate::Sent).await;
        assert!(matches!(by_hand, Err(DoubtError::NotInDoubt(MessageState::Sending))), "{by_hand:?}");
        let erasure = Erasure { person: Person::Contact(contact), do_not_contact: false };
        let early = world.engine.erase(&world.actor, erasure, None).await;
        assert!(matches!(early, Err(EraseError::OnTheWay { count: 1 })), "{early:?}");
        assert_eq!(sent(&world, contact).await, 1, "for the caps of 24 hours");
        let charge = world.engine.charge(&world.actor, enrollment).await.unwrap().unwrap();
        assert_eq!(charge.texts.iter().map(|text| text.state).collect::<Vec<_>>(), [MessageState::Sending]);
        let progress = world.engine.progress(&world.actor, contact).await.unwrap().unwrap();
        assert_eq!(progress.coming.len(), 1, "it counts as sent");
        clean(&world).await;
        // What is on its way counts as sent where it ends, too.
        let ended = world.engine.remove(&world.actor, enrollment).await.unwrap();
        assert_eq!(ended.refunded, progress.unsent);
        assert_eq!(ended.refunded.credits, 1);
        clean(&world).await;
        assert_eq!(thread(&world, contact).await, std::slice::from_ref(&message));
        assert_eq!(sent(&world, contact).await, 1, "nor does an end hide it");
        world.play_days(1).await;
        // The carrier never had it.
        assert_eq!(stored(&world, message.id).await.unwrap().state, MessageState::Failed);
        assert_eq!(world.balance("prepaid").await.0, 0);
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn a_field_that_was_removed_meanwhile_holds_nothing_up() {
    on_both(Plan::default, async |world| {
        world.engine.add_custom_field(&world.actor, "Tea").await.unwrap();
        let (contact, enrollment, message) = on_its_way(&world, "A cup of {Tea}?").await;
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        world.engine.delete_workflow(&world.actor, row.workflow).await.unwrap();
        world.engine.remove_custom_field(&world.actor, "tea").await.unwrap();
        let other = world.contact(2, "+12125550122", &[]).await;
        world.engine.send_message(&world.actor, other, "Still there?").await.unwrap();
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(61));
        let fresh = node(&world, Arc::clone(&world.simulator) as Arc<dyn Carrier>).await;
        fresh.round().await.unwrap();
        assert_eq!(world.texts("+12125550122"), ["Still there?"]);
        let doubted = stored(&world, message.id).await.unwrap();
        assert_eq!(
            (doubted.state, doubted.body.as_str(), doubted.segments),
            (MessageState::InDoubt, "A cup of Oolong?", 1)
        );
        assert_eq!(doubted.country, message.country);
        world.play_days(1).await;
        assert_eq!(thread(&world, contact).await[0].state, MessageState::Failed);
        let stopped = EnrollmentState::Stopped(StopReason::WorkflowDeleted);
        assert_eq!(world.engine.enrollment(&world.actor, enrollment).await.unwrap().state, stopped);
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn a_receipt_lands_what_its_node_did_not_live_to_settle() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment, message) = on_its_way(&world, "One").await;
        let told = receipt(&world, Some(messages::attempt(message.id, 1)));
        world.engine.receive("simulator", told).await.unwrap();
        let landed = stored(&world, message.id).await.unwrap();
        assert_eq!((landed.state, landed.body.as_str()), (MessageState::Delivered, "One"));
        assert_eq!((landed.claimed_at, landed.created_at), (message.claimed_at, message.created_at));
        assert_eq!(cost(&world, message.id).await, Some((7_900, "USD".to_owned())));
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!((row.next_step, row.claimed_at, row.message), (2, None, None));
        clean(&world).await;
        world.play_days(5).await;
        assert_eq!(thread(&world, contact).await.len(), 2);
        assert_eq!(world.texts(PHONE), ["Two"]);
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn a_receipt_that_is_faster_than_the_answer_brings_its_price_too() {
    on_both(Plan::default, async |world| {
        let (contact, _) = start(&world, "One").await;
        world.engine.receive("simulator", receipt(&world, None)).await.unwrap();
        node(&world, taking(&world, Some("carrier-1"))).await.round().await.unwrap();
        let message = thread(&world, contact).await.pop().unwrap();
        assert_eq!((message.state, message.carrier_id.as_deref()), (MessageState::Delivered, Some("carrier-1")));
        assert_eq!(stored(&world, message.id).await.as_ref(), Some(&message));
        assert_eq!(cost(&world, message.id).await, Some((7_900, "USD".to_owned())));
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn what_is_overdue_is_due_work_and_several_of_one_contact_are_all_there() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment, first) = on_its_way(&world, "One").await;
        let due = first.claimed_at.unwrap() + ANSWER_WAIT;
        assert_eq!(world.engine.next_due().await.unwrap().map(Timestamp::as_millisecond), Some(due.as_millisecond()));
        assert_eq!(world.engine.backlog().await.unwrap().workspaces, 0, "it may be answered still");
        world.engine.remove(&world.actor, enrollment).await.unwrap();
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        let request = EnrollRequest { contact, workflow: row.workflow, from_step: 1, quote: None, key: None };
        world.engine.enroll(&world.actor, request).await.unwrap();
        die(&world).await;
        let both = thread(&world, contact).await;
        assert_eq!(both.iter().map(|message| message.state).collect::<Vec<_>>(), [MessageState::Sending; 2]);
        assert_eq!(both[1], first, "the newest comes first");
        assert_eq!(sent(&world, contact).await, 2, "for the caps of 24 hours");
        let erasure = Erasure { person: Person::Contact(contact), do_not_contact: false };
        let early = world.engine.erase(&world.actor, erasure, None).await;
        assert!(matches!(early, Err(EraseError::OnTheWay { count: 2 })), "{early:?}");
        world.engine.clock().move_to(due);
        let backlog = world.engine.backlog().await.unwrap();
        assert_eq!((backlog.workspaces, backlog.oldest, backlog.in_doubt), (1, Some(due), 0));
        world.engine.round().await.unwrap();
        assert_eq!(world.engine.backlog().await.unwrap().in_doubt, 2);
        world.play_days(5).await;
        assert_eq!(world.texts(PHONE), ["Two"]);
        clean(&world).await;
        world.end().await;
    });
}
