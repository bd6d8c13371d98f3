//! What the other side does with one submission: drawn from the behaviour, or taken from a script.
//!
//! A [`Reaction`] is plain data with nothing left to chance, so a test can write one down and the
//! simulator plays drawn and scripted ones alike.

use serde::{Deserialize, Serialize};

use super::behaviour::{Behaviour, Delay, ReplyText};
use super::chance::Chance;
use crate::wire::{FailureClass, ReceiptState};

/// How the carrier answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Takes it.
    Accept,
    /// A temporary error.
    Temporary,
    /// 429, with when to come again.
    Throttled,
    /// A permanent error.
    Permanent,
    /// The contact is opted out at the carrier.
    OptedOut,
    /// Our number may not send.
    SenderProblem,
    /// The carrier refuses this text, and says nothing about the contact.
    Rejected,
    /// Takes it, but the answer is lost.
    LostAfter,
    /// The request is lost on the way.
    LostBefore,
}

impl Answer {
    /// Whether the text reaches the handset.
    #[must_use]
    pub fn delivers(self) -> bool {
        matches!(self, Self::Accept | Self::LostAfter)
    }
}

/// One piece of news that the carrier will tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptStep {
    /// What it says.
    pub state: ReceiptState,
    /// How long after the text, in milliseconds.
    pub after_ms: u64,
    /// How often it is told, with the same event id: at most [`COPIES_LIMIT`].
    pub copies: u32,
    /// Which kind of failure it names, if it tells of one.
    #[serde(default)]
    pub failure: Option<FailureClass>,
}

/// One answer of the person with the handset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyStep {
    /// The text.
    pub body: String,
    /// How long after the text, in milliseconds.
    pub after_ms: u64,
    /// How often it is told, with the same event id: at most [`COPIES_LIMIT`].
    pub copies: u32,
    /// Pictures that come along.
    pub media: u32,
}

/// The most often that one event is told.
pub const COPIES_LIMIT: u32 = 10;

/// Everything that follows from one submission. Steps after an answer that does not deliver are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// What the caller hears.
    pub answer: Answer,
    /// How long the text waits at the carrier, in milliseconds.
    #[serde(default)]
    pub waits_ms: u64,
    /// What the carrier tells later.
    pub receipts: Vec<ReceiptStep>,
    /// What the person writes.
    pub replies: Vec<ReplyStep>,
}

impl Reaction {
    /// This answer, without receipts and replies.
    #[must_use]
    pub fn answering(answer: Answer) -> Self {
        Self { answer, waits_ms: 0, receipts: Vec::new(), replies: Vec::new() }
    }

    /// Accepted, and both receipts (sent, delivered) in the same instant.
    #[must_use]
    pub fn delivered() -> Self {
        Self::answering(Answer::Accept).receipt(ReceiptState::Sent, 0).receipt(ReceiptState::Delivered, 0)
    }

    /// But it waits at the carrier for so many milliseconds; receipts and answers are counted from then on.
    #[must_use]
    pub fn waiting(mut self, waits_ms: u64) -> Self {
        self.waits_ms = waits_ms;
        self
    }

    /// And this receipt after so many milliseconds.
    #[must_use]
    pub fn receipt(mut self, state: ReceiptState, after_ms: u64) -> Self {
        self.receipts.push(ReceiptStep { state, after_ms, copies: 1, failure: None });
        self
    }

    /// And a receipt, after so many milliseconds, that it did not arrive for this reason.
    #[must_use]
    pub fn failing(mut self, failure: FailureClass, after_ms: u64) -> Self {
        let state = ReceiptState::Undelivered;
        self.receipts.push(ReceiptStep { state, after_ms, copies: 1, failure: Some(failure) });
        self
    }

    /// And this answer of the person after so many milliseconds.
    #[must_use]
    pub fn reply(mut self, body: &str, after_ms: u64) -> Self {
        self.replies.push(ReplyStep { body: body.to_owned(), after_ms, copies: 1, media: 0 });
        self
    }

    /// What follows if the text's time is over before its turn comes: the carrier says so, if it would have said anything.
    pub(super) fn expired(&self) -> Self {
        let told = self.receipts.iter().map(|step| step.copies).max();
        let (state, failure) = (ReceiptState::Undelivered, Some(FailureClass::Expired));
        let step = |copies| ReceiptStep { state, after_ms: 0, copies, failure };
        Self { receipts: told.map(step).into_iter().collect(), replies: Vec::new(), ..self.clone() }
    }

    /// What the behaviour does with a submission of this luck.
    pub(super) fn draw(behaviour: &Behaviour, chance: Chance) -> Self {
        let answer = draw_answer(behaviour, chance);
        if !answer.delivers() {
            return Self::answering(answer);
        }
        Self {
            answer,
            waits_ms: draw_wait(behaviour, chance),
            receipts: draw_receipts(behaviour, chance),
            replies: draw_reply(behaviour, chance),
        }
    }
}

fn draw_answer(behaviour: &Behaviour, chance: Chance) -> Answer {
    let faults = &behaviour.faults;
    let mut luck = chance.unit("answer", 0);
    for (answer, rate) in [
        (Answer::Temporary, faults.temporary),
        (Answer::Throttled, faults.throttled),
        (Answer::Permanent, faults.permanent),
        (Answer::OptedOut, faults.opted_out),
        (Answer::SenderProblem, faults.sender_problem),
        (Answer::Rejected, faults.rejected),
        (Answer::LostAfter, faults.lost_after),
        (Answer::LostBefore, faults.lost_before),
    ] {
        if luck < rate {
            return answer;
        }
        luck -= rate;
    }
    Answer::Accept
}

fn draw_delay(chance: Chance, question: &str, nth: u64, delay: Delay) -> u64 {
    chance.between(question, nth, delay.min_ms, delay.max_ms)
}

fn draw_wait(behaviour: &Behaviour, chance: Chance) -> u64 {
    let waits = chance.happens("waits", 0, behaviour.backlog.rate);
    if waits { draw_delay(chance, "wait", 0, behaviour.backlog.delay) } else { 0 }
}

fn draw_receipts(behaviour: &Behaviour, chance: Chance) -> Vec<ReceiptStep> {
    let habit = &behaviour.receipts;
    let failure = draw_failure(behaviour, chance);
    let mut states = vec![ReceiptState::Sent];
    if chance.happens("failed", 0, habit.failed) {
        let half = chance.happens("undelivered", 0, 0.5);
        states.push(if half { ReceiptState::Undelivered } else { ReceiptState::Failed });
        if chance.happens("recovered", 0, habit.recovered) {
            states.push(ReceiptState::Delivered);
        }
    } else {
        states.push(ReceiptState::Delivered);
    }
    let mut delays: Vec<u64> =
        (0..).take(states.len()).map(|nth| draw_delay(chance, "receipt", nth, habit.delay)).collect();
    delays.sort_unstable();
    if chance.happens("out_of_order", 0, habit.out_of_order) {
        states.reverse();
    }
    let steps = (0..).zip(states.into_iter().zip(delays));
    let kept = steps.filter(|(nth, _)| !chance.happens("missing", *nth, habit.missing));
    kept.map(|(nth, (state, after_ms))| {
        let copies = 1 + u32::from(chance.happens("receipt_doubled", nth, habit.doubled));
        let failed = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed);
        ReceiptStep { state, after_ms, copies, failure: failure.filter(|_| failed) }
    })
    .collect()
}

/// The kind of failure that a failed text's receipt names.
fn draw_failure(behaviour: &Behaviour, chance: Chance) -> Option<FailureClass> {
    let habit = &behaviour.receipts;
    let mut luck = chance.unit("failure", 0);
    for (failure, rate) in [(FailureClass::BadNumber, habit.bad_number), (FailureClass::OptedOut, habit.opted_out)] {
        if luck < rate {
            return Some(failure);
        }
        luck -= rate;
    }
    None
}

fn draw_reply(behaviour: &Behaviour, chance: Chance) -> Vec<ReplyStep> {
    let habit = &behaviour.replies;
    if !chance.happens("reply", 0, habit.rate) {
        return Vec::new();
    }
    let body = draw_text(&habit.texts, chance).to_owned();
    let after_ms = draw_delay(chance, "reply_delay", 0, habit.delay);
    let copies = 1 + u32::from(chance.happens("reply_doubled", 0, habit.doubled));
    vec![ReplyStep { body, after_ms, copies, media: 0 }]
}

/// A text by its weight; the empty one where there is none, which validation forbids.
fn draw_text(texts: &[ReplyText], chance: Chance) -> &str {
    let total: u64 = texts.iter().map(|text| u64::from(text.weight)).sum();
    let mut luck = chance.between("text", 0, 0, total.saturating_sub(1));
    for text in texts {
        if luck < u64::from(text.weight) {
            return &text.body;
        }
        luck -= u64::from(text.weight);
    }
    ""
}
