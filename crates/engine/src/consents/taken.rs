//! Consent that was taken back in words that a user heard, not the machine: it counts as a STOP does.

use domain::ids::{ContactId, EnrollmentId};
use domain::suppression::Suppression;
use store::contacts::{self, Contact};
use store::{Tx, enrollments, suppressions};

use crate::beat::Beat;
use crate::ending;
use crate::facts;
use crate::failure::Failure;
use crate::kin;

/// Puts a contact on `opted_out` and ends what runs of it and, where the workspace wants that, of the person's others.
/// Nothing if there is no such contact.
pub(crate) fn told(tx: &mut Tx<'_>, beat: &Beat, id: ContactId) -> Result<Option<Contact>, Failure> {
    let workspace = beat.workspace;
    let stop_person = facts::workspace_of(tx, workspace)?.settings.stop_person;
    let kind = Suppression::OptedOut;
    let Some(kin) = kin::lock(tx, beat, stop_person, &[id])?.remove(&id) else { return Ok(None) };
    let Some(contact) = contacts::some(tx, workspace, &[id])?.pop() else { return Ok(None) };
    let running: Vec<EnrollmentId> = kin.all().collect();
    enrollments::lock(tx, workspace, &running)?;
    for (enrollment, reason) in kin.ends(kind) {
        ending::stop(tx, beat, &[enrollment], reason)?;
    }
    let owner = (contact.phone_hash, Some(id));
    if suppressions::add(tx, workspace, owner, kind, &beat.actor, beat.now)? {
        crate::conversations::listed(tx, workspace, id, kind, true)?;
        let note = serde_json::json!({ "list": kind.word(), "source": beat.actor });
        beat.note(tx, "contact.suppressed", Some(id), &note)?;
    }
    Ok(Some(contact))
}
