//! Whose enrollments fall with a contact that must not be texted any more: its own, and those of the
//! person's other contacts where the workspace wants that.

use std::collections::HashMap;

use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId};
use domain::suppression::Suppression;
use store::{Tx, contacts, runs};

use crate::beat::Beat;
use crate::failure::Failure;
use crate::settings::Switch;

/// How often it is looked whether a family grew while its lock was waited for.
const MOST_LOOKS: usize = 5;

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

type Families = Vec<(ContactId, Vec<ContactId>)>;

fn families(
    tx: &Tx<'_>,
    beat: &Beat,
    stop_person: Switch,
    contacts: &[contacts::Contact],
) -> Result<Families, Failure> {
    contacts.iter().map(|contact| Ok((contact.id, family(tx, beat, stop_person, contact)?))).collect()
}

fn everyone(families: &[(ContactId, Vec<ContactId>)]) -> Vec<ContactId> {
    let mut all: Vec<ContactId> = families.iter().flat_map(|(_, family)| family).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
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
    let seen = contacts::some(tx, beat.workspace, ids)?;
    let mut families = families(tx, beat, stop_person, &seen)?;
    for _ in 0..MOST_LOOKS {
        let mut locked = contacts::lock(tx, beat.workspace, &everyone(&families))?;
        // Who waited for a merge (`merging`) has got other kin by it.
        locked.retain(|contact| ids.contains(&contact.id));
        let now = self::families(tx, beat, stop_person, &locked)?;
        let same = now == families;
        families = now;
        if same {
            break;
        }
    }
    let running = runs::of(tx, beat.workspace, &everyone(&families))?;
    let kin = |(contact, family): (ContactId, Vec<ContactId>)| {
        let mut kin = Kin::default();
        for row in running.iter().filter(|row| family.contains(&row.contact)) {
            if row.contact == contact { kin.own.push(row.id) } else { kin.others.push(row.id) }
        }
        (contact, kin)
    };
    Ok(families.into_iter().map(kin).collect())
}
