//! Why a phone is not put on a list or taken off, no list from a file is made, and no consent is recorded.

use engine::consents::ConsentError;
use engine::contacts::SuppressError;
use engine::suppression_lists::ListError;

use super::{Code, Problem};

impl From<SuppressError> for Problem {
    fn from(error: SuppressError) -> Self {
        let code = match error {
            SuppressError::Forbidden(cause) => return cause.into(),
            SuppressError::Failure(cause) => return cause.into(),
            SuppressError::Unknown => Code::NotFound,
            SuppressError::NotByHand(_) => Code::NotByHand,
            SuppressError::Held(_) => Code::HeldByList,
        };
        Self::told(code, &error)
    }
}

impl From<ConsentError> for Problem {
    fn from(error: ConsentError) -> Self {
        let code = match error {
            ConsentError::Forbidden(cause) => return cause.into(),
            ConsentError::Failure(cause) => return cause.into(),
            ConsentError::Unknown => Code::NotFound,
            ConsentError::KeyReused(_) => Code::IdempotencyKeyReused,
            ConsentError::Given(_) | ConsentError::LiftsNothing | ConsentError::BeforeOptOut(_) => Code::ConsentInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        let code = match error {
            ListError::Forbidden(cause) => return cause.into(),
            ListError::Failure(cause) => return cause.into(),
            ListError::File(cause) => return cause.into(),
            ListError::Unknown => Code::NotFound,
            ListError::KeyReused(_) => Code::IdempotencyKeyReused,
            ListError::Kind(_)
            | ListError::Name
            | ListError::Date(_)
            | ListError::TooMany(_)
            | ListError::NotNow { .. } => Code::ListInvalid,
        };
        Self::told(code, &error)
    }
}
