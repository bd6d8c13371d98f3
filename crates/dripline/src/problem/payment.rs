//! Why a payment by card is not begun or shown, and a low-balance notice not set.

use engine::cards::CardError;
use engine::low_balance::NoticeError;
use engine::payments::{PaymentError, Trouble};

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
            PaymentError::Provider(trouble) => {
                return Self::new(Code::PaymentProvider, format!("nothing was charged: {}", said(&trouble)));
            }
            PaymentError::Unasked(ref trouble) => {
                return Self::new(Code::PaymentProvider, format!("{error}: {}", said(trouble)));
            }
        };
        Self::told(code, &error)
    }
}

/// What a customer is told of the provider's trouble. Its own words are the operator's, in the log: they may speak of the account, its
/// settings and the end of its key.
fn said(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Declined { .. } => trouble.to_string(),
        Trouble::Temporary(_) => "the payment provider cannot be used just now; try again in a few minutes".to_owned(),
        Trouble::Unknown(_) => "the payment provider gave no clear answer; try again in a few minutes".to_owned(),
        Trouble::Misconfigured(_) => {
            "the payment provider refuses what it is asked; tell whoever runs this installation".to_owned()
        }
    }
}

impl From<CardError> for Problem {
    fn from(error: CardError) -> Self {
        let code = match error {
            CardError::Forbidden(cause) => return cause.into(),
            CardError::Failure(cause) => return cause.into(),
            CardError::None => Code::NotFound,
            CardError::Below { .. } | CardError::Amount { .. } | CardError::Most { .. } => Code::PaymentInvalid,
        };
        Self::told(code, &error)
    }
}

impl From<NoticeError> for Problem {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::Forbidden(cause) => cause.into(),
            NoticeError::Failure(cause) => cause.into(),
            NoticeError::Below { .. } => Self::told(Code::SettingsInvalid, &error),
        }
    }
}
