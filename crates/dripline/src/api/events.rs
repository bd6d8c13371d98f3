//! The history: of a contact, and of the whole workspace.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::ids::EventId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use store::events;
use utoipa::ToSchema;

use super::ids;
use super::request::{Asked, Caller, Page, Paging};
use crate::problem::Problem;
use crate::wiring::Parts;

/// One thing that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    id: ids::Event,
    /// What happened.
    #[schema(example = "enrollment.stopped")]
    kind: String,
    /// The contact that it is about.
    contact: Option<ids::Contact>,
    /// Who did it: the identifier of a user or a key, `operator` (and a name, where it is known), `contact`, `carrier` or `dripline`.
    actor: String,
    at: Timestamp,
    /// Its facts; which ones says the kind.
    #[schema(value_type = Object, example = json!({"reason": "replied", "refunded_credits": 2}))]
    facts: Value,
}

impl From<&events::Event> for Event {
    fn from(row: &events::Event) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind.clone(),
            contact: row.contact.map(Into::into),
            actor: row.actor.clone(),
            at: row.at,
            facts: serde_json::from_str(&row.payload).unwrap_or_default(),
        }
    }
}

/// List what happened with a contact
///
/// Newest first.
#[utoipa::path(get, path = "/contacts/{id}/events", operation_id = "listEventsOfContact", tag = "Events",
    params(("id" = ids::Contact, Path, description = "The contact."), Paging),
    responses((status = 200, description = "A page of events.", body = Page<Event>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "query", "limit", "cursor"]))))]
pub(crate) async fn of_contact(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Event>>, Problem> {
    parts.engine.contact(&actor, contact).await?;
    let (before, limit) = (paging.after()?.unwrap_or(EventId(i64::MAX)), paging.limit()?);
    let workspace = actor.workspace();
    let rows = parts.engine.read(move |reading| events::of_contact(reading, workspace, contact, before, limit)).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// List what happened in the workspace
///
/// Oldest first. The identifier of any event is a cursor: give that of the last one that you have seen to get what came
/// after it.
#[utoipa::path(get, path = "/events", operation_id = "listEvents", tag = "Events", params(Paging),
    responses((status = 200, description = "A page of events.", body = Page<Event>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Event>>, Problem> {
    actor.need(Permission::Read)?;
    let (after, limit) = (paging.after()?.unwrap_or(EventId(i64::MIN)), paging.limit()?);
    let workspace = actor.workspace();
    let rows = parts.engine.read(move |reading| events::page(reading, workspace, after, limit)).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}
