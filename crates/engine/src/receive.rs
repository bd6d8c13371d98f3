//! What carriers tell us unasked: texts from contacts, and receipts of ours.
//!
//! | beat of an inbound text | what happens, all in one transaction |
//! |---|---|
//! | note | the carrier's event id is inserted; a repeat ends here |
//! | find | our number's workspace; the contact, locked; an unknown phone becomes a contact |
//! | keep | the message is stored, the conversation moves up and is unread |
//! | stop | **the running enrollment ends, whatever the text says, and what was not sent comes back** |
//! | obey | an opt-out is suppressed and confirmed once; START lifts it; HELP is answered |
//!
//! From the commit on no message of that enrollment is claimed, on any node. Inbound has its own
//! lane in the store, so outgoing load never delays it.

use carrier::{CarrierEvent, Inbound, Receipt, ReceiptState, StopAnswer};
use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId, WorkspaceId};
use domain::message::{self, Delivery, MessageKind, MessageState};
use domain::optout::{self, Wish};
use domain::phone::Phone;
use domain::suppression::Suppression;
use domain::{segments, template};
use store::contacts::{self, Contact};
use store::conversations::{self, Side, Touch};
use store::messages::{self, Message};
use store::{Lane, Tx, answers, enrollments, numbers, suppressions};

use crate::beat::Beat;
use crate::ending::{self, Ended};
use crate::engine::Engine;
use crate::facts::{self, Known, Steps};
use crate::failure::Failure;
use crate::manual::queued;
use crate::settings::Switch;
use crate::settle::{self, Answered, Ruling, Said};

/// Longest inbound text that is kept, in characters; carriers join at most some ten segments.
const MAX_BODY_CHARS: usize = 10_000;

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
    /// It came before.
    Repeat,
    /// It belongs to no number of ours; it was kept.
    Stray,
}

impl Engine {
    /// Takes one callback of a carrier, whose signature was verified.
    pub async fn receive(&self, carrier: &str, event: CarrierEvent) -> Result<Received, Failure> {
        let route = match &event {
            CarrierEvent::Inbound(inbound) => inbound.to.clone(),
            CarrierEvent::Receipt(receipt) => receipt.from.clone(),
        };
        let routed = self.read(move |db| Ok::<_, Failure>(numbers::route(db, &route)?)).await?;
        let Some((workspace, number)) = routed else { return self.stray(carrier, &event).await };
        let answers_stop = self.carrier(carrier).map(|carrier| carrier.capabilities().stop_answer);
        let intake = Intake {
            beat: self.beat_as(workspace, "contact"),
            carrier: carrier.to_owned(),
            number,
            confirms: answers_stop.unwrap_or(StopAnswer::Ours),
            steps: self.steps(),
        };
        let received = self.write(Lane::Inbound, move |tx| intake.take(tx, &event)).await?;
        self.counters().received(&received);
        self.wake();
        Ok(received)
    }

    async fn stray(&self, carrier: &str, event: &CarrierEvent) -> Result<Received, Failure> {
        let (carrier, key, now) = (carrier.to_owned(), event.event_id().to_owned(), self.now());
        let payload = serde_json::to_string(event).map_err(|error| Failure::Stored(error.to_string()))?;
        self.counters().received(&Received::Stray);
        self.write(Lane::Inbound, move |tx| {
            answers::keep_stray(tx, &carrier, &key, &payload.replace("\\u0000", ""), now)?;
            Ok(Received::Stray)
        })
        .await
    }
}

/// One callback on its way in.
struct Intake {
    beat: Beat,
    carrier: String,
    number: NumberId,
    confirms: StopAnswer,
    steps: Steps,
}

impl Intake {
    fn take(&self, tx: &mut Tx<'_>, event: &CarrierEvent) -> Result<Received, Failure> {
        if !answers::first(tx, self.beat.workspace, &self.carrier, event.event_id(), self.beat.now)? {
            return Ok(Received::Repeat);
        }
        match event {
            CarrierEvent::Inbound(inbound) => self.inbound(tx, inbound),
            CarrierEvent::Receipt(receipt) => self.receipt(tx, receipt),
        }
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
        let wish = optout::read(&inbound.body);
        let message = self.store(tx, &contact, inbound)?;
        let reason = if matches!(wish, Wish::OptOut { .. }) { StopReason::OptedOut } else { StopReason::Replied };
        let mut ended = stop_of(tx, beat, &[contact.id], reason)?;
        ended.extend(stop_of(tx, beat, &others, StopReason::PersonReplied)?);
        self.obey(tx, &known, &contact, wish)?;
        Ok(Received::Stored { workspace: beat.workspace, contact: contact.id, message, ended })
    }

    fn store(&self, tx: &mut Tx<'_>, contact: &Contact, inbound: &Inbound) -> Result<MessageId, Failure> {
        let beat = &self.beat;
        let body: String = inbound.body.chars().filter(|character| *character != '\0').take(MAX_BODY_CHARS).collect();
        let segments = i64::try_from(segments::count(&body).segments).unwrap_or(i64::MAX);
        let id = beat.ids.message(beat.now);
        let message = Message {
            state: MessageState::Received,
            carrier_id: None,
            author: "contact".to_owned(),
            ..Message::new(id, contact.id, MessageKind::Inbound, self.number, body, segments, beat.now)
        };
        messages::insert(tx, beat.workspace, &[message], beat.now)?;
        let touch = Touch { contact: contact.id, message: id, side: Side::Inbound };
        conversations::touch(tx, beat.workspace, &[touch], beat.now)?;
        let note = serde_json::json!({ "message": id, "media": inbound.media });
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
            let family = self.family(tx, known, &found)?;
            contacts::lock(tx, workspace, &family)?;
        }
        let contact = crate::contacts::find_or_create(tx, &self.beat, phone)?;
        let mut family = self.family(tx, known, &contact)?;
        contacts::lock(tx, workspace, &family)?;
        let running: Vec<_> = enrollments::running_of(tx, workspace, &family)?.into_iter().map(|row| row.id).collect();
        enrollments::lock(tx, workspace, &running)?;
        family.retain(|other| *other != contact.id);
        Ok((contact, family))
    }

    /// The contact itself and, unless the workspace keeps them running, the person's others.
    fn family(&self, tx: &mut Tx<'_>, known: &Known, contact: &Contact) -> Result<Vec<ContactId>, Failure> {
        match (contact.person, known.settings.stop_person) {
            (Some(person), Switch::On) => Ok(contacts::of_person(tx, self.beat.workspace, person)?),
            _ => Ok(vec![contact.id]),
        }
    }

    fn obey(&self, tx: &mut Tx<'_>, known: &Known, contact: &Contact, wish: Wish) -> Result<(), Failure> {
        match wish {
            Wish::OptOut { .. } => self.opt_out(tx, known, contact),
            Wish::WrongNumber => {
                self.suppress(tx, contact, Suppression::DoNotContact, "wrong number")?;
                Ok(())
            }
            Wish::Help => self.answer(tx, contact, &known.settings.help_text, "help"),
            Wish::Start => self.opt_in(tx, known, contact),
            Wish::Yes if self.answers_confirmation(tx, contact)? => self.opt_in(tx, known, contact),
            Wish::Yes | Wish::Nothing => Ok(()),
        }
    }

    /// Suppresses and confirms: exactly once, and by exactly one party.
    fn opt_out(&self, tx: &mut Tx<'_>, known: &Known, contact: &Contact) -> Result<(), Failure> {
        let new = self.suppress(tx, contact, Suppression::OptedOut, "contact")?;
        if new && self.confirms == StopAnswer::Ours {
            return self.answer(tx, contact, &known.settings.opt_out_text, "opt-out");
        }
        Ok(())
    }

    fn suppress(&self, tx: &mut Tx<'_>, contact: &Contact, kind: Suppression, source: &str) -> Result<bool, Failure> {
        let beat = &self.beat;
        let new = suppressions::add(tx, beat.workspace, contact.phone_hash, kind, source, beat.now)?;
        if new {
            let note = serde_json::json!({ "list": kind.word(), "source": source });
            beat.note(tx, "contact.suppressed", Some(contact.id), &note)?;
        }
        Ok(new)
    }

    fn opt_in(&self, tx: &mut Tx<'_>, known: &Known, contact: &Contact) -> Result<(), Failure> {
        let beat = &self.beat;
        let kind = Suppression::OptedOut;
        if !suppressions::lift(tx, beat.workspace, contact.phone_hash, kind, beat.now)? {
            return Ok(());
        }
        let note = serde_json::json!({ "list": kind.word(), "source": "contact" });
        beat.note(tx, "contact.unsuppressed", Some(contact.id), &note)?;
        self.answer(tx, contact, &known.settings.opt_in_text, "opt-in")
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
        let message = queued(&self.beat, MessageKind::System, contact.id, self.number, body, segments);
        let message = Message { author: author.to_owned(), ..message };
        Ok(messages::insert(tx, self.beat.workspace, &[message], self.beat.now)?)
    }

    fn receipt(&self, tx: &mut Tx<'_>, receipt: &Receipt) -> Result<Received, Failure> {
        let workspace = self.beat.workspace;
        let id = match receipt.attempt {
            Some(attempt) => Some(messages::of_attempt(attempt).0),
            None => messages::by_carrier_id(tx, workspace, &self.carrier, &receipt.carrier_id)?,
        };
        let found = id.map(|id| messages::find(tx, workspace, id)).transpose()?.flatten();
        let Some(mut message) = found else { return Ok(Received::Nothing) };
        let delivery = delivery(receipt.state);
        if message::advance(message.state, delivery).is_none() {
            return Ok(Received::Nothing);
        }
        let beat = Beat { actor: "carrier".to_owned(), ..self.beat.clone() };
        if message.state.is_in_flight() {
            // The first callback proves the send, even if the answer of the submit was lost.
            let proof = self.proof(receipt, &message);
            settle::settle_one(tx, &beat, &self.steps, &mut message, &proof, Ruling::Sent)?;
        }
        let Some(locked) = messages::lock(tx, workspace, &[message.id])?.pop() else { return Ok(Received::Nothing) };
        let Some(state) = message::advance(locked.state, delivery) else {
            return Ok(Received::Moved(message.id, locked.state));
        };
        let code = receipt.code.clone().or_else(|| locked.code.clone());
        let moved = Message { state, state_at: beat.now, code, ..locked };
        messages::save(tx, workspace, &moved)?;
        let note = serde_json::json!({ "message": moved.id, "step": moved.step, "code": moved.code });
        beat.note(tx, &format!("message.{}", state.word()), Some(moved.contact), &note)?;
        Ok(Received::Moved(moved.id, state))
    }

    fn proof(&self, receipt: &Receipt, message: &Message) -> Answered {
        Answered {
            attempt: messages::attempt(message.id, message.attempts),
            enrollment: message.enrollment,
            carrier: self.carrier.clone(),
            said: Said::Submitted(domain::attempt::Answer::Accepted),
            carrier_id: Some(receipt.carrier_id.clone()),
            segments: receipt.segments,
            code: None,
            detail: None,
        }
    }
}

fn delivery(state: ReceiptState) -> Delivery {
    match state {
        ReceiptState::Accepted | ReceiptState::Queued | ReceiptState::Sending | ReceiptState::Sent => Delivery::Taken,
        ReceiptState::Delivered => Delivery::Delivered,
        ReceiptState::Undelivered | ReceiptState::Failed => Delivery::Undelivered,
    }
}

/// Ends what runs of these contacts, which the transaction has locked.
pub(crate) fn stop_of(
    tx: &mut Tx<'_>,
    beat: &Beat,
    contacts: &[ContactId],
    reason: StopReason,
) -> Result<Vec<Ended>, Failure> {
    let running = enrollments::running_of(tx, beat.workspace, contacts)?;
    let ids: Vec<EnrollmentId> = running.into_iter().map(|row| row.id).collect();
    ending::stop(tx, beat, &ids, reason)
}
