//! What must hold: read from the database by statements of its own, and from the handsets' journal.

pub(crate) mod handsets;
mod money;

use std::collections::{BTreeMap, HashMap, HashSet};

use carrier::account::Kind;
use carrier::{Outcome, ReceiptState};
use jiff::SignedDuration;

use self::handsets::Arrived;
use self::money::{Moves, Truth};

use crate::rows::{self, Enrollment, Message};
use crate::story::cast::{Customer, Story};
use crate::story::texts::Tag;
use crate::story::way::Way;

/// Nothing that runs may be overdue by more: the operator comes twice a day, and a window opens every day.
const OVERDUE_HOURS: i64 = 48;

/// How many enrollments run.
pub(crate) async fn active(story: &Story) -> usize {
    let mut count = 0;
    for customer in &story.customers {
        count += rows::running(story.engine.store(), customer.workspace()).await.len();
    }
    count
}

/// In the middle of the year: the books are right, and whatever runs is going to be looked at again.
pub(crate) async fn meanwhile(story: &Story) {
    let overdue = story.engine.now() - SignedDuration::from_hours(OVERDUE_HOURS);
    for customer in &story.customers {
        let report = story.engine.verify_ledger(customer.workspace()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        for row in rows::waiting(story.engine.store(), customer.workspace()).await {
            let with_carrier = matches!(row.message.as_deref(), Some("sending" | "in_doubt"));
            let next = if with_carrier { row.message_due } else { row.due };
            let next = next.unwrap_or_else(|| panic!("the enrollment {} hangs: {:?}", row.id, row.message));
            assert!(next > overdue.as_microsecond(), "the enrollment {} is overdue", row.id);
        }
    }
}

/// When everything has ended.
pub(crate) async fn at_the_end(story: &Story) {
    let texts = handsets::arrived(story);
    handsets::check_once(story, &texts);
    handsets::check_stops(story, &texts);
    handsets::check_bans(story, &texts);
    handsets::check_hours(story, &texts);
    let expired = handsets::expired(story);
    let taken: HashSet<Tag> = texts.iter().map(|text| text.tag).chain(expired.values().copied()).collect();
    let answers = handsets::answers(story);
    let counts = handsets::counts(story, &texts, &expired);
    let given_up = told_given_up(story, &expired);
    let may_be_unread = story.kind == Some(Kind::Smpp);
    let truth = Truth { taken: &taken, given_up: &given_up, answers: &answers, counts: &counts, may_be_unread };
    let (mut inbound, mut ends) = (0, BTreeMap::new());
    for customer in &story.customers {
        let report = story.engine.verify_ledger(customer.workspace()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        let enrollments = rows::enrollments(story.engine.store(), customer.workspace()).await;
        let messages = rows::messages(story.engine.store(), customer.workspace()).await;
        let transfers = rows::transfers(story.engine.store(), customer.workspace()).await;
        money::check_books(&rows::accounts(story.engine.store(), customer.workspace()).await, &transfers);
        let moves = money::by_subject(&transfers);
        check_runs(story, customer, &enrollments, &moves, &truth);
        check_messages(story, &messages, &moves, &truth);
        let attempts = texts.iter().map(|text| text.attempt).chain(expired.keys().copied());
        check_pairs(story, &enrollments, &messages, attempts);
        inbound += check_history(&rows::events(story.engine.store(), customer.workspace()).await, &enrollments);
        for row in &enrollments {
            *ends.entry(row.reason.clone().unwrap_or(row.state.clone())).or_insert(0usize) += 1;
        }
    }
    assert_eq!(inbound, story.log.heard.len(), "texts of contacts were lost or stored twice");
    check_fullness(story, &texts, &ends);
}

/// Every enrollment has ended, belongs to the run that was asked for, and its money is where it should be.
fn check_runs(
    story: &Story,
    customer: &Customer,
    enrollments: &[Enrollment],
    moves: &HashMap<i64, Moves<'_>>,
    truth: &Truth<'_>,
) {
    let mut runs = HashSet::new();
    for row in enrollments {
        assert!(matches!(row.state.as_str(), "stopped" | "completed"), "{row:?} has not ended");
        let number = row.run.unwrap();
        assert!(runs.insert(number), "the run of {row:?} was started twice");
        let run = &story.log.runs[number];
        assert_eq!((run.contact.0, run.workflow.0), (row.contact, row.workflow));
        money::check_enrollment(customer, row, moves.get(&row.id).unwrap_or(&Moves::default()), truth);
    }
}

/// No message is left over, and its last state is the one that the carrier told.
fn check_messages(story: &Story, messages: &[Message], moves: &HashMap<i64, Moves<'_>>, truth: &Truth<'_>) {
    let manual: HashMap<i64, usize> = story.log.manual.iter().enumerate().map(|(nth, id)| (id.0, nth)).collect();
    for message in messages {
        assert!(!matches!(message.state.as_str(), "queued" | "sending" | "in_doubt"), "{message:?} is left over");
        if message.kind == "manual" {
            let taken = truth.taken.contains(&Tag::Manual(manual[&message.id]));
            money::check_manual(message, moves.get(&message.id).unwrap_or(&Moves::default()), taken);
        }
    }
}

/// The expired texts of which the carrier said in its news that it gave them up, in words that are known for that.
fn told_given_up(story: &Story, expired: &HashMap<i64, Tag>) -> HashSet<Tag> {
    // Vonage has no such words, and over SMPP the news may not have found their text.
    let has_words = !matches!(story.kind, Some(Kind::Vonage | Kind::Smpp));
    let told = |attempt: &i64| has_words && story.log.receipts.contains_key(attempt);
    expired.iter().filter(|(attempt, _)| told(attempt)).map(|(_, tag)| *tag).collect()
}

/// What the carrier took is what the database says was sent: one message for each text, in a state that says so.
fn check_pairs(story: &Story, enrollments: &[Enrollment], messages: &[Message], attempts: impl Iterator<Item = i64>) {
    let runs: HashMap<i64, &Enrollment> = enrollments.iter().map(|row| (row.id, row)).collect();
    let attempts: HashMap<i64, i64> = attempts.map(|attempt| (attempt & !31, attempt)).collect();
    let mut counts = HashMap::<i64, usize>::new();
    for message in messages.iter().filter(|message| message.kind != "inbound") {
        let attempt = attempts.get(&message.id);
        let is_sent = matches!(message.state.as_str(), "sent" | "delivered" | "undelivered");
        assert_eq!(attempt.is_some(), is_sent, "{message:?}");
        let told = attempt.and_then(|attempt| story.log.receipts.get(attempt));
        // Over SMPP a receipt names its text by an identifier that may have been lost with the answer.
        let is_known = story.kind != Some(Kind::Smpp) || message.carrier_id.is_some();
        if is_known && told.is_some_and(|states| states.contains(&ReceiptState::Delivered)) {
            assert_eq!(message.state, "delivered", "{message:?} was delivered, the carrier said");
        }
        if let Some(enrollment) = message.enrollment {
            assert!((1..=9).contains(&message.step.unwrap()), "{message:?}");
            *counts.entry(enrollment).or_default() += 1;
            assert!(runs.contains_key(&enrollment), "{message:?} belongs to nothing");
        }
    }
    for row in enrollments.iter().filter(|row| row.state == "completed") {
        // A step before the one with which it started has no segment.
        let steps = row.prices.iter().filter(|price| price.0 > 0).count();
        assert_eq!(counts.get(&row.id), Some(&steps), "a step of {row:?} was left out");
    }
}

/// Each thing is told once, and every enrollment begins and ends once. Says how many texts came in.
fn check_history(events: &[(String, serde_json::Value)], enrollments: &[Enrollment]) -> usize {
    let mut counts = HashMap::<(&str, String), usize>::new();
    for (kind, facts) in events {
        for subject in ["message", "enrollment"] {
            if let Some(id) = facts[subject].as_str() {
                *counts.entry((kind, id.to_owned())).or_default() += 1;
            }
        }
    }
    for ((kind, id), count) in &counts {
        // In doubt may be told twice: first for the carrier to settle, then for a person.
        assert!(*count == 1 || *kind == "message.in_doubt", "{kind} of {id} was told {count} times");
    }
    for row in enrollments {
        let id = domain::ids::EnrollmentId(row.id).to_string();
        let told = |kind| counts.contains_key(&(kind, id.clone()));
        assert!(told("enrollment.started"), "the start of {row:?} was not told");
        assert_eq!(told("enrollment.stopped"), row.state == "stopped", "{row:?}");
        assert_eq!(told("enrollment.completed"), row.state == "completed", "{row:?}");
    }
    events.iter().filter(|(kind, _)| kind == "message.received").count()
}

/// A story in which nothing happens proves nothing.
fn check_fullness(story: &Story, texts: &[Arrived], ends: &BTreeMap<String, usize>) {
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for (_, outcome) in story.way.handed() {
        let word = match outcome {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Temporary { retry_after: None, .. } => "temporary",
            Outcome::Temporary { .. } => "throttled",
            Outcome::Permanent { .. } => "permanent",
            Outcome::Rejected { .. } => "rejected",
            Outcome::OptedOut { .. } => "opted out",
            Outcome::SenderProblem { .. } => "sender problem",
            Outcome::InDoubt { .. } => "in doubt",
        };
        *outcomes.entry(word).or_default() += 1;
    }
    println!("{} texts arrived; the carrier answered {outcomes:?}", texts.len());
    println!("{} texts were given up, because their time was over", story.simulator.stats().unwrap().expired);
    assert!(story.simulator.stats().unwrap().expired > 10, "hardly any text waited for too long");
    println!("{} texts were heard and {} repeats; ends {ends:?}", story.log.heard.len(), story.log.repeats);
    println!("{} runs were asked for; refused {:?}", story.log.runs.len(), story.log.refusals);
    println!("{} messages in doubt were settled by a person", story.log.settled);
    assert_eq!(outcomes.len(), 8 - Way::unsaid(story.kind).len(), "a fault did not happen: {outcomes:?}");
    if let Way::Over(_, exchange) = &story.way {
        println!("{} calls were forged", exchange.forged());
        assert!(exchange.forged() > 100, "hardly anybody forged a call");
    }
    let reasons = [
        "completed",
        "replied",
        "opted_out",
        "removed",
        "workflow_paused",
        "workflow_deleted",
        "contact_deleted",
        "do_not_contact",
        "undeliverable",
        "plan_ended",
        "person_replied",
    ];
    for reason in reasons {
        assert!(ends.contains_key(reason), "no enrollment ended by {reason}: {ends:?}");
    }
    let refused = &story.log.refusals;
    for code in
        ["insufficient_funds", "already_enrolled", "opted_out", "do_not_contact", "undeliverable", "message_too_long"]
    {
        assert!(refused.contains_key(code), "nobody was refused for {code}: {refused:?}");
    }
    let started: HashSet<_> = story.log.runs.iter().map(|run| run.contact).collect();
    assert!(started.len() >= 900 && texts.len() > 3_000, "a thin story: {} contacts", started.len());
}
