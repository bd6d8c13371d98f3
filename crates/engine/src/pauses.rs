//! Pausing and deleting workflows: both end every running enrollment with its refund.
//!
//! All of it is one transaction that holds the workflow's row, which enrolling needs too: either
//! everybody is out and paid back, or nobody is, and nobody enters in between. Jobs that put contacts
//! into the workflow end before it, so that none goes on with whom it has not reached.

use domain::access::Permission;
use domain::enrollment::{self, StopReason};
use domain::ids::WorkflowId;
use serde_json::json;
use store::workflows::{self, RunningPrice, Workflow};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::bulk;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::removal::{Removal, stop_all};

/// Why a workflow is not paused or deleted.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such workflow, or it was deleted.
    #[error("the workflow does not exist")]
    Unknown,
    /// It failed; nobody was removed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for PauseError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// How many contacts a pause or deletion would remove now, and what would come back.
    pub async fn pause_preview(&self, actor: &Actor, id: WorkflowId) -> Result<Removal, PauseError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| {
            let found = workflows::find(read, workspace, id)?;
            found.filter(|found| found.archived_at.is_none()).ok_or(PauseError::Unknown)?;
            let mut all = Removal::default();
            workflows::for_each_running(read, workspace, id, |row| all = all.and(unsent(&row)))?;
            Ok(all)
        })
        .await
    }

    /// Takes every contact out of the workflow and refunds what was not sent. A message that is with the
    /// carrier counts as sent.
    pub async fn pause_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Removal, PauseError> {
        actor.need(Permission::WorkflowsWrite)?;
        self.end_jobs_of(actor, id).await?;
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| {
            let workflow = lock(tx, &beat, id)?;
            empty(tx, &beat, &workflow, StopReason::WorkflowPaused, "workflow.paused")
        })
        .await
    }

    /// Pauses the workflow and archives it: what was sent, and its figures, stay.
    pub async fn delete_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<Removal, PauseError> {
        actor.need(Permission::WorkflowsWrite)?;
        self.end_jobs_of(actor, id).await?;
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| {
            let workflow = lock(tx, &beat, id)?;
            let removal = empty(tx, &beat, &workflow, StopReason::WorkflowDeleted, "workflow.deleted")?;
            workflows::archive(tx, beat.workspace, id, beat.now)?;
            Ok(removal)
        })
        .await
    }

    async fn end_jobs_of(&self, actor: &Actor, id: WorkflowId) -> Result<(), PauseError> {
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| Ok(bulk::end_jobs(tx, &beat, id)?)).await
    }
}

/// What the end of a running enrollment gives back: as `ending` does it.
fn unsent(row: &RunningPrice) -> domain::ledger::Amounts {
    let in_flight = row.message.is_some_and(domain::message::MessageState::is_in_flight);
    enrollment::unsent(&row.prices, row.next_step.saturating_add(u8::from(in_flight)))
}

fn lock(tx: &mut Tx<'_>, beat: &Beat, id: WorkflowId) -> Result<Workflow, PauseError> {
    let found = workflows::lock(tx, beat.workspace, id)?;
    found.filter(|found| found.archived_at.is_none()).ok_or(PauseError::Unknown)
}

fn empty(
    tx: &mut Tx<'_>,
    beat: &Beat,
    workflow: &Workflow,
    reason: StopReason,
    kind: &str,
) -> Result<Removal, PauseError> {
    let mut ids = Vec::new();
    workflows::for_each_running(tx, beat.workspace, workflow.id, |row| ids.push(row.id))?;
    let removal = stop_all(tx, beat, &ids, reason)?;
    beat.note(tx, kind, None, &json!({ "workflow": workflow.id, "name": workflow.name, "removed": removal }))?;
    Ok(removal)
}
