//! Putting contacts on the lists that forbid texting, and taking them off: the part that users may do.
//!
//! | list | a user puts there | a user takes off |
//! |---|---|---|
//! | `opted_out` | never: it is the contact's word | never, but by recording new consent (`consents.rs`) |
//! | `do_not_contact` | with `contacts:write` | with `contacts:write` |
//! | `compliance_blocked` | with `settings:write` | with `settings:write` |
//! | `undeliverable` | never: it is the carrier's word | with `contacts:write` |
//!
//! Nobody takes a phone off by hand while a list from a file holds it: it would come back with the next reading of that file. It is
//! taken off that list first (`Engine::drop_from_list`), or the list is removed.

use domain::access::Permission;
use domain::ids::ContactId;
use domain::suppression::Suppression;
use serde::Serialize;
use store::suppression_lists::{self, Holder};
use store::{DbError, Lane, Tx, suppressions};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;

/// Why a contact is not put on a list or taken off.
#[derive(Debug, thiserror::Error)]
pub enum SuppressError {
    /// The actor lacks the permission.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact, or it was deleted.
    #[error("there is no such contact")]
    Unknown,
    /// Only the contact opts out and in, only a carrier knows what cannot be delivered.
    #[error("no user may change {} this way", .0.word())]
    NotByHand(Suppression),
    /// Lists from files hold the phone.
    #[error("{} the phone; take it off there, or remove the list", held(.0))]
    Held(Vec<Holder>),
    /// The database or the books failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Names the lists: `the list “Litigators” of 2026-11-01 holds`.
fn held(holders: &[Holder]) -> String {
    let named = |holder: &Holder| {
        let dated = holder.dated.as_ref().map(|day| format!(" of {day}")).unwrap_or_default();
        format!("“{}”{dated}", holder.name)
    };
    let names: Vec<String> = holders.iter().map(named).collect();
    match names.as_slice() {
        [one] => format!("the list {one} holds"),
        many => format!("the lists {} hold", many.join(", ")),
    }
}

impl From<DbError> for SuppressError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

#[derive(Serialize)]
struct ListNote {
    list: &'static str,
}

impl Engine {
    /// Puts a contact's phone on a list; its running enrollment ends. True if it was not on it before.
    ///
    /// # Errors
    /// See [`SuppressError`].
    pub async fn suppress(&self, actor: &Actor, id: ContactId, kind: Suppression) -> Result<bool, SuppressError> {
        may_put(actor, kind)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| suppress(tx, &beat, id, kind)).await
    }

    /// Takes a contact's phone off a list. True if it was on it.
    ///
    /// # Errors
    /// See [`SuppressError`]; an opt-out is lifted by the contact alone, or by new consent that is recorded.
    pub async fn unsuppress(&self, actor: &Actor, id: ContactId, kind: Suppression) -> Result<bool, SuppressError> {
        may_lift(actor, kind)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| unsuppress(tx, &beat, id, kind)).await
    }

    /// The lists that a contact's phone is on, the weightiest first.
    ///
    /// # Errors
    /// See [`SuppressError`].
    pub async fn suppressions(&self, actor: &Actor, id: ContactId) -> Result<Vec<Suppression>, SuppressError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let found = store::contacts::find(db, workspace, id)?;
            let contact = found.filter(|contact| contact.deleted_at.is_none()).ok_or(SuppressError::Unknown)?;
            let rows = suppressions::of(db, workspace, &[contact.phone_hash])?;
            let mut kinds: Vec<Suppression> = rows.into_iter().map(|(_, kind)| kind).collect();
            kinds.sort_unstable();
            Ok(kinds)
        })
        .await
    }
}

/// Whether the actor may put phones on this list.
pub(crate) fn may_put(actor: &Actor, kind: Suppression) -> Result<(), SuppressError> {
    match kind {
        Suppression::DoNotContact => Ok(actor.need(Permission::ContactsWrite)?),
        Suppression::ComplianceBlocked => Ok(actor.need(Permission::SettingsWrite)?),
        Suppression::OptedOut | Suppression::Undeliverable => Err(SuppressError::NotByHand(kind)),
    }
}

/// Whether the actor may take phones off this list.
pub(crate) fn may_lift(actor: &Actor, kind: Suppression) -> Result<(), SuppressError> {
    match kind {
        Suppression::DoNotContact | Suppression::Undeliverable => Ok(actor.need(Permission::ContactsWrite)?),
        Suppression::ComplianceBlocked => Ok(actor.need(Permission::SettingsWrite)?),
        Suppression::OptedOut => Err(SuppressError::NotByHand(kind)),
    }
}

pub(crate) fn suppress(tx: &mut Tx<'_>, beat: &Beat, id: ContactId, kind: Suppression) -> Result<bool, SuppressError> {
    let contact = super::lock(tx, beat, id)?.ok_or(SuppressError::Unknown)?;
    let new =
        suppressions::add(tx, beat.workspace, (contact.phone_hash, Some(contact.id)), kind, &beat.actor, beat.now)?;
    super::stop_running(tx, beat, id, kind.stop_reason())?;
    if new {
        crate::conversations::listed(tx, beat.workspace, id, kind, true)?;
        beat.note(tx, "contact.suppressed", Some(id), &ListNote { list: kind.word() })?;
    }
    Ok(new)
}

pub(super) fn unsuppress(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: ContactId,
    kind: Suppression,
) -> Result<bool, SuppressError> {
    let contact = super::lock(tx, beat, id)?.ok_or(SuppressError::Unknown)?;
    let was = lift(tx, beat, contact.phone_hash, kind)?;
    if was {
        crate::conversations::listed(tx, beat.workspace, id, kind, false)?;
        if kind == Suppression::DoNotContact && contact.reassigned_at.is_some() {
            // A user who lets the phone be texted again knows whose it is.
            store::contacts::set_reassigned(tx, beat.workspace, id, None, beat.now)?;
        }
        beat.note(tx, "contact.unsuppressed", Some(id), &ListNote { list: kind.word() })?;
    }
    Ok(was)
}

/// Takes a phone off a list, unless a list from a file holds it there.
pub(super) fn lift(tx: &mut Tx<'_>, beat: &Beat, hash: i64, kind: Suppression) -> Result<bool, SuppressError> {
    let holders = holders(tx, beat, hash, kind)?;
    if !holders.is_empty() {
        return Err(SuppressError::Held(holders));
    }
    Ok(suppressions::lift(tx, beat.workspace, hash, kind, beat.now)?)
}

/// The lists of a kind that hold a phone, which cannot change until the transaction ends.
pub(crate) fn holders(tx: &mut Tx<'_>, beat: &Beat, hash: i64, kind: Suppression) -> Result<Vec<Holder>, Failure> {
    if !matches!(kind, Suppression::DoNotContact | Suppression::ComplianceBlocked) {
        return Ok(Vec::new());
    }
    suppression_lists::lock(tx, beat.workspace)?;
    let mut holders = suppression_lists::holding(tx, beat.workspace, hash)?;
    holders.retain(|holder| holder.kind == kind.word());
    Ok(holders)
}
