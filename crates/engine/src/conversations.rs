//! Conversations: marked as read by the people who work in them. Messages move them: `receive` and `claim` do that.

use domain::access::Permission;
use domain::ids::ContactId;
use store::{DbError, Lane, contacts, conversations};

use crate::actor::{Actor, Forbidden};
use crate::engine::Engine;
use crate::failure::Failure;

/// Why a conversation is not marked.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact, or it was deleted.
    #[error("the contact does not exist")]
    Unknown,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ConversationError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Marks everything that a contact wrote as read, for the whole workspace. False if there was no conversation.
    pub async fn mark_read(&self, actor: &Actor, contact: ContactId) -> Result<bool, ConversationError> {
        actor.need(Permission::Send)?;
        let workspace = actor.workspace();
        self.write(Lane::Normal, move |tx| {
            let found = contacts::find(tx, workspace, contact)?;
            found.filter(|contact| contact.deleted_at.is_none()).ok_or(ConversationError::Unknown)?;
            Ok(conversations::mark_read(tx, workspace, contact)?)
        })
        .await
    }
}
