//! Under which address a browser reaches this server: for links that are copied and opened elsewhere.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts as Head;

/// Such as `https://texts.example.com`, without a slash at the end.
pub(crate) struct Origin(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Infallible> {
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        // A browser names the origin with each form that it sends, and knows whether TLS ends before us.
        let origin = text(header::ORIGIN).filter(|origin| origin.starts_with("http")).map(str::to_owned);
        let host = || format!("http://{}", text(header::HOST).unwrap_or("localhost"));
        Ok(Self(origin.unwrap_or_else(host)))
    }
}
