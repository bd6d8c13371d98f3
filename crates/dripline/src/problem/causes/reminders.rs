//! Why a reminder is not set.

use engine::reminders::ReminderError;

use super::{Code, Problem};

impl From<ReminderError> for Problem {
    fn from(error: ReminderError) -> Self {
        let code = match error {
            ReminderError::Forbidden(cause) => return cause.into(),
            ReminderError::Failure(cause) => return cause.into(),
            ReminderError::ContactUnknown | ReminderError::WorkflowUnknown => Code::NotFound,
            ReminderError::Past(_) | ReminderError::Far(_) | ReminderError::Long(_) => Code::ReminderInvalid,
        };
        Self::told(code, &error)
    }
}
