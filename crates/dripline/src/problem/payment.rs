//! Why a payment by card is not begun or shown.

use engine::payments::PaymentError;

use super::{Code, Problem};

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        let code = match error {
            PaymentError::Forbidden(cause) => return cause.into(),
            PaymentError::Failure(cause) => return cause.into(),
            PaymentError::Unknown => Code::NotFound,
            PaymentError::KeyReused(_) => Code::IdempotencyKeyReused,
            PaymentError::NoCards => Code::CardsNotTaken,
            PaymentError::Amount { .. } => Code::PaymentInvalid,
            PaymentError::Over { .. } => Code::PaymentOver,
            PaymentError::Provider(_) => Code::PaymentProvider,
        };
        Self::told(code, &error)
    }
}
