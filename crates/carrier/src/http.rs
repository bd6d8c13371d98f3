//! The one way in which carriers are called: what came back, or how far the request got.
//!
//! The difference that matters is whether the request may have left. A connection that was never made sent nothing; of anything
//! later nobody knows. Nothing is repeated here: no redirect is followed and no request is sent twice by the client itself.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for the whole answer: less than the engine's wait for an answer, so that the carrier's own word comes first.
const WHOLE: Duration = Duration::from_secs(30);
/// How long a connection may rest. Short, because one that the other side closes just now leaves a text in doubt.
const REST: Duration = Duration::from_secs(20);
/// Largest answer that is read, in bytes.
const LARGEST: usize = 1024 * 1024;

/// A client for all carriers: it pools connections by host.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

/// The client cannot be made: the machine has no usable certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTPS client cannot start: {0}")]
pub struct HttpError(#[from] reqwest::Error);

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<SignedDuration>,
    pub(crate) body: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// No connection was made: nothing was sent.
    NotSent(String),
    /// The request may have left.
    Unknown(String),
}

impl Http {
    /// Makes it, with the certificates of the machine.
    pub fn new() -> Result<Self, HttpError> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .pool_idle_timeout(REST)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("dripline/", env!("CARGO_PKG_VERSION")));
        Ok(Self { client: builder.build()? })
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }
}

/// Sends it and reads the answer.
pub(crate) async fn send(request: RequestBuilder) -> Result<Reply, NoReply> {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() || error.is_builder() => {
            return Err(NoReply::NotSent(plain(&error, (CONNECT, WHOLE))));
        }
        Err(error) => return Err(NoReply::Unknown(plain(&error, (CONNECT, WHOLE)))),
    };
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(NoReply::Unknown("the answer is larger than 1 MiB".to_owned())),
            Ok(None) => break,
            // A status that refuses is clear without its explanation; one that accepts is not, without the identifier.
            Err(_) if status.is_client_error() => break,
            Err(error) => return Err(NoReply::Unknown(plain(&error, (CONNECT, WHOLE)))),
        }
    }
    Ok(Reply { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
}

/// In seconds; a date is not used by the carriers here.
fn retry_after(headers: &HeaderMap) -> Option<SignedDuration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<i64>().ok()?;
    (0..=86_400).contains(&seconds).then(|| SignedDuration::from_secs(seconds))
}

/// What went wrong: the innermost cause, which is the one that tells, and no address, which may hold a password. `limits` are
/// those of the client: for the connection, and for the whole.
pub(crate) fn plain(error: &reqwest::Error, (connect, whole): (Duration, Duration)) -> String {
    use std::error::Error as _;
    if error.is_timeout() {
        return if error.is_connect() {
            format!("no connection within {} seconds", connect.as_secs())
        } else {
            format!("no answer within {} seconds", whole.as_secs())
        };
    }
    let mut innermost = error.source();
    while let Some(cause) = innermost.and_then(std::error::Error::source) {
        innermost = Some(cause);
    }
    innermost.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}
