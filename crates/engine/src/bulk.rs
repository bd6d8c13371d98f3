//! Enrolling many contacts: one quote for all, then one job that can be interrupted, and taken back.
//!
//! | step | what is kept | in |
//! |---|---|---|
//! | quote | for each contact a mark of its texts and segments, and the price of all: `bulk_quotes`, 15 minutes | here |
//! | start | the job, once for each quote; refused with the new quote where version, rate or balances are others | `start` |
//! | work | five hundred contacts a part, two parts a transaction: decided anew, held to what was shown, charged, started, counted | `parts` |
//! | withdraw | who got no text yet, or everybody, is taken out and paid back; who is left may be quoted again | `withdraw` |
//!
//! **What was shown is what happens.** Whose text, segments or rate are others by then, or who was shown as refused, is not started
//! but listed, and all together never take more credits or money than the quote.
//!
//! A job's progress moves in the transaction of the part that it counts: a killed job goes on where it was and charges nobody twice.

mod days;
mod parts;
mod selected;
mod start;
mod waves;
mod withdraw;

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::forecast::Forecast;
use domain::ids::{ContactId, JobId, QuoteId, WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::refusal::Refusal;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::bulk_quotes::{self, BulkQuote, Fate, Part, Shown};
use store::contacts::{self, Contact};
use store::jobs::{self, Item, Job};
use store::{DbError, Lane, Read, Tx, numbers};

use crate::actor::{Actor, Forbidden};
use crate::batch::{Batch, Bound, Course, Decision, mark};
use crate::beat::Beat;
use crate::claim::later;
use crate::contacts::list::MOST_FOUND;
use crate::engine::Engine;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::idempotency::{IdempotencyKey, KeyMalformed, KeyReused, answered};
use crate::periods;

use selected::checked;
pub(crate) use start::end_jobs;
use waves::Waves;
pub use withdraw::Whom as WithdrawWhom;

/// The kind of the jobs that put contacts into a workflow.
pub const ENROLL: &str = "enroll";
/// The kind of those that take them out again.
pub const WITHDRAW: &str = "withdraw";
/// Most contacts that one request may name.
pub const MAX_NAMED: usize = 100_000;
/// How many contacts one part has.
const CHUNK: usize = 500;
/// How many parts are read or written at a time.
const PARTS_AT_ONCE: usize = 50;
/// How many starts of a workflow are told, and among how many jobs they are looked for.
const STARTS_TOLD: usize = 5;
const LOOKED_AT: i64 = 200;
/// Most refused contacts that a preview lists one by one.
const LISTED_REFUSALS: usize = 1_000;
/// For how long a quote of many holds.
const HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// Whom.
#[derive(Debug, Clone)]
pub enum Selection {
    /// Every contact of the workspace.
    All,
    /// These.
    These(Vec<ContactId>),
    /// Those whom a withdrawal, by its job, has left without a text.
    RestOf(JobId),
    /// Those of an earlier quote.
    Quoted(QuoteId),
}

/// What is to be started.
#[derive(Debug, Clone)]
pub struct Many {
    /// Into which workflow.
    pub workflow: WorkflowId,
    /// Whom.
    pub selection: Selection,
    /// Most that start in a day of the workspace's calendar; nothing for all at once. All are charged at the start in any case: only
    /// their first messages are spread, in the order of the contacts.
    pub per_day: Option<u32>,
}

impl Many {
    /// All at once.
    #[must_use]
    pub fn at_once(workflow: WorkflowId, selection: Selection) -> Self {
        Self { workflow, selection, per_day: None }
    }
}

/// The price of enrolling many, who would be refused, and on which days the texts go.
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
    /// When the last message would go, by schedule and by what the numbers may send.
    pub last_at: Option<Timestamp>,
    /// What goes on which day of the workspace's calendar beside what is planned already, if nobody replies.
    pub forecast: Forecast,
    /// How many contacts are in workflows already, whose texts take their room.
    pub planned: i64,
    /// When the plan ends, if it does before the last message: what is left then is not sent and comes back.
    pub plan_ends_at: Option<Timestamp>,
}

/// A preview that was kept, by whose identifier it may be started.
#[derive(Debug, Clone)]
pub struct ManyQuote {
    /// Its identifier.
    pub id: QuoteId,
    /// Into which workflow.
    pub workflow: WorkflowId,
    /// Most that start in a day.
    pub per_day: Option<u32>,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// What was shown.
    pub preview: BulkPreview,
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
    /// A filter fits nobody.
    #[error("the filter fits nobody")]
    NobodyFits,
    /// A filter fits too many.
    #[error("the filter fits more than {MAX_NAMED} contacts: narrow it, or start everybody")]
    TooManyFit,
    /// Its words find more than are looked among.
    #[error(
        "its words find more than {MOST_FOUND} contacts, of whom only the newest are looked among: give more words, or other filters"
    )]
    TooManyFound,
    /// There is no such workflow.
    #[error("the workflow does not exist")]
    WorkflowUnknown,
    /// There is no such label or list.
    #[error("the label or list does not exist")]
    LabelUnknown,
    /// There is no such job.
    #[error("the job does not exist")]
    JobUnknown,
    /// The job does not enroll, so nobody can be taken out of it.
    #[error("the job does not put contacts into a workflow")]
    NotEnrolling,
    /// The job took nobody out of a workflow, so it has left nobody.
    #[error("the job takes nobody out of a workflow, and so has left nobody to be quoted")]
    NotWithdrawing,
    /// The job still takes people out: whom it leaves is not known yet.
    #[error("the job is still taking contacts out: whom it leaves is known when it is done")]
    StillWithdrawing,
    /// There is no such quote of many, or it has expired.
    #[error("the quote does not exist, or it has expired")]
    QuoteUnknown,
    /// Version, rate or balances are not what they were when the quote was shown; this is the new one.
    #[error("text or price have changed since the quote")]
    QuoteChanged(Box<ManyQuote>),
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

/// What a job that enrolls keeps of its task.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Payload {
    workflow: WorkflowId,
    quote: QuoteId,
}

fn payload_of(job: &Job) -> Result<Payload, BulkError> {
    if job.kind != ENROLL {
        return Err(BulkError::NotEnrolling);
    }
    Ok(serde_json::from_str(&job.payload).map_err(|error| Failure::Stored(format!("{}: {error}", job.id)))?)
}

impl Engine {
    /// What enrolling a selection would cost now, who would be refused and why, and when the texts would go. Changes nothing.
    pub async fn preview_many(&self, actor: &Actor, many: Many) -> Result<BulkPreview, BulkError> {
        actor.need(Permission::Read)?;
        Ok(self.priced(actor, many).await?.preview)
    }

    /// The same, kept for 15 minutes: [`Engine::enroll_quoted`] starts exactly this.
    pub async fn quote_many(&self, actor: &Actor, many: Many) -> Result<ManyQuote, BulkError> {
        actor.need(Permission::Read)?;
        let (workflow, per_day) = (many.workflow, many.per_day);
        let everybody = matches!(many.selection, Selection::All);
        let priced = self.priced(actor, many).await?;
        let beat = self.beat(actor);
        let contacts = priced.preview.starts + priced.preview.refusals;
        let row = BulkQuote {
            id: QuoteId(beat.id()),
            workflow,
            version: priced.version,
            rate: priced.rate,
            everybody,
            shown: true,
            contacts,
            per_day,
            shown_at: priced.at,
            expires_at: later(beat.now, HOLDS),
            amounts: priced.preview.amounts,
            spent: Amounts::ZERO,
            job: None,
        };
        let (id, expires_at) = (row.id, row.expires_at);
        self.keep_quote(actor, row, priced.parts).await?;
        Ok(ManyQuote { id, workflow, per_day, expires_at, preview: priced.preview })
    }

    /// Keeps a quote, some parts a transaction, so that nobody waits for a million contacts. It holds when all are there; one whose
    /// process died before is swept as one that has expired.
    ///
    /// # Errors
    /// [`BulkError::QuoteUnknown`] if that took so long that it was swept.
    async fn keep_quote(&self, actor: &Actor, quote: BulkQuote, mut parts: Vec<Part>) -> Result<(), BulkError> {
        let (workspace, id, until) = (actor.workspace(), quote.id, quote.expires_at);
        let unfinished = BulkQuote { expires_at: quote.shown_at, ..quote };
        let insert = move |tx: &mut Tx<'_>| bulk_quotes::insert(tx, workspace, &unfinished);
        self.write::<_, DbError, _>(Lane::Bulk, insert).await?;
        while !parts.is_empty() {
            let rest = parts.split_off(parts.len().min(PARTS_AT_ONCE));
            let some = std::mem::replace(&mut parts, rest);
            let insert = move |tx: &mut Tx<'_>| bulk_quotes::insert_parts(tx, workspace, id, &some);
            is_there(self.write::<_, DbError, _>(Lane::Bulk, insert).await?)?;
        }
        let hold = move |tx: &mut Tx<'_>| bulk_quotes::hold(tx, workspace, id, until);
        is_there(self.write::<_, DbError, _>(Lane::Bulk, hold).await?)
    }

    async fn priced(&self, actor: &Actor, many: Many) -> Result<Priced, BulkError> {
        let (beat, steps) = (self.beat(actor), self.steps());
        let many = Many { selection: checked(many.selection)?, ..many };
        let decide = move |db: &Read<'_>| {
            let available = store::ledger::read_available(db, beat.workspace)?;
            price(db, &beat, &steps, &many, available)
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
            let many = Many::at_once(workflow, Selection::All);
            Ok::<_, BulkError>(price(db, &beat, &steps, &many, enough)?.preview.amounts.micros)
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
            let ids = match &selection {
                Selection::All => None,
                some => Some(listed(db, workspace, some)?),
            };
            let begun = answered::<JobId, BulkError>(db, workspace, &key, &asked(workflow, ids.as_deref()))?;
            begun.map(|id| jobs::find(db, workspace, id)?.ok_or(BulkError::JobUnknown)).transpose()
        })
        .await
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

    /// The newest jobs that put contacts into a workflow, among the newest of all.
    pub async fn starts_of(&self, actor: &Actor, workflow: WorkflowId) -> Result<Vec<Job>, BulkError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let mut jobs =
            self.read(move |db| Ok::<_, BulkError>(jobs::page(db, workspace, JobId(i64::MAX), LOOKED_AT)?)).await?;
        jobs.retain(|job| payload_of(job).is_ok_and(|payload| payload.workflow == workflow));
        jobs.truncate(STARTS_TOLD);
        Ok(jobs)
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

/// A quote that was swept meanwhile is none.
fn is_there(there: bool) -> Result<(), BulkError> {
    if there { Ok(()) } else { Err(BulkError::QuoteUnknown) }
}

/// The contacts of a selection, in the order in which they are decided.
fn listed(db: &Read<'_>, workspace: WorkspaceId, selection: &Selection) -> Result<Vec<ContactId>, BulkError> {
    match selection {
        Selection::These(ids) => Ok(ids.clone()),
        Selection::RestOf(job) => withdraw::rest(db, workspace, *job),
        Selection::Quoted(quote) => {
            let mut all = Vec::new();
            each_part(db, workspace, *quote, |part, _| all.extend(part.contacts.iter().map(|shown| shown.contact)))?;
            Ok(all)
        }
        Selection::All => {
            let (mut all, mut after) = (Vec::new(), ContactId(i64::MIN));
            loop {
                let page = contacts::ids(db, workspace, after, 5_000)?;
                let Some(last) = page.last() else { return Ok(all) };
                after = *last;
                all.extend(page);
            }
        }
    }
}

/// What a key stands for: the workflow and exactly these contacts. Those of *all* are whoever is there.
fn asked(workflow: WorkflowId, ids: Option<&[ContactId]>) -> (&'static str, WorkflowId, Option<&[ContactId]>) {
    ("enroll_many", workflow, ids)
}

/// A preview with what a quote keeps of it.
struct Priced {
    preview: BulkPreview,
    parts: Vec<Part>,
    version: i64,
    rate: Micros,
    at: Timestamp,
}

fn price(db: &Read<'_>, beat: &Beat, steps: &Steps, many: &Many, available: (i64, i64)) -> Result<Priced, BulkError> {
    let all_numbers = numbers::list(db, beat.workspace)?;
    let mut batch = Batch::load(db, beat, steps, Course::whole(many.workflow), available, all_numbers)?;
    let Some(workflow) = &batch.workflow else { return Err(BulkError::WorkflowUnknown) };
    let (version, rate) = (workflow.version, batch.terms.rate);
    let waves = Waves::of(&batch.known, many.per_day, beat.now)?;
    let (mut preview, mut parts, mut groups) = (BulkPreview::default(), Vec::new(), days::Groups::default());
    for (part, chunk) in (0..).zip(listed(db, beat.workspace, &many.selection)?.chunks(CHUNK)) {
        let rows = contacts::some(db, beat.workspace, chunk)?;
        let (before, mut starts) = (preview.starts, preview.starts);
        let mut bounds = |decided: Option<&Decision>| {
            starts += i64::from(decided.is_some_and(|decision| decision.result.is_ok()));
            Bound { not_before: waves.start(starts), ..Bound::FREE }
        };
        let decisions = decide_all(db, beat, &mut batch, chunk, &rows, &mut bounds)?;
        let shown =
            |decision: &Decision| Shown { contact: decision.contact, mark: decision.result.as_ref().ok().map(mark) };
        parts.push(Part { part, before, contacts: decisions.iter().map(shown).collect() });
        for decision in decisions {
            groups.add(&decision);
            preview.add(decision);
        }
    }
    let facts = days::Facts { db, beat, steps, batch: &batch, zone: &waves.zone };
    (preview.forecast, preview.planned) = groups.forecast(&facts)?;
    preview.last_at = preview.forecast.last_at.filter(|_| preview.forecast.beyond == 0);
    preview.plan_ends_at = periods::ends_before(db, beat.workspace, preview.forecast.last_at)?;
    Ok(Priced { preview, parts, version, rate, at: beat.now })
}

impl BulkPreview {
    fn add(&mut self, decision: Decision) {
        match decision.result {
            Ok(quote) => {
                self.starts += 1;
                self.segments += quote.segments();
                self.amounts = self.amounts.plus(quote.amounts);
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

/// Decides about a chunk: the contacts that were found, and those that do not exist. `bound` is asked for each, with what was decided
/// about the one before.
fn decide_all(
    db: &Read<'_>,
    beat: &Beat,
    batch: &mut Batch,
    chunk: &[ContactId],
    rows: &[Contact],
    bound: &mut impl FnMut(Option<&Decision>) -> Bound,
) -> Result<Vec<Decision>, Failure> {
    let around = batch.around(db, beat, rows)?;
    let found = rows.iter().map(|row| (row.id, row)).collect();
    let mut decided = Vec::with_capacity(chunk.len());
    for id in chunk {
        let bound = bound(decided.last());
        decided.push(batch.decide_asked(&around, &found, *id, bound)?);
    }
    Ok(decided)
}

/// Goes through the parts of a quote, in order.
fn each_part(
    db: &Read<'_>,
    workspace: WorkspaceId,
    id: QuoteId,
    mut see: impl FnMut(Part, Fate),
) -> Result<(), BulkError> {
    bulk_quotes::find(db, workspace, id)?.ok_or(BulkError::QuoteUnknown)?;
    let mut after = -1;
    loop {
        let page = bulk_quotes::parts(db, workspace, id, after, PARTS_AT_ONCE as i64)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = last.part;
        page.into_iter().for_each(|(part, fate)| see(part, fate));
    }
}

/// The quote of a job, which is there as long as the job.
fn quote_of(db: &Read<'_>, workspace: WorkspaceId, id: QuoteId) -> Result<BulkQuote, BulkError> {
    let gone = || Failure::Stored(format!("the quote {id} of a job is gone"));
    Ok(bulk_quotes::find(db, workspace, id)?.ok_or_else(gone)?)
}
