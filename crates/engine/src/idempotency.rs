//! One key, one answer: what makes a repeated request harmless.
//!
//! | step, all in the transaction of the thing itself | |
//! |---|---|
//! | take | the key is inserted before anything is locked: of two at once one waits here |
//! | do | a refusal rolls the key back too, so that the mended request may use it again |
//! | give | the answer is kept under the key |
//!
//! A repeat finds the key taken and gets the first answer as it was; the same key with another request is refused.
//! Keys belong to the workspace. What is secret never enters an answer nor the digest of a request.

use domain::ids::WorkspaceId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use store::{DbError, Read, Tx, answers};

use crate::beat::Beat;
use crate::failure::Failure;

/// Longest idempotency key, in bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// A caller's key, under which a repeat of a request is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The text cannot be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to {MAX_KEY_BYTES} bytes and no control character")]
pub struct KeyMalformed;

/// The key was used for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the idempotency key was used for another request")]
pub struct KeyReused;

impl IdempotencyKey {
    /// Reads a key.
    ///
    /// # Errors
    /// If it is empty, too long, or holds what no header can.
    pub fn parse(text: &str) -> Result<Self, KeyMalformed> {
        let fits = (1..=MAX_KEY_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(KeyMalformed) }
    }
}

/// Does the work once for each key of the beat; without a key, always. `request` is all that the answer depends on.
pub(crate) fn once<T, E>(
    tx: &mut Tx<'_>,
    beat: &Beat,
    request: &impl Serialize,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned,
    E: From<KeyReused> + From<Failure>,
{
    let Some(IdempotencyKey(key)) = &beat.key else { return work(tx) };
    let hash = digest(request);
    let failed = |error: DbError| E::from(Failure::from(error));
    if answers::take(tx, beat.workspace, key, &hash, beat.now).map_err(failed)? {
        let answer = work(tx)?;
        let text = serde_json::to_string(&answer).expect("an answer is plain data");
        answers::give(tx, beat.workspace, key, &text).map_err(failed)?;
        return Ok(answer);
    }
    let gone = || Failure::Stored("the answer to an idempotency key is gone".to_owned());
    first::<T, E>(tx, beat.workspace, key, &hash)?.ok_or_else(|| gone().into())
}

/// The answer that a key has got for a request, if it has: for whoever wants to know before asking.
pub(crate) fn answered<T, E>(
    db: &Read<'_>,
    workspace: WorkspaceId,
    IdempotencyKey(key): &IdempotencyKey,
    request: &impl Serialize,
) -> Result<Option<T>, E>
where
    T: DeserializeOwned,
    E: From<KeyReused> + From<Failure>,
{
    first(db, workspace, key, &digest(request))
}

fn first<T, E>(db: &Read<'_>, workspace: WorkspaceId, key: &str, hash: &str) -> Result<Option<T>, E>
where
    T: DeserializeOwned,
    E: From<KeyReused> + From<Failure>,
{
    let found = answers::find(db, workspace, key).map_err(Failure::from)?;
    let Some((known, answer)) = found else { return Ok(None) };
    if known != hash {
        return Err(KeyReused.into());
    }
    let read = serde_json::from_str(&answer);
    Ok(Some(read.map_err(|error| Failure::Stored(format!("the answer to an idempotency key: {error}")))?))
}

fn digest(request: &impl Serialize) -> String {
    let text = serde_json::to_vec(request).expect("a request is plain data");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_printable() {
        for good in ["1", "8e03978e-40d5-43dd-bc93-6894a57f9324", "bestellung é", &"x".repeat(MAX_KEY_BYTES)] {
            assert!(IdempotencyKey::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a\0b", "a\nb", &"x".repeat(MAX_KEY_BYTES + 1)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(KeyMalformed), "{bad:?}");
        }
    }
}
