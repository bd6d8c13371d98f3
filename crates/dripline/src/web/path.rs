//! The identifier in a page's address. One that is malformed names nothing that exists.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts as Head;

use super::wrong::Wrong;
use crate::wiring::Parts;

/// What `{id}` in the address stands for.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr + Send> FromRequestParts<Parts> for Id<T> {
    type Rejection = Wrong;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Wrong> {
        let all = RawPathParams::from_request_parts(head, parts).await.ok();
        let id = all.as_ref().and_then(|all| all.iter().find(|(name, _)| *name == "id")?.1.parse().ok());
        id.map(Self).ok_or_else(|| Wrong::not_found("this page"))
    }
}
