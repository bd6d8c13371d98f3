//! Why a file is not imported, or its import not started, canceled or undone.

use engine::import::ImportError;
use engine::imports::ImportsError;

use super::{Code, Problem};

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Forbidden(cause) => cause.into(),
            ImportError::Failure(cause) => cause.into(),
            ImportError::List(cause) => cause.into(),
            other => Self::told(Code::ImportRefused, &other),
        }
    }
}

impl From<ImportsError> for Problem {
    fn from(error: ImportsError) -> Self {
        let code = match error {
            ImportsError::Forbidden(cause) => return cause.into(),
            ImportsError::Failure(cause) => return cause.into(),
            ImportsError::List(cause) => return cause.into(),
            ImportsError::Unknown => Code::NotFound,
            ImportsError::NotNow { .. } | ImportsError::NotUndone { .. } | ImportsError::NotRunning { .. } => {
                Code::ImportRefused
            }
        };
        Self::told(code, &error)
    }
}
