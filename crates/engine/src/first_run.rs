//! The first start: a database without anybody gets its first workspace and owner, once.
//!
//! Whoever does it needs no password yet; that they may, the server knows by a code that only its log tells.

use domain::access::Role;
use domain::ids::{UserId, WorkspaceId};
use serde_json::json;
use store::users::{self, User};
use store::{DbError, Lane};

use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::passwords;
use crate::text::line;
use crate::users::{MAX_USER_NAME, UserError, checked_email};
use crate::workspaces::{self, NewWorkspace, WorkspaceError};

/// The first owner.
#[derive(Debug, Clone)]
pub struct NewOwner {
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// Why the database is not set up.
#[derive(Debug, thiserror::Error)]
pub enum FirstRunError {
    /// Somebody did it before.
    #[error("this server is set up already")]
    Done,
    /// The workspace is refused.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The owner is refused.
    #[error(transparent)]
    Owner(#[from] UserError),
}

impl From<DbError> for FirstRunError {
    fn from(error: DbError) -> Self {
        Self::Owner(error.into())
    }
}

impl Engine {
    /// Whether there is nobody yet who could sign in, in any workspace.
    pub async fn nobody_yet(&self) -> Result<bool, Failure> {
        self.read(|read| Ok(!users::anybody(read)?)).await
    }

    /// Makes the first workspace and its owner. Of two at once one does it.
    pub async fn set_up(&self, new: NewWorkspace, owner: NewOwner) -> Result<(WorkspaceId, User), FirstRunError> {
        let maker = self.beat_as(WorkspaceId(0), "operator");
        let beat = Beat { workspace: WorkspaceId(maker.id()), ..maker };
        let user = User {
            id: UserId(beat.id()),
            email: checked_email(&owner.email)?,
            name: line(&owner.name, MAX_USER_NAME).map_err(UserError::Name)?,
            role: Role::Owner.word().to_owned(),
            created_at: beat.now,
        };
        workspaces::check_new(&new)?;
        let hash = passwords::hash(&owner.password).await.map_err(UserError::from)?;
        self.write(Lane::Normal, move |tx| {
            if !users::be_first(tx)? {
                return Err(FirstRunError::Done);
            }
            workspaces::create(tx, &beat, &new)?;
            users::insert(tx, beat.workspace, &user, Some(&hash))?;
            let payload = json!({ "user": user.id, "name": user.name, "role": user.role });
            beat.note(tx, "user.created", None, &payload).map_err(UserError::from)?;
            Ok((beat.workspace, user.clone()))
        })
        .await
    }
}
