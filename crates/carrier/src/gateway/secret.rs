//! What shows that the gateway itself calls: a secret of its account, as the parameter `secret` or as the password of `Authorization: Basic`.
//!
//! Kannel signs nothing. So the address has a secret in it too, and both are compared in a time that does not tell where they differ.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::callback::{Callback, Unverified};
use crate::signed::{Secret, same};

/// Whether the request bears one of these secrets.
pub fn verify(secrets: &[Secret], callback: &Callback<'_>) -> Result<(), Unverified> {
    let given =
        callback.asked("secret").or_else(|| basic(callback)).ok_or(Unverified::Missing("the parameter secret"))?;
    if secrets.iter().any(|secret| same(secret.reveal(), &given)) { Ok(()) } else { Err(Unverified::Password) }
}

/// The password of the request, whatever the name is.
fn basic(callback: &Callback<'_>) -> Option<String> {
    let (scheme, encoded) = callback.header("authorization")?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}
