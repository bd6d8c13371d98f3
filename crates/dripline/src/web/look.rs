//! What a browser brings along beside its session: the theme that was chosen, and what an action before this page said.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};

use crate::wiring::Parts;

pub(super) const THEME: &str = "dripline_theme";
const SAID: &str = "dripline_said";

/// What an action did, for the page after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// What was done, in plain words.
    pub(crate) text: String,
    /// `success` or `error`.
    pub(crate) kind: String,
    /// The address to post to, to undo it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) undo: Option<String>,
}

impl Said {
    /// Something that was done.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: "success".to_owned(), undo: None }
    }

    /// Something that was not.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: "error".to_owned(), undo: None }
    }

    /// The cookie that brings it to the next page.
    pub(super) fn cookie(&self) -> Cookie<'static> {
        let text = serde_json::to_string(self).expect("it is plain data");
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        Cookie::build((SAID, hex)).path("/").http_only(true).same_site(SameSite::Lax).build()
    }

    /// The cookie that lets it go once it was shown.
    pub(super) fn shown() -> Cookie<'static> {
        Cookie::build((SAID, "")).path("/").removal().build()
    }

    fn read(hex: &str) -> Option<Self> {
        let bytes = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        serde_json::from_slice(&bytes.collect::<Option<Vec<u8>>>()?).ok()
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.word() == word)
    }
}

/// How the page looks, and what it has to say. Nobody need be signed in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// The theme that was chosen; nothing follows the system.
    pub(crate) theme: Option<Theme>,
    /// What an action said.
    pub(crate) said: Option<Said>,
}

impl Look {
    pub(super) fn of(jar: &CookieJar) -> Self {
        Self {
            theme: jar.get(THEME).and_then(|cookie| Theme::from_word(cookie.value())),
            said: jar.get(SAID).and_then(|cookie| Said::read(cookie.value())),
        }
    }
}

impl FromRequestParts<Parts> for Look {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &Parts) -> Result<Self, Infallible> {
        Ok(Self::of(&CookieJar::from_headers(&head.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_comes_through_a_cookie_whatever_it_holds() {
        let said = Said { undo: Some("/undo?a=1;b".to_owned()), ..Said::done("“3” contacts; 100 % 🎉\r\n") };
        let cookie = said.cookie();
        assert!(cookie.value().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(Said::read(cookie.value()), Some(said));
        assert_eq!(Said::read("7"), None);
        assert_eq!(Said::read("zz"), None);
    }
}
