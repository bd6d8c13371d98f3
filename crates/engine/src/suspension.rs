//! Suspending a workspace and letting it go on. For the operator.
//!
//! | while it is suspended | |
//! |---|---|
//! | what is due | waits: a claim looks at the workspace's row under its lock, which suspending needs too (`claim`) |
//! | starting a workflow, writing a message | refused, with the operator's reason |
//! | what is with a carrier already | counts as sent and is settled |
//! | replies, STOPs, receipts | are taken, with all that follows but the texts that answer them |
//! | money, plan, settings | stay as they are |
//!
//! What has become late meanwhile goes as after an outage: paced, the oldest first, in its window.

use domain::ids::WorkspaceId;
use jiff::SignedDuration;
use serde_json::json;
use store::workspaces::{self, Suspension};
use store::{DbError, Lane, messages};

use crate::actor::Operator;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::text::{TextError, line};

/// Most characters in the reason.
pub const MAX_REASON: usize = 200;
/// How long a message outside of workflows waits until it is looked at again, unless the workspace goes on before.
pub(crate) const WAIT: SignedDuration = SignedDuration::from_mins(15);

/// Why a workspace is not suspended, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum SuspensionError {
    /// There is no such workspace.
    #[error("the workspace does not exist")]
    Unknown,
    /// The workspace's people are told why.
    #[error("the reason is refused")]
    Reason(#[source] TextError),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for SuspensionError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Has a workspace send nothing from now on. One that is suspended already gets the new reason.
    ///
    /// # Errors
    /// See [`SuspensionError`].
    pub async fn suspend_workspace(
        &self,
        by: &Operator,
        workspace: WorkspaceId,
        reason: &str,
    ) -> Result<Suspension, SuspensionError> {
        let reason = line(reason, MAX_REASON).map_err(SuspensionError::Reason)?;
        let beat = self.beat_as(workspace, by.name());
        self.write(Lane::Normal, move |tx| {
            let row = workspaces::lock(tx, workspace)?.ok_or(SuspensionError::Unknown)?;
            let at = row.suspended.as_ref().map_or(beat.now, |before| before.at);
            let suspension = Suspension { at, reason: reason.clone() };
            if row.suspended.as_ref() != Some(&suspension) {
                workspaces::suspend(tx, workspace, Some(&suspension))?;
                beat.note(tx, "workspace.suspended", None, &json!({ "reason": reason }))?;
            }
            Ok(suspension)
        })
        .await
    }

    /// Has a suspended workspace go on. One that is not suspended stays as it is.
    ///
    /// # Errors
    /// See [`SuspensionError`].
    pub async fn resume_workspace(
        &self,
        by: &Operator,
        workspace: WorkspaceId,
        note: &str,
    ) -> Result<(), SuspensionError> {
        let note = crate::text::line_or_nothing(note, MAX_REASON).map_err(SuspensionError::Reason)?;
        let beat = self.beat_as(workspace, by.name());
        self.write(Lane::Normal, move |tx| {
            let row = workspaces::lock(tx, workspace)?.ok_or(SuspensionError::Unknown)?;
            let Some(suspended) = row.suspended else { return Ok(()) };
            workspaces::suspend(tx, workspace, None)?;
            messages::hasten(tx, workspace, beat.now, later(beat.now, WAIT))?;
            let payload = json!({ "reason": note, "suspended_at": suspended.at });
            beat.note(tx, "workspace.resumed", None, &payload)?;
            Ok::<_, SuspensionError>(())
        })
        .await?;
        self.wake();
        Ok(())
    }
}
