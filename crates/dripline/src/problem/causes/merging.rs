//! Why two contacts are not merged.

use engine::merging::MergeError;
use serde_json::json;

use super::{Code, Problem};

impl From<MergeError> for Problem {
    fn from(error: MergeError) -> Self {
        let code = match &error {
            MergeError::Forbidden(cause) => return cause.clone().into(),
            MergeError::Changed(plan) => {
                let preview = crate::api::merges::MergePreview::from(plan.as_ref());
                return Self::told(Code::MergeChanged, &error).with(json!({ "preview": preview }));
            }
            MergeError::Unknown => Code::NotFound,
            MergeError::Same
            | MergeError::Nothing
            | MergeError::Field(_)
            | MergeError::NoValue { .. }
            | MergeError::TooManyNumbers => Code::MergeInvalid,
            MergeError::KeyReused(_) => Code::IdempotencyKeyReused,
            MergeError::Failure(_) => Code::Internal,
        };
        match error {
            MergeError::Failure(cause) => cause.into(),
            error => Self::told(code, &error),
        }
    }
}
