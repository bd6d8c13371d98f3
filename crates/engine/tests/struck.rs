//! One transaction of a round fails, or its answer is lost: what that may not do to the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use carrier::Support;
use carrier::simulator::{Answer, Behaviour, Reaction};
use domain::enrollment::EnrollmentState;
use domain::ids::{EnrollmentId, NumberId, WorkflowId};
use domain::message::MessageState;
use engine::doubts::Doubts;
use engine::enrolling::EnrollRequest;
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::{Carriers, Engine};
use jiff::SignedDuration;
use store::mishaps::{Mishap, Mishaps, Trouble};

use crate::rows;
use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";
const OTHER: &str = "+12125550112";

/// Another node, and what befalls its next transactions, one after the other.
struct Node {
    engine: Engine,
    fate: Arc<Mutex<VecDeque<Mishap>>>,
}

impl Node {
    async fn new(world: &World) -> Self {
        let fate = Arc::new(Mutex::new(VecDeque::new()));
        let plan = {
            let fate = Arc::clone(&fate);
            move || fate.lock().unwrap().pop_front().unwrap_or(Mishap::None)
        };
        let store = world.engine.store().with(Mishaps::new(None, plan));
        let (clock, carriers): (_, Carriers) = (world.engine.clock().clone(), world.engine.carriers().clone());
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        Self { engine: opened.await.unwrap(), fate }
    }

    /// A round, whose third transaction, after the look for due work and the claim, meets this; what failed is told in a server's log.
    async fn round(&self, third: Mishap) {
        // The clock was pushed, so its lease may be over: to renew it is a transaction too.
        assert!(self.engine.keep_node().await.unwrap());
        self.fate.lock().unwrap().extend([Mishap::None, Mishap::None, third]);
        let _ = self.engine.round().await;
        assert_eq!(self.fate.lock().unwrap().len(), 0, "the round had fewer transactions");
    }
}

async fn start(world: &World, workflow: WorkflowId, n: i64, phone: &str) -> EnrollmentId {
    let contact = world.contact(n, phone, &[]).await;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap().enrollment
}

fn later(world: &World, by: SignedDuration) {
    world.engine.clock().move_to(world.engine.now() + by);
}

#[test]
fn steps_of_a_lost_number_that_find_no_other_hold_up_no_claimed_text() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::Temporary)]);
        let homeless = start(&world, workflow, 1, PHONE).await;
        world.engine.round().await.unwrap();
        let (phone, carrier) = ("+12125550177".to_owned(), "simulator".to_owned());
        let number = NewNumber { phone, carrier, per_minute: 0, per_day: 0 };
        let live = world.engine.add_number(&world.actor, number).await.unwrap().id;
        let lost = NumberChange { state: Some(NumberState::Lost), ..NumberChange::default() };
        world.engine.change_number(&world.actor, NumberId(5), lost).await.unwrap();
        start(&world, workflow, 2, OTHER).await;
        // The retry is due by now. Its handing over, which follows the claim, takes too long.
        let node = Node::new(&world).await;
        later(&world, SignedDuration::from_mins(3));
        node.round(Mishap::Fails(0, Trouble::Timeout)).await;
        assert_eq!(world.texts(OTHER), ["One"]);
        let open = rows::messages(world.engine.store(), world.workspace()).await;
        assert!(open.iter().all(|message| message.state != "sending"), "{open:?}");
        // The next round finds it another number.
        world.play_days(3).await;
        let row = world.engine.enrollment(&world.actor, homeless).await.unwrap();
        assert_eq!((row.state, row.number), (EnrollmentState::Completed, live));
        assert_eq!(world.texts(PHONE), ["One", "Two"]);
        world.end().await;
    });
}

#[test]
fn a_search_whose_settling_was_answered_by_nobody_counts_once() {
    on_both(Plan::default, async |world| {
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::LostBefore)]);
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        let enrollment = start(&world, workflow, 1, PHONE).await;
        world.engine.round().await.unwrap();
        let state = async || rows::messages(world.engine.store(), world.workspace()).await.pop().unwrap().state;
        assert_eq!(state().await, MessageState::InDoubt.word());
        let node = Node::new(&world).await;
        // Claimed; settled, and nobody hears of it; settled once more.
        later(&world, domain::attempt::CALLBACK_WAIT);
        node.round(Mishap::AnswerLost).await;
        assert_eq!(state().await, MessageState::InDoubt.word(), "one question was enough to call it lost");
        later(&world, domain::attempt::SEEK_WAIT);
        node.round(Mishap::None).await;
        assert_eq!(state().await, MessageState::Failed.word());
        assert_eq!(world.engine.enrollment(&world.actor, enrollment).await.unwrap().next_step, 2);
        world.play_days(3).await;
        world.end().await;
    });
}

#[test]
fn a_doubt_that_is_for_a_person_is_told_once_though_nobody_heard_of_its_settling() {
    let mute = || Behaviour { find: Support::Missing, ..Behaviour::default() };
    on_both(
        || Plan { behaviour: mute(), ..Plan::default() },
        async |world| {
            world.simulator.script(PHONE, vec![Reaction::answering(Answer::LostAfter)]);
            let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
            start(&world, workflow, 1, PHONE).await;
            world.engine.round().await.unwrap();
            let node = Node::new(&world).await;
            later(&world, domain::attempt::CALLBACK_WAIT);
            node.round(Mishap::AnswerLost).await;
            let waiting = world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 50).await.unwrap();
            assert_eq!(waiting.len(), 1);
            let events = rows::events(world.engine.store(), world.workspace()).await;
            let told =
                events.iter().filter(|(kind, note)| kind == "message.in_doubt" && note["settled_by"] == "person");
            assert_eq!(told.count(), 1, "{events:?}");
            world.engine.settle_by_hand(&world.actor, waiting[0].id, engine::doubts::Fate::Sent).await.unwrap();
            world.play_days(3).await;
            world.end().await;
        },
    );
}
