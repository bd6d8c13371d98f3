//! The claim: takes due work of one workspace in one transaction, before any network.
//!
//! Everything is checked again here but funds: the enrollment still runs, the contact is not
//! suppressed, the window is open, the cap of 24 hours has room, the number is live and its pace
//! has room; the workspace is not suspended, or its steps wait. Each due step is sent, held until a later time, or ends its enrollment with a refund.
//! Where a reply waits for its end it takes only the first of what is due ([`Tx::is_awaited`]); the rest is due still.
//! What is sent gets the time until which its carrier may deliver it, by the same windows: [`domain::deadline`].
//! After the commit the message is `sending`: durable before the carrier is called, for its first try in the row of its enrollment alone.

use std::collections::HashMap;

use domain::attempt::{ANSWER_WAIT, RETRY_HOURS};
use domain::enrollment::StopReason;
use domain::ids::{AttemptId, ContactId, EnrollmentId, MessageId};
use domain::message::MessageState;
use domain::pace::Pace;
use domain::rules;
use domain::suppression::Suppression;
use jiff::{SignedDuration, Timestamp};
use store::claims::{self, Due, Taken};
use store::messages::{self, Message};
use store::numbers::{self, Number};
use store::{Tx, suppressions};

use crate::beat::Beat;
use crate::ending;
use crate::facts::{self, Known, Steps};
use crate::failure::Failure;
use crate::meters::{self, Meters};
use crate::on_the_way::{self, First, Source};
use crate::senders;
use crate::slots::{self, Slots};
use crate::thawed::Places;

/// How long a due step waits when its number is not live, or not registered to text the contact.
const NUMBER_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Most messages that one claim takes: a large workspace then waits its turn.
pub(crate) const MESSAGES_PER_CLAIM: i64 = 200;
/// The span of the states' caps of messages.
const CAP_SPAN: SignedDuration = SignedDuration::from_hours(24);

/// A message that was claimed and now goes to its carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The message.
    pub message: MessageId,
    /// This attempt at it.
    pub attempt: AttemptId,
    /// The enrollment that it is a step of.
    pub enrollment: Option<EnrollmentId>,
    /// The carrier's name.
    pub carrier: String,
    /// From which number.
    pub from: String,
    /// To which phone.
    pub to: String,
    /// The text.
    pub body: String,
    /// Its segments.
    pub segments: u32,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// How often its carrier, asked about this attempt, has not known it.
    pub sought: i64,
    /// Until when the carrier may deliver it, settled by the claim. Of one that is only asked about, its claim: it cannot be handed over.
    pub deliver_by: Timestamp,
}

/// What one claim found to do.
#[derive(Debug, Default)]
pub struct Work {
    /// Messages to hand to their carriers.
    pub send: Vec<Claimed>,
    /// Messages in doubt to ask the carriers about.
    pub seek: Vec<Claimed>,
    /// How many rows were looked at or changed in all; 0 means that nothing was due.
    pub touched: usize,
    /// Whether steps are due whose number was lost: see `rehoming`.
    pub(crate) homeless: bool,
    /// The room that the claim was given, if something may have been left for want of a slot.
    pub(crate) used_up: Option<slots::Room>,
    /// Whether the turn was another node's.
    pub(crate) passed: bool,
}

/// What the claim needs beside the database.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) beat: Beat,
    /// The workspace's turn that was found.
    pub(crate) turn: claims::Turn,
    pub(crate) node: claims::Node,
    /// Where it asks how many messages it may take.
    pub(crate) slots: Slots,
    pub(crate) steps: Steps,
}

/// Claims, if the turn can be taken.
///
/// The turn is the lock of the workspace's row: it lasts until this transaction ends, however slow it or its commit is, and
/// not a moment longer, because whoever dies loses its connection and with it the lock. It keeps nodes out of each other's
/// way and is not what keeps a text from going twice: that are the locks and conditions of [`claims::due`] and
/// [`claims::claim`] on each step, which hold against a node that was taken for dead too.
pub(crate) fn claim(tx: &mut Tx<'_>, claim: &Claim) -> Result<Work, Failure> {
    let beat = &claim.beat;
    if !claims::take_turn(tx, claim.turn, &claim.node, beat.now)? {
        return Ok(Work { passed: true, ..Work::default() });
    }
    let known = facts::workspace_of(tx, beat.workspace)?;
    let mut numbers = numbers::lock(tx, beat.workspace)?;
    let given = claim.slots.room(beat.workspace, MESSAGES_PER_CLAIM);
    let mut room = Room::new(&known, given.clone(), beat.now, Meters::load(tx, beat, &numbers)?);
    let mut work = Work::default();
    work.touched += on_the_way::doubt_overdue(tx, beat, &claim.steps)?;
    crate::manual::claim_messages(tx, claim, &known, &mut numbers, &mut room, &mut work)?;
    let by_hand = work.send.len();
    // Numbers that share a limit take turns: the one that sent longest ago comes first.
    numbers.sort_by_key(|number| (number.used_at, number.id));
    if known.row.suspended.is_some() {
        // Suspending needs the row that this claim has locked: either it came before, or it waits until this is claimed.
        numbers.clear();
    }
    for number in &mut numbers {
        if number.state == "lost" {
            work.homeless |= !claims::due_of(tx, beat.workspace, number.id, beat.now, 1)?.is_empty();
        } else {
            claim_number(tx, claim, &known, number, &mut room, &mut work)?;
        }
        // A number that only waits keeps none of the others back.
        if work.send.len() > by_hand && tx.is_awaited() {
            break;
        }
    }
    work.used_up = room.full.then_some(given);
    room.meters.save(tx, beat)?;
    if room.used > 0 {
        store::workspaces::pace(tx, beat.workspace, room.pace.after(room.used, beat.now).paced_until)?;
    }
    Ok(work)
}

/// How many messages may still be taken in this claim: the free slots, the pace of the workspace, and the meters of its numbers.
pub(crate) struct Room {
    pub(crate) meters: Meters,
    pace: Pace,
    slots: slots::Room,
    full: bool,
    by_pace: i64,
    used: i64,
}

impl Room {
    fn new(known: &Known, slots: slots::Room, now: Timestamp, meters: Meters) -> Self {
        let pace = meters::own_pace(&known.row, now);
        Self { meters, pace, slots, full: false, by_pace: pace.allowed(now), used: 0 }
    }

    /// How many may go by a carrier.
    pub(crate) fn left(&mut self, carrier: &str) -> i64 {
        self.slots_left(carrier).min(self.by_pace)
    }

    /// How many slots there are for a carrier; a question about a text takes one too, and no pace.
    pub(crate) fn slots_left(&mut self, carrier: &str) -> i64 {
        let left = self.slots.left(carrier);
        self.full |= left <= 0;
        left
    }

    /// Until when the pace of the workspace is used up; nothing if it is not.
    pub(crate) fn paced_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.by_pace <= 0).then(|| self.pace.after(self.used, now).paced_until)
    }

    /// Whether there are slots for any carrier.
    pub(crate) fn has_slots(&self) -> bool {
        self.slots.workspace() > 0
    }

    /// Something is asked of a carrier.
    pub(crate) fn take_slot(&mut self, carrier: &str) {
        self.slots.take(carrier, 1);
    }

    pub(crate) fn take(&mut self, carrier: &str, count: i64) {
        self.slots.take(carrier, count);
        self.by_pace -= count;
        self.used += count;
    }
}

/// Claims of one number, until its room is used up, or something inbound waits for the transaction's end.
fn claim_number(
    tx: &mut Tx<'_>,
    claim: &Claim,
    known: &Known,
    number: &mut Number,
    room: &mut Room,
    work: &mut Work,
) -> Result<(), Failure> {
    let beat = &claim.beat;
    let mut limit = usize::try_from(room.left(&number.carrier).min(room.meters.room(number))).unwrap_or(0);
    if limit == 0 {
        return put_off_if_due(tx, beat, number, room);
    }
    let (before, mut wait) = (work.send.len(), None);
    while limit > 0 && wait.is_none() {
        let some = tx.stride(limit);
        let due = claims::due(tx, beat.workspace, number.id, beat.now, i64::try_from(some).unwrap_or(i64::MAX))?;
        if due.is_empty() {
            break;
        }
        work.touched += due.len();
        wait = claim_due(tx, claim, known, number, &due, room, work)?;
        if due.len() < some || tx.is_awaited() {
            break;
        }
        limit -= due.len();
    }
    if let Some(until) = wait {
        number.paced_until = number.paced_until.max(until);
    }
    if work.send.len() > before || wait.is_some() {
        numbers::pace(tx, beat.workspace, number)?;
    }
    Ok(())
}

/// Sends, holds or ends due steps; says until when the number waits, if its limits let not all of them go.
fn claim_due(
    tx: &mut Tx<'_>,
    claim: &Claim,
    known: &Known,
    number: &mut Number,
    due: &[Due],
    room: &mut Room,
    work: &mut Work,
) -> Result<Option<Timestamp>, Failure> {
    let beat = &claim.beat;
    let mut decided = decide(tx, beat, known, number, due)?;
    claims::hold(tx, beat.workspace, &decided.hold)?;
    for (reason, ids) in &decided.end {
        ending::stop(tx, beat, ids, *reason)?;
    }
    let wait = meter(&mut decided.send, number, &mut room.meters);
    let sent = send(tx, claim, number, &decided.send)?;
    room.take(&number.carrier, i64::try_from(sent.len()).unwrap_or(i64::MAX));
    work.send.extend(sent);
    Ok(wait)
}

/// Keeps those for which there is room, the oldest first, and counts them; says until when the next one waits.
fn meter(send: &mut Vec<Going<'_>>, number: &mut Number, meters: &mut Meters) -> Option<Timestamp> {
    for (place, (row, _)) in send.iter().enumerate() {
        let price = row.prices.get(usize::from(row.step) - 1);
        let segments = price.map_or(1, |price| i64::from(price.segments));
        if let Some(until) = meters.wait(number, segments) {
            send.truncate(place);
            return Some(until);
        }
        meters.take(number, segments);
    }
    None
}

/// Puts off a number that its campaign or brand holds back, or its work would be found due again and again.
fn put_off_if_due(tx: &mut Tx<'_>, beat: &Beat, number: &mut Number, room: &Room) -> Result<(), Failure> {
    let Some(until) = room.meters.wait(number, 1).filter(|until| *until > number.paced_until) else { return Ok(()) };
    if claims::due_of(tx, beat.workspace, number.id, beat.now, 1)?.is_empty() {
        return Ok(());
    }
    number.paced_until = until;
    Ok(numbers::pace(tx, beat.workspace, number)?)
}

/// A step that goes now, and until when it may be delivered.
type Going<'a> = (&'a Due, Timestamp);

/// What is done with each due step.
#[derive(Default)]
struct Decided<'a> {
    send: Vec<Going<'a>>,
    hold: Vec<(EnrollmentId, Timestamp)>,
    end: Vec<(StopReason, Vec<EnrollmentId>)>,
}

fn decide<'a>(
    tx: &mut Tx<'_>,
    beat: &Beat,
    known: &Known,
    number: &Number,
    due: &'a [Due],
) -> Result<Decided<'a>, Failure> {
    let hashes: Vec<i64> = due.iter().map(|row| row.phone_hash).collect();
    let suppressed: HashMap<i64, Suppression> =
        suppressions::of(tx, beat.workspace, &hashes)?.into_iter().rev().collect();
    let capped = capped(tx, beat, due)?;
    let mut places = Places::new(known.settings.hours);
    let mut decided = Decided::default();
    for row in due {
        match decide_one(beat, known, number, &mut places, row, suppressed.get(&row.phone_hash), &capped)? {
            Fate::Send(deliver_by) => decided.send.push((row, deliver_by)),
            Fate::Hold(until) => decided.hold.push((row.enrollment, until)),
            Fate::End(reason) => decided.end.push((reason, vec![row.enrollment])),
        }
    }
    Ok(decided)
}

enum Fate {
    /// It goes, and may be delivered until then.
    Send(Timestamp),
    Hold(Timestamp),
    End(StopReason),
}

fn decide_one(
    beat: &Beat,
    known: &Known,
    number: &Number,
    places: &mut Places,
    row: &Due,
    suppressed: Option<&Suppression>,
    capped: &HashMap<ContactId, (i64, Timestamp)>,
) -> Result<Fate, Failure> {
    if known.row.plan != "active" {
        return Ok(Fate::End(StopReason::PlanEnded));
    }
    if let Some(kind) = suppressed {
        return Ok(Fate::End(kind.stop_reason()));
    }
    if senders::unready(number, &row.phone)?.is_some() {
        return Ok(Fate::Hold(later(beat.now, NUMBER_WAIT)));
    }
    let there = places.of(&row.place)?;
    let Some(deliver_by) = there.in_window(beat.now) else {
        // A window that never opens is looked at again in a day: the workspace may widen it.
        return Ok(Fate::Hold(there.opening(beat.now).unwrap_or_else(|| later(beat.now, CAP_SPAN))));
    };
    if let Some(free) = free_again(rules::cap(&there.thawed.rules), capped.get(&row.contact), beat.now) {
        return Ok(Fate::Hold(there.opening(free).unwrap_or(free)));
    }
    Ok(Fate::Send(deliver_by))
}

/// When a cap of 24 hours has room again; nothing if it has room now. `sent` is how many texts went and when
/// the oldest of them did.
pub(crate) fn free_again(cap: Option<u32>, sent: Option<&(i64, Timestamp)>, now: Timestamp) -> Option<Timestamp> {
    let ((count, first), cap) = (sent?, cap?);
    let full = *count >= i64::from(cap);
    full.then(|| later(*first, CAP_SPAN).max(later(now, SignedDuration::from_micros(1))))
}

/// What the contacts under a cap got in the last 24 hours.
fn capped(tx: &mut Tx<'_>, beat: &Beat, due: &[Due]) -> Result<HashMap<ContactId, (i64, Timestamp)>, Failure> {
    let under_cap = |row: &&Due| {
        row.place.rules.iter().filter_map(|code| rules::find(code)).any(|rule| rules::cap(&[rule.code]).is_some())
    };
    let contacts: Vec<ContactId> = due.iter().filter(under_cap).map(|row| row.contact).collect();
    sent_in_a_day(tx, beat, &contacts)
}

/// How many texts each of these contacts got in the last 24 hours, and when the oldest that counts went.
pub(crate) fn sent_in_a_day(
    tx: &Tx<'_>,
    beat: &Beat,
    contacts: &[ContactId],
) -> Result<HashMap<ContactId, (i64, Timestamp)>, Failure> {
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = messages::counted::sent_since(tx, beat.workspace, contacts, earlier(beat.now, CAP_SPAN))?;
    Ok(rows.into_iter().map(|row| (row.contact, (row.count, row.first))).collect())
}

fn send(tx: &mut Tx<'_>, claim: &Claim, number: &Number, due: &[Going<'_>]) -> Result<Vec<Claimed>, Failure> {
    let beat = &claim.beat;
    let retried: Vec<MessageId> = due.iter().filter_map(|(row, _)| row.message).collect();
    let again = ending::lock_messages(tx, beat, &retried)?;
    let (mut claimed, mut taken) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
    for (row, deliver_by) in due {
        let known = row.message.and_then(|id| again.get(&id));
        let message = match known {
            Some(message) => resend(tx, beat, message)?,
            None => first(tx, claim, number, row)?,
        };
        let claimed_at = message.claimed_at.filter(|_| known.is_none());
        taken.push(Taken { enrollment: row.enrollment, message: message.id, claimed_at });
        claimed.push(Claimed::of(message, number, &row.phone, *deliver_by));
    }
    if claimed.is_empty() {
        return Ok(claimed);
    }
    if !claims::claim(tx, beat.workspace, &taken)? {
        return Err(Failure::Stored("a locked enrollment was no longer active".to_owned()));
    }
    Ok(claimed)
}

impl Claimed {
    /// The attempt that a message is on.
    pub(crate) fn of(message: Message, number: &Number, to: &str, deliver_by: Timestamp) -> Self {
        Self {
            message: message.id,
            attempt: messages::attempt(message.id, message.attempts),
            enrollment: message.enrollment,
            carrier: number.carrier.clone(),
            from: number.phone.clone(),
            to: to.to_owned(),
            body: message.body,
            segments: u32::try_from(message.segments).unwrap_or(u32::MAX),
            claimed_at: message.claimed_at.unwrap_or(message.created_at),
            sought: message.sought,
            deliver_by,
        }
    }
}

/// Claims a message that exists: a retry, or a message outside of workflows.
pub(crate) fn resend(tx: &mut Tx<'_>, beat: &Beat, message: &Message) -> Result<Message, Failure> {
    let give_up_at = message.give_up_at.unwrap_or_else(|| later(beat.now, SignedDuration::from_hours(RETRY_HOURS)));
    let taken = Message {
        state: MessageState::Sending,
        attempts: message.attempts + 1,
        due_at: Some(later(beat.now, ANSWER_WAIT)),
        claimed_at: Some(beat.now),
        give_up_at: Some(give_up_at),
        state_at: beat.now,
        ..message.clone()
    };
    messages::save(tx, beat.workspace, &taken)?;
    Ok(taken)
}

/// A step that is due, as the message that it is from now on; it is not written before it is settled.
fn first(tx: &mut Tx<'_>, claim: &Claim, number: &Number, row: &Due) -> Result<Message, Failure> {
    let beat = &claim.beat;
    let source = Source {
        enrollment: row.enrollment,
        workflow: row.workflow,
        version: row.version,
        step: row.step,
        values: &row.values,
        place: &row.place,
        phone: &row.phone,
    };
    let text = source.render(tx, beat.workspace, &claim.steps)?;
    let first = First {
        message: beat.ids.message(beat.now),
        enrollment: row.enrollment,
        contact: row.contact,
        step: row.step,
        number: number.id,
        claimed_at: beat.now,
    };
    Ok(first.sending(text))
}

pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

pub(crate) fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
