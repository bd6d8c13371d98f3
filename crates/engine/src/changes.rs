//! Changing many contacts at once: a selection or all that fit a filter, by a job that can be interrupted and undone.
//!
//! | change | undone by | what does not come back |
//! |---|---|---|
//! | do not contact | taking off the list those that it put there | workflows that ended |
//! | delete | making them live again with labels and assignee, where nobody else has the phone meanwhile | workflows that ended |
//! | label, list | taking it from those that got it | |
//!
//! A job's progress moves in the transaction of its chunk. Whom it changed are its items: undoing is a job over these.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::enrollment::StopReason;
use domain::ids::{ContactId, EventId, JobId, LabelId, MessageId, NumberId, UserId};
use domain::message::MessageKind;
use domain::suppression::Suppression;
use serde::{Deserialize, Serialize};
use store::contacts::{self, Contact};
use store::conversations::{Side, Touch};
use store::jobs::{self, Item, Job, STARTED};
use store::{Lane, Tx, conversations, events, messages, numbers, suppressions, users};

use crate::actor::Actor;
use crate::beat::Beat;
use crate::bulk::{BulkError, MAX_NAMED};
use crate::contacts::list::{self, Filter};
use crate::ending;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::labels::{self, LabelError, Labelling};

/// The kind of these jobs.
pub(crate) const KIND: &str = "contacts";
/// How many contacts one chunk takes.
const CHUNK: usize = 100;
/// How far back the end of a deleted contact is looked for in its history.
const LOOKED_BACK: i64 = 50;

/// What is done to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Puts them on the list of people who are not to be contacted; their workflows end.
    DoNotContact,
    /// Takes them off it.
    Contact,
    /// Deletes them; their workflows end.
    Delete,
    /// Makes deleted ones live again.
    Restore,
    /// Gives them a label.
    Label(LabelId),
    /// Takes it from them.
    Unlabel(LabelId),
}

impl Change {
    fn undone(self) -> Self {
        match self {
            Self::DoNotContact => Self::Contact,
            Self::Contact => Self::DoNotContact,
            Self::Delete => Self::Restore,
            Self::Restore => Self::Delete,
            Self::Label(label) => Self::Unlabel(label),
            Self::Unlabel(label) => Self::Label(label),
        }
    }
}

/// Whom.
#[derive(Debug, Clone)]
pub enum Whom {
    /// These.
    These(Vec<ContactId>),
    /// All that fit and are there when it begins.
    Matching(Filter),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Payload {
    change: Change,
    /// Nothing if the items say whom.
    filter: Option<Filter>,
}

impl Engine {
    /// Begins a change of many; [`Engine::run_changes`] does it.
    ///
    /// # Errors
    /// Nobody or too many were named, forbidden, or the database failed.
    pub async fn change_many(&self, actor: &Actor, change: Change, whom: Whom) -> Result<Job, BulkError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        let named = match &whom {
            Whom::These(ids) => Some(ids.iter().copied().collect::<BTreeSet<_>>()),
            Whom::Matching(_) => None,
        };
        match named.as_ref().map(BTreeSet::len) {
            Some(0) => return Err(BulkError::Empty),
            Some(count) if count > MAX_NAMED => return Err(BulkError::TooMany { count }),
            _ => {}
        }
        self.write(Lane::Bulk, move |tx| {
            if let Change::Label(label) | Change::Unlabel(label) = change {
                store::labels::find(tx, beat.workspace, label)?.ok_or(BulkError::LabelUnknown)?;
            }
            let (filter, total) = match &whom {
                Whom::These(_) => (None, named.as_ref().map_or(0, BTreeSet::len) as u64),
                Whom::Matching(filter) if list::finds_too_many(tx, beat.workspace, filter)? => {
                    return Err(BulkError::TooManyFound);
                }
                Whom::Matching(filter) => {
                    let total = match list::count(tx, beat.workspace, filter)? {
                        list::Counted::Exactly(total) | list::Counted::MoreThan(total) => total,
                    };
                    (Some(filter.clone()), total)
                }
            };
            let job = begin(tx, &beat, &Payload { change, filter }, total)?;
            let item = |id: &ContactId| Item { item: id.0, contact: Some(id.0), outcome: None };
            let items: Vec<Item> = named.iter().flatten().map(item).collect();
            jobs::add_items(tx, beat.workspace, job.id, &items)?;
            Ok(job)
        })
        .await
    }

    /// Begins to undo a change: of those that it changed.
    ///
    /// # Errors
    /// There is no such job, forbidden, or the database failed.
    pub async fn undo_changes(&self, actor: &Actor, id: JobId) -> Result<Job, BulkError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| {
            let done = jobs::find(tx, beat.workspace, id)?.filter(|job| job.kind == KIND);
            let done = done.filter(|job| job.state == "done").ok_or(BulkError::JobUnknown)?;
            let change = payload(&done)?.change.undone();
            let total = u64::try_from(done.started).unwrap_or(0);
            let job = begin(tx, &beat, &Payload { change, filter: None }, total)?;
            let mut after = i64::MIN;
            loop {
                let found = jobs::items(tx, beat.workspace, id, after, 1_000)?;
                let Some(last) = found.last() else { return Ok(job) };
                after = last.item;
                let changed = found.into_iter().filter(|item| item.outcome.as_deref() == Some(STARTED));
                let items: Vec<Item> = changed.map(|item| Item { outcome: None, ..item }).collect();
                jobs::add_items(tx, beat.workspace, job.id, &items)?;
            }
        })
        .await
    }

    /// Works on a change of many until it is done.
    ///
    /// # Errors
    /// There is no such job, forbidden, or the database failed.
    pub async fn run_changes(&self, actor: &Actor, id: JobId) -> Result<Job, BulkError> {
        actor.need(Permission::ContactsWrite)?;
        loop {
            let beat = self.beat(actor);
            let job = self.write(Lane::Bulk, move |tx| work(tx, &beat, id)).await?;
            if job.state == "done" {
                return Ok(job);
            }
        }
    }
}

fn begin(tx: &mut Tx<'_>, beat: &Beat, payload: &Payload, total: u64) -> Result<Job, BulkError> {
    // A filter is walked from the newest contact down, a list from its beginning.
    let cursor = if payload.filter.is_some() { i64::MAX } else { i64::MIN };
    let job = beat.job(KIND, payload, cursor, i64::try_from(total).unwrap_or(i64::MAX));
    jobs::insert(tx, beat.workspace, &job)?;
    Ok(job)
}

/// What a job does to each contact, if it changes many.
#[must_use]
pub fn change_of(job: &Job) -> Option<Change> {
    (job.kind == KIND).then(|| payload(job).ok()).flatten().map(|payload| payload.change)
}

fn payload(job: &Job) -> Result<Payload, Failure> {
    serde_json::from_str(&job.payload).map_err(|error| Failure::Stored(format!("{}: {error}", job.id)))
}

/// One chunk, with its progress, in one transaction.
fn work(tx: &mut Tx<'_>, beat: &Beat, id: JobId) -> Result<Job, BulkError> {
    let mut job = jobs::lock(tx, beat.workspace, id)?.filter(|job| job.kind == KIND).ok_or(BulkError::JobUnknown)?;
    if job.state != "running" {
        return Ok(job);
    }
    let beat = &Beat { actor: job.actor.clone(), ..beat.clone() };
    let Payload { change, filter } = payload(&job)?;
    let (chunk, next) = match &filter {
        Some(filter) => list::matching(tx, beat.workspace, filter, ContactId(job.cursor), CHUNK)?,
        None => {
            let items = jobs::items(tx, beat.workspace, id, job.cursor, i64::try_from(CHUNK).unwrap_or(100))?;
            let next = items.last().map(|item| ContactId(item.item));
            (items.iter().filter_map(jobs::contact_of).collect(), next)
        }
    };
    let changed = apply(tx, beat, change, &chunk)?;
    let item = |id: &ContactId| Item { item: id.0, contact: Some(id.0), outcome: Some(STARTED.to_owned()) };
    let items: Vec<Item> = changed.iter().map(item).collect();
    if filter.is_some() {
        jobs::add_items(tx, beat.workspace, id, &items)?;
    } else {
        jobs::set_items(tx, beat.workspace, id, &items)?;
    }
    let (all, changed) = (i64::try_from(chunk.len()).unwrap_or(0), i64::try_from(changed.len()).unwrap_or(0));
    job.started += changed;
    job.refused += all - changed;
    job.updated_at = beat.now;
    match next {
        Some(next) => job.cursor = next.0,
        None => "done".clone_into(&mut job.state),
    }
    jobs::save(tx, beat.workspace, &job)?;
    Ok(job)
}

/// Changes a chunk; answers those that were not so before.
fn apply(tx: &mut Tx<'_>, beat: &Beat, change: Change, ids: &[ContactId]) -> Result<Vec<ContactId>, Failure> {
    if change == Change::Restore {
        let restored = contacts::restore(tx, beat.workspace, ids, beat.now)?;
        load(tx, beat, &restored, 1)?;
        for contact in &restored {
            reopen(tx, beat, contact)?;
            give_back(tx, beat, contact.id)?;
            beat.note(tx, "contact.restored", Some(contact.id), &serde_json::json!({}))?;
        }
        return Ok(restored.iter().map(|contact| contact.id).collect());
    }
    let rows = contacts::lock(tx, beat.workspace, ids)?;
    match change {
        Change::DoNotContact => stop(tx, beat, &rows, Suppression::DoNotContact.stop_reason())?,
        Change::Delete => {
            load(tx, beat, &rows, -1)?;
            stop(tx, beat, &rows, StopReason::ContactDeleted)?;
        }
        Change::Label(label) | Change::Unlabel(label) => {
            let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
            let give = matches!(change, Change::Label(_));
            let labelling = if give { Labelling::Give } else { Labelling::Take };
            return match labels::label_all(tx, beat, label, &ids, labelling) {
                Ok(changed) => Ok(changed),
                Err(LabelError::Failure(failure)) => Err(failure),
                // Deleted since the job began: nobody has it, nobody gets it.
                Err(_) => Ok(Vec::new()),
            };
        }
        Change::Contact | Change::Restore => {}
    }
    let mut changed = Vec::new();
    for row in &rows {
        if one(tx, beat, change, row)? {
            changed.push(row.id);
        }
    }
    Ok(changed)
}

fn one(tx: &mut Tx<'_>, beat: &Beat, change: Change, row: &Contact) -> Result<bool, Failure> {
    let list = Suppression::DoNotContact;
    let on_list = serde_json::json!({ "list": list.word() });
    let (new, kind, note) = match change {
        Change::DoNotContact => {
            let owner = (row.phone_hash, Some(row.id));
            let new = suppressions::add(tx, beat.workspace, owner, list, &beat.actor, beat.now)?;
            (new, "contact.suppressed", on_list)
        }
        Change::Contact => {
            // As by hand: a list from a file keeps what it holds.
            let held = !crate::contacts::holders(tx, beat, row.phone_hash, list)?.is_empty();
            let was = !held && suppressions::lift(tx, beat.workspace, row.phone_hash, list, beat.now)?;
            (was, "contact.unsuppressed", on_list)
        }
        Change::Delete | Change::Restore | Change::Label(_) | Change::Unlabel(_) => {
            let had = Had::of(tx, beat, row.id)?;
            let gone = contacts::delete(tx, beat.workspace, row.id, beat.now)?;
            (gone, "contact.deleted", serde_json::to_value(had).expect("plain data"))
        }
    };
    if new {
        beat.note(tx, kind, Some(row.id), &note)?;
    }
    Ok(new)
}

/// What a deleted contact loses and gets back when it lives again; the history keeps it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Had {
    labels: Vec<LabelId>,
    assignee: Option<UserId>,
}

impl Had {
    fn of(tx: &Tx<'_>, beat: &Beat, id: ContactId) -> Result<Self, Failure> {
        let labels = store::labels::of_contacts(tx, beat.workspace, &[id])?;
        let standing = conversations::find(tx, beat.workspace, id)?;
        let assignee = standing.and_then(|standing| standing.assignee);
        Ok(Self { labels: labels.into_iter().map(|(_, label)| label.id).collect(), assignee })
    }
}

/// Labels and assignee of a contact that lives again, as far as they are there still.
fn give_back(tx: &mut Tx<'_>, beat: &Beat, id: ContactId) -> Result<(), Failure> {
    // The end of a contact is the last that happened with it, but for a text that came in later.
    let events = events::of_contact(tx, beat.workspace, id, EventId(i64::MAX), LOOKED_BACK)?;
    let Some(end) = events.iter().find(|event| event.kind == "contact.deleted") else { return Ok(()) };
    let had: Had = serde_json::from_str(&end.payload).unwrap_or_default();
    for label in had.labels {
        if store::labels::find(tx, beat.workspace, label)?.is_some() {
            store::labels::give(tx, beat.workspace, label, &[id], beat.now)?;
        }
    }
    if let Some(user) = had.assignee
        && users::find(tx, beat.workspace, user)?.is_some()
    {
        conversations::assign(tx, beat.workspace, &[id], Some(user))?;
    }
    Ok(())
}

/// The conversation of a contact that lives again, at its place in the Messenger.
fn reopen(tx: &mut Tx<'_>, beat: &Beat, contact: &Contact) -> Result<(), Failure> {
    let last = messages::thread(tx, beat.workspace, contact.id, MessageId(i64::MAX), 1)?.pop();
    let Some(last) = last else { return Ok(()) };
    let side = if last.kind == MessageKind::Inbound { Side::Inbound } else { Side::Outbound };
    let touch = Touch { contact: contact.id, message: last.id, side, is_first: true, runs: None };
    Ok(conversations::touch(tx, beat.workspace, &[touch], last.created_at)?)
}

/// Our numbers have so many contacts more or fewer, in the order of their keys.
fn load(tx: &mut Tx<'_>, beat: &Beat, rows: &[Contact], sign: i64) -> Result<(), Failure> {
    let mut counts = BTreeMap::<NumberId, i64>::new();
    rows.iter().filter_map(|row| row.number).for_each(|number| *counts.entry(number).or_default() += sign);
    for (number, count) in counts {
        numbers::load(tx, beat.workspace, number, count)?;
    }
    Ok(())
}

fn stop(tx: &mut Tx<'_>, beat: &Beat, rows: &[Contact], reason: StopReason) -> Result<(), Failure> {
    let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
    ending::stop_of(tx, beat, &ids, reason).map(drop)
}
