//! What is known of two contacts that are to become one, read as one state, and the token by which it is known again.

use domain::ids::{ContactId, EnrollmentId, WorkspaceId};
use domain::ledger::Amounts;
use domain::suppression::Suppression;
use sha2::{Digest as _, Sha256};
use store::contacts::Contact;
use store::labels::Label;
use store::reminders::Reminder;
use store::{Read, contacts, enrollments, labels, merges, reminders, runs, suppressions};

use super::{MAX_NUMBERS, MergeError};
use crate::enrolling::unsent;
use crate::facts::workspace_of;
use crate::settings::Switch;

/// One number of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Whose row it is.
    pub contact: ContactId,
    /// E.164.
    pub phone: String,
    /// What it is listed under.
    pub name: String,
    /// The lists that forbid to text it.
    pub lists: Vec<Suppression>,
    /// What runs to it.
    pub run: Option<Run>,
}

/// A running enrollment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub enrollment: EnrollmentId,
    /// The workflow's name.
    pub workflow: String,
    /// The step that comes next, from 1.
    pub next_step: u8,
    /// What its end would give back.
    pub unsent: Amounts,
}

/// One of the two.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) contact: Contact,
    pub(super) labels: Vec<Label>,
    pub(super) notes: i64,
    pub(super) reminder: Option<Reminder>,
    /// The contact's own number first, then the others of its person; its own alone where both are one person already.
    pub(super) numbers: Vec<Number>,
}

impl Known {
    /// Whether the person has opted out on any of these numbers.
    pub(super) fn has_opted_out(&self) -> bool {
        self.numbers.iter().any(|number| number.lists.contains(&Suppression::OptedOut))
    }

    /// What runs to the contact's own number.
    pub(super) fn run(&self) -> Option<&Run> {
        self.numbers.first()?.run.as_ref()
    }

    fn mark(&self) -> serde_json::Value {
        let reminder = self.reminder.as_ref().map(|one| (one.due_at, &one.note, one.workflow));
        let labels: Vec<_> = self.labels.iter().map(|label| label.id).collect();
        let number = |one: &Number| {
            let lists: Vec<_> = one.lists.iter().map(|list| list.word()).collect();
            let run = one.run.as_ref().map(|run| (run.enrollment, run.unsent));
            serde_json::json!([one.contact, lists, run])
        };
        let numbers: Vec<_> = self.numbers.iter().map(number).collect();
        let contact = &self.contact;
        serde_json::json!([contact.id, contact.person, contact.fields, labels, self.notes, reminder, numbers])
    }
}

/// Both.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) keep: Known,
    pub(super) take: Known,
    pub(super) stop_person: Switch,
}

impl Facts {
    /// Reads them.
    pub(super) fn load(
        db: &Read<'_>,
        workspace: WorkspaceId,
        keep: ContactId,
        take: ContactId,
    ) -> Result<Self, MergeError> {
        let find = |id| contacts::find(db, workspace, id);
        let there = |found: Option<Contact>| found.filter(|one| one.deleted_at.is_none()).ok_or(MergeError::Unknown);
        let (keep, take) = (there(find(keep)?)?, there(find(take)?)?);
        if keep.id == take.id {
            return Err(MergeError::Same);
        }
        let (mut of_keep, mut of_take) = (others(db, workspace, &keep)?, others(db, workspace, &take)?);
        if keep.person.is_some() && keep.person == take.person {
            (of_keep, of_take) = (Vec::new(), Vec::new());
        }
        if of_keep.len() + of_take.len() + 2 > MAX_NUMBERS {
            return Err(MergeError::TooManyNumbers);
        }
        Ok(Self {
            keep: known(db, workspace, keep, of_keep)?,
            take: known(db, workspace, take, of_take)?,
            stop_person: workspace_of(db, workspace)?.settings.stop_person,
        })
    }

    /// Whether both are one person already.
    pub(super) fn is_one_person(&self) -> bool {
        self.keep.contact.person.is_some() && self.keep.contact.person == self.take.contact.person
    }

    /// A text that is another one as soon as something is known that makes a difference.
    pub(super) fn seen(&self) -> String {
        let stop_person = self.stop_person == Switch::On;
        let text = serde_json::json!([self.keep.mark(), self.take.mark(), stop_person]).to_string();
        Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn known(db: &Read<'_>, workspace: WorkspaceId, contact: Contact, others: Vec<Contact>) -> Result<Known, MergeError> {
    let id = contact.id;
    Ok(Known {
        labels: labels::of_contacts(db, workspace, &[id])?.into_iter().map(|(_, label)| label).collect(),
        notes: merges::count_notes(db, workspace, id)?,
        reminder: reminders::find(db, workspace, id)?,
        numbers: numbers(db, workspace, std::iter::once(&contact).chain(&others))?,
        contact,
    })
}

/// The other contacts of a contact's person.
fn others(db: &Read<'_>, workspace: WorkspaceId, contact: &Contact) -> Result<Vec<Contact>, MergeError> {
    let Some(person) = contact.person else { return Ok(Vec::new()) };
    let mut ids = contacts::of_person(db, workspace, person)?;
    ids.retain(|other| *other != contact.id);
    Ok(contacts::some(db, workspace, &ids)?)
}

fn numbers<'c>(
    db: &Read<'_>,
    workspace: WorkspaceId,
    of: impl Iterator<Item = &'c Contact> + Clone,
) -> Result<Vec<Number>, MergeError> {
    let ids: Vec<ContactId> = of.clone().map(|contact| contact.id).collect();
    let hashes: Vec<i64> = of.clone().map(|contact| contact.phone_hash).collect();
    let lists = suppressions::of(db, workspace, &hashes)?;
    let mut running = Vec::new();
    for row in runs::of(db, workspace, &ids)? {
        if let Some(found) = enrollments::find(db, workspace, row.id)? {
            let unsent = unsent(db, workspace, &found)?;
            let run = Run { enrollment: row.id, workflow: row.workflow, next_step: row.next_step, unsent };
            running.push((row.contact, run));
        }
    }
    let number = |contact: &Contact| {
        let mut lists: Vec<Suppression> =
            lists.iter().filter(|(hash, _)| *hash == contact.phone_hash).map(|(_, kind)| *kind).collect();
        lists.sort_unstable();
        Number {
            contact: contact.id,
            phone: contact.phone.clone(),
            name: contact.name.clone(),
            lists,
            run: running.iter().find(|(whose, _)| *whose == contact.id).map(|(_, run)| run.clone()),
        }
    };
    Ok(of.map(number).collect())
}
