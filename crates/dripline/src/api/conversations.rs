//! Conversations: the list, and the mark of having read one.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::ids::ContactId;
use jiff::Timestamp;
use serde::Serialize;
use store::conversations;
use utoipa::ToSchema;

use super::ids;
use super::request::{Asked, Caller, Page, Paging, wrong_cursor};
use super::suppressions::Changed;
use crate::problem::Problem;
use crate::wiring::Parts;

/// A line of the list of conversations.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conversation {
    contact: ids::Contact,
    name: String,
    phone: String,
    /// When the last message went or came.
    last_at: Timestamp,
    /// Its text.
    last_body: String,
    /// How many inbound messages nobody has read.
    unread: i64,
    /// When the contact wrote last.
    last_inbound_at: Option<Timestamp>,
    /// When we wrote last.
    last_outbound_at: Option<Timestamp>,
}

impl From<&conversations::Conversation> for Conversation {
    fn from(row: &conversations::Conversation) -> Self {
        Self {
            contact: row.contact.into(),
            name: row.name.clone(),
            phone: row.phone.clone(),
            last_at: row.last_at,
            last_body: row.last_body.clone(),
            unread: row.unread,
            last_inbound_at: row.last_inbound_at,
            last_outbound_at: row.last_outbound_at,
        }
    }
}

/// List conversations
///
/// The one with the newest message first.
#[utoipa::path(get, path = "/conversations", operation_id = "listConversations", tag = "Conversations", params(Paging),
    responses((status = 200, description = "A page of conversations.", body = Page<Conversation>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Conversation>>, Problem> {
    actor.need(Permission::Read)?;
    let (workspace, limit) = (actor.workspace(), paging.limit()?);
    let first = (Timestamp::MAX, ContactId(i64::MAX));
    let before = paging.cursor.as_deref().map_or(Ok(first), |text| place(text).ok_or_else(wrong_cursor))?;
    let rows = parts.engine.read(move |reading| conversations::page(reading, workspace, before, limit)).await?;
    let cursor = |row: &conversations::Conversation| format!("{}~{}", row.last_at, row.contact);
    Ok(Json(Page::of(&rows, limit, cursor)))
}

/// A place in the list: the time of the last message and the contact.
fn place(text: &str) -> Option<(Timestamp, ContactId)> {
    let (at, contact) = text.split_once('~')?;
    Some((at.parse().ok()?, contact.parse().ok()?))
}

/// Mark a conversation as read
///
/// For everybody in the workspace.
#[utoipa::path(post, path = "/contacts/{id}/read", operation_id = "markRead", tag = "Conversations",
    params(("id" = ids::Contact, Path, description = "The contact.")),
    responses((status = 200, description = "Nothing in it is unread; `false` if nothing was unread.", body = Changed)),
    extensions(("x-permission" = json!("send")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn mark_read(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed { changed: parts.engine.mark_read(&actor, contact).await? }))
}
