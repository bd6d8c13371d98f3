//! The lists that forbid texting, by phone: also for phones that are no contact's, or no longer.

use domain::access::Permission;
use domain::ids::ContactId;
use domain::phone::Phone;
use domain::suppression::Suppression;
use store::suppression_lists::Holder;
use store::suppressions::{self, Listed};
use store::{Lane, Tx};

use super::lists::{SuppressError, may_lift, may_put};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;

/// Most rows of a page.
pub const MAX_LISTED: i64 = 200;

/// What is known of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneLists {
    /// The contact that has it now, with its name.
    pub contact: Option<(ContactId, String)>,
    /// The lists that it is on, the weightiest first.
    pub lists: Vec<Suppression>,
    /// The lists from files that hold it.
    pub files: Vec<Holder>,
}

impl Engine {
    /// The contacts on one list, newest contact first, before the given one. Phones without a contact are found by
    /// [`Engine::phone_lists`] alone: of them only a hash is kept.
    pub async fn suppressed(
        &self,
        actor: &Actor,
        kind: Suppression,
        before: ContactId,
        limit: i64,
    ) -> Result<Vec<Listed>, SuppressError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| Ok(suppressions::page(read, workspace, kind, before, limit.clamp(1, MAX_LISTED))?)).await
    }

    /// Which lists a phone is on.
    pub async fn phone_lists(&self, actor: &Actor, phone: Phone) -> Result<PhoneLists, SuppressError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| {
            let hash = super::phone_hash(workspace, phone);
            let rows = suppressions::of(read, workspace, &[hash])?;
            let mut lists: Vec<Suppression> = rows.into_iter().map(|(_, kind)| kind).collect();
            lists.sort_unstable();
            let found = store::contacts::by_phones(read, workspace, &[&phone.to_string()])?;
            let files = store::suppression_lists::holding(read, workspace, hash)?;
            Ok(PhoneLists { contact: found.into_iter().next().map(|contact| (contact.id, contact.name)), lists, files })
        })
        .await
    }

    /// Puts a phone on a list, whoever has it or nobody; what runs to it ends. True if it was not on it before.
    pub async fn suppress_phone(&self, actor: &Actor, phone: Phone, kind: Suppression) -> Result<bool, SuppressError> {
        may_put(actor, kind)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| match owner(tx, &beat, phone)? {
            Some(contact) => super::lists::suppress(tx, &beat, contact, kind),
            None => {
                let hash = super::phone_hash(beat.workspace, phone);
                Ok(suppressions::add(tx, beat.workspace, (hash, None), kind, &beat.actor, beat.now)?)
            }
        })
        .await
    }

    /// Takes a phone off a list. True if it was on it.
    pub async fn unsuppress_phone(
        &self,
        actor: &Actor,
        phone: Phone,
        kind: Suppression,
    ) -> Result<bool, SuppressError> {
        may_lift(actor, kind)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| match owner(tx, &beat, phone)? {
            Some(contact) => super::lists::unsuppress(tx, &beat, contact, kind),
            None => {
                let hash = super::phone_hash(beat.workspace, phone);
                super::lists::lift(tx, &beat, hash, kind)
            }
        })
        .await
    }
}

fn owner(tx: &mut Tx<'_>, beat: &Beat, phone: Phone) -> Result<Option<ContactId>, Failure> {
    Ok(super::by_phone(tx, beat, phone)?.map(|contact| contact.id))
}
