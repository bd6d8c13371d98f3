//! A form as it was sent. One that cannot be read at all is told as a problem; what is wrong with a value is the page's own matter.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::wrong::Wrong;
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// The fields of a form, or of an address's query where the method is GET.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Parts> for Form<T> {
    type Rejection = Wrong;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, Wrong> {
        let read = axum_extra::extract::Form::<T>::from_request(request, parts).await;
        read.map(|form| Self(form.0)).map_err(|error| {
            let code = if error.to_string().contains("length limit") { Code::BodyTooLarge } else { Code::Body };
            Problem::new(code, format!("the form cannot be read: {error}")).into()
        })
    }
}

/// A whole number as a person types it, with or without commas between thousands; nothing typed is 0, which is no limit.
pub(super) fn whole(text: &str) -> Option<i64> {
    let text = text.trim().replace(',', "");
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}
