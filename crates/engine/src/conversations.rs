//! Conversations: marked as read or unread and given to a user by the people who work in them, one or a selection at once.
//! Messages move them: `inbound` and `settle` do that.

use domain::access::Permission;
use domain::ids::{ContactId, UserId, WorkspaceId};
use domain::suppression::Suppression;
use serde_json::json;
use store::{DbError, Lane, Tx, contacts, conversations, users};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;

/// Most conversations that one action changes.
pub const MOST_AT_ONCE: usize = 500;

/// Why a conversation is not marked or given.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact, or it was deleted.
    #[error("the contact does not exist")]
    Unknown,
    /// Nobody of the team is meant.
    #[error("the user does not exist")]
    UserUnknown,
    /// The selection is too large.
    #[error("{0} conversations are selected; at most {MOST_AT_ONCE} can be changed at once")]
    TooMany(usize),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ConversationError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// Whether somebody has read a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// All of it.
    Read,
    /// It is to be looked at again.
    Unread,
}

impl Engine {
    /// Marks everything that a contact wrote as read, for the whole workspace. False if nothing was unread.
    pub async fn mark_read(&self, actor: &Actor, contact: ContactId) -> Result<bool, ConversationError> {
        Ok(!self.mark(actor, vec![contact], Mark::Read).await?.is_empty())
    }

    /// Marks conversations for the whole workspace, and says which were marked otherwise before.
    pub async fn mark(
        &self,
        actor: &Actor,
        contacts: Vec<ContactId>,
        mark: Mark,
    ) -> Result<Vec<ContactId>, ConversationError> {
        actor.need(Permission::Send)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            all_known(tx, beat.workspace, &contacts)?;
            let (changed, kind) = match mark {
                Mark::Read => (conversations::mark_read(tx, beat.workspace, &contacts)?, "conversation.read"),
                Mark::Unread => (conversations::mark_unread(tx, beat.workspace, &contacts)?, "conversation.unread"),
            };
            note_each(tx, &beat, kind, &changed, &json!({}))?;
            Ok::<_, ConversationError>(changed)
        })
        .await
    }

    /// Gives conversations to a user of the team, or to nobody; says which were somebody else's before.
    pub async fn assign(
        &self,
        actor: &Actor,
        contacts: Vec<ContactId>,
        to: Option<UserId>,
    ) -> Result<Vec<ContactId>, ConversationError> {
        actor.need(Permission::Send)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            all_known(tx, beat.workspace, &contacts)?;
            if let Some(user) = to
                && users::find(tx, beat.workspace, user)?.is_none()
            {
                return Err(ConversationError::UserUnknown);
            }
            let changed = conversations::assign(tx, beat.workspace, &contacts, to)?;
            note_each(tx, &beat, "conversation.assigned", &changed, &json!({ "to": to }))?;
            Ok(changed)
        })
        .await
    }
}

/// Goes on only if each of these contacts is there.
pub(crate) fn all_known(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[ContactId]) -> Result<(), ConversationError> {
    if ids.len() > MOST_AT_ONCE {
        return Err(ConversationError::TooMany(ids.len()));
    }
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let found = contacts::some(tx, workspace, &wanted)?;
    if found.len() == wanted.len() { Ok(()) } else { Err(ConversationError::Unknown) }
}

/// Writes the same event for each of these contacts.
pub(crate) fn note_each(
    tx: &mut Tx<'_>,
    beat: &Beat,
    kind: &str,
    contacts: &[ContactId],
    payload: &serde_json::Value,
) -> Result<(), Failure> {
    let events: Vec<_> = contacts.iter().map(|contact| beat.event(kind, Some(*contact), payload)).collect();
    Ok(store::events::insert(tx, beat.workspace, &events)?)
}

/// The contact's phone came onto a list, or left it: its conversation shows an opt-out.
pub(crate) fn listed(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    kind: Suppression,
    on: bool,
) -> Result<(), Failure> {
    if kind == Suppression::OptedOut {
        conversations::set_opted_out(tx, workspace, contact, on)?;
    }
    Ok(())
}
