//! Lists of phones that must not be texted, from files: litigators, do-not-contact, whatever somebody else keeps.
//!
//! | state | it goes on to |
//! |---|---|
//! | `filling` | `kept`, when its file is read to the end; read again from the beginning after an interruption, nothing counts twice |
//! | `kept` | `removing`; more phones may be added |
//! | `removing` | `removed`; whoever keeps house goes on with one that stands still |
//!
//! A phone is forbidden by its hash, whether a contact has it or not, and free again when the last list of its kind lets go
//! of it and no user put it there. Locks: contacts, enrollments, messages, accounts, then the lists, then what they hold.

mod file;

use domain::ids::{ContactId, ListId};
use domain::phone::{Phone, Region};
use domain::suppression::Suppression;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::suppression_lists::{self as lists, Moved};
pub use store::suppression_lists::{Holder, List};
use store::{DbError, Lane, Tx, contacts};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::contacts::SuppressError;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
pub use file::{MAX_KEPT, PhoneReject};

/// Most lists that are shown.
pub const MAX_LISTED: i64 = 200;
/// Most phones of one addition that is no file.
pub const MAX_ADDED: usize = 10_000;
/// Most characters of a name or source.
pub const MAX_NAME: usize = 120;
/// Phones in one transaction.
const CHUNK: usize = 500;
/// A list that has not moved for so long has lost its process.
const STILL: SignedDuration = SignedDuration::from_mins(2);

/// A list to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewList {
    /// Its name.
    pub name: String,
    /// What it forbids: `do_not_contact` or `compliance_blocked`.
    #[serde(skip)]
    pub kind: Suppression,
    /// Where it comes from, such as the vendor.
    pub source: String,
    /// The name of its file; empty if it has none.
    pub file_name: String,
    /// The day on which it was drawn up.
    pub dated: Option<Date>,
}

/// What was read and what it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListCounts {
    /// Rows that the last reading of its file has seen, but for empty ones.
    pub rows: u64,
    /// Why the last reading did not come to the end of the file; what was read up to there is in force.
    pub broken: Option<String>,
    /// Phones that it holds.
    pub phones: u64,
    /// Cells of the last reading that should be a phone and cannot be one.
    pub rejected: u64,
    /// The first of them, with the reason.
    pub rejects: Vec<PhoneReject>,
    /// Workflows that it ended.
    pub ended: u64,
    /// Phones that were free again when it was removed.
    pub freed: u64,
}

impl ListCounts {
    /// Reads the document of a list; what no version wrote counts nothing.
    #[must_use]
    pub fn of(list: &List) -> Self {
        serde_json::from_str(&list.counts).unwrap_or_default()
    }

    fn document(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }
}

/// Why a list is not made, filled or removed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The actor lacks the permission.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such list.
    #[error("there is no such list")]
    Unknown,
    /// No list forbids in this way.
    #[error("a list from a file is do_not_contact or compliance_blocked, not {}", .0.word())]
    Kind(Suppression),
    /// It has no name, or one that is too long.
    #[error("a list has a name and a source of 1 to {MAX_NAME} characters each")]
    Name,
    /// It is of a time to come.
    #[error("the list is dated {0}, which is still to come")]
    Date(Date),
    /// Too many at once.
    #[error("{0} phones are too many at once; at most {MAX_ADDED} are added in one go")]
    TooMany(usize),
    /// It is being removed, or was.
    #[error("the list is {state}; make a new one")]
    NotNow {
        /// Its state.
        state: String,
    },
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] crate::import::ImportError),
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The database or the books failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ListError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<SuppressError> for ListError {
    fn from(error: SuppressError) -> Self {
        match error {
            SuppressError::Forbidden(cause) => Self::Forbidden(cause),
            SuppressError::Failure(cause) => Self::Failure(cause),
            SuppressError::Unknown => Self::Unknown,
            SuppressError::NotByHand(kind) => Self::Kind(kind),
            SuppressError::Held(_) => Self::Failure(Failure::Stored("a list is held by itself".to_owned())),
        }
    }
}

/// Whether nobody works at a list that is being filled or removed: its file broke off, or it has not moved for two minutes.
#[must_use]
pub fn stands_still(list: &List, now: Timestamp) -> bool {
    let moves = matches!(list.state.as_str(), "filling" | "removing");
    if list.state == "filling" && ListCounts::of(list).broken.is_some() {
        return true;
    }
    moves && list.updated_at < now.saturating_sub(STILL).unwrap_or(Timestamp::MIN)
}

/// What one addition did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Phones that the list did not hold before.
    pub added: u64,
    /// Workflows that ended.
    pub ended: u64,
    /// What is no phone, by its place from 1.
    pub rejects: Vec<PhoneReject>,
}

impl Engine {
    /// Makes a list. It forbids nothing until it holds phones.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn create_list(&self, actor: &Actor, new: NewList) -> Result<List, ListError> {
        actor.need(domain::access::Permission::ContactsWrite)?;
        crate::contacts::may_put(actor, new.kind)?;
        let new = checked(new, self.now())?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            once(tx, &beat, &("create_list", &new, new.kind.word()), |tx| {
                let list = List {
                    id: ListId(beat.id()),
                    name: new.name.clone(),
                    kind: new.kind.word().to_owned(),
                    source: new.source.clone(),
                    file_name: new.file_name.clone(),
                    dated: new.dated.map(|day| day.to_string()),
                    // One with a file is about to be filled from it.
                    state: if new.file_name.is_empty() { "kept" } else { "filling" }.to_owned(),
                    counts: ListCounts::default().document(),
                    actor: beat.actor.clone(),
                    created_at: beat.now,
                    updated_at: beat.now,
                    removed_at: None,
                };
                lists::insert(tx, beat.workspace, &list)?;
                let note = json!({ "list": list.id, "name": list.name, "kind": list.kind });
                beat.note(tx, "suppression_list.created", None, &note)?;
                Ok::<_, ListError>(list)
            })
        })
        .await
    }

    /// The lists of the workspace, the newest first, removed ones too.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn suppression_lists(&self, actor: &Actor) -> Result<Vec<List>, ListError> {
        actor.need(domain::access::Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(lists::all(db, workspace, MAX_LISTED)?)).await
    }

    /// One list.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn suppression_list(&self, actor: &Actor, id: ListId) -> Result<List, ListError> {
        actor.need(domain::access::Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| lists::find(db, workspace, id)?.ok_or(ListError::Unknown)).await
    }

    /// Lets a list hold these phones too; what runs to them ends with its refund. What is no phone is told.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn add_to_list(
        &self,
        actor: &Actor,
        id: ListId,
        phones: Vec<String>,
        region: Region,
    ) -> Result<Added, ListError> {
        if phones.len() > MAX_ADDED {
            return Err(ListError::TooMany(phones.len()));
        }
        crate::contacts::may_put(actor, kind_of(&self.suppression_list(actor, id).await?)?)?;
        let (mut all, mut good) = (Added::default(), Vec::new());
        for (place, text) in (1..).zip(&phones) {
            match Phone::parse(text, region) {
                Ok(phone) => good.push(phone),
                Err(error) => all.rejects.push(PhoneReject { row: place, reason: error.to_string() }),
            }
        }
        for chunk in good.chunks(CHUNK) {
            let done = self.hold(actor, id, chunk.to_vec(), |_| {}).await?;
            all.added += done.added;
            all.ended += done.ended;
        }
        Ok(all)
    }

    /// One chunk, in one transaction with the counts.
    async fn hold(
        &self,
        actor: &Actor,
        id: ListId,
        phones: Vec<Phone>,
        count: impl Fn(&mut ListCounts) + Send + Sync + 'static,
    ) -> Result<Added, ListError> {
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| hold(tx, &beat, id, &phones, &count)).await
    }

    /// Takes one phone off a list; it may be texted again if no other list and no user holds it. True if the list held it. A later
    /// reading of the list's file brings it back, as the file says.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn drop_from_list(&self, actor: &Actor, id: ListId, phone: Phone) -> Result<bool, ListError> {
        crate::contacts::may_lift(actor, kind_of(&self.suppression_list(actor, id).await?)?)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| drop_one(tx, &beat, id, phone)).await
    }

    /// Removes a list: phones that nothing else holds may be texted again. What it ended stays ended. Returns when all
    /// is done; interrupted, it goes on when it is asked for again, or by itself.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn remove_list(&self, actor: &Actor, id: ListId) -> Result<List, ListError> {
        crate::contacts::may_lift(actor, kind_of(&self.suppression_list(actor, id).await?)?)?;
        loop {
            let beat = self.beat(actor);
            let list = self.write(Lane::Bulk, move |tx| let_go(tx, &beat, id)).await?;
            if list.state == "removed" {
                return Ok(list);
            }
        }
    }

    /// Begins a removal, for whoever does not wait for its end.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn begin_removal(&self, actor: &Actor, id: ListId) -> Result<List, ListError> {
        crate::contacts::may_lift(actor, kind_of(&self.suppression_list(actor, id).await?)?)?;
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| let_go(tx, &beat, id)).await
    }

    /// Goes on with removals that stand still; says how many.
    pub(crate) async fn resume_removals(&self) -> Result<usize, ListError> {
        let before = self.now().saturating_sub(STILL).unwrap_or(Timestamp::MIN);
        let found = self.read(move |db| Ok::<_, ListError>(lists::removing(db, before, MAX_LISTED)?)).await?;
        let count = found.len();
        for (workspace, id) in found {
            self.remove_list(&Actor::operator(workspace), id).await?;
        }
        Ok(count)
    }
}

fn checked(new: NewList, now: Timestamp) -> Result<NewList, ListError> {
    if !matches!(new.kind, Suppression::DoNotContact | Suppression::ComplianceBlocked) {
        return Err(ListError::Kind(new.kind));
    }
    let tidy = |text: &str| crate::contacts::cleaned(text).replace('\n', " ");
    let (name, source) = (tidy(&new.name), tidy(&new.source));
    if [&name, &source].into_iter().any(|text| text.is_empty() || text.chars().count() > MAX_NAME) {
        return Err(ListError::Name);
    }
    // A day later, since it may be tomorrow where the list was drawn up.
    let latest = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap_or(Date::MAX);
    if let Some(day) = new.dated.filter(|day| *day > latest) {
        return Err(ListError::Date(day));
    }
    let file_name = tidy(&new.file_name).chars().take(200).collect();
    Ok(NewList { name, source, file_name, ..new })
}

fn kind_of(list: &List) -> Result<Suppression, ListError> {
    let kind = Suppression::from_word(&list.kind);
    kind.ok_or_else(|| Failure::Stored(format!("{} forbids {:?}", list.id, list.kind)).into())
}

/// The list, locked with all others, if phones may be added to it.
fn open(tx: &mut Tx<'_>, beat: &Beat, id: ListId) -> Result<List, ListError> {
    let list = lists::lock(tx, beat.workspace)?.into_iter().find(|list| list.id == id).ok_or(ListError::Unknown)?;
    if matches!(list.state.as_str(), "removing" | "removed") {
        return Err(ListError::NotNow { state: list.state });
    }
    Ok(list)
}

fn hold(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: ListId,
    phones: &[Phone],
    count: &dyn Fn(&mut ListCounts),
) -> Result<Added, ListError> {
    let workspace = beat.workspace;
    let mut texts: Vec<String> = phones.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.dedup();
    let keys: Vec<&str> = texts.iter().map(String::as_str).collect();
    let owners = contacts::lock_by_phones(tx, workspace, &keys)?;
    let seen = lists::find(tx, workspace, id)?.ok_or(ListError::Unknown)?;
    let kind = kind_of(&seen)?;
    let ids: Vec<ContactId> = owners.iter().map(|owner| owner.id).collect();
    let ended = crate::ending::stop_of(tx, beat, &ids, kind.stop_reason())?;
    let mut list = open(tx, beat, id)?;
    let rows = entries(beat, phones, &owners);
    let hashes: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let added = lists::hold(tx, workspace, id, &hashes)?;
    let forbidden = lists::forbid(tx, workspace, &rows, (kind, id), beat.now)?;
    note_moved(tx, beat, "contact.suppressed", &list, &forbidden)?;
    let mut counts = ListCounts::of(&list);
    counts.phones += added;
    counts.ended += ended.len() as u64;
    count(&mut counts);
    list.counts = counts.document();
    list.updated_at = beat.now;
    lists::save(tx, workspace, &list)?;
    Ok(Added { added, ended: ended.len() as u64, rejects: Vec::new() })
}

/// Each phone once, by its hash, with the contact that has it.
fn entries(beat: &Beat, phones: &[Phone], owners: &[contacts::Contact]) -> Vec<Moved> {
    let owner = |phone: &Phone| {
        let text = phone.to_string();
        owners.iter().find(|owner| owner.phone == text)
    };
    let row = |phone: &Phone| match owner(phone) {
        Some(owner) => (owner.phone_hash, Some(owner.id)),
        None => (crate::contacts::phone_hash(beat.workspace, *phone), None),
    };
    let mut rows: Vec<Moved> = phones.iter().map(row).collect();
    rows.sort_unstable();
    rows.dedup_by_key(|row| row.0);
    rows
}

/// One event for each contact that a list has caught or let go.
fn note_moved(tx: &mut Tx<'_>, beat: &Beat, kind: &str, list: &List, moved: &[Moved]) -> Result<(), Failure> {
    let note = json!({ "list": list.kind, "source": list.name });
    let with_contact = moved.iter().filter_map(|(_, contact)| *contact);
    let events: Vec<_> = with_contact.map(|contact| beat.event(kind, Some(contact), &note)).collect();
    Ok(store::events::insert(tx, beat.workspace, &events)?)
}

fn drop_one(tx: &mut Tx<'_>, beat: &Beat, id: ListId, phone: Phone) -> Result<bool, ListError> {
    let workspace = beat.workspace;
    let owner = contacts::lock_by_phones(tx, workspace, &[&phone.to_string()])?.pop();
    let hash = owner.as_ref().map_or_else(|| crate::contacts::phone_hash(workspace, phone), |owner| owner.phone_hash);
    let mut list = open(tx, beat, id)?;
    let kind = kind_of(&list)?;
    if lists::let_go(tx, workspace, id, &[hash])? == 0 {
        return Ok(false);
    }
    let mut counts = ListCounts::of(&list);
    counts.phones = counts.phones.saturating_sub(1);
    list.counts = counts.document();
    list.updated_at = beat.now;
    lists::save(tx, workspace, &list)?;
    let note = json!({ "list": id, "name": list.name });
    beat.note(tx, "suppression_list.dropped", owner.as_ref().map(|owner| owner.id), &note)?;
    let freed = lists::free(tx, workspace, &[hash], kind, beat.now)?;
    note_moved(tx, beat, "contact.unsuppressed", &list, &freed)?;
    Ok(true)
}

/// One chunk of a removal; the list as it is then.
fn let_go(tx: &mut Tx<'_>, beat: &Beat, id: ListId) -> Result<List, ListError> {
    let workspace = beat.workspace;
    let found = lists::lock(tx, workspace)?.into_iter().find(|list| list.id == id);
    let mut list = found.ok_or(ListError::Unknown)?;
    if list.state == "removed" {
        return Ok(list);
    }
    let kind = kind_of(&list)?;
    let most = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    let held = lists::held(tx, workspace, id, most)?;
    lists::let_go(tx, workspace, id, &held)?;
    let freed = lists::free(tx, workspace, &held, kind, beat.now)?;
    note_moved(tx, beat, "contact.unsuppressed", &list, &freed)?;
    let mut counts = ListCounts::of(&list);
    counts.freed += freed.len() as u64;
    list.counts = counts.document();
    list.updated_at = beat.now;
    if held.len() < CHUNK {
        "removed".clone_into(&mut list.state);
        list.removed_at = Some(beat.now);
        let note = json!({ "list": id, "name": list.name, "freed": counts.freed });
        beat.note(tx, "suppression_list.removed", None, &note)?;
    } else {
        "removing".clone_into(&mut list.state);
    }
    lists::save(tx, workspace, &list)?;
    Ok(list)
}
