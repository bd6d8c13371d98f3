//! Problems as the API tells them (RFC 9457), and the only place that knows HTTP status codes.
//!
//! Every problem has a stable `code`. An internal failure tells the client an id; its cause goes to the log.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::refusal::Refusal;
use engine::billing::BillingError;
use engine::bulk::BulkError;
use engine::contacts::{ContactError, SuppressError};
use engine::enrolling::{EnrollError, RemoveError};
use engine::import::ImportError;
use engine::keys::KeyError;
use engine::manual::SendError;
use engine::numbers::NumberError;
use engine::pauses::PauseError;
use engine::workflows::SaveError;
use engine::{Failure, Forbidden};
use serde_json::{Value, json};

/// What went wrong, for the client.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    more: Value,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), more: Value::Null }
    }

    /// The request itself is wrong: what, and where.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// No key, or none that is known.
    pub(crate) fn unauthorized() -> Self {
        let detail = "send a valid key as `Authorization: Bearer drip_…`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// Nothing of that kind in the workspace.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} does not exist"))
    }

    fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    fn with(self, more: Value) -> Self {
        Self { more, ..self }
    }

    fn refused(refusals: &[Refusal]) -> Self {
        let list: Vec<Value> = refusals.iter().map(refusal).collect();
        Self::unprocessable("enrollment_refused", "the contact cannot be enrolled").with(json!({ "refusals": list }))
    }
}

/// A refusal as the API shows it.
pub(crate) fn refusal(refusal: &Refusal) -> Value {
    json!({ "code": refusal.code(), "message": refusal.to_string(), "fix": refusal.fix() })
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("problem"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, self.more) {
            body.extend(more);
        }
        let mut response = (self.status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        let more = json!({ "permission": error.permission.word() });
        Self::new(StatusCode::FORBIDDEN, "forbidden", error.to_string()).with(more)
    }
}

impl From<Failure> for Problem {
    fn from(error: Failure) -> Self {
        // The id is what a client can quote and an operator can find in the log.
        let id = engine::ids::secret().split_off(48);
        tracing::error!(%id, %error, cause = ?std::error::Error::source(&error), "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "it failed; the log has the cause under this id")
            .with(json!({ "id": id }))
    }
}

impl From<store::DbError> for Problem {
    fn from(error: store::DbError) -> Self {
        Failure::from(error).into()
    }
}

impl From<EnrollError> for Problem {
    fn from(error: EnrollError) -> Self {
        let text = error.to_string();
        match error {
            EnrollError::Forbidden(forbidden) => forbidden.into(),
            EnrollError::Refused(refusals) => Self::refused(&refusals),
            EnrollError::QuoteChanged(preview) => Self::conflict("quote_changed", text)
                .with(json!({ "quote": crate::api::enrollments::quoted(&preview) })),
            EnrollError::QuoteUnknown => Self::unprocessable("quote_unknown", text),
            EnrollError::KeyReused => Self::conflict("idempotency_key_reused", text),
            EnrollError::KeyLength => Self::bad_request("idempotency_key", text),
            EnrollError::Raced => Self::conflict("busy", text),
            EnrollError::Failure(failure) => failure.into(),
        }
    }
}

impl From<RemoveError> for Problem {
    fn from(error: RemoveError) -> Self {
        match error {
            RemoveError::Forbidden(forbidden) => forbidden.into(),
            RemoveError::Unknown => Self::not_found("the enrollment"),
            RemoveError::Ended => Self::conflict("enrollment_ended", error.to_string()),
            RemoveError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        let text = error.to_string();
        match error {
            SendError::Forbidden(forbidden) => forbidden.into(),
            SendError::ContactUnknown => Self::not_found("the contact"),
            SendError::Empty => Self::unprocessable("message_empty", text),
            SendError::TooLong { .. } => Self::unprocessable("message_too_long", text),
            SendError::Suppressed(kind) => Self::unprocessable(kind.word(), text),
            SendError::NoMessagingPlan => Self::unprocessable("no_messaging_plan", text),
            SendError::NoOutboundNumber => Self::unprocessable("no_outbound_number", text),
            SendError::InsufficientFunds => Self::unprocessable("insufficient_funds", text),
            SendError::Failure(failure) => failure.into(),
        }
    }
}

impl From<BulkError> for Problem {
    fn from(error: BulkError) -> Self {
        let text = error.to_string();
        match error {
            BulkError::Forbidden(forbidden) => forbidden.into(),
            BulkError::Empty | BulkError::TooMany { .. } => Self::unprocessable("selection", text),
            BulkError::WorkflowUnknown => Self::not_found("the workflow"),
            BulkError::JobUnknown => Self::not_found("the job"),
            BulkError::KeyLength => Self::bad_request("idempotency_key", text),
            BulkError::KeyReused => Self::conflict("idempotency_key_reused", text),
            BulkError::Failure(failure) => failure.into(),
        }
    }
}

impl From<ContactError> for Problem {
    fn from(error: ContactError) -> Self {
        let text = error.to_string();
        match error {
            ContactError::Forbidden(forbidden) => forbidden.into(),
            ContactError::Unknown => Self::not_found("the contact"),
            ContactError::PhoneTaken { contact } => {
                Self::conflict("phone_taken", text).with(json!({ "contact": contact }))
            }
            ContactError::Phone(phone) => {
                Self::unprocessable("phone", phone.to_string()).with(json!({ "reason": phone.code() }))
            }
            ContactError::Failure(failure) => failure.into(),
            _ => Self::unprocessable("contact_invalid", text),
        }
    }
}

impl From<SuppressError> for Problem {
    fn from(error: SuppressError) -> Self {
        match error {
            SuppressError::Forbidden(forbidden) => forbidden.into(),
            SuppressError::Unknown => Self::not_found("the contact"),
            SuppressError::NotByHand(_) => Self::unprocessable("not_by_hand", error.to_string()),
            SuppressError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Self {
        let text = error.to_string();
        match error {
            SaveError::Forbidden(forbidden) => forbidden.into(),
            SaveError::Unknown => Self::not_found("the workflow"),
            SaveError::NameTaken { .. } => Self::conflict("name_taken", text),
            SaveError::Change(_) => Self::conflict("workflow_not_changeable", text),
            SaveError::Invalid(faults) => {
                let faults: Vec<String> = faults.iter().map(sentence).collect();
                Self::unprocessable("workflow_invalid", text).with(json!({ "faults": faults }))
            }
            SaveError::Nul { .. } | SaveError::Order { .. } => Self::unprocessable("workflow_invalid", text),
            SaveError::Failure(failure) => failure.into(),
        }
    }
}

/// An error with its causes in one line.
fn sentence(error: &impl std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

impl From<PauseError> for Problem {
    fn from(error: PauseError) -> Self {
        match error {
            PauseError::Forbidden(forbidden) => forbidden.into(),
            PauseError::Unknown => Self::not_found("the workflow"),
            PauseError::Failure(failure) => failure.into(),
        }
    }
}

impl From<NumberError> for Problem {
    fn from(error: NumberError) -> Self {
        let text = error.to_string();
        match error {
            NumberError::Forbidden(forbidden) => forbidden.into(),
            NumberError::Unknown => Self::not_found("the number"),
            NumberError::PhoneTaken => Self::conflict("phone_taken", text),
            NumberError::Failure(failure) => failure.into(),
            _ => Self::unprocessable("number_invalid", text),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let text = error.to_string();
        match error {
            KeyError::Forbidden(forbidden) => forbidden.into(),
            KeyError::Unknown => Self::not_found("the key"),
            KeyError::Invalid => Self::unauthorized(),
            KeyError::Failure(failure) => failure.into(),
            _ => Self::unprocessable("key_invalid", text),
        }
    }
}

impl From<BillingError> for Problem {
    fn from(error: BillingError) -> Self {
        let text = error.to_string();
        match error {
            BillingError::Forbidden(forbidden) => forbidden.into(),
            BillingError::Unknown => Self::not_found("the workspace"),
            BillingError::KeyReused => Self::conflict("idempotency_key_reused", text),
            BillingError::Failure(failure) => failure.into(),
            _ => Self::unprocessable("billing_invalid", text),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Forbidden(forbidden) => forbidden.into(),
            ImportError::Failure(failure) => failure.into(),
            other => Self::unprocessable("import_refused", sentence(&other)),
        }
    }
}
