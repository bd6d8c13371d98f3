//! Reminders: a contact of whom somebody wants to hear later.

use axum::Json;
use axum::extract::State;
use domain::ids::ContactId;
use engine::reminders::{NewReminder, Reminder as Row, When};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::reminders::Listed;
use utoipa::ToSchema;

use super::ids;
use super::request::{Asked, Body, Caller, Page, Paging, wrong_cursor};
use super::suppressions::Changed;
use crate::problem::Problem;
use crate::wiring::Parts;

/// A reminder of a contact.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reminder {
    contact: ids::Contact,
    due_at: Timestamp,
    /// A line for oneself; may be empty.
    note: String,
    /// The workflow to start then: by a quote of then.
    workflow: Option<ids::Workflow>,
    /// Who set it.
    author: String,
    created_at: Timestamp,
    /// When the event `reminder.due` told of it; nothing before.
    told_at: Option<Timestamp>,
}

impl From<&Row> for Reminder {
    fn from(row: &Row) -> Self {
        Self {
            contact: row.contact.into(),
            due_at: row.due_at,
            note: row.note.clone(),
            workflow: row.workflow.map(Into::into),
            author: row.author.clone(),
            created_at: row.created_at,
            told_at: row.told_at,
        }
    }
}

/// When to be reminded, and of what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReminderBody {
    /// In the future, at most 366 days away.
    #[schema(example = "2026-12-01T14:00:00Z")]
    due_at: Timestamp,
    /// A line for oneself, at most 280 characters.
    #[serde(default)]
    #[schema(example = "Back from vacation")]
    note: String,
    /// The workflow to start then.
    workflow: Option<ids::Workflow>,
}

/// List reminders
///
/// The earliest first; those that are due stay until they are done or put off.
#[utoipa::path(get, path = "/reminders", operation_id = "listReminders", tag = "Reminders", params(Paging),
    responses((status = 200, description = "A page of reminders.", body = Page<Reminder>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Reminder>>, Problem> {
    let limit = paging.limit()?;
    let after = paging.cursor.as_deref().map(|text| place(text).ok_or_else(wrong_cursor)).transpose()?;
    let rows: Vec<Row> = parts
        .engine
        .reminders(&actor, after, limit)
        .await?
        .into_iter()
        .map(|Listed { reminder, .. }| reminder)
        .collect();
    Ok(Json(Page::of(&rows, limit, |row| format!("{}~{}", row.due_at, row.contact))))
}

/// A place in the list: the time and the contact.
fn place(text: &str) -> Option<(Timestamp, ContactId)> {
    let (at, contact) = text.split_once('~')?;
    Some((at.parse().ok()?, contact.parse().ok()?))
}

/// Set the reminder of a contact
///
/// In place of the one that it has. Nobody is texted by it.
#[utoipa::path(put, path = "/contacts/{id}/reminder", operation_id = "setReminder", tag = "Reminders",
    params(("id" = ids::Contact, Path, description = "The contact.")), request_body = ReminderBody,
    responses((status = 200, description = "The reminder.", body = Reminder)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "reminder_invalid"]))))]
pub(crate) async fn set(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
    Body(body): Body<ReminderBody>,
) -> Result<Json<Reminder>, Problem> {
    let workflow = body.workflow.map(|ids::Id(workflow)| workflow);
    let new = NewReminder { when: When::At(body.due_at), note: body.note, workflow };
    Ok(Json(Reminder::from(&parts.engine.remind(&actor, contact, new).await?)))
}

/// End the reminder of a contact
///
/// It is done, or not wanted any more.
#[utoipa::path(delete, path = "/contacts/{id}/reminder", operation_id = "endReminder", tag = "Reminders",
    params(("id" = ids::Contact, Path, description = "The contact.")),
    responses((status = 200, description = "It has none; `false` if it had none.", body = Changed)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn end(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed { changed: parts.engine.end_reminder(&actor, contact).await? }))
}
