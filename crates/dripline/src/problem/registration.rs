//! What was wrong with a registration, as a problem.

use engine::registrations::RegistrationError;
use serde_json::json;

use super::{Code, Problem};

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        let code = match error {
            RegistrationError::Forbidden(cause) => return cause.into(),
            RegistrationError::Failure(cause) => return cause.into(),
            RegistrationError::BrandUnknown | RegistrationError::CampaignUnknown | RegistrationError::NumberUnknown => {
                Code::NotFound
            }
            RegistrationError::FactLength { key, .. } => {
                return Self::told(Code::RegistrationInvalid, &error).with(json!({ "field": key }));
            }
            RegistrationError::InUse { .. } => Code::RegistrationInUse,
            RegistrationError::KeyReused(_) => Code::IdempotencyKeyReused,
            _ => Code::RegistrationInvalid,
        };
        Self::told(code, &error)
    }
}
