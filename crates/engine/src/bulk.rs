//! Enrolling many contacts: one preview for all, then one job that can be interrupted.
//!
//! A job's progress moves in the transaction of the chunk that it counts, and each chunk's rows are
//! charged in that same transaction: a killed job goes on where it was and charges nobody twice.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::ids::{ContactId, JobId, WorkflowId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::contacts::{self, Contact};
use store::jobs::{self, Item, Job, STARTED};
use store::{DbError, Lane, Read, Tx, numbers, workflows};

use crate::actor::{Actor, Forbidden};
use crate::batch::{Batch, Course, Decision};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::idempotency::{IdempotencyKey, KeyMalformed, KeyReused, answered, once};

/// Most contacts that one request may name.
pub const MAX_NAMED: usize = 100_000;
/// How many contacts one chunk takes.
const CHUNK: i64 = 500;
/// Most refused contacts that a preview lists one by one.
const LISTED_REFUSALS: usize = 1_000;

/// Whom.
#[derive(Debug, Clone)]
pub enum Selection {
    /// Every contact of the workspace.
    All,
    /// These.
    These(Vec<ContactId>),
}

impl Selection {
    /// Those that are named.
    fn ids(&self) -> Option<&[ContactId]> {
        match self {
            Self::All => None,
            Self::These(ids) => Some(ids),
        }
    }
}

/// The price of enrolling many, and who would be refused.
#[derive(Debug, Clone, Default)]
pub struct BulkPreview {
    /// How many would start.
    pub starts: i64,
    /// How many would be refused.
    pub refusals: i64,
    /// How many by each code; a contact with two reasons counts at both.
    pub by_code: BTreeMap<&'static str, i64>,
    /// The first refused contacts with all their reasons.
    pub refused: Vec<(ContactId, Vec<Refusal>)>,
    /// All segments.
    pub segments: i64,
    /// What all would be charged.
    pub amounts: Amounts,
    /// When the last message would be due.
    pub last_at: Option<Timestamp>,
}

/// Why a bulk job is not begun.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The actor may not enroll.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody was named.
    #[error("the selection is empty")]
    Empty,
    /// Too many were named.
    #[error("the selection names {count} contacts; at most {MAX_NAMED} are allowed")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// There is no such workflow.
    #[error("the workflow does not exist")]
    WorkflowUnknown,
    /// There is no such label.
    #[error("the label does not exist")]
    LabelUnknown,
    /// There is no such job.
    #[error("the job does not exist")]
    JobUnknown,
    /// The key cannot be one.
    #[error(transparent)]
    KeyMalformed(#[from] KeyMalformed),
    /// The key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for BulkError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Payload {
    workflow: WorkflowId,
    /// The version whose price was shown; nothing in jobs that an earlier program began.
    #[serde(default)]
    version: Option<i64>,
    all: bool,
}

impl Engine {
    /// What enrolling a selection would cost now, and who would be refused and why. Changes nothing.
    pub async fn quote_many(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        selection: Selection,
    ) -> Result<BulkPreview, BulkError> {
        actor.need(Permission::Read)?;
        let (beat, steps) = (self.beat(actor), self.steps());
        let selection = checked(selection)?;
        let decide = move |db: &Read<'_>| {
            let available = store::ledger::read_available(db, beat.workspace)?;
            preview(db, &beat, &steps, workflow, &selection, available)
        };
        self.read(decide).await
    }

    /// The money that enrolling everybody would take if the wallet held enough.
    pub async fn cost_of_all(&self, actor: &Actor, workflow: WorkflowId) -> Result<Micros, BulkError> {
        actor.need(Permission::Read)?;
        let (beat, steps) = (self.beat(actor), self.steps());
        let cost = move |db: &Read<'_>| {
            let (credits, _) = store::ledger::read_available(db, beat.workspace)?;
            let enough = (credits, i64::MAX / 2);
            Ok::<_, BulkError>(preview(db, &beat, &steps, workflow, &Selection::All, enough)?.amounts.micros)
        };
        self.read(cost).await
    }

    /// The job that a key has begun, if it has: whoever asks again goes on with it instead of pricing anew.
    pub async fn begun_job(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        selection: &Selection,
        key: &str,
    ) -> Result<Option<Job>, BulkError> {
        actor.need(Permission::Read)?;
        let (workspace, key) = (actor.workspace(), IdempotencyKey::parse(key)?);
        let selection = checked(selection.clone())?;
        self.read(move |db| {
            let begun = answered::<JobId, BulkError>(db, workspace, &key, &asked(workflow, &selection))?;
            begun.map(|id| jobs::find(db, workspace, id)?.ok_or(BulkError::JobUnknown)).transpose()
        })
        .await
    }

    /// Begins the job; [`Engine::run_job`] does it. The same key again gives the same job.
    pub async fn enroll_many(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        selection: Selection,
        key: Option<String>,
    ) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        let (beat, selection) = (self.beat(actor).keyed(key.as_deref())?, checked(selection)?);
        self.write(Lane::Bulk, move |tx| {
            let id = once(tx, &beat, &asked(workflow, &selection), |tx| begin(tx, &beat, workflow, &selection))?;
            // The job as it is now: a repeat is most often asked by somebody who waits for its end.
            jobs::find(tx, beat.workspace, id)?.ok_or(BulkError::JobUnknown)
        })
        .await
    }

    /// Works on a job until it is done; `progress` is told after each chunk.
    pub async fn run_job(
        &self,
        actor: &Actor,
        id: JobId,
        mut progress: impl FnMut(&Job) + Send,
    ) -> Result<Job, BulkError> {
        actor.need(Permission::Enroll)?;
        let _watched = self.watch_growth();
        loop {
            let (beat, steps) = (self.beat(actor), self.steps());
            let job = self.write(Lane::Bulk, move |tx| work(tx, &beat, &steps, id)).await?;
            progress(&job);
            self.wake();
            if job.state == "done" {
                self.refresh_statistics().await;
                return Ok(job);
            }
        }
    }

    /// One job.
    pub async fn job(&self, actor: &Actor, id: JobId) -> Result<Job, BulkError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| jobs::find(db, workspace, id)?.ok_or(BulkError::JobUnknown)).await
    }

    /// All jobs of the workspace, newest first, before the given one.
    pub async fn jobs(&self, actor: &Actor, before: JobId, limit: i64) -> Result<Vec<Job>, BulkError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(jobs::page(db, workspace, before, limit)?)).await
    }

    /// The contacts that a job has refused, with their reasons, after the given one.
    pub async fn job_refusals(&self, actor: &Actor, id: JobId, after: i64, limit: i64) -> Result<Vec<Item>, BulkError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            jobs::find(db, workspace, id)?.ok_or(BulkError::JobUnknown)?;
            Ok(jobs::refused(db, workspace, id, after, limit)?)
        })
        .await
    }
}

fn checked(selection: Selection) -> Result<Selection, BulkError> {
    let Selection::These(mut ids) = selection else { return Ok(Selection::All) };
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        0 => Err(BulkError::Empty),
        count if count > MAX_NAMED => Err(BulkError::TooMany { count }),
        _ => Ok(Selection::These(ids)),
    }
}

fn preview(
    db: &Read<'_>,
    beat: &Beat,
    steps: &Steps,
    workflow: WorkflowId,
    selection: &Selection,
    available: (i64, i64),
) -> Result<BulkPreview, BulkError> {
    let all_numbers = numbers::list(db, beat.workspace)?;
    let mut batch = Batch::load(db, beat, steps, Course::whole(workflow), available, all_numbers)?;
    if batch.workflow.is_none() {
        return Err(BulkError::WorkflowUnknown);
    }
    let mut preview = BulkPreview::default();
    let mut after = ContactId(i64::MIN);
    let mut named = match selection {
        Selection::These(ids) => ids.as_slice(),
        Selection::All => &[],
    };
    loop {
        let chunk = match selection {
            Selection::All => contacts::ids(db, beat.workspace, after, CHUNK)?,
            Selection::These(_) => {
                let (now, later) = named.split_at(named.len().min(usize::try_from(CHUNK).unwrap_or(usize::MAX)));
                named = later;
                now.to_vec()
            }
        };
        let Some(last) = chunk.last() else { return Ok(preview) };
        after = *last;
        let rows = contacts::some(db, beat.workspace, &chunk)?;
        for decision in decide_all(db, beat, &mut batch, &chunk, &rows)? {
            preview.add(decision);
        }
    }
}

impl BulkPreview {
    fn add(&mut self, decision: Decision) {
        match decision.result {
            Ok(quote) => {
                self.starts += 1;
                self.segments += quote.segments();
                self.amounts = self.amounts.plus(quote.amounts);
                self.last_at = self.last_at.max(quote.steps.last().map(|step| step.due));
            }
            Err(refusals) => {
                self.refusals += 1;
                for refusal in &refusals {
                    *self.by_code.entry(refusal.code()).or_default() += 1;
                }
                if self.refused.len() < LISTED_REFUSALS {
                    self.refused.push((decision.contact, refusals));
                }
            }
        }
    }
}

/// Decides about a chunk: the contacts that were found, and those that do not exist.
fn decide_all(
    db: &Read<'_>,
    beat: &Beat,
    batch: &mut Batch,
    chunk: &[ContactId],
    rows: &[Contact],
) -> Result<Vec<Decision>, Failure> {
    let around = batch.around(db, beat, rows)?;
    let found: BTreeMap<ContactId, &Contact> = rows.iter().map(|row| (row.id, row)).collect();
    chunk
        .iter()
        .map(|id| match found.get(id) {
            Some(row) => batch.decide(&around, row),
            None => Ok(batch.decide_unknown(*id)),
        })
        .collect()
}

/// What a key stands for: the workflow and exactly these contacts. Those of *all* are whoever is there.
fn asked(workflow: WorkflowId, selection: &Selection) -> (&'static str, WorkflowId, Option<&[ContactId]>) {
    ("enroll_many", workflow, selection.ids())
}

fn begin(tx: &mut Tx<'_>, beat: &Beat, workflow: WorkflowId, selection: &Selection) -> Result<JobId, BulkError> {
    let found = workflows::find(tx, beat.workspace, workflow)?;
    let found = found.filter(|workflow| workflow.archived_at.is_none()).ok_or(BulkError::WorkflowUnknown)?;
    let payload = Payload { workflow, version: Some(found.version), all: matches!(selection, Selection::All) };
    let (total, items) = match selection {
        Selection::All => (contacts::count(tx, beat.workspace)?, Vec::new()),
        Selection::These(ids) => {
            let item = |id: &ContactId| Item { item: id.0, contact: Some(id.0), outcome: None };
            (i64::try_from(ids.len()).unwrap_or(i64::MAX), ids.iter().map(item).collect())
        }
    };
    let job = Job {
        id: JobId(beat.id()),
        kind: "enroll".to_owned(),
        state: "running".to_owned(),
        payload: serde_json::to_string(&payload).expect("plain data"),
        cursor: i64::MIN,
        total,
        started: 0,
        refused: 0,
        actor: beat.actor.clone(),
        created_at: beat.now,
        updated_at: beat.now,
    };
    jobs::insert(tx, beat.workspace, &job)?;
    jobs::add_items(tx, beat.workspace, job.id, &items)?;
    Ok(job.id)
}

/// Ends the jobs that put contacts into a workflow: whoever they have not reached is neither charged nor refused. In a
/// transaction before the one that locks the workflow, for which a chunk may wait that has its job locked.
pub(crate) fn end_jobs(tx: &mut Tx<'_>, beat: &Beat, workflow: WorkflowId) -> Result<(), Failure> {
    for found in jobs::running_in(tx, beat.workspace, "enroll")? {
        let payload: Payload =
            serde_json::from_str(&found.payload).map_err(|error| Failure::Stored(format!("{}: {error}", found.id)))?;
        if payload.workflow != workflow {
            continue;
        }
        let job = jobs::lock(tx, beat.workspace, found.id)?;
        if let Some(job) = job.filter(|job| job.state == "running") {
            jobs::save(tx, beat.workspace, &Job { state: "done".to_owned(), updated_at: beat.now, ..job })?;
        }
    }
    Ok(())
}

/// One chunk of a job: decided, charged, started and counted in one transaction.
fn work(tx: &mut Tx<'_>, beat: &Beat, steps: &Steps, id: JobId) -> Result<Job, BulkError> {
    let mut job = jobs::lock(tx, beat.workspace, id)?.ok_or(BulkError::JobUnknown)?;
    if job.state != "running" {
        return Ok(job);
    }
    let beat = &Beat { actor: job.actor.clone(), ..beat.clone() };
    let payload: Payload =
        serde_json::from_str(&job.payload).map_err(|error| Failure::Stored(format!("{id}: {error}")))?;
    let chunk: Vec<ContactId> = if payload.all {
        let mut all = contacts::ids(tx, beat.workspace, ContactId(job.cursor), CHUNK)?;
        // Identifiers hold the time: whoever came after the job began was in no preview.
        all.retain(|contact| contact.0 < id.0);
        all
    } else {
        jobs::items(tx, beat.workspace, id, job.cursor, CHUNK)?.iter().filter_map(jobs::contact_of).collect()
    };
    job.updated_at = beat.now;
    match chunk.last() {
        None => "done".clone_into(&mut job.state),
        Some(last) => {
            job.cursor = last.0;
            enroll_chunk(tx, beat, steps, &payload, &mut job, &chunk)?;
        }
    }
    jobs::save(tx, beat.workspace, &job)?;
    Ok(job)
}

fn enroll_chunk(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    payload: &Payload,
    job: &mut Job,
    chunk: &[ContactId],
) -> Result<(), Failure> {
    let rows = contacts::lock(tx, beat.workspace, chunk)?;
    let kept = workflows::keep(tx, beat.workspace, payload.workflow)?;
    if payload.version.is_some_and(|version| kept.is_none_or(|kept| kept.version != version)) {
        // Edited before this job reached anybody, or between two of its chunks: nobody was shown that text and price.
        "done".clone_into(&mut job.state);
        return Ok(());
    }
    let all_numbers = numbers::lock(tx, beat.workspace)?;
    let available = store::ledger::read_available(tx, beat.workspace)?;
    let mut batch = Batch::load(tx, beat, steps, Course::whole(payload.workflow), available, all_numbers)?;
    let decisions = decide_all(tx, beat, &mut batch, chunk, &rows)?;
    let started = batch.start(tx, beat, &rows, &decisions)?;
    let mut outcomes = Vec::new();
    for decision in &decisions {
        let outcome = match &decision.result {
            Ok(_) => STARTED.to_owned(),
            Err(refusals) => reasons(refusals),
        };
        outcomes.push(Item { item: decision.contact.0, contact: Some(decision.contact.0), outcome: Some(outcome) });
    }
    let count = i64::try_from(started.len()).unwrap_or(i64::MAX);
    job.started += count;
    job.refused += i64::try_from(decisions.len()).unwrap_or(i64::MAX) - count;
    if payload.all {
        outcomes.retain(|item| item.outcome.as_deref() != Some(STARTED));
        jobs::add_items(tx, beat.workspace, job.id, &outcomes)?;
    } else {
        jobs::set_items(tx, beat.workspace, job.id, &outcomes)?;
    }
    Ok(())
}

/// Refusals as the job keeps them: a list of code, sentence and fix.
fn reasons(refusals: &[Refusal]) -> String {
    let reason = |refusal: &Refusal| serde_json::json!({ "code": refusal.code(), "message": refusal.to_string(), "fix": refusal.fix() });
    serde_json::Value::Array(refusals.iter().map(reason).collect()).to_string()
}
