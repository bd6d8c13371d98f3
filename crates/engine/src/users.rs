//! Users of a workspace: made, given a role, removed. A password is never stored, only its Argon2id hash.
//!
//! Nobody gives, takes or removes more than they may do themselves, and a workspace keeps an owner.

use domain::access::{Permission, Permissions, Role};
use domain::ids::UserId;
use domain::zones::{UnknownZone, Zone};
use serde_json::json;
use store::users::{self, User};
use store::{ConstraintKind, DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::passwords::{self, PasswordError};
use crate::sessions::Presence;
use crate::text::{TextError, line};

/// Most characters in a user's name.
pub const MAX_USER_NAME: usize = 80;
/// Most characters in an address (RFC 5321, 4.5.3.1.3).
pub const MAX_EMAIL: usize = 254;
/// What changes of a user; nothing stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Another name.
    pub name: Option<String>,
    /// Another role.
    pub role: Option<Role>,
}

/// Why a user is not made, changed, removed or shown.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The role may do what the actor may not.
    #[error("the role {} has permissions that you lack", .0.word())]
    RoleBeyond(Role),
    /// The name is refused.
    #[error("the user's name is refused")]
    Name(#[source] TextError),
    /// There is no such time zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// The text is no address.
    #[error("the address is not of the form name@example.com")]
    Email,
    /// A user of the workspace has this address.
    #[error("a user of this workspace has the address already")]
    EmailTaken,
    /// The password cannot be one.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// There is no such user in the workspace.
    #[error("the user does not exist")]
    Unknown,
    /// Without an owner nobody could make keys or pay.
    #[error("the user is the only owner of the workspace; make another one first")]
    LastOwner,
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for UserError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Makes a user. Nobody gives a role that may do more than they may themselves. A repeat under one idempotency
    /// key is known by everything but the password, of which no digest may lie about.
    pub async fn create_user(
        &self,
        actor: &Actor,
        email: &str,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<User, UserError> {
        actor.need(Permission::TeamWrite)?;
        if !actor.permissions().covers(role.permissions()) {
            return Err(UserError::RoleBeyond(role));
        }
        let beat = self.beat(actor);
        let user = User {
            id: UserId(beat.id()),
            email: checked_email(email)?,
            name: line(name, MAX_USER_NAME).map_err(UserError::Name)?,
            role: role.word().to_owned(),
            created_at: beat.now,
            zone: None,
            operator_at: None,
        };
        let hash = passwords::hash(password).await?;
        self.write(Lane::Normal, move |tx| {
            let asked = ("create_user", &user.email, &user.name, &user.role);
            once(tx, &beat, &asked, |tx| insert_new(tx, &beat, &user, &hash))
        })
        .await
    }

    /// Changes name or role.
    pub async fn change_user(&self, actor: &Actor, id: UserId, change: UserChange) -> Result<User, UserError> {
        actor.need(Permission::TeamWrite)?;
        if let Some(role) = change.role.filter(|role| !actor.permissions().covers(role.permissions())) {
            return Err(UserError::RoleBeyond(role));
        }
        let name = change.name.map(|name| line(&name, MAX_USER_NAME)).transpose().map_err(UserError::Name)?;
        let (beat, may) = (self.beat(actor), actor.permissions());
        self.write(Lane::Normal, move |tx| {
            let mut user = reach(tx, &beat, may, id, Becomes::of(change.role))?;
            user.name = name.clone().unwrap_or(user.name);
            user.role = change.role.map_or(user.role, |role| role.word().to_owned());
            users::change(tx, beat.workspace, &user)?;
            let payload = json!({ "user": id, "name": user.name, "role": user.role });
            beat.note(tx, "user.changed", None, &payload)?;
            Ok(user)
        })
        .await
    }

    /// Changes the name of whoever is signed in, which anybody may.
    pub async fn change_own_name(&self, presence: &Presence, name: &str) -> Result<(), UserError> {
        let name = line(name, MAX_USER_NAME).map_err(UserError::Name)?;
        let (beat, id) = (self.beat(&presence.actor), presence.user.id);
        self.write(Lane::Normal, move |tx| {
            let (user, _) = users::find(tx, beat.workspace, id)?.ok_or(UserError::Unknown)?;
            let user = User { name: name.clone(), ..user };
            users::rename(tx, beat.workspace, id, &user.name)?;
            let payload = json!({ "user": id, "name": user.name, "role": user.role });
            Ok(beat.note(tx, "user.changed", None, &payload)?)
        })
        .await
    }

    /// Chooses the zone in which pages show times to whoever is signed in; nothing follows the workspace.
    pub async fn choose_zone(&self, presence: &Presence, zone: Option<&str>) -> Result<(), UserError> {
        let zone = zone.map(Zone::named).transpose()?.map(|zone| zone.name());
        let (workspace, id) = (presence.actor.workspace(), presence.user.id);
        self.write(Lane::Normal, move |tx| Ok(users::set_zone(tx, workspace, id, zone)?)).await
    }

    /// Removes a user, who is signed out everywhere. What they did stays in the history.
    pub async fn remove_user(&self, actor: &Actor, id: UserId) -> Result<(), UserError> {
        actor.need(Permission::TeamWrite)?;
        let (beat, may) = (self.beat(actor), actor.permissions());
        self.write(Lane::Normal, move |tx| {
            let user = reach(tx, &beat, may, id, Becomes::Nothing)?;
            store::sessions::end_all(tx, beat.workspace, id)?;
            users::remove(tx, beat.workspace, id)?;
            Ok(beat.note(tx, "user.removed", None, &json!({ "user": id, "name": user.name }))?)
        })
        .await
    }

    /// All users of the workspace.
    pub async fn users(&self, actor: &Actor) -> Result<Vec<User>, UserError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| Ok(users::list(read, workspace)?)).await
    }
}

/// An address that can be one.
pub(crate) fn checked_email(email: &str) -> Result<String, UserError> {
    let email = line(email, MAX_EMAIL).map_err(|_| UserError::Email)?;
    let parts = email.rsplit_once('@').filter(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    });
    if parts.is_none() || email.chars().any(char::is_whitespace) {
        return Err(UserError::Email);
    }
    Ok(email)
}

/// What a user is after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// What they were.
    Same,
    /// Somebody with this role.
    With(Role),
    /// Removed.
    Nothing,
}

impl Becomes {
    fn of(role: Option<Role>) -> Self {
        role.map_or(Self::Same, Self::With)
    }
}

/// The user, if the actor may touch them and the workspace still has an owner afterwards.
fn reach(tx: &mut Tx<'_>, beat: &Beat, may: Permissions, id: UserId, becomes: Becomes) -> Result<User, UserError> {
    let all = users::lock(tx, beat.workspace)?;
    let user = all.iter().find(|user| user.id == id).ok_or(UserError::Unknown)?.clone();
    let stored = || Failure::Stored(format!("{id} has the role {:?}", user.role));
    let role = Role::from_word(&user.role).ok_or_else(stored)?;
    if !may.covers(role.permissions()) {
        return Err(UserError::RoleBeyond(role));
    }
    let stays = matches!(becomes, Becomes::Same | Becomes::With(Role::Owner));
    let others = all.iter().any(|user| user.id != id && user.role == Role::Owner.word());
    if role == Role::Owner && !stays && !others {
        return Err(UserError::LastOwner);
    }
    Ok(user)
}

/// Inserts a user whose address nobody in the workspace has.
pub(crate) fn insert_new(tx: &mut Tx<'_>, beat: &Beat, user: &User, hash: &str) -> Result<User, UserError> {
    if users::by_email(tx, beat.workspace, &user.email)?.is_some() {
        return Err(UserError::EmailTaken);
    }
    users::insert(tx, beat.workspace, user, Some(hash)).map_err(|error| match error {
        DbError::Constraint { kind: ConstraintKind::Unique, .. } => UserError::EmailTaken,
        error => error.into(),
    })?;
    let payload = json!({ "user": user.id, "name": user.name, "role": user.role });
    beat.note(tx, "user.created", None, &payload)?;
    Ok(user.clone())
}
