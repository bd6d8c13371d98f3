//! What went on: enrollments, their money, texts, conversations, events.
//!
//! The texts of all conversations go round and round: text `nth` is the `nth / conversations`-th of conversation
//! `nth % conversations`. Every other conversation has been through a workflow once, one run in ten still goes on.

use serde::Serialize;
use serde_json::json;

use crate::fill::Size;
use crate::house::{House, STEPS};
use crate::people::{id, message_id, of_conversation, run, when};

const PRICE: i64 = 15_000;
const DAY_MILLIS: i64 = 86_400_000;

/// An enrollment as it is inserted.
#[derive(Serialize)]
pub(crate) struct Run {
    pub(crate) id: i64,
    contact: i64,
    workflow: i64,
    number: i64,
    state: &'static str,
    reason: Option<&'static str>,
    next: i64,
    due: Option<i64>,
    started: i64,
    ended: Option<i64>,
    after: Option<i64>,
    /// In which round its first text went.
    #[serde(skip)]
    first: i64,
    /// How many texts went.
    #[serde(skip)]
    sent: i64,
    #[serde(skip)]
    texts: Vec<i64>,
}

impl Run {
    pub(crate) fn of(house: &House, size: Size, nth: i64) -> Self {
        let place = usize::try_from(nth).unwrap();
        let running = nth % 10 == 9;
        let (state, reason, sent) = match nth % 10 {
            9 => ("active", None, 2),
            0 | 1 => ("stopped", Some("replied"), 1 + nth / 7 % 4),
            2 => ("stopped", Some("opted_out"), 1),
            3 => ("stopped", Some("removed"), 2),
            _ => ("completed", None, STEPS),
        };
        let first = if running { size.each - 2 } else { nth / 10 % (size.each - STEPS - 1) };
        let texts: Vec<i64> =
            (0..sent).map(|step| when((first + step) * size.conversations + nth * 2, size.messages())).collect();
        let last = texts[texts.len() - 1];
        let started = texts[0] - 60_000;
        Self {
            id: run(texts[0]).0,
            contact: of_conversation(size, nth * 2).0,
            workflow: house.workflows[place % house.workflows.len()].0,
            number: house.numbers[place % house.numbers.len()].0,
            state,
            reason,
            next: sent + 1,
            due: running.then_some((last + 15 * DAY_MILLIS) * 1_000),
            started: started * 1_000,
            ended: (!running).then_some((last + 1_000) * 1_000),
            after: reason.map(|_| sent),
            first,
            sent,
            texts,
        }
    }
}

/// A transfer as it is inserted.
#[derive(Serialize)]
pub(crate) struct Transfer {
    id: i64,
    step: i64,
    reason: &'static str,
    debit: &'static str,
    credit: &'static str,
    amount: i64,
    at: i64,
}

/// The charge, what was used, and what came back.
pub(crate) fn transfers(run: &Run) -> Vec<Transfer> {
    let make =
        |step, reason, debit, credit, amount, at| Transfer { id: run.id, step, reason, debit, credit, amount, at };
    let mut all = vec![make(0, "charge", "available", "prepaid", STEPS * PRICE, run.started)];
    for (step, at) in (1..).zip(&run.texts) {
        all.push(make(step, "earn", "prepaid", "earned", PRICE, at * 1_000));
    }
    if let Some(ended) = run.ended.filter(|_| run.sent < STEPS) {
        all.push(make(0, "refund", "prepaid", "available", (STEPS - run.sent) * PRICE, ended));
    }
    all.sort_unstable_by_key(|one| (one.step, one.reason));
    all
}

/// A text as it is inserted.
#[derive(Serialize)]
pub(crate) struct Message {
    id: i64,
    contact: i64,
    kind: &'static str,
    state: &'static str,
    run: Option<i64>,
    step: Option<i64>,
    number: i64,
    body: String,
    code: Option<&'static str>,
    at: i64,
    sent: Option<i64>,
}

/// The run and the step that a text belongs to.
fn step_of(house: &House, size: Size, nth: i64) -> Option<(i64, i64)> {
    let (round, conversation) = (nth / size.conversations, nth % size.conversations);
    if conversation % 2 != 0 {
        return None;
    }
    let run = Run::of(house, size, conversation / 2);
    let step = round - run.first + 1;
    (1..=run.sent).contains(&step).then_some((run.id, step))
}

pub(crate) fn message(house: &House, size: Size, nth: i64) -> Message {
    let conversation = nth % size.conversations;
    let of = step_of(house, size, nth);
    let (kind, state) = match (of, nth / size.conversations % 3, nth % 100) {
        (None, 0, _) => ("inbound", "received"),
        (None, _, 0) => ("manual", "failed"),
        (None, ..) => ("manual", "delivered"),
        (Some(_), _, 0 | 1) => ("workflow", "undelivered"),
        (Some(_), ..) => ("workflow", "delivered"),
    };
    let at = when(nth, size.messages()) * 1_000;
    let body = of.map_or_else(|| words(nth), |(_, step)| format!("Hi there, message {step} about the house"));
    Message {
        id: message_id(size, nth),
        contact: of_conversation(size, conversation).0,
        kind,
        state,
        run: of.map(|(run, _)| run),
        step: of.map(|(_, step)| step),
        number: house.numbers[usize::try_from(conversation).unwrap() % house.numbers.len()].0,
        body,
        code: matches!(state, "failed" | "undelivered").then_some("30003"),
        at,
        sent: matches!(state, "delivered" | "undelivered").then_some(at),
    }
}

/// What a person wrote: common words, and one that is rare.
fn words(nth: i64) -> String {
    const VERBS: [&str; 7] = ["call", "text", "visit", "ask", "tell", "meet", "write"];
    const TIMES: [&str; 11] = [
        "today",
        "tomorrow",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "soon",
        "later",
        "tonight",
        "noon",
    ];
    let place = usize::try_from(nth).unwrap();
    format!("{} me {} about lot{}", VERBS[place % 7], TIMES[place % 11], nth % 50_021)
}

/// The text of a place in the order, if a person wrote it; as [`message`] has it, for all but the texts of workflows.
pub(crate) fn written(size: Size, nth: i64) -> Option<String> {
    (nth % size.conversations % 2 != 0).then(|| words(nth))
}

/// A conversation as it is inserted.
#[derive(Serialize)]
pub(crate) struct Conversation {
    contact: i64,
    at: i64,
    message: i64,
    inbound: i64,
    unread: i64,
    side: &'static str,
    run: Option<i64>,
    opted_out: i64,
}

pub(crate) fn conversation(house: &House, size: Size, nth: i64) -> Conversation {
    let last = (size.each - 1) * size.conversations + nth;
    let at = when(last, size.messages()) * 1_000;
    let run = (nth % 2 == 0).then(|| Run::of(house, size, nth / 2));
    Conversation {
        side: if message(house, size, last).kind == "inbound" { "in" } else { "out" },
        run: run.as_ref().filter(|run| run.state == "active").map(|run| run.id),
        opted_out: i64::from(run.is_some_and(|run| run.reason == Some("opted_out"))),
        contact: of_conversation(size, nth).0,
        at,
        message: message_id(size, last),
        inbound: at,
        unread: i64::from(nth % 20 == 0),
    }
}

/// An event as it is inserted.
#[derive(Serialize)]
pub(crate) struct Event {
    id: i64,
    contact: i64,
    kind: &'static str,
    payload: String,
    at: i64,
}

/// What came in, and every fifth of what went out.
pub(crate) fn event(house: &House, size: Size, nth: i64) -> Vec<Event> {
    let text = message(house, size, nth);
    let kind = match text.kind {
        "inbound" => "message.received",
        _ if nth % 5 == 0 => "message.delivered",
        _ => return Vec::new(),
    };
    let payload = json!({ "message": domain::ids::MessageId(text.id), "step": text.step }).to_string();
    let millis = when(nth, size.messages());
    vec![Event { id: id(millis, 4), contact: text.contact, kind, payload, at: text.at }]
}
