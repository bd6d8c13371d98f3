//! Texts from contacts on their way in: kept, obeyed, and what runs ends.
//!
//! | beat of the texts that are taken together | what happens, all in one transaction |
//! |---|---|
//! | note | each text's event id is inserted; a repeat ends here |
//! | find | the contacts, locked with their kin and what runs of them; an unknown phone becomes a contact |
//! | keep | the messages are stored, the conversations move up and are unread |
//! | obey | an opt-out is suppressed and confirmed once, by the carrier or by us; START lifts it; HELP is answered; a wrong number is marked |
//! | stop | **the running enrollments end, whatever a text says, and what was not sent comes back**; not by an automatic answer where the workspace says so |
//!
//! From the commit on no message of those enrollments is claimed, on any node. Each beat does for all of them what is one statement for all; only
//! wishes are obeyed one by one, in the order in which the texts came, and families are looked for person by person. No two of the texts are of one phone ([`crate::gathering`]).
//!
//! Locks are taken in the order of the house: event ids, contacts with their kin, what runs of them, conversations, balances, each in the order of keys
//! (but the conversations of the writers' kin, which end after theirs).
//! Two phones of one person that answer at once, or an answer and the settling of the text that it answers, then wait for each other in one direction only.

use std::collections::HashMap;

use carrier::{Capabilities, Inbound, Signal, StopAnswer};
use domain::automatic;
use domain::consent::Kind;
use domain::enrollment::StopReason;
use domain::ids::{EnrollmentId, MessageId, NumberId};
use domain::message::{MessageKind, MessageState};
use domain::optout::{self, By, Wish};
use domain::phone::Phone;
use domain::suppression::Suppression;
use domain::tariff::Country;
use domain::{segments, template};
use store::contacts::{self, Contact};
use store::conversations::{self, Side, Touch};
use store::enrollments::Enrollment;
use store::messages::{self, Message};
use store::{Tx, answers, suppressions, tallies, workspaces};

use crate::beat::Beat;
use crate::consents::{self, Heard};
use crate::ending::{self, Ended};
use crate::facts::{self, Known};
use crate::failure::Failure;
use crate::kin::{self, Kin, Writer};
use crate::manual::queued;
use crate::receive::Received;
use crate::settings::Switch;

/// Longest inbound text that is kept, in characters; carriers join at most some ten segments.
const MAX_BODY_CHARS: usize = 10_000;

/// Who writes the answer to HELP.
const HELP: &str = "help";
/// How far back an answer to HELP is looked for.
const THREAD_FOR_HELP: i64 = 200;
/// Where texts come in: a number of ours and whose it is.
pub(crate) struct Intake<'a> {
    pub(crate) beat: Beat,
    pub(crate) carrier: &'a str,
    pub(crate) number: NumberId,
    /// What the carrier does by itself; nothing is known of one that is gone.
    pub(crate) capabilities: Option<Capabilities>,
}

/// What came of texts.
pub(crate) struct Taken {
    /// Of each.
    pub(crate) received: Vec<Received>,
    /// How many texts of ours answer them, which are due.
    pub(crate) answers: usize,
}

/// A text, from whom it is, and what it wishes.
struct Heeded<'a> {
    inbound: &'a Inbound,
    contact: Contact,
    kin: Kin,
    wish: Wish,
    automatic: bool,
    message: MessageId,
}

impl Heeded<'_> {
    /// Whether what runs ends by it. A wish is a wish, whoever typed it; only an automatic text that wishes nothing may be passed over.
    fn stops(&self, known: &Known) -> bool {
        let passed_over = self.automatic && matches!(self.wish, Wish::Nothing | Wish::Yes);
        !passed_over || known.settings.automatic_answers_stop == Switch::On
    }

    fn reason(&self) -> StopReason {
        if matches!(self.wish, Wish::OptOut { .. }) { StopReason::OptedOut } else { StopReason::Replied }
    }
}

impl Intake<'_> {
    /// Takes texts, none of them of the same phone as another.
    pub(crate) fn take(&self, tx: &mut Tx<'_>, texts: &[Inbound]) -> Result<Taken, Failure> {
        let workspace = self.beat.workspace;
        let events: Vec<&str> = texts.iter().map(|text| text.event_id.as_str()).collect();
        // Four that do not need each other's answers.
        let first = answers::first_of(tx, workspace, self.carrier, &events, self.beat.now)?;
        let row = workspaces::find_later(tx, workspace)?;
        let phones: Vec<Phone> = texts.iter().filter_map(|text| Phone::stored(&text.from)).collect();
        let seen = kin::lock_phones(tx, &self.beat, &phones)?;
        let known = facts::understood(tx.heard(row)?.ok_or_else(|| facts::no_workspace(workspace))?)?;
        let mut first = tx.heard(first)?;
        let mut received = vec![Received::Repeat; texts.len()];
        let mut new = Vec::with_capacity(texts.len());
        // Of two with one event id the first.
        for (nth, inbound) in texts.iter().enumerate().filter(|(_, text)| first.remove(&text.event_id)) {
            match Phone::stored(&inbound.from) {
                Some(phone) => new.push((nth, inbound, phone)),
                None => received[nth] = self.stray(tx, inbound)?,
            }
        }
        if new.is_empty() {
            return Ok(Taken { received, answers: 0 });
        }
        tallies::on_clock_of(tx, &known.row);
        tallies::carried_by(tx, workspace, [(self.number, self.carrier)]);
        let phones: Vec<Phone> = new.iter().map(|(_, _, phone)| *phone).collect();
        let (mut writers, running) = kin::lock_writers(tx, &self.beat, known.settings.stop_person, &phones, seen)?;
        let mut heeded = Vec::with_capacity(new.len());
        for (_, inbound, phone) in &new {
            let Writer { contact, kin } = writers.remove(phone).expect("each phone has a contact, and is here once");
            let (wish, automatic) = (wish_of(inbound), automatic::is_automatic(&inbound.body));
            heeded.push(Heeded {
                inbound,
                contact,
                kin,
                wish,
                automatic,
                message: self.beat.ids.message(self.beat.now),
            });
        }
        self.store(tx, &heeded)?;
        let mut answers = 0;
        for text in &heeded {
            answers += usize::from(self.obey(tx, &known, text)?);
        }
        // Last: it takes the rows of balances, for which whoever sends waits.
        let mut ended = self.stop(tx, &known, &heeded, running)?;
        for ((place, ..), text) in new.iter().zip(&heeded) {
            received[*place] = Received::Stored {
                workspace: self.beat.workspace,
                contact: text.contact.id,
                message: text.message,
                ended: ended.remove(&text.message).unwrap_or_default(),
            };
        }
        Ok(Taken { received, answers })
    }

    fn stray(&self, tx: &mut Tx<'_>, inbound: &Inbound) -> Result<Received, Failure> {
        let payload = serde_json::to_string(inbound).map_err(|error| Failure::Stored(error.to_string()))?;
        answers::keep_stray(tx, self.carrier, &inbound.event_id, &payload, self.beat.now)?;
        Ok(Received::Stray)
    }

    /// Ends what the texts end of what runs; answers what each message ended.
    fn stop(
        &self,
        tx: &mut Tx<'_>,
        known: &Known,
        texts: &[Heeded<'_>],
        running: Vec<Enrollment>,
    ) -> Result<HashMap<MessageId, Vec<Ended>>, Failure> {
        let mut running: HashMap<EnrollmentId, Enrollment> = running.into_iter().map(|row| (row.id, row)).collect();
        // Who ends by which text and why: the first that ends it.
        let (mut by, mut ends) = (HashMap::new(), Vec::new());
        for text in texts.iter().filter(|text| text.stops(known)) {
            for (id, reason) in text.kin.falls_with(text.reason()) {
                if let Some(row) = running.remove(&id) {
                    by.insert(id, text.message);
                    ends.push((reason, row));
                }
            }
        }
        let mut ended: HashMap<MessageId, Vec<Ended>> = HashMap::new();
        for end in ending::stop_locked(tx, &self.beat, ends)? {
            ended.entry(by[&end.enrollment]).or_default().push(end);
        }
        Ok(ended)
    }

    fn store(&self, tx: &mut Tx<'_>, texts: &[Heeded<'_>]) -> Result<(), Failure> {
        let beat = &self.beat;
        let message = |text: &Heeded<'_>| {
            let body: String =
                text.inbound.body.chars().filter(|character| *character != '\0').take(MAX_BODY_CHARS).collect();
            let segments = i64::try_from(segments::count(&body).segments).unwrap_or(i64::MAX);
            Message {
                state: MessageState::Received,
                carrier_id: None,
                author: "contact".to_owned(),
                country: Some(Country::of_stored(&text.contact.phone)),
                ..Message::new(
                    text.message,
                    text.contact.id,
                    MessageKind::Inbound,
                    self.number,
                    body,
                    segments,
                    beat.now,
                )
            }
        };
        messages::insert(tx, beat.workspace, &texts.iter().map(message).collect::<Vec<_>>(), beat.now)?;
        let touch = |text: &Heeded<'_>| Touch {
            contact: text.contact.id,
            message: text.message,
            side: Side::Inbound,
            is_first: false,
            runs: text.kin.own().next(),
        };
        conversations::touch_locked(tx, beat.workspace, &texts.iter().map(touch).collect::<Vec<_>>(), beat.now)?;
        let note = |text: &Heeded<'_>| {
            let facts = serde_json::json!({ "message": text.message, "media": text.inbound.media, "automatic": text.automatic });
            beat.event("message.received", Some(text.contact.id), &facts)
        };
        Ok(store::events::insert(tx, beat.workspace, &texts.iter().map(note).collect::<Vec<_>>())?)
    }

    /// Which of the two, the carrier or we, answers a text: exactly one does.
    fn who_answers(&self, inbound: &Inbound) -> StopAnswer {
        let theirs = self.capabilities.is_some_and(|does| does.answers(&inbound.body));
        if inbound.signal.is_some() || theirs { StopAnswer::Carrier } else { StopAnswer::Ours }
    }

    /// Does what a text wishes; whether a text of ours answers it.
    fn obey(&self, tx: &mut Tx<'_>, known: &Known, text: &Heeded<'_>) -> Result<bool, Failure> {
        let (settings, contact) = (&known.settings, &text.contact);
        let words = &text.inbound.body;
        let heard = Heard { kind: Kind::Revoked, source: "text", words, message: Some(text.message) };
        let (answer, author) = match text.wish {
            Wish::OptOut { .. } if self.opt_out(tx, contact, &heard)? => (&settings.opt_out_text, "opt-out"),
            Wish::Help if self.may_help(tx, contact)? => (&settings.help_text, HELP),
            Wish::Start if self.lift(tx, contact, heard)? => (&settings.opt_in_text, "opt-in"),
            Wish::Yes if self.answers_confirmation(tx, contact)? && self.lift(tx, contact, heard)? => {
                (&settings.opt_in_text, "opt-in")
            }
            Wish::WrongNumber => return self.wrong_number(tx, contact, &heard).map(|()| false),
            Wish::OptOut { .. } | Wish::Help | Wish::Start | Wish::Yes | Wish::Nothing => return Ok(false),
        };
        match self.who_answers(text.inbound) {
            StopAnswer::Ours => self.answer(tx, contact, answer, author).map(|()| true),
            StopAnswer::Carrier => Ok(false),
        }
    }

    /// The contact opts out, which takes every consent back; false if it had opted out already.
    fn opt_out(&self, tx: &mut Tx<'_>, contact: &Contact, heard: &Heard<'_>) -> Result<bool, Failure> {
        let new = self.suppress(tx, contact, Suppression::OptedOut, "contact")?;
        // Also where it holds already: a consent from between the two lifts nothing.
        consents::keep(tx, &self.beat, contact, heard)?;
        Ok(new)
    }

    /// The phone is somebody else's: no more texts, no consent of who had it before holds, and the contact shows since
    /// when that is known.
    fn wrong_number(&self, tx: &mut Tx<'_>, contact: &Contact, heard: &Heard<'_>) -> Result<(), Failure> {
        let beat = &self.beat;
        self.suppress(tx, contact, Suppression::DoNotContact, "wrong number")?;
        consents::keep(tx, beat, contact, &Heard { source: "wrong number", ..*heard })?;
        if contact.reassigned_at.is_some() {
            return Ok(());
        }
        contacts::set_reassigned(tx, beat.workspace, contact.id, Some(beat.now), beat.now)?;
        beat.note(tx, "contact.reassigned", Some(contact.id), &serde_json::json!({ "source": "contact" }))
    }

    fn suppress(&self, tx: &mut Tx<'_>, contact: &Contact, kind: Suppression, source: &str) -> Result<bool, Failure> {
        let beat = &self.beat;
        let new =
            suppressions::add(tx, beat.workspace, (contact.phone_hash, Some(contact.id)), kind, source, beat.now)?;
        if new {
            crate::conversations::listed(tx, beat.workspace, contact.id, kind, true)?;
            let note = serde_json::json!({ "list": kind.word(), "source": source });
            beat.note(tx, "contact.suppressed", Some(contact.id), &note)?;
        }
        Ok(new)
    }

    /// Takes the contact off the list of those who opted out; false if it was not on it.
    fn lift(&self, tx: &mut Tx<'_>, contact: &Contact, heard: Heard<'_>) -> Result<bool, Failure> {
        let beat = &self.beat;
        let kind = Suppression::OptedOut;
        if !suppressions::lift(tx, beat.workspace, contact.phone_hash, kind, beat.now)? {
            return Ok(false);
        }
        crate::conversations::listed(tx, beat.workspace, contact.id, kind, false)?;
        consents::keep(tx, beat, contact, &Heard { kind: Kind::Express, ..heard })?;
        let note = serde_json::json!({ "list": kind.word(), "source": "contact" });
        beat.note(tx, "contact.unsuppressed", Some(contact.id), &note)?;
        Ok(true)
    }

    /// Whoever has opted out is told once more who texted, if they ask, and then nothing (SMS §3.2).
    fn may_help(&self, tx: &mut Tx<'_>, contact: &Contact) -> Result<bool, Failure> {
        let workspace = self.beat.workspace;
        let since = suppressions::since(tx, workspace, contact.phone_hash, Suppression::OptedOut)?;
        let Some(since) = since else { return Ok(true) };
        let thread = messages::thread(tx, workspace, contact.id, MessageId(i64::MAX), THREAD_FOR_HELP)?;
        let told = |message: &Message| message.kind == MessageKind::System && message.author == HELP;
        Ok(!thread.iter().any(|message| told(message) && message.created_at >= since))
    }

    /// Whether the last text that the contact got from us is the confirmation of an opt-out.
    fn answers_confirmation(&self, tx: &mut Tx<'_>, contact: &Contact) -> Result<bool, Failure> {
        let thread = messages::thread(tx, self.beat.workspace, contact.id, MessageId(i64::MAX), 20)?;
        let last = thread.iter().find(|message| message.kind != MessageKind::Inbound);
        Ok(last.is_some_and(|message| message.kind == MessageKind::System && message.author == "opt-out"))
    }

    /// Queues a text of the product itself, from the number that the contact wrote to.
    fn answer(&self, tx: &mut Tx<'_>, contact: &Contact, text: &str, author: &str) -> Result<(), Failure> {
        let body = template::sendable(text, template::Smart::On);
        let segments = i64::try_from(segments::count(&body).segments).unwrap_or(i64::MAX);
        let message = queued(&self.beat, MessageKind::System, contact, self.number, body, segments);
        let message = Message { author: author.to_owned(), ..message };
        Ok(messages::insert(tx, self.beat.workspace, &[message], self.beat.now)?)
    }
}

/// What a text wishes: what the carrier took it for, where it acts on words of its own, else what its words say.
fn wish_of(inbound: &Inbound) -> Wish {
    match (inbound.signal, optout::read(&inbound.body)) {
        (Some(Signal::Stop), _) => Wish::OptOut { by: By::Keyword },
        (Some(Signal::Start), Wish::Yes | Wish::Nothing) => Wish::Start,
        (Some(Signal::Help), Wish::Nothing) => Wish::Help,
        (_, wish) => wish,
    }
}
