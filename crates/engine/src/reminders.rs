//! Reminders: a user wants to hear of a contact later, on a day, perhaps to start a workflow then. A contact has one at most, it is a year away at
//! most, and all of them are listed: nobody is texted by a reminder. Starting then is a quote of then.
//!
//! One that is due is an event, once (`reminder.due`), and needs somebody (`needs`) until it is done or put off.

use domain::access::Permission;
use domain::ids::{ContactId, WorkflowId, WorkspaceId};
use domain::zones::Zone;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::reminders::{self, Listed};
use store::{DbError, Lane, Tx, contacts, workflows};

pub use store::reminders::Reminder;

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::claim::later;
use crate::engine::Engine;
use crate::facts;
use crate::failure::Failure;

/// Characters of a line for oneself.
pub const MAX_NOTE: usize = 280;
/// How far ahead it may be.
pub const FARTHEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The hour of the day, on the workspace's clock, at which one that is set for a day is due.
pub const HOUR: i8 = 9;
/// Most on one page.
pub const MAX_PAGE: i64 = 200;
/// How many are told in one look.
const AT_ONCE: i64 = 500;

/// When to be reminded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On this day, at [`HOUR`] on the workspace's clock.
    On(Date),
    /// After so many days from today, likewise.
    After(u16),
    /// At this instant.
    At(Timestamp),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReminder {
    /// When.
    pub when: When,
    /// A line for oneself.
    pub note: String,
    /// The workflow to start then.
    pub workflow: Option<WorkflowId>,
}

/// A reminder is not set, or not there.
#[derive(Debug, thiserror::Error)]
pub enum ReminderError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact.
    #[error("there is no such contact")]
    ContactUnknown,
    /// There is no such workflow.
    #[error("there is no such workflow")]
    WorkflowUnknown,
    /// It is over.
    #[error("{0} is not in the future")]
    Past(String),
    /// It is too far away.
    #[error("{0} is more than a year away")]
    Far(String),
    /// The line is too long.
    #[error("the note has {0} characters; at most {MAX_NOTE} are kept")]
    Long(usize),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ReminderError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Sets the reminder of a contact, in place of the one that it has.
    ///
    /// # Errors
    /// See [`ReminderError`].
    pub async fn remind(&self, actor: &Actor, contact: ContactId, new: NewReminder) -> Result<Reminder, ReminderError> {
        actor.need(Permission::ContactsWrite)?;
        let note = new.note.replace(['\0', '\r', '\n'], " ").trim().to_owned();
        let length = note.chars().count();
        if length > MAX_NOTE {
            return Err(ReminderError::Long(length));
        }
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            contacts::lock(tx, beat.workspace, &[contact])?.pop().ok_or(ReminderError::ContactUnknown)?;
            if let Some(workflow) = new.workflow {
                let found = workflows::find(tx, beat.workspace, workflow)?;
                found.filter(|row| row.archived_at.is_none()).ok_or(ReminderError::WorkflowUnknown)?;
            }
            let reminder = Reminder {
                contact,
                due_at: due(tx, &beat, new.when)?,
                note: note.clone(),
                workflow: new.workflow,
                author: beat.actor.clone(),
                created_at: beat.now,
                told_at: None,
            };
            reminders::put(tx, beat.workspace, &reminder)?;
            let payload = json!({ "due_at": reminder.due_at, "workflow": reminder.workflow });
            beat.note(tx, "reminder.set", Some(contact), &payload)?;
            Ok(reminder)
        })
        .await
    }

    /// Takes the reminder of a contact away, which is done or not wanted any more; false if it has none.
    ///
    /// # Errors
    /// See [`ReminderError`].
    pub async fn end_reminder(&self, actor: &Actor, contact: ContactId) -> Result<bool, ReminderError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            contacts::lock(tx, beat.workspace, &[contact])?.pop().ok_or(ReminderError::ContactUnknown)?;
            let had = reminders::remove(tx, beat.workspace, contact)?;
            if had {
                beat.note(tx, "reminder.ended", Some(contact), &json!({}))?;
            }
            Ok(had)
        })
        .await
    }

    /// The reminder of a contact, if it has one.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn reminder(&self, actor: &Actor, contact: ContactId) -> Result<Option<Reminder>, ReminderError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(reminders::find(db, workspace, contact)?)).await
    }

    /// Reminders in the order of their times, after the given place; at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn reminders(
        &self,
        actor: &Actor,
        after: Option<(Timestamp, ContactId)>,
        limit: i64,
    ) -> Result<Vec<Listed>, ReminderError> {
        actor.need(Permission::Read)?;
        let (workspace, after) = (actor.workspace(), after.unwrap_or((Timestamp::MIN, ContactId(i64::MIN))));
        self.read(move |db| Ok(reminders::page(db, workspace, after, limit.clamp(1, MAX_PAGE))?)).await
    }

    /// Tells of reminders that are due, each once; says of how many.
    pub async fn tell_reminders(&self) -> Result<usize, Failure> {
        let mut told = 0;
        loop {
            let now = self.now();
            let found = self.read(move |db| Ok::<_, Failure>(reminders::untold(db, now, AT_ONCE)?)).await?;
            for (workspace, contact) in &found {
                let (beat, contact) = (self.beat_as(*workspace, "dripline"), *contact);
                let one = self.write(Lane::Normal, move |tx| tell(tx, &beat, contact)).await?;
                told += usize::from(one);
            }
            if i64::try_from(found.len()).unwrap_or(0) < AT_ONCE {
                return Ok(told);
            }
        }
    }
}

/// Tells of one that is due. Of one whose contact was deleted meanwhile nobody hears.
fn tell(tx: &mut Tx<'_>, beat: &Beat, contact: ContactId) -> Result<bool, Failure> {
    let is_there = !contacts::lock(tx, beat.workspace, &[contact])?.is_empty();
    if !reminders::tell(tx, beat.workspace, contact, beat.now)? || !is_there {
        return Ok(false);
    }
    let reminder = reminders::find(tx, beat.workspace, contact)?;
    let workflow = reminder.and_then(|reminder| reminder.workflow);
    beat.note(tx, "reminder.due", Some(contact), &json!({ "workflow": workflow }))?;
    Ok(true)
}

fn due(tx: &Tx<'_>, beat: &Beat, when: When) -> Result<Timestamp, ReminderError> {
    let zone = zone_of(tx, beat.workspace)?;
    let today = zone.local(beat.now).date();
    let at = |day: Date| zone.clock().to_timestamp(day.at(HOUR, 0, 0, 0)).ok();
    let (named, due) = match when {
        When::On(day) => (day.to_string(), at(day)),
        When::After(days) => {
            let day = today.checked_add(jiff::Span::new().days(i64::from(days))).ok();
            (format!("{days} days"), day.and_then(at))
        }
        When::At(due) => (due.to_string(), Some(due)),
    };
    match due {
        Some(due) if due <= beat.now => Err(ReminderError::Past(named)),
        Some(due) if due <= later(beat.now, FARTHEST) => Ok(due),
        _ => Err(ReminderError::Far(named)),
    }
}

fn zone_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Zone, Failure> {
    let known = facts::workspace_of(tx, workspace)?;
    Zone::named(&known.row.zone).map_err(|error| Failure::Stored(error.to_string()))
}
