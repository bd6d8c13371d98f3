//! Conversations, their messages and events, and messages that a person writes.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use domain::access::Permission;
use domain::ids::{ContactId, EventId, MessageId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::messages::Message;

use super::{Body, Caller, Page, id, idempotency_key};
use crate::problem::Problem;
use crate::wiring::Parts;

fn message(row: &Message) -> Value {
    json!({
        "id": row.id, "contact": row.contact, "kind": row.kind.word(), "state": row.state.word(), "body": row.body,
        "segments": row.segments, "enrollment": row.enrollment, "step": row.step, "author": row.author,
        "code": row.code, "detail": row.detail, "created_at": row.created_at, "sent_at": row.sent_at,
        "state_at": row.state_at,
    })
}

pub(crate) async fn thread(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let (contact, workspace) = (id::<ContactId>(&text, "the contact")?, actor.workspace());
    parts.engine.contact(&actor, contact).await?;
    let (before, limit) = (page.after::<MessageId>()?.unwrap_or(MessageId(i64::MAX)), page.limit()?);
    let read = move |reading: &store::Read<'_>| store::messages::thread(reading, workspace, contact, before, limit);
    let rows = parts.engine.read(read).await?;
    let next = rows.last().map(|row| row.id).filter(|_| i64::try_from(rows.len()) == Ok(limit));
    Ok(Json(json!({ "data": rows.iter().map(message).collect::<Vec<_>>(), "next": next })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendBody {
    body: String,
}

pub(crate) async fn send(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    headers: HeaderMap,
    Body(body): Body<SendBody>,
) -> Result<Json<Value>, Problem> {
    if idempotency_key(&headers)?.is_some() {
        // Better refused than ignored: whoever sends a key relies on it, and a repeat would text and charge twice.
        let detail = "a message by hand cannot take an idempotency key yet; look at the thread before you repeat it";
        return Err(Problem::bad_request("idempotency_key_unsupported", detail));
    }
    Ok(Json(message(&parts.engine.send_message(&actor, id(&text, "the contact")?, &body.body).await?)))
}

pub(crate) async fn events(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let (contact, workspace) = (id::<ContactId>(&text, "the contact")?, actor.workspace());
    parts.engine.contact(&actor, contact).await?;
    let (before, limit) = (page.after::<EventId>()?.unwrap_or(EventId(i64::MAX)), page.limit()?);
    let read = move |reading: &store::Read<'_>| store::events::of_contact(reading, workspace, contact, before, limit);
    let rows = parts.engine.read(read).await?;
    let event = |row: &store::events::Event| {
        let facts: Value = serde_json::from_str(&row.payload).unwrap_or_default();
        json!({ "id": row.id, "kind": row.kind, "actor": row.actor, "at": row.at, "facts": facts })
    };
    let next = rows.last().map(|row| row.id).filter(|_| i64::try_from(rows.len()) == Ok(limit));
    Ok(Json(json!({ "data": rows.iter().map(event).collect::<Vec<_>>(), "next": next })))
}

pub(crate) async fn conversations(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    actor.need(Permission::Read)?;
    let (workspace, limit) = (actor.workspace(), page.limit()?);
    let before = match &page.cursor {
        None => (jiff::Timestamp::MAX, ContactId(i64::MAX)),
        Some(cursor) => {
            cursor_of(cursor).ok_or_else(|| Problem::bad_request("cursor", "the cursor is not one of ours"))?
        }
    };
    let read = move |reading: &store::Read<'_>| store::conversations::page(reading, workspace, before, limit);
    let rows = parts.engine.read(read).await?;
    let line = |row: &store::conversations::Conversation| {
        json!({
            "contact": row.contact, "name": row.name, "phone": row.phone, "last_at": row.last_at,
            "last_body": row.last_body, "unread": row.unread, "last_inbound_at": row.last_inbound_at,
            "last_outbound_at": row.last_outbound_at,
        })
    };
    let full = i64::try_from(rows.len()) == Ok(limit);
    let next = rows.last().filter(|_| full).map(|row| format!("{}~{}", row.last_at, row.contact));
    Ok(Json(json!({ "data": rows.iter().map(line).collect::<Vec<_>>(), "next": next })))
}

/// A place in the list: the time of the last message and the contact.
fn cursor_of(text: &str) -> Option<(jiff::Timestamp, ContactId)> {
    let (at, contact) = text.split_once('~')?;
    Some((at.parse().ok()?, contact.parse().ok()?))
}
