//! Taking back what a job has started: with refunds, by a job of its own that can be interrupted.
//!
//! | whom | who is taken out | what comes back |
//! |---|---|---|
//! | those who have not begun | whoever got no text yet | all of theirs |
//! | everybody | also who waits for a later message | what was not sent |
//!
//! The job that starts ends first, so that nobody starts behind the one that takes out. Whoever was not reached, or was taken out before a
//! text, is *left*: they may be quoted again, as one selection.

use domain::access::Permission;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, JobId, QuoteId, WorkflowId, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::bulk_quotes::{self, Fate, Part};
use store::enrollments::{self, Enrollment};
use store::jobs::{self, Job};
use store::{Lane, Read, Tx};

use super::{BulkError, Many, ManyQuote, Selection, WITHDRAW, payload_of, quote_of, start};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::ending;
use crate::engine::Engine;
use crate::failure::Failure;

/// Whom to take out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Those who got no text yet.
    Unbegun,
    /// Everybody who is still in.
    Everybody,
}

/// What such a job keeps of its task.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Task {
    workflow: WorkflowId,
    quote: QuoteId,
    whom: Whom,
}

impl Whom {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Unbegun, Self::Everybody];

    /// The word of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unbegun => "unbegun",
            Self::Everybody => "everybody",
        }
    }
}

impl Engine {
    /// Ends a job that enrolls, and begins one that takes out whom it has started; [`Engine::run_withdrawal`] does it.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub async fn withdraw_job(&self, actor: &Actor, id: JobId, whom: Whom) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let job = jobs::lock(tx, beat.workspace, id)?.ok_or(BulkError::JobUnknown)?;
            let payload = payload_of(&job)?;
            let quote = quote_of(tx, beat.workspace, payload.quote)?;
            start::end(tx, &beat, job)?;
            let task = Task { workflow: payload.workflow, quote: payload.quote, whom };
            let job = beat.job(WITHDRAW, &task, -1, quote.contacts);
            jobs::insert(tx, beat.workspace, &job)?;
            Ok(job)
        })
        .await
    }

    /// Works on a withdrawal until it is done.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub async fn run_withdrawal(&self, actor: &Actor, id: JobId) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        loop {
            let beat = self.beat(actor);
            let job = self.write(Lane::Bulk, move |tx| work(tx, &beat, id)).await?;
            if job.state == "done" {
                return Ok(job);
            }
        }
    }

    /// Quotes those whom a withdrawal has left, for the workflow that they were in.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub async fn quote_rest(&self, actor: &Actor, job: JobId, per_day: Option<u32>) -> Result<ManyQuote, BulkError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let task = self.read(move |db| task_of(&jobs::find(db, workspace, job)?.ok_or(BulkError::JobUnknown)?)).await?;
        self.quote_many(actor, Many { workflow: task.workflow, selection: Selection::RestOf(job), per_day }).await
    }

    /// How many a withdrawal has left, who may be quoted again.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub async fn left_by(&self, actor: &Actor, job: JobId) -> Result<i64, BulkError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(i64::try_from(rest(db, workspace, job)?.len()).unwrap_or(i64::MAX))).await
    }
}

fn task_of(job: &Job) -> Result<Task, BulkError> {
    if job.kind != WITHDRAW {
        return Err(BulkError::NotWithdrawing);
    }
    Ok(serde_json::from_str(&job.payload).map_err(|error| Failure::Stored(format!("{}: {error}", job.id)))?)
}

/// Whom a withdrawal has left, in the order of the quote.
pub(super) fn rest(db: &Read<'_>, workspace: WorkspaceId, job: JobId) -> Result<Vec<ContactId>, BulkError> {
    let job = jobs::find(db, workspace, job)?.ok_or(BulkError::JobUnknown)?;
    let task = task_of(&job)?;
    if job.state != "done" {
        return Err(BulkError::StillWithdrawing);
    }
    let mut all = Vec::new();
    super::each_part(db, workspace, task.quote, |_, fate| all.extend(fate.rest.unwrap_or_default()))?;
    Ok(all)
}

/// One part: those whom it concerns are taken out and paid back, and counted, in one transaction.
fn work(tx: &mut Tx<'_>, beat: &Beat, id: JobId) -> Result<Job, BulkError> {
    let mut job = jobs::lock(tx, beat.workspace, id)?.ok_or(BulkError::JobUnknown)?;
    if job.state != "running" {
        return Ok(job);
    }
    let beat = &Beat { actor: job.actor.clone(), ..beat.clone() };
    let task = task_of(&job)?;
    job.updated_at = beat.now;
    match bulk_quotes::parts(tx, beat.workspace, task.quote, job.cursor, 1)?.pop() {
        None => "done".clone_into(&mut job.state),
        Some((part, fate)) => {
            let ended = take_out(tx, beat, &task, &part, fate)?;
            job.cursor = part.part;
            job.started += ended;
            job.refused += i64::try_from(part.contacts.len()).unwrap_or(i64::MAX) - ended;
        }
    }
    jobs::save(tx, beat.workspace, &job)?;
    Ok(job)
}

fn take_out(tx: &mut Tx<'_>, beat: &Beat, task: &Task, part: &Part, fate: Fate) -> Result<i64, BulkError> {
    let shown = bulk_quotes::find(tx, beat.workspace, task.quote)?.is_some_and(|quote| quote.shown);
    let mut left = fate.rest.unwrap_or_default();
    let Some(started) = fate.started else {
        // Not reached: whoever was to start.
        let to_start = part.contacts.iter().filter(|contact| contact.mark.is_some() || !shown);
        left.extend(to_start.map(|contact| contact.contact));
        left.sort_unstable();
        left.dedup();
        bulk_quotes::leave(tx, beat.workspace, (task.quote, part.part), &left)?;
        return Ok(0);
    };
    let rows = enrollments::lock(tx, beat.workspace, &started)?;
    let running = rows.into_iter().filter(|row| row.state == EnrollmentState::Active);
    let (unbegun, under_way): (Vec<Enrollment>, Vec<Enrollment>) = running.partition(is_unbegun);
    let mut ids: Vec<EnrollmentId> = unbegun.iter().map(|row| row.id).collect();
    if task.whom == Whom::Everybody {
        ids.extend(under_way.iter().map(|row| row.id));
    }
    let ended = ending::stop(tx, beat, &ids, StopReason::Removed)?;
    left.extend(unbegun.iter().map(|row| row.contact));
    bulk_quotes::leave(tx, beat.workspace, (task.quote, part.part), &left)?;
    Ok(i64::try_from(ended.len()).unwrap_or(i64::MAX))
}

/// Whether no text of it has gone, or is on its way.
fn is_unbegun(row: &Enrollment) -> bool {
    row.next_step == 1 && row.message.is_none()
}
