//! `/hooks/{carrier}/{key}`: where carriers call the accounts of workspaces. `/hooks/stripe`: where Stripe calls the installation.
//!
//! The address is looked at first: what is no account's is answered before its body is read. The request is handed on as it came, byte for
//! byte, with the address that the carrier was given: our public one. It is answered after what it tells is stored, so a carrier that gets no answer comes again and loses nothing.
//!
//! Calls in hand have an end, in number, in bytes and in time: 4,096 of at most 128 KiB, half of them at one address, and 16 of Stripe's of a mebibyte, each read within ten seconds. One more is told to come again, as it is where the line in front of the database is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use engine::hear::{Callback, HearError};
use engine::payments::PaymentHearError;

use crate::wiring::Parts;

/// Most calls of carriers that are read, or wait until they are stored, at once.
const CALLS_IN_HAND: usize = 4_096;
/// Most of them at one address: two seconds of a thousand a second, and whoever fills them keeps out nobody else.
const CALLS_OF_ONE: usize = CALLS_IN_HAND / 2;
/// Most calls of Stripe at once.
const PAYMENTS_IN_HAND: usize = 16;
/// How long a call may take to be read: carriers send theirs in one piece.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// The largest call of a carrier, in bytes: many times what a text of ten segments takes in any carrier's form.
const MAX_CALL_BYTES: usize = 128 * 1024;
/// The largest call of Stripe, in bytes: it holds a whole object, with its lines.
const MAX_PAYMENT_BYTES: usize = 1024 * 1024;
/// How long a carrier is asked to wait before it comes again.
const AGAIN_SECONDS: &str = "5";

pub(crate) fn routes() -> Router<Parts> {
    let (calls, payments) = (InHand::new(CALLS_IN_HAND, CALLS_OF_ONE), InHand::new(PAYMENTS_IN_HAND, PAYMENTS_IN_HAND));
    Router::new()
        .route("/hooks/stripe", post(take_payment).layer(Extension(payments)))
        .route("/hooks/{carrier}/{key}", get(take).post(take).layer(Extension(calls)))
}

/// Calls that are in hand, by their address: memory has a limit, however many come while the database is slow.
#[derive(Debug, Clone)]
struct InHand {
    most: usize,
    of_one: usize,
    /// All of them, and those of each address that has any.
    now: Arc<Mutex<(usize, HashMap<String, usize>)>>,
}

/// A call in hand, until it is dropped.
struct Held {
    calls: InHand,
    address: String,
}

impl InHand {
    fn new(most: usize, of_one: usize) -> Self {
        Self { most, of_one, now: Arc::default() }
    }

    /// Nothing if there are too many already.
    fn take(&self, address: &str) -> Option<Held> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *now;
        let own = by_address.get(address).copied().unwrap_or_default();
        if *all >= self.most || own >= self.of_one {
            tracing::warn!(all, own, "too many calls are in hand; one has to come again");
            return None;
        }
        *all += 1;
        by_address.insert(address.to_owned(), own + 1);
        Some(Held { calls: self.clone(), address: address.to_owned() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut now = self.calls.now.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *now;
        *all -= 1;
        if let Some(own) = by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

fn come_again() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, AGAIN_SECONDS)]).into_response()
}

/// A call's body, or what its caller is told.
async fn read(body: Body, most: usize) -> Result<Bytes, Response> {
    match tokio::time::timeout(READ_WITHIN, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, format!("a call has at most {} KiB\n", most / 1024)).into_response())
        }
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "a call is sent within ten seconds\n").into_response()),
    }
}

async fn take(
    State(parts): State<Parts>,
    Extension(calls): Extension<InHand>,
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
    let Some(_held) = calls.take(&key) else { return come_again() };
    let body = match read(body, MAX_CALL_BYTES).await {
        Ok(body) => body,
        Err(told) => return told,
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
            come_again()
        }
    }
}

/// A call of Stripe's. It is answered after what it is about was asked for and stored, so one that cannot be taken comes again.
async fn take_payment(
    State(parts): State<Parts>,
    Extension(calls): Extension<InHand>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !parts.engine.takes_cards() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(_held) = calls.take("stripe") else { return come_again() };
    let body = match read(body, MAX_PAYMENT_BYTES).await {
        Ok(body) => body,
        Err(told) => return told,
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
            come_again()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_in_hand_have_an_end_and_one_address_leaves_room_for_the_others() {
        let calls = InHand::new(5, 3);
        let mut one: Vec<Held> = (0..3).map(|_| calls.take("one").unwrap()).collect();
        assert!(calls.take("one").is_none(), "one address has them all");
        let other: Vec<Held> = (0..2).map(|_| calls.take("other").unwrap()).collect();
        assert!(calls.take("third").is_none(), "there is no end");
        one.pop();
        assert!(calls.take("third").is_some());
        drop((one, other));
        assert_eq!(*calls.now.lock().unwrap(), (0, HashMap::new()));
    }
}
