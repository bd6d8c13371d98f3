//! `Authorization: Basic`: the name and password that we set on the application. Bandwidth signs nothing.
//!
//! Source: Bandwidth, *Messaging webhooks: callback authentication*. So the address has a secret in it, TLS is required, and the password is compared in
//! a time that does not tell where it differs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::callback::{Callback, Unverified};
use crate::signed::{Secret, same};

/// Whether the request bears one of these names with its password.
pub fn verify(pairs: &[(String, Secret)], callback: &Callback<'_>) -> Result<(), Unverified> {
    let what = "the header Authorization";
    let header = callback.header("authorization").ok_or(Unverified::Missing(what))?;
    let unreadable = |why: &str| Unverified::Unreadable { what, why: why.to_owned() };
    let encoded = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let (_, encoded) = encoded.ok_or_else(|| unreadable("it is not Basic"))?;
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| unreadable("it is not base64"))?;
    let given = String::from_utf8(decoded).map_err(|_| unreadable("it is not text"))?;
    let right = |(name, password): &(String, Secret)| same(&format!("{name}:{}", password.reveal()), &given);
    if pairs.iter().any(right) { Ok(()) } else { Err(Unverified::Password) }
}
