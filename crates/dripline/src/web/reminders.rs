//! `/reminders`: of whom somebody wants to hear later, the earliest first. They are set beside a conversation ([`super::about`]).

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::{ContactId, WorkflowId};
use engine::reminders::{NewReminder, When};
use jiff::Timestamp;
use serde::Deserialize;

use super::answer::{Done, html};
use super::format::{self, Moment};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// Reminders on one page.
const LISTED: i64 = 100;
/// By how many days a press puts one off.
const PUT_OFF: u16 = 7;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/reminders", get(show))
        .route("/reminders/{id}/done", post(done))
        .route("/reminders/{id}/later", post(put_off))
}

struct Line {
    contact: ContactId,
    name: String,
    phone: String,
    due: Moment,
    is_due: bool,
    note: String,
    /// The workflow to start, if it is there still.
    start: Option<(WorkflowId, String)>,
}

#[derive(Template)]
#[template(path = "reminders.html")]
struct RemindersPage<'v> {
    frame: Frame<'v>,
    lines: Vec<Line>,
    next: Option<String>,
    may_write: bool,
    may_enroll: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    after: String,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let place = |text: &str| -> Option<(Timestamp, ContactId)> {
        let (at, contact) = text.split_once('~')?;
        Some((at.parse().ok()?, contact.parse().ok()?))
    };
    let found = parts.engine.reminders(&viewer.actor, place(&asked.after), LISTED).await?;
    let full = i64::try_from(found.len()).unwrap_or(0) == LISTED;
    let next = found.last().filter(|_| full).map(|row| format!("{}~{}", row.reminder.due_at, row.reminder.contact));
    let line = |row: store::reminders::Listed| Line {
        contact: row.reminder.contact,
        name: row.name,
        phone: format::phone(&row.phone),
        due: format::moment(row.reminder.due_at, viewer.now, &viewer.zone),
        is_due: row.reminder.due_at <= viewer.now,
        note: row.reminder.note,
        start: row.reminder.workflow.zip(row.workflow),
    };
    Ok(html(&RemindersPage {
        frame: Frame::new("Reminders", Section::Messenger, &viewer),
        lines: found.into_iter().map(line).collect(),
        next,
        may_write: viewer.may("contacts:write"),
        may_enroll: viewer.may("enroll"),
    }))
}

async fn done(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    parts.engine.end_reminder(&viewer.actor, id).await?;
    Ok(Done::to("/reminders").saying("Done").into_response())
}

async fn put_off(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    let kept = parts.engine.reminder(&viewer.actor, id).await?.ok_or_else(|| Wrong::not_found("the reminder"))?;
    let new = NewReminder { when: When::After(PUT_OFF), note: kept.note, workflow: kept.workflow };
    parts.engine.remind(&viewer.actor, id, new).await?;
    Ok(Done::to("/reminders").saying("Put off by a week").into_response())
}

/// A form that sets a reminder: in so many days, or on a day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Remind {
    days: String,
    on: String,
    note: String,
    workflow: String,
}

impl Remind {
    /// What is asked for.
    pub(super) fn wish(self) -> Result<NewReminder, Wrong> {
        let when = match (self.days.parse(), self.on.trim().parse()) {
            (Ok(days), _) => When::After(days),
            (_, Ok(day)) => When::On(day),
            _ => return Err(Problem::new(Code::ReminderInvalid, "choose a day").into()),
        };
        let workflow = match self.workflow.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| Wrong::not_found("the workflow"))?),
        };
        Ok(NewReminder { when, note: self.note, workflow })
    }
}
