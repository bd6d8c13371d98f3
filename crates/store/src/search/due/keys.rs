//! The keys of very many contacts, in memory.

use std::ops::Range;

use domain::ids::{ContactId, WorkspaceId};

use super::Span;
use crate::contacts::keys_of;
use crate::json;
use crate::{DbError, Read, Sql, Value};

pub(super) static CONTACTS: Sql = Sql::Same(
    "
    SELECT contact_id, name, phone, fields FROM contacts
    WHERE workspace_id = $1 AND contact_id >= $2 AND contact_id <= $3 AND deleted_at IS NULL",
);

/// Keys of very many contacts, in the order of their table once they are sorted. One text for all: a string for each takes twice as much.
#[derive(Debug, Default)]
pub struct Keys {
    text: String,
    keys: Vec<Key>,
    contacts: usize,
}

/// Where a key lies in the text, how long it is, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Key {
    from: u32,
    bytes: u8,
    contact: i64,
}

impl Key {
    fn word(self, text: &str) -> &str {
        let from = self.from as usize;
        &text[from..from + usize::from(self.bytes)]
    }
}

impl Keys {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Of how many contacts.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.contacts
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len() + self.keys.len() * size_of::<Key>()
    }

    fn add(&mut self, word: &str, contact: ContactId) -> Result<(), DbError> {
        let too_much = |_| json::unreadable("key", word);
        let from = u32::try_from(self.text.len()).map_err(too_much)?;
        let bytes = u8::try_from(word.len()).map_err(too_much)?;
        self.text.push_str(word);
        self.keys.push(Key { from, bytes, contact: contact.0 });
        Ok(())
    }

    /// Adds those of the contacts of a span, as they are now.
    pub fn add_span(&mut self, db: &Read<'_>, workspace: WorkspaceId, span: Span) -> Result<(), DbError> {
        db.for_each(&CONTACTS, &span.bounds(workspace), |row| {
            let fields: Vec<(String, String)> = json::read(row.text(3)?)?;
            let contact = ContactId(row.int(0)?);
            self.contacts += 1;
            keys_of(row.text(1)?, row.text(2)?, &fields).iter().try_for_each(|word| self.add(word, contact))
        })
    }

    /// None yet, with room for those of so many contacts, should they be like these: room that grew would be copied, and there for a while twice.
    #[must_use]
    pub fn with_room(contacts: usize, like: &Self) -> Self {
        let room = |some: usize| some.div_ceil(like.contacts.max(1)).saturating_mul(contacts);
        Self {
            text: String::with_capacity(room(like.text.len())),
            keys: Vec::with_capacity(room(like.keys.len())),
            contacts: 0,
        }
    }

    /// Adds others behind these.
    pub fn append(&mut self, other: &Self) -> Result<(), DbError> {
        other.keys.iter().try_for_each(|key| self.add(key.word(&other.text), ContactId(key.contact)))?;
        self.contacts += other.contacts;
        Ok(())
    }

    /// Puts them in the order of their table.
    pub fn sort(&mut self) {
        let text = self.text.as_str();
        self.keys.sort_unstable_by(|one, other| {
            one.word(text).cmp(other.word(text)).then_with(|| one.contact.cmp(&other.contact))
        });
    }

    /// Some of them, as they are written; to be made before the transaction, which has better things to do.
    #[must_use]
    pub fn rows(&self, range: Range<usize>) -> KeyRows {
        let row = |key: &Key| [key.word(&self.text).into(), key.contact.into()];
        KeyRows(self.keys.get(range).unwrap_or_default().iter().map(row).collect())
    }
}

/// Neighbours of the table, as they are written.
#[derive(Debug)]
pub struct KeyRows(Vec<[Value; 2]>);

impl KeyRows {
    /// Those from the given one on.
    pub(super) fn from(&self, first: usize) -> &[[Value; 2]] {
        self.0.get(first..).unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
