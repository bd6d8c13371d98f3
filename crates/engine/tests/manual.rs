//! Messages that a person writes: the states' caps, and what keeps them from going out.

use carrier::simulator::{Answer, Behaviour, Faults, Reaction};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, MessageId};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use engine::Settings;
use engine::enrolling::EnrollRequest;
use jiff::SignedDuration;
use store::messages::{self, Message};

use crate::world::{Plan, World, on_both};

/// A phone in Florida, where a person may get three messages in 24 hours.
const CAPPED: &str = "+13055550111";
const OTHER: &str = "+12125550111";

async fn write(world: &World, contact: ContactId, text: &str) {
    world.engine.send_message(&world.actor, contact, text).await.unwrap();
}

async fn manual(world: &World, contact: ContactId) -> Vec<Message> {
    manual_of(world, contact, 100).await
}

async fn manual_of(world: &World, contact: ContactId, most: i64) -> Vec<Message> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| messages::thread(db, workspace, contact, MessageId(i64::MAX), most);
    let mut thread = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    thread.retain(|message| message.kind == MessageKind::Manual);
    thread.reverse();
    thread
}

#[test]
fn the_fourth_message_by_hand_waits_until_the_cap_has_room_and_holds_up_nobody() {
    on_both(Plan::default, async |world| {
        let capped = world.contact(1, CAPPED, &[]).await;
        let other = world.contact(2, OTHER, &[]).await;
        let start = world.engine.now();
        for text in ["1", "2", "3", "4"] {
            write(&world, capped, text).await;
        }
        write(&world, other, "hello").await;
        world.engine.round().await.unwrap();
        assert_eq!(world.texts(CAPPED), ["1", "2", "3"]);
        assert_eq!(world.texts(OTHER), ["hello"]);
        assert_eq!(world.engine.round().await.unwrap().touched, 0, "a held message keeps the round busy");
        let held = manual(&world, capped).await.pop().unwrap();
        assert_eq!((held.state, held.due_at), (MessageState::Queued, Some(start + SignedDuration::from_hours(24))));
        world.play_days(2).await;
        assert_eq!(world.texts(CAPPED).len(), 4);
        world.end().await;
    });
}

#[test]
fn in_a_conversation_the_cap_does_not_hold() {
    on_both(Plan::default, async |world| {
        let capped = world.contact(1, CAPPED, &[]).await;
        for text in ["1", "2", "3"] {
            write(&world, capped, text).await;
        }
        world.engine.round().await.unwrap();
        world.reply(CAPPED, "and then?").await;
        write(&world, capped, "4").await;
        world.engine.round().await.unwrap();
        assert_eq!(world.texts(CAPPED).len(), 4);
        world.end().await;
    });
}

#[test]
fn a_message_that_waited_for_long_counts_for_the_cap_when_it_goes() {
    on_both(Plan::default, async |world| {
        let capped = world.contact(1, CAPPED, &[]).await;
        let pause = engine::numbers::NumberChange {
            state: Some(engine::numbers::NumberState::Paused),
            ..engine::numbers::NumberChange::default()
        };
        for text in ["1", "2", "3"] {
            write(&world, capped, text).await;
        }
        world.engine.change_number(&world.actor, domain::ids::NumberId(5), pause).await.unwrap();
        world.play_days(7).await;
        let live = engine::numbers::NumberChange {
            state: Some(engine::numbers::NumberState::Live),
            ..engine::numbers::NumberChange::default()
        };
        world.engine.change_number(&world.actor, domain::ids::NumberId(5), live).await.unwrap();
        world.engine.play(&world.simulator, world.engine.now() + SignedDuration::from_mins(16)).await.unwrap();
        assert_eq!(world.texts(CAPPED).len(), 3);
        write(&world, capped, "4").await;
        world.engine.round().await.unwrap();
        assert_eq!(world.texts(CAPPED).len(), 3);
        world.end().await;
    });
}

#[test]
fn messages_by_hand_go_in_the_order_in_which_they_were_written() {
    let plan = || Plan { per_minute: 1, ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, OTHER, &[]).await;
        let texts: Vec<String> = (0..6).map(|nth| format!("by hand {nth}")).collect();
        for text in &texts {
            write(&world, contact, text).await;
        }
        world.engine.play(&world.simulator, world.engine.now() + SignedDuration::from_mins(10)).await.unwrap();
        assert_eq!(world.texts(OTHER), texts);
        world.end().await;
    });
}

#[test]
fn a_message_to_a_contact_that_was_deleted_meanwhile_is_not_sent() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, OTHER, &[]).await;
        write(&world, contact, "hello").await;
        world.engine.delete_contact(&world.actor, contact).await.unwrap();
        world.play_days(1).await;
        assert_eq!(world.texts(OTHER), Vec::<String>::new());
        let message = manual(&world, contact).await.pop().unwrap();
        assert_eq!((message.state, message.code.as_deref()), (MessageState::Failed, Some("contact_deleted")));
        world.end().await;
    });
}

#[test]
fn a_message_that_waits_when_the_plan_ends_is_not_sent() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, OTHER, &[]).await;
        write(&world, contact, "hello").await;
        world.engine.end_plan(world.workspace()).await.unwrap();
        world.play_days(1).await;
        assert_eq!(world.texts(OTHER), Vec::<String>::new());
        let message = manual(&world, contact).await.pop().unwrap();
        assert_eq!((message.state, message.code.as_deref()), (MessageState::Failed, Some("plan_ended")));
        world.end().await;
    });
}

#[test]
fn what_comes_back_of_a_message_by_hand_is_what_it_cost_whatever_the_rate_is_now() {
    let fewer = Faults { fewer_segments: 1.0, lost_after: 1.0, ..Faults::default() };
    let plan = move || Plan {
        credits: 0,
        rate: Micros(10_000),
        behaviour: Behaviour { faults: fewer, ..Behaviour::default() },
        ..Plan::default()
    };
    on_both(plan, async |world| {
        let contact = world.contact(1, OTHER, &[]).await;
        // Two segments; the receipt tells that the carrier billed one.
        write(&world, contact, &"long ".repeat(50)).await;
        world.engine.round().await.unwrap();
        assert_eq!(world.balance("prepaid").await, (0, 20_000));
        world.engine.change_rate(world.workspace(), Micros(1_000_000)).await.unwrap();
        world.engine.deliver(&world.simulator).await.unwrap();
        assert_eq!(world.balance("earned").await, (0, 10_000));
        assert!(world.engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn messages_that_wait_for_the_workspaces_pace_do_not_keep_a_doubt_from_being_settled() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, OTHER, &[]).await;
        world.simulator.script(OTHER, vec![Reaction::answering(Answer::LostAfter)]);
        write(&world, contact, "lost").await;
        world.engine.round().await.unwrap();
        assert_eq!(manual(&world, contact).await[0].state, MessageState::InDoubt);
        let workspace = world.workspace();
        let slow = move |tx: &mut store::Tx<'_>| {
            let found = store::workspaces::find(tx, workspace)?.unwrap();
            store::workspaces::update(tx, &store::workspaces::Workspace { messages_per_minute: 1, ..found })
        };
        world.engine.store().write::<_, store::DbError, _>(store::Lane::Normal, slow).await.unwrap();
        // More than one claim looks at.
        for nth in 0..230 {
            write(&world, contact, &format!("by hand {nth}")).await;
        }
        world.engine.play(&world.simulator, world.engine.now() + SignedDuration::from_mins(5)).await.unwrap();
        let all = manual_of(&world, contact, 300).await;
        assert_eq!(all[0].state, MessageState::Sent);
        let sent = all.iter().filter(|message| message.sent_at.is_some()).count();
        assert!((6..9).contains(&sent), "{sent} went in five minutes");
        world.end().await;
    });
}

#[test]
fn a_message_by_hand_that_is_refused_for_good_ends_what_runs_for_the_contact_at_once() {
    for (answer, reason) in [(Answer::Permanent, StopReason::Undeliverable), (Answer::OptedOut, StopReason::OptedOut)] {
        on_both(Plan::default, async |world| {
            let contact = world.contact(1, OTHER, &[]).await;
            let workflow = world.workflow(&[(20, "One"), (3, "Two")]).await;
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            let enrolled = world.engine.enroll(&world.actor, request).await.unwrap();
            world.simulator.script(OTHER, vec![Reaction::answering(answer)]);
            write(&world, contact, "hello").await;
            world.engine.round().await.unwrap();
            let row = world.engine.enrollment(&world.actor, enrolled.enrollment).await.unwrap();
            assert_eq!(row.state, EnrollmentState::Stopped(reason));
            assert_eq!(world.balance("available").await.0, 10);
            world.end().await;
        });
    }
}

/// What the contact got after writing these texts, ten seconds apart. Of our answer to the first one the carrier says
/// that it must be tried again.
async fn answers_to(world: &World, texts: &[&str]) -> Vec<String> {
    world.contact(1, OTHER, &[]).await;
    world.simulator.script(OTHER, vec![Reaction::answering(Answer::Temporary)]);
    for text in texts {
        world.reply(OTHER, text).await;
        world.engine.round().await.unwrap();
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(10));
    }
    world.engine.play(&world.simulator, world.engine.now() + SignedDuration::from_hours(25)).await.unwrap();
    world.texts(OTHER)
}

#[test]
fn an_answer_that_waited_until_the_contact_opted_out_is_not_sent_any_more() {
    on_both(Plan::default, async |world| {
        let goodbye = Settings::default().opt_out_text;
        assert_eq!(answers_to(&world, &["HELP", "STOP"]).await, [goodbye]);
        world.end().await;
    });
}

#[test]
fn a_confirmation_of_an_opt_out_that_waited_until_the_contact_opted_in_again_is_not_sent_any_more() {
    on_both(Plan::default, async |world| {
        let welcome = Settings::default().opt_in_text;
        assert_eq!(answers_to(&world, &["STOP", "START"]).await, [welcome]);
        world.end().await;
    });
    on_both(Plan::default, async |world| {
        let Settings { opt_out_text: goodbye, opt_in_text: welcome, .. } = Settings::default();
        assert_eq!(answers_to(&world, &["STOP", "START", "STOP"]).await, [welcome, goodbye]);
        world.end().await;
    });
}
