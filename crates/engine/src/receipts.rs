//! Delivery receipts: what a carrier tells of our texts, now or before we know them.
//!
//! | the receipt names | its message is |
//! |---|---|
//! | our attempt | found by its key; which try it was decides what it may say ([`domain::message`]) |
//! | a carrier's id that an answer has linked | found by it; the newest try is meant |
//! | a carrier's id that is not known yet | *parked*: taken by the transaction that links the id, or a stray after [`PARKED_FOR`] |
//!
//! | a text that failed as | message | contact, at once | the text's own money |
//! |---|---|---|---|
//! | temporary, filtered, or of no class | `undelivered` | nothing; the enrollment goes on | earned |
//! | not delivered in time | `undelivered` | nothing; the enrollment goes on, the text is not sent again | earned; back if the workspace says so, or if it was written by hand |
//! | a bad number, blocked | `undelivered` | on `undeliverable`; what runs ends with its refund | earned; back if the workspace says so, or if it was written by hand |
//! | opted out | `undelivered` | on `opted_out`; so does what runs of the person's others | the same |
//! | trouble with our number | `undelivered` | nothing; the number is paused | earned |
//!
//! A count of segments that is smaller than what was charged corrects the price, once, whichever receipt brings it.
//!
//! A failure for good is a fact about the contact, so it counts whichever try it tells of; but not if
//! the contact was taken off that list after the text had gone.

use carrier::{FailureClass, Receipt, ReceiptState};
use domain::attempt::Answer;
use domain::ids::MessageId;
use domain::message::{self, Delivery, MessageState, Try};
use domain::suppression::Suppression;
use jiff::SignedDuration;
use store::messages::{self, Message};
use store::receipts::{self, CarrierId, Parked};
use store::{Lane, Tx, contacts, suppressions};

use crate::beat::Beat;
use crate::claim::earlier;
use crate::engine::Engine;
use crate::facts::{self, Steps};
use crate::failure::Failure;
use crate::kin;
use crate::on_the_way;
use crate::receive::Received;
use crate::ruling;
use crate::settle::{self, Answered, Ruling, Said, Settling};

/// How long a receipt waits for its text: as long as a carrier is asked for one in doubt.
pub const PARKED_FOR: SignedDuration = SignedDuration::from_hours(72);
/// Most parked receipts that are given up in one transaction: some ten milliseconds.
const EXPIRED_AT_ONCE: usize = 500;
/// What a person reads of a text that its carrier gave up, whatever its code is.
const NOT_IN_TIME: &str = "the carrier did not deliver it in time";
/// Most workspaces whose parked receipts one sweep looks at.
const WORKSPACES_PER_SWEEP: i64 = 256;

impl Engine {
    /// Gives up on receipts that have been parked for too long; they are kept as strays. Says how many.
    pub async fn expire_receipts(&self) -> Result<usize, Failure> {
        let before = earlier(self.now(), PARKED_FOR);
        let found = self.read(move |db| Ok::<_, Failure>(receipts::overdue(db, before, WORKSPACES_PER_SWEEP)?)).await?;
        let mut expired = 0;
        for workspace in found {
            loop {
                let limit = i64::try_from(EXPIRED_AT_ONCE).unwrap_or(i64::MAX);
                let expire = move |tx: &mut Tx<'_>| Ok::<_, Failure>(receipts::expire(tx, workspace, before, limit)?);
                let gone = self.write(Lane::Bulk, expire).await?;
                expired += gone;
                if gone < EXPIRED_AT_ONCE {
                    break;
                }
            }
        }
        Ok(expired)
    }
}

/// A receipt with the carrier that told it.
pub(crate) struct Told<'a> {
    pub(crate) carrier: &'a str,
    pub(crate) receipt: &'a Receipt,
}

impl Told<'_> {
    fn delivery(&self) -> Delivery {
        match self.receipt.state {
            ReceiptState::Accepted | ReceiptState::Queued | ReceiptState::Sending | ReceiptState::Sent => {
                Delivery::Taken
            }
            ReceiptState::Delivered => Delivery::Delivered,
            ReceiptState::Undelivered | ReceiptState::Failed => Delivery::Undelivered,
        }
    }

    /// Why the text failed, if that is what the receipt tells.
    fn failure(&self) -> Option<FailureClass> {
        self.receipt.failure.filter(|_| self.delivery() == Delivery::Undelivered)
    }

    /// The list on which the failure puts the contact.
    fn list(&self) -> Option<Suppression> {
        match self.failure()? {
            FailureClass::BadNumber | FailureClass::Blocked => Some(Suppression::Undeliverable),
            FailureClass::OptedOut => Some(Suppression::OptedOut),
            FailureClass::Temporary | FailureClass::Expired | FailureClass::Filtered | FailureClass::SenderProblem => {
                None
            }
        }
    }

    /// Whether the carrier counted fewer segments of a text that is settled than were charged.
    fn counts_less(&self, message: &Message) -> bool {
        let fewer = self.receipt.segments.is_some_and(|count| i64::from(count) < message.segments);
        fewer && matches!(message.state, MessageState::Sent | MessageState::Delivered | MessageState::Undelivered)
    }

    /// Which try of the message is meant; nothing if it never had that one.
    fn which(&self, message: &Message) -> Option<Try> {
        let Some(attempt) = self.receipt.attempt else { return Some(Try::Newest) };
        let (id, tried) = messages::of_attempt(attempt);
        let known = id == message.id && (1..=message.attempts).contains(&tried);
        known.then_some(if tried == message.attempts { Try::Newest } else { Try::Earlier })
    }

    /// The answer that this receipt stands for: the carrier has the text.
    fn proof(&self, message: &Message) -> Answered {
        Answered {
            attempt: self.receipt.attempt.unwrap_or_else(|| messages::attempt(message.id, message.attempts)),
            enrollment: message.enrollment,
            text: None,
            carrier: self.carrier.to_owned(),
            said: Said::Submitted(Answer::Accepted),
            carrier_id: Some(self.receipt.carrier_id.clone()),
            segments: self.receipt.segments,
            code: None,
            detail: None,
        }
    }
}

/// Takes one receipt.
pub(crate) fn take(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, told: &Told<'_>) -> Result<Received, Failure> {
    let Some(id) = find(tx, beat, told)? else { return park(tx, beat, told) };
    let Some(seen) = on_the_way::find(tx, beat.workspace, steps, id)? else { return Ok(Received::Nothing) };
    let Some(of) = told.which(&seen) else { return Ok(Received::Nothing) };
    let received = take_known(tx, beat, steps, told, (&seen, of))?;
    note_cost(tx, beat, id, told)?;
    Ok(received)
}

/// Notes what the carrier charges for a text, whatever else the receipt told.
fn note_cost(tx: &mut Tx<'_>, beat: &Beat, id: MessageId, told: &Told<'_>) -> Result<(), Failure> {
    let Some(cost) = &told.receipt.cost else { return Ok(()) };
    Ok(receipts::note_cost(tx, beat.workspace, id, cost.micros, &cost.currency)?)
}

/// Takes a receipt of this message, as it was read, and of this try.
fn take_known(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    told: &Told<'_>,
    (seen, of): (&Message, Try),
) -> Result<Received, Failure> {
    let id = seen.id;
    let proves = is_open(seen) && message::advance(seen.state, of, told.delivery()).is_some();
    if told.failure().is_some() || proves || told.counts_less(seen) {
        return settle(tx, beat, steps, told, seen);
    }
    // The usual case: the text is known to be sent, and only its own row moves.
    let Some(mut locked) = messages::lock(tx, beat.workspace, &[id])?.pop() else { return Ok(Received::Nothing) };
    if is_open(&locked) {
        // Bad news of a message that waited for its retry, and is on its way again by now.
        return Ok(Received::Nothing);
    }
    let Some(event) = advance(beat, told, &mut locked, of) else { return Ok(Received::Nothing) };
    messages::save(tx, beat.workspace, &locked)?;
    store::events::insert(tx, beat.workspace, &[event])?;
    Ok(Received::Moved(id, locked.state))
}

/// Whether it is not known yet what becomes of a message.
fn is_open(message: &Message) -> bool {
    message.state == MessageState::Queued || message.state.is_in_flight()
}

fn find(tx: &mut Tx<'_>, beat: &Beat, told: &Told<'_>) -> Result<Option<MessageId>, Failure> {
    if let Some(attempt) = told.receipt.attempt {
        return Ok(Some(messages::of_attempt(attempt).0));
    }
    let of = CarrierId { carrier: told.carrier, id: &told.receipt.carrier_id };
    match receipts::find(tx, beat.workspace, of)? {
        Some(id) => Ok(Some(id)),
        None => Ok(receipts::reserve(tx, beat.workspace, of)?),
    }
}

/// Keeps the receipt for the answer that will name its text; [`find`] has locked the carrier's id.
fn park(tx: &mut Tx<'_>, beat: &Beat, told: &Told<'_>) -> Result<Received, Failure> {
    let payload = serde_json::to_string(told.receipt).map_err(|error| Failure::Stored(error.to_string()))?;
    let of = CarrierId { carrier: told.carrier, id: &told.receipt.carrier_id };
    receipts::park(tx, beat.workspace, of, &told.receipt.event_id, &payload.replace("\\u0000", ""), beat.now)?;
    Ok(Received::Parked)
}

/// A receipt that proves a send or tells of a failure: all is locked first, in the order of the house.
fn settle(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, told: &Told<'_>, seen: &Message) -> Result<Received, Failure> {
    let list = told.list().map(|kind| fresh(tx, beat, seen, kind)).transpose()?.flatten();
    let stop_person = facts::workspace_of(tx, beat.workspace)?.settings.stop_person;
    let fallen = list.map(|_| seen.contact);
    let kin = kin::lock(tx, beat, stop_person, fallen.as_slice())?;
    if told.failure() == Some(FailureClass::SenderProblem) {
        settle::pause_number(tx, beat, seen.number, told.receipt.code.as_deref(), None)?;
    }
    let mut settling = Settling::new(tx, beat, steps, seen.enrollment, kin)?;
    let mut locked = settling.lock(tx, [(seen.id, None)])?;
    let Some(mut message) = locked.remove(&seen.id) else { return Ok(Received::Nothing) };
    let before = message.state;
    hear(&mut settling, tx, &mut message, told, list)?;
    settling.finish(tx, [&message])?;
    let moved = message.state != before || list.is_some();
    Ok(if moved { Received::Moved(message.id, message.state) } else { Received::Nothing })
}

/// The list, unless the contact was taken off it after the text had gone: then the news is old.
fn fresh(tx: &mut Tx<'_>, beat: &Beat, seen: &Message, kind: Suppression) -> Result<Option<Suppression>, Failure> {
    let Some(contact) = contacts::find(tx, beat.workspace, seen.contact)? else { return Ok(None) };
    let since = seen.claimed_at.unwrap_or(seen.created_at);
    let old = suppressions::lifted_since(tx, beat.workspace, contact.phone_hash, kind, since)?;
    Ok((!old).then_some(kind))
}

/// What a receipt changes of a locked message, which is saved. The caller finishes the settling.
pub(crate) fn hear(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    message: &mut Message,
    told: &Told<'_>,
    list: Option<Suppression>,
) -> Result<(), Failure> {
    let Some(of) = told.which(message) else { return Ok(()) };
    if is_open(message) && message::advance(message.state, of, told.delivery()).is_some() {
        // The receipt proves the send, whatever the answer of the submission was or will be.
        let proof = told.proof(message);
        settling.apply(tx, message, &proof, Ruling::Sent)?;
    } else if told.counts_less(message) {
        ruling::recount(settling, tx, message, told.receipt.segments)?;
    }
    tell(settling, tx, message, told, of, list)?;
    settling.changed(message);
    Ok(())
}

/// Whether a parked receipt puts its contact onto a list.
pub(crate) fn lists(carrier: &str, payload: &str) -> bool {
    let receipt = serde_json::from_str::<Receipt>(payload);
    receipt.is_ok_and(|receipt| Told { carrier, receipt: &receipt }.list().is_some())
}

/// A receipt that was parked, heard by the transaction that settles its message as sent.
pub(crate) fn unpark(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    message: &mut Message,
    carrier: &str,
    parked: &Parked,
) -> Result<(), Failure> {
    let Ok(receipt) = serde_json::from_str::<Receipt>(&parked.payload) else {
        // Written by another version. The send is known without it, and must not fail for it.
        let (key, payload) = (&parked.event_key, &parked.payload);
        return Ok(store::answers::keep_stray(tx, carrier, key, payload, settling.beat.now)?);
    };
    let told = Told { carrier, receipt: &receipt };
    let list = told.list().map(|kind| fresh(tx, settling.beat, message, kind)).transpose()?.flatten();
    let of = told.which(message).unwrap_or(Try::Newest);
    ruling::recount(settling, tx, message, receipt.segments)?;
    settling.costs.extend(receipt.cost.clone().map(|cost| (message.id, cost)));
    tell(settling, tx, message, &told, of, list)
}

/// Moves the message and draws the consequences of a failure that nothing follows; saves nothing.
fn tell(
    settling: &mut Settling<'_>,
    tx: &mut Tx<'_>,
    message: &mut Message,
    told: &Told<'_>,
    of: Try,
    list: Option<Suppression>,
) -> Result<(), Failure> {
    if let Some(event) = advance(settling.beat, told, message, of) {
        settling.events.push(event);
    }
    let is_over = list.is_some() || told.failure() == Some(FailureClass::Expired);
    if is_over && message.state == MessageState::Undelivered && of == Try::Newest {
        ruling::reversed(settling, tx, message)?;
    }
    let Some(kind) = list else { return Ok(()) };
    settling.fall(message, kind);
    Ok(())
}

/// Moves a message; answers the event, or nothing if the receipt tells nothing new.
fn advance(beat: &Beat, told: &Told<'_>, message: &mut Message, of: Try) -> Option<store::events::Event> {
    message.state = message::advance(message.state, of, told.delivery())?;
    message.state_at = beat.now;
    message.code = told.receipt.code.clone().or_else(|| message.code.take());
    message.detail = match (message.state, told.failure()) {
        (MessageState::Delivered, _) => None,
        (_, Some(FailureClass::Expired)) => Some(NOT_IN_TIME.to_owned()),
        _ => message.detail.take(),
    };
    let note = serde_json::json!({ "message": message.id, "step": message.step, "code": message.code });
    Some(beat.event(&format!("message.{}", message.state.word()), Some(message.contact), &note))
}
