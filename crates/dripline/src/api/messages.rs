//! Messages: a contact's thread, one by one, those in doubt, and those that a person writes.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::ids::MessageId;
use engine::Failure;
use engine::doubts::{Doubts, Fate};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{messages, receipts};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::request::{Asked, Body, Caller, KeyHeader, Page, Paging};
use super::words::{FateWord, MessageKindWord, MessageStateWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// One text, inbound or outbound.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    id: ids::Message,
    contact: ids::Contact,
    kind: MessageKindWord,
    state: MessageStateWord,
    body: String,
    segments: i64,
    /// The enrollment that it is a step of.
    enrollment: Option<ids::Enrollment>,
    /// Which step, from 1.
    step: Option<u8>,
    /// Who wrote it.
    author: String,
    /// The carrier's code of the last failure.
    code: Option<String>,
    /// The same in plain words.
    detail: Option<String>,
    created_at: Timestamp,
    /// When the carrier took it.
    sent_at: Option<Timestamp>,
    /// When its state changed last.
    state_at: Timestamp,
    /// What the carrier says that it costs, in millionths of its currency; told for one message only, and not by every carrier.
    carrier_cost: Option<i64>,
    /// That currency, after ISO 4217.
    carrier_currency: Option<String>,
    /// In doubt, and nobody can be asked any more: a person has to settle it.
    for_a_person: bool,
}

impl From<&messages::Message> for Message {
    fn from(row: &messages::Message) -> Self {
        Self {
            id: row.id.into(),
            contact: row.contact.into(),
            kind: Word::of(row.kind.word()),
            state: Word::of(row.state.word()),
            body: row.body.clone(),
            segments: row.segments,
            enrollment: row.enrollment.map(Into::into),
            step: row.step,
            author: row.author.clone(),
            code: row.code.clone(),
            detail: row.detail.clone(),
            created_at: row.created_at,
            sent_at: row.sent_at,
            state_at: row.state_at,
            carrier_cost: None,
            carrier_currency: None,
            for_a_person: row.is_for_a_person(),
        }
    }
}

/// List the messages of a conversation
///
/// Newest first.
#[utoipa::path(get, path = "/contacts/{id}/messages", operation_id = "listMessages", tag = "Messages",
    params(("id" = ids::Contact, Path, description = "The contact."), Paging),
    responses((status = 200, description = "A page of messages.", body = Page<Message>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "query", "limit", "cursor"]))))]
pub(crate) async fn thread(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Message>>, Problem> {
    parts.engine.contact(&actor, contact).await?;
    let (before, limit) = (paging.after()?.unwrap_or(MessageId(i64::MAX)), paging.limit()?);
    let workspace = actor.workspace();
    let texts = parts.engine.texts();
    let rows = parts.engine.read(move |reading| texts.thread(reading, workspace, contact, before, limit)).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// Which messages in doubt, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Doubtful {
    /// How many rows, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// The `next` of the page before; nothing for the first page.
    cursor: Option<String>,
    /// Only those that a person has to settle.
    #[param(default = false)]
    for_a_person: Option<bool>,
}

/// List the messages whose outcome is not known
///
/// Oldest first, of the whole workspace. They are asked for at their carrier and never sent again by themselves. Those of
/// which the carrier cannot tell are for a person to settle.
#[utoipa::path(get, path = "/messages/in-doubt", operation_id = "listMessagesInDoubt", tag = "Messages", params(Doubtful),
    responses((status = 200, description = "A page of messages.", body = Page<Message>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn in_doubt(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(Doubtful { limit, cursor, for_a_person }): Asked<Doubtful>,
) -> Result<Json<Page<Message>>, Problem> {
    let paging = Paging { limit, cursor };
    let (after, limit) = (paging.after()?, paging.limit()?);
    let which = if for_a_person == Some(true) { Doubts::ForAPerson } else { Doubts::All };
    let rows = parts.engine.doubts(&actor, which, after, limit).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// What a person knows of a message in doubt.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleBody {
    fate: FateWord,
}

/// Settle a message in doubt
///
/// For a message of which the carrier cannot tell. Money and workflow move as if the carrier had said it: what was sent
/// is earned, what was not sent comes back, and the workflow goes on with the next step. Nothing is sent again.
#[utoipa::path(post, path = "/messages/{id}/settle", operation_id = "settleMessage", tag = "Messages",
    params(("id" = ids::Message, Path, description = "The message.")), request_body = SettleBody,
    responses((status = 200, description = "The message, settled.", body = Message)),
    extensions(("x-permission" = json!("send")), ("x-problems" = json!(["not_found", "not_in_doubt"]))))]
pub(crate) async fn settle(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Message,
    Body(body): Body<SettleBody>,
) -> Result<Json<Message>, Problem> {
    let fate = Fate::from_word(body.fate.as_str()).expect("a body holds words of the list only");
    let settled = parts.engine.settle_by_hand(&actor, id, fate).await?;
    Ok(Json(Message::from(&settled)))
}

/// Show a message
#[utoipa::path(get, path = "/messages/{id}", operation_id = "showMessage", tag = "Messages",
    params(("id" = ids::Message, Path, description = "The message.")),
    responses((status = 200, description = "The message.", body = Message)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Message,
) -> Result<Json<Message>, Problem> {
    actor.need(Permission::Read)?;
    let workspace = actor.workspace();
    let texts = parts.engine.texts();
    let read = move |reading: &store::Read<'_>| {
        Ok::<_, Failure>((texts.find(reading, workspace, id)?, receipts::cost(reading, workspace, id)?))
    };
    let (found, cost) = parts.engine.read(read).await?;
    let row = found.ok_or_else(|| Problem::not_found("the message"))?;
    let (carrier_cost, carrier_currency) = cost.unzip();
    Ok(Json(Message { carrier_cost, carrier_currency, ..Message::from(&row) }))
}

/// A message to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendBody {
    /// The text, at most 2 segments.
    #[schema(example = "Thursday at 5 works. See you then!")]
    body: String,
}

/// Send a message by hand
///
/// It goes out by itself, in the send window unless the contact wrote within the last half hour, and is charged then. A
/// running workflow goes on. Send an idempotency key, so that a repeat neither texts nor charges twice.
#[utoipa::path(post, path = "/contacts/{id}/messages", operation_id = "sendMessage", tag = "Messages",
    params(("id" = ids::Contact, Path, description = "The contact."), KeyHeader), request_body = SendBody,
    responses((status = 200, description = "The message, waiting to go out.", body = Message)),
    extensions(("x-permission" = json!("send")), ("x-problems" = json!(["not_found", "message_empty", "message_too_long",
        "opted_out", "do_not_contact", "compliance_blocked", "undeliverable", "workspace_suspended", "no_messaging_plan", "no_outbound_number",
        "number_not_ready",
        "insufficient_funds"]))))]
pub(crate) async fn send(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
    Body(body): Body<SendBody>,
) -> Result<Json<Message>, Problem> {
    Ok(Json(Message::from(&parts.engine.send_message(&actor, contact, &body.body).await?)))
}
