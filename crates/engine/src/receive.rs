//! What carriers tell us unasked: texts from contacts here, receipts of ours in `receipts`.
//!
//! | beat of an inbound text | what happens, all in one transaction |
//! |---|---|
//! | note | the carrier's event id is inserted; a repeat ends here |
//! | find | our number's workspace; the contact, locked; an unknown phone becomes a contact |
//! | keep | the message is stored, the conversation moves up and is unread |
//! | stop | **the running enrollment ends, whatever the text says, and what was not sent comes back**; not by an automatic answer where the workspace says so |
//! | obey | an opt-out is suppressed and confirmed once, by the carrier or by us; START lifts it; HELP is answered; a wrong number is marked |
//!
//! From the commit on no message of that enrollment is claimed, on any node. Inbound has its own
//! lane in the store, so outgoing load never delays it.

use carrier::{Capabilities, CarrierEvent, Inbound, Receipt, Signal, StopAnswer};
use domain::automatic;
use domain::consent::Kind;
use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, WorkspaceId};
use domain::message::{MessageKind, MessageState};
use domain::optout::{self, By, Wish};
use domain::phone::Phone;
use domain::suppression::Suppression;
use domain::tariff::Country;
use domain::{segments, template};
use jiff::Timestamp;
use store::contacts::{self, Contact};
use store::conversations::{self, Side, Touch};
use store::messages::{self, Message};
use store::receipts::CarrierId;
use store::{Lane, Tx, answers, enrollments, numbers, runs, suppressions};

use crate::beat::Beat;
use crate::consents::{self, Heard};
use crate::ending::{self, Ended};
use crate::engine::Engine;
use crate::facts::{self, Known, Steps};
use crate::failure::Failure;
use crate::kin;
use crate::manual::queued;
use crate::receipts::{self, Told};
use crate::settings::Switch;

/// Longest inbound text that is kept, in characters; carriers join at most some ten segments.
const MAX_BODY_CHARS: usize = 10_000;

/// Who writes the answer to HELP.
const HELP: &str = "help";
/// How far back an answer to HELP is looked for.
const THREAD_FOR_HELP: i64 = 200;

/// What a callback changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A text from a contact was stored.
    Stored {
        /// In which workspace.
        workspace: WorkspaceId,
        /// From whom.
        contact: ContactId,
        /// The stored message.
        message: MessageId,
        /// The enrollments that it ended.
        ended: Vec<Ended>,
    },
    /// A receipt moved a message to this state.
    Moved(MessageId, MessageState),
    /// A receipt told nothing new, or of a message that is not known.
    Nothing,
    /// A receipt named a carrier's identifier that no answer has named yet; it waits for that.
    Parked,
    /// It came before.
    Repeat,
    /// It belongs to no number of ours; it was kept.
    Stray,
}

impl Engine {
    /// Takes one callback of a carrier, whose signature was verified. One transaction, and nothing before it: on SQLite
    /// callbacks that come at once share a commit, in the order in which they came.
    pub async fn receive(&self, carrier: &str, event: CarrierEvent) -> Result<Received, Failure> {
        self.receive_once(carrier, event, None).await
    }

    /// The same for a call that bears a word which counts once: with another event it is a forgery, and changes nothing.
    pub(crate) async fn receive_once(
        &self,
        carrier: &str,
        event: CarrierEvent,
        once: Option<String>,
    ) -> Result<Received, Failure> {
        let capabilities = self.carrier(carrier).map(|carrier| carrier.capabilities());
        let whose = self.roll().account(carrier).map(|account| account.workspace);
        let (now, beat, steps, carrier) = (self.now(), self.beats("contact"), self.steps(), carrier.to_owned());
        let lane = match event {
            CarrierEvent::Inbound(_) => Lane::Inbound,
            CarrierEvent::Receipt(_) => Lane::Receipt,
        };
        let take = move |tx: &mut Tx<'_>| {
            // A carrier speaks for its own numbers only: an account of one workspace cannot tell news of another's.
            let route = numbers::route(tx, our_number(&event))?.filter(|route| route.carrier == carrier);
            let (carrier, steps) = (carrier.clone(), steps.clone());
            if let Some(route) = route {
                let (beat, number) = (beat(route.workspace), Some(route.number));
                return Intake { beat, carrier, number, capabilities, steps }.take(tx, &event, once.as_deref());
            }
            if let (Some(workspace), CarrierEvent::Receipt(receipt)) = (whose, &event)
                && is_of_ours(tx, workspace, &carrier, receipt)?
            {
                let told = CarrierEvent::Receipt(Receipt { attempt: None, ..receipt.clone() });
                let intake = Intake { beat: beat(workspace), carrier, number: None, capabilities, steps };
                return intake.take(tx, &told, once.as_deref());
            }
            stray(tx, &carrier, &event, now)
        };
        let received = self.write(lane, take).await?;
        self.counters().received(&received);
        self.wake();
        Ok(received)
    }
}

/// The number of ours that a callback is about.
fn our_number(event: &CarrierEvent) -> &str {
    match event {
        CarrierEvent::Inbound(inbound) => &inbound.to,
        CarrierEvent::Receipt(receipt) => &receipt.from,
    }
}

/// Whether a receipt that names no number of ours tells of a text of this workspace, whose account told it: some SMSCs do not turn
/// the two numbers round. It does if we know the identifier, which the account gave, or else the phone as a contact's: its
/// answer is still to come then.
fn is_of_ours(tx: &Tx<'_>, workspace: WorkspaceId, carrier: &str, receipt: &Receipt) -> Result<bool, Failure> {
    let of = CarrierId { carrier, id: &receipt.carrier_id };
    let known = !of.id.is_empty() && store::receipts::find(tx, workspace, of)?.is_some();
    Ok(known || !contacts::by_phones(tx, workspace, &[&receipt.from])?.is_empty())
}

/// Keeps a callback that is about no number of ours.
fn stray(tx: &mut Tx<'_>, carrier: &str, event: &CarrierEvent, now: Timestamp) -> Result<Received, Failure> {
    let payload = serde_json::to_string(event).map_err(|error| Failure::Stored(error.to_string()))?;
    answers::keep_stray(tx, carrier, event.event_id(), &payload.replace("\\u0000", ""), now)?;
    Ok(Received::Stray)
}

/// One callback on its way in.
struct Intake {
    beat: Beat,
    carrier: String,
    /// The number of ours that it is about, where it names one: a text does.
    number: Option<NumberId>,
    /// What the carrier does by itself; nothing is known of one that is gone.
    capabilities: Option<Capabilities>,
    steps: Steps,
}

impl Intake {
    fn take(&self, tx: &mut Tx<'_>, event: &CarrierEvent, once: Option<&str>) -> Result<Received, Failure> {
        let mut first = |key: &str| answers::first(tx, self.beat.workspace, &self.carrier, key, self.beat.now);
        // Before the event's own identifier: a forged call must not use that up.
        if let Some(once) = once
            && !first(&format!("once:{once}"))?
        {
            return Ok(Received::Repeat);
        }
        if !first(event.event_id())? {
            return Ok(Received::Repeat);
        }
        match event {
            CarrierEvent::Inbound(inbound) => self.inbound(tx, inbound),
            CarrierEvent::Receipt(receipt) => {
                let beat = Beat { actor: "carrier".to_owned(), ..self.beat.clone() };
                receipts::take(tx, &beat, &self.steps, &Told { carrier: &self.carrier, receipt })
            }
        }
    }

    /// The number that a text came to.
    fn number(&self) -> NumberId {
        self.number.expect("a text names a number of ours, or it is a stray")
    }

    fn inbound(&self, tx: &mut Tx<'_>, inbound: &Inbound) -> Result<Received, Failure> {
        let beat = &self.beat;
        let Some(phone) = Phone::stored(&inbound.from) else {
            let payload = serde_json::to_string(inbound).map_err(|error| Failure::Stored(error.to_string()))?;
            answers::keep_stray(tx, &self.carrier, &inbound.event_id, &payload, beat.now)?;
            return Ok(Received::Stray);
        };
        let known = facts::workspace_of(tx, beat.workspace)?;
        let (contact, others) = self.lock(tx, &known, phone)?;
        let wish = wish_of(inbound);
        let automatic = automatic::is_automatic(&inbound.body);
        let message = self.store(tx, &contact, inbound, automatic)?;
        let mut ended = Vec::new();
        // A wish is a wish, whoever typed it; only what wishes nothing may be passed over.
        let passed_over = automatic && matches!(wish, Wish::Nothing | Wish::Yes);
        if !passed_over || known.settings.automatic_answers_stop == Switch::On {
            let reason = if matches!(wish, Wish::OptOut { .. }) { StopReason::OptedOut } else { StopReason::Replied };
            ended.extend(stop_of(tx, beat, &[contact.id], reason)?);
            ended.extend(stop_of(tx, beat, &others, StopReason::PersonReplied)?);
        }
        let heard = Heard { kind: Kind::Revoked, source: "text", words: &inbound.body, message: Some(message) };
        self.obey(tx, &known, &contact, (wish, self.who_answers(inbound)), heard)?;
        Ok(Received::Stored { workspace: beat.workspace, contact: contact.id, message, ended })
    }

    fn store(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        inbound: &Inbound,
        automatic: bool,
    ) -> Result<MessageId, Failure> {
        let beat = &self.beat;
        let body: String = inbound.body.chars().filter(|character| *character != '\0').take(MAX_BODY_CHARS).collect();
        let segments = i64::try_from(segments::count(&body).segments).unwrap_or(i64::MAX);
        let id = beat.ids.message(beat.now);
        let message = Message {
            state: MessageState::Received,
            carrier_id: None,
            author: "contact".to_owned(),
            country: Some(Country::of_stored(&contact.phone)),
            ..Message::new(id, contact.id, MessageKind::Inbound, self.number(), body, segments, beat.now)
        };
        messages::insert(tx, beat.workspace, &[message], beat.now)?;
        let touch = Touch { contact: contact.id, message: id, side: Side::Inbound, is_first: false, runs: None };
        conversations::touch(tx, beat.workspace, &[touch], beat.now)?;
        let note = serde_json::json!({ "message": id, "media": inbound.media, "automatic": automatic });
        beat.note(tx, "message.received", Some(contact.id), &note)?;
        Ok(id)
    }

    /// The contact and the person's others whose enrollments end too, all locked, and what runs of them.
    ///
    /// The locks are taken before anything is written and in the order of the house, contacts before
    /// enrollments: two phones of one person that answer at once, or an answer and the settling of the
    /// text that it answers, then wait for each other in one direction only.
    fn lock(&self, tx: &mut Tx<'_>, known: &Known, phone: Phone) -> Result<(Contact, Vec<ContactId>), Failure> {
        let workspace = self.beat.workspace;
        if let Some(found) = contacts::by_phones(tx, workspace, &[&phone.to_string()])?.pop() {
            let family = kin::family(tx, &self.beat, known.settings.stop_person, &found)?;
            contacts::lock(tx, workspace, &family)?;
        }
        let contact = crate::contacts::find_or_create(tx, &self.beat, phone)?;
        let mut family = kin::family(tx, &self.beat, known.settings.stop_person, &contact)?;
        contacts::lock(tx, workspace, &family)?;
        let running: Vec<_> = runs::of(tx, workspace, &family)?.into_iter().map(|row| row.id).collect();
        enrollments::lock(tx, workspace, &running)?;
        family.retain(|other| *other != contact.id);
        Ok((contact, family))
    }

    /// Which of the two, the carrier or we, answers a text: exactly one does.
    fn who_answers(&self, inbound: &Inbound) -> StopAnswer {
        let theirs = self.capabilities.is_some_and(|does| does.answers(&inbound.body));
        if inbound.signal.is_some() || theirs { StopAnswer::Carrier } else { StopAnswer::Ours }
    }

    fn obey(
        &self,
        tx: &mut Tx<'_>,
        known: &Known,
        contact: &Contact,
        (wish, who): (Wish, StopAnswer),
        heard: Heard<'_>,
    ) -> Result<(), Failure> {
        let settings = &known.settings;
        let (text, author) = match wish {
            Wish::OptOut { .. } if self.opt_out(tx, contact, &heard)? => (&settings.opt_out_text, "opt-out"),
            Wish::Help if self.may_help(tx, contact)? => (&settings.help_text, HELP),
            Wish::Start if self.lift(tx, contact, heard)? => (&settings.opt_in_text, "opt-in"),
            Wish::Yes if self.answers_confirmation(tx, contact)? && self.lift(tx, contact, heard)? => {
                (&settings.opt_in_text, "opt-in")
            }
            Wish::WrongNumber => return self.wrong_number(tx, contact, &heard),
            Wish::OptOut { .. } | Wish::Help | Wish::Start | Wish::Yes | Wish::Nothing => return Ok(()),
        };
        if who == StopAnswer::Ours { self.answer(tx, contact, text, author) } else { Ok(()) }
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
        let message = queued(&self.beat, MessageKind::System, contact, self.number(), body, segments);
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

/// Ends what runs of these contacts, which the transaction has locked.
pub(crate) fn stop_of(
    tx: &mut Tx<'_>,
    beat: &Beat,
    contacts: &[ContactId],
    reason: StopReason,
) -> Result<Vec<Ended>, Failure> {
    let running = runs::of(tx, beat.workspace, contacts)?;
    let ids: Vec<EnrollmentId> = running.into_iter().map(|row| row.id).collect();
    ending::stop(tx, beat, &ids, reason)
}
