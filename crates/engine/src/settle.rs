//! Settling: what the answers of carriers change, in one transaction for whatever has answered.
//!
//! An answer counts only where its attempt still matches: the message is in flight and on that try.
//! Locks are taken in the order of the house: numbers, enrollments, messages, accounts.

use std::collections::{HashMap, HashSet};

use domain::attempt::{self, Answer, Doubt, Found, Verdict};
use domain::enrollment::EnrollmentState;
use domain::ids::{AttemptId, ContactId, EnrollmentId, MessageId};
use domain::ledger::Transfer;
use domain::suppression::Suppression;
use jiff::Timestamp;
use store::claims::{self, Advance};
use store::conversations::{self, Side, Touch};
use store::enrollments::{self, Enrollment};
use store::events::{self, Event};
use store::messages::{self, MAX_ATTEMPTS, Message};
use store::{Tx, numbers};

use crate::beat::Beat;
use crate::ending;
use crate::facts::{self, Known, Steps};
use crate::failure::Failure;
use crate::ruling;

/// What a carrier said of one attempt, in the engine's words.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) attempt: AttemptId,
    pub(crate) enrollment: Option<EnrollmentId>,
    pub(crate) carrier: String,
    pub(crate) said: Said,
    pub(crate) carrier_id: Option<String>,
    /// The carrier's own count of segments.
    pub(crate) segments: Option<u32>,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
}

/// The answer to a submission, or to the search for an attempt in doubt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Said {
    Submitted(Answer),
    Found(Found),
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It was sent.
    Sent,
    /// It is tried again at this time.
    Again(Timestamp),
    /// Not sent and not tried again; the enrollment goes on.
    GivenUp,
    /// The carrier will never take it; the contact goes on this list and its enrollment ends.
    Refused(Suppression),
    /// In doubt; looked at again at this time.
    Doubt(Timestamp),
    /// In doubt; only a person can settle it.
    ForAPerson,
}

/// Everything that a settling transaction collects before it writes.
pub(crate) struct Settling<'a> {
    pub(crate) beat: &'a Beat,
    pub(crate) known: Known,
    pub(crate) steps: Steps,
    pub(crate) enrollments: HashMap<EnrollmentId, Enrollment>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) advances: Vec<Advance>,
    pub(crate) holds: Vec<(EnrollmentId, Timestamp)>,
    pub(crate) events: Vec<Event>,
    pub(crate) touches: Vec<Touch>,
    pub(crate) refused: Vec<(EnrollmentId, Suppression)>,
    pub(crate) suppressed: Vec<(ContactId, Suppression)>,
}

/// Settles what has answered. Answers to attempts that are no longer on their way change nothing.
pub(crate) fn settle(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, answers: &[Answered]) -> Result<(), Failure> {
    pause_numbers(tx, beat, answers)?;
    let mut settling = Settling::new(tx, beat, steps, answers.iter().filter_map(|answer| answer.enrollment))?;
    let ids: Vec<MessageId> = answers.iter().map(|answer| messages::of_attempt(answer.attempt).0).collect();
    let mut locked = ending::lock_messages(tx, beat, &ids)?;
    for answer in answers {
        let (id, tried) = messages::of_attempt(answer.attempt);
        let Some(message) = locked.get_mut(&id) else { continue };
        if !message.state.is_in_flight() || message.attempts != tried {
            continue;
        }
        if matches!(answer.said, Said::Found(Found::NotFound)) {
            message.sought += 1;
        }
        let ruling = rule(answer, message, beat.now);
        settling.apply(tx, message, answer, ruling)?;
    }
    settling.finish(tx)
}

/// Applies one ruling by a person or a receipt to one message in flight.
pub(crate) fn settle_one(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    message: &mut Message,
    answer: &Answered,
    ruling: Ruling,
) -> Result<(), Failure> {
    let mut settling = Settling::new(tx, beat, steps, message.enrollment.into_iter())?;
    let mut locked = ending::lock_messages(tx, beat, &[message.id])?;
    if let Some(now) = locked.remove(&message.id) {
        *message = now;
    }
    if message.state.is_in_flight() {
        settling.apply(tx, message, answer, ruling)?;
    }
    settling.finish(tx)
}

fn rule(answer: &Answered, message: &Message, now: Timestamp) -> Ruling {
    match answer.said {
        Said::Submitted(said) => {
            let give_up_at = message.give_up_at.unwrap_or(now);
            let luck = answer.attempt.0.unsigned_abs() >> 5;
            match attempt::verdict(said, message.attempts, MAX_ATTEMPTS, give_up_at, now, luck) {
                Verdict::Sent => Ruling::Sent,
                Verdict::Again(at) => Ruling::Again(at),
                Verdict::GivenUp => Ruling::GivenUp,
                Verdict::Refused if said == Answer::OptedOut => Ruling::Refused(Suppression::OptedOut),
                Verdict::Refused => Ruling::Refused(Suppression::Undeliverable),
                Verdict::Doubt(at) => Ruling::Doubt(at),
            }
        }
        Said::Found(found) => match attempt::doubt(found, message.sought, now) {
            Doubt::Sent => Ruling::Sent,
            Doubt::Ask(at) => Ruling::Doubt(at),
            Doubt::Lost => Ruling::GivenUp,
            Doubt::ForAPerson => Ruling::ForAPerson,
        },
    }
}

/// Pauses the numbers that a carrier has trouble with, and tells.
fn pause_numbers(tx: &mut Tx<'_>, beat: &Beat, answers: &[Answered]) -> Result<(), Failure> {
    let troubled = |answer: &&Answered| matches!(answer.said, Said::Submitted(Answer::SenderProblem));
    let attempts: Vec<&Answered> = answers.iter().filter(troubled).collect();
    if attempts.is_empty() {
        return Ok(());
    }
    let mut all = numbers::lock(tx, beat.workspace)?;
    let mut paused = HashSet::new();
    for answer in attempts {
        let message = messages::find(tx, beat.workspace, messages::of_attempt(answer.attempt).0)?;
        let Some(number) = message.and_then(|message| all.iter_mut().find(|number| number.id == message.number)) else {
            continue;
        };
        if number.state == "live" && paused.insert(number.id) {
            "paused".clone_into(&mut number.state);
            numbers::update(tx, beat.workspace, number)?;
            let note = serde_json::json!({ "number": number.phone, "code": answer.code, "detail": answer.detail });
            beat.note(tx, "number.paused", None, &note)?;
        }
    }
    Ok(())
}

impl<'a> Settling<'a> {
    fn new(
        tx: &mut Tx<'_>,
        beat: &'a Beat,
        steps: &Steps,
        ids: impl Iterator<Item = EnrollmentId>,
    ) -> Result<Self, Failure> {
        let ids: Vec<EnrollmentId> = ids.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let rows = if ids.is_empty() { Vec::new() } else { enrollments::lock(tx, beat.workspace, &ids)? };
        Ok(Self {
            beat,
            known: facts::workspace_of(tx, beat.workspace)?,
            steps: steps.clone(),
            enrollments: rows.into_iter().map(|row| (row.id, row)).collect(),
            transfers: Vec::new(),
            advances: Vec::new(),
            holds: Vec::new(),
            events: Vec::new(),
            touches: Vec::new(),
            refused: Vec::new(),
            suppressed: Vec::new(),
        })
    }

    fn apply(
        &mut self,
        tx: &mut Tx<'_>,
        message: &mut Message,
        answer: &Answered,
        ruling: Ruling,
    ) -> Result<(), Failure> {
        message.code.clone_from(&answer.code);
        message.detail.clone_from(&answer.detail);
        message.state_at = self.beat.now;
        message.due_at = None;
        match ruling {
            Ruling::Sent => ruling::sent(self, tx, message, answer)?,
            Ruling::Again(at) => ruling::again(self, message, at),
            Ruling::GivenUp => ruling::given_up(self, tx, message)?,
            Ruling::Refused(kind) => ruling::refused(self, message, kind),
            Ruling::Doubt(at) => ruling::doubt(self, message, Some(at)),
            Ruling::ForAPerson => ruling::doubt(self, message, None),
        }
        Ok(messages::save(tx, self.beat.workspace, message)?)
    }

    /// The enrollment of a message, and whether it still runs.
    pub(crate) fn enrollment(&self, message: &Message) -> Option<(&Enrollment, bool)> {
        let row = self.enrollments.get(&message.enrollment?)?;
        Some((row, row.state == EnrollmentState::Active))
    }

    pub(crate) fn touch(&mut self, message: &Message) {
        self.touches.retain(|touch| touch.contact != message.contact);
        self.touches.push(Touch { contact: message.contact, message: message.id, side: Side::Outbound });
    }

    /// Writes what was collected; refusals end their enrollments last, when their messages are settled.
    fn finish(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let workspace = self.beat.workspace;
        claims::advance(tx, workspace, &self.advances, self.beat.now)?;
        claims::hold(tx, workspace, &self.holds)?;
        conversations::touch(tx, workspace, &self.touches, self.beat.now)?;
        store::ledger::post(tx, workspace, &self.transfers, self.beat.now)?;
        events::insert(tx, workspace, &self.events)?;
        for (id, kind) in self.refused {
            ending::stop(tx, self.beat, &[id], kind.stop_reason())?;
        }
        // After the accounts, as an inbound opt-out has it: two that meet here wait in one order.
        for (contact, kind) in self.suppressed {
            ruling::suppress(tx, self.beat, contact, kind)?;
        }
        Ok(())
    }
}
