//! Signing in and out: a session for each browser.
//!
//! | what | rule |
//! |---|---|
//! | token | `<workspace>_<session>_<secret>`: two identifiers and 256 bits; only the SHA-256 of the secret is stored |
//! | role | read anew at each use: whoever is removed or given another role feels it at once |
//! | end | 7 days after the last use, 30 days after the beginning; on a clock that can be moved never, or a demo's month would end it |
//! | several workspaces | a session begins in each whose password fitted, and in no other: the browser holds them all and shows one |
//! | open pages | what ends a session is in the history under `user.`, so that a page that follows it looks at its session at once |
//! | guessing | `crate::guesses` makes whoever is wrong often wait |

use domain::access::Role;
use domain::ids::{SessionId, UserId, WorkspaceId};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::sessions::{self, Session};
use store::users::{self, User};
use store::workspaces::{self, Workspace};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Operator};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::passwords::{self, PasswordError};
use crate::tokens::{self, hash, same};

/// How long a session lives without being used.
pub const IDLE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How long a session lives at most.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How old the note of a session's last use may be before it is written again.
const USE_NOTED: SignedDuration = SignedDuration::from_mins(5);
/// Most characters that are kept of what a browser calls itself.
const MAX_AGENT: usize = 200;
/// Most workspaces in which one address is looked for.
const MAX_WORKSPACES: i64 = 20;
/// Most sessions that a list shows.
const MAX_SESSIONS: i64 = 100;

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Nobody has this address with this password; nobody is told which of them is wrong.
    #[error("the address or the password is wrong")]
    Wrong,
    /// Too many were wrong before.
    #[error("too many attempts: try again in {} seconds", .0.as_secs().max(1))]
    Wait(SignedDuration),
    /// The session is malformed, unknown, ended or too old.
    #[error("the session has ended")]
    Ended,
    /// The new password cannot be one.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for SignInError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Presence {
    /// Which session.
    pub session: SessionId,
    /// What they may do.
    pub actor: Actor,
    /// Who.
    pub user: User,
    /// Where.
    pub workspace: Workspace,
    /// What they are beyond it, if they run the installation.
    pub operator: Option<Operator>,
}

/// An attempt to sign in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// From which network address, as far as it is known.
    pub from: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// What signing in gives: tokens, which cannot be had again.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Of the session in the workspace that was made last.
    pub token: String,
    /// Of those in the other workspaces where the password fitted.
    pub others: Vec<String>,
}

impl Engine {
    /// Signs in, wherever the password fits.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<SignedIn, SignInError> {
        let now = self.now();
        self.guesses().begin(&attempt.email, &attempt.from, now).map_err(SignInError::Wait)?;
        let email = attempt.email.clone();
        let known = self.read(move |read| users::by_address(read, &email, MAX_WORKSPACES)).await;
        let known = known.map_err(|error: DbError| SignInError::from(error))?;
        if known.is_empty() {
            // As long as for an address that is known, so that nobody learns which are.
            passwords::fits(&attempt.password, None).await;
        }
        let mut fits = Vec::new();
        for (workspace, user, hash) in known {
            if passwords::fits(&attempt.password, hash).await {
                fits.push((workspace, user));
            }
        }
        let (workspace, user) = fits.pop().ok_or(SignInError::Wrong)?;
        self.guesses().right(&attempt.email, &attempt.from);
        let mut others = Vec::with_capacity(fits.len());
        for (workspace, user) in fits {
            others.push(self.begin_session(workspace, &user, &attempt.agent).await?);
        }
        Ok(SignedIn { token: self.begin_session(workspace, &user, &attempt.agent).await?, others })
    }

    /// Those of these tokens that are sessions of the same person in other workspaces, with who they are there. What has
    /// ended, and what belongs to another address, is left out.
    pub async fn elsewhere(
        &self,
        presence: &Presence,
        tokens: Vec<String>,
    ) -> Result<Vec<(String, Presence)>, SignInError> {
        let mut there: Vec<(String, Presence)> = Vec::new();
        for token in tokens.into_iter().take(usize::try_from(MAX_WORKSPACES).unwrap_or(usize::MAX)) {
            let other = match self.session(&token).await {
                Err(SignInError::Ended) => continue,
                other => other?,
            };
            let is_new = |known: &Presence| known.workspace.id != other.workspace.id;
            if other.user.is_called(&presence.user.email)
                && is_new(presence)
                && there.iter().all(|(_, known)| is_new(known))
            {
                there.push((token, other));
            }
        }
        Ok(there)
    }

    /// Begins a session for a user who has proved themselves otherwise: by an invitation, or in the demo.
    pub async fn begin_session(&self, workspace: WorkspaceId, user: &User, agent: &str) -> Result<String, SignInError> {
        let (beat, secret) = (self.beat_as(workspace, &user.id.to_string()), crate::ids::secret());
        let session = Session {
            id: SessionId(beat.id()),
            user: user.id,
            secret_hash: hash(&secret),
            agent: agent.chars().take(MAX_AGENT).collect(),
            created_at: beat.now,
            used_at: beat.now,
        };
        let token = tokens::text(workspace, session.id.0, &secret);
        let moves = self.clock().can_be_moved();
        self.write(Lane::Normal, move |tx| begin(tx, &beat, &session, moves)).await?;
        Ok(token)
    }

    /// Who has the session with this token. Notes its use now and then.
    pub async fn session(&self, token: &str) -> Result<Presence, SignInError> {
        let (workspace, id, secret) = tokens::parse(token).ok_or(SignInError::Ended)?;
        let id = SessionId(id);
        let (given, now, moves) = (hash(secret), self.now(), self.clock().can_be_moved());
        let found = self.read::<_, DbError, _>(move |read| {
            let Some(session) = sessions::find(read, workspace, id)? else { return Ok(None) };
            let (user, home) = (users::find(read, workspace, session.user)?, workspaces::find(read, workspace)?);
            Ok(user.zip(home).map(|((user, _), home)| (session, user, home)))
        });
        let (session, user, home) = found.await?.ok_or(SignInError::Ended)?;
        let old = !moves && is_old(&session, now);
        if !same(&given, &session.secret_hash) || old {
            return Err(SignInError::Ended);
        }
        let stored = || Failure::Stored(format!("{} has the role {:?}", user.id, user.role));
        let role = Role::from_word(&user.role).ok_or_else(stored)?;
        if passed(session.used_at, USE_NOTED, now) {
            let noted: Result<(), DbError> =
                self.write(Lane::Normal, move |tx| sessions::touch(tx, workspace, id, now)).await;
            if let Err(error) = noted {
                // A full disk must not lock out those who only read.
                tracing::warn!(session = %id, %error, "the use of a session was not noted");
            }
        }
        let actor = Actor::user(workspace, user.id, role.permissions());
        let operator = user.operator_at.map(|_| Operator::person(&user.name));
        Ok(Presence { session: id, actor, user, workspace: home, operator })
    }

    /// Ends a session. What has ended already stays so.
    pub async fn sign_out(&self, presence: &Presence) -> Result<(), SignInError> {
        self.end_session(presence, presence.session).await.map(drop)
    }

    /// Ends one session of the same user, by its identifier; false if there was none.
    pub async fn end_session(&self, presence: &Presence, id: SessionId) -> Result<bool, SignInError> {
        let (beat, user) = (self.beat(&presence.actor), presence.user.id);
        self.write(Lane::Normal, move |tx| {
            let ended = sessions::end(tx, beat.workspace, user, id)?;
            told(tx, &beat, user, u64::from(ended)).map(|()| ended)
        })
        .await
    }

    /// Ends all other sessions of the user; answers how many.
    pub async fn sign_out_elsewhere(&self, presence: &Presence) -> Result<u64, SignInError> {
        let (beat, user, id) = (self.beat(&presence.actor), presence.user.id, presence.session);
        self.write(Lane::Normal, move |tx| {
            let ended = sessions::end_others(tx, beat.workspace, user, id)?;
            told(tx, &beat, user, ended).map(|()| ended)
        })
        .await
    }

    /// Changes the user's own password, for which they prove the old one. Their other sessions end; answers how many.
    pub async fn change_password(&self, presence: &Presence, old: &str, new: &str) -> Result<u64, SignInError> {
        let (workspace, user, now) = (presence.actor.workspace(), presence.user.id, self.now());
        let email = presence.user.email.clone();
        self.guesses().begin(&email, "", now).map_err(SignInError::Wait)?;
        let found = self.read::<_, DbError, _>(move |read| users::find(read, workspace, user)).await?;
        let stored = found.ok_or(SignInError::Ended)?.1;
        if !passwords::fits(old, stored).await {
            return Err(SignInError::Wrong);
        }
        self.guesses().right(&email, "");
        let (hash, beat, session) = (passwords::hash(new).await?, self.beat(&presence.actor), presence.session);
        self.write(Lane::Normal, move |tx| {
            users::set_password(tx, workspace, user, &hash)?;
            let ended = sessions::end_others(tx, workspace, user, session)?;
            beat.note(tx, "user.password_changed", None, &json!({ "user": user, "sessions_ended": ended }))?;
            Ok(ended)
        })
        .await
    }

    /// The user's sessions, newest first.
    pub async fn sessions(&self, presence: &Presence) -> Result<Vec<Session>, SignInError> {
        let (workspace, user) = (presence.actor.workspace(), presence.user.id);
        let (now, moves) = (self.now(), self.clock().can_be_moved());
        let all =
            self.read::<_, DbError, _>(move |read| sessions::of_user(read, workspace, user, MAX_SESSIONS)).await?;
        Ok(all.into_iter().filter(|session| moves || !is_old(session, now)).collect())
    }
}

/// Tells that sessions of a user have ended.
fn told(tx: &mut Tx<'_>, beat: &Beat, user: UserId, ended: u64) -> Result<(), SignInError> {
    if ended == 0 {
        return Ok(());
    }
    Ok(beat.note(tx, "user.signed_out", None, &json!({ "user": user, "sessions_ended": ended }))?)
}

fn is_old(session: &Session, now: Timestamp) -> bool {
    passed(session.used_at, IDLE, now) || passed(session.created_at, LONGEST, now)
}

fn passed(since: Timestamp, time: SignedDuration, now: Timestamp) -> bool {
    since.saturating_add(time).is_ok_and(|end| end <= now)
}

fn begin(tx: &mut Tx<'_>, beat: &Beat, session: &Session, moves: bool) -> Result<(), SignInError> {
    if !moves {
        let before = |time| beat.now.saturating_sub(time).unwrap_or(Timestamp::MIN);
        sessions::sweep(tx, beat.workspace, session.user, before(IDLE), before(LONGEST))?;
    }
    sessions::insert(tx, beat.workspace, session)?;
    Ok(beat.note(tx, "user.signed_in", None, &json!({ "user": session.user }))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_old_when_it_was_not_used_for_a_week_or_began_a_month_ago() {
        let day = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let session = |created, used| Session {
            id: SessionId(1),
            user: domain::ids::UserId(1),
            secret_hash: String::new(),
            agent: String::new(),
            created_at: day(created),
            used_at: day(used),
        };
        assert!(!is_old(&session(0, 0), day(6)));
        assert!(is_old(&session(0, 0), day(7)));
        assert!(!is_old(&session(0, 28), day(29)));
        assert!(is_old(&session(0, 29), day(30)));
    }
}
