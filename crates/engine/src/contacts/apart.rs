//! Taking a number from the person whom it was said to belong to: what an import or a merge has joined by mistake.

use domain::access::Permission;
use domain::ids::ContactId;

use super::{Contact, ContactError, lock, row_of};
use crate::actor::Actor;
use crate::engine::Engine;

impl Engine {
    /// Takes a contact from its person: from then on neither's replies and opt-outs end what runs for the other. What has ended stays
    /// ended. One that shares its person with nobody is answered as it is.
    ///
    /// # Errors
    /// [`ContactError::Unknown`] if there is none, or it was deleted; forbidden; the database failed.
    pub async fn part_contact(&self, actor: &Actor, id: ContactId) -> Result<Contact, ContactError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(store::Lane::Normal, move |tx| {
            let mut contact = lock(tx, &beat, id)?.ok_or(ContactError::Unknown)?;
            let Some(person) = contact.person.take() else { return Ok(contact) };
            contact.updated_at = beat.now;
            store::contacts::update(tx, beat.workspace, &[row_of(&contact)], beat.now)?;
            beat.note(tx, "contact.parted", Some(id), &serde_json::json!({ "person": person }))?;
            Ok(contact)
        })
        .await
    }
}
