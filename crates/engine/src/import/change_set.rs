//! What the rows of a chunk do to the contacts of their phones: which are made, which get which values, which stay as they are.
//!
//! Pure, and the same for an import and for its check, so that the check cannot drift from the run. A chunk is decided by itself: a phone
//! that stands in the file for the first time was touched by none before it.
//!
//! The phones of one row are one person's. A phone that is there already brings its person along only where the names are not two: an
//! office's number in many rows would else make one person of all who work there, whose replies stop each other's texts. Where a name is
//! missing there is nothing to tell them apart by, and a person has at most [`MOST_NUMBERS`].

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::ids::PersonId;
use domain::phone::Phone;
use store::consents::Mark;
use store::contacts::Contact;

use super::OnDuplicate;
use super::agreed::Agreed;
use super::chunk::{Entry, Taken, Turn};
use crate::contacts::{get, named, put};
use crate::failure::Failure;

/// Most numbers that imports give one person: rows that have a phone in common beyond it are other people's.
pub(super) const MOST_NUMBERS: usize = 20;

/// What becomes of the phones that a chunk has for the first time in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
}

/// Whose phone it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// How many numbers each person has.
    numbers: HashMap<Owner, usize>,
}

/// The persons of these contacts.
pub(super) fn persons(stored: &[Contact]) -> BTreeSet<PersonId> {
    stored.iter().filter_map(|contact| contact.person).collect()
}

impl ChangeSet {
    /// What these rows do, where `stored` are the contacts with their phones that are there, and `numbers` says how many their
    /// persons have.
    pub(super) fn of(
        stored: Vec<Contact>,
        numbers: Vec<(PersonId, usize)>,
        rows: &[Taken],
        rule: OnDuplicate,
    ) -> Result<Self, Failure> {
        let numbers = numbers.into_iter().map(|(person, count)| (Owner::Known(person), count)).collect();
        let mut set = Self { numbers, ..Self::default() };
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
        for entry in &row.entries {
            match self.places.get(&entry.phone) {
                Some(place) => self.contacts[*place].fill(entry, row, rule),
                None => self.push(Touched::new(entry, row)),
            }
        }
        if row.entries.len() > 1 {
            self.join(place, row);
        }
    }

    /// Makes the phones of a row one person's: somebody's who has one of them already, or of a person of its own. What counts is what the
    /// row has left of their fields, so a second run joins nobody else.
    fn join(&mut self, place: usize, row: &Taken) {
        let of_row = row.entries.iter().filter_map(|entry| self.places.get(&entry.phone).copied());
        let theirs: Vec<usize> = of_row.filter(|place| self.contacts[*place].may_be_of(row)).collect();
        let (owned, free): (Vec<usize>, Vec<usize>) =
            theirs.into_iter().partition(|place| self.contacts[*place].owner.is_some());
        let has_room = |owner: &Owner| self.numbers.get(owner).unwrap_or(&0) + free.len() <= MOST_NUMBERS;
        let owner = owned.iter().filter_map(|place| self.contacts[*place].owner).find(has_room);
        let owner = owner.unwrap_or(Owner::OfRow(place));
        *self.numbers.entry(owner).or_default() += free.len();
        for place in free {
            let one = &mut self.contacts[place];
            (one.owner, one.change) = (Some(owner), Change::Some);
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

    fn new(entry: &Entry, row: &Taken) -> Self {
        let (phone, hash, turn) = (entry.phone, entry.hash, entry.turn);
        Self { before: None, phone, hash, fields: row.fields.clone(), owner: None, change: Change::Some, turn }
    }

    /// Whether it may be a number of whom a row is about: nothing says that they have two names.
    fn may_be_of(&self, row: &Taken) -> bool {
        match (named(&self.fields), named(&row.fields)) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        }
    }

    /// Fills what is empty; overwrites what is not if that was chosen, but never what this file itself
    /// gave: of the rows with one phone the first goes before the others, so a second run changes nothing.
    fn fill(&mut self, entry: &Entry, row: &Taken, rule: OnDuplicate) {
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
