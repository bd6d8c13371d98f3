//! Enrollments: started, listed, shown, ended.

use axum::Json;
use axum::extract::State;
use domain::ids::EnrollmentId;
use engine::enrolling::{EnrollRequest, Enrolled};
use engine::workflows::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{DbError, Read};
use utoipa::ToSchema;

use super::ids;
use super::jobs::{self, Job};
use super::quotes::ManyBody;
use super::request::{Asked, Body, Caller, KeyHeader, Page, Paging};
use super::words::{EnrollmentStateWord, ReasonWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// One contact's run through one workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrollment {
    id: ids::Enrollment,
    contact: ids::Contact,
    workflow: ids::Workflow,
    /// The version of the workflow that it runs through; a later one does not change it.
    version: i64,
    state: EnrollmentStateWord,
    /// Why it ended early.
    reason: Option<ReasonWord>,
    /// The message with which it started, from 1; those before it were neither sent nor charged.
    first_step: u8,
    /// The message that comes next, from 1.
    next_step: u8,
    /// How many messages the workflow has.
    messages: usize,
    /// When the next message is due; nothing while it is with the carrier, or at the end.
    due_at: Option<Timestamp>,
    /// Who started it.
    started_by: String,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    /// The time zone of the contact.
    zone: String,
    /// The rules on quiet hours that hold for the contact.
    rules: Vec<String>,
}

impl From<&store::enrollments::Enrollment> for Enrollment {
    fn from(row: &store::enrollments::Enrollment) -> Self {
        let (state, reason) = row.state.words();
        Self {
            id: row.id.into(),
            contact: row.contact.into(),
            workflow: row.workflow.into(),
            version: row.version,
            state: Word::of(state),
            reason: reason.map(Word::of),
            first_step: row.first_step(),
            next_step: row.next_step,
            messages: row.prices.len(),
            due_at: row.due_at,
            started_by: row.started_by.clone(),
            started_at: row.started_at,
            ended_at: row.ended_at,
            zone: row.place.primary.clone(),
            rules: row.place.rules.clone(),
        }
    }
}

/// A page that this read gives, after the enrollment of its cursor.
async fn page<F>(parts: &Parts, page: &Paging, first: EnrollmentId, read: F) -> Result<Json<Page<Enrollment>>, Problem>
where
    F: Fn(&Read<'_>, EnrollmentId, i64) -> Result<Vec<store::enrollments::Enrollment>, DbError> + Send + 'static,
{
    let (place, limit) = (page.after()?.unwrap_or(first), page.limit()?);
    let rows = parts.engine.read(move |reading| read(reading, place, limit)).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// List enrollments
///
/// Newest first, ended ones too.
#[utoipa::path(get, path = "/enrollments", operation_id = "listEnrollments", tag = "Enrollments", params(Paging),
    responses((status = 200, description = "A page of enrollments.", body = Page<Enrollment>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Enrollment>>, Problem> {
    actor.need(domain::access::Permission::Read)?;
    let workspace = actor.workspace();
    let read = move |reading: &Read<'_>, before, limit| store::enrollments::page(reading, workspace, before, limit);
    page(&parts, &paging, EnrollmentId(i64::MAX), read).await
}

/// List the enrollments of a contact
///
/// Newest first, ended ones too.
#[utoipa::path(get, path = "/contacts/{id}/enrollments", operation_id = "listEnrollmentsOfContact", tag = "Enrollments",
    params(("id" = ids::Contact, Path, description = "The contact."), Paging),
    responses((status = 200, description = "A page of enrollments.", body = Page<Enrollment>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "query", "limit", "cursor"]))))]
pub(crate) async fn of_contact(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(contact): ids::Contact,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Enrollment>>, Problem> {
    parts.engine.contact(&actor, contact).await?;
    let workspace = actor.workspace();
    let read = move |reading: &Read<'_>, before, limit| {
        store::enrollments::of_contact(reading, workspace, contact, before, limit)
    };
    page(&parts, &paging, EnrollmentId(i64::MAX), read).await
}

/// List the contacts that move through a workflow
///
/// Oldest first, running ones only.
#[utoipa::path(get, path = "/workflows/{id}/enrollments", operation_id = "listEnrollmentsOfWorkflow", tag = "Enrollments",
    params(("id" = ids::Workflow, Path, description = "The workflow."), Paging),
    responses((status = 200, description = "A page of enrollments.", body = Page<Enrollment>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "query", "limit", "cursor"]))))]
pub(crate) async fn of_workflow(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(workflow): ids::Workflow,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Enrollment>>, Problem> {
    let known = parts.engine.workflow(&actor, workflow).await?;
    let workspace = actor.workspace();
    if known.summary.status() == Status::Inactive {
        return Ok(Json(Page { data: Vec::new(), next: None }));
    }
    let read = move |reading: &Read<'_>, after, limit| {
        store::enrollments::running_in(reading, workspace, workflow, after, limit)
    };
    page(&parts, &paging, EnrollmentId(i64::MIN), read).await
}

/// Whom, through what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrollBody {
    contact: ids::Contact,
    workflow: ids::Workflow,
    /// The message to start from, 1 if not given: as in the quote.
    #[schema(minimum = 1, maximum = 9, example = 1)]
    from_step: Option<u8>,
    /// The quote that was shown: nothing is started if its text or price are no longer true.
    quote: Option<ids::Quote>,
}

/// An enrollment that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct Started {
    enrollment: ids::Enrollment,
    contact: ids::Contact,
    workflow: ids::Workflow,
    /// Segments paid with free credits.
    charged_credits: i64,
    /// Money for the others, in micro-dollars.
    charged_micros: i64,
    /// When the first message is due.
    first_at: Timestamp,
    /// When the last message is due if all goes as planned.
    last_at: Timestamp,
}

impl From<Enrolled> for Started {
    fn from(enrolled: Enrolled) -> Self {
        Self {
            enrollment: enrolled.enrollment.into(),
            contact: enrolled.contact.into(),
            workflow: enrolled.workflow.into(),
            charged_credits: enrolled.charged_credits,
            charged_micros: enrolled.charged_micros.0,
            first_at: enrolled.first_at,
            last_at: enrolled.last_at,
        }
    }
}

/// Enroll a contact
///
/// Charges the whole sequence and schedules it, in one transaction or not at all. Any reply stops it, and what was not
/// sent comes back at once.
#[utoipa::path(post, path = "/enrollments", operation_id = "enroll", tag = "Enrollments", params(KeyHeader),
    request_body = EnrollBody,
    responses((status = 200, description = "It has started.", body = Started)),
    extensions(("x-permission" = json!("enroll")),
        ("x-problems" = json!(["enrollment_refused", "quote_changed", "quote_unknown"]))))]
pub(crate) async fn start(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<EnrollBody>,
) -> Result<Json<Started>, Problem> {
    let quote = body.quote.map(|quote| quote.0);
    let (contact, workflow, from_step) = (body.contact.0, body.workflow.0, body.from_step.unwrap_or(1));
    let request = EnrollRequest { contact, workflow, from_step, quote, key: None };
    Ok(Json(parts.engine.enroll(&actor, request).await?.into()))
}

/// A quote of many.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotedBody {
    quote: ids::Quote,
}

/// Enroll what a quote of many has shown
///
/// Begins a job and answers at once; the job goes on by itself, also after a restart. Each contact is charged once, and only what the quote
/// has shown for it: whose text or price is another by then, or who was shown as refused, is not started but listed. The same quote again
/// gives the same job.
#[utoipa::path(post, path = "/enrollments/quoted", operation_id = "enrollQuoted", tag = "Enrollments",
    request_body = QuotedBody,
    responses((status = 200, description = "The job.", body = Job)),
    extensions(("x-permission" = json!("enroll")),
        ("x-problems" = json!(["not_found", "quote_changed", "quote_unknown"]))))]
pub(crate) async fn start_quoted(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<QuotedBody>,
) -> Result<Json<Job>, Problem> {
    let job = parts.engine.enroll_quoted(&actor, body.quote.0, None).await?;
    let answer = Job::from(&job);
    jobs::go_on(parts, actor, &job);
    Ok(Json(answer))
}

/// Enroll many contacts
///
/// At whatever they cost by then: who wants to know before asks for a quote of many, and starts that.
///
/// Begins a job and answers at once; the job goes on by itself, also after a restart, and charges each contact once. It
/// ends early if the workflow is paused or deleted: whom it has not reached is neither started nor refused.
#[utoipa::path(post, path = "/enrollments/many", operation_id = "enrollMany", tag = "Enrollments", params(KeyHeader),
    request_body = ManyBody,
    responses((status = 200, description = "The job.", body = Job)),
    extensions(("x-permission" = json!("enroll")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn start_many(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(mut body): Body<ManyBody>,
) -> Result<Json<Job>, Problem> {
    let selection = body.selection();
    let job = parts.engine.enroll_many(&actor, body.workflow.0, selection, None).await?;
    let answer = Job::from(&job);
    jobs::go_on(parts, actor, &job);
    Ok(Json(answer))
}

/// Show an enrollment
#[utoipa::path(get, path = "/enrollments/{id}", operation_id = "showEnrollment", tag = "Enrollments",
    params(("id" = ids::Enrollment, Path, description = "The enrollment.")),
    responses((status = 200, description = "The enrollment.", body = Enrollment)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Enrollment,
) -> Result<Json<Enrollment>, Problem> {
    Ok(Json(Enrollment::from(&parts.engine.enrollment(&actor, id).await?)))
}

/// What came back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended {
    id: ids::Enrollment,
    /// Segments that went back to the free credits.
    refunded_credits: i64,
    /// Money that went back to the wallet, in micro-dollars.
    refunded_micros: i64,
}

/// Take a contact out of its workflow
///
/// What was not sent comes back at once. A message that is with the carrier counts as sent.
#[utoipa::path(delete, path = "/enrollments/{id}", operation_id = "endEnrollment", tag = "Enrollments",
    params(("id" = ids::Enrollment, Path, description = "The enrollment.")),
    responses((status = 200, description = "It has ended.", body = Ended)),
    extensions(("x-permission" = json!("enroll")), ("x-problems" = json!(["not_found", "enrollment_ended"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Enrollment,
) -> Result<Json<Ended>, Problem> {
    let ended = parts.engine.remove(&actor, id).await?;
    let (refunded_credits, refunded_micros) = (ended.refunded.credits, ended.refunded.micros.0);
    Ok(Json(Ended { id: ended.enrollment.into(), refunded_credits, refunded_micros }))
}
