//! Erasing a person: what tells of them goes for good, what money, figures and the law need stays (decision 0029).
//!
//! | of the person | becomes |
//! |---|---|
//! | what runs | is ended, what was not sent is refunded |
//! | contacts (of the person, and those deleted before with one of the phones): phone, name, fields | empty rows, named “Erased contact” |
//! | notes, labels, reminder, conversation, quotes, what imports changed of them, words to search by | nothing |
//! | texts, both ways, and what a carrier said of them | empty rows with their dates, segments and prices |
//! | values that were frozen into runs | nothing; zones and rules stay: they prove that hours were kept |
//! | lists that forbid texting, consents | stay under the phone's hash alone; evidence becomes its hash |
//! | answers kept under idempotency keys | nothing; the key stays, so that a repeat does nothing |
//! | history, ledger, statements | stay: they hold identifiers, never values |
//!
//! One transaction does what makes a person disappear: from then on nothing finds, shows or texts them. Texts and answers go behind it in
//! portions, by a job that goes on after an end of the process. Nothing of it can be undone.
//!
//! Out of reach are files: backups, exports that were taken, uploads that were not imported and files of rejected rows, carriers' own records,
//! and what a database leaves in free pages until it uses them again.

use std::sync::Arc;

use domain::access::Permission;
use domain::ids::{ContactId, JobId, MessageId};
use domain::phone::{Phone, PhoneError};
use domain::suppression::Suppression;
use store::contacts::{self, Contact};
use store::jobs::{self, Item, Job, STARTED};
use store::search::due;
use store::{DbError, Lane, Read, Tx, erasures, suppressions};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::bulk::BulkError;
use crate::contacts::{ContactError, DEFAULT_REGION};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyMalformed, KeyReused, once};

/// The kind of these jobs.
pub const ERASE: &str = "erase";
/// Most contacts that one person may have to be erased at once.
pub const MAX_CONTACTS: usize = 100;
/// How many texts, or kept answers, go in one transaction.
const PORTION: i64 = 500;

/// Whom to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// The person of this contact, which may be deleted already.
    Contact(ContactId),
    /// Whoever has or had this phone, as somebody typed it.
    Phone(String),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whom.
    pub person: Person,
    /// Whether their phones go on the do-not-contact list, by their hashes: else a file that still has them makes new contacts of them.
    pub do_not_contact: bool,
}

/// A person is not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody is there, or was.
    #[error("there is no such contact, and there was none")]
    Unknown,
    /// It is no phone.
    #[error(transparent)]
    Phone(PhoneError),
    /// A carrier may still have a text to them.
    #[error(
        "texts to them are queued, with a carrier or in doubt ({count}): try again in some minutes, and settle what is in doubt"
    )]
    OnTheWay {
        /// How many.
        count: i64,
    },
    /// They came with a file just now.
    #[error("they came with a file just now, and what they are found by is still being written: try again in a minute")]
    Arriving,
    /// More contacts than one person has.
    #[error("the person has more than {MAX_CONTACTS} contacts; take some of them apart first, on their pages")]
    TooMany,
    /// The key cannot be one.
    #[error(transparent)]
    KeyMalformed(#[from] KeyMalformed),
    /// The key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for EraseError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<ContactError> for EraseError {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Forbidden(cause) => cause.into(),
            ContactError::Failure(cause) => cause.into(),
            _ => Self::Unknown,
        }
    }
}

impl Engine {
    /// The contacts that erasing a person would empty, deleted ones too, in the order of their making.
    ///
    /// # Errors
    /// See [`EraseError`].
    pub async fn whom_to_erase(&self, actor: &Actor, person: Person) -> Result<Vec<Contact>, EraseError> {
        actor.need(Permission::ContactsErase)?;
        let (workspace, person) = (actor.workspace(), sought(person)?);
        self.read(move |db| everyone(db, workspace, &person)).await
    }

    /// Erases a person. What finds, shows or texts them is gone with the answer; [`Engine::run_erasure`] takes out their texts. The same key
    /// again gives the same job.
    ///
    /// # Errors
    /// See [`EraseError`].
    pub async fn erase(&self, actor: &Actor, erasure: Erasure, key: Option<&str>) -> Result<Job, EraseError> {
        actor.need(Permission::ContactsErase)?;
        let beat = self.beat(actor).keyed(key)?;
        let (person, forbid) = (sought(erasure.person)?, erasure.do_not_contact);
        let work = Arc::new(move |tx: &mut Tx<'_>| {
            once(tx, &beat, &("erase", person.named(), forbid), |tx| {
                begin(tx, &beat, &person, forbid).map(|job| job.id)
            })
            .and_then(|id| jobs::find(tx, beat.workspace, id)?.ok_or(EraseError::Unknown))
        });
        let again = Arc::clone(&work);
        match self.write(Lane::Normal, move |tx| work(tx)).await {
            Err(EraseError::Arriving) => {
                self.write_words(actor.workspace()).await?;
                self.write(Lane::Normal, move |tx| again(tx)).await
            }
            done => done,
        }
    }

    /// Works on an erasure until it is done.
    ///
    /// # Errors
    /// There is no such job, forbidden, or the database failed.
    pub async fn run_erasure(&self, actor: &Actor, id: JobId) -> Result<Job, BulkError> {
        actor.need(Permission::ContactsErase)?;
        loop {
            let beat = self.beat(actor);
            let job = self.write(Lane::Bulk, move |tx| work(tx, &beat, id)).await?;
            if job.state == "done" {
                return Ok(job);
            }
        }
    }
}

/// Whom to look for, as it is read.
#[derive(Debug, Clone)]
enum Sought {
    Contact(ContactId),
    Phone(Phone),
}

impl Sought {
    fn named(&self) -> String {
        match self {
            Self::Contact(id) => id.to_string(),
            Self::Phone(phone) => phone.to_string(),
        }
    }
}

fn sought(person: Person) -> Result<Sought, EraseError> {
    Ok(match person {
        Person::Contact(id) => Sought::Contact(id),
        Person::Phone(text) => Sought::Phone(Phone::parse(&text, DEFAULT_REGION).map_err(EraseError::Phone)?),
    })
}

/// The contacts of the person, and those that were deleted with one of their phones.
fn everyone(db: &Read<'_>, workspace: domain::ids::WorkspaceId, whom: &Sought) -> Result<Vec<Contact>, EraseError> {
    let limit = i64::try_from(MAX_CONTACTS + 1).unwrap_or(i64::MAX);
    let find = |id| contacts::find(db, workspace, id);
    let mut found = match whom {
        Sought::Contact(id) => vec![*id],
        Sought::Phone(phone) => erasures::of_phone(db, workspace, &phone.to_string())?,
    };
    let named = found.iter().map(|id| find(*id)).collect::<Result<Vec<_>, _>>()?;
    for person in named.iter().flatten().filter_map(|contact| contact.person) {
        found.extend(erasures::of_person(db, workspace, person, limit)?);
    }
    let kin = found.iter().map(|id| find(*id)).collect::<Result<Vec<_>, _>>()?;
    for contact in kin.iter().flatten().filter(|contact| contact.erased_at.is_none()) {
        found.extend(erasures::of_phone(db, workspace, &contact.phone)?);
    }
    found.sort_unstable();
    found.dedup();
    if found.len() > MAX_CONTACTS {
        return Err(EraseError::TooMany);
    }
    let rows = found.into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<Contact> = rows.into_iter().flatten().filter(|contact| contact.erased_at.is_none()).collect();
    if rows.is_empty() { Err(EraseError::Unknown) } else { Ok(rows) }
}

fn begin(tx: &mut Tx<'_>, beat: &Beat, whom: &Sought, forbid: bool) -> Result<Job, EraseError> {
    let workspace = beat.workspace;
    let seen: Vec<ContactId> = everyone(tx, workspace, whom)?.iter().map(|contact| contact.id).collect();
    erasures::lock(tx, workspace, &seen)?;
    // As they are now that nobody changes them; who came since belongs to another erasure.
    let rows: Vec<Contact> = everyone(tx, workspace, whom)?.into_iter().filter(|row| seen.contains(&row.id)).collect();
    for row in rows.iter().filter(|row| row.deleted_at.is_none()) {
        crate::contacts::delete(tx, beat, row.id)?;
    }
    // Then what they were found by is noted until it is known to be gone. Behind the deletion, which holds what is due.
    if due::is_due(tx, workspace, &seen)? {
        return Err(EraseError::Arriving);
    }
    let mut count = 0;
    for row in &rows {
        count += erasures::on_the_way(tx, workspace, row.id)?;
    }
    if count > 0 {
        return Err(EraseError::OnTheWay { count });
    }
    let job = beat.job(ERASE, &serde_json::json!({}), i64::MIN, i64::try_from(rows.len()).unwrap_or(i64::MAX));
    jobs::insert(tx, workspace, &job)?;
    let item = |row: &Contact| Item { item: row.id.0, contact: Some(row.id.0), outcome: None };
    jobs::add_items(tx, workspace, job.id, &rows.iter().map(item).collect::<Vec<_>>())?;
    for row in &rows {
        empty(tx, beat, row, forbid)?;
        beat.note(tx, "contact.erased", Some(row.id), &serde_json::json!({ "job": job.id }))?;
    }
    Ok(job)
}

/// Empties the row of a locked contact, and leaves of what is kept by its phone what holds under the hash.
fn empty(tx: &mut Tx<'_>, beat: &Beat, row: &Contact, forbid: bool) -> Result<(), Failure> {
    if forbid {
        let (list, owner) = (Suppression::DoNotContact, (row.phone_hash, None));
        if suppressions::add(tx, beat.workspace, owner, list, &beat.actor, beat.now)? {
            beat.note(tx, "contact.suppressed", Some(row.id), &serde_json::json!({ "list": list.word() }))?;
        }
    }
    erasures::unlink(tx, beat.workspace, row.phone_hash)?;
    Ok(erasures::empty(tx, beat.workspace, row.id, beat.now)?)
}

/// One portion, with its progress, in one transaction: the texts of one contact after the other, then kept answers. The cursor is the last
/// text of the contact that is worked on, and then the time of the last answer.
fn work(tx: &mut Tx<'_>, beat: &Beat, id: JobId) -> Result<Job, BulkError> {
    let mut job = jobs::lock(tx, beat.workspace, id)?.filter(|job| job.kind == ERASE).ok_or(BulkError::JobUnknown)?;
    if job.state != "running" {
        return Ok(job);
    }
    job.updated_at = beat.now;
    let items = jobs::items(tx, beat.workspace, id, i64::MIN, i64::try_from(MAX_CONTACTS).unwrap_or(i64::MAX))?;
    let contacts: Vec<ContactId> = items.iter().filter_map(jobs::contact_of).collect();
    if let Some(item) = items.into_iter().find(|item| item.outcome.is_none()) {
        match erasures::texts(tx, beat.workspace, ContactId(item.item), MessageId(job.cursor), PORTION)? {
            Some(last) => job.cursor = last.0,
            None => {
                jobs::set_items(tx, beat.workspace, id, &[Item { outcome: Some(STARTED.to_owned()), ..item }])?;
                (job.cursor, job.started) = (i64::MIN, job.started + 1);
            }
        }
    } else {
        match erasures::answers(tx, beat.workspace, &contacts, job.cursor, PORTION)? {
            Some(last) => job.cursor = last,
            None => "done".clone_into(&mut job.state),
        }
    }
    jobs::save(tx, beat.workspace, &job)?;
    Ok(job)
}
