//! Due steps whose number was lost: they go out from another number, or their enrollments end.
//!
//! | the contact's own number, where it is not the lost one | another number that may text the contact | the enrollment |
//! |---|---|---|
//! | live, or paused for a while | | goes over to it (assignment is sticky) |
//! | none | live | goes over to the one that a new contact would get |
//! | none | only paused ones | goes over to one of them, and waits with what that one would send |
//! | none | none | ends as `number_lost`, with its refund |
//!
//! A number that is lost hands over what runs at once (`numbers`); here the contacts follow. And a user may choose the number that
//! a contact is texted from: what runs for the contact goes over with it.
//!
//! A transaction of its own, because the contact learns its new number: contacts are locked before
//! numbers, and the claim holds the numbers already.

use std::collections::HashMap;

use domain::access::Permission;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId};
use domain::message::MessageState;
use store::contacts::{self, Contact};
use store::enrollments::{self, Enrollment};
use store::messages::{self, Message};
use store::numbers::{self, Number};
use store::{Lane, Tx, claims, events, runs};

use crate::actor::Actor;
use crate::beat::Beat;
use crate::contacts::ContactError;
use crate::ending;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::senders;

/// Gives the due steps of lost numbers to others; says how many enrollments it looked at.
pub(crate) fn rehome(tx: &mut Tx<'_>, beat: &Beat, limit: i64) -> Result<usize, Failure> {
    let mut due: Vec<(EnrollmentId, ContactId)> = Vec::new();
    for number in numbers::list(tx, beat.workspace)?.iter().filter(|number| number.state == "lost") {
        due.extend(claims::due_of(tx, beat.workspace, number.id, beat.now, limit)?);
    }
    let ids: Vec<ContactId> = due.iter().map(|(_, contact)| *contact).collect();
    let known = contacts::lock(tx, beat.workspace, &ids)?;
    let known: HashMap<ContactId, Contact> = known.into_iter().map(|row| (row.id, row)).collect();
    let mut all = numbers::lock(tx, beat.workspace)?;
    let ids: Vec<EnrollmentId> = due.iter().map(|(enrollment, _)| *enrollment).collect();
    let rows = enrollments::lock(tx, beat.workspace, &ids)?;
    let lost = |row: &Enrollment, all: &[Number]| {
        let gone = all.iter().any(|number| number.id == row.number && number.state == "lost");
        gone && row.state == EnrollmentState::Active && row.due_at.is_some()
    };
    let (mut moved, mut ended) = (Vec::new(), Vec::new());
    for row in &rows {
        if !lost(row, &all) {
            continue;
        }
        let Some(contact) = known.get(&row.contact) else {
            ended.push(row.id);
            continue;
        };
        match heir(contact, &mut all)? {
            Some(number) => moved.push((row, contact, number)),
            None => ended.push(row.id),
        }
    }
    hand_over(tx, beat, &moved)?;
    ending::stop(tx, beat, &ended, StopReason::NumberLost)?;
    Ok(rows.len())
}

/// Lets contacts that know a lost number know the one that took over what runs for them.
pub(crate) fn follow(
    tx: &mut Tx<'_>,
    beat: &Beat,
    lost: NumberId,
    heir: NumberId,
    ids: &[ContactId],
) -> Result<(), Failure> {
    let known = contacts::lock(tx, beat.workspace, ids)?;
    let all = numbers::lock(tx, beat.workspace)?;
    if all.iter().any(|number| number.id == lost && number.state == "lost") {
        let strayed = known.iter().filter(|contact| contact.number == Some(lost));
        senders::save(tx, beat, &strayed.map(|contact| (contact, heir)).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// The contact is texted from this number from now on, and what runs goes out from it too.
fn choose(tx: &mut Tx<'_>, beat: &Beat, id: ContactId, number: NumberId) -> Result<Contact, ContactError> {
    let contact = contacts::lock(tx, beat.workspace, &[id])?.pop().ok_or(ContactError::Unknown)?;
    let all = numbers::lock(tx, beat.workspace)?;
    let chosen = all.iter().find(|one| one.id == number).ok_or(ContactError::NumberUnknown)?;
    if let Some(why) = senders::unready(chosen, &contact.phone)? {
        return Err(ContactError::NumberNotReady { phone: chosen.phone.clone(), why });
    }
    let running = runs::of(tx, beat.workspace, &[id])?.iter().map(|row| row.id).collect::<Vec<_>>();
    let rows = enrollments::lock(tx, beat.workspace, &running)?;
    let rows: Vec<_> = rows.iter().filter(|row| row.state == EnrollmentState::Active && row.number != number).collect();
    if rows.iter().any(|row| row.due_at.is_none()) {
        return Err(ContactError::NumberBusy);
    }
    if rows.is_empty() && contact.number == Some(number) {
        return Ok(contact);
    }
    hand_over(tx, beat, &rows.iter().map(|row| (*row, &contact, number)).collect::<Vec<_>>())?;
    if rows.is_empty() {
        senders::save(tx, beat, &[(&contact, number)])?;
    }
    let note = serde_json::json!({ "from": contact.number, "to": number });
    beat.note(tx, "contact.number_changed", Some(id), &note)?;
    Ok(Contact { number: Some(number), ..contact })
}

impl Engine {
    /// Chooses the number that a contact is texted from; what runs for the contact goes out from it too.
    ///
    /// # Errors
    /// Forbidden, no such contact or number, the number is not live, or a message is on its way.
    pub async fn choose_number(
        &self,
        actor: &Actor,
        contact: ContactId,
        number: NumberId,
    ) -> Result<Contact, ContactError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| choose(tx, &beat, contact, number)).await
    }
}

/// The number that texts a contact from now on.
fn heir(contact: &Contact, all: &mut [Number]) -> Result<Option<NumberId>, Failure> {
    let own = all.iter().find(|number| Some(number.id) == contact.number && number.state != "lost");
    if let Some(own) = own {
        return Ok(Some(own.id));
    }
    senders::inherit(contact, all)
}

fn hand_over(tx: &mut Tx<'_>, beat: &Beat, moved: &[(&Enrollment, &Contact, NumberId)]) -> Result<(), Failure> {
    let pairs: Vec<_> = moved.iter().map(|(row, _, number)| (row.id, *number)).collect();
    claims::rehome(tx, beat.workspace, &pairs)?;
    let waiting: Vec<MessageId> = moved.iter().filter_map(|(row, ..)| row.message).collect();
    let messages = ending::lock_messages(tx, beat, &waiting)?;
    for (row, _, number) in moved {
        let message = row.message.and_then(|id| messages.get(&id));
        if let Some(message) = message.filter(|message| message.state == MessageState::Queued) {
            messages::save(tx, beat.workspace, &Message { number: *number, ..message.clone() })?;
        }
    }
    let assigned: Vec<_> = moved.iter().map(|(_, contact, number)| (*contact, *number)).collect();
    senders::save(tx, beat, &assigned)?;
    let note = |(row, contact, number): &(&Enrollment, &Contact, NumberId)| {
        let note = serde_json::json!({ "enrollment": row.id, "from": row.number, "to": number });
        beat.event("enrollment.number_changed", Some(contact.id), &note)
    };
    Ok(events::insert(tx, beat.workspace, &moved.iter().map(note).collect::<Vec<_>>())?)
}
