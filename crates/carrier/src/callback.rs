//! A carrier's call to us, as it came in: what a signature is checked on, and what it told.
//!
//! The check comes first and on the raw bytes; what does not pass is counted and never read. What passes is read
//! totally: an event that cannot be understood is kept as [`Strange`], with the reason, and loses nothing.

use jiff::Timestamp;

use crate::wire::CarrierEvent;

/// One HTTP request of a carrier to a callback address of ours.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// `POST` or `GET`, in capitals.
    pub method: &'a str,
    /// The address as the carrier was given it: our configured public address with the path and the query as they came. Never
    /// made from the `Host` header, which a proxy or an attacker sets.
    pub url: &'a str,
    /// Names in lower case, values as they came.
    pub headers: &'a [(String, String)],
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When it came.
    pub at: Timestamp,
}

impl Callback<'_> {
    /// The first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The query's pairs, decoded.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.url.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
        pairs(query.as_bytes())
    }

    /// The value of a pair of the query.
    pub(crate) fn asked(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// The pairs of a form or a query, decoded, in their order. Bytes that are not UTF-8 become U+FFFD (WHATWG URL, §5.1).
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// Why a callback is refused. Says nothing that helps a forger: which check failed, never what would have passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A header or parameter that the check needs is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A header or parameter that the check needs cannot be read.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// No key that we have made this signature over this request.
    #[error(
        "the signature does not match: the request was changed, another key signed it, or it was sent to another address than {url}"
    )]
    Mismatch {
        /// The address on which it was checked.
        url: String,
    },
    /// The body is not the one that was signed.
    #[error("the body is not the one that was signed")]
    Body,
    /// Too old, or too far in the future.
    #[error("it was signed {seconds} seconds from now; at most {limit} are allowed")]
    Time {
        /// How far away, in seconds.
        seconds: u64,
        /// The limit, in seconds.
        limit: u64,
    },
    /// The name or the password is wrong.
    #[error("the name or the password is wrong")]
    Password,
    /// This carrier calls no address of ours.
    #[error("{0} calls no address of ours")]
    NoCallbacks(String),
}

/// What a verified callback told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// What was understood, in the order of the request.
    pub events: Vec<CarrierEvent>,
    /// What was not; it is kept for a person to see.
    pub strange: Vec<Strange>,
    /// A word of the call that counts once, where its signature does not cover what it says: a call that bears it again is no call.
    pub once: Option<String>,
}

impl Heard {
    /// Nothing yet.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn push(&mut self, read: Result<Option<CarrierEvent>, Strange>) {
        match read {
            Ok(event) => self.events.extend(event),
            Err(strange) => self.strange.push(strange),
        }
    }
}

/// A callback, or a part of one, that was verified and could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strange {
    /// The carrier's id of it, or a hash of its bytes: the same again is kept once.
    pub event_id: String,
    /// Why it was not understood.
    pub why: String,
    /// The bytes, as text.
    pub raw: String,
}
