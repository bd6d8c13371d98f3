//! The first start: a database without anybody gets its first workspace and owner, once.
//!
//! Whoever does it needs no password yet; that they may, the server knows by a code that only its log tells.

use std::sync::Arc;

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
use crate::tokens::same;
use crate::users::{MAX_USER_NAME, UserError, checked_email};
use crate::workspaces::{self, NewWorkspace, WorkspaceError};

/// Hexadecimal digits of a code: 128 bits.
const CODE_DIGITS: usize = 32;

/// What whoever sets a server up must know: held by the process that told it, and stored nowhere. Each node may tell its own.
#[derive(Clone)]
pub struct SetupCode(Arc<str>);

impl SetupCode {
    /// A code that nobody can guess.
    #[must_use]
    pub fn draw() -> Self {
        Self(crate::ids::secret()[..CODE_DIGITS].into())
    }

    /// The code, for the one who started the server.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is the code.
    #[must_use]
    pub fn fits(&self, given: &str) -> bool {
        same(given, &self.0)
    }
}

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
            zone: None,
            operator_at: None,
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
