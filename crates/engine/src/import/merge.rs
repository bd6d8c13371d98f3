//! One chunk meets the database: contacts that are there are locked and filled, the others are made.
//!
//! Set-based: three statements for a chunk, whatever its size. If somebody else makes one of the
//! contacts between our look and our write, nothing is kept and the caller tries again.

use std::collections::HashMap;

use domain::ids::{ConsentId, ContactId, ImportId, LabelId, PersonId};
use domain::phone::Phone;
use store::consents::{self, Consent};
use store::contacts::{Contact, ContactRow};
use store::{DbError, Tx};

use super::OnDuplicate;
use super::agreed::Agreed;
use super::chunk::{Chunk, Entry, Taken, Turn};
use crate::beat::Beat;
use crate::contacts::{ContactError, add_custom, display_name, get, put};
use crate::failure::Failure;

/// What became of the phones that a chunk has for the first time in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) consents: u64,
}

/// How a chunk is saved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) on_duplicate: OnDuplicate,
    /// The import that new contacts are marked with.
    pub(super) import: Option<ImportId>,
    /// The label that all contacts get.
    pub(super) label: Option<LabelId>,
}

/// Why a chunk is not kept.
#[derive(Debug)]
pub(super) enum MergeError {
    /// Somebody else made one of the contacts meanwhile.
    Raced,
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

/// A contact as the chunk leaves it.
struct Work {
    row: ContactRow,
    phone: Phone,
    origin: Origin,
    change: Change,
    turn: Turn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    New,
    Stored,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Some,
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
        return Ok(Merged::default());
    }
    add_custom(tx, beat, own).map_err(MergeError::Contact)?;
    let mut texts: Vec<String> =
        chunk.rows.iter().flat_map(|row| &row.entries).map(|one| one.phone.to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    let phones: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut work = HashMap::with_capacity(phones.len());
    for contact in store::contacts::lock_by_phones(tx, beat.workspace, &phones)? {
        let one = Work::stored(contact)?;
        work.insert(one.phone, one);
    }
    for row in &chunk.rows {
        apply(&mut work, beat, row, rule.on_duplicate);
    }
    let agreed = agreed(beat, &work, &chunk.rows);
    let merged = save(tx, beat, work, rule)?;
    Ok(Merged { consents: record(tx, beat, agreed)?, ..merged })
}

/// The consents that the rows tell of, for each of their phones.
fn agreed(beat: &Beat, work: &HashMap<Phone, Work>, rows: &[Taken]) -> Vec<Consent> {
    let told = rows.iter().filter_map(|row| Some((row, row.consent.as_ref()?)));
    let told = told.flat_map(|(row, agreed)| row.entries.iter().map(move |entry| (entry, agreed)));
    let consent = |(entry, agreed): (&Entry, &Agreed)| {
        let row = &work.get(&entry.phone)?.row;
        Some(Consent {
            id: ConsentId(beat.id()),
            // The contact's own: it is what suppressions go by.
            phone_hash: row.phone_hash,
            contact: Some(row.id),
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
        })
    };
    told.filter_map(consent).collect()
}

/// Records what is not on record already, so that a file that is read again adds nothing.
fn record(tx: &mut Tx<'_>, beat: &Beat, mut agreed: Vec<Consent>) -> Result<u64, MergeError> {
    if agreed.is_empty() {
        return Ok(0);
    }
    let hashes: Vec<i64> = agreed.iter().map(|consent| consent.phone_hash).collect();
    let mut known = consents::known(tx, beat.workspace, &hashes)?;
    agreed.retain(|new| known.insert((new.phone_hash, new.kind, new.source.clone(), new.given_at)));
    consents::insert(tx, beat.workspace, &agreed, beat.now)?;
    Ok(agreed.len() as u64)
}

/// Lets a row act on the contacts of its phones.
fn apply(work: &mut HashMap<Phone, Work>, beat: &Beat, row: &Taken, rule: OnDuplicate) {
    let known = row.entries.iter().find_map(|entry| work.get(&entry.phone).and_then(|one| one.row.person));
    // Several phones of one row are one person's.
    let person = if row.entries.len() > 1 { Some(known.unwrap_or_else(|| PersonId(beat.id()))) } else { None };
    for entry in &row.entries {
        match work.get_mut(&entry.phone) {
            Some(one) => one.fill(entry, row, person, rule),
            None => {
                work.insert(entry.phone, Work::new(beat, entry, row, person));
            }
        }
    }
}

impl Work {
    fn stored(contact: Contact) -> Result<Self, Failure> {
        let phone = Phone::stored(&contact.phone);
        let phone = phone.ok_or_else(|| Failure::Stored(format!("{} has no phone", contact.id)))?;
        let row = ContactRow {
            id: contact.id,
            phone: contact.phone,
            phone_hash: contact.phone_hash,
            person: contact.person,
            name: contact.name,
            fields: contact.fields,
        };
        Ok(Self { row, phone, origin: Origin::Stored, change: Change::None, turn: Turn::Again })
    }

    fn new(beat: &Beat, entry: &Entry, row: &Taken, person: Option<PersonId>) -> Self {
        let row = ContactRow {
            id: ContactId(beat.id()),
            phone: entry.phone.to_string(),
            phone_hash: entry.hash,
            person,
            name: display_name(&row.fields, entry.phone),
            fields: row.fields.clone(),
        };
        Self { row, phone: entry.phone, origin: Origin::New, change: Change::Some, turn: entry.turn }
    }

    /// Fills what is empty; overwrites what is not if that was chosen, but never what this file itself
    /// gave: of the rows with one phone the first goes before the others, so a second run changes nothing.
    fn fill(&mut self, entry: &Entry, row: &Taken, person: Option<PersonId>, rule: OnDuplicate) {
        if entry.turn == Turn::First {
            self.turn = Turn::First;
        }
        for (key, value) in &row.fields {
            let current = get(&self.row.fields, key);
            let may = current.is_none() || (rule == OnDuplicate::Overwrite && entry.turn == Turn::First);
            if may && current != Some(value) {
                put(&mut self.row.fields, key, Some(value.clone()));
                self.change = Change::Some;
            }
        }
        if self.row.person.is_none() && person.is_some() {
            self.row.person = person;
            self.change = Change::Some;
        }
    }
}

fn save(tx: &mut Tx<'_>, beat: &Beat, work: HashMap<Phone, Work>, rule: Rule) -> Result<Merged, MergeError> {
    let mut merged = Merged::default();
    let mut all: Vec<ContactId> = work.values().map(|one| one.row.id).collect();
    all.sort_unstable();
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (_, mut one) in work {
        let count = match (one.origin, one.change) {
            (Origin::New, _) => &mut merged.created,
            (Origin::Stored, Change::Some) => &mut merged.updated,
            (Origin::Stored, Change::None) => &mut merged.unchanged,
        };
        *count += u64::from(one.turn == Turn::First);
        if one.change == Change::Some {
            one.row.name = display_name(&one.row.fields, one.phone);
            if one.origin == Origin::New { new.push(one.row) } else { changed.push(one.row) }
        }
    }
    // In one order everywhere, so that two imports of one file wait for each other and do not deadlock.
    new.sort_unstable_by(|one, other| one.phone.cmp(&other.phone));
    changed.sort_unstable_by_key(|row| row.id);
    if !new.is_empty()
        && store::contacts::insert_imported(tx, beat.workspace, &new, rule.import, beat.now)? != new.len() as u64
    {
        return Err(MergeError::Raced);
    }
    if !changed.is_empty() {
        store::contacts::update(tx, beat.workspace, &changed, beat.now)?;
    }
    if let Some(label) = rule.label
        && store::labels::find(tx, beat.workspace, label)?.is_some()
    {
        store::labels::give(tx, beat.workspace, label, &all, beat.now)?;
    }
    Ok(merged)
}
