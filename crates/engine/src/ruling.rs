//! What each ruling does to a message, its enrollment and its money.
//!
//! | ruling | message | money of the step | enrollment, if it still runs |
//! |---|---|---|---|
//! | sent | `sent` | earned; the carrier's smaller count comes back | next step, or completed |
//! | again | `queued` | stays prepaid | the same step at the later time |
//! | again, but the enrollment has ended | `canceled` | returned | stays ended |
//! | given up, or lost | `failed` | returned | next step, or completed |
//! | refused | `failed` | earned, or returned if the workspace says so | ends |
//! | taken, then refused by a receipt | `undelivered` | stays earned, or reversed if the workspace says so | ends |
//! | doubt | `in_doubt` | stays prepaid | waits |

use std::rc::Rc;

use domain::consent::Kind;
use domain::enrollment::EnrollmentState;
use domain::ids::{EnrollmentId, MessageId};
use domain::ledger::{self, Amounts, Cause, Reason, Unit};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use domain::suppression::Suppression;
use domain::unnamed::without_phones;
use domain::zones::Candidates;
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::claims::Advance;
use store::enrollments::Enrollment;
use store::messages::Message;
use store::receipts::CarrierId;
use store::{Tx, contacts, suppressions};

use crate::beat::Beat;
use crate::claim::later;
use crate::consents::{self, Heard};
use crate::failure::Failure;
use crate::receipts;
use crate::settings::Switch;
use crate::settle::{Answered, Fallen, Settling};

/// What the history keeps of a text that went. There is one for each, so it is written without a map between.
#[derive(Serialize)]
struct SentNote {
    kind: &'static str,
    message: MessageId,
    step: Option<u8>,
}

/// What a message cost, and under which cause its money moves.
struct Cost {
    cause: Cause,
    amounts: Amounts,
    segments: i64,
    rate: Micros,
}

impl Cost {
    /// What of it is credits and what is money, for so many segments: money first.
    fn part(&self, segments: i64) -> Amounts {
        let from_money = segments.min(self.segments - self.amounts.credits).max(0);
        let micros = self.rate.checked_times(from_money).unwrap_or_default().min(self.amounts.micros);
        Amounts { credits: (segments - from_money).min(self.amounts.credits), micros }
    }
}

fn cost(settling: &Settling<'_>, message: &Message) -> Option<Cost> {
    if let (Some((row, _)), Some(step)) = (settling.enrollment(message), message.step) {
        let price = row.prices.get(usize::from(step) - 1)?;
        let segments = i64::from(price.segments);
        return Some(Cost { cause: Cause::step(row.id, step), amounts: price.amounts(), segments, rate: row.rate });
    }
    let charged = message.kind == MessageKind::Manual && !message.amounts.is_zero();
    // The rate at which it was charged, whatever the workspace pays by now.
    let paid = message.segments - message.amounts.credits;
    let rate = if paid > 0 { Micros(message.amounts.micros.0 / paid) } else { Micros::ZERO };
    charged.then(|| Cost {
        cause: Cause::message(message.id),
        amounts: message.amounts,
        segments: message.segments,
        rate,
    })
}

fn post(settling: &mut Settling<'_>, message: &Message, reason: Reason) {
    if let Some(cost) = cost(settling, message) {
        settling.transfers.extend(ledger::transfers(cost.cause, reason, cost.amounts));
    }
}

/// The carrier has it.
pub(crate) fn sent(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    message: &mut Message,
    answer: &Answered,
) -> Result<(), Failure> {
    let now = settling.beat.now;
    message.state = MessageState::Sent;
    message.sent_at = Some(now);
    post(settling, message, Reason::Earn);
    if let Some(count) = answer.segments {
        correct(settling, message, i64::from(count));
    }
    let note = SentNote { kind: message.kind.word(), message: message.id, step: message.step };
    settling.events.push(settling.beat.event("message.sent", Some(message.contact), &note));
    let runs = next_step(settling, tx, message)?;
    settling.touch(message, runs);
    link(settling, tx, message, answer)
}

/// Remembers the carrier's identifier, and hears the receipts that waited for it.
fn link(settling: &mut Settling<'_>, tx: &mut Tx<'_>, message: &mut Message, answer: &Answered) -> Result<(), Failure> {
    let Some(carrier_id) = &answer.carrier_id else { return Ok(()) };
    message.carrier_id.get_or_insert_with(|| carrier_id.clone());
    if settling.is_linked(answer.attempt) {
        return Ok(());
    }
    let of = CarrierId { carrier: &answer.carrier, id: carrier_id };
    for parked in store::receipts::link(tx, settling.beat.workspace, of, message.id)? {
        receipts::unpark(settling, tx, message, &answer.carrier, &parked)?;
    }
    Ok(())
}

/// The answer came after a receipt had settled the message: what only the answer knows is still taken.
pub(crate) fn accepted_late(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    message: &mut Message,
    answer: &Answered,
) -> Result<(), Failure> {
    recount(settling, tx, message, answer.segments)?;
    link(settling, tx, message, answer)
}

/// The carrier's count of a text that is settled already: it corrects the price once, and not of what went back whole.
pub(crate) fn recount(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    message: &Message,
    counted: Option<u32>,
) -> Result<(), Failure> {
    if let (Some(count), Some(cost)) = (counted, cost(settling, message))
        && moved(tx, settling, &cost, Reason::Correction)?.is_zero()
        && moved(tx, settling, &cost, Reason::Reversal)?.is_zero()
    {
        correct(settling, message, i64::from(count));
    }
    Ok(())
}

/// What was posted for a message so far, or is about to be, for one reason.
fn moved(tx: &Tx<'_>, settling: &Settling<'_>, cost: &Cost, reason: Reason) -> Result<Amounts, Failure> {
    let posted = store::ledger::of_subject(tx, settling.beat.workspace, cost.cause.subject)?;
    let here = |step: i64, word: &str| step == i64::from(cost.cause.step) && word == reason.word();
    let stored = posted.iter().filter(|row| here(row.step, &row.reason)).map(|row| (row.unit.as_str(), row.amount));
    let coming = settling.transfers.iter().filter(|row| row.cause == cost.cause && row.reason == reason);
    let coming = coming.map(|row| (row.unit.word(), row.amount));
    Ok(stored.chain(coming).fold(Amounts::ZERO, |sum, (unit, amount)| {
        let credits = if unit == Unit::Segments.word() { amount } else { 0 };
        sum.plus(Amounts { credits, micros: Micros(amount - credits) })
    }))
}

/// The carrier had taken it and has refused it for good: where that is refunded, what was earned goes back.
pub(crate) fn reversed(settling: &mut Settling<'_>, tx: &mut Tx<'_>, message: &Message) -> Result<(), Failure> {
    let keep = message.enrollment.is_some() && settling.known.settings.refund_refused == Switch::Off;
    let Some(cost) = cost(settling, message).filter(|_| !keep) else { return Ok(()) };
    if moved(tx, settling, &cost, Reason::Reversal)?.is_zero() {
        let left = cost.amounts.less(moved(tx, settling, &cost, Reason::Correction)?);
        settling.transfers.extend(ledger::transfers(cost.cause, Reason::Reversal, left));
    }
    Ok(())
}

/// Gives back what the carrier counted less than was charged: money first, then credits. A text has one segment at
/// least: a carrier that says 0 has not counted yet (SMS §1.5).
fn correct(settling: &mut Settling<'_>, message: &Message, counted: i64) {
    let Some(cost) = cost(settling, message).filter(|_| counted > 0) else { return };
    let back = cost.part((cost.segments - counted).clamp(0, cost.segments));
    settling.transfers.extend(ledger::transfers(cost.cause, Reason::Correction, back));
}

/// It is tried again later, unless its enrollment has ended meanwhile.
pub(crate) fn again(settling: &mut Settling<'_>, message: &mut Message, at: Timestamp) {
    match settling.enrollment(message).map(|(row, runs)| (row.id, runs)) {
        Some((id, true)) => {
            message.state = MessageState::Queued;
            settling.holds.push((id, at));
        }
        Some((id, false)) => {
            message.state = MessageState::Canceled;
            post(settling, message, Reason::Return);
            settling.advances.push(leave(id, message));
        }
        None => {
            message.state = MessageState::Queued;
            message.due_at = Some(at);
        }
    }
}

/// An enrollment that has ended lets go of its last message.
fn leave(id: EnrollmentId, message: &Message) -> Advance {
    Advance { enrollment: id, step: message.step.unwrap_or(1), due: None, hour: None, completes: None }
}

/// It was not sent and is not tried again: tried for a day, or lost.
pub(crate) fn given_up(settling: &mut Settling<'_>, tx: &mut Tx<'_>, message: &mut Message) -> Result<(), Failure> {
    message.state = MessageState::Failed;
    post(settling, message, Reason::Return);
    failed_event(settling, message);
    next_step(settling, tx, message).map(drop)
}

/// The carrier will never take it.
pub(crate) fn refused(settling: &mut Settling<'_>, message: &mut Message, kind: Suppression) {
    message.state = MessageState::Failed;
    let keep = message.enrollment.is_some() && settling.known.settings.refund_refused == Switch::Off;
    post(settling, message, if keep { Reason::Earn } else { Reason::Return });
    failed_event(settling, message);
    settling.fall(message, kind);
    if let Some((id, false)) = settling.enrollment(message).map(|(row, runs)| (row.id, runs)) {
        settling.advances.push(leave(id, message));
    }
}

/// Puts a contact on a list, and tells.
pub(crate) fn suppress(tx: &mut Tx<'_>, beat: &Beat, fallen: &Fallen) -> Result<(), Failure> {
    let (contact, kind) = (fallen.contact, fallen.kind);
    let row = contacts::find(tx, beat.workspace, contact)?;
    // Of one that is erased nobody knows the phone any more.
    let Some(row) = row.filter(|row| row.erased_at.is_none()) else { return Ok(()) };
    if suppressions::add(tx, beat.workspace, (row.phone_hash, Some(row.id)), kind, "carrier", beat.now)? {
        crate::conversations::listed(tx, beat.workspace, contact, kind, true)?;
        let note = serde_json::json!({ "list": kind.word(), "source": "carrier" });
        beat.note(tx, "contact.suppressed", Some(contact), &note)?;
        if kind == Suppression::OptedOut {
            let words = fallen.code.as_deref().unwrap_or_default();
            let heard = Heard { kind: Kind::Revoked, source: "carrier", words, message: Some(fallen.message) };
            consents::keep(tx, beat, &row, &heard)?;
        }
    }
    Ok(())
}

/// Nobody knows yet; with no time given only a person can tell.
pub(crate) fn doubt(settling: &mut Settling<'_>, message: &mut Message, at: Option<Timestamp>) {
    let news = message.state != MessageState::InDoubt || at.is_none();
    message.state = MessageState::InDoubt;
    message.due_at = at;
    if news {
        let who = if at.is_some() { "carrier" } else { "person" };
        let note = serde_json::json!({ "message": message.id, "step": message.step, "settled_by": who });
        settling.events.push(settling.beat.event("message.in_doubt", Some(message.contact), &note));
    }
}

fn failed_event(settling: &mut Settling<'_>, message: &Message) {
    let detail = message.detail.as_deref().map(without_phones);
    let note =
        serde_json::json!({ "message": message.id, "step": message.step, "code": message.code, "detail": detail });
    settling.events.push(settling.beat.event("message.failed", Some(message.contact), &note));
}

/// Moves the enrollment past the step of this message; says which, if it goes on.
fn next_step(settling: &mut Settling<'_>, tx: &mut Tx<'_>, message: &Message) -> Result<Option<EnrollmentId>, Failure> {
    let row = message.enrollment.and_then(|id| settling.enrollments.get(&id)).map(Rc::clone);
    let (Some(row), Some(step)) = (row, message.step) else { return Ok(None) };
    // The send itself counts, not the hour at which a lost answer was found out.
    let went_at = message.claimed_at.unwrap_or(settling.beat.now);
    Ok(after(settling, tx, &row, step, went_at)?.map(|_| row.id))
}

/// Moves an enrollment past a step that went, or would have gone, at this time; says when the next one is due.
pub(crate) fn after(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    row: &Enrollment,
    step: u8,
    went_at: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let (next, runs) = (step + 1, row.state == EnrollmentState::Active);
    let hour = match row.hour_minute {
        Some(hour) => hour,
        None => local_minute(&settling.places.of(&row.place)?.thawed, went_at),
    };
    let due = if runs { due_after(settling, tx, row, next, hour, went_at)? } else { None };
    let completes = (runs && due.is_none()).then_some(row.workflow);
    if completes.is_some() {
        let note = serde_json::json!({ "enrollment": row.id, "workflow": row.workflow });
        settling.events.push(settling.beat.event("enrollment.completed", Some(row.contact), &note));
    }
    let micros = due.map(Timestamp::as_microsecond);
    settling.advances.push(Advance { enrollment: row.id, step: next, due: micros, hour: Some(hour), completes });
    Ok(due)
}

/// When the step is due, counted from the send before it; nothing if there is no such step.
fn due_after(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    row: &Enrollment,
    step: u8,
    hour_minute: i64,
    went_at: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let steps = settling.steps.of(tx, settling.beat.workspace, row.workflow, row.version)?;
    let Some(next) = steps.get(usize::from(step) - 1) else { return Ok(None) };
    let clock = i8::try_from(hour_minute / 60).ok().zip(i8::try_from(hour_minute % 60).ok());
    let hour = clock.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    let hour = hour.ok_or_else(|| Failure::Stored(format!("{} has the minute {hour_minute}", row.id)))?;
    let planned = settling.places.of(&row.place)?.next_due(went_at, hour, next.gap_days);
    // A window that never opens is looked at again by the claim, day by day.
    let blocked = || later(went_at, SignedDuration::from_hours(24 * i64::from(next.gap_days)));
    Ok(Some(planned.unwrap_or_else(blocked)))
}

/// The minute of the day on the contact's clock.
fn local_minute(place: &Candidates, at: Timestamp) -> i64 {
    let local = place.primary.local(at);
    i64::from(local.hour()) * 60 + i64::from(local.minute())
}
