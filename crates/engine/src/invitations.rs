//! Links that are given to a person: to join a workspace, or to set a new password.
//!
//! | what | rule |
//! |---|---|
//! | text | a `crate::tokens` token, shown once to whoever made it; we send no mail |
//! | use | once, within 7 days; a newer link for the same address replaces it |
//! | role | nobody gives more than they may do, asked anew when the link is used: who made it may have left since |
//! | a new password | ends all sessions of the user |

use domain::access::{Permission, Permissions, Role};
use domain::ids::{InvitationId, UserId, WorkspaceId};
use jiff::SignedDuration;
use serde_json::json;
use store::invitations::{self, Invitation};
use store::users::{self, User};
use store::workspaces::{self, Workspace};
use store::{DbError, Lane, Read, Tx, sessions};

use crate::actor::Actor;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::passwords;
use crate::text::line;
use crate::tokens::{self, hash, same};
use crate::users::{MAX_USER_NAME, UserError, checked_email, insert_new};

/// How long a link can be used.
pub const LIVES: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Most open invitations that are listed.
const MAX_OPEN: i64 = 500;

/// Why an invitation is not made or used.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// What holds for users holds here.
    #[error(transparent)]
    User(#[from] UserError),
    /// The link is malformed, unknown, used, withdrawn or too old; whoever made it may have left.
    #[error("the link cannot be used, or no longer; ask for a new one")]
    Ended,
    /// Whoever sets an operator's password could be the operator.
    #[error("the user runs the installation: have that taken from them at its command line first")]
    Operator,
    /// There is no such open invitation.
    #[error("the invitation does not exist or was used")]
    Unknown,
}

impl From<DbError> for InvitationError {
    fn from(error: DbError) -> Self {
        Self::User(error.into())
    }
}

impl From<Failure> for InvitationError {
    fn from(error: Failure) -> Self {
        Self::User(error.into())
    }
}

/// An invitation as whoever holds its link sees it.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// Where it leads.
    pub workspace: Workspace,
}

impl Engine {
    /// Invites somebody; answers the invitation and the link's token, which cannot be had again.
    pub async fn invite(
        &self,
        actor: &Actor,
        email: &str,
        name: &str,
        role: Role,
    ) -> Result<(Invitation, String), InvitationError> {
        actor.need(Permission::TeamWrite).map_err(UserError::from)?;
        if !actor.permissions().covers(role.permissions()) {
            return Err(UserError::RoleBeyond(role).into());
        }
        let email = checked_email(email)?;
        let name = line(name, MAX_USER_NAME).map_err(UserError::Name)?;
        let (beat, secret) = (self.beat(actor), crate::ids::secret());
        let one = made(&beat, None, (email, name, role.word().to_owned()), &secret);
        let token = tokens::text(beat.workspace, one.id.0, &secret);
        self.write(Lane::Normal, move |tx| {
            if users::by_email(tx, beat.workspace, &one.email)?.is_some() {
                return Err(UserError::EmailTaken.into());
            }
            invitations::insert(tx, beat.workspace, &one)?;
            let payload = json!({ "invitation": one.id, "name": one.name, "role": one.role });
            beat.note(tx, "user.invited", None, &payload)?;
            Ok((one.clone(), token.clone()))
        })
        .await
    }

    /// Makes a link by which a user of the workspace sets a new password; answers it as [`Engine::invite`] does.
    pub async fn password_link(&self, actor: &Actor, id: UserId) -> Result<(Invitation, String), InvitationError> {
        actor.need(Permission::TeamWrite).map_err(UserError::from)?;
        let (beat, secret, may) = (self.beat(actor), crate::ids::secret(), actor.permissions());
        self.write(Lane::Normal, move |tx| {
            let (user, _) = users::find(tx, beat.workspace, id)?.ok_or(UserError::Unknown)?;
            let role = role_of(&user.role)?;
            if !may.covers(role.permissions()) {
                return Err(UserError::RoleBeyond(role).into());
            }
            if user.operator_at.is_some() && beat.actor != "operator" {
                return Err(InvitationError::Operator);
            }
            let one = made(&beat, Some(id), (user.email, user.name, user.role), &secret);
            invitations::insert(tx, beat.workspace, &one)?;
            beat.note(tx, "user.password_link_made", None, &json!({ "user": id, "name": one.name }))?;
            let token = tokens::text(beat.workspace, one.id.0, &secret);
            Ok((one, token))
        })
        .await
    }

    /// The invitations that can still be used, oldest first.
    pub async fn invitations(&self, actor: &Actor) -> Result<Vec<Invitation>, InvitationError> {
        actor.need(Permission::TeamWrite).map_err(UserError::from)?;
        let (workspace, now) = (actor.workspace(), self.now());
        self.read(move |read| Ok(invitations::open(read, workspace, now, MAX_OPEN)?)).await
    }

    /// Withdraws an invitation: its link opens nothing from then on.
    pub async fn withdraw_invitation(&self, actor: &Actor, id: InvitationId) -> Result<(), InvitationError> {
        actor.need(Permission::TeamWrite).map_err(UserError::from)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            if !invitations::remove(tx, beat.workspace, id)? {
                return Err(InvitationError::Unknown);
            }
            Ok(beat.note(tx, "user.invitation_withdrawn", None, &json!({ "invitation": id }))?)
        })
        .await
    }

    /// What a link leads to.
    pub async fn invited(&self, token: &str) -> Result<Invited, InvitationError> {
        let (workspace, id, secret) = tokens::parse(token).ok_or(InvitationError::Ended)?;
        let (given, now) = (hash(secret), self.now());
        self.read(move |read| {
            let one = invitations::find(read, workspace, InvitationId(id))?;
            let one = one.filter(|one| same(&given, &one.secret_hash)).ok_or(InvitationError::Ended)?;
            if one.used_at.is_some() || one.expires_at <= now {
                return Err(InvitationError::Ended);
            }
            let home = workspaces::find(read, workspace)?.ok_or(InvitationError::Ended)?;
            Ok(Invited { invitation: one, workspace: home })
        })
        .await
    }

    /// Uses a link: makes the user, or gives them the new password. Answers who it is, and where.
    pub async fn accept(
        &self,
        token: &str,
        name: &str,
        password: &str,
    ) -> Result<(WorkspaceId, User), InvitationError> {
        let Invited { invitation, workspace } = self.invited(token).await?;
        let name = match invitation.user {
            Some(_) => invitation.name.clone(),
            None => line(name, MAX_USER_NAME).map_err(UserError::Name)?,
        };
        let hash = passwords::hash(password).await.map_err(UserError::from)?;
        let beat = self.beat_as(workspace.id, "dripline");
        let user = self.write(Lane::Normal, move |tx| accept(tx, &beat, &invitation, &name, &hash)).await?;
        Ok((workspace.id, user))
    }
}

fn made(beat: &Beat, user: Option<UserId>, (email, name, role): (String, String, String), secret: &str) -> Invitation {
    Invitation {
        id: InvitationId(beat.id()),
        user,
        email,
        name,
        role,
        secret_hash: hash(secret),
        made_by: beat.actor.clone(),
        created_at: beat.now,
        expires_at: beat.now.saturating_add(LIVES).unwrap_or(beat.now),
        used_at: None,
    }
}

fn role_of(word: &str) -> Result<Role, Failure> {
    Role::from_word(word).ok_or_else(|| Failure::Stored(format!("a user has the role {word:?}")))
}

fn accept(
    tx: &mut Tx<'_>,
    beat: &Beat,
    invitation: &Invitation,
    name: &str,
    hash: &str,
) -> Result<User, InvitationError> {
    // Whoever uses the link at the same time waits here and finds it used.
    if !invitations::take(tx, beat.workspace, invitation.id, beat.now)? {
        return Err(InvitationError::Ended);
    }
    let may = may_now(tx, beat.workspace, &invitation.made_by)?;
    let known = match invitation.user {
        Some(id) => Some(users::find(tx, beat.workspace, id)?.ok_or(InvitationError::Ended)?.0),
        None => None,
    };
    let role = role_of(known.as_ref().map_or(invitation.role.as_str(), |user| user.role.as_str()))?;
    if !may.has(Permission::TeamWrite) || !may.covers(role.permissions()) {
        return Err(InvitationError::Ended);
    }
    if known.as_ref().is_some_and(|user| user.operator_at.is_some()) && invitation.made_by != "operator" {
        return Err(InvitationError::Ended);
    }
    let Some(user) = known else {
        let id = UserId(beat.id());
        let (email, role) = (invitation.email.clone(), role.word().to_owned());
        let user = User { id, email, name: name.to_owned(), role, created_at: beat.now, zone: None, operator_at: None };
        let own = Beat { actor: id.to_string(), ..beat.clone() };
        return Ok(insert_new(tx, &own, &user, hash)?);
    };
    users::set_password(tx, beat.workspace, user.id, hash)?;
    let ended = sessions::end_all(tx, beat.workspace, user.id)?;
    let own = Beat { actor: user.id.to_string(), ..beat.clone() };
    own.note(tx, "user.password_changed", None, &json!({ "user": user.id, "sessions_ended": ended }))?;
    Ok(user)
}

/// What whoever made a link may do by now: nothing if they are no user any more.
fn may_now(read: &Read<'_>, workspace: WorkspaceId, made_by: &str) -> Result<Permissions, InvitationError> {
    if made_by == "operator" {
        return Ok(Permissions::all());
    }
    let Ok(id) = made_by.parse::<UserId>() else { return Ok(Permissions::default()) };
    let Some((user, _)) = users::find(read, workspace, id)? else { return Ok(Permissions::default()) };
    Ok(role_of(&user.role)?.permissions())
}
