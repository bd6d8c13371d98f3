//! `telnyx-signature-ed25519`: an Ed25519 signature of the account over `{timestamp}|{raw body}`.
//!
//! Source: Telnyx, *Receiving webhooks*; its SDKs of November 2026 are the judges of `testdata/telnyx_signatures.jsonl`.
//! More than 300 seconds from now are refused, in either direction; exactly 300 pass. The bytes are checked as they came.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::callback::{Callback, Unverified};

const SIGNATURE: &str = "telnyx-signature-ed25519";
const TIMESTAMP: &str = "telnyx-timestamp";
/// Farthest from now, in seconds, that a request may have been signed.
const TOLERANCE: u64 = 300;

/// Whether Telnyx signed this request with one of the accounts' keys (base64, 32 bytes each).
pub fn verify(public_keys: &[String], callback: &Callback<'_>) -> Result<(), Unverified> {
    let signature = callback.header(SIGNATURE).ok_or(Unverified::Missing("the header telnyx-signature-ed25519"))?;
    let stamp = callback.header(TIMESTAMP).ok_or(Unverified::Missing("the header telnyx-timestamp"))?;
    let what = "the header telnyx-signature-ed25519";
    let decoded = STANDARD.decode(signature.trim());
    let decoded = decoded.map_err(|error| Unverified::Unreadable { what, why: error.to_string() })?;
    let what = "the header telnyx-timestamp";
    let second = stamp.trim().parse::<u64>().ok().and_then(|seconds| i64::try_from(seconds).ok());
    let second =
        second.ok_or_else(|| Unverified::Unreadable { what, why: "it is not a number of seconds".to_owned() })?;
    let away = callback.at.as_second().abs_diff(second);
    if away > TOLERANCE {
        return Err(Unverified::Time { seconds: away, limit: TOLERANCE });
    }
    let message = [stamp.trim().as_bytes(), b"|", callback.body].concat();
    let made_by = |key: &String| {
        let key = STANDARD.decode(key.trim()).unwrap_or_default();
        UnparsedPublicKey::new(&ED25519, key).verify(&message, &decoded).is_ok()
    };
    if public_keys.iter().any(made_by) {
        return Ok(());
    }
    Err(Unverified::Mismatch { url: callback.url.to_owned() })
}
