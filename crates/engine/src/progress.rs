//! How far a contact is in its workflow, and what is still to come: text and date of each message that was not sent yet.
//!
//! Texts are rendered from what was frozen at the start, so they are those that will go. Dates are the plan as it stands now:
//! gaps are counted from the send before, so a date moves where that does (`domain::schedule`).

use domain::access::Permission;
use domain::enrollment::{self, EnrollmentState, StepPrice};
use domain::ids::{ContactId, WorkspaceId};
use domain::ledger::Amounts;
use domain::schedule::{self, Why};
use domain::template;
use domain::workflow::Step;
use domain::zones::Candidates;
use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use store::enrollments::{self, Enrollment};
use store::{Read, messages, runs, workflows};

use crate::actor::Actor;
use crate::claim::later;
use crate::engine::Engine;
use crate::enrolling::RemoveError;
use crate::facts::{self, Steps};
use crate::failure::Failure;

/// A message that was not sent yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ComingMessage {
    /// Which step, from 1.
    pub step: u8,
    /// As the contact will read it.
    pub text: String,
    /// When it is due, as far as is known now.
    pub due: Timestamp,
    /// The same on the contact's clock.
    pub local: DateTime,
    /// Why it is later than its gap and hour say.
    pub moved: Option<Why>,
    /// What was paid for it.
    pub price: StepPrice,
}

/// A running enrollment.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What is stored.
    pub enrollment: Enrollment,
    /// The workflow's name.
    pub workflow: String,
    /// How many messages it has.
    pub messages: usize,
    /// What is still to come, in order.
    pub coming: Vec<ComingMessage>,
    /// What an end would give back now.
    pub unsent: Amounts,
}

impl Engine {
    /// The enrollment that runs for a contact, if one does.
    pub async fn progress(&self, actor: &Actor, contact: ContactId) -> Result<Option<Progress>, RemoveError> {
        actor.need(Permission::Read)?;
        let (workspace, now, steps) = (actor.workspace(), self.now(), self.steps());
        self.read(move |db| {
            let Some(row) = runs::of(db, workspace, &[contact])?.pop() else { return Ok(None) };
            let found = enrollments::find(db, workspace, row.id)?;
            let Some(running) = found.filter(|found| found.state == EnrollmentState::Active) else { return Ok(None) };
            Ok(Some(progress(db, workspace, &steps, now, running)?))
        })
        .await
    }
}

fn progress(
    db: &Read<'_>,
    workspace: WorkspaceId,
    steps: &Steps,
    now: Timestamp,
    running: Enrollment,
) -> Result<Progress, Failure> {
    let workflow = workflows::find(db, workspace, running.workflow)?.map(|workflow| workflow.name);
    // What is with the carrier counts as sent.
    let sent_at = match (running.claimed_at, running.message) {
        (None, Some(id)) => {
            let message = messages::find(db, workspace, id)?.filter(|message| message.state.is_in_flight());
            message.map(|message| message.claimed_at.unwrap_or(message.created_at))
        }
        (claimed_at, _) => claimed_at,
    };
    let next = running.next_step.saturating_add(u8::from(sent_at.is_some()));
    let hours = facts::workspace_of(db, workspace)?.settings.hours;
    let known = steps.of(db, workspace, running.workflow, running.version)?;
    let place = facts::thawed(&running.place)?;
    let first = match (sent_at, running.due_at) {
        (Some(sent_at), _) => Before::Sent(sent_at),
        (None, due) => Before::Due(due.unwrap_or(now).max(now)),
    };
    let values = enrollments::values(db, workspace, running.id)?;
    let plan = Plan { place: &place, hours: &hours, running: &running, values: &values, steps: &known };
    let coming = plan.from(next, first)?;
    let unsent = enrollment::unsent(&running.prices, next);
    Ok(Progress { workflow: workflow.unwrap_or_default(), messages: known.len(), coming, unsent, enrollment: running })
}

/// What is known of the first message that is to come.
enum Before {
    /// When the one before it went.
    Sent(Timestamp),
    /// When it is due itself.
    Due(Timestamp),
}

struct Plan<'a> {
    place: &'a Candidates,
    hours: &'a domain::window::Hours,
    running: &'a Enrollment,
    values: &'a [(String, String)],
    steps: &'a [Step],
}

impl Plan<'_> {
    /// All messages from this step on.
    fn from(&self, next: u8, first: Before) -> Result<Vec<ComingMessage>, Failure> {
        let mut hour = self.running.hour_minute.and_then(hour_of);
        let (mut coming, mut before) = (Vec::new(), first);
        for step in next..=u8::try_from(self.steps.len()).unwrap_or(u8::MAX) {
            let message = self.message(step, &before, hour)?;
            // The hour of the first one is that of all.
            hour = hour.or(Some(message.local.time()));
            before = Before::Sent(message.due);
            coming.push(message);
        }
        Ok(coming)
    }

    fn message(&self, number: u8, before: &Before, hour: Option<Time>) -> Result<ComingMessage, Failure> {
        let stored = |what: &str| Failure::Stored(format!("{} has no {what} {number}", self.running.id));
        let place = usize::from(number).saturating_sub(1);
        let step = self.steps.get(place).ok_or_else(|| stored("step"))?;
        let price = *self.running.prices.get(place).ok_or_else(|| stored("price of step"))?;
        let (due, moved) = match *before {
            Before::Due(due) => (due, None),
            Before::Sent(sent_at) => self.after(sent_at, step.gap_days, hour),
        };
        let value = |key: &str| self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let text = step.template.render(&value).map_err(|_| stored("value for step"))?;
        let text = template::sendable(&text, facts::smart_of(&self.running.place));
        Ok(ComingMessage { step: number, text, due, local: self.place.primary.local(due), moved, price })
    }

    /// As `ruling` does it after the send.
    fn after(&self, sent_at: Timestamp, gap: u16, hour: Option<Time>) -> (Timestamp, Option<Why>) {
        let hour = hour.unwrap_or_else(|| self.place.primary.local(sent_at).time());
        let hour = Time::constant(hour.hour(), hour.minute(), 0, 0);
        schedule::next_due(sent_at, hour, gap, self.place, Some(self.hours)).map_or_else(
            |_| (later(sent_at, SignedDuration::from_hours(24 * i64::from(gap))), None),
            |planned| (planned.due, planned.moved),
        )
    }
}

/// A minute of the day as a time.
fn hour_of(minute: i64) -> Option<Time> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    Time::new(hour, minute, 0, 0).ok()
}

/// Where a contact is at this moment.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// The contact's zone.
    pub zone: String,
    /// Where the zone came from, as a word.
    pub source: String,
    /// What the contact's clock shows.
    pub local: DateTime,
    /// When a text may go, if not now, on the contact's clock.
    pub opens: Option<DateTime>,
}

impl Engine {
    /// What time it is for a contact, and whether a text may go now.
    pub async fn whereabouts(&self, actor: &Actor, contact: &store::contacts::Contact) -> Result<Whereabouts, Failure> {
        let (workspace, now, contact) = (actor.workspace(), self.now(), contact.clone());
        self.read(move |db| {
            let known = facts::workspace_of(db, workspace)?;
            let place = crate::senders::place(&contact, &known.row.zone)?;
            let opens = domain::window::next_open(&place.zones, &place.rules, Some(&known.settings.hours), now);
            Ok(Whereabouts {
                zone: place.primary.name().to_owned(),
                source: facts::source_word(place.source),
                local: place.primary.local(now),
                opens: opens.filter(|opens| *opens > now).map(|opens| place.primary.local(opens)),
            })
        })
        .await
    }
}
