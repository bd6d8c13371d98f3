//! `X-Plivo-Signature-V3` and `-V2`: an HMAC over the address, the parameters (V3 only) and a nonce.
//!
//! Source: Plivo, *Signature validation* (V3, voice) and *Messaging: signature validation* (V2); its SDKs of November 2026 are the
//! judges of `testdata/plivo_signatures.jsonl`. V3 is preferred where it is present.
//!
//! **V2 does not sign the parameters**: whoever sees one such request can forge others with its nonce and signature. So a nonce
//! counts once (the caller remembers them), the address has a secret in it, and TLS is required.

use std::collections::BTreeMap;

use aws_lc_rs::hmac::HMAC_SHA256;

use crate::callback::{Callback, Unverified, pairs};
use crate::signed::{Secret, hmac_base64, same};

/// A way of signing: the names of its headers.
struct Scheme {
    signatures: &'static [&'static str],
    nonce: &'static str,
    message: fn(&Callback<'_>, &str) -> String,
}

const V3: Scheme = Scheme {
    signatures: &["x-plivo-signature-v3", "x-plivo-signature-ma-v3"],
    nonce: "x-plivo-signature-v3-nonce",
    message: message_v3,
};
const V2: Scheme = Scheme {
    signatures: &["x-plivo-signature-v2", "x-plivo-signature-ma-v2"],
    nonce: "x-plivo-signature-v2-nonce",
    message: message_v2,
};

/// Whether Plivo signed this request with one of the tokens (of the account or the subaccount, the current one or the one before).
/// Answers the nonce that was signed, under which the request counts once: another nonce beside it is anybody's word.
pub fn verify<'c>(tokens: &[Secret], callback: &'c Callback<'_>) -> Result<&'c str, Unverified> {
    for scheme in [&V3, &V2] {
        let signatures: Vec<&str> = scheme.signatures.iter().filter_map(|name| callback.header(name)).collect();
        if signatures.is_empty() {
            continue;
        }
        let nonce = callback.header(scheme.nonce).filter(|nonce| !nonce.is_empty());
        let nonce = nonce.ok_or(Unverified::Missing("the nonce of the signature"))?;
        let message = (scheme.message)(callback, nonce);
        let made_by = |token: &Secret| {
            let expected = hmac_base64(HMAC_SHA256, token.reveal(), message.as_bytes());
            signatures.iter().flat_map(|list| list.split(',')).any(|one| same(&expected, one.trim()))
        };
        return if tokens.iter().any(made_by) {
            Ok(nonce)
        } else {
            Err(Unverified::Mismatch { url: callback.url.to_owned() })
        };
    }
    Err(Unverified::Missing("the header X-Plivo-Signature-V3 or X-Plivo-Signature-V2"))
}

fn base(url: &str) -> (&str, &str) {
    let url = url.split('#').next().unwrap_or(url);
    url.split_once('?').unwrap_or((url, ""))
}

/// `scheme://host/path` and the nonce.
fn message_v2(callback: &Callback<'_>, nonce: &str) -> String {
    format!("{}{nonce}", base(callback.url).0)
}

/// The address with its query in order; then, for a form, a dot and its parameters in order; a dot, and the nonce.
fn message_v3(callback: &Callback<'_>, nonce: &str) -> String {
    let (address, query) = base(callback.url);
    let mut asked = sorted(pairs(query.as_bytes()));
    let sent = sorted(pairs(callback.body));
    let posted = callback.method == "POST";
    if !posted {
        for (name, values) in sent.clone() {
            asked.entry(name).or_default().extend(values);
        }
    }
    let each = |name: &String, values: &Vec<String>, between: &str| -> Vec<String> {
        values.iter().map(|value| format!("{name}{between}{value}")).collect()
    };
    let query: Vec<String> = asked.iter().flat_map(|(name, values)| each(name, values, "=")).collect();
    let mut message = address.to_owned();
    let has_form = posted && !sent.is_empty();
    if !query.is_empty() || has_form {
        message.push('?');
        message.push_str(&query.join("&"));
    }
    if has_form {
        if !query.is_empty() {
            message.push('.');
        }
        message.extend(sent.iter().flat_map(|(name, values)| each(name, values, "")));
    }
    format!("{message}.{nonce}")
}

fn sorted(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut sorted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        sorted.entry(name).or_default().push(value);
    }
    for values in sorted.values_mut() {
        values.sort();
    }
    sorted
}
