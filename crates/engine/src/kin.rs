//! Whose enrollments fall with a contact that must not be texted any more: its own, and those of the
//! person's other contacts where the workspace wants that.

use std::collections::{HashMap, HashSet};

use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId};
use domain::phone::Phone;
use domain::suppression::Suppression;
use store::enrollments::{self, Enrollment};
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
    /// Of a contact and its family, from what runs: whose, and which.
    fn of(contact: ContactId, family: &[ContactId], running: &[(ContactId, EnrollmentId)]) -> Self {
        let mut kin = Self::default();
        for (whose, id) in running.iter().filter(|(whose, _)| family.contains(whose)) {
            if *whose == contact { kin.own.push(*id) } else { kin.others.push(*id) }
        }
        kin
    }

    /// Every enrollment of the kin.
    pub(crate) fn all(&self) -> impl Iterator<Item = EnrollmentId> {
        self.own.iter().chain(&self.others).copied()
    }

    /// Those of the contact itself.
    pub(crate) fn own(&self) -> impl Iterator<Item = EnrollmentId> {
        self.own.iter().copied()
    }

    /// Which enrollments end when the contact writes, and why: its own for this reason.
    pub(crate) fn falls_with(&self, reason: StopReason) -> impl Iterator<Item = (EnrollmentId, StopReason)> {
        let others = self.others.iter().map(|id| (*id, StopReason::PersonReplied));
        self.own().map(move |id| (id, reason)).chain(others)
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
fn family(
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

fn everyone<'f>(families: impl Iterator<Item = &'f Vec<ContactId>>) -> Vec<ContactId> {
    let mut all: Vec<ContactId> = families.flatten().copied().collect();
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
    let families: Families = lock_families(tx, beat, stop_person, &seen)?
        .into_iter()
        .map(|(contact, family)| (contact.id, family))
        .collect();
    let running = runs::of(tx, beat.workspace, &everyone(families.iter().map(|(_, family)| family)))?;
    let running: Vec<_> = running.iter().map(|row| (row.contact, row.id)).collect();
    Ok(families.iter().map(|(contact, family)| (*contact, Kin::of(*contact, family, &running))).collect())
}

/// Locks contacts that were read, and their families; answers each that is still there, as it is now, with its family.
fn lock_families(
    tx: &mut Tx<'_>,
    beat: &Beat,
    stop_person: Switch,
    seen: &[contacts::Contact],
) -> Result<Vec<(contacts::Contact, Vec<ContactId>)>, Failure> {
    let ids: HashSet<ContactId> = seen.iter().map(|contact| contact.id).collect();
    let mut families = families(tx, beat, stop_person, seen)?;
    let mut locked = Vec::new();
    for _ in 0..MOST_LOOKS {
        locked = contacts::lock(tx, beat.workspace, &everyone(families.iter().map(|(_, family)| family)))?;
        // Who waited for a merge (`merging`) has got other kin by it.
        locked.retain(|contact| ids.contains(&contact.id));
        let now = self::families(tx, beat, stop_person, &locked)?;
        let same = now == families;
        families = now;
        if same {
            break;
        }
    }
    // The families are those of `locked`, in its order.
    Ok(locked.into_iter().zip(families).map(|(contact, (_, family))| (contact, family)).collect())
}

/// Who writes, and what runs around them.
pub(crate) struct Writer {
    pub(crate) contact: contacts::Contact,
    pub(crate) kin: Kin,
}

/// Contacts that are locked with their kin, and what ran of all of them when they were, if that was asked.
pub(crate) struct Seen {
    contacts: Vec<contacts::Contact>,
    running: Option<Vec<Enrollment>>,
}

/// The contacts with these phones, locked, and the persons' others with them; then, on a server, what runs of any of them. A phone that nobody had may be
/// somebody's by the second: [`lock_writers`] looks again then.
pub(crate) fn lock_phones(tx: &mut Tx<'_>, beat: &Beat, phones: &[Phone]) -> Result<Seen, Failure> {
    let texts: Vec<String> = phones.iter().map(Phone::to_string).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let contacts = contacts::kin::lock(tx, beat.workspace, &texts)?;
    // Where a statement is no journey it is asked by the contacts (`docs/decisions/0050`).
    let running = match tx.is_embedded() {
        true => None,
        false => Some(enrollments::lock_running_by_phones(tx, beat.workspace, &texts)?),
    };
    let mut contacts = tx.heard(contacts)?;
    contacts.retain(|contact| texts.contains(&contact.phone.as_str()));
    Ok(Seen { contacts, running })
}

/// The contacts with these phones, of which `seen` are locked with their kin and the others are made, each with what runs around it; and every row
/// of what runs, locked.
pub(crate) fn lock_writers(
    tx: &mut Tx<'_>,
    beat: &Beat,
    stop_person: Switch,
    phones: &[Phone],
    seen: Seen,
) -> Result<(HashMap<Phone, Writer>, Vec<Enrollment>), Failure> {
    let Seen { contacts: mut seen, running } = seen;
    let is_of = |contact: &contacts::Contact, phone: &Phone| Phone::stored(&contact.phone) == Some(*phone);
    seen.retain(|contact| phones.iter().any(|phone| is_of(contact, phone)));
    let mut unknown: Vec<Phone> = phones.to_vec();
    unknown.retain(|phone| !seen.iter().any(|contact| is_of(contact, phone)));
    unknown.sort_unstable();
    let all_known = unknown.is_empty();
    for phone in unknown {
        seen.push(crate::contacts::find_or_create(tx, beat, phone)?);
    }
    // Where nobody is one of a person's contacts, all that there is to lock is locked.
    let has_kin = stop_person == Switch::On && seen.iter().any(|contact| contact.person.is_some());
    let families = match has_kin {
        true => lock_families(tx, beat, stop_person, &seen)?,
        false => {
            seen.into_iter().map(|contact| (contact.id, contact)).map(|(id, contact)| (contact, vec![id])).collect()
        }
    };
    // Else somebody may have made a contact meanwhile, or brought one to a person, and have it run. What is locked now comes behind rows with later
    // keys, and behind what a merge brought while the contacts were waited for: a deadlock is possible there, and is run again.
    let rows = match running.filter(|_| all_known && !has_kin) {
        Some(running) => running,
        None => enrollments::lock_running(tx, beat.workspace, &everyone(families.iter().map(|(_, family)| family)))?,
    };
    let running: Vec<_> = rows.iter().map(|row| (row.contact, row.id)).collect();
    let writer = |(contact, family): (contacts::Contact, Vec<ContactId>)| {
        let kin = Kin::of(contact.id, &family, &running);
        Some((Phone::stored(&contact.phone)?, Writer { contact, kin }))
    };
    Ok((families.into_iter().filter_map(writer).collect(), rows))
}
