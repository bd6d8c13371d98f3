//! The JSON API under `/api/v1`: routes, who asks, pages. No rule lives here.
//!
//! Identifiers are prefixed text, money is an integer of micro-dollars, time is RFC 3339 in UTC. Another
//! workspace's object is *not found*, never *forbidden*.

pub(crate) mod contacts;
pub(crate) mod enrollments;
pub(crate) mod messages;
pub(crate) mod simulator;
pub(crate) mod workflows;
pub(crate) mod workspace;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts as Head;
use axum::routing::{delete, get, post, put};
use engine::Actor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::wiring::Parts;

/// Largest page.
pub(crate) const MAX_PAGE: i64 = 200;
const PAGE: i64 = 50;

/// All routes, with bodies up to this many bytes; files for import may be larger.
pub(crate) fn routes(max_body_bytes: usize) -> Router<Parts> {
    let import = post(contacts::import).layer(DefaultBodyLimit::max(max_body_bytes.saturating_mul(512)));
    Router::new()
        .route("/workspace", get(workspace::show))
        .route("/balances", get(workspace::balances))
        .route("/ledger", get(workspace::verify))
        .route("/numbers", get(workspace::numbers).post(workspace::add_number))
        .route("/keys", get(workspace::keys).post(workspace::add_key))
        .route("/keys/{id}", delete(workspace::revoke_key))
        .route("/contacts", get(contacts::list).post(contacts::create))
        .route("/contacts/import", import)
        .route("/contacts/{id}", get(contacts::show).patch(contacts::edit).delete(contacts::remove))
        .route("/contacts/{id}/suppressions", get(contacts::suppressions))
        .route("/contacts/{id}/suppressions/{kind}", put(contacts::suppress).delete(contacts::unsuppress))
        .route("/contacts/{id}/messages", get(messages::thread).post(messages::send))
        .route("/contacts/{id}/events", get(messages::events))
        .route("/conversations", get(messages::conversations))
        .route("/workflows", get(workflows::list).post(workflows::create))
        .route("/workflows/order", put(workflows::order))
        .route("/workflows/{id}", get(workflows::show).put(workflows::edit).delete(workflows::remove))
        .route("/workflows/{id}/duplicate", post(workflows::duplicate))
        .route("/workflows/{id}/pause", get(workflows::pause_preview).post(workflows::pause))
        .route("/quotes", post(enrollments::quote))
        .route("/quotes/many", post(enrollments::quote_many))
        .route("/enrollments", post(enrollments::start))
        .route("/enrollments/many", post(enrollments::start_many))
        .route("/enrollments/{id}", get(enrollments::show).delete(enrollments::remove))
        .route("/jobs/{id}", get(enrollments::job))
        .route("/jobs/{id}/refusals", get(enrollments::job_refusals))
        .route("/simulator/clock", get(simulator::clock).post(simulator::push))
        .route("/simulator/handsets/{phone}", get(simulator::inbox))
        .route("/simulator/replies", post(simulator::reply))
        .fallback(async || Problem::not_found("this address"))
        .layer(DefaultBodyLimit::max(max_body_bytes))
}

/// Who asks: read from the key in the `Authorization` header.
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<Parts> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let text = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = text.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(Problem::unauthorized)?;
        Ok(Self(parts.engine.authenticate(key.trim()).await?))
    }
}

/// A JSON body; what is wrong with it is told with its place.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Parts> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, Problem> {
        let bytes = axum::body::Bytes::from_request(request, parts).await;
        let bytes = bytes.map_err(|error| Problem::bad_request("body", error.body_text()))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Problem::bad_request("json", error.to_string()))
    }
}

/// An identifier in the path; one of another kind is *not found*.
pub(crate) fn id<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(what))
}

/// Which page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    limit: Option<i64>,
    pub(crate) cursor: Option<String>,
    pub(crate) search: Option<String>,
}

impl Page {
    /// How many rows, within the limits.
    pub(crate) fn limit(&self) -> Result<i64, Problem> {
        let limit = self.limit.unwrap_or(PAGE);
        if (1..=MAX_PAGE).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::bad_request("limit", format!("limit is {limit}; it must be 1 to {MAX_PAGE}")))
    }

    /// The identifier that the cursor holds.
    pub(crate) fn after<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        let read = |cursor: &String| {
            cursor.parse().map_err(|_| Problem::bad_request("cursor", "the cursor is not one of ours"))
        };
        self.cursor.as_ref().map(read).transpose()
    }
}

/// The caller's idempotency key.
pub(crate) fn idempotency_key(headers: &axum::http::HeaderMap) -> Result<Option<String>, Problem> {
    let value = headers.get("idempotency-key").map(|value| value.to_str().map(str::to_owned));
    value.transpose().map_err(|_| Problem::bad_request("idempotency_key", "the idempotency key must be plain ASCII"))
}
