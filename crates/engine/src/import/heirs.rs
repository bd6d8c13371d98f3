//! What an undone import leaves to those after it.
//!
//! Undoing an import is as if it had never been. Another that came after it found what it had left: the other's trace must know from now on
//! what would have been there instead, so that undoing the other brings that back. A label that both gave is the other's alone.

use std::collections::HashMap;

use domain::ids::{ContactId, ImportId, LabelId};
use store::contacts::Contact;
use store::imports::{self, changes};
use store::{DbError, Tx};

use super::trace::{TakenBack, Trace};
use crate::beat::Beat;
use crate::imports::{Choices, read};

/// Another import's trace of a contact.
struct Heir {
    import: ImportId,
    trace: Trace,
    is_changed: bool,
}

/// What other imports did to the contacts of one that is being undone.
pub(super) struct Heirs {
    undone: ImportId,
    of: HashMap<ContactId, Vec<Heir>>,
    /// The label and the list that each of them gives.
    labels: HashMap<ImportId, [Option<LabelId>; 2]>,
}

impl Heirs {
    /// Those of these contacts, which are locked. In the order in which they came.
    pub(super) fn of(tx: &Tx<'_>, beat: &Beat, undone: ImportId, contacts: &[ContactId]) -> Result<Self, DbError> {
        let mut all = Self { undone, of: HashMap::new(), labels: HashMap::new() };
        for (import, change) in changes::of_others(tx, beat.workspace, undone, contacts)? {
            let trace = Trace::read(&change)?;
            all.of.entry(trace.contact()).or_default().push(Heir { import, trace, is_changed: false });
            if let std::collections::hash_map::Entry::Vacant(place) = all.labels.entry(import) {
                let import = imports::find(tx, beat.workspace, import)?;
                place.insert(import.map(|import| read::<Choices>(&import.choices).given()).unwrap_or_default());
            }
        }
        Ok(all)
    }

    /// Whether one of the others has changed a field after the undone import had: then what it holds is not the undone one's, whatever it is.
    pub(super) fn build_on(&self, undone: &Trace, field: &str) -> bool {
        let heirs = self.of.get(&undone.contact());
        heirs.is_some_and(|heirs| heirs.iter().any(|heir| heir.trace.is_later_than(undone) && heir.trace.has(field)))
    }

    /// Leaves to the others what the undone import did to a contact; `done` is what is changed back of it.
    pub(super) fn inherit(&mut self, undone: &Trace, contact: &Contact, done: &mut TakenBack) {
        let Some(heirs) = self.of.get_mut(&contact.id) else { return };
        for (key, pair) in undone.fields() {
            let mut later = heirs.iter_mut().filter(|heir| heir.trace.is_later_than(undone));
            if let Some(next) = later.find(|heir| heir.trace.has(key)) {
                next.is_changed |= next.trace.found_instead(key, pair);
            }
        }
        for heir in heirs.iter_mut() {
            heir.is_changed |= heir.trace.found_since(undone);
        }
        // As the newest of them left it, it has been since then.
        if done.since.is_none() && heirs.iter().any(|heir| heir.trace.has_left(contact)) {
            done.since = Some(contact.updated_at);
        }
        let (labels, undone) = (&self.labels, self.undone);
        done.labels.retain(|label| {
            let mut later: Vec<&mut Heir> = heirs.iter_mut().filter(|heir| heir.import > undone).collect();
            if later.iter().any(|heir| heir.trace.gave(*label)) {
                return false;
            }
            let giver =
                later.iter_mut().find(|heir| labels.get(&heir.import).is_some_and(|own| own.contains(&Some(*label))));
            let Some(giver) = giver else { return true };
            giver.trace.labelled(*label);
            giver.is_changed = true;
            false
        });
    }

    /// Keeps what the others have inherited.
    pub(super) fn keep(self, tx: &mut Tx<'_>, beat: &Beat) -> Result<(), DbError> {
        let mut kept: HashMap<ImportId, Vec<changes::Change>> = HashMap::new();
        for heir in self.of.into_values().flatten().filter(|heir| heir.is_changed) {
            kept.entry(heir.import).or_default().push(heir.trace.kept()?);
        }
        for (import, mut changes) in kept {
            changes.sort_unstable_by_key(|one| one.contact);
            changes::keep(tx, beat.workspace, import, &changes)?;
        }
        Ok(())
    }
}
