//! Undoing an import: contacts that it made and that nobody else touched since are deleted, and what it changed of the others is changed
//! back, as far as nobody else has changed it since.
//!
//! What stays: contacts that were texted, enrolled, edited or written about since; consents, which are only ever added; fields of the
//! workspace's own. What an import changed is kept for 30 days (`upkeep`); after that it stays too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::access::Permission;
use domain::ids::{ContactId, ImportId, LabelId};
use domain::phone::Phone;
use store::contacts::Contact;
use store::imports::{self, changes};
use store::{Lane, Tx};

use super::ImportProgress;
use super::heirs::Heirs;
use super::trace::{self, TakenBack};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::contacts::{display_name, row_of};
use crate::conversations::note_each;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::imports::{Choices, Import, ImportsError, Outcome, document, read, still_since};

/// How many contacts one transaction deletes or changes back.
const CHUNK: i64 = 500;

impl Engine {
    /// Takes the undoing of an import in hand; [`Engine::run_undo`] does it.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn begin_undo(&self, actor: &Actor, id: ImportId) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let (workspace, now) = (actor.workspace(), self.now());
        self.write(Lane::Normal, move |tx| {
            let import = imports::find(tx, workspace, id)?.ok_or(ImportsError::Unknown)?;
            if !imports::begin_undo(tx, workspace, id, (now, still_since(now)))? {
                return Err(ImportsError::NotUndone { state: import.state });
            }
            Ok(Import { state: "undoing".to_owned(), updated_at: now, ..import })
        })
        .await
    }

    /// Undoes an import; says in it how many contacts went and were changed back, and in the end how many stay. Broken off and begun
    /// again it goes on.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn run_undo(&self, actor: &Actor, id: ImportId) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        self.delete_untouched(actor, id).await?;
        let mut makers = BTreeSet::new();
        loop {
            let beat = self.beat(actor);
            match self.write(Lane::Bulk, move |tx| take_some_back(tx, &beat, id)).await? {
                Some(some) => makers.extend(some),
                None => break,
            }
        }
        for maker in makers {
            self.delete_untouched(actor, maker).await?;
            let beat = self.beat(actor);
            self.write(Lane::Bulk, move |tx| {
                let kept = imports::left(tx, beat.workspace, maker)?;
                tell(tx, &beat, maker, |outcome| outcome.kept = kept)
            })
            .await?;
        }
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| {
            let import = imports::find(tx, beat.workspace, id)?.ok_or(ImportsError::Unknown)?;
            let outcome = Outcome { kept: imports::left(tx, beat.workspace, id)?, ..read(&import.outcome) };
            let note = serde_json::json!({
                "import": id, "file": import.file_name, "deleted": outcome.undone, "kept": outcome.kept,
                "restored": outcome.restored, "altered": outcome.altered,
            });
            let import =
                Import { state: "undone".to_owned(), outcome: document(&outcome), updated_at: beat.now, ..import };
            imports::save(tx, beat.workspace, &import)?;
            beat.note(tx, "import.undone", None, &note)?;
            Ok(import)
        })
        .await
    }

    /// Deletes the contacts that an import made and nobody touched since.
    async fn delete_untouched(&self, actor: &Actor, id: ImportId) -> Result<(), ImportsError> {
        let mut before = ContactId(i64::MAX);
        loop {
            let (beat, from) = (self.beat(actor), before);
            let gone = self.write(Lane::Bulk, move |tx| delete_some(tx, &beat, id, from)).await?;
            let Some(last) = gone.last() else { return Ok(()) };
            before = *last;
        }
    }

    /// Whether it is known what an import changed of contacts that were there before it.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn knows_changes(&self, actor: &Actor, import: &Import) -> Result<bool, ImportsError> {
        actor.need(Permission::Read)?;
        let changed = read::<ImportProgress>(&import.counts).updated > 0;
        if !changed && read::<Choices>(&import.choices).all_given().is_empty() {
            return Ok(false);
        }
        let (workspace, id) = (actor.workspace(), import.id);
        self.read(move |db| Ok(!changes::page(db, workspace, id, ContactId(i64::MAX), 1)?.is_empty())).await
    }
}

/// Says in an import how far its undoing is.
fn tell(tx: &mut Tx<'_>, beat: &Beat, id: ImportId, add: impl FnOnce(&mut Outcome)) -> Result<(), ImportsError> {
    let import = imports::find(tx, beat.workspace, id)?.ok_or(ImportsError::Unknown)?;
    // An undoing that is interrupted and begun again tells of all that it did.
    let mut outcome: Outcome = read(&import.outcome);
    add(&mut outcome);
    let moved = Import { outcome: document(&outcome), updated_at: beat.now, ..import };
    Ok(imports::save(tx, beat.workspace, &moved)?)
}

/// Deletes some of the contacts that an import made and nobody touched since; answers which.
fn delete_some(tx: &mut Tx<'_>, beat: &Beat, id: ImportId, before: ContactId) -> Result<Vec<ContactId>, ImportsError> {
    let import = imports::find(tx, beat.workspace, id)?.ok_or(ImportsError::Unknown)?;
    let own = read::<Choices>(&import.choices).all_given();
    let ids = imports::untouched(tx, beat.workspace, id, &own, before, CHUNK)?;
    store::contacts::lock(tx, beat.workspace, &ids)?;
    // Whoever was texted between the two looks is not in the second.
    let ids = imports::untouched(tx, beat.workspace, id, &own, before, CHUNK)?;
    store::contacts::delete_all(tx, beat.workspace, &ids, beat.now)?;
    note_each(tx, beat, "contact.deleted", &ids, &serde_json::json!({}))?;
    tell(tx, beat, id, |outcome| outcome.undone += i64::try_from(ids.len()).unwrap_or(0))?;
    Ok(ids)
}

/// Changes some contacts back, and lets go of what the import did to them; nothing once there are no more. Answers the imports that made some of
/// them and are undone themselves: what they had kept since this one had met it may go now.
fn take_some_back(tx: &mut Tx<'_>, beat: &Beat, id: ImportId) -> Result<Option<Vec<ImportId>>, ImportsError> {
    let kept = changes::page(tx, beat.workspace, id, ContactId(i64::MAX), CHUNK)?;
    let Some(last) = kept.last().map(|one| one.contact) else { return Ok(None) };
    let mut ids: Vec<ContactId> = kept.iter().map(|one| one.contact).collect();
    ids.sort_unstable();
    let contacts = store::contacts::lock(tx, beat.workspace, &ids)?;
    // What another undoing has left to this one between the two looks is in the second.
    let traces = trace::read(&changes::of(tx, beat.workspace, id, &ids)?)?;
    let mut heirs = Heirs::of(tx, beat, id, &ids)?;
    let mut contacts: HashMap<ContactId, Contact> = contacts.into_iter().map(|one| (one.id, one)).collect();
    let mut back = Vec::new();
    for trace in &traces {
        // One that was deleted since stays as it is.
        if let Some(mut contact) = contacts.remove(&trace.contact()) {
            let has_others = match trace.person() {
                Some(person) => changes::has_others(tx, beat.workspace, person, id)?,
                None => false,
            };
            let mut done = trace.take_back(&mut contact, has_others, |field| heirs.build_on(trace, field));
            heirs.inherit(trace, &contact, &mut done);
            if !trace.is_nothing() {
                back.push((contact, done));
            }
        }
    }
    back.sort_unstable_by_key(|(contact, _)| contact.id);
    write_back(tx, beat, &back)?;
    heirs.keep(tx, beat)?;
    changes::drop_from(tx, beat.workspace, id, last)?;
    let count =
        |is: fn(&TakenBack) -> bool| i64::try_from(back.iter().filter(|(_, done)| is(done)).count()).unwrap_or(0);
    let (restored, altered) = (count(|done| !done.stays), count(|done| done.stays));
    tell(tx, beat, id, |outcome| {
        outcome.restored += restored;
        outcome.altered += altered;
    })?;
    Ok(Some(imports::undone_makers(tx, beat.workspace, &ids)?))
}

fn write_back(tx: &mut Tx<'_>, beat: &Beat, back: &[(Contact, TakenBack)]) -> Result<(), ImportsError> {
    let (mut rows, mut labels) = (Vec::new(), BTreeMap::<LabelId, Vec<ContactId>>::new());
    for (contact, done) in back {
        for label in &done.labels {
            labels.entry(*label).or_default().push(contact.id);
        }
        if done.fields.is_empty() && done.parted.is_none() {
            continue;
        }
        let phone = Phone::stored(&contact.phone);
        let phone = phone.ok_or_else(|| Failure::Stored(format!("{} has no phone", contact.id)))?;
        let mut row = row_of(contact);
        row.name = display_name(&row.fields, phone);
        rows.push(row);
        if !done.fields.is_empty() {
            beat.note(tx, "contact.changed", Some(contact.id), &serde_json::json!({ "fields": done.fields }))?;
        }
        if let Some(person) = done.parted {
            beat.note(tx, "contact.parted", Some(contact.id), &serde_json::json!({ "person": person }))?;
        }
    }
    if !rows.is_empty() {
        store::contacts::update(tx, beat.workspace, &rows, beat.now)?;
    }
    let since = back.iter().filter_map(|(contact, done)| Some((contact.id, done.since?)));
    changes::set_back(tx, beat.workspace, &since.collect::<Vec<_>>())?;
    for (label, contacts) in labels {
        take_label(tx, beat, label, &contacts)?;
    }
    Ok(())
}

fn take_label(tx: &mut Tx<'_>, beat: &Beat, label: LabelId, contacts: &[ContactId]) -> Result<(), ImportsError> {
    let Some(known) = store::labels::find(tx, beat.workspace, label)? else { return Ok(()) };
    let taken = store::labels::take(tx, beat.workspace, label, contacts)?;
    let payload = crate::labels::told(&known);
    Ok(note_each(tx, beat, "contact.unlabelled", &taken, &payload)?)
}
