//! Quick replies: texts that are written often, made by whoever sets up the workspace, used by whoever sends.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::ids::ReplyId;
use serde_json::json;
use store::quick_replies::{self, QuickReply};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::text::{TextError, line};

/// Most characters in the name of a quick reply.
pub const MAX_REPLY_NAME: usize = 80;
/// Most characters in its text: what ten segments hold.
pub const MAX_REPLY_TEXT: usize = 1_530;
/// Most quick replies of a workspace.
pub const MAX_REPLIES: usize = 200;

/// Why a quick reply is not kept, ordered or shown.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The name is refused.
    #[error("the quick reply's name is refused")]
    Name(#[source] TextError),
    /// Another one has the name.
    #[error("there is a quick reply {0:?} already")]
    Taken(String),
    /// The text is refused.
    #[error("the quick reply's text is refused")]
    Text(#[source] TextError),
    /// There are as many as there may be.
    #[error("the workspace has {MAX_REPLIES} quick replies already; remove one first")]
    TooMany,
    /// There is no such quick reply.
    #[error("the quick reply does not exist")]
    Unknown,
    /// An order must name every quick reply of the workspace once.
    #[error("the order names {given} quick replies; it must name each of the {all} once")]
    Order {
        /// How many were named.
        given: usize,
        /// How many there are.
        all: usize,
    },
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ReplyError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// All quick replies in the workspace's order.
    pub async fn quick_replies(&self, actor: &Actor) -> Result<Vec<QuickReply>, ReplyError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| Ok(quick_replies::list(read, workspace)?)).await
    }

    /// Makes a quick reply, last in the order.
    pub async fn create_quick_reply(&self, actor: &Actor, name: &str, text: &str) -> Result<QuickReply, ReplyError> {
        actor.need(Permission::SettingsWrite)?;
        let beat = self.beat(actor);
        let reply = checked(ReplyId(beat.id()), name, text)?;
        self.write(Lane::Normal, move |tx| {
            if others(tx, &beat, &reply)?.len() >= MAX_REPLIES {
                return Err(ReplyError::TooMany);
            }
            quick_replies::insert(tx, beat.workspace, &reply)?;
            beat.note(tx, "quick_reply.created", None, &json!({ "quick_reply": reply.id, "name": reply.name }))?;
            Ok(reply.clone())
        })
        .await
    }

    /// Changes name and text of a quick reply.
    pub async fn change_quick_reply(
        &self,
        actor: &Actor,
        id: ReplyId,
        name: &str,
        text: &str,
    ) -> Result<QuickReply, ReplyError> {
        actor.need(Permission::SettingsWrite)?;
        let (beat, reply) = (self.beat(actor), checked(id, name, text)?);
        self.write(Lane::Normal, move |tx| {
            others(tx, &beat, &reply)?;
            if !quick_replies::change(tx, beat.workspace, &reply)? {
                return Err(ReplyError::Unknown);
            }
            beat.note(tx, "quick_reply.changed", None, &json!({ "quick_reply": reply.id, "name": reply.name }))?;
            Ok(reply.clone())
        })
        .await
    }

    /// Puts the quick replies into this order; each must be named once.
    pub async fn order_quick_replies(&self, actor: &Actor, ids: &[ReplyId]) -> Result<(), ReplyError> {
        actor.need(Permission::SettingsWrite)?;
        let (beat, ids) = (self.beat(actor), ids.to_vec());
        self.write(Lane::Normal, move |tx| {
            let all: BTreeSet<_> = locked(tx, &beat)?.into_iter().map(|reply| reply.id).collect();
            if ids.len() != all.len() || ids.iter().copied().collect::<BTreeSet<_>>() != all {
                return Err(ReplyError::Order { given: ids.len(), all: all.len() });
            }
            quick_replies::order(tx, beat.workspace, &ids)?;
            Ok(beat.note(tx, "quick_replies.ordered", None, &json!({ "quick_replies": ids }))?)
        })
        .await
    }

    /// Removes a quick reply.
    pub async fn remove_quick_reply(&self, actor: &Actor, id: ReplyId) -> Result<(), ReplyError> {
        actor.need(Permission::SettingsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let all = locked(tx, &beat)?;
            let reply = all.iter().find(|reply| reply.id == id).ok_or(ReplyError::Unknown)?;
            quick_replies::remove(tx, beat.workspace, id)?;
            Ok(beat.note(tx, "quick_reply.removed", None, &json!({ "quick_reply": id, "name": reply.name }))?)
        })
        .await
    }
}

fn checked(id: ReplyId, name: &str, text: &str) -> Result<QuickReply, ReplyError> {
    let name = line(name, MAX_REPLY_NAME).map_err(ReplyError::Name)?;
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let refused = match text.chars().count() {
        0 => Some(TextError::Empty),
        count if count > MAX_REPLY_TEXT => Some(TextError::TooLong { count, most: MAX_REPLY_TEXT }),
        _ if text.chars().any(|one| one.is_control() && one != '\n') => Some(TextError::Control),
        _ => None,
    };
    refused.map_or(Ok(QuickReply { id, name, text }), |error| Err(ReplyError::Text(error)))
}

/// All of the workspace's, which nobody else changes until the transaction ends: the workspace's row is locked for it.
fn locked(tx: &mut Tx<'_>, beat: &Beat) -> Result<Vec<QuickReply>, ReplyError> {
    store::workspaces::lock(tx, beat.workspace)?;
    Ok(quick_replies::list(tx, beat.workspace)?)
}

/// All but this one, none of which has its name.
fn others(tx: &mut Tx<'_>, beat: &Beat, reply: &QuickReply) -> Result<Vec<QuickReply>, ReplyError> {
    let mut all = locked(tx, beat)?;
    all.retain(|one| one.id != reply.id);
    let same = |one: &QuickReply| one.name.to_lowercase() == reply.name.to_lowercase();
    if all.iter().any(same) {
        return Err(ReplyError::Taken(reply.name.clone()));
    }
    Ok(all)
}
