//! Why an endpoint of webhooks is not kept, told or told again.

use engine::webhooks::WebhookError;

use super::{Code, Problem};

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let code = match error {
            WebhookError::Forbidden(cause) => return cause.into(),
            WebhookError::Failure(cause) => return cause.into(),
            WebhookError::Unknown => Code::NotFound,
            WebhookError::KeyReused(_) => Code::IdempotencyKeyReused,
            WebhookError::NotOn => Code::WebhookNotOn,
            WebhookError::NoMasterKey
            | WebhookError::Url(_)
            | WebhookError::Description(_)
            | WebhookError::Kind(_)
            | WebhookError::TooMany
            | WebhookError::TooOld
            | WebhookError::Closed(_) => Code::WebhookInvalid,
        };
        Self::told(code, &error)
    }
}
