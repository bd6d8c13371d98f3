//! How carriers sign: by hand, so that nothing of ours judges itself.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The value of a header `Authorization: Basic`.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// HMAC-SHA1 in base64.
pub(crate) fn sha1(key: &str, message: &str) -> String {
    mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key, message)
}

/// HMAC-SHA256 in base64.
pub(crate) fn sha256(key: &str, message: &str) -> String {
    mac(hmac::HMAC_SHA256, key, message)
}

fn mac(algorithm: hmac::Algorithm, key: &str, message: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), message.as_bytes()))
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A JWT of HS256.
pub(crate) fn jwt(key: &str, claims: &serde_json::Value) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// An Ed25519 public key in base64.
pub(crate) fn public_key(seed: u8) -> String {
    STANDARD.encode(pair(seed).public_key())
}

/// An Ed25519 signature in base64.
pub(crate) fn ed25519(seed: u8, message: &str) -> String {
    STANDARD.encode(pair(seed).sign(message.as_bytes()))
}

/// Eight, four, four, four and twelve of the digits.
pub(crate) fn uuid(hash: &str) -> String {
    format!("{}-{}-4{}-8{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
}

/// The characters of GSM 03.38 that take one place each.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                   ¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Whether a text has a character outside GSM 03.38.
pub(crate) fn is_wide(body: &str) -> bool {
    !body.chars().all(|one| GSM.contains(one))
}

/// A text in septets, one in each byte. Between the capitals and the rest stands the escape.
pub(crate) fn septets(body: &str) -> Vec<u8> {
    let place = |one| GSM.chars().position(|known| known == one).unwrap();
    body.chars().map(|one| u8::try_from(place(one)).unwrap()).map(|at| if at < 27 { at } else { at + 1 }).collect()
}

/// The text of septets.
pub(crate) fn of_septets(bytes: &[u8]) -> String {
    let table: Vec<char> = GSM.chars().collect();
    bytes.iter().map(|byte| table[usize::from(if *byte < 27 { *byte } else { *byte - 1 })]).collect()
}

/// How many segments the carrier counts. Its customers here write no extension characters, so it knows none.
pub(crate) fn segments(body: &str) -> u32 {
    let (units, alone, each) =
        if !is_wide(body) { (body.chars().count(), 160, 153) } else { (body.encode_utf16().count(), 70, 67) };
    u32::try_from(if units <= alone { 1 } else { units.div_ceil(each) }).unwrap()
}
