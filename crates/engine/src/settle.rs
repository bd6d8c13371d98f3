//! Settling: what the answers of carriers change, in one transaction for whatever has answered, or for the first of them where a reply
//! waits for its end.
//!
//! An answer counts only where its attempt still matches: the message is in flight and on that try. Of one
//! that comes too late, because a receipt was faster, the carrier's identifier and count are still taken.
//! Locks are taken in the order of the house: contacts, numbers, enrollments, messages, accounts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use carrier::Cost;
use domain::attempt::{self, Answer, Doubt, Found, Verdict};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{AttemptId, ContactId, EnrollmentId, MessageId, NumberId};
use domain::ledger::Transfer;
use domain::message::MessageState;
use domain::suppression::Suppression;
use domain::unnamed::without_phones;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use store::claims::{self, Advance};
use store::conversations::{self, Side, Touch};
use store::enrollments::{self, Enrollment};
use store::events::{self, Event};
use store::messages::{self, MAX_ATTEMPTS, Message};
use store::receipts::{self, CarrierId};
use store::{Tx, numbers, on_the_way as flights, tallies};

use crate::beat::Beat;
use crate::ending;
use crate::facts::{self, Known, Steps};
use crate::failure::Failure;
use crate::kin::{self, Kin};
use crate::on_the_way::{self, First, Text};
use crate::ruling;
use crate::thawed::Places;

/// The code of a text that its carrier does not know, and the same in words.
pub(crate) const LOST: &str = "lost";
pub(crate) const NOT_KNOWN: &str = "the carrier does not know it";

/// What a carrier said of one attempt, in the engine's words.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) attempt: AttemptId,
    pub(crate) enrollment: Option<EnrollmentId>,
    /// The text, as whoever handed it over knows it.
    pub(crate) text: Option<Text>,
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
    Found {
        found: Found,
        /// How often the carrier had not known it when this search was claimed: by it an answer that is settled again is known.
        sought: i64,
    },
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

/// A contact that comes onto a list for what a carrier said of a message.
pub(crate) struct Fallen {
    pub(crate) contact: ContactId,
    pub(crate) kind: Suppression,
    pub(crate) message: MessageId,
    pub(crate) code: Option<String>,
}

/// Everything that a settling transaction collects before it writes.
pub(crate) struct Settling<'a> {
    pub(crate) beat: &'a Beat,
    pub(crate) known: Known,
    pub(crate) steps: Steps,
    pub(crate) places: Places,
    pub(crate) enrollments: FxHashMap<EnrollmentId, Rc<Enrollment>>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) advances: Vec<Advance>,
    pub(crate) holds: Vec<(EnrollmentId, Timestamp)>,
    pub(crate) events: Vec<Event>,
    pub(crate) touches: BTreeMap<ContactId, Touch>,
    /// What carriers charge, noted once the messages are written.
    pub(crate) costs: Vec<(MessageId, Cost)>,
    kin: HashMap<ContactId, Kin>,
    ends: Vec<(EnrollmentId, StopReason)>,
    suppressed: Vec<Fallen>,
    /// Messages that are written at the end, as they are then.
    changed: BTreeSet<MessageId>,
    /// Of those, whose first try is on its way until then: they have no rows yet.
    landing: BTreeSet<MessageId>,
    /// Attempts whose carrier's identifier is stored already, and was news.
    linked: BTreeSet<AttemptId>,
}

/// Settles the first of these, all if nothing inbound waits; says how many.
pub(crate) fn settle(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, answers: &[Answered]) -> Result<usize, Failure> {
    let mut settled = 0;
    for some in answers.chunks(tx.stride(answers.len())) {
        settle_all(tx, beat, steps, some)?;
        settled += some.len();
        if tx.is_awaited() {
            break;
        }
    }
    Ok(settled)
}

/// Settles what has answered. Answers to attempts that are no longer on their way change nothing.
fn settle_all(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, answers: &[Answered]) -> Result<(), Failure> {
    let kin = kin_of_refused(tx, beat, steps, answers)?;
    pause_numbers(tx, beat, steps, answers)?;
    let mut settling = Settling::new(tx, beat, steps, answers.iter().filter_map(|answer| answer.enrollment), kin)?;
    let ids = answers.iter().map(|answer| (messages::of_attempt(answer.attempt).0, answer.text.as_ref()));
    let mut locked = settling.lock(tx, ids)?;
    settling.link_accepted(tx, &locked, answers)?;
    let mut carriers = BTreeMap::new();
    for answer in answers {
        let (id, tried) = messages::of_attempt(answer.attempt);
        let Some(message) = locked.get_mut(&id) else { continue };
        if message.state.is_in_flight() && message.attempts == tried {
            carriers.entry(message.number).or_insert(answer.carrier.as_str());
        }
        let answer = &*of_its_own(tx, beat, answer, id)?;
        if !message.state.is_in_flight() || message.attempts != tried {
            settling.late(tx, message, answer)?;
            continue;
        }
        if message.state == MessageState::InDoubt && matches!(answer.said, Said::Submitted(Answer::Unknown)) {
            // The doubt is known, and somebody is looking into it already.
            continue;
        }
        if is_heard(message, answer.said) {
            continue;
        }
        if matches!(answer.said, Said::Found { found: Found::NotFound, .. }) {
            message.sought += 1;
        }
        let ruling = rule(answer, message, beat.now);
        settling.apply(tx, message, answer, ruling)?;
    }
    tallies::carried_by(tx, beat.workspace, carriers);
    settling.finish(tx, locked.values())
}

/// A carrier that lists neither our attempt nor the text may have found another text of ours to the same phone. That one is known
/// by its identifier, so the text that was sought is not there.
fn of_its_own<'a>(tx: &Tx<'_>, beat: &Beat, answer: &'a Answered, id: MessageId) -> Result<Cow<'a, Answered>, Failure> {
    let (Said::Found { found: Found::Sent, sought }, Some(carrier_id)) = (answer.said, &answer.carrier_id) else {
        return Ok(Cow::Borrowed(answer));
    };
    let of = CarrierId { carrier: &answer.carrier, id: carrier_id };
    Ok(match receipts::find(tx, beat.workspace, of)? {
        Some(other) if other != id => {
            let (said, code, detail) =
                (Said::Found { found: Found::NotFound, sought }, LOST.to_owned(), NOT_KNOWN.to_owned());
            Cow::Owned(Answered { said, carrier_id: None, code: Some(code), detail: Some(detail), ..answer.clone() })
        }
        _ => Cow::Borrowed(answer),
    })
}

/// What runs around the contacts that a carrier refuses for good, locked before anything else.
fn kin_of_refused(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    answers: &[Answered],
) -> Result<HashMap<ContactId, Kin>, Failure> {
    let mut contacts = Vec::new();
    let refused = |answer: &&Answered| matches!(answer.said, Said::Submitted(Answer::Permanent | Answer::OptedOut));
    for answer in answers.iter().filter(refused) {
        let message = on_the_way::find(tx, beat.workspace, steps, messages::of_attempt(answer.attempt).0)?;
        contacts.extend(message.map(|message| message.contact));
    }
    contacts.extend(told_before_the_answer(tx, beat, steps, answers)?);
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let stop_person = facts::workspace_of(tx, beat.workspace)?.settings.stop_person;
    kin::lock(tx, beat, stop_person, &contacts)
}

/// The contacts of accepted texts whose failure for good was told before the answer: the receipt is parked, and is heard
/// in this transaction.
fn told_before_the_answer(
    tx: &Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    answers: &[Answered],
) -> Result<Vec<ContactId>, Failure> {
    if answers.iter().all(|answer| answer.carrier_id.is_none()) || !receipts::any_parked(tx, beat.workspace)? {
        return Ok(Vec::new());
    }
    let mut by_carrier = HashMap::<&str, HashMap<&str, MessageId>>::new();
    for answer in answers {
        if let Some(id) = &answer.carrier_id {
            let message = messages::of_attempt(answer.attempt).0;
            by_carrier.entry(&answer.carrier).or_default().insert(id, message);
        }
    }
    let mut contacts = Vec::new();
    for (carrier, texts) in by_carrier {
        let ids: Vec<&str> = texts.keys().copied().collect();
        for (id, payload) in receipts::parked(tx, beat.workspace, carrier, &ids)? {
            if crate::receipts::lists(carrier, &payload)
                && let Some(message) = texts.get(id.as_str())
            {
                let message = on_the_way::find(tx, beat.workspace, steps, *message)?;
                contacts.extend(message.map(|message| message.contact));
            }
        }
    }
    Ok(contacts)
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
        Said::Found { found, .. } => {
            match attempt::doubt(found, message.sought, message.claimed_at.unwrap_or(now), now) {
                Doubt::Sent => Ruling::Sent,
                Doubt::Ask(at) => Ruling::Doubt(at),
                Doubt::Lost => Ruling::GivenUp,
                Doubt::ForAPerson => Ruling::ForAPerson,
            }
        }
    }
}

/// Whether this search has been settled already, and its commit's answer was lost: "not known" counts once for each time that
/// the carrier was asked, or one question would be enough to call a text lost. That the carrier has it is always news.
fn is_heard(message: &Message, said: Said) -> bool {
    let Said::Found { found, sought } = said else { return false };
    found != Found::Sent && (message.sought != sought || message.is_for_a_person())
}

/// Pauses the numbers that a carrier has trouble with, and tells.
fn pause_numbers(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, answers: &[Answered]) -> Result<(), Failure> {
    for answer in answers.iter().filter(|answer| matches!(answer.said, Said::Submitted(Answer::SenderProblem))) {
        let message = on_the_way::find(tx, beat.workspace, steps, messages::of_attempt(answer.attempt).0)?;
        if let Some(message) = message {
            pause_number(tx, beat, message.number, answer.code.as_deref(), answer.detail.as_deref())?;
        }
    }
    Ok(())
}

/// Pauses a number if it is live, and tells.
pub(crate) fn pause_number(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: NumberId,
    code: Option<&str>,
    detail: Option<&str>,
) -> Result<(), Failure> {
    let mut all = numbers::lock(tx, beat.workspace)?;
    let Some(number) = all.iter_mut().find(|number| number.id == id && number.state == "live") else { return Ok(()) };
    "paused".clone_into(&mut number.state);
    numbers::update(tx, beat.workspace, number)?;
    let note = serde_json::json!({ "number": number.phone, "code": code, "detail": detail.map(without_phones) });
    beat.note(tx, "number.paused", None, &note)
}

impl<'a> Settling<'a> {
    /// Locks these enrollments and those of the kin, whose contacts are locked.
    pub(crate) fn new(
        tx: &mut Tx<'_>,
        beat: &'a Beat,
        steps: &Steps,
        ids: impl IntoIterator<Item = EnrollmentId>,
        kin: HashMap<ContactId, Kin>,
    ) -> Result<Self, Failure> {
        let ids: BTreeSet<EnrollmentId> = ids.into_iter().chain(kin.values().flat_map(Kin::all)).collect();
        let ids: Vec<EnrollmentId> = ids.into_iter().collect();
        let rows = if ids.is_empty() { Vec::new() } else { enrollments::lock(tx, beat.workspace, &ids)? };
        let known = facts::workspace_of(tx, beat.workspace)?;
        tallies::on_clock_of(tx, &known.row);
        Ok(Self {
            beat,
            places: Places::new(known.settings.hours),
            known,
            steps: steps.clone(),
            enrollments: rows.into_iter().map(|row| (row.id, Rc::new(row))).collect(),
            transfers: Vec::new(),
            advances: Vec::new(),
            holds: Vec::new(),
            events: Vec::new(),
            touches: BTreeMap::new(),
            costs: Vec::new(),
            kin,
            ends: Vec::new(),
            suppressed: Vec::new(),
            changed: BTreeSet::new(),
            landing: BTreeSet::new(),
            linked: BTreeSet::new(),
        })
    }

    /// Locks these messages and those that the locked enrollments are at: all that the settling may change. What is on its way for the
    /// first time has no row; it is as these texts tell, or rendered anew.
    pub(crate) fn lock<'t>(
        &mut self,
        tx: &mut Tx<'_>,
        asked: impl IntoIterator<Item = (MessageId, Option<&'t Text>)>,
    ) -> Result<FxHashMap<MessageId, Message>, Failure> {
        let mut stored: BTreeMap<MessageId, Option<&Text>> = asked.into_iter().collect();
        let mut coming = Vec::new();
        for row in self.enrollments.values() {
            let Some(first) = First::of(row) else {
                stored.extend(row.message.map(|id| (id, None)));
                continue;
            };
            coming.extend(match stored.remove(&first.message) {
                Some(Some(text)) => Some(first.sending(text.clone())),
                Some(None) => Some(on_the_way::sending(tx, self.beat.workspace, &self.steps, row, first)?),
                None => None,
            });
        }
        let stored: Vec<MessageId> = stored.into_keys().collect();
        let mut locked = ending::lock_messages(tx, self.beat, &stored)?;
        self.landing.extend(coming.iter().map(|message| message.id));
        locked.extend(coming.into_iter().map(|message| (message.id, message)));
        Ok(locked)
    }

    /// Rules about a locked message, and saves it.
    pub(crate) fn apply(
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
        self.changed(message);
        Ok(())
    }

    /// The message is written at the end, as it is then: [`Settling::finish`] is given it.
    pub(crate) fn changed(&mut self, message: &Message) {
        self.changed.insert(message.id);
    }

    /// Stores the carriers' identifiers of the texts that are accepted now, all in one statement.
    fn link_accepted(
        &mut self,
        tx: &mut Tx<'_>,
        locked: &FxHashMap<MessageId, Message>,
        answers: &[Answered],
    ) -> Result<(), Failure> {
        let accepted = answers.iter().filter_map(|answer| {
            let (id, tried) = messages::of_attempt(answer.attempt);
            let message =
                locked.get(&id).filter(|message| message.state.is_in_flight() && message.attempts == tried)?;
            let carrier_id = answer.carrier_id.as_deref()?;
            matches!(answer.said, Said::Submitted(Answer::Accepted))
                .then_some((CarrierId { carrier: &answer.carrier, id: carrier_id }, message.id))
        });
        let news = receipts::link_new(tx, self.beat.workspace, &accepted.collect::<Vec<_>>())?;
        self.linked = news.iter().filter_map(|id| Some(messages::attempt(*id, locked.get(id)?.attempts))).collect();
        Ok(())
    }

    /// Whether the carrier's identifier of this attempt was stored just now, and was news.
    pub(crate) fn is_linked(&self, attempt: AttemptId) -> bool {
        self.linked.contains(&attempt)
    }

    /// An answer that came after the message was settled, by a receipt that was faster or by the end of
    /// the search: the carrier's identifier and its count of segments are still news.
    fn late(&mut self, tx: &mut Tx<'_>, message: &mut Message, answer: &Answered) -> Result<(), Failure> {
        let accepted =
            matches!(answer.said, Said::Submitted(Answer::Accepted) | Said::Found { found: Found::Sent, .. });
        let arrived = [MessageState::Sent, MessageState::Delivered, MessageState::Undelivered];
        if accepted && arrived.contains(&message.state) {
            ruling::accepted_late(self, tx, message, answer)?;
            self.changed(message);
        }
        Ok(())
    }

    /// A contact comes onto a list: what runs of its kin ends, by the end of the settling.
    pub(crate) fn fall(&mut self, message: &Message, kind: Suppression) {
        let (contact, code) = (message.contact, message.code.clone());
        self.suppressed.push(Fallen { contact, kind, message: message.id, code });
        if let Some((row, true)) = self.enrollment(message) {
            self.ends.push((row.id, kind.stop_reason()));
        }
        if let Some(kin) = self.kin.get(&message.contact) {
            self.ends.extend(kin.ends(kind));
        }
    }

    /// The enrollment of a message, and whether it still runs.
    pub(crate) fn enrollment(&self, message: &Message) -> Option<(&Enrollment, bool)> {
        let row = self.enrollments.get(&message.enrollment?)?.as_ref();
        Some((row, row.state == EnrollmentState::Active))
    }

    /// A text went: `runs` is the enrollment that goes on after it.
    pub(crate) fn touch(&mut self, message: &Message, runs: Option<EnrollmentId>) {
        let is_first = message.step == Some(1);
        let touch = Touch { contact: message.contact, message: message.id, side: Side::Outbound, is_first, runs };
        self.touches.insert(message.contact, touch);
    }

    /// Writes what was collected, and of the messages, as they were locked and changed, those that did change; refusals end their
    /// enrollments last, when their messages are settled and conversations say what ran.
    pub(crate) fn finish<'m>(
        self,
        tx: &mut Tx<'_>,
        messages: impl IntoIterator<Item = &'m Message>,
    ) -> Result<(), Failure> {
        let workspace = self.beat.workspace;
        let mut changed: Vec<_> = messages.into_iter().filter(|message| self.changed.contains(&message.id)).collect();
        changed.sort_unstable_by_key(|message| message.id);
        assert_eq!(changed.len(), self.changed.len(), "whoever changes a message gives it to the end");
        let (new, known): (Vec<_>, Vec<_>) = changed.into_iter().partition(|row| self.landing.contains(&row.id));
        messages::save_all(tx, workspace, known.iter().copied())?;
        messages::land(tx, workspace, new.iter().copied())?;
        for (id, cost) in &self.costs {
            receipts::note_cost(tx, workspace, *id, cost.micros, &cost.currency)?;
        }
        let gone_on: BTreeSet<EnrollmentId> = self.advances.iter().map(|row| row.enrollment).collect();
        let landed = new.iter().filter_map(|row| row.enrollment).filter(|id| !gone_on.contains(id));
        flights::land(tx, workspace, landed)?;
        claims::advance(tx, workspace, &self.advances, self.beat.now)?;
        claims::hold(tx, workspace, &self.holds)?;
        // In the order of their keys, as others settle for the same workspace.
        let touches: Vec<Touch> = self.touches.into_values().collect();
        conversations::touch(tx, workspace, &touches, self.beat.now)?;
        events::insert(tx, workspace, &self.events)?;
        if !self.ends.is_empty() {
            // Refunds follow below: whoever posts twice begins with the accounts that come first.
            store::ledger::lock_available(tx, workspace)?;
        }
        // As late as can be: whoever settles for the same workspace waits here until this is committed.
        store::ledger::post(tx, workspace, &self.transfers, self.beat.now)?;
        for (id, reason) in self.ends {
            ending::stop(tx, self.beat, &[id], reason)?;
        }
        // After the accounts, as an inbound opt-out has it: two that meet here wait in one order.
        for fallen in &self.suppressed {
            ruling::suppress(tx, self.beat, fallen)?;
        }
        Ok(())
    }
}
