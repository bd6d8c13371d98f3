//! Sealing: what must not be read out of a copy of the database is encrypted with a master key that is not in it.
//!
//! AES-256-GCM. A sealed text is: a byte for the form (1), four bytes that tell the key (the beginning of its SHA-256), the nonce of
//! twelve, and the encrypted text with its tag. The owner is sealed along, so that a text cannot be moved to another row. To
//! change the key, the new one is put first and the old one kept behind it until everything was sealed anew.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// The only form there is so far.
const FORM: u8 = 1;
/// Bytes before the nonce.
const HEAD: usize = 5;

/// The master keys, the current one first.
#[derive(Clone)]
pub struct MasterKeys(Vec<Key>);

#[derive(Clone)]
struct Key {
    mark: [u8; 4],
    bytes: [u8; KEY_BYTES],
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} master keys", self.0.len())
    }
}

/// Why keys are not taken. Never holds any of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there is no master key")]
    None,
    /// One is not 32 bytes in base64.
    #[error("master key {place} is not 32 bytes written in base64; make one with: head -c 32 /dev/urandom | base64")]
    Form {
        /// Which, from 1.
        place: usize,
    },
}

/// Why something cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with a key that is not there.
    #[error("it was sealed with a master key that this server does not have")]
    OtherKey,
    /// It is not what was sealed, or not for this owner.
    #[error("what was sealed is damaged")]
    Damaged,
}

impl MasterKeys {
    /// Reads keys, separated by line breaks, spaces or commas; the first is the one that seals.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let words = text.split([' ', ',', '\n', '\r', '\t']).filter(|word| !word.is_empty());
        let keys: Result<Vec<_>, _> =
            (1..).zip(words).map(|(place, word)| key(word).ok_or(KeyError::Form { place })).collect();
        let keys = keys?;
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Self(keys)) }
    }

    /// A new key, as it is written.
    #[must_use]
    pub fn draw() -> String {
        STANDARD.encode(ids::bytes::<KEY_BYTES>())
    }

    /// Seals a text for its owner.
    #[must_use]
    pub fn seal(&self, owner: &str, text: &str) -> Vec<u8> {
        let key = &self.0[0];
        let nonce = ids::bytes::<NONCE_LEN>();
        let mut body = text.as_bytes().to_vec();
        let sealing = cipher(key).seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(owner.as_bytes()),
            &mut body,
        );
        sealing.expect("a text is far below what the cipher takes");
        [&[FORM][..], &key.mark, &nonce, &body].concat()
    }

    /// Opens what was sealed for this owner.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<String, SealError> {
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or(SealError::Damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Damaged)?;
        if head[0] != FORM {
            return Err(SealError::Damaged);
        }
        let key = self.0.iter().find(|key| key.mark == head[1..]).ok_or(SealError::OtherKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Damaged)?;
        let mut body = body.to_vec();
        let opened = cipher(key).open_in_place(nonce, Aad::from(owner.as_bytes()), &mut body);
        let opened = opened.map_err(|_| SealError::Damaged)?;
        String::from_utf8(opened.to_vec()).map_err(|_| SealError::Damaged)
    }

    /// Whether it was sealed with the key that seals now.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.get(1..HEAD) == Some(&self.0[0].mark[..])
    }
}

fn key(word: &str) -> Option<Key> {
    let bytes: [u8; KEY_BYTES] = STANDARD.decode(word).ok()?.try_into().ok()?;
    let hash = digest(&SHA256, &bytes);
    Some(Key { mark: hash.as_ref()[..4].try_into().ok()?, bytes })
}

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key.bytes).expect("32 bytes are a key of this cipher"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: &[&String]) -> MasterKeys {
        MasterKeys::parse(&texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n")).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_owner_only_and_only_unchanged() {
        let one = MasterKeys::draw();
        let keys = keys(&[&one]);
        let sealed = keys.seal("car_1", "the auth token");
        assert_eq!(keys.open("car_1", &sealed), Ok("the auth token".to_owned()));
        assert_eq!(keys.open("car_2", &sealed), Err(SealError::Damaged));
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        assert_ne!(keys.seal("car_1", "the auth token"), sealed, "a nonce was used twice");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(keys.open("car_1", &changed).is_err(), "byte {place}");
        }
        for length in 0..sealed.len() {
            assert!(keys.open("car_1", &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn an_older_key_opens_until_everything_is_sealed_anew() {
        let (old, new) = (MasterKeys::draw(), MasterKeys::draw());
        let sealed = keys(&[&old]).seal("car_1", "text");
        let both = keys(&[&new, &old]);
        assert_eq!(both.open("car_1", &sealed), Ok("text".to_owned()));
        assert!(!both.is_current(&sealed) && both.is_current(&both.seal("car_1", "text")));
        assert_eq!(keys(&[&new]).open("car_1", &sealed), Err(SealError::OtherKey));
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_repeated() {
        assert_eq!(MasterKeys::parse(" \n").unwrap_err(), KeyError::None);
        let wrong = format!("{} c2hvcnQ=", MasterKeys::draw());
        assert_eq!(MasterKeys::parse(&wrong).unwrap_err(), KeyError::Form { place: 2 });
        assert!(!KeyError::Form { place: 2 }.to_string().contains("c2hvcnQ"));
    }
}
