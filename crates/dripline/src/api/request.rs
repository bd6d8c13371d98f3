//! What comes with a request: who asks, the body, the query. What is wrong with it is told with its place.

use std::borrow::Cow;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts as Head;
use axum::http::uri::InvalidUri;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse as _;
use engine::{Actor, IdempotencyKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// Largest page.
pub(crate) const MAX_PAGE: i64 = 200;
const PAGE: i64 = 50;

/// Who asks: read from the key in the `Authorization` header; with the idempotency key of the request.
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<Parts> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let text = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key =
            text.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, key) = key.ok_or_else(Problem::unauthorized)?;
        let actor = parts.engine.authenticate(key.trim()).await?;
        Ok(Self(actor.with_key(idempotency_key(&head.headers)?)))
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::new(Code::IdempotencyKey, "an idempotency key is plain ASCII"))?;
    IdempotencyKey::parse(text).map(Some).map_err(|error| Problem::new(Code::IdempotencyKey, error.to_string()))
}

/// The header under which a repeat of a request is known.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is for the document; `Caller` reads the header")]
pub(crate) struct KeyHeader {
    /// A text of your choice, 1 to 255 characters, new for each thing that you want done. The same key with the same
    /// request gets the first answer and does nothing again; with another request it is refused.
    #[param(rename = "Idempotency-Key", nullable = false, example = "8e03978e-40d5-43dd-bc93-6894a57f9324")]
    key: Option<String>,
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Parts> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            let detail = format!("the body must be `Content-Type: application/json`; it is {kind:?}");
            return Err(Problem::new(Code::ContentType, detail));
        }
        let bytes = axum::body::Bytes::from_request(request, parts).await.map_err(unread)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let place = json!({ "line": error.line(), "column": error.column() });
            Problem::new(Code::Json, error.to_string()).with(place)
        })
    }
}

/// A body that could not be read to its end.
fn unread(error: axum::extract::rejection::BytesRejection) -> Problem {
    let text = error.body_text();
    let too_large = error.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
    Problem::new(if too_large { Code::BodyTooLarge } else { Code::Body }, text)
}

/// The bytes of a body, whatever their type.
pub(crate) struct File(pub(crate) axum::body::Bytes);

impl FromRequest<Parts> for File {
    type Rejection = Problem;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, Problem> {
        axum::body::Bytes::from_request(request, parts).await.map(Self).map_err(unread)
    }
}

/// The query of the address.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Parts> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(head, parts).await;
        read.map(|Query(asked)| Self(asked)).map_err(|error| Problem::new(Code::Query, error.body_text()))
    }
}

/// The query of a list that is asked for more than a page of it: the page, and the rest.
pub(crate) struct AskedPage<T>(pub(crate) Paging, pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Parts> for AskedPage<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &Parts) -> Result<Self, Problem> {
        let query = head.uri.query().unwrap_or_default();
        let of_page = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| ["limit", "cursor"].contains(&name.as_ref());
        let (page, rest): (Vec<_>, Vec<_>) = form_urlencoded::parse(query.as_bytes()).partition(of_page);
        Ok(Self(read_query(page)?, read_query(rest)?))
    }
}

fn read_query<T: DeserializeOwned>(pairs: Vec<(Cow<'_, str>, Cow<'_, str>)>) -> Result<T, Problem> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let wrong = |detail: String| Problem::new(Code::Query, detail);
    let uri: Uri = format!("/?{query}").parse().map_err(|error: InvalidUri| wrong(error.to_string()))?;
    Query::<T>::try_from_uri(&uri).map(|Query(asked)| asked).map_err(|error| wrong(error.body_text()))
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many rows, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before; nothing for the first page.
    pub(crate) cursor: Option<String>,
}

impl Paging {
    /// How many rows, within the limits.
    pub(crate) fn limit(&self) -> Result<i64, Problem> {
        let limit = self.limit.unwrap_or(PAGE);
        if (1..=MAX_PAGE).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::new(Code::Limit, format!("limit is {limit}; it must be 1 to {MAX_PAGE}")))
    }

    /// The identifier that the cursor holds.
    pub(crate) fn after<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        self.cursor.as_deref().map(|text| text.parse().map_err(|_| wrong_cursor())).transpose()
    }
}

/// A cursor that no list has given.
pub(crate) fn wrong_cursor() -> Problem {
    Problem::new(Code::Cursor, "the cursor is not one of this list's; leave it out for the first page")
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) data: Vec<T>,
    /// The cursor of the next page; nothing on the last one.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// A page of rows as they were read. There is a next page unless the rows are fewer than were asked for; `place`
    /// is the cursor after a row.
    pub(crate) fn of<R>(rows: &[R], limit: i64, place: impl Fn(&R) -> String) -> Self
    where
        T: for<'r> From<&'r R>,
    {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
        let next = rows.last().filter(|_| full).map(place);
        Self { data: rows.iter().map(T::from).collect(), next }
    }
}

/// A whole list, which needs no pages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct All<T> {
    /// The rows.
    pub(crate) data: Vec<T>,
}
