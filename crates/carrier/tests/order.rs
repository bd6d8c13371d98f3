//! One seed is one world, whatever the order and the threads; pages, replies and sheer numbers.

use std::collections::{BTreeMap, HashSet};

use carrier::simulator::{Behaviour, Delay, Faults, KEPT_TEXTS, Receipts, ReplyText};
use carrier::{CarrierEvent, Outcome, Simulator, Submission, Support};
use proptest::prelude::*;

use crate::support::{OURS, at, find, phone, submit, text};

fn rough() -> Behaviour {
    let mut behaviour = Behaviour::demo();
    behaviour.faults.temporary = 0.2;
    behaviour.faults.lost_after = 0.2;
    behaviour.replies.rate = 0.5;
    behaviour
}

fn drain(simulator: &Simulator) -> Vec<CarrierEvent> {
    let mut events = Vec::new();
    while let Some(next) = simulator.next_event_at() {
        events.extend(simulator.due_events(next));
    }
    events
}

fn play(seed: u64, submissions: &[Submission]) -> (BTreeMap<i64, Outcome>, Vec<CarrierEvent>) {
    let simulator = Simulator::new(rough(), seed).unwrap();
    let outcomes = submissions.iter().map(|s| (s.attempt.0, submit(&simulator, s))).collect();
    (outcomes, drain(&simulator))
}

#[test]
fn one_seed_is_one_world_in_any_order() {
    let mut submissions: Vec<_> = (0..500).map(|n| text(n, &phone(n % 100), &format!("step {}", n / 100))).collect();
    let forwards = play(7, &submissions);
    submissions.reverse();
    assert_eq!(forwards, play(7, &submissions));
    assert_ne!(forwards.0, play(8, &submissions).0);
    let kinds: HashSet<_> = forwards.0.values().map(std::mem::discriminant).collect();
    assert!(kinds.len() >= 3, "{kinds:?}");
}

#[test]
fn one_seed_is_one_world_on_many_threads() {
    let submissions: Vec<_> = (0..400).map(|n| text(n, &phone(n), "hello")).collect();
    let simulator = Simulator::new(rough(), 7).unwrap();
    std::thread::scope(|scope| {
        for part in submissions.chunks(50) {
            scope.spawn(|| part.iter().for_each(|submission| drop(submit(&simulator, submission))));
        }
    });
    assert_eq!(drain(&simulator), play(7, &submissions).1);
}

#[test]
fn a_retry_draws_anew() {
    let faults = Faults { temporary: 0.5, ..Faults::default() };
    let simulator = Simulator::new(Behaviour { faults, ..Behaviour::default() }, 3).unwrap();
    let taken = |n| (0..64).any(|_| matches!(submit(&simulator, &text(n, &phone(n), "hi")), Outcome::Accepted { .. }));
    assert!((0..100).all(taken));
}

#[test]
fn events_come_in_order_of_time_and_at_most_a_thousand_a_call() {
    let simulator = Simulator::new(rough(), 7).unwrap();
    for n in 0..2_000 {
        submit(&simulator, &text(n, &phone(n), "hello"));
    }
    let late = at(40 * 24 * 3600 * 1000);
    let (first, second) = (simulator.due_events(late), simulator.due_events(late));
    assert_eq!(first.len(), carrier::simulator::EVENTS_PER_CALL);
    assert!(first.iter().chain(&second).is_sorted_by_key(CarrierEvent::at));
}

#[test]
fn a_reply_by_hand_has_its_own_id_and_is_due_at_once() {
    let simulator = Simulator::new(Behaviour::default(), 1).unwrap();
    let first = simulator.reply(&phone(1), OURS, "hi", at(5)).unwrap();
    let second = simulator.reply(&phone(1), OURS, "hi", at(5)).unwrap();
    let other = simulator.reply(&phone(2), OURS, "hi", at(5)).unwrap();
    let ids: HashSet<_> = [&first, &second, &other].map(|event| event.event_id().to_owned()).into();
    assert_eq!(ids.len(), 3);
    assert!(simulator.due_events(at(4)).is_empty());
    assert_eq!(simulator.due_events(at(5)).len(), 3);
}

#[test]
fn handsets_and_inboxes_are_paged() {
    let simulator = Simulator::new(Behaviour::default(), 1).unwrap();
    for n in 0..5 {
        submit(&simulator, &text(n, &phone(n), "hello"));
    }
    let first = simulator.handsets(None, 2).unwrap();
    let rest = simulator.handsets(Some(&first[1].phone), 10).unwrap();
    let phones: Vec<_> = first.iter().chain(&rest).map(|handset| handset.phone.clone()).collect();
    assert_eq!(phones, (0..5).map(phone).collect::<Vec<_>>());
    for n in 10..10 + i64::try_from(KEPT_TEXTS).unwrap() {
        submit(&simulator, &text(n, &phone(0), &format!("{n}")));
    }
    assert_eq!(simulator.inbox(&phone(0), 0, 1).unwrap()[0].body, "10", "the oldest text goes first");
    assert_eq!(simulator.inbox(&phone(0), KEPT_TEXTS - 1, 9).unwrap().len(), 1);
    assert_eq!(simulator.handsets(None, 1).unwrap()[0].received, KEPT_TEXTS as u64 + 1);
}

#[test]
fn ninety_thousand_texts_are_counted_one_by_one() {
    let receipts = Receipts { missing: 1.0, ..Receipts::default() };
    let simulator = Simulator::new(Behaviour { receipts, ..Behaviour::default() }, 1).unwrap();
    for n in 0..90_000 {
        submit(&simulator, &text(n, &phone(n % 10_000), "a message of a usual length, as they are sent"));
    }
    let stats = simulator.stats().unwrap();
    assert_eq!((stats.texts, stats.handsets, stats.repeated_bodies), (90_000, 10_000, 80_000));
}

fn any_delay() -> impl Strategy<Value = Delay> {
    (any::<u64>(), any::<u64>()).prop_map(|(min_ms, max_ms)| Delay { min_ms: min_ms >> 20, max_ms: max_ms >> 20 })
}

fn any_rate() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..=0.3, 1 => Just(1.0), 1 => any::<f64>()]
}

fn any_support() -> impl Strategy<Value = Support> {
    prop_oneof![Just(Support::Offered), Just(Support::Missing)]
}

prop_compose! {
    fn any_behaviour()(
        rates in prop::array::uniform12(any_rate()), delays in prop::array::uniform2(any_delay()),
        weights in prop::collection::vec(any::<u32>(), 0..4), supports in prop::array::uniform3(any_support()),
        find_lag_ms in any::<u32>(), retry_after_seconds in any::<u32>(),
    ) -> Behaviour {
        let mut behaviour = Behaviour::default();
        let Behaviour { faults, receipts, replies, .. } = &mut behaviour;
        [faults.temporary, faults.lost_after, faults.lost_before, faults.find_unavailable, faults.fewer_segments,
            faults.throttled, receipts.missing, receipts.doubled, receipts.out_of_order, receipts.failed,
            replies.rate, replies.doubled] = rates;
        [receipts.delay, replies.delay] = delays;
        faults.retry_after_seconds = retry_after_seconds;
        replies.texts = weights.into_iter().map(|weight| ReplyText { body: "x".to_owned(), weight }).collect();
        [behaviour.idempotency, behaviour.find, behaviour.echo] = supports;
        behaviour.find_lag_ms = u64::from(find_lag_ms);
        behaviour
    }
}

proptest! {
    #[test]
    fn no_behaviour_panics(mut behaviour in any_behaviour(), seed: u64, repaired: bool, to in ".*", body in ".*") {
        if repaired {
            for delay in [&mut behaviour.receipts.delay, &mut behaviour.replies.delay] {
                *delay = Delay { min_ms: 0, max_ms: delay.max_ms % 1_000_000 };
            }
        }
        let Ok(simulator) = Simulator::new(behaviour, seed) else { return Ok(()) };
        for attempt in [1, 1, 2, i64::MIN, i64::MAX] {
            let submission = text(attempt, &to, &body);
            submit(&simulator, &submission);
            find(&simulator, &submission, jiff::Timestamp::MAX);
            find(&simulator, &submission, jiff::Timestamp::MIN);
        }
        drain(&simulator);
        prop_assert_eq!(simulator.stats().unwrap().events_pending, 0);
    }
}
