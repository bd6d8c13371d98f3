//! How a page was asked for: by the browser, or by a page's script that puts a part of it into place.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// The browser: it wants a whole page.
    Browser,
    /// A page's script: it wants the part that goes into the element with this id.
    Script {
        /// The id; empty if the element has none.
        target: String,
        /// The path of the page that asks.
        page: String,
    },
}

impl Asker {
    /// Whether the answer goes into the dialog of the layout.
    pub(crate) fn is_dialog(&self) -> bool {
        matches!(self, Self::Script { target, .. } if target == "dialog")
    }

    /// The path of the page beneath a dialog; nothing if the browser asks for a page.
    pub(crate) fn page(&self) -> Option<&str> {
        match self {
            Self::Script { page, .. } => Some(page),
            Self::Browser => None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Infallible> {
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !head.headers.contains_key("hx-request") {
            return Ok(Self::Browser);
        }
        let address = text("hx-current-url").split_once("://").map_or("", |(_, rest)| rest);
        let page = address.find('/').map_or("/", |start| &address[start..]).to_owned();
        Ok(Self::Script { target: text("hx-target").to_owned(), page })
    }
}
