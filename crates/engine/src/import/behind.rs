//! What the contacts of an import are found by is written behind them (`contacts/words.rs`), while the import reads on and when it is over.

use domain::ids::WorkspaceId;
use store::contacts::Found;
use tokio::task::JoinHandle;

use crate::contacts::words::BATCH;
use crate::engine::Engine;

/// So many contacts of an import are found at once; what comes behind them is worth to be sorted.
const AT_ONCE: u64 = 5_000;

/// When contacts are found that come after so many others of their import.
pub(super) fn found(created: u64) -> Found {
    if created < AT_ONCE { Found::AtOnce } else { Found::Later }
}

/// Writes behind an import. What is left when it is dropped upkeep writes.
pub(super) struct Behind {
    engine: Engine,
    workspace: WorkspaceId,
    /// How many contacts the import had made when the last batch began.
    begun: u64,
    writing: Option<JoinHandle<()>>,
}

impl Behind {
    pub(super) fn new(engine: Engine, workspace: WorkspaceId, created: u64) -> Self {
        Self { engine, workspace, begun: created, writing: None }
    }

    /// The import has made so many contacts.
    pub(super) fn reached(&mut self, created: u64) {
        let is_writing = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        if is_writing || created < self.begun + BATCH as u64 {
            return;
        }
        self.begun = created;
        let (engine, workspace) = (self.engine.clone(), self.workspace);
        self.writing = Some(tokio::spawn(async move {
            if let Err(error) = engine.write_some_words(workspace).await {
                tracing::warn!(%error, cause = error.causes(), "what imported contacts are found by was not written behind them");
            }
        }));
    }

    /// The import is over: returns once its contacts are found, and those that a broken one left, if no other node writes for the workspace. They
    /// are there in any case, so what fails is for the log, and upkeep tries again.
    pub(super) async fn ended(self) {
        if let Some(writing) = self.writing {
            // If it panicked, that was told, and what it left is done here.
            let _ = writing.await;
        }
        if let Err(error) = self.engine.write_words(self.workspace).await {
            tracing::warn!(%error, cause = error.causes(), "what imported contacts are found by is written later");
        }
    }
}
