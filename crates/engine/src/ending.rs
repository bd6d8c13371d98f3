//! Ending enrollments early, and giving back what was not sent. The one place that does either.
//!
//! | the next step's message | counts as | comes back |
//! |---|---|---|
//! | not claimed yet | unsent | from that step on |
//! | waits for its retry | unsent; it is canceled | from that step on |
//! | with the carrier, or in doubt | sent | from the step after it on |
//! | refused by the carrier | attempted; its own money is settled by the refusal | from the step after it on |
//!
//! The stop itself, [`store::enrollments::stop`], carries `state = 'active'`: whoever commits first
//! wins, and an enrollment is ended and refunded once.

use domain::enrollment::{self, EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, MessageId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::message::MessageState;
use rustc_hash::FxHashMap;
use store::enrollments::{self, Enrollment};
use store::messages::{self, Message};
use store::{Tx, events};

use crate::beat::{Beat, StoppedNote};
use crate::failure::Failure;

/// An enrollment that was ended, and what came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub enrollment: EnrollmentId,
    /// Whose.
    pub contact: ContactId,
    /// What was refunded.
    pub refunded: Amounts,
}

/// Ends those of these enrollments that still run, cancels what waits, refunds what was not sent.
pub(crate) fn stop(
    tx: &mut Tx<'_>,
    beat: &Beat,
    ids: &[EnrollmentId],
    reason: StopReason,
) -> Result<Vec<Ended>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let locked = enrollments::lock(tx, beat.workspace, ids)?;
    let running = locked.into_iter().filter(|row| row.state == EnrollmentState::Active);
    stop_locked(tx, beat, running.map(|row| (reason, row)).collect())
}

/// The same for rows that run and that the transaction has locked, each for its reason. All that comes back is one posting: the rows of balances are
/// taken once, in the order in which everybody takes them.
pub(crate) fn stop_locked(
    tx: &mut Tx<'_>,
    beat: &Beat,
    running: Vec<(StopReason, Enrollment)>,
) -> Result<Vec<Ended>, Failure> {
    let mut stopping = Vec::new();
    for reason in reasons(&running) {
        let of = running.iter().filter(|(why, _)| *why == reason);
        let keys: Vec<EnrollmentId> = of.map(|(_, row)| row.id).collect();
        stopping.push((keys.len(), enrollments::stop(tx, beat.workspace, &keys, reason, beat.now)?));
    }
    let stored = running.iter().filter(|(_, row)| row.claimed_at.is_none());
    let waiting: Vec<MessageId> = stored.filter_map(|(_, row)| row.message).collect();
    let messages = lock_messages(tx, beat, &waiting)?;
    let mut ended = Vec::with_capacity(running.len());
    let (mut transfers, mut notes) = (Vec::new(), Vec::new());
    for (reason, row) in &running {
        let message = row.message.and_then(|id| messages.get(&id));
        let unsent_from = unsent_from(row, message);
        if let Some(message) = message.filter(|message| message.state == MessageState::Queued) {
            cancel(tx, beat, message)?;
        }
        let refunded = enrollment::unsent(&row.prices, unsent_from);
        transfers.extend(ledger::transfers(Cause::enrollment(row.id), Reason::Refund, refunded));
        notes.push(beat.event("enrollment.stopped", Some(row.contact), &note(row, *reason, refunded)));
        ended.push(Ended { enrollment: row.id, contact: row.contact, refunded });
    }
    store::ledger::post(tx, beat.workspace, &transfers, beat.now)?;
    for (ran, stopping) in stopping {
        let stopped = enrollments::stopped(tx, beat.workspace, stopping)?.len();
        if stopped != ran {
            return Err(Failure::Stored(format!("of {ran} enrollments that ran {stopped} were stopped")));
        }
    }
    events::insert(tx, beat.workspace, &notes)?;
    Ok(ended)
}

/// Each reason once.
fn reasons(running: &[(StopReason, Enrollment)]) -> Vec<StopReason> {
    let mut reasons: Vec<StopReason> = Vec::new();
    for (reason, _) in running {
        if !reasons.contains(reason) {
            reasons.push(*reason);
        }
    }
    reasons
}

/// Ends what runs of these contacts, which the transaction has locked.
pub(crate) fn stop_of(
    tx: &mut Tx<'_>,
    beat: &Beat,
    contacts: &[ContactId],
    reason: StopReason,
) -> Result<Vec<Ended>, Failure> {
    let running = enrollments::lock_running(tx, beat.workspace, contacts)?;
    stop_locked(tx, beat, running.into_iter().map(|row| (reason, row)).collect())
}

fn unsent_from(row: &Enrollment, message: Option<&Message>) -> u8 {
    let attempted = row.claimed_at.is_some() || message.is_some_and(|message| message.state != MessageState::Queued);
    row.next_step + u8::from(attempted)
}

fn note(row: &Enrollment, reason: StopReason, refunded: Amounts) -> StoppedNote {
    StoppedNote {
        enrollment: row.id.to_string(),
        workflow: row.workflow.to_string(),
        reason: StoppedNote::reason(reason),
        next_step: row.next_step,
        refunded_credits: refunded.credits,
        refunded_micros: refunded.micros.0,
    }
}

fn cancel(tx: &mut Tx<'_>, beat: &Beat, message: &Message) -> Result<(), Failure> {
    let canceled = Message { state: MessageState::Canceled, due_at: None, state_at: beat.now, ..message.clone() };
    Ok(messages::save(tx, beat.workspace, &canceled)?)
}

pub(crate) fn lock_messages(
    tx: &mut Tx<'_>,
    beat: &Beat,
    ids: &[MessageId],
) -> Result<FxHashMap<MessageId, Message>, Failure> {
    if ids.is_empty() {
        return Ok(FxHashMap::default());
    }
    let rows = messages::lock(tx, beat.workspace, ids)?;
    Ok(rows.into_iter().map(|message| (message.id, message)).collect())
}
