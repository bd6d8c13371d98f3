//! Sending numbers of a workspace: added, paced, paused, lost.

use domain::access::Permission;
use domain::enrollment::StopReason;
use domain::ids::{NumberId, WorkspaceId};
use domain::phone::{Phone, PhoneError, Region};
use domain::registration::Registration;
use jiff::Timestamp;
use serde_json::json;
use store::numbers::{self, Number};
use store::{ConstraintKind, DbError, Lane, Read, Tx, claims};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::removal::{ENDS_PER_CHUNK, Removal, stop_all};
use crate::senders;
use crate::{periods, rehoming};

/// The highest pace that can be set, per minute or per day.
pub const MAX_PACE: i64 = 10_000_000;

/// A number to add.
#[derive(Debug, Clone)]
pub struct NewNumber {
    /// The phone, as a person writes it; without a `+` it is taken as North American.
    pub phone: String,
    /// The carrier's name: `simulator`, or the identifier of an account of the workspace.
    pub carrier: String,
    /// Most segments in a minute; 0 for no limit.
    pub per_minute: i64,
    /// Most segments in 24 hours; 0 for no limit.
    pub per_day: i64,
}

/// What a person may make of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberState {
    /// It sends.
    Live,
    /// What it would send waits.
    Paused,
    /// It is gone: its contacts get another number or leave their workflows.
    Lost,
}

impl NumberState {
    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Lost => "lost",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Live, Self::Paused, Self::Lost].into_iter().find(|state| state.word() == word)
    }
}

/// A change of a number; nothing stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NumberChange {
    /// Another state.
    pub state: Option<NumberState>,
    /// Another pace per minute; 0 for no limit.
    pub per_minute: Option<i64>,
    /// Another pace per 24 hours; 0 for no limit.
    pub per_day: Option<i64>,
}

/// A changed number, and what became of its enrollments if it was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedNumber {
    /// The number as it is now.
    pub number: Number,
    /// How many running enrollments text from another number now.
    pub reassigned: u64,
    /// Whether those wait, because that number is paused.
    pub waiting: bool,
    /// How many were ended because no other may text, and what came back.
    pub removed: Removal,
}

/// Why a number is not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum NumberError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such number in the workspace.
    #[error("the number does not exist")]
    Unknown,
    /// The text is no phone number.
    #[error("the phone is not a valid number")]
    Phone(#[from] PhoneError),
    /// Neither the installation nor the workspace has a carrier of that name.
    #[error("there is no carrier {carrier:?}; name the simulator, or an account of the workspace")]
    Carrier {
        /// The name that was given.
        carrier: String,
    },
    /// A workspace has the phone already; which one is not told.
    #[error("the phone is a sending number already")]
    PhoneTaken,
    /// The plan includes no more numbers.
    #[error(
        "the workspace has as many numbers as its plan includes ({included}): give one up, or choose a larger plan"
    )]
    Included {
        /// How many it includes.
        included: i64,
    },
    /// A pace below zero or above [`MAX_PACE`].
    #[error("a pace of {given} segments is not between 0 and {MAX_PACE}")]
    Pace {
        /// The pace that was given.
        given: i64,
    },
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for NumberError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Adds a live number. A phone belongs to one workspace of the whole installation.
    pub async fn add_number(&self, actor: &Actor, new: NewNumber) -> Result<Number, NumberError> {
        actor.need(Permission::NumbersWrite)?;
        let is_fixed = self.carriers().contains_key(&new.carrier);
        let phone = Phone::parse(&new.phone, Region::US)?;
        let beat = self.beat(actor);
        let number = Number {
            id: NumberId(beat.id()),
            phone: phone.to_string(),
            carrier: new.carrier,
            state: NumberState::Live.word().to_owned(),
            area: phone.area_code().map(i64::from),
            region: senders::region_of(phone),
            messages_per_minute: checked_pace(new.per_minute)?,
            messages_per_day: checked_pace(new.per_day)?,
            paced_until: Timestamp::UNIX_EPOCH,
            day_start: Timestamp::UNIX_EPOCH,
            day_count: 0,
            contacts: 0,
            created_at: beat.now,
            used_at: None,
            campaign: None,
            registration: Registration::Draft.word().to_owned(),
            campaign_state: None,
            brand_state: None,
        };
        self.write(Lane::Normal, move |tx| {
            let pace = (number.messages_per_minute, number.messages_per_day);
            once(tx, &beat, &("add_number", &number.phone, &number.carrier, pace), |tx| {
                room(tx, &beat)?;
                if !is_fixed {
                    keep_account(tx, &beat, &number.carrier)?;
                }
                add(tx, &beat, &number)
            })
        })
        .await
    }

    /// All numbers of the workspace, lost ones too.
    pub async fn numbers(&self, actor: &Actor) -> Result<Vec<Number>, NumberError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| Ok(numbers::list(read, workspace)?)).await
    }

    /// Changes state and pace. A lost number's running enrollments go over to the live number with the fewest contacts, or to a
    /// paused one where none is live, in the same transaction, but for those whose message is with the carrier or waits for its
    /// retry: those go over when they are due. Their contacts know that number from then on. Where no other number may text
    /// US phones all of them are ended, in portions.
    pub async fn change_number(
        &self,
        actor: &Actor,
        id: NumberId,
        change: NumberChange,
    ) -> Result<ChangedNumber, NumberError> {
        actor.need(Permission::NumbersWrite)?;
        let beat = self.beat(actor);
        let (mut changed, heir) = self.write(Lane::Normal, move |tx| change_one(tx, &beat, id, change)).await?;
        while change.state == Some(NumberState::Lost) && heir.is_none() {
            let beat = self.beat(actor);
            let ended = self.write(Lane::Bulk, move |tx| end_some(tx, &beat, id)).await?;
            if ended.contacts == 0 {
                break;
            }
            changed.removed = changed.removed.plus(ended);
        }
        if let Some(heir) = heir.filter(|_| changed.reassigned > 0) {
            self.follow(actor, id, heir).await?;
        }
        self.wake();
        Ok(changed)
    }
}

impl Engine {
    /// The contacts of what a lost number handed over learn the number that took over: contacts are locked before numbers, so
    /// this is not in the transaction of the loss.
    async fn follow(&self, actor: &Actor, lost: NumberId, heir: NumberId) -> Result<(), NumberError> {
        let workspace = actor.workspace();
        let strayed =
            self.read(move |read| Ok::<_, NumberError>(claims::strayed(read, workspace, lost, heir)?)).await?;
        for some in strayed.chunks(ENDS_PER_CHUNK) {
            let (beat, some) = (self.beat(actor), some.to_vec());
            self.write(Lane::Bulk, move |tx| Ok::<_, NumberError>(rehoming::follow(tx, &beat, lost, heir, &some)?))
                .await?;
        }
        Ok(())
    }
}

fn checked_pace(given: i64) -> Result<i64, NumberError> {
    let allowed = (0..=MAX_PACE).contains(&given);
    allowed.then_some(given).ok_or(NumberError::Pace { given })
}

/// How many numbers the workspace has that are not lost.
pub(crate) fn kept(db: &Read<'_>, workspace: WorkspaceId) -> Result<i64, DbError> {
    let kept = numbers::list(db, workspace)?.iter().filter(|number| number.state != NumberState::Lost.word()).count();
    Ok(i64::try_from(kept).unwrap_or(i64::MAX))
}

/// The plan, and the one that follows it, include one more number.
fn room(tx: &mut Tx<'_>, beat: &Beat) -> Result<(), NumberError> {
    let Some(held) = periods::hold(tx, beat.workspace)?.filter(|held| held.row.course.standing.serves()) else {
        return Ok(());
    };
    for plan in [Some(held.row.plan), held.row.next_plan].into_iter().flatten() {
        if let Some(included) = periods::plan_of(tx, plan)?.terms.numbers
            && kept(tx, beat.workspace)? >= included
        {
            return Err(NumberError::Included { included });
        }
    }
    Ok(())
}

/// The workspace has an account of this name, and it is not removed before the transaction ends. Asked of the database: what a
/// node has open may be behind it.
fn keep_account(tx: &mut Tx<'_>, beat: &Beat, name: &str) -> Result<(), NumberError> {
    store::workspaces::lock(tx, beat.workspace)?;
    let found = match name.parse() {
        Ok(id) => store::carriers::find(tx, beat.workspace, id)?,
        Err(_) => None,
    };
    found.map(|_| ()).ok_or_else(|| NumberError::Carrier { carrier: name.to_owned() })
}

fn add(tx: &mut Tx<'_>, beat: &Beat, number: &Number) -> Result<Number, NumberError> {
    if numbers::route(tx, &number.phone)?.is_some() {
        return Err(NumberError::PhoneTaken);
    }
    numbers::insert(tx, beat.workspace, number).map_err(|error| match error {
        DbError::Constraint { kind: ConstraintKind::Unique, .. } => NumberError::PhoneTaken,
        error => error.into(),
    })?;
    let payload = json!({ "number": number.id, "phone": number.phone, "carrier": number.carrier });
    beat.note(tx, "number.added", None, &payload)?;
    Ok(number.clone())
}

/// Changes the number; the second part of the answer is the number that took over its enrollments.
fn change_one(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: NumberId,
    change: NumberChange,
) -> Result<(ChangedNumber, Option<NumberId>), NumberError> {
    if change.state.is_some_and(|state| state != NumberState::Lost) {
        // One that comes back counts again. The workspace's row is locked before its numbers.
        let lost = |number: &&Number| number.id == id && number.state == NumberState::Lost.word();
        if numbers::list(tx, beat.workspace)?.iter().any(|number| lost(&number)) {
            room(tx, beat)?;
        }
    }
    let all = numbers::lock(tx, beat.workspace)?;
    let mut number = all.iter().find(|number| number.id == id).ok_or(NumberError::Unknown)?.clone();
    if let Some(state) = change.state {
        state.word().clone_into(&mut number.state);
    }
    number.messages_per_minute = checked_pace(change.per_minute.unwrap_or(number.messages_per_minute))?;
    number.messages_per_day = checked_pace(change.per_day.unwrap_or(number.messages_per_day))?;
    numbers::update(tx, beat.workspace, &number)?;
    let mut heirs = Vec::new();
    for other in all.iter().filter(|other| other.id != id && other.state != NumberState::Lost.word()) {
        // One that may not text US numbers would keep what it inherits for ever.
        if senders::standing(other)?.lack_for_us().is_none() {
            heirs.push((other.state != NumberState::Live.word(), other.contacts, other.id));
        }
    }
    let heir = heirs.into_iter().min();
    let lost = change.state == Some(NumberState::Lost);
    let reassigned = match heir {
        Some((.., heir)) if lost => claims::reassign(tx, beat.workspace, id, heir)?,
        _ => 0,
    };
    let payload = json!({ "number": id, "state": number.state, "per_minute": number.messages_per_minute,
        "per_day": number.messages_per_day, "reassigned": reassigned });
    beat.note(tx, "number.changed", None, &payload)?;
    let waiting = reassigned > 0 && heir.is_some_and(|(is_paused, ..)| is_paused);
    let changed = ChangedNumber { number, reassigned, waiting, removed: Removal::default() };
    Ok((changed, heir.map(|(.., heir)| heir)))
}

/// Ends one portion, as long as the number is lost.
fn end_some(tx: &mut Tx<'_>, beat: &Beat, id: NumberId) -> Result<Removal, NumberError> {
    let all = numbers::lock(tx, beat.workspace)?;
    if !all.iter().any(|number| number.id == id && number.state == NumberState::Lost.word()) {
        return Ok(Removal::default());
    }
    let limit = i64::try_from(ENDS_PER_CHUNK).expect("a small count");
    let ids = numbers::running(tx, beat.workspace, id, limit)?;
    Ok(stop_all(tx, beat, &ids, StopReason::NumberLost)?)
}
