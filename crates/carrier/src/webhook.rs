//! Outgoing webhooks: a signed call to an address that a customer named.
//!
//! | what | how |
//! |---|---|
//! | signature | Standard Webhooks ([`signature`]) |
//! | where it may go | the addresses to which the name resolves are checked as the connection is made (`guard`), an address in the URL before |
//! | how long | [`WHOLE`] in all, `CONNECT` of it for the connection |
//! | what is read | the status and the first [`SAID`] bytes of the answer |
//! | what is not done | redirects, repeats, proxies from the environment, cookies |
//!
//! The rule itself is `domain::networks`; what an answer means, `domain::webhook`.

mod guard;
pub mod signature;

use std::sync::Arc;
use std::time::Duration;

use domain::networks::{Line, Networks, may_call};
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use crate::http::{HttpError, plain};
use guard::Guard;
use signature::Signer;

/// Longest wait for a connection, the look-up of the name included.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for the whole answer.
pub const WHOLE: Duration = Duration::from_secs(15);
/// How long a connection may rest.
const REST: Duration = Duration::from_secs(20);
/// How much of an answer is read and kept, in bytes.
pub const SAID: usize = 2_048;
/// Longest address.
pub const MAX_URL: usize = 2_000;

/// Calls endpoints.
#[derive(Debug, Clone)]
pub struct Poster {
    secure: reqwest::Client,
    plain: reqwest::Client,
    allowed: Arc<Networks>,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Where.
    pub url: &'a str,
    /// What the receiver knows a repeat by.
    pub id: &'a str,
    /// When it is made.
    pub at: Timestamp,
    /// A JSON document.
    pub body: &'a str,
    /// Who signs: the current secret, and the one before for a while.
    pub signers: &'a [Signer],
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there is none.
    pub said: String,
}

/// Why an address is none for a webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be read.
    #[error("it is no address such as https://example.com/hooks")]
    Form,
    /// It is too long.
    #[error("it has more than {MAX_URL} characters")]
    TooLong,
    /// It is not `https`.
    #[error(
        "it must begin with https://; without TLS only networks are called that the operator names in webhook_networks"
    )]
    Plain,
    /// It names a user, which would be told to whoever reads it.
    #[error("it must not hold a user or a password; the signature tells who calls")]
    User,
    /// It has a fragment, which is never sent.
    #[error("it must not have a fragment (#…)")]
    Fragment,
    /// Its address is not called.
    #[error(transparent)]
    Refused(domain::networks::Refused),
}

impl Poster {
    /// Makes it, with the certificates of the machine and the networks that the operator allows.
    ///
    /// # Errors
    /// The client cannot start.
    pub fn new(allowed: Networks) -> Result<Self, HttpError> {
        let allowed = Arc::new(allowed);
        let client = |line| {
            reqwest::Client::builder()
                .dns_resolver(Arc::new(Guard::new(line, Arc::clone(&allowed))))
                .no_proxy()
                .connect_timeout(CONNECT)
                .timeout(WHOLE)
                .pool_idle_timeout(REST)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .https_only(line == Line::Secure)
                .user_agent(concat!("dripline/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        Ok(Self { secure: client(Line::Secure)?, plain: client(Line::Plain)?, allowed })
    }

    /// Reads an address as it is called. A name is looked up and checked only when it is called.
    ///
    /// # Errors
    /// If it may not be called; the error says why.
    pub fn address(&self, text: &str) -> Result<String, UrlError> {
        self.checked(text).map(|(url, _)| url.to_string())
    }

    fn checked(&self, text: &str) -> Result<(Url, Line), UrlError> {
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        let url = Url::parse(text.trim()).map_err(|_| UrlError::Form)?;
        let line = match url.scheme() {
            "https" => Line::Secure,
            "http" if self.allowed.is_empty() => return Err(UrlError::Plain),
            "http" => Line::Plain,
            _ => return Err(UrlError::Form),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::User);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        // An address in the URL is connected to without being resolved.
        let host = url.host_str().ok_or(UrlError::Form)?;
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            may_call(address, line, &self.allowed).map_err(UrlError::Refused)?;
        }
        Ok((url, line))
    }

    /// Makes the call. Whatever is no answer is told in `said`.
    pub async fn post(&self, post: Post<'_>) -> Posted {
        let none = |said: String| Posted { status: None, said };
        // The operator may have taken a network off the list since the address was kept.
        let (url, line) = match self.checked(post.url) {
            Ok(checked) => checked,
            Err(error) => return none(error.to_string()),
        };
        let client = if line == Line::Secure { &self.secure } else { &self.plain };
        let seconds = post.at.as_second();
        let mut request = client.post(url).header(CONTENT_TYPE, "application/json");
        for (name, value) in signature::headers(post.id, seconds, post.body, post.signers) {
            request = request.header(name, value);
        }
        let mut response = match request.body(post.body.to_owned()).send().await {
            Ok(response) => response,
            Err(error) => return none(plain(&error, (CONNECT, WHOLE))),
        };
        let mut said = Vec::new();
        // A status is an answer, whatever becomes of the rest.
        while let Ok(Some(chunk)) = response.chunk().await {
            said.extend_from_slice(&chunk[..chunk.len().min(SAID - said.len())]);
            if said.len() >= SAID {
                break;
            }
        }
        Posted { status: Some(response.status().as_u16()), said: printable(&said) }
    }
}

/// As text that can be stored and shown: a NUL or a control character is no reason to lose the rest.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|one| if one.is_control() && !matches!(one, '\n' | '\t') { '\u{fffd}' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poster(allowed: &str) -> Poster {
        Poster::new(allowed.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_address_is_read_as_it_is_called_and_refused_with_its_reason() {
        let (closed, open) = (poster("none"), poster("127.0.0.0/8, ::1"));
        for (text, wanted) in [
            ("https://example.com", "https://example.com/"),
            (" https://EXAMPLE.com:8443/a?b=c ", "https://example.com:8443/a?b=c"),
            ("https://1.1.1.1/a", "https://1.1.1.1/a"),
        ] {
            assert_eq!(closed.address(text).as_deref(), Ok(wanted));
        }
        for bad in ["", "example.com", "ftp://example.com/", "https://", "http://[::1", "mailto:a@b.c"] {
            assert_eq!(closed.address(bad), Err(UrlError::Form), "{bad}");
        }
        assert_eq!(closed.address("http://example.com/"), Err(UrlError::Plain));
        assert_eq!(closed.address("https://a@example.com/"), Err(UrlError::User));
        assert_eq!(closed.address("https://:b@example.com/"), Err(UrlError::User));
        assert_eq!(closed.address("https://example.com/#a"), Err(UrlError::Fragment));
        assert_eq!(closed.address(&format!("https://example.com/{}", "a".repeat(MAX_URL))), Err(UrlError::TooLong));
        // The forms in which an address hides itself are read as they are called.
        for hidden in ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "017700000001", "[::1]", "[::ffff:7f00:1]", "0"] {
            let refused = closed.address(&format!("https://{hidden}/"));
            assert!(matches!(refused, Err(UrlError::Refused(_))), "{hidden}: {refused:?}");
        }
        assert_eq!(open.address("http://127.0.0.1:9/").as_deref(), Ok("http://127.0.0.1:9/"));
        assert_eq!(open.address("http://[::1]:9/").as_deref(), Ok("http://[::1]:9/"));
        assert!(matches!(open.address("http://1.1.1.1/"), Err(UrlError::Refused(_))));
        assert!(matches!(open.address("https://10.0.0.1/"), Err(UrlError::Refused(_))));
    }

    #[test]
    fn an_answer_is_kept_as_text() {
        assert_eq!(printable(b"a\0b\r\n\xff"), "a\u{fffd}b\u{fffd}\n\u{fffd}");
    }
}
