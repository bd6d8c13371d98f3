//! Why a person is not erased.

use engine::erasing::EraseError;
use serde_json::json;

use super::{Code, Problem};

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        let code = match error {
            EraseError::Forbidden(cause) => return cause.into(),
            EraseError::Failure(cause) => return cause.into(),
            EraseError::Phone(phone) => {
                return Self::told(Code::Phone, &phone).with(json!({ "reason": phone.code() }));
            }
            EraseError::Unknown => Code::NotFound,
            EraseError::OnTheWay { .. } => Code::TextsOnTheWay,
            EraseError::Arriving => Code::ContactArriving,
            EraseError::TooMany => Code::Selection,
            EraseError::KeyMalformed(_) => Code::IdempotencyKey,
            EraseError::KeyReused(_) => Code::IdempotencyKeyReused,
        };
        Self::told(code, &error)
    }
}
