//! Problems as the API tells them (RFC 9457). Which error of a use case is which code says `causes`.
//!
//! Every problem has a stable `code`. An internal failure tells the client an id; its cause goes to the log.

mod causes;
mod code;
mod payment;
mod registration;
mod webhook;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::refusal::Refusal;
use engine::Failure;
use serde_json::{Value, json};

pub(crate) use code::Code;

/// After how many seconds to ask again, where the database cannot serve: a failover takes as long.
const AGAIN_SECONDS: u16 = 5;

/// What went wrong, for the client.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    more: Value,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), more: Value::Null }
    }

    /// An error with its causes in one line.
    fn told(code: Code, error: &dyn std::error::Error) -> Self {
        let mut detail = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            detail = format!("{detail}: {error}");
            cause = error.source();
        }
        Self::new(code, detail)
    }

    /// No key, or none that is known.
    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "send a valid key as `Authorization: Bearer drip_…`")
    }

    /// Nothing of that kind in the workspace.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} does not exist"))
    }

    /// With members of its own.
    pub(crate) fn with(self, more: Value) -> Self {
        Self { more, ..self }
    }

    /// Status, sentence and, where the log has the cause, its id: for pages.
    pub(crate) fn told_to_people(self) -> (axum::http::StatusCode, String, Option<String>) {
        let id = self.more.get("id").and_then(Value::as_str).map(str::to_owned);
        (self.code.status(), self.detail, id)
    }

    fn refused(refusals: &[Refusal]) -> Self {
        let list: Vec<Value> = refusals.iter().map(refusal).collect();
        Self::new(Code::EnrollmentRefused, "the contact cannot be enrolled").with(json!({ "refusals": list }))
    }

    /// The cause goes to the log under an id, which a client can quote and an operator can find.
    fn logged(code: Code, error: &Failure) -> Self {
        let id = engine::ids::secret().split_off(48);
        tracing::error!(%id, %error, cause = error.causes(), "a request failed");
        Self::new(code, code.about()).with(json!({ "id": id }))
    }
}

/// A refusal as the API shows it.
fn refusal(refusal: &Refusal) -> Value {
    json!({ "code": refusal.code(), "message": refusal.to_string(), "fix": refusal.fix() })
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("problem"),
            "status": status.as_u16(),
            "code": self.code.word(),
            "detail": self.detail,
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, self.more) {
            body.extend(more);
        }
        let mut response = (status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == axum::http::StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(AGAIN_SECONDS));
        }
        if status == axum::http::StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
