//! Outgoing webhooks: endpoints, what was delivered to them, and delivering it again.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts as Head;
use domain::ids::EventId;
use domain::webhook::DeliveryState;
use engine::webhooks::log::{Again, Logged};
use engine::webhooks::{Wanted, Webhook as Row, WebhookChange};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::request::{All, Asked, Body, Caller, KeyHeader, Page, Paging};
use super::words::{AgainWord, DeliveryStateWord, EndpointStateWord, SwitchWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// An endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    id: ids::Webhook,
    url: String,
    description: String,
    /// The kinds of events that it wants; none for all.
    kinds: Vec<String>,
    state: EndpointStateWord,
    /// Since when it is not on.
    stopped_at: Option<Timestamp>,
    /// Why it was disabled: `gone` (it answered 410) or `unanswered` (it took nothing for three days).
    stopped_because: Option<String>,
    /// Since when every call has failed.
    failing_since: Option<Timestamp>,
    /// When it took something last.
    delivered_at: Option<Timestamp>,
    /// Until when the secret before signs too.
    old_secret_until: Option<Timestamp>,
    created_at: Timestamp,
    changed_at: Timestamp,
}

impl From<&Row> for Webhook {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id.into(),
            url: row.url.clone(),
            description: row.description.clone(),
            kinds: row.kinds.list(),
            state: Word::of(row.state.word()),
            stopped_at: row.stopped_at,
            stopped_because: row.stopped_because.clone(),
            failing_since: row.failing_since,
            delivered_at: row.delivered_at,
            old_secret_until: row.old_until,
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

/// List endpoints
#[utoipa::path(get, path = "/webhooks", operation_id = "listWebhooks", tag = "Webhooks",
    responses((status = 200, description = "All endpoints, the oldest first.", body = All<Webhook>)),
    extensions(("x-permission" = json!("settings:write"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<Webhook>>, Problem> {
    let rows = parts.engine.webhooks(&actor).await?;
    Ok(Json(All { data: rows.iter().map(Webhook::from).collect() }))
}

/// An endpoint to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhookBody {
    /// Where it is called: `https`, at an address of the public internet, unless the operator allows others.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// What it is for, up to 120 characters.
    #[serde(default)]
    #[schema(example = "CRM")]
    description: String,
    /// The kinds of events that it wants; none for all.
    #[serde(default)]
    #[schema(example = json!(["message.received", "enrollment.stopped"]))]
    kinds: Vec<String>,
}

/// An endpoint that was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// The secret that signs, shown this once. A repeat under the same idempotency key makes no second endpoint and has `null` here:
    /// if the first answer was lost, rotate the secret.
    #[schema(example = "whsec_…")]
    secret: Option<String>,
}

/// Add an endpoint
///
/// It is told whatever happens after this has answered. A workspace has at most 10.
#[utoipa::path(post, path = "/webhooks", operation_id = "createWebhook", tag = "Webhooks", params(KeyHeader), request_body = NewWebhookBody,
    responses((status = 200, description = "The endpoint with its secret.", body = NewWebhook)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["webhook_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewWebhookBody>,
) -> Result<Json<NewWebhook>, Problem> {
    let (row, secret) = parts.engine.add_webhook(&actor, &body.url, &body.description, &body.kinds).await?;
    Ok(Json(NewWebhook { webhook: Webhook::from(&row), secret: Some(secret).filter(|secret| !secret.is_empty()) }))
}

/// Show an endpoint
#[utoipa::path(get, path = "/webhooks/{id}", operation_id = "showWebhook", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint.")),
    responses((status = 200, description = "The endpoint.", body = Webhook)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
) -> Result<Json<Webhook>, Problem> {
    Ok(Json(Webhook::from(&parts.engine.webhook(&actor, id).await?)))
}

/// What changes; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookBody {
    #[schema(example = "https://example.com/hooks")]
    url: Option<String>,
    #[schema(example = "CRM")]
    description: Option<String>,
    /// None for all.
    #[schema(example = json!(["message.received"]))]
    kinds: Option<Vec<String>>,
    /// `on` switches a disabled one on again too: it goes on with what still waits. What happened meanwhile is delivered by a replay.
    state: Option<SwitchWord>,
}

/// Change an endpoint
#[utoipa::path(patch, path = "/webhooks/{id}", operation_id = "changeWebhook", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint.")), request_body = WebhookBody,
    responses((status = 200, description = "The endpoint as it is now.", body = Webhook)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["not_found", "webhook_invalid"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
    Body(body): Body<WebhookBody>,
) -> Result<Json<Webhook>, Problem> {
    let on = body.state.map(|word| if word.as_str() == "on" { Wanted::On } else { Wanted::Off });
    let change = WebhookChange { url: body.url, description: body.description, kinds: body.kinds, on };
    Ok(Json(Webhook::from(&parts.engine.change_webhook(&actor, id, change).await?)))
}

/// What was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookRemoved {
    removed: ids::Webhook,
}

/// Remove an endpoint
///
/// What waits for it is not delivered any more, and its log goes.
#[utoipa::path(delete, path = "/webhooks/{id}", operation_id = "removeWebhook", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint.")),
    responses((status = 200, description = "It is removed.", body = WebhookRemoved)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
) -> Result<Json<WebhookRemoved>, Problem> {
    parts.engine.remove_webhook(&actor, id).await?;
    Ok(Json(WebhookRemoved { removed: id.into() }))
}

/// A new secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewSecret {
    /// Shown this once; `null` on a repeat under the same idempotency key.
    #[schema(example = "whsec_…")]
    secret: Option<String>,
}

/// Rotate the secret
///
/// The one before signs too for another 24 hours: calls carry both signatures.
#[utoipa::path(post, path = "/webhooks/{id}/secret", operation_id = "rotateWebhookSecret", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint."), KeyHeader),
    responses((status = 200, description = "The new secret.", body = NewSecret)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["not_found", "webhook_invalid"]))))]
pub(crate) async fn rotate(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
) -> Result<Json<NewSecret>, Problem> {
    let secret = parts.engine.rotate_webhook(&actor, id).await?;
    Ok(Json(NewSecret { secret: Some(secret).filter(|secret| !secret.is_empty()) }))
}

/// A test on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tested {
    /// The event that it tells; its delivery is in the log.
    event: ids::Event,
}

/// Send a test event
///
/// The event `webhook.tested`, whatever kinds the endpoint wants. Others that want it get it too: it is in the history.
#[utoipa::path(post, path = "/webhooks/{id}/test", operation_id = "testWebhook", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint."), KeyHeader),
    responses((status = 200, description = "The event.", body = Tested)),
    extensions(("x-permission" = json!("settings:write")),
        ("x-problems" = json!(["not_found", "webhook_not_on", "webhook_invalid"]))))]
pub(crate) async fn test(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
) -> Result<Json<Tested>, Problem> {
    Ok(Json(Tested { event: parts.engine.test_webhook(&actor, id).await?.into() }))
}

/// A delivery.
#[derive(Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// What it tells; also its `webhook-id`.
    event: ids::Event,
    /// The kind of the event.
    #[schema(example = "message.received")]
    kind: String,
    /// The contact that it is about. Those of one contact go one after the other.
    contact: Option<ids::Contact>,
    /// When it happened.
    at: Timestamp,
    state: DeliveryStateWord,
    /// How often it was tried since it was queued.
    tries: i64,
    queued_at: Timestamp,
    /// When it is tried next; nothing when it is over, or waits for an earlier one of its contact.
    next_try_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    /// The status of the last answer; nothing if there was none.
    status: Option<i64>,
    /// The beginning of the last answer, or why there was none.
    answer: Option<String>,
    took_millis: Option<i64>,
}

impl From<&Logged> for Delivery {
    fn from(row: &Logged) -> Self {
        Self {
            event: row.event.into(),
            kind: row.kind.clone(),
            contact: row.contact.map(Into::into),
            at: row.at,
            state: Word::of(row.state.word()),
            tries: row.tries,
            queued_at: row.queued_at,
            next_try_at: row.due_at.filter(|_| row.state == DeliveryState::Pending),
            tried_at: row.tried_at,
            status: row.status,
            answer: row.said.clone(),
            took_millis: row.took_millis,
        }
    }
}

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichDeliveries {
    /// Of this state only.
    #[param(inline)]
    state: Option<DeliveryStateWord>,
    /// How many rows, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// The `next` of the page before; nothing for the first page.
    cursor: Option<String>,
}

/// List deliveries
///
/// The newest event first. Those that are over are kept for 30 days.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint."), WhichDeliveries),
    responses((status = 200, description = "A page of deliveries.", body = Page<Delivery>)),
    extensions(("x-permission" = json!("settings:write")),
        ("x-problems" = json!(["not_found", "query", "limit", "cursor"]))))]
pub(crate) async fn deliveries(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
    Asked(which): Asked<WhichDeliveries>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let paging = Paging { limit: which.limit, cursor: which.cursor };
    let (before, limit) = (paging.after::<EventId>()?, paging.limit()?);
    let state = which.state.and_then(|word| DeliveryState::from_word(word.as_str()));
    let rows = parts.engine.webhook_log(&actor, id, state, before, limit).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.event.to_string())))
}

/// The event of a path.
pub(crate) struct OfPath(EventId);

impl FromRequestParts<Parts> for OfPath {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let text = ids::in_path(head, parts, "event").await;
        let event = text.and_then(|text| text.parse().ok());
        event.map(Self).ok_or_else(|| Problem::not_found("the endpoint or the delivery"))
    }
}

/// Deliver one event again
///
/// It has all its tries again, under the same `webhook-id`. One that waits for its next try is tried now.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{event}/replay", operation_id = "replayWebhookDelivery", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint."), ("event" = ids::Event, Path, description = "The event.")),
    responses((status = 200, description = "The delivery as it is now.", body = Delivery)),
    extensions(("x-permission" = json!("settings:write")),
        ("x-problems" = json!(["not_found", "webhook_not_on", "webhook_invalid"]))))]
pub(crate) async fn replay_one(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
    OfPath(event): OfPath,
) -> Result<Json<Delivery>, Problem> {
    Ok(Json(Delivery::from(&parts.engine.replay_delivery(&actor, id, event).await?)))
}

/// What is delivered again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayBody {
    /// What happened at this time or after it, at most 30 days ago.
    #[schema(example = "2026-11-24T00:00:00Z")]
    since: Timestamp,
    /// `undelivered` if left out.
    which: Option<AgainWord>,
}

/// What was queued.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many deliveries.
    queued: u64,
    /// If more happened than one call looks at (100,000 events): the `since` to go on with.
    next: Option<Timestamp>,
}

/// Deliver what happened since an instant
///
/// What the endpoint wants and was not delivered to it, or everything. What waits anyway stays as it is.
#[utoipa::path(post, path = "/webhooks/{id}/replay", operation_id = "replayWebhook", tag = "Webhooks",
    params(("id" = ids::Webhook, Path, description = "The endpoint.")), request_body = ReplayBody,
    responses((status = 200, description = "What was queued.", body = Replayed)),
    extensions(("x-permission" = json!("settings:write")),
        ("x-problems" = json!(["not_found", "webhook_not_on", "webhook_invalid"]))))]
pub(crate) async fn replay(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Webhook,
    Body(body): Body<ReplayBody>,
) -> Result<Json<Replayed>, Problem> {
    let everything = body.which.is_some_and(|word| word.as_str() == Again::Everything.word());
    let again = if everything { Again::Everything } else { Again::Undelivered };
    let done = parts.engine.replay_webhook(&actor, id, body.since, again).await?;
    Ok(Json(Replayed { queued: done.queued, next: done.next }))
}
