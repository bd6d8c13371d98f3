//! How webhooks are signed: the symmetric scheme of Standard Webhooks (`v1`).
//!
//! Source: *Standard Webhooks* specification, section *signature scheme*. The message is `id.seconds.body`, its HMAC-SHA256 under the
//! secret's bytes is written as `v1,` and base64. Several signatures stand in one header, separated by spaces, so that a secret can
//! be renewed without a pause. A secret is written as `whsec_` and base64 of 24 to 64 bytes.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::signed::Secret;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that we make.
pub const SECRET_BYTES: usize = 32;

/// A secret that signs.
#[derive(Debug, Clone)]
pub struct Signer(hmac::Key);

/// A secret as it is written.
#[must_use]
pub fn secret(bytes: [u8; SECRET_BYTES]) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

impl Signer {
    /// Reads a secret; nothing if it is none.
    #[must_use]
    pub fn of(secret: &Secret) -> Option<Self> {
        let bytes = STANDARD.decode(secret.reveal().strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let message = format!("{id}.{seconds}.{body}");
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, message.as_bytes())))
    }
}

/// The headers of a call.
#[must_use]
pub fn headers(id: &str, seconds: i64, body: &str, signers: &[Signer]) -> [(&'static str, String); 3] {
    let signatures: Vec<String> = signers.iter().map(|signer| signer.sign(id, seconds, body)).collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer(text: &str) -> Signer {
        Signer::of(&Secret::new(text)).unwrap()
    }

    /// The example of the scheme's own libraries.
    #[test]
    fn the_published_example_is_signed_alike() {
        let signer = signer("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let [id, at, signature] = headers("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body, &[signer]);
        assert_eq!(id, ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".to_owned()));
        assert_eq!(at, ("webhook-timestamp", "1649367553".to_owned()));
        assert_eq!(signature, ("webhook-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=".to_owned()));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for bad in ["", "whsec_", "whsec_!", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_c2hvcnQ="] {
            assert!(Signer::of(&Secret::new(bad)).is_none(), "{bad:?}");
        }
        assert!(Signer::of(&secret([7; SECRET_BYTES])).is_some());
    }

    /// What the scheme's own library signs.
    fn theirs(secret: &Secret, id: &str, seconds: i64, body: &str) -> String {
        standardwebhooks::Webhook::new(secret.reveal()).unwrap().sign(id, seconds, body.as_bytes()).unwrap()
    }

    #[test]
    fn each_secret_signs_the_current_one_first() {
        let (new, old) = (secret([1; 32]), secret([2; 32]));
        let signers = [Signer::of(&new).unwrap(), Signer::of(&old).unwrap()];
        let [_, _, (_, signature)] = headers("evt_1", 7, "{}", &signers);
        assert_eq!(signature, format!("{} {}", theirs(&new, "evt_1", 7, "{}"), theirs(&old, "evt_1", 7, "{}")));
    }

    proptest! {
        #[test]
        fn the_reference_library_signs_alike(bytes: [u8; 32], id in "[a-z]{3}_[0-9a-z]{13}", seconds: i32, body in "\\PC*") {
            let secret = secret(bytes);
            let [_, _, (_, signature)] = headers(&id, i64::from(seconds), &body, &[Signer::of(&secret).unwrap()]);
            prop_assert_eq!(signature, theirs(&secret, &id, i64::from(seconds), &body));
        }
    }
}
