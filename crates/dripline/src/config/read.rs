//! Reads the text of each setting. A reason is said without the text, which may hold a secret.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use domain::networks::Networks;
use engine::carriers::Reach;
use engine::mails::{Relay, Sender};
use engine::payments::Secret;
use store::Address;
use tracing_subscriber::filter::Targets;

use crate::logs::Format;
use crate::outfit::CarrierAddresses;
use crate::proxies::{self, Proxies};

const MAX_GRACE_SECONDS: u64 = 3600;
const MIN_BODY_BYTES: usize = 1024;
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024 * 1024;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// An address of the web without a slash at its end, such as `https://texts.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// What a browser on this machine would write for a listening address.
    pub(super) fn of(listen: SocketAddr) -> Self {
        let port = listen.port();
        Self(if listen.ip().is_unspecified() { format!("http://localhost:{port}") } else { format!("http://{listen}") })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path that is shown as it is.
pub(super) struct ShownPath(pub(super) PathBuf);

impl fmt::Display for ShownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// What is logged: a level for all, and levels for parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Level(Targets);

impl Level {
    /// As a filter of `tracing`.
    #[must_use]
    pub fn targets(&self) -> Targets {
        self.0.clone()
    }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080")
}

pub(super) fn public_url(text: &str) -> Result<PublicUrl, &'static str> {
    const REASON: &str = "must be an address such as https://texts.example.com, without user, query or #";
    let uri: Uri = text.parse().map_err(|_| REASON)?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_bare = uri.authority().is_some_and(|host| !host.as_str().contains('@') && !host.host().is_empty());
    if !is_web || !is_bare || text.contains(['?', '#']) {
        return Err(REASON);
    }
    Ok(PublicUrl(text.trim_end_matches('/').to_owned()))
}

pub(super) fn database(text: &str) -> Result<Address, &'static str> {
    text.parse().map_err(|_| "must be sqlite:PATH or postgres://user:password@host/name")
}

pub(super) fn folder(text: &str) -> Result<PathBuf, &'static str> {
    if text.trim().is_empty() { Err("must be the path of a folder") } else { Ok(text.into()) }
}

pub(super) fn flag(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false"),
    }
}

/// A bare word that is no level would be taken by `tracing` as the name of a part, and silence the rest.
pub(super) fn level(text: &str) -> Result<Level, &'static str> {
    const REASON: &str = "must be off, error, warn, info, debug or trace, with more for a part as in info,store=debug";
    let text = text.to_lowercase();
    let is_level = |level: &str| LEVELS.contains(&level);
    let fits =
        |word: &str| word.split_once('=').map_or(is_level(word), |(part, level)| !part.is_empty() && is_level(level));
    if !text.split(',').all(fits) {
        return Err(REASON);
    }
    text.parse().map(Level).map_err(|_| REASON)
}

pub(super) fn format(text: &str) -> Result<Format, &'static str> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err("must be text or json"),
    }
}

pub(super) fn carrier_addresses(text: &str) -> Result<CarrierAddresses, &'static str> {
    text.parse()
}

pub(super) fn carrier_gateways(text: &str) -> Result<Reach, &'static str> {
    text.parse()
}

pub(super) fn webhook_networks(text: &str) -> Result<Networks, &'static str> {
    text.parse().map_err(|_| "must be none, any, or addresses and networks such as 127.0.0.1, 10.0.0.0/8")
}

pub(super) fn stripe_key(text: &str) -> Result<Secret, &'static str> {
    secret(text, &["sk_", "rk_"]).ok_or("must be a secret or restricted key of Stripe's, which begins with sk_ or rk_")
}

pub(super) fn stripe_webhook_secret(text: &str) -> Result<Secret, &'static str> {
    secret(text, &["whsec_"]).ok_or("must be the signing secret of an endpoint at Stripe, which begins with whsec_")
}

fn secret(text: &str, prefixes: &[&str]) -> Option<Secret> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && prefixes.iter().any(|prefix| text.len() > prefix.len() && text.starts_with(prefix)))
        .then(|| Secret::new(text))
}

pub(super) fn stripe_address(text: &str) -> Result<PublicUrl, &'static str> {
    public_url(text).map_err(|_| "must be an address such as https://api.stripe.com")
}

pub(super) fn relay(text: &str) -> Result<Relay, &'static str> {
    text.parse()
}

/// Nothing where the default holds.
pub(super) fn sender(text: &str) -> Result<Option<Sender>, &'static str> {
    if text == "none" { Ok(None) } else { text.parse().map(Some) }
}

pub(super) fn file(text: &str) -> Result<ShownPath, &'static str> {
    if text.trim().is_empty() { Err("must be the path of a file") } else { Ok(ShownPath(text.into())) }
}

pub(super) fn proxies(text: &str) -> Result<Proxies, &'static str> {
    text.parse().map_err(|_| proxies::REASON)
}

pub(super) fn grace(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_GRACE_SECONDS);
    seconds.map(Duration::from_secs).ok_or("must be a number of seconds from 0 to 3600")
}

pub(super) fn body_bytes(text: &str) -> Result<usize, &'static str> {
    let bytes = text.parse().ok().filter(|bytes| (MIN_BODY_BYTES..=MAX_BODY_BYTES).contains(bytes));
    bytes.ok_or("must be a number of bytes from 1024 to 4294967296")
}
