//! The journal: what reached a handset outlives a killed process and is seen by the others.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use carrier::simulator::{Behaviour, Faults, Reaction, Simulator};
use carrier::{Finding, Outcome, Support};
use domain::ids::AttemptId;

use crate::support::{OURS, at, find, phone, submit, text};

/// Tells the killed child where its journal is.
const CHILD_JOURNAL: &str = "CARRIER_TEST_JOURNAL";

fn open(path: &Path) -> Simulator {
    Simulator::with_journal(Behaviour::default(), 1, path).unwrap()
}

/// Submits without end and tells each answer; does nothing unless started by the test below.
#[test]
#[ignore = "the child of a_killed_process_leaves_every_answered_text_in_the_journal"]
fn child_that_submits_until_it_is_killed() {
    let Ok(path) = std::env::var(CHILD_JOURNAL) else { return };
    let simulator = open(Path::new(&path));
    let mut out = std::io::stderr();
    for n in 0.. {
        assert!(matches!(submit(&simulator, &text(n, &phone(n % 10), "hello")), Outcome::Accepted { .. }));
        writeln!(out, "answered {n}").unwrap();
    }
}

#[test]
fn a_killed_process_leaves_every_answered_text_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handsets.jsonl");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal::child_that_submits_until_it_is_killed", "--ignored", "--nocapture"])
        .env(CHILD_JOURNAL, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut answered: Vec<String> = lines.by_ref().take(300).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    answered.extend(lines);
    let answered: Vec<i64> = answered.iter().filter_map(|line| line.strip_prefix("answered ")?.parse().ok()).collect();
    assert!(answered.len() >= 300);
    let simulator = open(&path);
    for attempt in &answered {
        assert_eq!(simulator.texts_of(AttemptId(*attempt)).unwrap(), 1, "{attempt}");
    }
    let unanswered = simulator.stats().unwrap().texts - answered.len() as u64;
    assert!(unanswered <= 1, "{unanswered}");
    assert_eq!(simulator.inbox(&phone(0), 0, 1).unwrap()[0].body, "hello");
}

#[test]
fn simulators_that_share_a_journal_find_each_others_texts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handsets.jsonl");
    let (one, two) = (open(&path), open(&path));
    let (hello, world) = (text(1, &phone(1), "hello"), text(2, &phone(2), "world"));
    submit(&one, &hello);
    submit(&two, &world);
    assert!(matches!(find(&two, &hello, at(0)), Finding::Sent { .. }));
    assert!(matches!(find(&one, &world, at(0)), Finding::Sent { .. }));
    submit(&two, &hello);
    for simulator in [&one, &two] {
        let stats = simulator.stats().unwrap();
        assert_eq!((stats.texts, stats.duplicates, stats.torn_lines), (3, 1, 0));
    }
    let ids = [&one, &two].map(|s| s.reply(&phone(1), OURS, "hi", at(0)).unwrap().event_id().to_owned());
    assert_ne!(ids[0], ids[1], "the second simulator knows of the first one's reply");
}

#[test]
fn an_idempotent_carrier_knows_an_attempt_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handsets.jsonl");
    let behaviour = Behaviour { idempotency: Support::Offered, ..Behaviour::default() };
    let both = [1, 2].map(|seed| Simulator::with_journal(behaviour.clone(), seed, &path).unwrap());
    for simulator in &both {
        assert!(matches!(submit(simulator, &text(1, &phone(1), "hello")), Outcome::Accepted { .. }));
    }
    assert_eq!(both[0].stats().unwrap().texts, 1);
}

#[test]
fn simulators_that_write_at_once_each_see_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handsets.jsonl");
    let simulators = [(); 4].map(|()| open(&path));
    std::thread::scope(|scope| {
        for (first, simulator) in (0..).step_by(200).zip(&simulators) {
            scope.spawn(move || {
                (first..first + 200).for_each(|n| drop(submit(simulator, &text(n, &phone(n), "hello"))))
            });
        }
    });
    for simulator in simulators.iter().chain([&open(&path)]) {
        let stats = simulator.stats().unwrap();
        assert_eq!((stats.texts, stats.attempts, stats.torn_lines), (800, 800, 0));
    }
}

#[test]
fn a_torn_last_line_is_skipped_counted_and_harms_no_later_line() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handsets.jsonl");
        submit(&open(&path), &text(1, &phone(1), "hello"));
        fs::read(&path).unwrap()
    };
    // Even a line that lacks nothing but its end was never answered, so it never arrived.
    for kept in 1..whole.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handsets.jsonl");
        let witness = open(&path);
        fs::write(&path, [&whole[..], &whole[..kept]].concat()).unwrap();
        let simulator = open(&path);
        submit(&simulator, &text(2, &phone(2), "world"));
        for reader in [&simulator, &witness, &open(&path)] {
            let stats = reader.stats().unwrap();
            assert_eq!((stats.texts, stats.attempts, stats.torn_lines), (2, 2, 1), "{kept} bytes");
        }
    }
}

#[test]
fn what_did_not_arrive_is_not_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handsets.jsonl");
    let faults = Faults { lost_before: 1.0, ..Faults::default() };
    let simulator = Simulator::with_journal(Behaviour { faults, ..Behaviour::default() }, 1, &path).unwrap();
    assert!(matches!(submit(&simulator, &text(1, &phone(1), "hello")), Outcome::InDoubt { .. }));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn what_waited_and_what_expired_is_known_to_whoever_opens_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handsets.jsonl");
    let hour = 3_600_000;
    let first = open(&path);
    // The texts may be delivered for four hours.
    for (attempt, waits) in [(32, 3), (64, 5)] {
        first.script(&phone(1), vec![Reaction::delivered().waiting(waits * hour)]);
        assert!(matches!(submit(&first, &text(attempt, &phone(1), "hello")), Outcome::Accepted { .. }));
    }
    for simulator in [&first, &open(&path)] {
        let stats = simulator.stats().unwrap();
        assert_eq!((stats.texts, stats.expired, stats.torn_lines), (1, 1, 0));
        assert_eq!(simulator.inbox(&phone(1), 0, 9).unwrap()[0].at, at(3 * 3_600_000));
        for attempt in [32, 64] {
            let found = find(simulator, &text(attempt, &phone(1), "hello"), at(1));
            assert!(matches!(found, Finding::Sent { .. }), "{attempt}: {found:?}");
        }
    }
}
