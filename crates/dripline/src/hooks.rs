//! `/hooks/{carrier}/{key}`: where carriers call the accounts of workspaces. `/hooks/stripe`: where Stripe calls the installation.
//!
//! The address is looked at first: what is no account's is answered before its body is read. The request is handed on as it came, byte for
//! byte, with the address that the carrier was given: our public one. It is answered after what it tells is stored, so a carrier that gets no answer comes again and loses nothing.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use engine::hear::{Callback, HearError};
use engine::payments::PaymentHearError;

use crate::wiring::Parts;

/// The largest call, in bytes: many times what a text of ten segments takes in any carrier's form.
const MAX_CALL_BYTES: usize = 1024 * 1024;
/// How long a carrier is asked to wait before it comes again.
const AGAIN_SECONDS: &str = "5";

pub(crate) fn routes() -> Router<Parts> {
    Router::new().route("/hooks/stripe", post(take_payment)).route("/hooks/{carrier}/{key}", get(take).post(take))
}

async fn take(
    State(parts): State<Parts>,
    Path((carrier, key)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(public_url) = parts.engine.public_url() else { return StatusCode::NOT_FOUND.into_response() };
    if let Err(error) = parts.engine.knows_address(&carrier, &key).await {
        return refused(&carrier, &error);
    }
    let Ok(body) = to_bytes(body, MAX_CALL_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "a call has at most a mebibyte\n").into_response();
    };
    let url = format!("{public_url}{}", uri.path_and_query().map_or("", |path| path.as_str()));
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let callback =
        Callback { method: method.as_str(), url: &url, headers: &headers, body: &body, at: parts.engine.now() };
    match parts.engine.hear(&carrier, &key, &callback).await {
        // To Kannel, which calls by GET, "no content" is a failure.
        Ok(_) if method == Method::GET => StatusCode::OK.into_response(),
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refused(&carrier, &error),
    }
}

fn refused(carrier: &str, error: &HearError) -> Response {
    match error {
        HearError::Unknown => (StatusCode::NOT_FOUND, format!("{error}\n")).into_response(),
        HearError::Unverified(_) => (StatusCode::FORBIDDEN, format!("{error}\n")).into_response(),
        _ => {
            tracing::error!(%carrier, %error, "a call of a carrier could not be taken; it has to come again");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, AGAIN_SECONDS)]).into_response()
        }
    }
}

/// A call of Stripe's. It is answered after what it is about was asked for and stored, so one that cannot be taken comes again.
async fn take_payment(State(parts): State<Parts>, headers: HeaderMap, body: Body) -> Response {
    if !parts.engine.takes_cards() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Ok(body) = to_bytes(body, MAX_CALL_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "a call has at most a mebibyte\n").into_response();
    };
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match parts.engine.hear_payments(signature, &body).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(PaymentHearError::NoCards) => StatusCode::NOT_FOUND.into_response(),
        Err(PaymentHearError::NotSigned(why)) => {
            tracing::warn!(%why, "a call to /hooks/stripe was refused");
            (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "a call of Stripe's could not be taken; it has to come again");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, AGAIN_SECONDS)]).into_response()
        }
    }
}
