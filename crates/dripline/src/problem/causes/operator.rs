//! Why a workspace is not suspended, and nothing is posted by hand.

use engine::billing::BillingError;
use engine::suspension::SuspensionError;

use super::{Code, Problem};

impl From<SuspensionError> for Problem {
    fn from(error: SuspensionError) -> Self {
        let code = match error {
            SuspensionError::Failure(cause) => return cause.into(),
            SuspensionError::Unknown => Code::NotFound,
            SuspensionError::Reason(_) => Code::SettingsInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<BillingError> for Problem {
    fn from(error: BillingError) -> Self {
        match error {
            BillingError::Forbidden(cause) => cause.into(),
            BillingError::Failure(cause) => cause.into(),
            BillingError::KeyReused(_) => Self::told(Code::IdempotencyKeyReused, &error),
            // The API posts no money by hand, and the console shows what is wrong beside its field.
            other => Self::told(Code::NotFound, &other),
        }
    }
}
