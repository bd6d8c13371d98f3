//! Everything behind the simulator's lock, and what one call does to it.
//!
//! | call | under the journal's turn | then |
//! |---|---|---|
//! | submit | read the others' lines, choose the reaction, write the text | queue receipts and replies, answer |
//! | reply | read, write the reply | queue the inbound event |
//! | find | read | answer from what arrived |

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::behaviour::Behaviour;
use super::chance::{Chance, digest};
use super::handsets::{HandsetText, Handsets, Stats, carrier_id};
use super::journal::{Journal, Record, Turn};
use super::queue::{Queue, later};
use super::reaction::{Answer, COPIES_LIMIT, Reaction};
use crate::capabilities::{StopAnswer, Support};
use crate::wire::{
    CarrierEvent, E164, FailureClass, Finding, Inbound, Outcome, Receipt, ReceiptState, Sought, Submission,
};

/// The state of the simulated world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) behaviour: Behaviour,
    seed: u64,
    pub(super) handsets: Handsets,
    pub(super) queue: Queue,
    journal: Option<Journal>,
    scripts: HashMap<E164, VecDeque<Reaction>>,
    /// How often each text was submitted, whatever came of it.
    tries: HashMap<u64, u32>,
}

/// The text and its handset in 64 bits: two different ones meet once in billions of billions.
fn text_digest(seed: u64, to: &str, body: &str) -> u64 {
    digest(seed, &[to.as_bytes(), body.as_bytes()])
}

/// Takes over what others wrote.
fn read_news(turn: &mut Turn<'_>, seed: u64, handsets: &mut Handsets) -> io::Result<()> {
    turn.read(|record| match record {
        Record::Text { to, text, taken_at } => {
            let taken_at = taken_at.unwrap_or(text.at);
            handsets.receive(&to, text_digest(seed, &to, &text.body), text, taken_at);
        }
        Record::Expired { attempt, taken_at } => handsets.expire(attempt, taken_at),
        Record::Reply { from, body, .. } => {
            handsets.wrote(&from);
            handsets.hear(&from, &body);
        }
    })
}

impl World {
    pub(super) fn new(behaviour: Behaviour, seed: u64) -> Self {
        Self {
            behaviour,
            seed,
            handsets: Handsets::default(),
            queue: Queue::default(),
            journal: None,
            scripts: HashMap::new(),
            tries: HashMap::new(),
        }
    }

    pub(super) fn open_journal(&mut self, path: &Path) -> io::Result<()> {
        self.journal = Some(Journal::open(path)?);
        self.catch_up()
    }

    /// Reads what other processes wrote into the journal.
    pub(super) fn catch_up(&mut self) -> io::Result<()> {
        match &mut self.journal {
            Some(journal) => read_news(&mut journal.turn()?, self.seed, &mut self.handsets),
            None => Ok(()),
        }
    }

    pub(super) fn text_digest(&self, to: &str, body: &str) -> u64 {
        text_digest(self.seed, to, body)
    }

    pub(super) fn script(&mut self, phone: &str, reactions: Vec<Reaction>) {
        self.scripts.insert(phone.to_owned(), reactions.into());
    }

    pub(super) fn stats(&self) -> Stats {
        let (pending, events_lost) = self.queue.counts();
        let torn_lines = self.journal.as_ref().map_or(0, Journal::torn);
        Stats { events_pending: pending as u64, events_lost, torn_lines, ..self.handsets.stats() }
    }

    /// A journal that fails is a carrier that is down: the text did not arrive.
    pub(super) fn submit(&mut self, submission: &Submission, now: Timestamp) -> Outcome {
        self.try_submit(submission, now).unwrap_or_else(|error| {
            tracing::error!(%error, "the simulator's journal cannot be used");
            let reason = "the simulator's journal cannot be used".to_owned();
            Outcome::Temporary { code: "journal".to_owned(), reason, retry_after: None }
        })
    }

    fn try_submit(&mut self, submission: &Submission, now: Timestamp) -> io::Result<Outcome> {
        let mut turn = self.journal.as_mut().map(Journal::turn).transpose()?;
        if let Some(turn) = &mut turn {
            read_news(turn, self.seed, &mut self.handsets)?;
        }
        let Submission { attempt, to, .. } = submission;
        let taken = self.handsets.taken(*attempt);
        if taken.is_some() && self.behaviour.idempotency == Support::Offered {
            return Ok(Outcome::Accepted { carrier_id: carrier_id(*attempt, 1), segments: None });
        }
        if self.behaviour.stop_answer == StopAnswer::Carrier && self.handsets.is_opted_out(to) {
            return Ok(refusal(Answer::OptedOut, &self.behaviour));
        }
        let text = text_digest(self.seed, to, &submission.body);
        let tries = self.tries.entry(text).or_insert_with(|| self.handsets.count_of(text));
        let chance = Chance::of(text, *tries);
        *tries += 1;
        let scripted = self.scripts.get_mut(to).and_then(VecDeque::pop_front);
        let reaction = scripted.unwrap_or_else(|| Reaction::draw(&self.behaviour, chance));
        if !reaction.answer.delivers() {
            return Ok(refusal(reaction.answer, &self.behaviour));
        }
        let nth = taken.map_or(0, |taken| taken.arrived + taken.expired) + 1;
        let arrives = later(now, reaction.waits_ms);
        let expires = arrives > submission.deliver_by && self.behaviour.expiry == Support::Offered;
        let received = (!expires).then(|| arriving(submission, nth, arrives));
        if let Some(turn) = &mut turn {
            turn.append(&record(submission, received.as_ref(), now))?;
        }
        drop(turn);
        match received {
            Some(received) => self.handsets.receive(to, text, received, now),
            None => self.handsets.expire(*attempt, now),
        }
        let fewer = chance.happens("fewer_segments", 0, self.behaviour.faults.fewer_segments);
        let segments = if fewer { submission.segments.saturating_sub(1).max(1) } else { submission.segments };
        let at = if expires { submission.deliver_by.max(now) } else { arrives };
        let sent = Sent { submission, carrier_id: carrier_id(*attempt, nth), segments, chance, at };
        let follows = if expires { reaction.expired() } else { reaction };
        self.plan(&sent, &follows);
        Ok(match follows.answer {
            Answer::LostAfter => refusal(Answer::LostAfter, &self.behaviour),
            _ => Outcome::Accepted { carrier_id: sent.carrier_id, segments: Some(segments) },
        })
    }

    /// Queues what the carrier will tell of a text.
    fn plan(&mut self, sent: &Sent<'_>, reaction: &Reaction) {
        let Submission { attempt, from, to, .. } = sent.submission;
        for (nth, step) in (0u64..).zip(&reaction.receipts) {
            let failed = matches!(step.state, ReceiptState::Undelivered | ReceiptState::Failed);
            let event = CarrierEvent::Receipt(Receipt {
                event_id: format!("{}_receipt_{nth}", sent.carrier_id),
                carrier_id: sent.carrier_id.clone(),
                from: from.clone(),
                attempt: (self.behaviour.echo == Support::Offered).then_some(*attempt),
                state: step.state,
                code: failed.then(|| code_of(step.failure).to_owned()),
                failure: step.failure.filter(|_| failed),
                segments: Some(sent.segments),
                cost: None,
                at: later(sent.at, step.after_ms),
            });
            self.repeat(step.copies, sent.chance.bits("receipt_tie", nth), &event);
        }
        for (nth, step) in (0u64..).zip(&reaction.replies) {
            let event = CarrierEvent::Inbound(Inbound {
                event_id: format!("{}_reply_{nth}", sent.carrier_id),
                from: to.clone(),
                to: from.clone(),
                body: step.body.clone(),
                media: step.media,
                signal: None,
                at: later(sent.at, step.after_ms),
            });
            self.repeat(step.copies, sent.chance.bits("reply_tie", nth), &event);
        }
    }

    fn repeat(&mut self, copies: u32, tie: u64, event: &CarrierEvent) {
        for _ in 0..copies.min(COPIES_LIMIT) {
            self.queue.push(tie, event.clone());
        }
    }

    pub(super) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<CarrierEvent> {
        let due = self.queue.take_due(now, limit);
        for event in &due {
            if let CarrierEvent::Inbound(inbound) = event {
                self.handsets.hear(&inbound.from, &inbound.body);
            }
        }
        due
    }

    /// What the person writes: a text, or nothing with so many pictures.
    pub(super) fn reply(
        &mut self,
        from: &str,
        to: &str,
        (body, media): (&str, u32),
        now: Timestamp,
    ) -> io::Result<CarrierEvent> {
        if let Some(journal) = &mut self.journal {
            let mut turn = journal.turn()?;
            read_news(&mut turn, self.seed, &mut self.handsets)?;
            let (from, to, body) = (from.to_owned(), to.to_owned(), body.to_owned());
            turn.append(&Record::Reply { from, to, body, at: now })?;
        }
        let nth = self.handsets.wrote(from);
        // Unique without a journal too, when handsets begin anew beside an old database.
        let phone = digest(self.seed, &[from.as_bytes()]);
        let event_id = format!("sim_in_{phone:016x}_{}_{nth}", now.as_microsecond());
        let (from, to, body) = (from.to_owned(), to.to_owned(), body.to_owned());
        let event = CarrierEvent::Inbound(Inbound { event_id, from, to, body, media, signal: None, at: now });
        self.queue.push(nth, event.clone());
        Ok(event)
    }

    pub(super) fn find(&mut self, sought: &Sought, now: Timestamp) -> Finding {
        if self.behaviour.find == Support::Missing {
            return Finding::Unsupported;
        }
        let Submission { attempt, to, body, .. } = &sought.submission;
        let luck = Chance::of(text_digest(self.seed, to, body), 0);
        if luck.happens("find", now.as_microsecond().cast_unsigned(), self.behaviour.faults.find_unavailable) {
            return Finding::Unavailable { reason: "the simulated search is down".to_owned() };
        }
        if let Err(error) = self.catch_up() {
            tracing::error!(%error, "the simulator's journal cannot be read");
            return Finding::Unavailable { reason: "the simulator's journal cannot be read".to_owned() };
        }
        match self.handsets.taken(*attempt) {
            Some(taken) if later(taken.first_at, self.behaviour.find_lag_ms) <= now => {
                Finding::Sent { carrier_id: carrier_id(*attempt, 1) }
            }
            _ => Finding::NotFound,
        }
    }
}

/// A text on its way, with what its news needs.
struct Sent<'a> {
    submission: &'a Submission,
    carrier_id: String,
    segments: u32,
    chance: Chance,
    at: Timestamp,
}

fn arriving(submission: &Submission, nth: u32, at: Timestamp) -> HandsetText {
    let Submission { attempt, from, body, segments, .. } = submission.clone();
    HandsetText { attempt, nth, from, body, segments, at }
}

/// What the journal keeps of a text that was taken now: its arrival, or that there will be none.
fn record(submission: &Submission, received: Option<&HandsetText>, now: Timestamp) -> Record {
    let (to, attempt) = (submission.to.clone(), submission.attempt);
    match received.cloned() {
        Some(text) => Record::Text { to, taken_at: (text.at > now).then_some(now), text },
        None => Record::Expired { attempt, taken_at: now },
    }
}

/// The simulator's code of a failed text.
fn code_of(failure: Option<FailureClass>) -> &'static str {
    match failure {
        None => "sim_undelivered",
        Some(FailureClass::Temporary) => "sim_unreachable",
        Some(FailureClass::Expired) => "sim_expired",
        Some(FailureClass::BadNumber) => "sim_invalid",
        Some(FailureClass::OptedOut) => "sim_opted_out",
        Some(FailureClass::Blocked) => "sim_blocked",
        Some(FailureClass::Filtered) => "sim_filtered",
        Some(FailureClass::SenderProblem) => "sim_sender",
    }
}

/// What the caller hears when it does not hear that the text was taken.
fn refusal(answer: Answer, behaviour: &Behaviour) -> Outcome {
    let code = |code: &str| code.to_owned();
    match answer {
        Answer::Temporary => {
            Outcome::Temporary { code: code("sim_busy"), reason: code("the carrier is busy"), retry_after: None }
        }
        Answer::Throttled => {
            let seconds = i64::from(behaviour.faults.retry_after_seconds);
            let retry_after = Some(SignedDuration::from_secs(seconds));
            Outcome::Temporary { code: code("sim_429"), reason: code("too many requests"), retry_after }
        }
        Answer::Permanent => Outcome::Permanent { code: code("sim_invalid"), reason: code("the number is not in use") },
        Answer::OptedOut => {
            Outcome::OptedOut { code: code("sim_opted_out"), reason: code("the contact opted out at the carrier") }
        }
        Answer::SenderProblem => {
            Outcome::SenderProblem { code: code("sim_sender"), reason: code("our number may not send") }
        }
        Answer::Rejected => {
            Outcome::Rejected { code: code("sim_filtered"), reason: code("the text was taken for spam") }
        }
        Answer::Accept | Answer::LostAfter | Answer::LostBefore => {
            Outcome::InDoubt { reason: code("the answer was lost") }
        }
    }
}
