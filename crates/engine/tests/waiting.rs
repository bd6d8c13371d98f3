//! Messages that wait: for the pace of their number, for a number that is gone, for a lost answer.

use std::time::Duration;

use carrier::simulator::{Answer, Behaviour, Faults, Reaction};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, NumberId};
use engine::contacts::{ContactError, NewContact};
use engine::enrolling::EnrollRequest;
use engine::ids::Ids;
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::{Clock, Engine};
use jiff::SignedDuration;

use crate::world::{Plan, World, on_both};

const PHONE: &str = "+12125550111";

#[test]
fn messages_that_wait_for_the_pace_of_their_number_do_not_keep_a_round_busy() {
    let plan = || Plan { per_minute: 1, ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        for nth in 0..4 {
            world.engine.send_message(&world.actor, contact, &format!("by hand {nth}")).await.unwrap();
        }
        let until = world.engine.now() + SignedDuration::from_mins(10);
        let played = tokio::time::timeout(Duration::from_secs(30), world.engine.play(&world.simulator, until)).await;
        let played = played.expect("the play is over").unwrap();
        assert_eq!(world.texts(PHONE).len(), 4);
        assert!(played.moves < 20, "the clock was moved {} times", played.moves);
        world.end().await;
    });
}

#[test]
fn a_message_whose_number_was_lost_fails_and_its_money_comes_back() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::Temporary)]);
        world.engine.send_message(&world.actor, contact, "by hand").await.unwrap();
        world.engine.round().await.unwrap();
        assert_eq!(world.balance("prepaid").await, (1, 0));
        let lost = NumberChange { state: Some(NumberState::Lost), ..NumberChange::default() };
        world.engine.change_number(&world.actor, NumberId(5), lost).await.unwrap();
        world.play_days(1).await;
        assert_eq!(world.balance("prepaid").await, (0, 0));
        assert_eq!(world.balance("available").await, (10, 100_000_000));
        assert_eq!(world.engine.next_due().await.unwrap(), None);
        world.end().await;
    });
}

#[test]
fn a_gap_counts_from_the_send_and_not_from_when_its_lost_answer_was_found() {
    let down = Behaviour { faults: Faults { find_unavailable: 1.0, ..Faults::default() }, ..Behaviour::default() };
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let workflow = world.workflow(&[(0, "Hi"), (3, "Any news?")]).await;
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::LostAfter)]);
        world.simulator.set_behaviour(down.clone()).unwrap();
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let start = world.engine.now();
        let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
        // The search is down for 40 hours: a settling at night, two days later by the calendar.
        world.engine.play(&world.simulator, start + SignedDuration::from_hours(40)).await.unwrap();
        world.simulator.set_behaviour(Behaviour::default()).unwrap();
        world.engine.play(&world.simulator, start + SignedDuration::from_hours(41)).await.unwrap();
        let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
        assert_eq!((row.next_step, row.due_at), (2, Some(start + SignedDuration::from_hours(72))));
        world.play_days(4).await;
        assert_eq!(world.texts(PHONE).len(), 2);
        world.end().await;
    });
}

/// Another live number of the workspace, in the area of the contact's phone.
async fn second_number(world: &World) -> NumberId {
    let new =
        NewNumber { phone: "+12125550177".to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    world.engine.add_number(&world.actor, new).await.unwrap().id
}

async fn make(world: &World, number: NumberId, state: NumberState) {
    let change = NumberChange { state: Some(state), ..NumberChange::default() };
    world.engine.change_number(&world.actor, number, change).await.unwrap();
}

async fn waiting_for_a_retry(world: &World) -> (ContactId, EnrollmentId) {
    let contact = world.contact(1, PHONE, &[]).await;
    let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
    world.simulator.script(PHONE, vec![Reaction::answering(Answer::Temporary)]);
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
    world.engine.round().await.unwrap();
    (contact, enrolled.enrollment)
}

#[test]
fn a_retry_whose_number_was_lost_goes_out_from_another_one() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment) = waiting_for_a_retry(&world).await;
        let other = second_number(&world).await;
        make(&world, NumberId(5), NumberState::Lost).await;
        world.play_days(3).await;
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!((row.state, row.number), (EnrollmentState::Completed, other));
        assert_eq!(world.texts(PHONE), ["One", "Two"]);
        let inbox = world.simulator.inbox(PHONE, 0, 10).unwrap();
        assert!(inbox.iter().all(|text| text.from == "+12125550177"), "{inbox:?}");
        // The contact knows that number from now on.
        assert_eq!(world.engine.contact(&world.actor, contact).await.unwrap().number, Some(other));
        world.end().await;
    });
}

#[test]
fn a_step_whose_number_was_lost_under_way_goes_out_from_another_one() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::LostAfter)]);
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
        world.engine.round().await.unwrap();
        let other = second_number(&world).await;
        make(&world, NumberId(5), NumberState::Lost).await;
        world.play_days(3).await;
        let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
        assert_eq!((row.state, row.number), (EnrollmentState::Completed, other));
        assert_eq!(world.texts(PHONE), ["One", "Two"]);
        world.end().await;
    });
}

#[test]
fn a_retry_whose_number_was_lost_waits_for_one_that_is_only_paused() {
    on_both(Plan::default, async |world| {
        let (contact, enrollment) = waiting_for_a_retry(&world).await;
        let other = second_number(&world).await;
        make(&world, NumberId(5), NumberState::Lost).await;
        make(&world, other, NumberState::Paused).await;
        world.play_days(3).await;
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!((row.state, row.number), (EnrollmentState::Active, other));
        assert_eq!(world.engine.contact(&world.actor, contact).await.unwrap().number, Some(other));
        assert_eq!(world.texts(PHONE), Vec::<String>::new());
        make(&world, other, NumberState::Live).await;
        world.play_days(4).await;
        assert_eq!(world.texts(PHONE), ["One", "Two"]);
        world.end().await;
    });
}

#[test]
fn a_retry_whose_number_was_lost_ends_with_a_refund_where_there_is_no_other() {
    on_both(Plan::default, async |world| {
        let (_, enrollment) = waiting_for_a_retry(&world).await;
        let other = second_number(&world).await;
        make(&world, NumberId(5), NumberState::Lost).await;
        make(&world, other, NumberState::Lost).await;
        world.play_days(3).await;
        let row = world.engine.enrollment(&world.actor, enrollment).await.unwrap();
        assert_eq!(row.state, EnrollmentState::Stopped(StopReason::NumberLost));
        assert_eq!((world.balance("prepaid").await, world.balance("earned").await), ((0, 0), (0, 0)));
        world.end().await;
    });
}

#[test]
fn a_node_whose_number_another_process_has_taken_claims_nothing() {
    on_both(Plan::default, async |world| {
        let (_, enrollment) = {
            let contact = world.contact(1, PHONE, &[]).await;
            let workflow = world.workflow(&[(0, "One")]).await;
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            (contact, world.engine.enroll(&world.actor, request).await.unwrap().enrollment)
        };
        // Another process has its number now: by that one's clock the lease is over, by its own it is not.
        let later = world.engine.now() + SignedDuration::from_mins(3);
        let (store, carriers, clock) =
            (world.engine.store().clone(), world.engine.carriers().clone(), Clock::manual(later));
        let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
        let heir = opened.await.unwrap();
        assert_eq!(heir.node(), world.engine.node());
        assert_eq!(world.engine.round().await.unwrap().submitted, 0);
        assert_eq!(world.engine.enrollment(&world.actor, enrollment).await.unwrap().message, None);
        // What it still makes differs from all that its heir makes. From the end of its lease on it makes nothing.
        let make = async |engine: &Engine, phone: &str| {
            let (phone, fields) = (phone.to_owned(), Vec::new());
            let new = NewContact { phone, region: None, name: None, fields, person: None };
            engine.create_contact(&world.actor, new).await.map(|contact| contact.id)
        };
        let last = make(&world.engine, "+12125550191").await.unwrap();
        assert!(make(&heir, "+12125550192").await.unwrap().0 >= Ids::floor(later));
        assert!(last.0 < Ids::floor(later));
        world.engine.clock().move_to(later);
        let refused = make(&world.engine, "+12125550193").await.unwrap_err();
        assert!(matches!(refused, ContactError::Failure(_)), "{refused:?}");
        assert!(world.engine.round().await.is_err());
        assert_eq!(heir.round().await.unwrap().submitted, 1);
        world.end().await;
    });
}

#[test]
fn the_contacts_of_a_lost_number_know_the_number_that_took_over() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        world.engine.enroll(&world.actor, request).await.unwrap();
        world.play_days(1).await;
        let other = second_number(&world).await;
        make(&world, NumberId(5), NumberState::Lost).await;
        assert_eq!(world.engine.contact(&world.actor, contact).await.unwrap().number, Some(other), "at once");
        let numbers = world.engine.numbers(&world.actor).await.unwrap();
        let counted: Vec<_> = numbers.iter().map(|number| number.contacts).collect();
        assert_eq!(counted, [0, 1], "counted where they are");
        // A reply ends the run; what is written afterwards comes from the same number.
        world.reply(PHONE, "Yes?").await;
        world.engine.send_message(&world.actor, contact, "Here we are").await.unwrap();
        world.play_days(1).await;
        let inbox = world.simulator.inbox(PHONE, 0, 10).unwrap();
        assert_eq!(inbox.last().map(|text| text.from.as_str()), Some("+12125550177"), "{inbox:?}");
        world.end().await;
    });
}

#[test]
fn a_chosen_number_texts_from_the_next_message_on_and_a_message_under_way_keeps_its_own() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, PHONE, &[]).await;
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        world.simulator.script(PHONE, vec![Reaction::answering(Answer::LostAfter)]);
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let run = world.engine.enroll(&world.actor, request).await.unwrap().enrollment;
        let other = second_number(&world).await;
        world.engine.round().await.unwrap();
        let busy = world.engine.choose_number(&world.actor, contact, other).await;
        assert!(matches!(busy, Err(ContactError::NumberBusy)), "{busy:?}");
        world.engine.play(&world.simulator, world.engine.now() + SignedDuration::from_hours(1)).await.unwrap();
        let chosen = world.engine.choose_number(&world.actor, contact, other).await.unwrap();
        assert_eq!(chosen.number, Some(other));
        assert_eq!(world.engine.enrollment(&world.actor, run).await.unwrap().number, other);
        world.play_days(3).await;
        let from: Vec<_> = world.simulator.inbox(PHONE, 0, 10).unwrap().into_iter().map(|text| text.from).collect();
        assert_eq!(from, ["+12125550100", "+12125550177"]);
        let paused = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
        world.engine.change_number(&world.actor, NumberId(5), paused).await.unwrap();
        let refused = world.engine.choose_number(&world.actor, contact, NumberId(5)).await;
        assert!(matches!(refused, Err(ContactError::NumberNotReady { .. })), "{refused:?}");
        let none = world.engine.choose_number(&world.actor, contact, NumberId(99)).await;
        assert!(matches!(none, Err(ContactError::NumberUnknown)), "{none:?}");
        let numbers = world.engine.numbers(&world.actor).await.unwrap();
        assert_eq!(numbers.iter().map(|number| number.contacts).collect::<Vec<_>>(), [0, 1]);
        world.end().await;
    });
}
