//! Why a plan is not offered, chosen or canceled.

use engine::plans::PlanError;
use engine::subscriptions::SubscriptionError;

use super::{Code, Problem};

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        let code = match error {
            PlanError::Forbidden(cause) => return cause.into(),
            PlanError::Failure(cause) => return cause.into(),
            PlanError::Unknown => Code::NotFound,
            PlanError::Name(_) | PlanError::NameTaken { .. } | PlanError::Terms(_) | PlanError::TooMany => {
                Code::PlanNotChangeable
            }
        };
        Self::told(code, &error)
    }
}

impl From<SubscriptionError> for Problem {
    fn from(error: SubscriptionError) -> Self {
        let code = match error {
            SubscriptionError::Forbidden(cause) => return cause.into(),
            SubscriptionError::Failure(cause) => return cause.into(),
            SubscriptionError::KeyReused(_) => Code::IdempotencyKeyReused,
            SubscriptionError::Unknown => Code::NotFound,
            SubscriptionError::Funds { .. } => Code::InsufficientFunds,
            SubscriptionError::None
            | SubscriptionError::Owing { .. }
            | SubscriptionError::Closing
            | SubscriptionError::Numbers { .. } => Code::PlanNotChangeable,
        };
        Self::told(code, &error)
    }
}
