//! Merging contacts: two that are one person become one record, and both numbers stay (decision 0032).
//!
//! | of the contact that is taken in | becomes |
//! |---|---|
//! | its row, phone, conversation, texts, runs that ended, consents, lists | stay with its phone: it is another number of the person |
//! | fields | the same on both: the kept contact's values, its empty ones filled, and the other's where that was chosen |
//! | labels, notes | the kept contact's: whoever starts a workflow for a label texts the person once |
//! | reminder | the earlier of the two is the kept contact's |
//! | what runs to it | goes on; where both are in a workflow one of the two ends with its refund |
//! | an opt-out on either number | holds there, and the other's numbers come onto the do-not-contact list |
//! | what was not kept: other values, a later reminder | a note about the kept contact |
//!
//! No text changes its phone. What the preview shows is what happens: it names what it was decided from, and a merge that is held to it
//! ([`Merge::seen`]) is refused with the new preview if any of that changed. Nothing of it can be undone.
//!
//! Locks go contacts (of both persons), enrollments, conversations, then what an end locks (`ending`).

mod facts;
mod plan;

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId, NoteId, PersonId};
use domain::ledger::Amounts;
use domain::phone::Phone;
use domain::suppression::Suppression;
use domain::template::{STANDARD_FIELDS, key};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::contacts::{self, Contact};
use store::notes::Note;
use store::{DbError, Lane, Tx, enrollments, erasures, labels, merges, notes, reminders, runs};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::contacts::{FieldError, MAX_FIELDS, SuppressError, display_name, get, key_of, put, row_of, suppress};
use crate::conversations::note_each;
use crate::ending;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::labels::told;
use crate::notes::MAX_NOTE;

use facts::Facts;
pub use facts::{Number, Run};
pub use plan::{End, Field, Plan, Side};

/// Most numbers that a person may have after a merge.
pub const MAX_NUMBERS: usize = 20;
/// Most rows of one person that are locked, deleted ones too.
const MAX_ROWS: i64 = 1_000;
/// How often it is looked whether a person grew while its lock was waited for.
const MOST_LOOKS: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The contact that stays the person's record.
    pub keep: ContactId,
    /// The contact that it takes in.
    pub take: ContactId,
    /// The fields, by names in any spelling, of which the value of the contact stays that is taken in.
    pub theirs: Vec<String>,
    /// Whose workflow goes on where both are in one.
    pub goes_on: Side,
    /// The [`Plan::seen`] of the preview that was shown; without one it is merged as it is.
    pub seen: Option<String>,
}

/// A merge that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The kept contact, as it is now.
    pub contact: Contact,
    /// The contact that was taken in, which is another number of the person now.
    pub taken: ContactId,
    /// What ended.
    pub ended: Vec<Ended>,
}

/// An enrollment that a merge ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    pub enrollment: EnrollmentId,
    /// Whose.
    pub contact: ContactId,
    /// What came back.
    pub refunded: Amounts,
}

/// Two contacts are not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// One of them is not there.
    #[error("there is no such contact")]
    Unknown,
    /// It is one contact.
    #[error("a contact cannot be merged with itself")]
    Same,
    /// They are one already.
    #[error("the two are one person already, and there is nothing left to take over")]
    Nothing,
    /// No field can have such a name, or there would be too many.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The other one has no such value.
    #[error("the contact that is taken in has no value in {name:?}")]
    NoValue {
        /// As it was given.
        name: String,
    },
    /// More numbers than one person has.
    #[error("together the two have more than {MAX_NUMBERS} numbers")]
    TooManyNumbers,
    /// Something changed since the preview; this is the new one.
    #[error("something about the two contacts has changed since the preview")]
    Changed(Box<Plan>),
    /// The key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for MergeError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<SuppressError> for MergeError {
    fn from(error: SuppressError) -> Self {
        match error {
            SuppressError::Failure(cause) => cause.into(),
            _ => Self::Unknown,
        }
    }
}

impl Engine {
    /// What a merge would do.
    ///
    /// # Errors
    /// See [`MergeError`].
    pub async fn merge_preview(&self, actor: &Actor, asked: Merge) -> Result<Plan, MergeError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let facts = Facts::load(db, workspace, asked.keep, asked.take)?;
            Ok(Plan::of(&facts, &chosen(&facts, &asked.theirs)?, asked.goes_on))
        })
        .await
    }

    /// Merges two contacts. The same key again gives the first answer.
    ///
    /// # Errors
    /// See [`MergeError`]; who may not end enrollments may not merge where one is taken out of its workflow.
    pub async fn merge_contacts(&self, actor: &Actor, asked: Merge) -> Result<Merged, MergeError> {
        actor.need(Permission::ContactsWrite)?;
        let (beat, may_end) = (self.beat(actor), actor.need(Permission::Enroll));
        self.write(Lane::Normal, move |tx| {
            let request = ("merge", asked.keep, asked.take, &asked.theirs, asked.goes_on.word(), &asked.seen);
            once(tx, &beat, &request, |tx| {
                let plan = decide(tx, &beat, &asked)?;
                if plan.ends.iter().any(|end| end.reason == StopReason::Removed) {
                    may_end.clone()?;
                }
                save(tx, &beat, &plan)
            })
        })
        .await
    }
}

/// The keys of the fields whose value is the other's, each of which it has.
fn chosen(facts: &Facts, theirs: &[String]) -> Result<BTreeSet<String>, MergeError> {
    let has = |name: &String| {
        let key = key_of(name)?;
        let value = get(&facts.take.contact.fields, &key);
        value.map(|_| key.clone()).ok_or_else(|| MergeError::NoValue { name: name.chars().take(80).collect() })
    };
    theirs.iter().map(has).collect()
}

/// Locks all that it is about and decides.
fn decide(tx: &mut Tx<'_>, beat: &Beat, asked: &Merge) -> Result<Plan, MergeError> {
    let workspace = beat.workspace;
    let rows = lock(tx, beat, [asked.keep, asked.take])?;
    let running = runs::of(tx, workspace, &rows)?;
    enrollments::lock(tx, workspace, &running.into_iter().map(|row| row.id).collect::<Vec<_>>())?;
    merges::lock_conversations(tx, workspace, &[asked.keep, asked.take])?;
    let facts = Facts::load(tx, workspace, asked.keep, asked.take)?;
    let is_stale = asked.seen.as_ref().is_some_and(|seen| *seen != facts.seen());
    let theirs = match chosen(&facts, &asked.theirs) {
        // What was chosen is gone: the preview says so.
        Err(MergeError::NoValue { .. }) if is_stale => BTreeSet::new(),
        theirs => theirs?,
    };
    let plan = Plan::of(&facts, &theirs, asked.goes_on);
    if is_stale {
        return Err(MergeError::Changed(Box::new(plan)));
    }
    if plan.is_nothing() { Err(MergeError::Nothing) } else { Ok(plan) }
}

/// Locks the rows of both persons, deleted ones too, in the order of their keys. Who waited for another merge looks again.
fn lock(tx: &mut Tx<'_>, beat: &Beat, both: [ContactId; 2]) -> Result<Vec<ContactId>, MergeError> {
    let workspace = beat.workspace;
    let mut locked = Vec::new();
    for _ in 0..MOST_LOOKS {
        let mut rows = both.to_vec();
        for contact in contacts::some(tx, workspace, &both)? {
            if let Some(person) = contact.person {
                rows.extend(erasures::of_person(tx, workspace, person, MAX_ROWS)?);
            }
        }
        rows.sort_unstable();
        rows.dedup();
        if rows == locked {
            break;
        }
        erasures::lock(tx, workspace, &rows)?;
        locked = rows;
    }
    Ok(locked)
}

fn save(tx: &mut Tx<'_>, beat: &Beat, plan: &Plan) -> Result<Merged, MergeError> {
    let (keep, take) = (plan.keep.id, plan.take.id);
    let person = join(tx, beat, plan)?;
    let contact = write_fields(tx, beat, plan, person)?;
    move_labels(tx, beat, plan)?;
    merges::move_notes(tx, beat.workspace, take, keep)?;
    move_reminder(tx, beat, plan)?;
    write_down(tx, beat, plan)?;
    for number in &plan.listed {
        suppress(tx, beat, number.contact, Suppression::DoNotContact)?;
    }
    let removed = plan.ends.iter().filter(|end| end.reason == StopReason::Removed);
    let removed: Vec<EnrollmentId> = removed.map(|end| end.run.enrollment).collect();
    ending::stop(tx, beat, &removed, StopReason::Removed)?;
    note_each(tx, beat, "contact.merged", &[keep, take], &json!({ "kept": keep, "taken": take, "notes": plan.notes }))?;
    let ended =
        |end: &End| Ended { enrollment: end.run.enrollment, contact: end.number.contact, refunded: end.run.unsent };
    Ok(Merged { contact, taken: take, ended: plan.ends.iter().map(ended).collect() })
}

/// Makes both one person, with all other numbers that either has.
fn join(tx: &mut Tx<'_>, beat: &Beat, plan: &Plan) -> Result<PersonId, MergeError> {
    Ok(match (plan.keep.person, plan.take.person) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            merges::join(tx, beat.workspace, theirs, ours, beat.now)?;
            ours
        }
        (ours, theirs) => ours.or(theirs).unwrap_or_else(|| PersonId(beat.id())),
    })
}

/// Gives both the same values; answers the kept contact as it is now.
fn write_fields(tx: &mut Tx<'_>, beat: &Beat, plan: &Plan, person: PersonId) -> Result<Contact, MergeError> {
    let mut fields = Vec::new();
    plan.fields.iter().for_each(|field| put(&mut fields, &field.key, Some(field.value().to_owned())));
    if fields.len() > MAX_FIELDS {
        return Err(FieldError::TooMany.into());
    }
    let mut rows = Vec::with_capacity(2);
    for before in [&plan.keep, &plan.take] {
        let phone = Phone::stored(&before.phone);
        let phone = phone.ok_or_else(|| Failure::Stored(format!("{} has no phone", before.id)))?;
        let after = Contact {
            name: display_name(&fields, phone),
            fields: fields.clone(),
            person: Some(person),
            updated_at: beat.now,
            ..before.clone()
        };
        let is_touched = |field: &&Field| get(&before.fields, &field.key) != Some(field.value());
        let touched: Vec<&str> = plan.fields.iter().filter(is_touched).map(|field| field.key.as_str()).collect();
        if !touched.is_empty() {
            beat.note(tx, "contact.changed", Some(before.id), &json!({ "fields": touched }))?;
        }
        rows.push(after);
    }
    let written: Vec<_> = rows.iter().map(row_of).collect();
    contacts::update(tx, beat.workspace, &written, beat.now)?;
    Ok(rows.swap_remove(0))
}

fn move_labels(tx: &mut Tx<'_>, beat: &Beat, plan: &Plan) -> Result<(), MergeError> {
    let (keep, take) = (plan.keep.id, plan.take.id);
    let of_take = labels::of_contacts(tx, beat.workspace, &[take])?;
    for (_, label) in &of_take {
        let payload = told(label);
        let given = labels::give(tx, beat.workspace, label.id, &[keep], beat.now)?;
        note_each(tx, beat, "contact.labelled", &given, &payload)?;
        let taken = labels::take(tx, beat.workspace, label.id, &[take])?;
        note_each(tx, beat, "contact.unlabelled", &taken, &payload)?;
    }
    Ok(())
}

/// Leaves the kept contact the earlier of the two reminders, told or not as it is.
fn move_reminder(tx: &mut Tx<'_>, beat: &Beat, plan: &Plan) -> Result<(), MergeError> {
    let (keep, take) = (plan.keep.id, plan.take.id);
    let of_take = matches!(plan.reminder, Some((_, Side::Take)));
    if !of_take && plan.dropped_reminder.is_none() {
        return Ok(());
    }
    let gone = if of_take { keep } else { take };
    reminders::remove(tx, beat.workspace, gone)?;
    if let Some((reminder, Side::Take)) = &plan.reminder {
        merges::move_reminder(tx, beat.workspace, take, keep)?;
        let payload = json!({ "due_at": reminder.due_at, "workflow": reminder.workflow });
        beat.note(tx, "reminder.set", Some(keep), &payload)?;
    }
    Ok(beat.note(tx, "reminder.ended", Some(take), &json!({}))?)
}

/// Writes what is not kept into a note, so that nothing that somebody typed is lost.
fn write_down(tx: &mut Tx<'_>, beat: &Beat, plan: &Plan) -> Result<(), MergeError> {
    if !plan.drops() {
        return Ok(());
    }
    let own = contacts::custom_fields(tx, beat.workspace)?;
    let standard = STANDARD_FIELDS.iter().map(|name| (key(name), (*name).to_owned()));
    let names: Vec<(String, String)> = standard.chain(own).collect();
    let mut lines = vec![format!("Merged with {}. Not kept:", plan.take.phone)];
    for field in &plan.fields {
        if let Some(value) = field.dropped() {
            lines.push(format!("{}: {value}", get(&names, &field.key).unwrap_or(&field.key)));
        }
    }
    if let Some(reminder) = &plan.dropped_reminder {
        lines.push(format!("Reminder for {}: {}", reminder.due_at, reminder.note));
    }
    let body: String = lines.join("\n").chars().take(MAX_NOTE).collect();
    let (id, contact) = (NoteId(beat.id()), plan.keep.id);
    let note = Note { id, contact, author: beat.actor.clone(), body, created_at: beat.now };
    notes::insert(tx, beat.workspace, &note)?;
    Ok(beat.note(tx, "note.added", Some(contact), &json!({ "note": id }))?)
}
