//! Quotes, enrollments, and the jobs that enroll many.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use domain::ids::{ContactId, QuoteId, WorkflowId};
use engine::bulk::{BulkPreview, Selection};
use engine::enrolling::{EnrollRequest, Preview};
use serde::Deserialize;
use serde_json::{Value, json};
use store::enrollments::Enrollment;
use store::jobs::Job;

use super::{Body, Caller, Page, id, idempotency_key};
use crate::problem::{Problem, refusal};
use crate::wiring::Parts;

/// A quote as the API shows it.
pub(crate) fn quoted(preview: &Preview) -> Value {
    let step = |step: &domain::quote::QuotedStep| {
        json!({
            "text": step.text, "encoding": step.encoding, "segments": step.price.segments,
            "credits": step.price.credits, "micros": step.price.micros, "due_at": step.due, "local": step.local,
        })
    };
    let quote = &preview.quote;
    json!({
        "id": preview.id, "expires_at": preview.expires_at, "from": preview.from, "zone": preview.zone,
        "zone_source": preview.zone_source, "rules": preview.rules,
        "messages": quote.steps.iter().map(step).collect::<Vec<_>>(),
        "segments": quote.segments(), "credits": quote.amounts.credits, "charged_segments": quote.charged_segments(),
        "rate_micros": quote.rate, "cost_micros": quote.amounts.micros, "cost": quote.amounts.micros.to_string(),
        "before": { "credits": preview.before.credits, "wallet_micros": preview.before.wallet },
        "after": { "credits": preview.after.credits, "wallet_micros": preview.after.wallet },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoteBody {
    contact: ContactId,
    workflow: WorkflowId,
}

pub(crate) async fn quote(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<QuoteBody>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(quoted(&parts.engine.quote(&actor, body.contact, body.workflow).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyBody {
    workflow: WorkflowId,
    /// Which contacts; without it all of the workspace.
    contacts: Option<Vec<ContactId>>,
}

impl ManyBody {
    fn selection(&mut self) -> Selection {
        self.contacts.take().map_or(Selection::All, Selection::These)
    }
}

fn previewed(preview: &BulkPreview) -> Value {
    let refused = preview.refused.iter().map(|(contact, refusals)| {
        json!({ "contact": contact, "refusals": refusals.iter().map(refusal).collect::<Vec<_>>() })
    });
    json!({
        "starts": preview.starts, "refusals": preview.refusals, "by_code": preview.by_code,
        "segments": preview.segments, "credits": preview.amounts.credits, "cost_micros": preview.amounts.micros,
        "cost": preview.amounts.micros.to_string(), "last_at": preview.last_at, "refused": refused.collect::<Vec<_>>(),
    })
}

pub(crate) async fn quote_many(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(mut body): Body<ManyBody>,
) -> Result<Json<Value>, Problem> {
    let selection = body.selection();
    Ok(Json(previewed(&parts.engine.quote_many(&actor, body.workflow, selection).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    contact: ContactId,
    workflow: WorkflowId,
    quote: Option<QuoteId>,
}

pub(crate) async fn start(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Body(body): Body<StartBody>,
) -> Result<Json<Value>, Problem> {
    let StartBody { contact, workflow, quote } = body;
    let request = EnrollRequest { contact, workflow, quote, key: idempotency_key(&headers)? };
    Ok(Json(json!(parts.engine.enroll(&actor, request).await?)))
}

fn job_of(job: &Job) -> Value {
    json!({
        "id": job.id, "state": job.state, "total": job.total, "started": job.started, "refused": job.refused,
        "created_at": job.created_at, "updated_at": job.updated_at,
    })
}

/// Begins the job and answers at once; the job goes on by itself.
pub(crate) async fn start_many(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Body(mut body): Body<ManyBody>,
) -> Result<Json<Value>, Problem> {
    let (selection, key) = (body.selection(), idempotency_key(&headers)?);
    let job = parts.engine.enroll_many(&actor, body.workflow, selection, key).await?;
    let answer = job_of(&job);
    tokio::spawn(async move {
        if let Err(error) = parts.engine.run_job(&actor, job.id, |_| {}).await {
            tracing::error!(job = %job.id, %error, "a job broke off; it goes on at the next start");
        }
    });
    Ok(Json(answer))
}

pub(crate) async fn job(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(job_of(&parts.engine.job(&actor, id(&text, "the job")?).await?)))
}

pub(crate) async fn job_refusals(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let after = page.after::<ContactId>()?.map_or(i64::MIN, |contact| contact.0);
    let items = parts.engine.job_refusals(&actor, id(&text, "the job")?, after, page.limit()?).await?;
    let item = |item: &store::jobs::Item| {
        let refusals: Value =
            item.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        json!({ "contact": item.contact.map(ContactId), "refusals": refusals })
    };
    let next = items.last().and_then(|item| item.contact).map(ContactId);
    Ok(Json(json!({ "data": items.iter().map(item).collect::<Vec<_>>(), "next": next })))
}

fn enrollment(row: &Enrollment) -> Value {
    let (state, reason) = row.state.words();
    json!({
        "id": row.id, "contact": row.contact, "workflow": row.workflow, "version": row.version, "state": state,
        "reason": reason, "next_step": row.next_step, "messages": row.prices.len(), "due_at": row.due_at,
        "started_by": row.started_by, "started_at": row.started_at, "ended_at": row.ended_at,
        "zone": row.place.primary, "rules": row.place.rules,
    })
}

pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(enrollment(&parts.engine.enrollment(&actor, id(&text, "the enrollment")?).await?)))
}

pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    let ended = parts.engine.remove(&actor, id(&text, "the enrollment")?).await?;
    Ok(Json(json!({
        "id": ended.enrollment, "refunded_credits": ended.refunded.credits, "refunded_micros": ended.refunded.micros,
    })))
}
