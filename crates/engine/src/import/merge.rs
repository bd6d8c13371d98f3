//! One chunk meets the database: contacts that are there are locked and filled, the others are made.
//!
//! What happens to whom decides [`ChangeSet`]; here it is written. Set-based: three statements for a chunk, whatever its size. If somebody
//! else makes one of the contacts between our look and our write, nothing is kept and the caller tries again.

use std::collections::HashMap;

use domain::ids::{ConsentId, ContactId, ImportId, LabelId, PersonId};
use domain::phone::Phone;
use store::consents::{self, Consent};
use store::contacts::{ContactRow, Found};
use store::{DbError, Tx};

use super::change_set::{self, Change, ChangeSet, Given, Owner, Tally, Touched};
use super::chunk::Chunk;
use super::trace::{self, Trace};
use super::{ImportOptions, OnDuplicate};
use crate::beat::Beat;
use crate::contacts::{ContactError, add_custom, display_name};
use crate::failure::Failure;
use crate::imports::{Choices, Import, read};

/// What was saved of a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) contacts: Tally,
    pub(super) consents: u64,
    /// Whether nobody of it was there.
    pub(super) is_new: bool,
}

/// How a chunk is saved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) on_duplicate: OnDuplicate,
    /// The import that new contacts are marked with.
    pub(super) import: Option<ImportId>,
    /// When new contacts are found by their words.
    pub(super) found: Found,
    /// The label that all contacts get, and the list that they are put on.
    pub(super) given: [Option<LabelId>; 2],
}

impl Rule {
    pub(super) fn of(options: &ImportOptions) -> Self {
        let given = [options.label, None];
        Self { on_duplicate: options.on_duplicate, import: options.import, found: Found::AtOnce, given }
    }

    /// As an import that has begun goes on.
    pub(super) fn of_import(import: &Import) -> Self {
        let choices: Choices = read(&import.choices);
        Self { given: choices.given(), ..Self::of(&choices.options(Some(import.id))) }
    }
}

/// Why a chunk is not kept.
#[derive(Debug)]
pub(super) enum MergeError {
    /// Somebody else made one of the contacts meanwhile.
    Raced,
    /// The import is not its run's any more.
    Lost,
    /// A field could not be added, or the database failed.
    Contact(ContactError),
}

impl From<DbError> for MergeError {
    fn from(error: DbError) -> Self {
        Self::Contact(error.into())
    }
}

impl From<Failure> for MergeError {
    fn from(error: Failure) -> Self {
        Self::Contact(error.into())
    }
}

/// Saves a chunk; `own` are the fields of the workspace's own that the file has.
pub(super) fn merge(
    tx: &mut Tx<'_>,
    beat: &Beat,
    chunk: &Chunk,
    own: &[(String, String)],
    rule: Rule,
) -> Result<Merged, MergeError> {
    if chunk.rows.is_empty() {
        return Ok(Merged { is_new: true, ..Merged::default() });
    }
    add_custom(tx, beat, own).map_err(MergeError::Contact)?;
    let texts = chunk.phones();
    let phones: Vec<&str> = texts.iter().map(String::as_str).collect();
    let stored = store::contacts::lock_by_phones(tx, beat.workspace, &phones)?;
    let is_new = stored.is_empty();
    let numbers = store::contacts::persons(tx, beat.workspace, &change_set::persons(&stored))?;
    let set = ChangeSet::of(stored, numbers, &chunk.rows, rule.on_duplicate)?;
    let contacts = set.tally();
    let given = set.given(&chunk.rows);
    let ids = save(tx, beat, set, rule)?;
    Ok(Merged { contacts, consents: record(tx, beat, given, &ids)?, is_new })
}

/// A consent that a row told of, as it is kept.
fn consent(beat: &Beat, contact: Option<ContactId>, given: &Given<'_>) -> Consent {
    let agreed = given.agreed;
    Consent {
        id: ConsentId(beat.id()),
        phone_hash: given.hash,
        contact,
        kind: agreed.kind,
        source: agreed.source.clone(),
        text: agreed.text.clone(),
        given_at: agreed.given_at,
        zone: agreed.zone.clone(),
        expires_at: None,
        message: None,
        evidence: agreed.evidence.clone(),
        actor: beat.actor.clone(),
        recorded_at: beat.now,
    }
}

/// Records what is not on record already, so that a file that is read again adds nothing.
fn record(
    tx: &mut Tx<'_>,
    beat: &Beat,
    given: Vec<Given<'_>>,
    ids: &HashMap<Phone, ContactId>,
) -> Result<u64, MergeError> {
    if given.is_empty() {
        return Ok(0);
    }
    let hashes: Vec<i64> = given.iter().map(|one| one.hash).collect();
    let mut known = consents::known(tx, beat.workspace, &hashes)?;
    let new = change_set::unrecorded(given, &mut known);
    let new: Vec<Consent> = new.iter().map(|one| consent(beat, ids.get(&one.phone).copied(), one)).collect();
    consents::insert(tx, beat.workspace, &new, beat.now)?;
    Ok(new.len() as u64)
}

/// Persons of rows, made when they are first asked for.
struct Persons<'b> {
    beat: &'b Beat,
    made: HashMap<usize, PersonId>,
}

impl Persons<'_> {
    fn of(&mut self, owner: Owner) -> PersonId {
        match owner {
            Owner::Known(person) => person,
            Owner::OfRow(place) => *self.made.entry(place).or_insert_with(|| PersonId(self.beat.id())),
        }
    }
}

/// Writes a contact's row as the chunk leaves it.
fn written(one: Touched, id: ContactId, persons: &mut Persons<'_>) -> ContactRow {
    ContactRow {
        id,
        phone: one.phone.to_string(),
        phone_hash: one.hash,
        person: one.owner.map(|owner| persons.of(owner)),
        name: display_name(&one.fields, one.phone),
        fields: one.fields,
    }
}

/// Saves what changes; answers the contacts of all phones.
fn save(tx: &mut Tx<'_>, beat: &Beat, set: ChangeSet, rule: Rule) -> Result<HashMap<Phone, ContactId>, MergeError> {
    let (mut new, mut changed, mut ids) = (Vec::new(), Vec::new(), HashMap::with_capacity(set.contacts.len()));
    let mut traces = HashMap::new();
    let mut persons = Persons { beat, made: HashMap::new() };
    for mut one in set.contacts {
        let (phone, change, before) = (one.phone, one.change, one.before.take());
        let id = before.as_ref().map_or_else(|| ContactId(beat.id()), |contact| contact.id);
        ids.insert(phone, id);
        let row = (change == Change::Some).then(|| written(one, id, &mut persons));
        if let Some(before) = before {
            let trace = row.as_ref().map_or_else(|| Trace::untouched(&before), |row| Trace::of(&before, row, beat.now));
            traces.insert(id, trace);
            changed.extend(row);
        } else {
            new.extend(row);
        }
    }
    // In one order everywhere, so that two imports of one file wait for each other and do not deadlock.
    new.sort_unstable_by(|one, other| one.phone.cmp(&other.phone));
    changed.sort_unstable_by_key(|row| row.id);
    if !new.is_empty()
        && store::contacts::insert_imported(tx, beat.workspace, &new, rule.import, rule.found, beat.now)?
            != new.len() as u64
    {
        return Err(MergeError::Raced);
    }
    if !changed.is_empty() {
        store::contacts::update(tx, beat.workspace, &changed, beat.now)?;
    }
    for label in rule.given.into_iter().flatten() {
        for id in give(tx, beat, &ids, label)? {
            if let Some(trace) = traces.get_mut(&id) {
                trace.labelled(label);
            }
        }
    }
    if let Some(import) = rule.import {
        trace::keep(tx, beat.workspace, import, traces.into_values().collect())?;
    }
    Ok(ids)
}

/// Gives all contacts of a chunk the label or list of the file; answers who did not have it.
fn give(
    tx: &mut Tx<'_>,
    beat: &Beat,
    ids: &HashMap<Phone, ContactId>,
    label: LabelId,
) -> Result<Vec<ContactId>, MergeError> {
    if store::labels::find(tx, beat.workspace, label)?.is_none() {
        return Ok(Vec::new());
    }
    let mut all: Vec<ContactId> = ids.values().copied().collect();
    all.sort_unstable();
    Ok(store::labels::give(tx, beat.workspace, label, &all, beat.now)?)
}
