//! Jobs: work on many contacts that goes on by itself.

use axum::Json;
use axum::extract::State;
use domain::ids::{ContactId, JobId};
use engine::Actor;
use engine::bulk::{ENROLL, WithdrawWhom};
use engine::erasing::ERASE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::jobs::Item;
use utoipa::ToSchema;

use super::ids;
use super::quotes::Refusal;
use super::request::{Asked, Body, Caller, Page, Paging};
use super::words::{JobKindWord, JobStateWord, WithdrawnWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// A job.
#[derive(Serialize, ToSchema)]
pub(crate) struct Job {
    id: ids::Job,
    kind: JobKindWord,
    state: JobStateWord,
    /// How many contacts it works on.
    total: i64,
    /// How many it has enrolled, taken out, changed or erased.
    started: i64,
    /// How many it has refused, or left as they were.
    refused: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&store::jobs::Job> for Job {
    fn from(row: &store::jobs::Job) -> Self {
        Self {
            id: row.id.into(),
            kind: Word::of(row.kind.clone()),
            state: Word::of(row.state.clone()),
            total: row.total,
            started: row.started,
            refused: row.refused,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Works on a job that enrolls, takes out or erases, beside the requests.
pub(crate) fn go_on(parts: Parts, actor: Actor, job: &store::jobs::Job) {
    let (job, kind) = (job.id, job.kind.clone());
    tokio::spawn(async move {
        let done = match kind.as_str() {
            ENROLL => parts.engine.run_job(&actor, job, |_| {}).await,
            ERASE => parts.engine.run_erasure(&actor, job).await,
            _ => parts.engine.run_withdrawal(&actor, job).await,
        };
        if let Err(error) = done {
            tracing::error!(%job, %error, "a job broke off; it goes on by itself");
        }
    });
}

/// List jobs
///
/// Newest first.
#[utoipa::path(get, path = "/jobs", operation_id = "listJobs", tag = "Jobs", params(Paging),
    responses((status = 200, description = "A page of jobs.", body = Page<Job>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Job>>, Problem> {
    let (before, limit) = (paging.after()?.unwrap_or(JobId(i64::MAX)), paging.limit()?);
    let rows = parts.engine.jobs(&actor, before, limit).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// Show how far a job is
#[utoipa::path(get, path = "/jobs/{id}", operation_id = "showJob", tag = "Jobs",
    params(("id" = ids::Job, Path, description = "The job.")),
    responses((status = 200, description = "The job.", body = Job)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Job,
) -> Result<Json<Job>, Problem> {
    Ok(Json(Job::from(&parts.engine.job(&actor, id).await?)))
}

/// Whom to take out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawalBody {
    whom: WithdrawnWord,
}

/// Take back what a job has started
///
/// Ends the job, and begins one that takes its contacts out of the workflow: those who got no text yet (`unbegun`), or everybody who is
/// still in (`everybody`). What was not sent comes back at once. Who got no text is left, and may be quoted again
/// (`POST /jobs/{id}/quote`).
#[utoipa::path(post, path = "/jobs/{id}/withdraw", operation_id = "withdrawJob", tag = "Jobs",
    params(("id" = ids::Job, Path, description = "The job that enrolls.")), request_body = WithdrawalBody,
    responses((status = 200, description = "The job that takes out.", body = Job)),
    extensions(("x-permission" = json!("enroll")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn withdraw(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Job,
    Body(body): Body<WithdrawalBody>,
) -> Result<Json<Job>, Problem> {
    let everybody = body.whom.as_str() == WithdrawWhom::Everybody.word();
    let whom = if everybody { WithdrawWhom::Everybody } else { WithdrawWhom::Unbegun };
    let job = parts.engine.withdraw_job(&actor, id, whom).await?;
    let answer = Job::from(&job);
    go_on(parts, actor, &job);
    Ok(Json(answer))
}

/// A contact that a job has refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedContact {
    contact: Option<ids::Contact>,
    refusals: Vec<Refusal>,
}

impl From<&Item> for RefusedContact {
    fn from(item: &Item) -> Self {
        let refusals = item.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Self { contact: item.contact.map(|contact| ContactId(contact).into()), refusals: refusals.unwrap_or_default() }
    }
}

/// List the contacts that a job has refused
///
/// Each with all its reasons.
#[utoipa::path(get, path = "/jobs/{id}/refusals", operation_id = "listRefusals", tag = "Jobs",
    params(("id" = ids::Job, Path, description = "The job."), Paging),
    responses((status = 200, description = "A page of refused contacts.", body = Page<RefusedContact>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "query", "limit", "cursor"]))))]
pub(crate) async fn refusals(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Job,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<RefusedContact>>, Problem> {
    let (after, limit) = (paging.after::<ContactId>()?.map_or(i64::MIN, |contact| contact.0), paging.limit()?);
    let items = parts.engine.job_refusals(&actor, id, after, limit).await?;
    Ok(Json(Page::of(&items, limit, |item| ContactId(item.item).to_string())))
}
