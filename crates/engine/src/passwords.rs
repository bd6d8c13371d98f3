//! Passwords: hashed with Argon2id and compared off the runtime's threads, few at a time.
//!
//! Each takes tens of milliseconds and some 19 MiB on purpose; a crowd of them must starve neither memory nor what is being sent.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// Fewest characters in a password (NIST SP 800-63B asks for 8 beside a second factor; there is none yet).
pub const MIN_PASSWORD: usize = 12;
/// Most bytes in a password: hashing takes time by length.
pub const MAX_PASSWORD_BYTES: usize = 1_024;
/// How many are hashed at one time.
const AT_ONCE: usize = 4;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Why a password cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("the password has fewer than {MIN_PASSWORD} characters")]
    Short,
    /// Too long.
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes")]
    Long,
}

/// The hash of a new password.
pub(crate) async fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(PasswordError::Short);
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::Long);
    }
    let password = password.to_owned();
    Ok(in_turn(move || hashed(&password)).await)
}

/// Whether a password is the one of a hash. Without a hash the same work is done, and it fits nothing.
pub(crate) async fn fits(password: &str, hash: Option<String>) -> bool {
    if password.len() > MAX_PASSWORD_BYTES {
        return false;
    }
    let password = password.to_owned();
    in_turn(move || match hash {
        Some(hash) => Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok(),
        None => hashed(&password).is_empty(),
    })
    .await
}

fn hashed(password: &str) -> String {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &crate::ids::salt());
    hash.expect("the default parameters hash any password with a salt of 16 bytes").to_string()
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = TURNS.acquire().await.expect("the turns are never closed");
    tokio::task::spawn_blocking(work).await.expect("hashing does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let hash = hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(fits("correct horse battery", Some(hash.clone())).await);
        assert!(!fits("correct horse batterY", Some(hash)).await);
        assert!(!fits("correct horse battery", None).await);
        assert!(!fits("correct horse battery", Some("no hash".to_owned())).await);
        assert_eq!(super::hash("short").await, Err(PasswordError::Short));
        assert_eq!(super::hash(&"x".repeat(1_025)).await, Err(PasswordError::Long));
    }
}
