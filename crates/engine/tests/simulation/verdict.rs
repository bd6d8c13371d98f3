//! What must hold when all has ended: read from the database by statements of its own, from the handsets, and from the model.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::ids::{ContactId, EnrollmentId, MessageId, WorkspaceId};
use engine::Engine;
use engine::reminders::MAX_PAGE;
use jiff::Timestamp;
use store::Store;
use store::reminders::Listed;

use crate::rows::{self, Enrollment, Message, Transfer};
use crate::simulation::asking::surely;
use crate::simulation::model::Both;
use crate::simulation::world::{APART, House, Tag, World};

/// How much is not over yet.
pub(crate) async fn unfinished(store: &Store, workspace: WorkspaceId) -> usize {
    let open = |message: &&Message| matches!(message.state.as_str(), "queued" | "sending" | "in_doubt");
    rows::running(store, workspace).await.len() + rows::messages(store, workspace).await.iter().filter(open).count()
}

/// The enrollments of a workspace by the number of their run, and what was charged for each.
pub(crate) async fn begun(store: &Store, workspace: WorkspaceId) -> HashMap<usize, (EnrollmentId, Both)> {
    let charged = |row: &Enrollment| {
        row.prices.iter().fold(Both::default(), |sum, price| sum + Both { credits: price.1, micros: price.2 })
    };
    let all = rows::enrollments(store, workspace).await;
    all.iter().filter_map(|row| Some((row.run?, (EnrollmentId(row.id), charged(row))))).collect()
}

/// Whether the history tells that this step was left out.
pub(crate) async fn was_skipped(store: &Store, workspace: WorkspaceId, id: EnrollmentId, step: u8) -> bool {
    let events = rows::events(store, workspace).await;
    let this = |(kind, facts): &(String, serde_json::Value)| {
        kind == "enrollment.skipped" && facts["enrollment"] == id.to_string() && facts["step"] == step
    };
    events.iter().any(this)
}

impl World {
    /// No message has gone backwards since the last look.
    pub(crate) async fn check_states(&mut self) {
        for (nth, house) in self.houses.iter().enumerate() {
            for message in rows::messages(self.street.store(), house.actor.workspace()).await {
                let before = self.states.insert((nth, message.id), message.state.clone());
                let right = before.as_deref().is_none_or(|before| may_follow(before, &message.state));
                assert!(right, "{message:?} was {before:?}");
            }
        }
    }
}

impl World {
    /// The books balance, and what is in each purse is what the model leaves room for.
    pub(crate) async fn check_purses(&self) {
        for house in &self.houses {
            let (store, workspace) = (self.street.store(), house.actor.workspace());
            let verify = async |engine: Engine| engine.verify_ledger(workspace).await;
            let report = surely(&self.street, verify).await.0.unwrap();
            assert!(report.is_clean(), "{:#?}", report.faults);
            let accounts = rows::accounts(store, workspace).await;
            for unit in ["segments", "micros"] {
                let sum: i64 = accounts.iter().filter(|((_, of), _)| of == unit).map(|(_, balance)| balance).sum();
                assert_eq!(sum, 0, "{unit} have come from nowhere: {accounts:?}");
            }
            let (there, (least, most)) = (balance(&accounts, "available"), house.books.purse());
            let right = (least.credits..=most.credits).contains(&there.credits)
                && (least.micros..=most.micros).contains(&there.micros);
            assert!(
                right,
                "{there:?} is in the purse of {workspace}, which has {least:?} at least and {most:?} at most"
            );
        }
    }
}

/// SPEC 4: a state never goes backwards, and what is in doubt is never sent again by itself.
fn may_follow(before: &str, after: &str) -> bool {
    match before {
        _ if before == after => true,
        "delivered" => false,
        "undelivered" => after == "delivered",
        "sent" => matches!(after, "delivered" | "undelivered"),
        // What counted as lost may turn out to have been sent.
        "in_doubt" | "failed" | "canceled" => !matches!(after, "queued" | "sending"),
        _ => true,
    }
}

/// All of it.
pub(crate) async fn pronounce(world: &World) {
    check_handsets(world);
    for house in &world.houses {
        let (store, workspace) = (world.street.store(), house.actor.workspace());
        let report = world.street.node().engine.verify_ledger(workspace).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        let enrollments = rows::enrollments(store, workspace).await;
        let messages = rows::messages(store, workspace).await;
        let transfers = rows::transfers(store, workspace).await;
        check_runs(house, &enrollments, &messages, world.is_calm);
        check_lists(house, &rows::lists(store, workspace).await);
        let reminders = world.street.node().engine.reminders(&house.actor, None, MAX_PAGE).await.unwrap();
        check_reminders(house, &reminders, &rows::events(store, workspace).await);
        let told_of = rows::told_of(store, workspace).await;
        let left = house.books.erased.iter().find(|id| told_of.contains(&id.0));
        assert_eq!(left, None, "something of an erased contact is left");
        check_history(&rows::events(store, workspace).await, &enrollments);
        check_sent(house, &rows::events(store, workspace).await, &messages);
        check_purse(house, &messages, &transfers, &rows::accounts(store, workspace).await);
    }
}

/// Nothing came twice, with other words, to somebody else or out of order; nothing was handed over after a stop.
fn check_handsets(world: &World) {
    let tape = world.street.tape();
    let (mut seen, mut attempts) = (HashSet::new(), HashSet::new());
    let mut last = HashMap::<usize, usize>::new();
    for text in tape.handed.iter() {
        assert!(attempts.insert(text.attempt), "an attempt was handed over twice: {text:?}");
        let Some(tag) = Tag::of(&text.body) else { continue };
        let house = &world.houses[tag.house()];
        assert!(house.numbers.iter().any(|(_, phone)| *phone == text.from), "{text:?} is from somebody else");
        assert!(!text.arrived || seen.insert(tag), "a text came twice: {text:?}");
        let (contact, words) = match tag {
            Tag::Step { run: number, step } => {
                let run = &house.books.runs[number % APART];
                assert!(run.started.is_some(), "{text:?} belongs to a run that was refused");
                let late = run.stopped.is_some_and(|stopped| stopped < text.since);
                assert!(!late, "{text:?} was claimed after the stop of {run:#?}");
                let before = last.insert(number, step).unwrap_or(0);
                assert!(before <= step, "step {step} after step {before}: {text:?}");
                assert!(!run.steps[step - 1].skipped, "{text:?} was left out");
                (run.contact, &run.steps[step - 1].text)
            }
            Tag::Note(note) => {
                let note = &house.books.notes[note % APART];
                assert!(note.queued > 0, "{note:?}");
                (note.contact, &note.text)
            }
        };
        let contact = &house.books.contacts[contact];
        assert_eq!((&text.to, &text.body), (&contact.phone, words), "another text, or to somebody else");
        assert!(!contact.was_banned(text.since, text.place), "{text:?} at {} though {contact:?}", text.at);
    }
}

/// Each run is there once and has ended, and one that came to its end has tried every text.
fn check_runs(house: &House, enrollments: &[Enrollment], messages: &[Message], is_calm: bool) {
    let numbers: Vec<usize> = enrollments.iter().filter_map(|row| row.run).collect();
    let known: HashSet<&usize> = numbers.iter().collect();
    assert_eq!(known.len(), numbers.len(), "a run was started twice");
    let mut tried = HashSet::new();
    for message in messages {
        assert!(!matches!(message.state.as_str(), "queued" | "sending" | "in_doubt"), "{message:?} is left over");
        if let (Some(enrollment), Some(step)) = (message.enrollment, message.step) {
            assert!(tried.insert((enrollment, step)), "step {step} of {enrollment} has two messages");
        }
    }
    let started = house.books.runs.iter().filter(|run| run.started.is_some()).count();
    assert_eq!(started, enrollments.len(), "the model knows of other runs");
    for run in house.books.runs.iter().filter(|run| run.started.is_some()) {
        let row = enrollments.iter().find(|row| Some(EnrollmentId(row.id)) == run.id).expect("a run is gone");
        assert!(matches!(row.state.as_str(), "stopped" | "completed"), "{row:?} has not ended");
        if let Some(reason) = row.reason.as_deref() {
            let foreseen = run.causes.contains(&reason);
            assert!(foreseen || house.books.may_have_fallen(run), "{row:?} ended, though of {run:#?}");
        }
        for (step, of) in (1..).zip(&run.steps) {
            let is_tried = of.skipped || tried.contains(&(row.id, step));
            assert!(is_tried || row.state == "stopped", "step {step} of {row:?} was forgotten");
            assert!(!of.arrived || tried.contains(&(row.id, step)), "step {step} of {row:?} arrived unknown");
            // Where no process dies, whatever was claimed was handed over.
            let is_handed = !of.handed.is_empty() || !tried.contains(&(row.id, step));
            assert!(is_handed || !is_calm, "step {step} of {row:?} was claimed and never handed over");
        }
    }
}

/// Every phone is on the lists that the model knows of, whatever became of its contact; a carrier may have put it on more.
fn check_lists(house: &House, lists: &[(i64, String)]) {
    for contact in &house.books.contacts {
        let is_there = |list: &str| lists.iter().any(|(hash, kind)| *hash == contact.hash && kind == list);
        for list in ["opted_out", "do_not_contact", "compliance_blocked", "undeliverable"] {
            let right = is_there(list) == contact.is_on(list) || (contact.tainted && is_there(list));
            assert!(right, "{list} is {} of {contact:?}", is_there(list));
        }
    }
}

/// Who is to be thought of, and when; what was due was told once.
fn check_reminders(house: &House, listed: &[Listed], events: &[(String, serde_json::Value)]) {
    let row = |row: &Listed| (row.reminder.contact, row.reminder.due_at, row.reminder.told_at.is_some());
    let there: HashSet<(ContactId, Timestamp, bool)> = listed.iter().map(row).collect();
    let contacts = house.books.contacts.iter().filter(|contact| !contact.gone);
    let known = contacts.filter_map(|one| one.reminder.map(|(due, told)| (one.id, due, told))).collect();
    assert_eq!(there, known, "other reminders");
    assert_eq!(events.iter().filter(|(kind, _)| kind == "reminder.due").count(), house.books.told);
}

/// Each thing is told once; every run begins and ends once.
fn check_history(events: &[(String, serde_json::Value)], enrollments: &[Enrollment]) {
    let mut counts = HashMap::<(&str, String, String), usize>::new();
    for (kind, facts) in events {
        for subject in ["message", "enrollment"] {
            if let Some(id) = facts[subject].as_str() {
                let step = if kind == "enrollment.skipped" { facts["step"].to_string() } else { String::new() };
                *counts.entry((kind, id.to_owned(), step)).or_default() += 1;
            }
        }
    }
    for ((kind, id, _), count) in &counts {
        assert!(*count == 1 || *kind == "message.in_doubt", "{kind} of {id} was told {count} times");
    }
    for row in enrollments {
        let told = |kind| counts.contains_key(&(kind, EnrollmentId(row.id).to_string(), String::new()));
        assert!(told("enrollment.started"), "the start of {row:?} was not told");
        assert_eq!(told("enrollment.stopped"), row.state == "stopped", "{row:?}");
        assert_eq!(told("enrollment.completed"), row.state == "completed", "{row:?}");
    }
}

/// Of every text that arrived and was not refused it is told that it was sent.
fn check_sent(house: &House, events: &[(String, serde_json::Value)], messages: &[Message]) {
    let sent = events.iter().filter(|(kind, _)| kind == "message.sent");
    let told: HashSet<&str> = sent.filter_map(|(_, facts)| facts["message"].as_str()).collect();
    for run in &house.books.runs {
        let steps = (1..).zip(&run.steps).filter(|(_, step)| step.arrived && !step.refused);
        for (step, of) in steps {
            let of_step =
                |message: &&Message| message.enrollment.map(EnrollmentId) == run.id && message.step == Some(step);
            let message = messages.iter().find(of_step).expect("a text that arrived is not known");
            assert!(told.contains(MessageId(message.id).to_string().as_str()), "nobody told of {of:?}: {message:?}");
        }
    }
}

/// What was earned for a step or a message, less what went back.
fn kept(transfers: &[Transfer], subject: i64, step: i64) -> Both {
    let of = transfers.iter().filter(|row| (row.subject, row.step) == (subject, step));
    of.fold(Both::default(), |sum, row| {
        let moved = if row.unit == "segments" {
            Both { credits: row.amount, micros: 0 }
        } else {
            Both { credits: 0, micros: row.amount }
        };
        match row.reason.as_str() {
            "earn" => sum + moved,
            "reversal" | "correction" => sum - moved,
            _ => sum,
        }
    })
}

fn balance(accounts: &BTreeMap<(String, String), i64>, account: &str) -> Both {
    let of = |unit: &str| accounts.get(&(account.to_owned(), unit.to_owned())).copied().unwrap_or(0);
    Both { credits: of("segments"), micros: of("micros") }
}

/// The purse holds what was paid in, less the price of each text that arrived, to the last micro-dollar.
fn check_purse(
    house: &House,
    messages: &[Message],
    transfers: &[Transfer],
    accounts: &BTreeMap<(String, String), i64>,
) {
    let balance = |account: &str| balance(accounts, account);
    assert_eq!(balance("prepaid"), Both::default(), "something is still held");
    let mut purse = house.books.paid_in;
    for run in house.books.runs.iter().filter(|run| run.started.is_some()) {
        for (step, of) in (1..).zip(&run.steps) {
            let kept = kept(transfers, run.id.unwrap().0, step);
            let paid = if of.arrived { of.price } else { Both::default() };
            // Whether a text that the carrier refused is paid depends on who learned of it.
            let right = kept == paid || (of.refused && (kept == of.price || kept == Both::default()));
            assert!(right, "{kept:?} was kept for step {step} of {run:#?}");
            purse = purse - kept;
        }
    }
    for note in &house.books.notes {
        let message = messages.iter().find(|message| message.id == note.id.0).expect("a note is gone");
        let (kept, price) = (kept(transfers, message.id, 0), Both { credits: message.credits, micros: message.micros });
        // A text by hand that was taken and then refused comes back.
        let right =
            kept == if note.arrived { price } else { Both::default() } || (note.refused && kept == Both::default());
        assert!(right, "{kept:?} was kept for {note:?} {message:?}");
        assert!(!note.arrived || price != Both::default(), "{note:?} went for nothing");
        let dear = price.credits > note.most.credits || price.micros > note.most.micros;
        assert!(!dear, "{price:?} was taken for {note:?}");
        purse = purse - kept;
    }
    assert_eq!(balance("available"), purse, "the purse of {}", house.actor.workspace());
}
