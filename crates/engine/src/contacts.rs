//! Contacts: making, reading, changing and deleting them. One phone of one person each.
//!
//! The phone is what a contact is: it never changes, and suppressions are kept under its hash, so that
//! they outlive the contact. What fields may be says `contacts/fields.rs`; the lists that forbid
//! texting are in `contacts/lists.rs`. Locks go contacts, numbers, enrollments, messages, accounts.

mod apart;
pub mod custom;
mod fields;
mod kept;
pub mod list;
mod lists;
pub mod phones;
pub mod wish;
pub(crate) mod words;
mod written;

use domain::access::Permission;
use domain::enrollment::StopReason;
use domain::ids::{ContactId, PersonId, WorkspaceId};
use domain::phone::{Phone, PhoneError, Region};
use domain::refusal::Unready;
use domain::search::Asked;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use store::contacts::ContactRow;
use store::{DbError, Lane, Read, Tx, numbers};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::ending;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};

pub use fields::{FieldError, FieldWarning, MAX_CUSTOM_FIELDS, MAX_FIELDS, MAX_VALUE_CHARACTERS, TIME_ZONE, warnings};
pub(crate) use fields::{cleaned, display_name, get, is_standard, key_of, named, put, value};
pub use lists::SuppressError;
pub(crate) use lists::{holders, may_lift, may_put, suppress};
pub use store::contacts::Contact;
pub(crate) use written::{add_custom, missing};
use written::{change, resolved};

/// Most contacts of one page.
pub const MAX_PAGE: u32 = 200;
/// The region of numbers that were typed without a country code, where nobody says another.
pub const DEFAULT_REGION: Region = Region::US;
/// The longest text that contacts are searched by, in characters; the rest is not looked at.
const MAX_SEARCH_CHARACTERS: usize = 100;

/// What a person gives of a new contact.
#[derive(Debug, Clone, Default)]
pub struct NewContact {
    /// The phone as it was typed.
    pub phone: String,
    /// Decides about a phone without a country code; [`DEFAULT_REGION`] if none.
    pub region: Option<Region>,
    /// The full name: the same as a field `Full Name`, which goes before it.
    pub name: Option<String>,
    /// Names, in any spelling, and values. An unknown name becomes a field of the workspace's own.
    pub fields: Vec<(String, String)>,
    /// The person whose other numbers are contacts already.
    pub person: Option<PersonId>,
}

/// One page of contacts, in the order of their making.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactPage {
    /// At most [`MAX_PAGE`].
    pub contacts: Vec<Contact>,
    /// After which contact the next page begins; nothing on the last page.
    pub next: Option<ContactId>,
}

/// Why a contact is not made, found, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// The actor lacks the permission.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact, or it was deleted.
    #[error("there is no such contact")]
    Unknown,
    /// No contact of the workspace belongs to the person.
    #[error("there is no such person")]
    PersonUnknown,
    /// The phone is none.
    #[error("the phone cannot be used: {0}")]
    Phone(PhoneError),
    /// Another contact has the phone.
    #[error("the contact {contact} has this phone already")]
    PhoneTaken {
        /// Which.
        contact: ContactId,
    },
    /// A field cannot be what was given.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The workspace has as many fields of its own as it may have.
    #[error("the workspace has {MAX_CUSTOM_FIELDS} fields of its own already; {name:?} would be one more")]
    TooManyCustomFields {
        /// The first that has no room.
        name: String,
    },
    /// The workspace has no such number.
    #[error("there is no such number")]
    NumberUnknown,
    /// The number sends nothing.
    #[error("the number {phone} {why}; it cannot text the contact")]
    NumberNotReady {
        /// E.164.
        phone: String,
        /// Why not.
        why: Unready,
    },
    /// The number cannot change under a message.
    #[error("a message to the contact is on its way; choose the number when it has arrived")]
    NumberBusy,
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The database or the books failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ContactError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// The hash under which a workspace keeps what must outlive a contact: the first eight bytes of SHA-256
/// over the workspace and the E.164 form.
pub(crate) fn phone_hash(workspace: WorkspaceId, phone: Phone) -> i64 {
    let digest = Sha256::new().chain_update(workspace.0.to_be_bytes()).chain_update(phone.to_string()).finalize();
    let first = digest.first_chunk::<8>().expect("a digest has 32 bytes");
    i64::from_be_bytes(*first)
}

/// Which fields a change touched: names, never values.
#[derive(Serialize)]
struct FieldsNote<'f> {
    fields: Vec<&'f str>,
}

impl Engine {
    /// Makes a contact. Unknown field names become fields of the workspace's own.
    ///
    /// # Errors
    /// See [`ContactError`]; a phone that is there already names its contact.
    pub async fn create_contact(&self, actor: &Actor, new: NewContact) -> Result<Contact, ContactError> {
        actor.need(Permission::ContactsWrite)?;
        let region = new.region.unwrap_or(DEFAULT_REGION);
        let phone = Phone::parse(&new.phone, region).map_err(ContactError::Phone)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let asked = ("create_contact", phone.to_string(), &new.name, &new.fields, new.person);
            once(tx, &beat, &asked, |tx| create(tx, &beat, phone, &new))
        })
        .await
    }

    /// One contact.
    ///
    /// # Errors
    /// [`ContactError::Unknown`] if there is none, or it was deleted.
    pub async fn contact(&self, actor: &Actor, id: ContactId) -> Result<Contact, ContactError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let found = self.read(move |db| Ok::<_, ContactError>(store::contacts::find(db, workspace, id)?)).await?;
        found.filter(|contact| contact.deleted_at.is_none()).ok_or(ContactError::Unknown)
    }

    /// Contacts after the given one that words or a phone find, as in [`Engine::search`]; all if the text is blank, at
    /// most [`list::MOST_FOUND`] if it is not. A limit over [`MAX_PAGE`] is lowered to it.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn contacts(
        &self,
        actor: &Actor,
        after: Option<ContactId>,
        holds: &str,
        limit: u32,
    ) -> Result<ContactPage, ContactError> {
        actor.need(Permission::Read)?;
        let (workspace, after) = (actor.workspace(), after.unwrap_or(ContactId(0)));
        let holds: String = cleaned(holds).chars().take(MAX_SEARCH_CHARACTERS).collect();
        let limit = limit.clamp(1, MAX_PAGE) as usize;
        let mut contacts = self
            .read(move |db| {
                // One more than the page tells whether there is another.
                let most = limit + 1;
                if holds.is_empty() {
                    let most = i64::try_from(most).unwrap_or(i64::MAX);
                    return Ok::<_, ContactError>(store::contacts::page(db, workspace, after, most)?);
                }
                Ok(found(db, workspace, &Asked::read(&holds), after, most)?)
            })
            .await?;
        let more = contacts.len() > limit;
        contacts.truncate(limit);
        let next = contacts.last().filter(|_| more).map(|contact| contact.id);
        Ok(ContactPage { contacts, next })
    }

    /// Changes fields of a contact: a value sets a field, none takes it away.
    ///
    /// # Errors
    /// See [`ContactError`]; the phone cannot be changed.
    pub async fn edit_contact(
        &self,
        actor: &Actor,
        id: ContactId,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<Contact, ContactError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| edit(tx, &beat, id, &changes)).await
    }

    /// Deletes a contact; its running enrollment ends and what was not sent comes back. Suppressions of its
    /// phone stay in force.
    ///
    /// # Errors
    /// See [`ContactError`].
    pub async fn delete_contact(&self, actor: &Actor, id: ContactId) -> Result<(), ContactError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| delete(tx, &beat, id)).await
    }
}

fn create(tx: &mut Tx<'_>, beat: &Beat, phone: Phone, new: &NewContact) -> Result<Contact, ContactError> {
    if let Some(taken) = by_phone(tx, beat, phone)? {
        return Err(ContactError::PhoneTaken { contact: taken.id });
    }
    if let Some(person) = new.person
        && store::contacts::of_person(tx, beat.workspace, person)?.is_empty()
    {
        return Err(ContactError::PersonUnknown);
    }
    let given = new.fields.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
    let changes = resolved(given)?;
    add_custom(tx, beat, &changes.names)?;
    let mut fields = Vec::new();
    change(&mut fields, changes)?;
    if let Some(name) = new.name.as_deref().filter(|_| get(&fields, "fullname").is_none()) {
        let name = value("fullname", "Full Name", name)?;
        put(&mut fields, "fullname", name);
    }
    let (row, contact) = made(beat, phone, fields, new.person);
    if store::contacts::insert(tx, beat.workspace, &[row], beat.now)? == 0 {
        // Somebody else made it since we looked.
        let taken = by_phone(tx, beat, phone)?.ok_or_else(|| Failure::Stored("a phone is there and not".to_owned()))?;
        return Err(ContactError::PhoneTaken { contact: taken.id });
    }
    let names = contact.fields.iter().map(|(key, _)| key.as_str()).collect();
    beat.note(tx, "contact.created", Some(contact.id), &FieldsNote { fields: names })?;
    Ok(contact)
}

fn by_phone(tx: &mut Tx<'_>, beat: &Beat, phone: Phone) -> Result<Option<Contact>, Failure> {
    Ok(store::contacts::lock_by_phones(tx, beat.workspace, &[&phone.to_string()])?.pop())
}

/// A new contact, as it is inserted and as it is read back.
fn made(beat: &Beat, phone: Phone, fields: Vec<(String, String)>, person: Option<PersonId>) -> (ContactRow, Contact) {
    let contact = Contact {
        id: ContactId(beat.id()),
        phone: phone.to_string(),
        phone_hash: phone_hash(beat.workspace, phone),
        person,
        name: display_name(&fields, phone),
        fields,
        number: None,
        created_at: beat.now,
        updated_at: beat.now,
        deleted_at: None,
        reassigned_at: None,
        erased_at: None,
    };
    (row_of(&contact), contact)
}

/// The contacts after the given one that are found, in the order of their making; none by what holds no letter or digit.
fn found(
    db: &Read<'_>,
    workspace: WorkspaceId,
    asked: &Asked,
    after: ContactId,
    most: usize,
) -> Result<Vec<Contact>, DbError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(list::MOST_FOUND).unwrap_or(i64::MAX);
    let mut ids = store::search::contacts(db, workspace, asked, limit)?;
    ids.retain(|id| *id > after);
    ids.sort_unstable();
    ids.truncate(most);
    store::contacts::some(db, workspace, &ids)
}

/// What is written of a contact.
pub(crate) fn row_of(contact: &Contact) -> ContactRow {
    ContactRow {
        id: contact.id,
        phone: contact.phone.clone(),
        phone_hash: contact.phone_hash,
        person: contact.person,
        name: contact.name.clone(),
        fields: contact.fields.clone(),
    }
}

/// The contact of a phone, made if there is none, and locked: for texts from numbers that nobody entered.
pub(crate) fn find_or_create(tx: &mut Tx<'_>, beat: &Beat, phone: Phone) -> Result<Contact, Failure> {
    if let Some(contact) = by_phone(tx, beat, phone)? {
        return Ok(contact);
    }
    let (row, contact) = made(beat, phone, Vec::new(), None);
    if store::contacts::insert(tx, beat.workspace, &[row], beat.now)? == 1 {
        beat.note(tx, "contact.created", Some(contact.id), &FieldsNote { fields: Vec::new() })?;
        return Ok(contact);
    }
    // Another text from the same phone was faster.
    by_phone(tx, beat, phone)?.ok_or_else(|| Failure::Stored("a phone is there and not".to_owned()))
}

fn edit(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: ContactId,
    changes: &[(String, Option<String>)],
) -> Result<Contact, ContactError> {
    let mut contact = lock(tx, beat, id)?.ok_or(ContactError::Unknown)?;
    let changes = resolved(changes.iter().map(|(name, value)| (name.as_str(), value.as_deref())))?;
    add_custom(tx, beat, &changes.names)?;
    let before = contact.fields.clone();
    change(&mut contact.fields, changes)?;
    if contact.fields == before {
        return Ok(contact);
    }
    let phone = Phone::stored(&contact.phone);
    let phone = phone.ok_or_else(|| Failure::Stored(format!("{} has no phone", contact.id)))?;
    contact.name = display_name(&contact.fields, phone);
    contact.updated_at = beat.now;
    store::contacts::update(tx, beat.workspace, &[row_of(&contact)], beat.now)?;
    let all = before.iter().chain(&contact.fields).map(|(key, _)| key.as_str());
    let mut touched: Vec<&str> = all.filter(|key| get(&before, key) != get(&contact.fields, key)).collect();
    touched.sort_unstable();
    touched.dedup();
    beat.note(tx, "contact.changed", Some(id), &FieldsNote { fields: touched })?;
    Ok(contact)
}

pub(crate) fn lock(tx: &mut Tx<'_>, beat: &Beat, id: ContactId) -> Result<Option<Contact>, Failure> {
    Ok(store::contacts::lock(tx, beat.workspace, &[id])?.pop())
}

pub(crate) fn delete(tx: &mut Tx<'_>, beat: &Beat, id: ContactId) -> Result<(), ContactError> {
    let contact = lock(tx, beat, id)?.ok_or(ContactError::Unknown)?;
    if let Some(number) = contact.number {
        numbers::load(tx, beat.workspace, number, -1)?;
    }
    stop_running(tx, beat, id, StopReason::ContactDeleted)?;
    store::contacts::delete(tx, beat.workspace, id, beat.now)?;
    Ok(beat.note(tx, "contact.deleted", Some(id), &serde_json::json!({}))?)
}

/// Ends what runs for a locked contact.
fn stop_running(tx: &mut Tx<'_>, beat: &Beat, id: ContactId, reason: StopReason) -> Result<(), Failure> {
    ending::stop_of(tx, beat, &[id], reason).map(drop)
}

#[cfg(test)]
mod tests;
