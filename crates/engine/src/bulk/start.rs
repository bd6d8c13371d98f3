//! Starting what a quote has shown: the job, which `parts` works on.

use std::sync::Arc;

use domain::access::Permission;
use domain::ids::{ContactId, JobId, QuoteId, WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;
use store::bulk_quotes::{self, BulkQuote, Part};
use store::jobs::{self, Job};
use store::ledger::PostError;
use store::{DbError, Lane, Read, Tx, workflows};

use super::parts;
use super::{
    BulkError, CHUNK, ENROLL, Many, ManyQuote, Payload, Selection, asked, checked, is_there, listed, quote_of,
};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{answered, once};

/// How often a list of whom to start is made anew that was swept before its job began, and how often in a row some parts are worked on anew
/// whose money was gone when they were to be charged.
const MAX_TRIES: usize = 3;

/// Why a quote begins no job.
#[derive(Debug)]
enum NotBegun {
    /// It is no longer true.
    Changed,
    Other(BulkError),
}

impl<E: Into<BulkError>> From<E> for NotBegun {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Engine {
    /// Begins the job of a quote that was shown; [`Engine::run_job`] does it. The same quote, or the same key, again gives the same job.
    ///
    /// # Errors
    /// [`BulkError::QuoteChanged`] with a new quote, if workflow, rate or balances are others; see [`BulkError`].
    pub async fn enroll_quoted(&self, actor: &Actor, quote: QuoteId, key: Option<String>) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        let beat = self.beat(actor).keyed(key.as_deref())?;
        let begun = self.write(Lane::Bulk, move |tx| begin_once(tx, &beat, quote)).await;
        match begun {
            Ok(job) => Ok(job),
            Err(NotBegun::Other(error)) => Err(error),
            Err(NotBegun::Changed) => Err(BulkError::QuoteChanged(Box::new(self.quote_again(actor, quote).await?))),
        }
    }

    /// Begins a job that starts a selection at whatever it costs, for whoever wants to see no quote; [`Engine::run_job`] does it. The same
    /// key again gives the same job.
    pub async fn enroll_many(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        selection: Selection,
        key: Option<String>,
    ) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        let (beat, selection) = (self.beat(actor).keyed(key.as_deref())?, checked(selection)?);
        let (everybody, workspace) = (matches!(selection, Selection::All), beat.workspace);
        let known = beat.key.clone();
        let read = move |db: &Read<'_>| {
            let ids = listed(db, workspace, &selection)?;
            let request = asked(workflow, (!everybody).then_some(&ids[..]));
            let begun = known.as_ref().map(|key| answered::<JobId, BulkError>(db, workspace, key, &request));
            let begun = begun.transpose()?.flatten();
            let begun = begun.map(|id| jobs::find(db, workspace, id)?.ok_or(BulkError::JobUnknown)).transpose()?;
            match begun {
                Some(job) => Ok(Err(job)),
                None => Ok::<_, BulkError>(Ok((version_of(db, workspace, workflow)?, ids))),
            }
        };
        let (version, ids) = match self.read(read).await? {
            Ok(wanted) => wanted,
            Err(begun) => return Ok(begun),
        };
        let ids = Arc::new(ids);
        for _ in 0..MAX_TRIES {
            let (beat, ids) = (Beat { now: self.now(), ..beat.clone() }, Arc::clone(&ids));
            let quote = unseen(&beat, workflow, version, everybody, ids.len());
            let kept = self.keep_quote(actor, quote.clone(), unseen_parts(&ids)).await;
            let begun = match kept {
                Ok(()) => self.write(Lane::Bulk, move |tx| begin_unseen(tx, &beat, &quote, &ids)).await,
                Err(error) => Err(error),
            };
            match begun {
                // A day has passed since the list was made, and it was swept.
                Err(BulkError::QuoteUnknown) => {}
                begun => return begun,
            }
        }
        Err(BulkError::QuoteUnknown)
    }

    /// Works on a job until it is done; `progress` is told after each transaction, of a thousand contacts at most.
    pub async fn run_job(
        &self,
        actor: &Actor,
        id: JobId,
        mut progress: impl FnMut(&Job) + Send,
    ) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        let _watched = self.watch_growth();
        let mut tries = 0;
        loop {
            let (beat, steps) = (self.beat(actor), self.steps());
            let worked = self.write(Lane::Bulk, move |tx| parts::work(tx, &beat, &steps, id)).await;
            if matches!(worked, Err(BulkError::Failure(Failure::Books(PostError::Floor { .. })))) && tries < MAX_TRIES {
                // Somebody took of the money after it was read: it is read again, and decided by what is left.
                tries += 1;
                continue;
            }
            let job = worked?;
            tries = 0;
            progress(&job);
            self.wake();
            if job.state == "done" {
                self.refresh_statistics().await;
                return Ok(job);
            }
        }
    }

    /// What the people of a quote cost now.
    async fn quote_again(&self, actor: &Actor, id: QuoteId) -> Result<ManyQuote, BulkError> {
        let workspace = actor.workspace();
        let many = self
            .read(move |db| {
                let quote = quote_of(db, workspace, id)?;
                let selection = if quote.everybody { Selection::All } else { Selection::Quoted(id) };
                Ok::<_, BulkError>(Many { workflow: quote.workflow, selection, per_day: quote.per_day })
            })
            .await?;
        self.quote_many(actor, many).await
    }
}

fn begin_once(tx: &mut Tx<'_>, beat: &Beat, id: QuoteId) -> Result<Job, NotBegun> {
    let found =
        bulk_quotes::lock(tx, beat.workspace, id)?.filter(|quote| quote.shown).ok_or(BulkError::QuoteUnknown)?;
    let ids = if found.everybody { None } else { Some(listed(tx, beat.workspace, &Selection::Quoted(id))?) };
    let job = once(tx, beat, &asked(found.workflow, ids.as_deref()), |tx| {
        if let Some(job) = found.job {
            return Ok::<_, NotBegun>(job);
        }
        if found.expires_at <= beat.now {
            return Err(BulkError::QuoteUnknown.into());
        }
        is_true(tx, beat, &found)?;
        Ok(begin(tx, beat, &found)?)
    })?;
    Ok(jobs::find(tx, beat.workspace, job)?.ok_or(BulkError::JobUnknown)?)
}

/// Whether version, rate and balances are those that were shown, or better. Who is refused or changed meanwhile shows when each part is
/// decided.
fn is_true(tx: &Tx<'_>, beat: &Beat, quote: &BulkQuote) -> Result<(), NotBegun> {
    let version = version_of(tx, beat.workspace, quote.workflow)?;
    let rate = crate::facts::workspace_of(tx, beat.workspace)?.row.rate;
    let (credits, wallet) = store::ledger::read_available(tx, beat.workspace)?;
    let covered = credits >= quote.amounts.credits && wallet >= quote.amounts.micros.0;
    if version == quote.version && rate == quote.rate && covered { Ok(()) } else { Err(NotBegun::Changed) }
}

/// The version of a workflow that is there.
fn version_of(db: &Read<'_>, workspace: WorkspaceId, workflow: WorkflowId) -> Result<i64, BulkError> {
    let found = workflows::find(db, workspace, workflow)?.filter(|workflow| workflow.archived_at.is_none());
    Ok(found.ok_or(BulkError::WorkflowUnknown)?.version)
}

fn begin_unseen(tx: &mut Tx<'_>, beat: &Beat, quote: &BulkQuote, ids: &[ContactId]) -> Result<Job, BulkError> {
    let asked = asked(quote.workflow, (!quote.everybody).then_some(ids));
    let id = once(tx, beat, &asked, |tx| {
        version_of(tx, beat.workspace, quote.workflow)?;
        begin(tx, beat, quote)
    })?;
    // The job as it is now: a repeat is most often asked by somebody who waits for its end.
    jobs::find(tx, beat.workspace, id)?.ok_or(BulkError::JobUnknown)
}

/// The list of whom to start that nobody has seen a price of.
fn unseen(beat: &Beat, workflow: WorkflowId, version: i64, everybody: bool, contacts: usize) -> BulkQuote {
    BulkQuote {
        id: QuoteId(beat.id()),
        workflow,
        version,
        rate: Micros::ZERO,
        everybody,
        shown: false,
        contacts: i64::try_from(contacts).unwrap_or(i64::MAX),
        per_day: None,
        shown_at: beat.now,
        expires_at: beat.now,
        amounts: Amounts::ZERO,
        spent: Amounts::ZERO,
        job: None,
    }
}

fn unseen_parts(ids: &[ContactId]) -> Vec<Part> {
    let shown = |contact: &ContactId| bulk_quotes::Shown { contact: *contact, mark: None };
    let part =
        |(part, chunk): (i64, &[ContactId])| Part { part, before: 0, contacts: chunk.iter().map(shown).collect() };
    (0..).zip(ids.chunks(CHUNK)).map(part).collect()
}

fn begin(tx: &mut Tx<'_>, beat: &Beat, quote: &BulkQuote) -> Result<JobId, BulkError> {
    let payload = Payload { workflow: quote.workflow, quote: quote.id };
    // The parts begin with 0.
    let job = beat.job(ENROLL, &payload, -1, quote.contacts);
    jobs::insert(tx, beat.workspace, &job)?;
    is_there(bulk_quotes::begin(tx, beat.workspace, quote.id, job.id)?)?;
    Ok(job.id)
}

/// Ends the jobs that put contacts into a workflow: whoever they have not reached is neither charged nor refused. In a
/// transaction before the one that locks the workflow, for which a part may wait that has its job locked.
pub(crate) fn end_jobs(tx: &mut Tx<'_>, beat: &Beat, workflow: WorkflowId) -> Result<(), Failure> {
    for found in jobs::running_in(tx, beat.workspace, ENROLL)? {
        let payload: Payload =
            serde_json::from_str(&found.payload).map_err(|error| Failure::Stored(format!("{}: {error}", found.id)))?;
        if payload.workflow == workflow
            && let Some(job) = jobs::lock(tx, beat.workspace, found.id)?
        {
            end(tx, beat, job)?;
        }
    }
    Ok(())
}

/// Ends a job that is locked, if it runs.
pub(super) fn end(tx: &mut Tx<'_>, beat: &Beat, job: Job) -> Result<(), DbError> {
    if job.state != "running" {
        return Ok(());
    }
    jobs::save(tx, beat.workspace, &Job { state: "done".to_owned(), updated_at: beat.now, ..job })
}
