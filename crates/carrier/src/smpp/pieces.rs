//! Inbound texts that come in parts, until they are whole.
//!
//! A part is confirmed before its text is whole, because an SMSC may wait for that before it sends the next. So a part lives in memory
//! only, bounded in number and time; but the text's last part is confirmed after the whole is stored, and a text whose rest does not come
//! is stored as it is. So a text always arrives, if perhaps without a part that this process took to its grave.

use std::collections::BTreeMap;

use super::heard::{Place, Text};

/// Most texts that wait for parts.
const MOST: usize = 1_000;
/// How many looks a text waits for its next part.
const PATIENCE: u32 = 12;

/// What belongs together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    from: String,
    to: String,
    reference: u16,
    count: u8,
}

/// A text with the parts that have come.
#[derive(Debug, Clone)]
pub(super) struct Gathered {
    /// Its event's identifier.
    pub(super) event_id: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) data_coding: u8,
    parts: BTreeMap<u8, Vec<u8>>,
    looks: u32,
}

impl Gathered {
    /// Its bytes, in the order of the parts.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.parts.values().flatten().copied().collect()
    }
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Pieces(BTreeMap<Key, Gathered>);

/// What a part leads to.
#[derive(Debug)]
pub(super) enum Grown {
    /// More parts are to come.
    Waits,
    /// All are there; it stays until it is dropped.
    Whole(Key, Gathered),
}

impl Key {
    fn of(text: &Text, place: Place) -> Self {
        Self { from: text.from.clone(), to: text.to.clone(), reference: place.reference, count: place.count }
    }
}

impl Pieces {
    /// The name of the text that this part belongs to, if another part of it has come.
    pub(super) fn event_of(&self, text: &Text, place: Place) -> Option<String> {
        self.0.get(&Key::of(text, place)).map(|gathered| gathered.event_id.clone())
    }

    /// Adds a part; `event_id` is the text's if it is the first one.
    pub(super) fn add(&mut self, text: &Text, place: Place, event_id: impl FnOnce() -> String) -> Grown {
        let key = Key::of(text, place);
        let new = || Gathered {
            event_id: event_id(),
            from: text.from.clone(),
            to: text.to.clone(),
            data_coding: text.data_coding,
            parts: BTreeMap::new(),
            looks: 0,
        };
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            // No room to wait: it is stored as it is, at once.
            return Grown::Whole(
                key,
                Gathered { parts: BTreeMap::from([(place.number, text.bytes.clone())]), ..new() },
            );
        }
        let gathered = self.0.entry(key.clone()).or_insert_with(new);
        gathered.looks = 0;
        gathered.parts.insert(place.number, text.bytes.clone());
        let is_whole = gathered.parts.len() == usize::from(place.count);
        if is_whole { Grown::Whole(key, gathered.clone()) } else { Grown::Waits }
    }

    /// It is stored.
    pub(super) fn drop(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// Those whose next part does not come: to be stored as they are.
    pub(super) fn late(&mut self) -> Vec<(Key, Gathered)> {
        for gathered in self.0.values_mut() {
            gathered.looks += 1;
        }
        self.0.iter().filter(|(_, gathered)| gathered.looks >= PATIENCE).map(both).collect()
    }

    /// All that there are.
    pub(super) fn all(&self) -> Vec<(Key, Gathered)> {
        self.0.iter().map(both).collect()
    }
}

fn both((key, gathered): (&Key, &Gathered)) -> (Key, Gathered) {
    (key.clone(), gathered.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: &str, count: u8, number: u8, bytes: &[u8]) -> (Text, Place) {
        let place = Place { reference: 7, count, number };
        let text = Text {
            from: from.to_owned(),
            to: "+12125550100".to_owned(),
            data_coding: 0,
            bytes: bytes.to_vec(),
            part: Some(place),
        };
        (text, place)
    }

    fn add(pieces: &mut Pieces, from: &str, count: u8, number: u8, bytes: &[u8]) -> Option<Vec<u8>> {
        let (text, place) = part(from, count, number, bytes);
        match pieces.add(&text, place, || "event".to_owned()) {
            Grown::Waits => None,
            Grown::Whole(key, gathered) => {
                pieces.drop(&key);
                Some(gathered.bytes())
            }
        }
    }

    #[test]
    fn where_no_more_can_wait_a_part_is_stored_by_itself() {
        let mut pieces = Pieces::default();
        for n in 0..MOST {
            assert_eq!(add(&mut pieces, &format!("+1305555{n:04}"), 2, 1, b"Ann"), None);
        }
        assert_eq!(add(&mut pieces, "+12125550111", 2, 1, b"Bob"), Some(b"Bob".to_vec()));
        assert_eq!(add(&mut pieces, "+13055550000", 2, 2, b"Ann"), Some(b"AnnAnn".to_vec()));
    }

    #[test]
    fn parts_in_any_order_and_twice_become_one_text() {
        let mut pieces = Pieces::default();
        assert_eq!(add(&mut pieces, "a", 3, 3, b"c"), None);
        assert_eq!(add(&mut pieces, "b", 2, 1, b"x"), None, "somebody else's");
        assert_eq!(add(&mut pieces, "a", 3, 1, b"a"), None);
        assert_eq!(add(&mut pieces, "a", 3, 1, b"a"), None, "a repeat");
        assert_eq!(add(&mut pieces, "a", 3, 2, b"b"), Some(b"abc".to_vec()));
        assert_eq!(add(&mut pieces, "b", 2, 2, b"y"), Some(b"xy".to_vec()));
        assert!(pieces.all().is_empty());
    }

    #[test]
    fn what_never_becomes_whole_is_given_up_in_time() {
        let mut pieces = Pieces::default();
        add(&mut pieces, "a", 2, 1, b"x");
        for _ in 1..PATIENCE {
            assert!(pieces.late().is_empty());
        }
        assert_eq!(pieces.late().len(), 1);
        add(&mut pieces, "b", 2, 1, b"x");
        assert_eq!(pieces.late().len(), 1, "the one that is late, as long as it is not stored");
    }
}
