//! What an import changed of contacts that were there before it, so that its undoing changes it back.
//!
//! There is one trace for each contact and import, however many rows and runs touched the contact: each value as the import found it and
//! as it left it. Changed back is what still is as the import left it; what somebody else has changed since is theirs. A contact that had
//! all of it has a trace too: who was met by a second import is not deleted by the undoing of the first.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{ContactId, ImportId, LabelId, PersonId, WorkspaceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::contacts::{Contact, ContactRow};
use store::imports::changes::{self, Change};
use store::{DbError, Tx};

use crate::contacts::{get, put};

/// A field's value before and after; none is empty.
pub(super) type Pair = (Option<String>, Option<String>);

/// What was changed of a contact, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct What {
    fields: BTreeMap<String, Pair>,
    /// The person whose number it became.
    person: Option<PersonId>,
    /// The labels that it got.
    labels: Vec<LabelId>,
}

/// What an import did to one contact.
#[derive(Debug)]
pub(super) struct Trace {
    contact: ContactId,
    found_at: Timestamp,
    left_at: Timestamp,
    what: What,
}

impl Trace {
    /// Of a contact that is to be written so now.
    pub(super) fn of(before: &Contact, row: &ContactRow, now: Timestamp) -> Self {
        let keys = before.fields.iter().chain(&row.fields).map(|(key, _)| key);
        let pairs = keys.map(|key| {
            let value = |fields| get(fields, key).map(str::to_owned);
            (key.clone(), (value(&before.fields), value(&row.fields)))
        });
        let fields = pairs.filter(|(_, (before, after))| before != after).collect();
        let person = row.person.filter(|person| before.person != Some(*person));
        let what = What { fields, person, labels: Vec::new() };
        Self { contact: row.id, found_at: before.updated_at, left_at: now, what }
    }

    /// Of a contact that is as it was: it had all of it, or gets a label.
    pub(super) fn untouched(before: &Contact) -> Self {
        let (found_at, left_at) = (before.updated_at, before.updated_at);
        Self { contact: before.id, found_at, left_at, what: What::default() }
    }

    pub(super) fn contact(&self) -> ContactId {
        self.contact
    }

    /// Whether it tells of nothing but a meeting.
    pub(super) fn is_nothing(&self) -> bool {
        self.what == What::default() && self.found_at == self.left_at
    }

    /// The person whose number the contact became.
    pub(super) fn person(&self) -> Option<PersonId> {
        self.what.person
    }

    pub(super) fn labelled(&mut self, label: LabelId) {
        self.what.labels.push(label);
    }

    /// Whether it gave a label.
    pub(super) fn gave(&self, label: LabelId) -> bool {
        self.what.labels.contains(&label)
    }

    pub(super) fn read(kept: &Change) -> Result<Self, DbError> {
        let what = serde_json::from_str(&kept.what).map_err(|error| DbError::Document(error.to_string()))?;
        Ok(Self { contact: kept.contact, found_at: kept.found_at, left_at: kept.left_at, what })
    }

    /// After what the same import did to the contact before.
    fn after(mut self, earlier: Self) -> Self {
        if earlier.left_at == self.found_at {
            self.found_at = earlier.found_at;
        }
        for (key, (found, left)) in earlier.what.fields {
            match self.what.fields.get_mut(&key) {
                Some((before, _)) if *before == left => *before = found,
                // Somebody else changed it between the two.
                Some(_) => {}
                None => {
                    self.what.fields.insert(key, (found, left));
                }
            }
        }
        self.what.person = self.what.person.or(earlier.what.person);
        self.what.labels.extend(earlier.what.labels);
        self
    }

    pub(super) fn kept(&self) -> Result<Change, DbError> {
        let what = serde_json::to_string(&self.what).map_err(|error| DbError::Document(error.to_string()))?;
        Ok(Change { contact: self.contact, found_at: self.found_at, left_at: self.left_at, what })
    }

    /// Each field with its value before and after.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&String, &Pair)> {
        self.what.fields.iter()
    }

    /// Whether it changed a field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.what.fields.contains_key(field)
    }

    /// Whether it begins where the other ended, or after it.
    pub(super) fn is_later_than(&self, other: &Self) -> bool {
        self.found_at >= other.left_at
    }

    /// Whether a contact was changed last by this.
    pub(super) fn has_left(&self, contact: &Contact) -> bool {
        !self.is_nothing() && contact.updated_at == self.left_at
    }

    /// Has found in a field what was there before another import, where it found what that had left. Answers whether it did.
    pub(super) fn found_instead(&mut self, field: &str, (before, left): &Pair) -> bool {
        let Some((found, now)) = self.what.fields.get_mut(field).filter(|(found, _)| found == left) else {
            return false;
        };
        found.clone_from(before);
        if *found == *now {
            self.what.fields.remove(field);
        }
        true
    }

    /// Has found a contact as it was changed last before another import, where it found it as that had left it. Answers whether it did.
    pub(super) fn found_since(&mut self, other: &Self) -> bool {
        let follows = !self.is_nothing() && self.found_at == other.left_at && other.found_at != other.left_at;
        if follows {
            self.found_at = other.found_at;
        }
        follows
    }

    /// Changes a contact back, as far as nobody else has changed it since. A person that `has_others` is somebody else's work by now, and
    /// so is a field that `is_built_on`, whatever it holds.
    pub(super) fn take_back(
        &self,
        contact: &mut Contact,
        has_others: bool,
        is_built_on: impl Fn(&str) -> bool,
    ) -> TakenBack {
        let mut done = TakenBack { labels: self.what.labels.clone(), ..TakenBack::default() };
        for (key, (found, left)) in &self.what.fields {
            if !is_built_on(key) && get(&contact.fields, key) == left.as_deref() {
                put(&mut contact.fields, key, found.clone());
                done.fields.push(key.clone());
            } else {
                done.stays = true;
            }
        }
        if let Some(person) = self.what.person {
            if contact.person == Some(person) && !has_others {
                contact.person = None;
                done.parted = Some(person);
            } else {
                done.stays = true;
            }
        }
        done.since = (contact.updated_at == self.left_at && !done.stays).then_some(self.found_at);
        done
    }
}

/// What was changed back of a contact.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TakenBack {
    /// The keys of its fields.
    pub(super) fields: Vec<String>,
    /// The person that it is no number of any more.
    pub(super) parted: Option<PersonId>,
    /// Labels that are to be taken from it.
    pub(super) labels: Vec<LabelId>,
    /// Since when it has been as it is now again; nothing where somebody else changed it meanwhile.
    pub(super) since: Option<Timestamp>,
    /// Whether something stays, since somebody else changed it.
    pub(super) stays: bool,
}

/// Keeps the traces of a chunk, with what the import did to the same contacts before. The contacts are locked.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    import: ImportId,
    traces: Vec<Trace>,
) -> Result<(), DbError> {
    if traces.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<ContactId> = traces.iter().map(Trace::contact).collect();
    ids.sort_unstable();
    let earlier = changes::of(tx, workspace, import, &ids)?;
    let earlier = earlier.iter().map(|kept| Ok((kept.contact, Trace::read(kept)?)));
    let mut earlier = earlier.collect::<Result<HashMap<_, _>, DbError>>()?;
    let joined = traces.into_iter().map(|trace| match earlier.remove(&trace.contact) {
        Some(before) => trace.after(before),
        None => trace,
    });
    let mut kept = joined.map(|trace| trace.kept()).collect::<Result<Vec<_>, _>>()?;
    kept.sort_unstable_by_key(|one| one.contact);
    changes::keep(tx, workspace, import, &kept)
}

/// Reads what is kept.
pub(super) fn read(kept: &[Change]) -> Result<Vec<Trace>, DbError> {
    kept.iter().map(Trace::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn contact(fields: &[(&str, &str)], updated: i64) -> Contact {
        Contact {
            id: ContactId(7),
            phone: "+12125550123".to_owned(),
            phone_hash: 1,
            person: None,
            name: String::new(),
            fields: fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            number: None,
            created_at: at(0),
            updated_at: at(updated),
            deleted_at: None,
            reassigned_at: None,
            erased_at: None,
        }
    }

    /// What the import makes of a contact, and its trace.
    fn written(before: &Contact, fields: &[(&str, &str)], person: Option<i64>, now: i64) -> (Contact, Trace) {
        let after = Contact { person: person.map(PersonId), ..contact(fields, now) };
        let trace = Trace::of(before, &crate::contacts::row_of(&after), at(now));
        (after, trace)
    }

    #[test]
    fn what_two_rows_did_is_taken_back_as_one() {
        let before = contact(&[("city", "Rome")], 3);
        let (middle, first) = written(&before, &[("city", "Oslo"), ("zip", "1")], None, 5);
        let (mut after, second) = written(&middle, &[("city", "Bern"), ("name", "Ann"), ("zip", "1")], Some(4), 6);
        let both = second.after(first);
        let done = both.take_back(&mut after, false, |_| false);
        assert_eq!((after.fields, after.person), (before.fields, None));
        assert_eq!((done.since, done.parted, done.stays), (Some(at(3)), Some(PersonId(4)), false));
        assert_eq!(done.fields, ["city", "name", "zip"]);
    }

    #[test]
    fn what_somebody_changed_since_or_between_stays_theirs() {
        let before = contact(&[("city", "Rome"), ("zip", "9")], 3);
        let (_, first) = written(&before, &[("city", "Oslo"), ("zip", "1")], Some(4), 5);
        // Somebody writes another city; then the file is read again.
        let theirs = contact(&[("city", "Kyiv"), ("zip", "1")], 7);
        let (mut after, second) = written(&theirs, &[("city", "Oslo"), ("zip", "1")], None, 8);
        let done = second.after(first).take_back(&mut after, false, |_| false);
        assert_eq!(get(&after.fields, "city"), Some("Kyiv"));
        assert_eq!(get(&after.fields, "zip"), Some("9"), "which only the import had changed");
        assert_eq!((done.since, done.stays), (None, true), "the person was taken apart meanwhile");
        let (_, trace) = written(&before, &[("city", "Oslo")], None, 5);
        let mut since = contact(&[("city", "Kyiv"), ("zip", "2")], 9);
        let done = trace.take_back(&mut since, false, |_| false);
        assert_eq!(get(&since.fields, "city"), Some("Kyiv"));
        assert_eq!((done.fields.as_slice(), done.since, done.stays), (&[][..], None, true));
    }

    #[test]
    fn a_trace_is_read_as_it_was_kept() {
        let before = contact(&[("city", "Rome")], 3);
        let (_, mut trace) = written(&before, &[("zip", "1")], Some(4), 5);
        trace.labelled(LabelId(8));
        let kept = trace.kept().unwrap();
        let again = Trace::read(&kept).unwrap();
        assert_eq!((again.what, again.found_at, again.left_at), (trace.what, at(3), at(5)));
    }
}
