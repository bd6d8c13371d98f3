//! API keys: made, checked, revoked.
//!
//! A key reads `drip_<workspace>_<key>_<secret>`, see `crate::tokens`. Whatever is wrong with a key, its bearer learns only that it is not valid.

use domain::access::{Permission, Permissions};
use domain::ids::{KeyId, WorkspaceId};
use jiff::SignedDuration;
use serde_json::json;
use store::users::{self, ApiKey};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::text::{TextError, line};
use crate::tokens::{self, hash, same};

/// Most characters in the name of a key.
pub const MAX_KEY_NAME: usize = 80;
/// How old the note of a key's last use may be before it is written again.
const USE_NOTED: SignedDuration = SignedDuration::from_mins(1);
/// What a key begins with, so that it is known for one wherever it turns up.
const MARK: &str = "drip_";

/// Why a key is not made, accepted or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The name is refused.
    #[error("the key's name is refused")]
    Name(#[source] TextError),
    /// A key without permissions opens nothing.
    #[error("the key has no permission")]
    NoPermission,
    /// The key would do what its maker may not.
    #[error("the key has permissions that you lack")]
    Beyond,
    /// There is no such key, or it was revoked before.
    #[error("the key does not exist or is revoked")]
    Unknown,
    /// A bearer's key is malformed, unknown, wrong or revoked: nobody is told which.
    #[error("the API key is not valid")]
    Invalid,
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for KeyError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Makes a key with some of the actor's permissions. The second part of the answer is the key's text, which
    /// cannot be had again: a repeat under the same idempotency key names the first key with an empty text.
    pub async fn create_key(
        &self,
        actor: &Actor,
        name: &str,
        permissions: Permissions,
    ) -> Result<(ApiKey, String), KeyError> {
        actor.need(Permission::KeysWrite)?;
        if !actor.permissions().covers(permissions) {
            return Err(KeyError::Beyond);
        }
        if permissions == Permissions::default() {
            return Err(KeyError::NoPermission);
        }
        let (beat, secret) = (self.beat(actor), crate::ids::secret());
        let key = ApiKey {
            id: KeyId(beat.id()),
            name: line(name, MAX_KEY_NAME).map_err(KeyError::Name)?,
            secret_hash: hash(&secret),
            permissions: permissions.words(),
            created_at: beat.now,
            used_at: None,
            revoked_at: None,
        };
        let (id, text) = (key.id, text(beat.workspace, key.id, &secret));
        let made = self
            .write(Lane::Normal, move |tx| {
                let asked = ("create_key", &key.name, &key.permissions);
                once(tx, &beat, &asked, |tx| create(tx, &beat, &key))
            })
            .await?;
        // Only the hash of the secret is stored, so a repeat has nothing to show.
        let text = if made.id == id { text } else { String::new() };
        Ok((made, text))
    }

    /// Who bears this key. Notes its use, at most once a minute.
    pub async fn authenticate(&self, text: &str) -> Result<Actor, KeyError> {
        let (workspace, id, secret) = parse(text).ok_or(KeyError::Invalid)?;
        let given = hash(secret);
        let key = self.read(move |read| users::find_key(read, workspace, id)).await?;
        // Where there is no key the same work is done, against a hash that nothing has.
        let stored = key.as_ref().map_or_else(|| "-".repeat(given.len()), |key| key.secret_hash.clone());
        let same = same(&given, &stored);
        let key = key.filter(|key| same && key.revoked_at.is_none()).ok_or(KeyError::Invalid)?;
        let permissions = Permissions::from_words(&key.permissions)
            .map_err(|word| Failure::Stored(format!("{id} has the permission {word:?}")))?;
        let now = self.now();
        if key.used_at.is_none_or(|used| used.saturating_add(USE_NOTED).is_ok_and(|again| again <= now)) {
            let noted: Result<(), DbError> =
                self.write(Lane::Normal, move |tx| users::use_key(tx, workspace, id, now)).await;
            if let Err(error) = noted {
                // A full disk must not lock out those who only read.
                tracing::warn!(key = %id, %error, "the use of a key was not noted");
            }
        }
        Ok(Actor::key(workspace, id, permissions))
    }

    /// All keys of the workspace, revoked ones too. None shows its secret.
    pub async fn keys(&self, actor: &Actor) -> Result<Vec<ApiKey>, KeyError> {
        actor.need(Permission::KeysWrite)?;
        let workspace = actor.workspace();
        self.read(move |read| Ok(users::keys(read, workspace)?)).await
    }

    /// Revokes a key: from the commit on it opens nothing, on any node.
    pub async fn revoke_key(&self, actor: &Actor, id: KeyId) -> Result<(), KeyError> {
        actor.need(Permission::KeysWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            if !users::revoke_key(tx, beat.workspace, id, beat.now)? {
                return Err(KeyError::Unknown);
            }
            Ok(beat.note(tx, "key.revoked", None, &json!({ "key": id }))?)
        })
        .await
    }
}

fn create(tx: &mut Tx<'_>, beat: &Beat, key: &ApiKey) -> Result<ApiKey, KeyError> {
    users::insert_key(tx, beat.workspace, key)?;
    let payload = json!({ "key": key.id, "name": key.name, "permissions": key.permissions });
    beat.note(tx, "key.created", None, &payload)?;
    Ok(key.clone())
}

fn text(workspace: WorkspaceId, key: KeyId, secret: &str) -> String {
    format!("{MARK}{}", tokens::text(workspace, key.0, secret))
}

fn parse(text: &str) -> Option<(WorkspaceId, KeyId, &str)> {
    let (workspace, key, secret) = tokens::parse(text.strip_prefix(MARK)?)?;
    Some((workspace, KeyId(key), secret))
}

#[cfg(test)]
mod tests {
    use domain::ids::WorkspaceId;

    use super::*;

    #[test]
    fn a_key_is_a_token_with_a_mark() {
        let secret = "0123456789abcdef".repeat(4);
        let whole = text(WorkspaceId(42), KeyId(7), &secret);
        assert_eq!(whole, format!("drip_000000000001a_0000000000007_{secret}"));
        assert_eq!(parse(&whole), Some((WorkspaceId(42), KeyId(7), secret.as_str())));
        assert_eq!(parse(whole.trim_start_matches(MARK)), None);
    }
}
