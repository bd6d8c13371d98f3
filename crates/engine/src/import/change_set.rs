//! What the rows of a chunk do to the contacts of their phones: which are made, which get which values, which stay as they are.
//!
//! Pure, and the same for an import and for its check, so that the check cannot drift from the run. A chunk is decided by itself: a phone
//! that stands in the file for the first time was touched by none before it.

use std::collections::{HashMap, HashSet};

use domain::ids::PersonId;
use domain::phone::Phone;
use store::consents::Mark;
use store::contacts::Contact;

use super::OnDuplicate;
use super::agreed::Agreed;
use super::chunk::{Entry, Taken, Turn};
use crate::contacts::{get, put};
use crate::failure::Failure;

/// What becomes of the phones that a chunk has for the first time in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
}

/// Whose phone it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Of somebody who is there.
    Known(PersonId),
    /// Of whoever the row at this place of the chunk is about.
    OfRow(usize),
}

/// A contact as the chunk leaves it.
#[derive(Debug)]
pub(super) struct Touched {
    /// As it is; nothing of one that is made.
    pub(super) before: Option<Contact>,
    pub(super) phone: Phone,
    pub(super) hash: i64,
    pub(super) fields: Vec<(String, String)>,
    pub(super) owner: Option<Owner>,
    pub(super) change: Change,
    pub(super) turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Some,
}

/// The contacts of a chunk.
#[derive(Debug, Default)]
pub(super) struct ChangeSet {
    /// Those that are there first, then the others in the order of the rows.
    pub(super) contacts: Vec<Touched>,
    places: HashMap<Phone, usize>,
}

impl ChangeSet {
    /// What these rows do, where `stored` are the contacts with their phones that are there.
    pub(super) fn of(stored: Vec<Contact>, rows: &[Taken], rule: OnDuplicate) -> Result<Self, Failure> {
        let mut set = Self::default();
        for contact in stored {
            set.push(Touched::stored(contact)?);
        }
        for (place, row) in rows.iter().enumerate() {
            set.apply(place, row, rule);
        }
        Ok(set)
    }

    fn push(&mut self, one: Touched) {
        self.places.insert(one.phone, self.contacts.len());
        self.contacts.push(one);
    }

    /// The contact of a phone of these rows.
    pub(super) fn get(&self, phone: Phone) -> Option<&Touched> {
        self.contacts.get(*self.places.get(&phone)?)
    }

    /// Lets a row act on the contacts of its phones.
    fn apply(&mut self, place: usize, row: &Taken, rule: OnDuplicate) {
        let known = row.entries.iter().find_map(|entry| self.get(entry.phone)?.owner);
        // Several phones of one row are one person's.
        let owner = if row.entries.len() > 1 { Some(known.unwrap_or(Owner::OfRow(place))) } else { None };
        for entry in &row.entries {
            match self.places.get(&entry.phone) {
                Some(place) => self.contacts[*place].fill(entry, row, owner, rule),
                None => self.push(Touched::new(entry, row, owner)),
            }
        }
    }

    /// The consents that the rows tell of, for each of their phones.
    pub(super) fn given<'r>(&self, rows: &'r [Taken]) -> Vec<Given<'r>> {
        let told = rows.iter().filter_map(|row| Some((row, row.consent.as_ref()?)));
        let each = told.flat_map(|(row, agreed)| row.entries.iter().map(move |entry| (entry.phone, agreed)));
        each.filter_map(|(phone, agreed)| Some(Given { phone, hash: self.get(phone)?.hash, agreed })).collect()
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for one in &self.contacts {
            let count = match (&one.before, one.change) {
                (None, _) => &mut tally.created,
                (Some(_), Change::Some) => &mut tally.updated,
                (Some(_), Change::None) => &mut tally.unchanged,
            };
            *count += u64::from(one.turn == Turn::First);
        }
        tally
    }
}

impl Touched {
    fn stored(contact: Contact) -> Result<Self, Failure> {
        let phone = Phone::stored(&contact.phone);
        let phone = phone.ok_or_else(|| Failure::Stored(format!("{} has no phone", contact.id)))?;
        Ok(Self {
            phone,
            hash: contact.phone_hash,
            fields: contact.fields.clone(),
            owner: contact.person.map(Owner::Known),
            change: Change::None,
            turn: Turn::Again,
            before: Some(contact),
        })
    }

    fn new(entry: &Entry, row: &Taken, owner: Option<Owner>) -> Self {
        let (phone, hash, turn) = (entry.phone, entry.hash, entry.turn);
        Self { before: None, phone, hash, fields: row.fields.clone(), owner, change: Change::Some, turn }
    }

    /// Fills what is empty; overwrites what is not if that was chosen, but never what this file itself
    /// gave: of the rows with one phone the first goes before the others, so a second run changes nothing.
    fn fill(&mut self, entry: &Entry, row: &Taken, owner: Option<Owner>, rule: OnDuplicate) {
        if entry.turn == Turn::First {
            self.turn = Turn::First;
        }
        for (key, value) in &row.fields {
            let current = get(&self.fields, key);
            let may = current.is_none() || (rule == OnDuplicate::Overwrite && entry.turn == Turn::First);
            if may && current != Some(value) {
                put(&mut self.fields, key, Some(value.clone()));
                self.change = Change::Some;
            }
        }
        if self.owner.is_none() && owner.is_some() {
            self.owner = owner;
            self.change = Change::Some;
        }
    }
}

/// A consent that a row tells of for one of its phones.
#[derive(Debug)]
pub(super) struct Given<'r> {
    pub(super) phone: Phone,
    /// The contact's own: it is what suppressions go by.
    pub(super) hash: i64,
    pub(super) agreed: &'r Agreed,
}

impl Given<'_> {
    /// What tells it from another consent of the same phone.
    pub(super) fn mark(&self) -> Mark {
        (self.hash, self.agreed.kind, self.agreed.source.clone(), self.agreed.given_at)
    }
}

/// Those that are not on record; from then on they are known.
pub(super) fn unrecorded<'r>(given: Vec<Given<'r>>, known: &mut HashSet<Mark>) -> Vec<Given<'r>> {
    given.into_iter().filter(|one| known.insert(one.mark())).collect()
}
