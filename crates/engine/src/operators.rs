//! Who runs the installation: at the command line whoever has the machine, in the browser whom the command line has named.
//!
//! It is a mark of one user in one workspace, not of an address: anybody who runs a workspace may make a user of any address there.
//! For the same reason nobody but the command line makes a link for a new password of an operator (`invitations`). It is read
//! with the session at each use, so taking it away counts at once.

use domain::ids::WorkspaceId;
use serde_json::json;
use store::Lane;
use store::users::{self, User};

use crate::engine::Engine;
use crate::users::UserError;

impl Engine {
    /// Makes a user an operator of the installation. For the command line.
    ///
    /// # Errors
    /// If the workspace has no user of this address.
    pub async fn appoint_operator(&self, workspace: WorkspaceId, email: &str) -> Result<User, UserError> {
        self.name_operator(workspace, email, Mark::Operator).await
    }

    /// Takes that from them. For the command line.
    ///
    /// # Errors
    /// If the workspace has no user of this address.
    pub async fn dismiss_operator(&self, workspace: WorkspaceId, email: &str) -> Result<User, UserError> {
        self.name_operator(workspace, email, Mark::Nothing).await
    }

    async fn name_operator(&self, workspace: WorkspaceId, email: &str, mark: Mark) -> Result<User, UserError> {
        let (beat, email) = (self.beat_as(workspace, "operator"), email.to_owned());
        self.write(Lane::Normal, move |tx| {
            let id = users::by_email(tx, workspace, &email)?.ok_or(UserError::Unknown)?;
            let (user, _) = users::find(tx, workspace, id)?.ok_or(UserError::Unknown)?;
            let operator_at = (mark == Mark::Operator).then(|| user.operator_at.unwrap_or(beat.now));
            if operator_at != user.operator_at {
                users::set_operator(tx, workspace, id, operator_at)?;
                let kind = if mark == Mark::Operator { "user.operator_appointed" } else { "user.operator_dismissed" };
                beat.note(tx, kind, None, &json!({ "user": id, "name": user.name }))?;
            }
            Ok(User { operator_at, ..user })
        })
        .await
    }
}

/// What becomes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Operator,
    Nothing,
}
