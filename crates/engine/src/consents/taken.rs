//! Consent that was taken back in words that a user heard, not the machine: it counts as a STOP does.

use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId};
use domain::suppression::Suppression;
use store::contacts::{self, Contact};
use store::{Tx, enrollments, suppressions};

use crate::beat::Beat;
use crate::facts;
use crate::failure::Failure;
use crate::kin;
use crate::receive::stop_of;

/// Puts a contact on `opted_out` and ends what runs of it and, where the workspace wants that, of the person's others.
/// Nothing if there is no such contact.
pub(crate) fn told(tx: &mut Tx<'_>, beat: &Beat, id: ContactId) -> Result<Option<Contact>, Failure> {
    let workspace = beat.workspace;
    let stop_person = facts::workspace_of(tx, workspace)?.settings.stop_person;
    let Some(seen) = contacts::some(tx, workspace, &[id])?.pop() else { return Ok(None) };
    let family = kin::family(tx, beat, stop_person, &seen)?;
    let Some(contact) = contacts::lock(tx, workspace, &family)?.into_iter().find(|one| one.id == id) else {
        return Ok(None);
    };
    let running: Vec<EnrollmentId> =
        enrollments::running_of(tx, workspace, &family)?.into_iter().map(|row| row.id).collect();
    enrollments::lock(tx, workspace, &running)?;
    let others: Vec<ContactId> = family.into_iter().filter(|other| *other != id).collect();
    stop_of(tx, beat, &[id], StopReason::OptedOut)?;
    stop_of(tx, beat, &others, StopReason::PersonReplied)?;
    let kind = Suppression::OptedOut;
    let owner = (contact.phone_hash, Some(id));
    if suppressions::add(tx, workspace, owner, kind, &beat.actor, beat.now)? {
        crate::conversations::listed(tx, workspace, id, kind, true)?;
        let note = serde_json::json!({ "list": kind.word(), "source": beat.actor });
        beat.note(tx, "contact.suppressed", Some(id), &note)?;
    }
    Ok(Some(contact))
}
