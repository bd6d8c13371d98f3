//! Each fault of the simulated carrier shows where it should, and nowhere else.

use carrier::simulator::{Answer, Behaviour, BehaviourError, Delay, Faults, Reaction, Receipts, ReplyText};
use carrier::{CarrierEvent, FailureClass, Finding, Outcome, ReceiptState, Simulator, StopAnswer, Support};
use domain::ids::AttemptId;
use jiff::SignedDuration;

use crate::support::{OURS, at, find, phone, submit, text};

fn with_faults(faults: Faults) -> Simulator {
    Simulator::new(Behaviour { faults, ..Behaviour::default() }, 1).unwrap()
}

fn with_receipts(receipts: Receipts) -> Simulator {
    Simulator::new(Behaviour { receipts, ..Behaviour::default() }, 1).unwrap()
}

/// Whether an outcome is the right one.
type Expected = fn(&Outcome) -> bool;

fn arrived(simulator: &Simulator) -> u64 {
    simulator.stats().unwrap().texts
}

fn states(events: &[CarrierEvent]) -> Vec<ReceiptState> {
    let state = |event: &CarrierEvent| match event {
        CarrierEvent::Receipt(receipt) => Some(receipt.state),
        CarrierEvent::Inbound(_) => None,
    };
    events.iter().filter_map(state).collect()
}

#[test]
fn refusals_are_told_apart_and_nothing_arrives() {
    let none = Faults::default();
    let cases: [(Faults, Expected); 7] = [
        (Faults { temporary: 1.0, ..none }, |o| matches!(o, Outcome::Temporary { retry_after: None, .. })),
        (
            Faults { throttled: 1.0, retry_after_seconds: 7, ..none },
            |o| matches!(o, Outcome::Temporary { retry_after: Some(wait), .. } if *wait == SignedDuration::from_secs(7)),
        ),
        (Faults { permanent: 1.0, ..none }, |o| matches!(o, Outcome::Permanent { .. })),
        (Faults { opted_out: 1.0, ..none }, |o| matches!(o, Outcome::OptedOut { .. })),
        (Faults { sender_problem: 1.0, ..none }, |o| matches!(o, Outcome::SenderProblem { .. })),
        (Faults { rejected: 1.0, ..none }, |o| matches!(o, Outcome::Rejected { .. })),
        (Faults { lost_before: 1.0, ..none }, |o| matches!(o, Outcome::InDoubt { .. })),
    ];
    for (faults, expected) in cases {
        let simulator = with_faults(faults);
        let submission = text(1, &phone(1), "hello");
        let outcome = submit(&simulator, &submission);
        assert!(expected(&outcome), "{faults:?}: {outcome:?}");
        assert_eq!(arrived(&simulator), 0, "{faults:?}");
        assert_eq!(find(&simulator, &submission, at(0)), Finding::NotFound, "{faults:?}");
        assert_eq!(simulator.next_event_at(), None, "{faults:?}");
    }
}

#[test]
fn a_lost_answer_leaves_a_text_that_can_be_found() {
    let simulator = with_faults(Faults { lost_after: 1.0, ..Faults::default() });
    let submission = text(1, &phone(1), "hello");
    assert!(matches!(submit(&simulator, &submission), Outcome::InDoubt { .. }));
    assert_eq!(simulator.texts_of(AttemptId(1)).unwrap(), 1);
    let Finding::Sent { carrier_id } = find(&simulator, &submission, at(0)) else { panic!("not found") };
    let CarrierEvent::Receipt(receipt) = &simulator.due_events(at(0))[0] else { panic!("no receipt") };
    assert_eq!((&receipt.carrier_id, receipt.attempt), (&carrier_id, Some(AttemptId(1))));
}

#[test]
fn a_search_may_lag_fail_or_be_missing() {
    let lagging = Simulator::new(Behaviour { find_lag_ms: 1_000, ..Behaviour::default() }, 1).unwrap();
    let submission = text(1, &phone(1), "hello");
    submit(&lagging, &submission);
    assert_eq!(find(&lagging, &submission, at(999)), Finding::NotFound);
    assert!(matches!(find(&lagging, &submission, at(1_000)), Finding::Sent { .. }));
    let down = with_faults(Faults { find_unavailable: 1.0, ..Faults::default() });
    assert!(matches!(find(&down, &submission, at(0)), Finding::Unavailable { .. }));
    let missing = Simulator::new(Behaviour { find: Support::Missing, ..Behaviour::default() }, 1).unwrap();
    assert_eq!(find(&missing, &submission, at(0)), Finding::Unsupported);
}

#[test]
fn the_same_attempt_again_is_a_second_text_unless_the_carrier_is_idempotent() {
    for (idempotency, texts) in [(Support::Missing, 2), (Support::Offered, 1)] {
        let simulator = Simulator::new(Behaviour { idempotency, ..Behaviour::default() }, 1).unwrap();
        let submission = text(1, &phone(1), "hello");
        submit(&simulator, &submission);
        assert!(matches!(submit(&simulator, &submission), Outcome::Accepted { .. }));
        let stats = simulator.stats().unwrap();
        assert_eq!((stats.texts, stats.most_per_attempt), (u64::from(texts), texts), "{idempotency:?}");
        assert_eq!((stats.duplicates, stats.repeated_bodies), (u64::from(texts) - 1, u64::from(texts) - 1));
        assert_eq!(simulator.texts_of(AttemptId(1)).unwrap(), texts);
        assert_eq!(simulator.inbox(&phone(1), 0, 10).unwrap().len(), texts as usize);
    }
}

#[test]
fn the_same_body_by_another_attempt_is_counted_as_repeated() {
    let simulator = Simulator::new(Behaviour::default(), 1).unwrap();
    submit(&simulator, &text(1, &phone(1), "hello"));
    submit(&simulator, &text(2, &phone(1), "hello"));
    submit(&simulator, &text(3, &phone(2), "hello"));
    assert_eq!(simulator.texts_to(&phone(1), "hello").unwrap(), 2);
    let stats = simulator.stats().unwrap();
    assert_eq!((stats.duplicates, stats.repeated_bodies, stats.most_per_attempt), (0, 1, 1));
}

#[test]
fn receipts_come_doubled_reversed_failed_late_or_never() {
    use ReceiptState::{Delivered, Failed, Sent, Undelivered};
    let delay = Delay { min_ms: 10, max_ms: 20 };
    let usual = Receipts { delay, ..Receipts::default() };
    let told = |receipts| {
        let simulator = with_receipts(receipts);
        submit(&simulator, &text(1, &phone(1), "hello"));
        assert!(simulator.due_events(at(9)).is_empty());
        simulator.due_events(at(20))
    };
    assert_eq!(states(&told(usual)), [Sent, Delivered]);
    assert_eq!(states(&told(Receipts { missing: 1.0, ..usual })), []);
    assert_eq!(states(&told(Receipts { out_of_order: 1.0, ..usual })), [Delivered, Sent]);
    let doubled = told(Receipts { doubled: 1.0, ..usual });
    assert_eq!(states(&doubled), [Sent, Sent, Delivered, Delivered]);
    assert_eq!(doubled[0], doubled[1]);
    assert_ne!(doubled[1].event_id(), doubled[2].event_id());
    let failed = states(&told(Receipts { failed: 1.0, recovered: 1.0, ..usual }));
    assert!(matches!(failed[..], [Sent, Failed | Undelivered, Delivered]), "{failed:?}");
}

#[test]
fn people_reply_in_the_same_instant_and_repeated_reports_keep_their_id() {
    let mut behaviour = Behaviour::default();
    behaviour.receipts.missing = 1.0;
    behaviour.replies.rate = 1.0;
    behaviour.replies.doubled = 1.0;
    behaviour.replies.texts = vec![ReplyText { body: String::new(), weight: 1 }];
    let simulator = Simulator::new(behaviour, 1).unwrap();
    submit(&simulator, &text(1, &phone(1), "hello"));
    assert_eq!(simulator.next_event_at(), Some(at(0)));
    let events = simulator.due_events(at(0));
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], events[1]);
    let CarrierEvent::Inbound(inbound) = &events[0] else { panic!("{events:?}") };
    assert_eq!((inbound.from.as_str(), inbound.to.as_str(), inbound.body.as_str()), (&*phone(1), OURS, ""));
}

#[test]
fn a_script_comes_before_chance_and_is_used_up() {
    let simulator = with_faults(Faults { permanent: 1.0, ..Faults::default() });
    let script = vec![
        Reaction::answering(Answer::Throttled),
        Reaction::delivered().reply("STOP", 500),
        Reaction::answering(Answer::LostAfter),
    ];
    simulator.script(&phone(1), script);
    let mut outcomes = (1..=4).map(|attempt| submit(&simulator, &text(attempt, &phone(1), "hello")));
    assert!(matches!(outcomes.next(), Some(Outcome::Temporary { .. })));
    assert!(matches!(outcomes.next(), Some(Outcome::Accepted { .. })));
    assert!(matches!(outcomes.next(), Some(Outcome::InDoubt { .. })));
    assert!(matches!(outcomes.next(), Some(Outcome::Permanent { .. })));
    assert_eq!(simulator.due_events(at(499)).len(), 2);
    assert!(matches!(&simulator.due_events(at(500))[..], [CarrierEvent::Inbound(stop)] if stop.body == "STOP"));
    assert!(matches!(submit(&simulator, &text(9, &phone(2), "hello")), Outcome::Permanent { .. }));
}

#[test]
fn a_text_that_waits_past_its_time_never_arrives_and_its_news_say_so() {
    let hour = 3_600_000;
    let behaviour = |expiry| Behaviour { expiry, ..Behaviour::default() };
    let simulator = Simulator::new(behaviour(Support::Offered), 1).unwrap();
    let waiting = |millis| vec![Reaction::delivered().reply("Yes", 1_000).waiting(millis)];
    // The text may be delivered for four hours.
    let in_time = text(32, &phone(1), "in time");
    simulator.script(&phone(1), waiting(4 * hour));
    assert!(matches!(submit(&simulator, &in_time), Outcome::Accepted { .. }));
    let inbox = simulator.inbox(&phone(1), 0, 9).unwrap();
    assert_eq!(inbox.iter().map(|text| text.at).collect::<Vec<_>>(), [at(4 * 3_600_000)]);
    let late = text(64, &phone(2), "late");
    simulator.script(&phone(2), waiting(4 * hour + 1));
    assert!(matches!(submit(&simulator, &late), Outcome::Accepted { .. }));
    assert_eq!(simulator.inbox(&phone(2), 0, 9).unwrap(), []);
    assert_eq!((simulator.texts_of(AttemptId(64)).unwrap(), simulator.expired_of(AttemptId(64)).unwrap()), (0, 1));
    // The carrier has both, whatever became of them.
    assert!(matches!(find(&simulator, &in_time, at(1)), Finding::Sent { .. }));
    assert!(matches!(find(&simulator, &late, at(1)), Finding::Sent { .. }));
    assert_eq!(simulator.due_events(at(4 * 3_600_000 - 1)).len(), 0, "nothing is told before it has happened");
    let told: Vec<_> = simulator
        .due_events(at(5 * 3_600_000))
        .into_iter()
        .filter(|event| match event {
            CarrierEvent::Receipt(receipt) => receipt.attempt == Some(AttemptId(64)),
            CarrierEvent::Inbound(inbound) => inbound.from == phone(2),
        })
        .collect();
    assert!(
        matches!(&told[..], [CarrierEvent::Receipt(news)] if news.failure == Some(FailureClass::Expired)
            && news.code.as_deref() == Some("sim_expired") && news.at == at(4 * 3_600_000)),
        "{told:?}"
    );
    // A carrier that takes no such word delivers it all the same.
    let careless = Simulator::new(behaviour(Support::Missing), 1).unwrap();
    careless.script(&phone(2), waiting(9 * hour));
    submit(&careless, &late);
    assert_eq!(careless.inbox(&phone(2), 0, 9).unwrap()[0].at, at(9 * 3_600_000));
}

#[test]
fn a_carrier_that_answers_stop_refuses_until_start() {
    let behaviour = Behaviour { stop_answer: StopAnswer::Carrier, ..Behaviour::default() };
    let simulator = Simulator::new(behaviour, 1).unwrap();
    let said = |word: &str| {
        simulator.reply(&phone(1), OURS, word, at(0)).unwrap();
        simulator.due_events(at(0));
        submit(&simulator, &text(1, &phone(1), "hello"))
    };
    assert!(matches!(said(" stop "), Outcome::OptedOut { .. }));
    assert!(matches!(said("start"), Outcome::Accepted { .. }));
}

#[test]
fn the_carrier_may_count_fewer_segments_but_never_none() {
    let simulator = with_faults(Faults { fewer_segments: 1.0, ..Faults::default() });
    for (quoted, counted) in [(1, 1), (2, 1)] {
        let submission = carrier::Submission { segments: quoted, ..text(i64::from(quoted), &phone(1), "hello") };
        let outcome = submit(&simulator, &submission);
        assert!(matches!(outcome, Outcome::Accepted { segments: Some(n), .. } if n == counted), "{outcome:?}");
    }
}

#[test]
fn a_behaviour_that_cannot_be_played_names_the_field() {
    for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let mut behaviour = Behaviour::default();
        behaviour.receipts.missing = rate;
        let error = Simulator::new(behaviour, 1).unwrap_err();
        assert!(matches!(error, BehaviourError::Rate { field: "receipts.missing", .. }), "{error}");
    }
    let faults = Faults { temporary: 0.6, permanent: 0.6, ..Faults::default() };
    let error = Behaviour { faults, ..Behaviour::default() }.validate().unwrap_err();
    assert!(matches!(error, BehaviourError::FaultSum { .. }), "{error}");
    let mut behaviour = Behaviour::default();
    behaviour.replies.delay = Delay { min_ms: 2, max_ms: 1 };
    assert!(matches!(behaviour.validate(), Err(BehaviourError::Delay { field: "replies.delay", .. })));
    behaviour = Behaviour::demo();
    behaviour.replies.texts.clear();
    assert_eq!(behaviour.validate(), Err(BehaviourError::Texts));
    assert_eq!(Behaviour::demo().validate(), Ok(()));
    assert!(serde_json::from_str::<Behaviour>(r#"{"faults":{"temporry":1}}"#).is_err());
    assert_eq!(serde_json::from_str::<Behaviour>("{}").unwrap(), Behaviour::default());
}

#[test]
fn failed_receipts_name_their_class_at_the_rates_that_were_set_and_no_other_receipt_does() {
    let receipts = Receipts { failed: 0.5, bad_number: 0.4, opted_out: 0.4, ..Receipts::default() };
    let simulator = with_receipts(receipts);
    for nth in 0..400 {
        submit(&simulator, &text(nth, &phone(nth), "hello"));
    }
    let (mut bad, mut opted_out, mut unknown) = (0, 0, 0);
    for event in simulator.due_events(at(0)) {
        let CarrierEvent::Receipt(receipt) = event else { continue };
        let failed = matches!(receipt.state, ReceiptState::Undelivered | ReceiptState::Failed);
        match (failed, receipt.failure, receipt.code.as_deref()) {
            (true, Some(FailureClass::BadNumber), Some("sim_invalid")) => bad += 1,
            (true, Some(FailureClass::OptedOut), Some("sim_opted_out")) => opted_out += 1,
            (true, None, Some("sim_undelivered")) => unknown += 1,
            (false, None, None) => {}
            told => panic!("{told:?}"),
        }
    }
    assert!((50..110).contains(&bad) && (50..110).contains(&opted_out) && (20..70).contains(&unknown));
}

#[test]
fn what_was_written_before_failures_had_classes_is_still_read() {
    let behaviour: Behaviour = serde_json::from_str(r#"{"receipts": {"failed": 0.5}}"#).unwrap();
    assert_eq!((behaviour.receipts.bad_number, behaviour.receipts.opted_out), (0.0, 0.0));
    let step: carrier::simulator::ReceiptStep =
        serde_json::from_str(r#"{"state": "undelivered", "after_ms": 5, "copies": 1}"#).unwrap();
    assert_eq!(step.failure, None);
    let receipt = r#"{"event_id": "e", "carrier_id": "c", "from": "+12125550100", "attempt": null,
        "state": "failed", "code": "30005", "segments": null, "at": "2026-11-24T15:00:00Z"}"#;
    assert_eq!(serde_json::from_str::<carrier::Receipt>(receipt).unwrap().failure, None);
}
