//! Due steps whose number was lost: they go out from another number, or their enrollments end.
//!
//! | the contact's own number, where it is not the lost one | another live number | the enrollment |
//! |---|---|---|
//! | live, or paused for a while | | goes over to it (assignment is sticky) |
//! | none | yes | goes over to the one that a new contact would get |
//! | none | no | ends as `number_lost`, with its refund |
//!
//! A transaction of its own, because the contact learns its new number: contacts are locked before
//! numbers, and the claim holds the numbers already.

use std::collections::HashMap;

use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, MessageId, NumberId};
use domain::message::MessageState;
use domain::quote::Sender;
use store::contacts::{self, Contact};
use store::enrollments::{self, Enrollment};
use store::messages::{self, Message};
use store::numbers::{self, Number};
use store::{Tx, claims, events};

use crate::beat::Beat;
use crate::ending;
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
        match known.get(&row.contact).and_then(|contact| Some((contact, heir(contact, &mut all)?))) {
            Some((contact, number)) => moved.push((row, contact, number)),
            None => ended.push(row.id),
        }
    }
    hand_over(tx, beat, &moved)?;
    ending::stop(tx, beat, &ended, StopReason::NumberLost)?;
    Ok(rows.len())
}

/// The number that texts a contact from now on.
fn heir(contact: &Contact, all: &mut [Number]) -> Option<NumberId> {
    let own = all.iter().find(|number| Some(number.id) == contact.number && number.state != "lost");
    if let Some(own) = own {
        return Some(own.id);
    }
    match senders::choose(contact, all) {
        Sender::Ready(id) => Some(id),
        Sender::NotReady { .. } | Sender::None => None,
    }
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
