//! Saved views: filters of the Messenger and of the contacts under a name.

use domain::access::Permission;
use domain::ids::{UserId, ViewId};
use serde_json::json;
pub use store::views::Place;
use store::views::{self, View};
use store::{DbError, Lane};

use crate::actor::{Actor, Forbidden};
use crate::engine::Engine;
use crate::failure::Failure;

/// Most characters of a name.
pub const MAX_NAME: usize = 40;
/// Most characters of a filter.
pub const MAX_FILTER: usize = 1_000;
/// Most views of a list that one user sees.
pub const MAX_VIEWS: usize = 50;

/// Whose a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Its maker's alone.
    Mine,
    /// Everybody's in the workspace.
    Everybodys,
}

/// Why a view is not kept or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such view, or it is somebody else's.
    #[error("the view does not exist")]
    Unknown,
    /// The name is empty or too long.
    #[error("a view's name has 1 to {MAX_NAME} characters")]
    Name,
    /// The filter is too long. A part of it would mean something else.
    #[error("a view's filter has at most {MAX_FILTER} characters; type fewer words")]
    Filter,
    /// There are as many as there may be.
    #[error("you see {MAX_VIEWS} views already; delete one first")]
    TooMany,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ViewError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// The user behind an actor; nothing for a key or the operator.
#[must_use]
pub fn user_of(actor: &Actor) -> Option<UserId> {
    actor.name().parse().ok()
}

impl Engine {
    /// The actor's views of a list and those of everybody.
    pub async fn views(&self, actor: &Actor, place: Place) -> Result<Vec<View>, ViewError> {
        actor.need(Permission::Read)?;
        let (workspace, user) = (actor.workspace(), user_of(actor));
        let most = i64::try_from(MAX_VIEWS).unwrap_or(i64::MAX);
        self.read(move |db| Ok(views::list(db, workspace, user, place, most)?)).await
    }

    /// Keeps a filter under a name. Everybody's views are made by those who work in conversations.
    pub async fn save_view(
        &self,
        actor: &Actor,
        name: &str,
        (place, filter): (Place, &str),
        whose: Whose,
    ) -> Result<View, ViewError> {
        actor.need(if whose == Whose::Mine { Permission::Read } else { Permission::Send })?;
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ").replace('\0', "");
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(ViewError::Name);
        }
        let filter = filter.replace('\0', "");
        if filter.chars().count() > MAX_FILTER {
            return Err(ViewError::Filter);
        }
        let (beat, user) = (self.beat(actor), user_of(actor));
        self.write(Lane::Normal, move |tx| {
            let most = i64::try_from(MAX_VIEWS).unwrap_or(i64::MAX);
            if views::list(tx, beat.workspace, user, place, most)?.len() >= MAX_VIEWS {
                return Err(ViewError::TooMany);
            }
            let user = user.filter(|_| whose == Whose::Mine);
            let view = View { id: ViewId(beat.id()), user, name: name.clone(), place, filter: filter.clone() };
            views::insert(tx, beat.workspace, &view, beat.now)?;
            beat.note(tx, "view.created", None, &json!({ "view": view.id, "name": name }))?;
            Ok(view)
        })
        .await
    }

    /// Deletes a view: one's own, or one of everybody's.
    pub async fn delete_view(&self, actor: &Actor, id: ViewId) -> Result<View, ViewError> {
        let (beat, user) = (self.beat(actor), user_of(actor));
        let may_shared = actor.need(Permission::Send);
        self.write(Lane::Normal, move |tx| {
            let view = views::find(tx, beat.workspace, id)?.ok_or(ViewError::Unknown)?;
            match view.user {
                Some(owner) if Some(owner) == user => {}
                Some(_) => return Err(ViewError::Unknown),
                None => may_shared.clone()?,
            }
            views::delete(tx, beat.workspace, id)?;
            beat.note(tx, "view.deleted", None, &json!({ "view": id, "name": view.name }))?;
            Ok(view)
        })
        .await
    }
}
