//! Whose enrollments fall with a contact that must not be texted any more: its own, and those of the
//! person's other contacts where the workspace wants that.

use std::collections::HashMap;

use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId};
use domain::suppression::Suppression;
use store::{Tx, contacts, enrollments};

use crate::beat::Beat;
use crate::failure::Failure;
use crate::settings::Switch;

/// What runs around one contact, when it was locked.
#[derive(Debug, Default)]
pub(crate) struct Kin {
    own: Vec<EnrollmentId>,
    others: Vec<EnrollmentId>,
}

impl Kin {
    /// Every enrollment of the kin.
    pub(crate) fn all(&self) -> impl Iterator<Item = EnrollmentId> {
        self.own.iter().chain(&self.others).copied()
    }

    /// Which enrollments end when the contact comes onto a list, and why. Only a wish of the person
    /// reaches the others; that one phone is dead says nothing of them.
    pub(crate) fn ends(&self, kind: Suppression) -> impl Iterator<Item = (EnrollmentId, StopReason)> {
        let others = if kind == Suppression::OptedOut { self.others.as_slice() } else { &[] };
        let own = self.own.iter().map(move |id| (*id, kind.stop_reason()));
        own.chain(others.iter().map(|id| (*id, StopReason::PersonReplied)))
    }
}

/// The contact itself and, unless the workspace keeps them running, the person's others.
pub(crate) fn family(
    tx: &Tx<'_>,
    beat: &Beat,
    stop_person: Switch,
    contact: &contacts::Contact,
) -> Result<Vec<ContactId>, Failure> {
    match (contact.person, stop_person) {
        (Some(person), Switch::On) => Ok(contacts::of_person(tx, beat.workspace, person)?),
        _ => Ok(vec![contact.id]),
    }
}

/// Locks these contacts and their families, before anything else of theirs; answers what runs of each.
pub(crate) fn lock(
    tx: &mut Tx<'_>,
    beat: &Beat,
    stop_person: Switch,
    ids: &[ContactId],
) -> Result<HashMap<ContactId, Kin>, Failure> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut families = Vec::with_capacity(ids.len());
    for contact in contacts::some(tx, beat.workspace, ids)? {
        families.push((contact.id, family(tx, beat, stop_person, &contact)?));
    }
    let mut all: Vec<ContactId> = families.iter().flat_map(|(_, family)| family).copied().collect();
    all.sort_unstable();
    all.dedup();
    contacts::lock(tx, beat.workspace, &all)?;
    let running = enrollments::running_of(tx, beat.workspace, &all)?;
    let kin = |(contact, family): (ContactId, Vec<ContactId>)| {
        let mut kin = Kin::default();
        for row in running.iter().filter(|row| family.contains(&row.contact)) {
            if row.contact == contact { kin.own.push(row.id) } else { kin.others.push(row.id) }
        }
        (contact, kin)
    };
    Ok(families.into_iter().map(kin).collect())
}
