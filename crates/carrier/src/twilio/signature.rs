//! `X-Twilio-Signature`: an HMAC over the address and, for a form, its parameters.
//!
//! Source: Twilio, *Security: validating requests*; its SDKs of November 2026 are the judges of `testdata/twilio_signatures.jsonl`.
//! - The message is the address as configured, then for a form every name with its distinct values, in the order of the
//!   code points, nothing in between and nothing trimmed.
//! - A body that is no form is signed by `bodySHA256` in the query; the signature is over the address alone.
//! - Which side writes the default port into the address is not consistent, so both ways of writing it are tried.
//! - The header `X-Twilio-Webhooks-Signature-Settings` names a shared key. It chooses among the keys of this account, never
//!   a weaker algorithm for a key: each key has its own.
//!
//! There is no time in it: a repeat is caught by the event's identifier.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;

use crate::callback::{Callback, Unverified, pairs};
use crate::signed::{Secret, hmac_base64, same, sha256_hex};

const HEADER: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// The keys with which Twilio may sign for one account.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Auth tokens, the current one and the one before: HMAC-SHA1.
    pub tokens: Vec<Secret>,
    /// Shared keys by identifier: HMAC-SHA256.
    pub shared: Vec<(String, Secret)>,
}

/// Whether Twilio signed this request with one of the keys.
pub fn verify(keys: &Keys, callback: &Callback<'_>) -> Result<(), Unverified> {
    let signature = callback.header(HEADER).filter(|text| !text.is_empty());
    let signature = signature.ok_or(Unverified::Missing("the header X-Twilio-Signature"))?;
    let (algorithm, candidates) = candidates(keys, callback.header(SETTINGS))?;
    let parameters = signed_parameters(callback)?;
    let matches = |key: &Secret, url: &str| {
        let message = [url.as_bytes(), parameters.as_bytes()].concat();
        same(&hmac_base64(algorithm, key.reveal(), &message), signature)
    };
    let ways = [without_port(callback.url), with_port(callback.url)];
    if candidates.iter().any(|key| ways.iter().any(|url| matches(key, url))) {
        return Ok(());
    }
    Err(Unverified::Mismatch { url: callback.url.to_owned() })
}

/// The keys that may have been used, and their algorithm.
fn candidates<'k>(keys: &'k Keys, settings: Option<&str>) -> Result<(hmac::Algorithm, Vec<&'k Secret>), Unverified> {
    let Some(settings) = settings else {
        return Ok((hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, keys.tokens.iter().collect()));
    };
    let what = "the header X-Twilio-Webhooks-Signature-Settings";
    let part = |name: &str| {
        let found =
            settings.split(',').filter_map(|part| part.trim().split_once('=')).find(|(known, _)| *known == name);
        found.map(|(_, value)| value)
    };
    match part("algorithm") {
        Some("HMAC_SHA256") => {}
        Some(other) => return Err(Unverified::Unreadable { what, why: format!("no such algorithm as {other:?}") }),
        None => return Err(Unverified::Unreadable { what, why: "it names no algorithm".to_owned() }),
    }
    let named = part("key");
    let fits = |id: &str| named.is_none_or(|name| name == id);
    Ok((hmac::HMAC_SHA256, keys.shared.iter().filter(|(id, _)| fits(id)).map(|(_, key)| key).collect()))
}

/// What is signed behind the address; a body that is signed by its hash is compared here.
fn signed_parameters(callback: &Callback<'_>) -> Result<String, Unverified> {
    if let Some(hash) = callback.asked("bodySHA256") {
        return if same(&sha256_hex(callback.body), &hash) { Ok(String::new()) } else { Err(Unverified::Body) };
    }
    if callback.method != "POST" {
        return Ok(String::new());
    }
    let mut sorted: BTreeMap<String, std::collections::BTreeSet<String>> = BTreeMap::new();
    for (name, value) in pairs(callback.body) {
        sorted.entry(name).or_default().insert(value);
    }
    let written = sorted.iter().flat_map(|(name, values)| values.iter().flat_map(move |value| [name.as_str(), value]));
    Ok(written.collect())
}

/// The places of host and port in an address: where the host ends, and where the port ends.
fn authority(url: &str) -> Option<(usize, usize)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let host = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    // The colons of an IPv6 address are inside of its brackets.
    let port = url[host..end].rfind(':').map(|at| host + at).filter(|at| !url[*at..end].contains(']'));
    Some((port.unwrap_or(end), end))
}

fn without_port(url: &str) -> String {
    authority(url).map_or_else(|| url.to_owned(), |(host, end)| format!("{}{}", &url[..host], &url[end..]))
}

/// With the scheme's default port, if none is written.
fn with_port(url: &str) -> String {
    match authority(url) {
        Some((host, end)) if host == end => {
            let port = if url.starts_with("https:") { 443 } else { 80 };
            format!("{}:{port}{}", &url[..host], &url[end..])
        }
        _ => url.to_owned(),
    }
}
