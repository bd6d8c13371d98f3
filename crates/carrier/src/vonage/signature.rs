//! `Authorization: Bearer`: a JWT of HS256 with the account's signature secret, whose `payload_hash` is of the body.
//!
//! Source: Vonage, *Signing messages*; its SDK of November 2026 and the comparison of `payload_hash`, which the SDK leaves to
//! its user, are the judges of `testdata/vonage_jwt.jsonl`. Only HS256 is taken, whatever the header of the token says. The time
//! of signing is not bounded: Vonage repeats itself for a day and does not say whether a repeat is signed anew.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::callback::{Callback, Unverified};
use crate::signed::{Secret, same, sha256_hex};

const WHAT: &str = "the header Authorization";

#[derive(Deserialize)]
struct Claims {
    payload_hash: Option<String>,
}

/// Whether Vonage signed this request with one of the secrets.
pub fn verify(secrets: &[Secret], callback: &Callback<'_>) -> Result<(), Unverified> {
    let header = callback.header("authorization").ok_or(Unverified::Missing(WHAT))?;
    let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| Unverified::Unreadable { what: WHAT, why: "it bears no token".to_owned() })?;
    let mut last = Unverified::Mismatch { url: callback.url.to_owned() };
    for secret in secrets {
        match claims(secret, token.trim(), callback) {
            Ok(claims) => return body(&claims, callback),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn claims(secret: &Secret, token: &str, callback: &Callback<'_>) -> Result<Claims, Unverified> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.required_spec_claims.clear();
    // Its own look at `exp` and `nbf` would ask the machine's clock.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    let key = DecodingKey::from_secret(secret.reveal().as_bytes());
    let decoded =
        jsonwebtoken::decode::<serde_json::Value>(token, &key, &rules).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Unverified::Mismatch { url: callback.url.to_owned() },
            _ => Unverified::Unreadable { what: WHAT, why: error.to_string() },
        })?;
    let second = |name: &str| decoded.claims.get(name).and_then(serde_json::Value::as_i64);
    let now = callback.at.as_second();
    if let Some(over) = second("exp").filter(|until| *until < now) {
        return Err(Unverified::Time { seconds: now.abs_diff(over), limit: 0 });
    }
    if let Some(early) = second("nbf").filter(|from| *from > now) {
        return Err(Unverified::Time { seconds: now.abs_diff(early), limit: 0 });
    }
    let what = "the token of the header Authorization";
    Claims::deserialize(&decoded.claims).map_err(|error| Unverified::Unreadable { what, why: error.to_string() })
}

fn body(claims: &Claims, callback: &Callback<'_>) -> Result<(), Unverified> {
    let hash = claims.payload_hash.as_deref().ok_or(Unverified::Missing("the claim payload_hash"))?;
    if same(&sha256_hex(callback.body), &hash.to_ascii_lowercase()) { Ok(()) } else { Err(Unverified::Body) }
}
