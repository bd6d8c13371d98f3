//! The plan of the workspace: what is offered, where it stands, choosing, canceling.

use axum::Json;
use axum::extract::State;
use domain::plan::{Course, Period as Span};
use engine::subscriptions::{Offer as Terms, PlanView};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::plans::Plan as Row;
use store::subscriptions::PeriodRow;
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Asked, Body, Caller, KeyHeader, Page, Paging};
use super::words::{AtEndWord, StandingWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// A plan that the operator offers. Its terms never change.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferedPlan)]
pub(crate) struct Plan {
    id: ids::Plan,
    name: String,
    /// The price of a month, taken from the wallet when it begins, in micro-dollars.
    #[schema(example = 29_000_000)]
    price_micros: i64,
    /// The credits of a month; what is left of them ends with it.
    credits: i64,
    /// The price of a segment that no credit covers, in micro-dollars.
    #[schema(example = 12_000)]
    rate_micros: i64,
    /// How many numbers the workspace may have; nothing for as many as it likes.
    numbers: Option<i64>,
    /// The days of a first, free period, for a workspace that has had none.
    trial_days: i64,
    /// For how many days what is not paid goes on.
    grace_days: i64,
}

impl From<&Row> for Plan {
    fn from(row: &Row) -> Self {
        let terms = row.terms;
        Self {
            id: row.id.into(),
            name: row.name.clone(),
            price_micros: terms.price.0,
            credits: terms.credits,
            rate_micros: terms.rate.0,
            numbers: terms.numbers,
            trial_days: terms.trial_days,
            grace_days: terms.grace_days,
        }
    }
}

/// When a period runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct PeriodSpan {
    /// From 1; 0 is the trial.
    number: i64,
    from: Timestamp,
    /// The first instant that is not in it.
    until: Timestamp,
}

impl From<Span> for PeriodSpan {
    fn from(period: Span) -> Self {
        Self { number: period.number, from: period.from, until: period.until }
    }
}

/// Where a workspace stands with its plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscription {
    /// The plan; nothing for a workspace that is served without one.
    plan: Option<Plan>,
    standing: Option<StandingWord>,
    /// The period that runs, or ran last.
    period: Option<PeriodSpan>,
    at_end: Option<AtEndWord>,
    /// The plan that follows, where that is another.
    next_plan: Option<Plan>,
    /// When the plan ends, if nobody does anything about it.
    ends_at: Option<Timestamp>,
    /// What is owed for the period, in micro-dollars: it is taken from the first payment that covers it.
    owed_micros: Option<i64>,
    /// Whether the workspace may enroll and send.
    serves: bool,
}

impl From<PlanView> for Subscription {
    fn from(view: PlanView) -> Self {
        let of = |course: Course| (Word::of(course.standing.word()), Word::of(course.at_end.word()));
        let (standing, at_end) = view.course.map(of).unzip();
        Self {
            plan: view.plan.as_ref().map(Plan::from),
            standing,
            period: view.course.map(|course| course.period.into()),
            at_end,
            next_plan: view.next.as_ref().map(Plan::from),
            ends_at: view.ending.map(|ending| ending.at),
            owed_micros: view.ending.and_then(|ending| ending.owed).map(|owed| owed.0),
            serves: view.serves,
        }
    }
}

/// List the plans that can be chosen
///
/// Oldest first.
#[utoipa::path(get, path = "/plans", operation_id = "listPlans", tag = "Plan",
    responses((status = 200, description = "The plans.", body = All<Plan>)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<Plan>>, Problem> {
    let all = parts.engine.offered_plans(&actor).await?;
    Ok(Json(All { data: all.iter().map(Plan::from).collect() }))
}

/// What choosing a plan would do now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Offer {
    plan: Plan,
    /// The trial or month that it would begin with.
    first: PeriodSpan,
    /// Whether that begins now; otherwise when the running period is over.
    now: bool,
    /// What the wallet pays now, in micro-dollars.
    charge_micros: i64,
    /// What the wallet lacks for that, in micro-dollars.
    lacks_micros: i64,
}

impl From<Terms> for Offer {
    fn from(offer: Terms) -> Self {
        Self {
            plan: Plan::from(&offer.plan),
            first: offer.first.into(),
            now: offer.now,
            charge_micros: offer.charge.0,
            lacks_micros: offer.lacks.0,
        }
    }
}

/// Tell what choosing a plan would do
///
/// Nothing is changed.
#[utoipa::path(get, path = "/plans/{id}/offer", operation_id = "offerPlan", tag = "Plan",
    params(("id" = ids::Plan, Path, description = "The plan.")),
    responses((status = 200, description = "What it would do.", body = Offer)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found", "plan_not_changeable"]))))]
pub(crate) async fn offer(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Plan,
) -> Result<Json<Offer>, Problem> {
    Ok(Json(parts.engine.plan_offer(&actor, id).await?.into()))
}

/// Show where the workspace stands with its plan
#[utoipa::path(get, path = "/subscription", operation_id = "getSubscription", tag = "Plan",
    responses((status = 200, description = "Where it stands.", body = Subscription)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn show(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Subscription>, Problem> {
    Ok(Json(parts.engine.subscription(&actor).await?.into()))
}

/// The plan to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    plan: ids::Plan,
}

/// Choose a plan
///
/// Without a plan that runs it begins now: with its trial, which is free, or with a month, whose price the wallet has to
/// cover. Where another plan runs it follows when the period is over; the plan that runs goes on after all if it was canceled.
#[utoipa::path(post, path = "/subscription", operation_id = "choosePlan", tag = "Plan",
    params(KeyHeader), request_body = Choice,
    responses((status = 200, description = "Where the workspace stands now.", body = Subscription)),
    extensions(("x-permission" = json!("billing:write")),
        ("x-problems" = json!(["not_found", "plan_not_changeable", "insufficient_funds"]))))]
pub(crate) async fn choose(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(choice): Body<Choice>,
) -> Result<Json<Subscription>, Problem> {
    Ok(Json(parts.engine.choose_plan(&actor, choice.plan.0).await?.into()))
}

/// Cancel the plan
///
/// It ends when its period is over. Where its price is owed it ends at once: what runs is ended, and what was not sent comes back.
#[utoipa::path(post, path = "/subscription/cancel", operation_id = "cancelPlan", tag = "Plan",
    responses((status = 200, description = "Where the workspace stands now.", body = Subscription)),
    extensions(("x-permission" = json!("billing:write")), ("x-problems" = json!(["plan_not_changeable"]))))]
pub(crate) async fn cancel(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Subscription>, Problem> {
    parts.engine.cancel_plan(&actor).await?;
    Ok(Json(parts.engine.subscription(&actor).await?.into()))
}

/// Let a canceled plan go on
#[utoipa::path(post, path = "/subscription/resume", operation_id = "resumePlan", tag = "Plan",
    responses((status = 200, description = "Where the workspace stands now.", body = Subscription)),
    extensions(("x-permission" = json!("billing:write")), ("x-problems" = json!(["plan_not_changeable"]))))]
pub(crate) async fn resume(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Subscription>, Problem> {
    Ok(Json(parts.engine.resume_plan(&actor).await?.into()))
}

/// A period that the workspace had.
#[derive(Serialize, ToSchema)]
pub(crate) struct Period {
    id: ids::Period,
    plan: ids::Plan,
    /// From 1; 0 is the trial.
    number: i64,
    from: Timestamp,
    /// The first instant that is not in it.
    until: Timestamp,
    /// Its price in micro-dollars.
    price_micros: i64,
    /// Its credits.
    credits: i64,
    /// When the price was paid and the credits were granted; nothing if it never was.
    paid_at: Option<Timestamp>,
}

impl From<&PeriodRow> for Period {
    fn from(row: &PeriodRow) -> Self {
        Self {
            id: row.id.into(),
            plan: row.plan.into(),
            number: row.period.number,
            from: row.period.from,
            until: row.period.until,
            price_micros: row.price.0,
            credits: row.credits,
            paid_at: row.paid_at,
        }
    }
}

/// List the periods that the workspace had
///
/// Newest first.
#[utoipa::path(get, path = "/subscription/periods", operation_id = "listPeriods", tag = "Plan", params(Paging),
    responses((status = 200, description = "A page of periods.", body = Page<Period>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn periods(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Period>>, Problem> {
    let limit = paging.limit()?;
    let rows = parts.engine.plan_periods(&actor, paging.after()?, limit).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}
