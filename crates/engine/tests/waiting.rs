//! Messages that wait: for the pace of their number, for a number that is gone, for a lost answer.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::time::Duration;

use carrier::simulator::{Answer, Behaviour, Faults, Reaction};
use domain::ids::NumberId;
use engine::enrolling::EnrollRequest;
use engine::numbers::{NumberChange, NumberState};
use jiff::SignedDuration;
use world::{Plan, on_both};

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
        let request = EnrollRequest { contact, workflow, quote: None, key: None };
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
