//! Messages outside of workflows: those that a person writes, and the product's own confirmations.
//!
//! A manual message is charged when it is claimed, in full or not at all, and given back if the
//! carrier refused it. The send window and the caps hold for it unless the contact wrote in the
//! last half hour: then it is a conversation, and may be delivered as long as it is one. A system message (the opt-out confirmation, the
//! answer to HELP) goes at once, also to a suppressed contact, and costs nothing; if it had to wait,
//! it does not go after a later opt-out or the taking back of the one that it confirms, nor after half an hour.

use domain::access::Permission;
use domain::enrollment::{self, StopReason};
use domain::ids::{ContactId, NumberId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::message::{MessageKind, MessageState};
use domain::quote::Sender;
use domain::refusal::Unready;
use domain::suppression::Suppression;
use domain::tariff::Country;
use domain::template::{self, MAX_SEGMENTS_PER_MESSAGE};
use domain::{deadline, rules, segments};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::contacts::{self, Contact};
use store::conversations::{self, Side, Touch};
use store::messages::{self, Message};
use store::numbers::{self, Number};
use store::{Lane, Tx, runs, suppressions};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::claim::{Claim, Claimed, Room, Work, free_again, later, resend, sent_in_a_day};
use crate::engine::Engine;
use crate::facts::{self, Known};
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::on_the_way;
use crate::skipping::{self, SkipError, Skipped};
use crate::suspension;

/// For how long after an inbound message a person's answer counts as conversation (SMS §4.2).
const CONVERSATION: SignedDuration = SignedDuration::from_mins(30);
/// Most messages outside of workflows that one claim looks at.
const OUTSIDE_PER_CLAIM: i64 = 200;
/// The longest wait until a message by hand asks again whether the limits have room.
const LIMIT_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// The least wait for a number whose pace is used up.
const PACE_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// Why a manual message is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The actor may not send.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact in the workspace.
    #[error("the contact does not exist")]
    ContactUnknown,
    /// The text is empty.
    #[error("the message is empty")]
    Empty,
    /// The text is too long.
    #[error("the message has {segments} segments; at most {MAX_SEGMENTS_PER_MESSAGE} are allowed")]
    TooLong {
        /// How many it has.
        segments: usize,
    },
    /// The contact must not be texted.
    #[error("the contact is on the list {}", .0.word())]
    Suppressed(Suppression),
    /// The workspace has no active plan.
    #[error("the workspace has no active messaging plan")]
    NoMessagingPlan,
    /// The operator has the workspace send nothing.
    #[error("this workspace is suspended: {reason}; ask who runs this installation")]
    Suspended {
        /// Why, in the operator's words.
        reason: String,
    },
    /// The workspace has no live number.
    #[error("no sending number is assigned to the contact and none can be")]
    NoOutboundNumber,
    /// The contact's number does not text it now.
    #[error("the sending number {phone} {why}")]
    NumberNotReady {
        /// The number.
        phone: String,
        /// Why not.
        why: Unready,
    },
    /// Credits and wallet do not cover it.
    #[error("credits and wallet do not cover the message")]
    InsufficientFunds,
    /// The message of the workflow that was to be left out cannot be held back any more.
    #[error("message {0} of the workflow is on its way or was sent already; nothing was sent or left out")]
    NotSkipped(u8),
    /// The key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<store::DbError> for SendError {
    fn from(error: store::DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// A message that was taken, and what ended with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentAndStopped {
    /// The message.
    pub message: Message,
    /// Whether a workflow ran and has ended.
    pub ended: bool,
    /// What came back for it.
    pub refunded: Amounts,
}

/// A message that was taken, and what was left out with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentAndSkipped {
    /// The message.
    pub message: Message,
    /// What was left out; nothing if no workflow ran any more.
    pub skipped: Option<Skipped>,
}

impl Engine {
    /// Takes a message that a person wrote, and leaves out this step of what runs for the contact, which must be the
    /// next one: both or neither.
    pub async fn send_and_skip(
        &self,
        actor: &Actor,
        contact: ContactId,
        body: &str,
        step: u8,
    ) -> Result<SentAndSkipped, SendError> {
        actor.need(Permission::Send)?;
        actor.need(Permission::Enroll)?;
        let (beat, steps, body) = (self.beat(actor), self.steps(), body.to_owned());
        let done = self
            .write(Lane::Normal, move |tx| {
                once(tx, &beat, &("send_and_skip", contact, &body, step), |tx| {
                    let message = send_message(tx, &beat, contact, &body)?;
                    let running = runs::of(tx, beat.workspace, &[contact])?.pop();
                    let skip = |row: runs::Run| skipping::skip(tx, &beat, &steps, row.id, step);
                    let skipped = running.map(skip).transpose().map_err(|error| match error {
                        SkipError::Failure(failure) => SendError::Failure(failure),
                        _ => SendError::NotSkipped(step),
                    })?;
                    Ok::<_, SendError>(SentAndSkipped { message, skipped })
                })
            })
            .await?;
        self.wake();
        Ok(done)
    }

    /// Takes a message that a person wrote, and ends what runs for the contact: both or neither.
    pub async fn send_and_stop(
        &self,
        actor: &Actor,
        contact: ContactId,
        body: &str,
    ) -> Result<SentAndStopped, SendError> {
        actor.need(Permission::Send)?;
        actor.need(Permission::Enroll)?;
        let (beat, body) = (self.beat(actor), body.to_owned());
        let done = self
            .write(Lane::Normal, move |tx| {
                once(tx, &beat, &("send_and_stop", contact, &body), |tx| {
                    let message = send_message(tx, &beat, contact, &body)?;
                    let ended = crate::ending::stop_of(tx, &beat, &[contact], StopReason::Removed)?;
                    let refunded = ended.iter().fold(Amounts::ZERO, |sum, one| sum.plus(one.refunded));
                    Ok::<_, SendError>(SentAndStopped { message, ended: !ended.is_empty(), refunded })
                })
            })
            .await?;
        self.wake();
        Ok(done)
    }

    /// Takes a message that a person wrote. It goes out by the next claim; the enrollment, if any, goes on. The same
    /// key again neither texts nor charges a second time.
    pub async fn send_message(&self, actor: &Actor, contact: ContactId, body: &str) -> Result<Message, SendError> {
        actor.need(Permission::Send)?;
        let (beat, body) = (self.beat(actor), body.to_owned());
        let message = self
            .write(Lane::Normal, move |tx| {
                once(tx, &beat, &("send_message", contact, &body), |tx| send_message(tx, &beat, contact, &body))
            })
            .await?;
        self.wake();
        Ok(message)
    }
}

fn send_message(tx: &mut Tx<'_>, beat: &Beat, contact: ContactId, body: &str) -> Result<Message, SendError> {
    let known = facts::workspace_of(tx, beat.workspace)?;
    if let Some(suspended) = known.row.suspended {
        return Err(SendError::Suspended { reason: suspended.reason });
    }
    if known.row.plan != "active" {
        return Err(SendError::NoMessagingPlan);
    }
    let contact = contacts::lock(tx, beat.workspace, &[contact])?.pop().ok_or(SendError::ContactUnknown)?;
    if let Some((_, kind)) = suppressions::of(tx, beat.workspace, &[contact.phone_hash])?.first() {
        return Err(SendError::Suppressed(*kind));
    }
    // No phone shows a NUL, and PostgreSQL cannot keep one.
    let body = template::sendable(&body.replace('\0', ""), known.settings.smart());
    if body.trim().is_empty() {
        return Err(SendError::Empty);
    }
    let segments = segments::count(&body).segments;
    if segments > MAX_SEGMENTS_PER_MESSAGE {
        return Err(SendError::TooLong { segments });
    }
    let number = match crate::senders::assign_one(tx, beat, &contact)? {
        Sender::Ready(number) => number,
        Sender::NotReady { phone, why } => return Err(SendError::NumberNotReady { phone, why }),
        Sender::None => return Err(SendError::NoOutboundNumber),
    };
    let segments = i64::try_from(segments).unwrap_or(i64::MAX);
    let (credits, wallet) = store::ledger::read_available(tx, beat.workspace)?;
    let beyond = (segments - credits).max(0);
    if known.row.rate.checked_times(beyond).is_none_or(|cost| cost.0 > wallet) {
        return Err(SendError::InsufficientFunds);
    }
    let message = queued(beat, MessageKind::Manual, &contact, number, body, segments);
    messages::insert(tx, beat.workspace, std::slice::from_ref(&message), beat.now)?;
    // The conversation moves up at once: whoever wrote wants to see it there, and not only when the carrier has it.
    let touch = Touch { contact: contact.id, message: message.id, side: Side::Outbound, is_first: false, runs: None };
    conversations::touch(tx, beat.workspace, &[touch], beat.now)?;
    beat.note(tx, "message.queued", Some(contact.id), &serde_json::json!({ "message": message.id }))?;
    Ok(message)
}

/// A message that waits for the next claim.
pub(crate) fn queued(
    beat: &Beat,
    kind: MessageKind,
    contact: &Contact,
    number: NumberId,
    body: String,
    segments: i64,
) -> Message {
    Message {
        due_at: Some(beat.now),
        author: beat.actor.clone(),
        country: Some(Country::of_stored(&contact.phone)),
        ..Message::new(beat.ids.message(beat.now), contact.id, kind, number, body, segments, beat.now)
    }
}

/// Looks at the messages that are due by themselves: sends, holds, fails, or falls into doubt.
pub(crate) fn claim_messages(
    tx: &mut Tx<'_>,
    claim: &Claim,
    known: &Known,
    numbers: &mut [Number],
    room: &mut Room,
    work: &mut Work,
) -> Result<(), Failure> {
    let beat = &claim.beat;
    for message in messages::due(tx, beat.workspace, beat.now, OUTSIDE_PER_CLAIM)? {
        let Some(number) = numbers.iter_mut().find(|number| number.id == message.number) else {
            return Err(Failure::Stored(format!("{} names no number of its workspace", message.id)));
        };
        if has_no_room(tx, beat, &message, &number.carrier, room, work)? {
            continue;
        }
        let Some(contact) = contact_of(tx, beat, &message)? else { continue };
        work.touched += 1;
        if message.kind == MessageKind::System
            && message.state == MessageState::Queued
            && later(message.created_at, CONVERSATION) < beat.now
        {
            fail(tx, beat, &message, "too_late", "it could not go while it still was an answer")?;
            continue;
        }
        match message.state {
            MessageState::Queued if known.row.suspended.is_some() => {
                hold(tx, beat, &message, later(beat.now, suspension::WAIT))?;
            }
            MessageState::Queued => match room.meters.wait(number, message.segments) {
                None => {
                    if let Some(claimed) = claim_queued(tx, beat, known, number, &contact, &message)? {
                        room.take(&number.carrier, 1);
                        room.meters.take(number, message.segments);
                        numbers::pace(tx, beat.workspace, number)?;
                        work.send.push(claimed);
                    }
                }
                Some(until) => {
                    // A limit that is raised meanwhile counts soon.
                    let until = until.min(later(beat.now, LIMIT_WAIT)).max(later(beat.now, PACE_WAIT));
                    hold(tx, beat, &message, until)?;
                }
            },
            MessageState::Sending => {
                let doubted = on_the_way::doubted(tx, beat, message)?;
                messages::save(tx, beat.workspace, &doubted)?;
            }
            MessageState::InDoubt => {
                // Asked for once the transaction is over; looked at again if no answer comes.
                let asked = Message { due_at: Some(later(beat.now, domain::attempt::SEEK_WAIT)), ..message };
                messages::save(tx, beat.workspace, &asked)?;
                room.take_slot(&number.carrier);
                let never = asked.claimed_at.unwrap_or(asked.created_at);
                work.seek.push(Claimed::of(asked, number, &contact.phone, never));
            }
            _ => return Err(Failure::Stored(format!("{} is due and {}", message.id, message.state.word()))),
        }
    }
    Ok(())
}

/// Whether a due message has to wait for a slot or for the pace of the workspace. Then it goes out of the way for a
/// moment, or it would keep from sight what is due behind it. Only where the slots of all are used up it keeps its place; what
/// is left as it is must not count, or a round would never be idle.
fn has_no_room(
    tx: &mut Tx<'_>,
    beat: &Beat,
    message: &Message,
    carrier: &str,
    room: &mut Room,
    work: &mut Work,
) -> Result<bool, Failure> {
    let until = match message.state {
        MessageState::Queued if room.left(carrier) <= 0 => {
            room.paced_until(beat.now).or_else(|| room.has_slots().then_some(beat.now))
        }
        MessageState::InDoubt if room.slots_left(carrier) <= 0 => Some(beat.now),
        _ => return Ok(false),
    };
    if let Some(until) = until {
        work.touched += 1;
        hold(tx, beat, message, until.max(later(beat.now, PACE_WAIT)))?;
    }
    Ok(true)
}

/// The contact of a due message. Where the message may go now the contact is locked, so that a STOP or a deletion
/// that is under way either is seen or waits until the message is claimed. Nothing if somebody has the contact in
/// hand, who may wait for what is locked here: the next claim looks again.
fn contact_of(tx: &mut Tx<'_>, beat: &Beat, message: &Message) -> Result<Option<Contact>, Failure> {
    if message.state == MessageState::Queued {
        return Ok(contacts::try_lock(tx, beat.workspace, message.contact)?);
    }
    let contact = contacts::find(tx, beat.workspace, message.contact)?;
    contact.map(Some).ok_or_else(|| Failure::Stored(format!("{} names no contact", message.id)))
}

fn claim_queued(
    tx: &mut Tx<'_>,
    beat: &Beat,
    known: &Known,
    number: &Number,
    contact: &Contact,
    message: &Message,
) -> Result<Option<Claimed>, Failure> {
    if message.kind == MessageKind::Manual && contact.deleted_at.is_some() {
        return fail(tx, beat, message, "contact_deleted", "the contact was deleted before it could go");
    }
    if message.kind == MessageKind::Manual && known.row.plan != "active" {
        return fail(tx, beat, message, "plan_ended", "the messaging plan ended before it could go");
    }
    if number.state == "lost" {
        return fail(tx, beat, message, "number_lost", "the number that it was to go from was lost");
    }
    if crate::senders::unready(number, &contact.phone)?.is_some() {
        return hold(tx, beat, message, later(beat.now, SignedDuration::from_mins(15)));
    }
    if message.kind == MessageKind::Manual {
        if let Some((_, kind)) = suppressions::of(tx, beat.workspace, &[contact.phone_hash])?.first() {
            return fail(tx, beat, message, kind.word(), "the contact must not be texted");
        }
        let deliver_by = match hour(tx, beat, known, contact)? {
            Hour::Now { deliver_by } => deliver_by,
            Hour::Later(at) => return hold(tx, beat, message, at),
        };
        if message.amounts.is_zero() && !charge(tx, beat, known, message)? {
            return fail(tx, beat, message, "insufficient_funds", "credits and wallet did not cover the message");
        }
        let charged = messages::find(tx, beat.workspace, message.id)?;
        let charged = charged.ok_or_else(|| Failure::Stored(format!("{} is gone", message.id)))?;
        let taken = resend(tx, beat, &charged)?;
        return Ok(Some(Claimed::of(taken, number, &contact.phone, deliver_by)));
    }
    if is_overtaken(tx, beat, contact, message)? {
        return fail(tx, beat, message, "overtaken", "the contact has opted out or in again before it could go");
    }
    let taken = resend(tx, beat, message)?;
    let deliver_by = deadline::of_answer(later(message.created_at, CONVERSATION), beat.now);
    Ok(Some(Claimed::of(taken, number, &contact.phone, deliver_by)))
}

/// Whether an answer of the product waited until it was no longer true: nothing follows the confirmation of an
/// opt-out, and none is confirmed that the contact has taken back.
fn is_overtaken(tx: &Tx<'_>, beat: &Beat, contact: &Contact, message: &Message) -> Result<bool, Failure> {
    let since = suppressions::since(tx, beat.workspace, contact.phone_hash, Suppression::OptedOut)?;
    Ok(match since {
        Some(since) => since > message.created_at,
        None => message.author == "opt-out",
    })
}

/// When a person's message goes.
enum Hour {
    /// At once, and it may be delivered until then.
    Now { deliver_by: Timestamp },
    /// Not before.
    Later(Timestamp),
}

fn hour(tx: &mut Tx<'_>, beat: &Beat, known: &Known, contact: &Contact) -> Result<Hour, Failure> {
    let place = crate::senders::place(contact, &known.row.zone)?;
    let window = deadline::in_window(&place.zones, &place.rules, None, beat.now);
    let last = conversations::last_inbound(tx, beat.workspace, contact.id)?;
    if let Some(until) = last.map(|last| later(last, CONVERSATION)).filter(|until| *until >= beat.now) {
        let answer = deadline::of_answer(until, beat.now);
        return Ok(Hour::Now { deliver_by: window.map_or(answer, |window| window.max(answer)) });
    }
    let open = |at| deadline::opening(&place.zones, &place.rules, None, at);
    let Some(deliver_by) = window else {
        return Ok(Hour::Later(open(beat.now).unwrap_or_else(|| later(beat.now, SignedDuration::from_hours(24)))));
    };
    let Some(cap) = rules::cap(&place.rules) else { return Ok(Hour::Now { deliver_by }) };
    let sent = sent_in_a_day(tx, beat, &[contact.id])?;
    let free = free_again(Some(cap), sent.get(&contact.id), beat.now);
    Ok(free.map_or(Hour::Now { deliver_by }, |free| Hour::Later(open(free).unwrap_or(free))))
}

/// Charges a manual message; false if credits and wallet do not cover it.
fn charge(tx: &mut Tx<'_>, beat: &Beat, known: &Known, message: &Message) -> Result<bool, Failure> {
    let (credits, wallet) = store::ledger::lock_available(tx, beat.workspace)?;
    let segments = u32::try_from(message.segments).unwrap_or(u32::MAX);
    let Some(prices) = enrollment::price(&[segments], credits, known.row.rate) else { return Ok(false) };
    let amounts = enrollment::total(&prices);
    if amounts.micros.0 > wallet {
        return Ok(false);
    }
    let transfers = ledger::transfers(Cause::message(message.id), Reason::Charge, amounts);
    store::ledger::post(tx, beat.workspace, &transfers, beat.now)?;
    messages::save(tx, beat.workspace, &Message { amounts, ..message.clone() })?;
    Ok(true)
}

fn hold(tx: &mut Tx<'_>, beat: &Beat, message: &Message, until: Timestamp) -> Result<Option<Claimed>, Failure> {
    messages::save(tx, beat.workspace, &Message { due_at: Some(until), ..message.clone() })?;
    Ok(None)
}

fn fail(tx: &mut Tx<'_>, beat: &Beat, message: &Message, code: &str, detail: &str) -> Result<Option<Claimed>, Failure> {
    let returned = ledger::transfers(Cause::message(message.id), Reason::Return, message.amounts);
    store::ledger::post(tx, beat.workspace, &returned, beat.now)?;
    let failed = Message {
        state: MessageState::Failed,
        due_at: None,
        code: Some(code.to_owned()),
        detail: Some(detail.to_owned()),
        state_at: beat.now,
        ..message.clone()
    };
    messages::save(tx, beat.workspace, &failed)?;
    let note = serde_json::json!({ "message": failed.id, "step": failed.step, "code": code, "detail": detail });
    beat.note(tx, "message.failed", Some(failed.contact), &note)?;
    Ok(None)
}
