//! Seals over the history, so that an edit of it shows: what exactly is hashed, how one seal holds the one before it, and what
//! differs between what was sealed and what is there.
//!
//! ```text
//! digest of an event  = SHA-256("dripline event 1\n"  workspace event contact at kind actor payload)
//! digest of its seal  = SHA-256(digest digest …)                       of all its events, in the order of their identifiers
//! hash of the seal    = SHA-256("dripline seal 1\n"   workspace number after until events digest previous sealed_at)
//! ```
//!
//! Integers are 64 bits, big-endian; a text is its length in bytes and its UTF-8; no contact is one byte 0, a contact 1 and its
//! identifier; times are microseconds. A seal holds the events after one identifier until another, this one included. Who
//! keeps the hash of a seal elsewhere holds all that came before it. When seals are made, and how they are read back, is
//! `engine::seals`'s matter; why it is done in this way says decision 0024.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::ids::{ContactId, EventId, WorkspaceId};

/// Bytes of one mark: the identifier and the beginning of the digest.
const MARK_BYTES: usize = 16;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first seal.
    pub const NONE: Self = Self([0; 32]);

    /// Reads the bytes that the database holds; nothing if they are not 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The beginning, for people who compare by eye: 12 digits.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// A text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoHash);
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| NoHash)?;
        }
        Ok(Self(bytes))
    }
}

/// A row of the history as it is stored, readable or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'e> {
    /// Its identifier.
    pub id: EventId,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
    /// What happened.
    pub kind: &'e str,
    /// Who did it.
    pub actor: &'e str,
    /// Its facts.
    pub payload: &'e str,
    /// When, in microseconds.
    pub at: i64,
}

impl Entry<'_> {
    /// The digest of all of it.
    #[must_use]
    pub fn digest(&self, workspace: WorkspaceId) -> Hash {
        let mut sha = Sha256::new();
        sha.update(b"dripline event 1\n");
        sha.update(workspace.0.to_be_bytes());
        sha.update(self.id.0.to_be_bytes());
        match self.contact {
            None => sha.update([0]),
            Some(contact) => {
                sha.update([1]);
                sha.update(contact.0.to_be_bytes());
            }
        }
        sha.update(self.at.to_be_bytes());
        for text in [self.kind, self.actor, self.payload] {
            sha.update((text.len() as u64).to_be_bytes());
            sha.update(text.as_bytes());
        }
        Hash(sha.finalize().into())
    }
}

/// A seal over a part of a workspace's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Whose history.
    pub workspace: WorkspaceId,
    /// Its number in the chain, from 1.
    pub number: i64,
    /// It begins after this event, which is the last of the seal before it.
    pub after: EventId,
    /// Its last event.
    pub until: EventId,
    /// How many events it holds.
    pub events: i64,
    /// The digest of them all.
    pub digest: Hash,
    /// The hash of the seal before it.
    pub previous: Hash,
    /// When it was made, in microseconds.
    pub sealed_at: i64,
}

impl Seal {
    /// The hash of all of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut sha = Sha256::new();
        sha.update(b"dripline seal 1\n");
        for number in [self.workspace.0, self.number, self.after.0, self.until.0, self.events] {
            sha.update(number.to_be_bytes());
        }
        sha.update(self.digest.0);
        sha.update(self.previous.0);
        sha.update(self.sealed_at.to_be_bytes());
        Hash(sha.finalize().into())
    }
}

/// Gathers the events of a seal that is made.
#[derive(Debug, Clone, Default)]
pub struct Sealing {
    digests: Sha256,
    marks: Vec<u8>,
    events: i64,
    last: Option<EventId>,
}

impl Sealing {
    /// Takes the next event, in the order of the identifiers.
    pub fn take(&mut self, workspace: WorkspaceId, entry: &Entry<'_>) {
        let digest = entry.digest(workspace);
        self.digests.update(digest.0);
        self.marks.extend(entry.id.0.to_be_bytes());
        self.marks.extend(&digest.0[..8]);
        self.events += 1;
        self.last = Some(entry.id);
    }

    /// The seal that follows another one, and its marks; nothing if there was no event.
    #[must_use]
    pub fn close(self, former: &Former, workspace: WorkspaceId, sealed_at: Timestamp) -> Option<(Seal, Vec<u8>)> {
        let seal = Seal {
            workspace,
            number: former.number + 1,
            after: former.until,
            until: self.last?,
            events: self.events,
            digest: Hash(self.digests.finalize().into()),
            previous: former.hash,
            sealed_at: sealed_at.as_microsecond(),
        };
        Some((seal, self.marks))
    }
}

/// What a seal follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    /// The number of the seal before; 0 before the first.
    pub number: i64,
    /// Its last event.
    pub until: EventId,
    /// Its hash.
    pub hash: Hash,
}

impl Former {
    /// Before the first seal.
    pub const NONE: Self = Self { number: 0, until: EventId(i64::MIN), hash: Hash::NONE };
}

/// What is not as it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The event is another than was sealed.
    Changed(EventId),
    /// The event was sealed and is not there.
    Missing(EventId),
    /// The event is there and was not sealed.
    Added(EventId),
}

/// What became of a seal's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are as they were sealed.
    Same,
    /// They are, but the marks by which a single one is found were changed.
    Marks,
    /// They are not; which ones the differences say.
    Differs,
    /// They are not, and no mark tells which.
    Unknown {
        /// How many there are now.
        now: i64,
    },
}

/// Compares the events that are there with those that were sealed, in the order of the identifiers.
#[derive(Debug)]
pub struct Comparison<'s> {
    seal: &'s Seal,
    marks: &'s [u8],
    digests: Sha256,
    events: i64,
    differences: bool,
}

impl<'s> Comparison<'s> {
    /// Begins with a seal and its marks.
    #[must_use]
    pub fn new(seal: &'s Seal, marks: &'s [u8]) -> Self {
        Self { seal, marks, digests: Sha256::new(), events: 0, differences: false }
    }

    /// Takes the next event that is there; tells what differs until then.
    pub fn take(&mut self, entry: &Entry<'_>, tell: &mut impl FnMut(Difference)) {
        let digest = entry.digest(self.seal.workspace);
        self.digests.update(digest.0);
        self.events += 1;
        while let Some((id, mark)) = self.next_mark() {
            if id > entry.id {
                break;
            }
            self.marks = &self.marks[MARK_BYTES..];
            if id < entry.id {
                self.differ(Difference::Missing(id), tell);
                continue;
            }
            if mark != &digest.0[..8] {
                self.differ(Difference::Changed(id), tell);
            }
            return;
        }
        self.differ(Difference::Added(entry.id), tell);
    }

    /// Ends: what was sealed after the last event that is there is missing.
    pub fn end(mut self, tell: &mut impl FnMut(Difference)) -> Verdict {
        while let Some((id, _)) = self.next_mark() {
            self.marks = &self.marks[MARK_BYTES..];
            self.differ(Difference::Missing(id), tell);
        }
        let same = self.events == self.seal.events && Hash(self.digests.finalize().into()) == self.seal.digest;
        match (same, self.differences) {
            (true, false) => Verdict::Same,
            (true, true) => Verdict::Marks,
            (false, true) => Verdict::Differs,
            (false, false) => Verdict::Unknown { now: self.events },
        }
    }

    fn next_mark(&self) -> Option<(EventId, &'s [u8])> {
        let (id, mark) = self.marks.get(..MARK_BYTES)?.split_at(8);
        Some((EventId(i64::from_be_bytes(id.try_into().ok()?)), mark))
    }

    fn differ(&mut self, difference: Difference, tell: &mut impl FnMut(Difference)) {
        self.differences = true;
        tell(difference);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORKSPACE: WorkspaceId = WorkspaceId(7);
    const EVENT: &str = "66942f3dc29a0e1167693c9ab1b3406e8b471d7547b43a62e2020415ac4e0cbd";
    const SEAL: &str = "6da580a7a62284b22e082eb7254642c1a44f6af67d4ff47c640afdaed2f76b3b";

    fn entry(id: i64, payload: &str) -> Entry<'_> {
        Entry { id: EventId(id), contact: None, kind: "note.added", actor: "operator", payload, at: id * 10 }
    }

    fn sealed(entries: &[Entry<'_>]) -> (Seal, Vec<u8>) {
        let mut sealing = Sealing::default();
        entries.iter().for_each(|entry| sealing.take(WORKSPACE, entry));
        sealing.close(&Former::NONE, WORKSPACE, Timestamp::UNIX_EPOCH).unwrap()
    }

    fn compared(seal: &(Seal, Vec<u8>), now: &[Entry<'_>]) -> (Verdict, Vec<Difference>) {
        let mut told = Vec::new();
        let mut comparison = Comparison::new(&seal.0, &seal.1);
        now.iter().for_each(|entry| comparison.take(entry, &mut |difference| told.push(difference)));
        let verdict = comparison.end(&mut |difference| told.push(difference));
        (verdict, told)
    }

    /// Worked out by another program (Python's hashlib) from the text at the head of this file: who checks a chain
    /// without this program must come to the same.
    #[test]
    fn the_bytes_are_those_that_are_written_down() {
        let contact = Some(ContactId(42));
        let entry = Entry { contact, payload: "{\"a\":\"é\"}", ..entry(9, "") };
        assert_eq!(entry.digest(WORKSPACE).to_string(), EVENT);
        let (seal, _) = sealed(&[entry]);
        assert_eq!(seal.hash().to_string(), SEAL);
    }

    #[test]
    fn a_field_cannot_lend_its_end_to_the_next() {
        let one = Entry { kind: "ab", actor: "c", ..entry(1, "") };
        let other = Entry { kind: "a", actor: "bc", ..entry(1, "") };
        assert_ne!(one.digest(WORKSPACE), other.digest(WORKSPACE));
        assert_ne!(one.digest(WORKSPACE), one.digest(WorkspaceId(8)));
        let about = Entry { contact: Some(ContactId(0)), ..one };
        assert_ne!(one.digest(WORKSPACE), about.digest(WORKSPACE));
    }

    #[test]
    fn each_edit_is_named() {
        use Difference::{Added, Changed, Missing};
        let (a, b, c) = (entry(2, "a"), entry(4, "b"), entry(6, "c"));
        let seal = sealed(&[a, b, c]);
        for (now, differences) in [
            (vec![a, b, c], vec![]),
            (vec![a, entry(4, "x"), c], vec![Changed(EventId(4))]),
            (vec![a, c], vec![Missing(EventId(4))]),
            (vec![a, b], vec![Missing(EventId(6))]),
            (vec![], vec![Missing(EventId(2)), Missing(EventId(4)), Missing(EventId(6))]),
            (vec![entry(1, "z"), a, b, entry(5, "z"), c], vec![Added(EventId(1)), Added(EventId(5))]),
            (vec![a, b, c, entry(7, "z")], vec![Added(EventId(7))]),
            (vec![entry(1, "z"), b, entry(6, "x")], vec![Added(EventId(1)), Missing(EventId(2)), Changed(EventId(6))]),
        ] {
            let verdict = if differences.is_empty() { Verdict::Same } else { Verdict::Differs };
            assert_eq!(compared(&seal, &now), (verdict, differences));
        }
    }

    #[test]
    fn marks_that_were_changed_too_hide_which_event_it_was_and_not_that_there_was_one() {
        let (a, b) = (entry(2, "a"), entry(4, "b"));
        let (seal, marks) = sealed(&[a, b]);
        let (_, forged) = sealed(&[a, entry(4, "x")]);
        assert_eq!(compared(&(seal, forged.clone()), &[a, entry(4, "x")]), (Verdict::Unknown { now: 2 }, vec![]));
        assert_eq!(compared(&(seal, forged), &[a, b]).0, Verdict::Marks);
        assert_eq!(compared(&(seal, marks[..20].to_vec()), &[a, b]).0, Verdict::Marks);
    }

    #[test]
    fn every_part_of_a_seal_is_in_its_hash() {
        let (seal, _) = sealed(&[entry(2, "a")]);
        let other = Hash([1; 32]);
        for changed in [
            Seal { workspace: WorkspaceId(8), ..seal },
            Seal { number: 2, ..seal },
            Seal { after: EventId(1), ..seal },
            Seal { until: EventId(3), ..seal },
            Seal { events: 2, ..seal },
            Seal { digest: other, ..seal },
            Seal { previous: other, ..seal },
            Seal { sealed_at: 1, ..seal },
        ] {
            assert_ne!(changed.hash(), seal.hash(), "{changed:?}");
        }
    }

    proptest! {
        #[test]
        fn a_hash_reads_back_and_nothing_else_does(bytes: [u8; 32], text in "\\PC{0,70}") {
            let hash = Hash(bytes);
            prop_assert_eq!(hash.to_string().parse::<Hash>(), Ok(hash));
            prop_assert_eq!(hash.to_string().to_uppercase().parse::<Hash>(), Ok(hash));
            if let Ok(read) = text.parse::<Hash>() {
                prop_assert_eq!(read.to_string(), text.to_lowercase());
            }
        }

        #[test]
        fn whatever_differs_is_told(
            before in proptest::collection::btree_map(0i64..40, "[ab]{1,2}", 1..20),
            now in proptest::collection::btree_map(0i64..40, "[ab]{1,2}", 0..20),
        ) {
            let entries = |map: &std::collections::BTreeMap<i64, String>| {
                map.iter().map(|(id, text)| (*id, text.clone())).collect::<Vec<_>>()
            };
            let (before, now) = (entries(&before), entries(&now));
            let of = |rows: &[(i64, String)]| rows.to_vec();
            let (left, right) = (of(&before), of(&now));
            let left: Vec<_> = left.iter().map(|(id, text)| entry(*id, text)).collect();
            let right: Vec<_> = right.iter().map(|(id, text)| entry(*id, text)).collect();
            let (verdict, told) = compared(&sealed(&left), &right);
            prop_assert_eq!(verdict == Verdict::Same, before == now);
            let ids: std::collections::BTreeSet<i64> = before.iter().chain(&now).map(|row| row.0).collect();
            let differ = |id: &i64| {
                let of = |rows: &[(i64, String)]| rows.iter().find(|row| row.0 == *id).map(|row| row.1.clone());
                of(&before) != of(&now)
            };
            prop_assert_eq!(told.len(), ids.iter().filter(|id| differ(id)).count());
        }
    }
}
