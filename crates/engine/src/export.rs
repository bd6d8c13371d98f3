//! A whole workspace taken away: each part of it, page by page (`store::export` says what belongs to it).

use domain::access::Permission;
use serde_json::json;
use store::Lane;
use store::export::{Page, Part, Place};

use crate::actor::{Actor, Forbidden};
use crate::engine::Engine;
use crate::failure::Failure;

/// How many rows are read at a time.
const ROWS: usize = 1_000;

/// Why nothing is taken away.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The actor may not take data out.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Engine {
    /// Writes into the history that somebody takes the workspace's data away.
    pub async fn note_export(&self, actor: &Actor) -> Result<(), TakeError> {
        actor.need(Permission::Export)?;
        let beat = self.beat(actor);
        Ok(self.write(Lane::Normal, move |tx| beat.note(tx, "workspace.exported", None, &json!({}))).await?)
    }

    /// Rows of a part behind a place, in the order of the part's key.
    pub async fn export_page(&self, actor: &Actor, part: &'static Part, after: Place) -> Result<Page, TakeError> {
        actor.need(Permission::Export)?;
        let workspace = actor.workspace();
        Ok(self.read(move |db| Ok::<_, Failure>(part.page(db, workspace, &after, ROWS)?)).await?)
    }
}
