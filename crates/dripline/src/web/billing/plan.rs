//! `/billing/plan`: where the workspace stands with its plan, what else is offered, choosing and canceling. What either
//! does is said first, with its price and its dates.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::PlanId;
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::plan::{AtEnd, Standing};
use engine::removal::Removal;
use engine::subscriptions::{Offer, PlanView};
use jiff::Timestamp;
use store::plans::Plan;

use super::both;
use crate::web::answer::{Done, html};
use crate::web::format::{self, counted};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Periods that the page shows.
const PERIODS: i64 = 24;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/billing/plan", get(show))
        .route("/billing/plan/cancel", get(ask_cancel).post(cancel))
        .route("/billing/plan/resume", post(resume))
        .route("/billing/plan/{id}", get(ask).post(choose))
}

/// A plan as it is written.
pub(super) struct Terms {
    id: PlanId,
    pub(super) name: String,
    price: String,
    credits: String,
    rate: String,
    numbers: String,
    trial: Option<String>,
    /// Whether it is the one that runs.
    runs: bool,
    /// Whether it is the one that follows.
    follows: bool,
}

impl Terms {
    fn of(plan: &Plan) -> Self {
        let terms = plan.terms;
        Self {
            id: plan.id,
            name: plan.name.clone(),
            price: format::money(terms.price),
            credits: counted(terms.credits, "credit", "credits"),
            rate: format::money(terms.rate),
            numbers: terms.numbers.map_or_else(
                || "as many numbers as you like".to_owned(),
                |numbers| counted(numbers, "number", "numbers"),
            ),
            trial: (terms.trial_days > 0).then(|| counted(terms.trial_days, "day", "days")),
            runs: false,
            follows: false,
        }
    }
}

/// Where a workspace stands, in words.
pub(super) struct Stands {
    /// The plan's name.
    pub(super) name: String,
    /// Such as `Paid until December 24, 2026.`
    pub(super) line: String,
    /// Whether somebody should do something.
    pub(super) needs: bool,
}

/// A day on the workspace's calendar: a period is over when the day begins.
fn day(at: Timestamp, viewer: &Viewer) -> String {
    viewer.home.local(at).strftime("%B %-d, %Y").to_string()
}

/// Where the workspace stands; nothing where it is served without a plan.
pub(super) fn stands(view: &PlanView, viewer: &Viewer) -> Option<Stands> {
    let (plan, course) = (view.plan.as_ref()?, view.course?);
    let until = day(course.period.until, viewer);
    let then = match &view.next {
        Some(next) => format!("{} at {} a month", next.name, format::money(next.terms.price)),
        None => format!("{} for the next month", format::money(plan.terms.price)),
    };
    let owed = view.ending.and_then(|ending| ending.owed).map(format::money).unwrap_or_default();
    let line = match (course.standing, course.at_end) {
        (Standing::Trialing, AtEnd::Renew) => format!("Trial until {until}, then {then}."),
        (Standing::Active, AtEnd::Renew) => format!("Paid until {until}, then {then}."),
        (Standing::Trialing | Standing::Active, AtEnd::End) => {
            format!("Canceled: it ends on {until}. What runs then is ended, and what was not sent comes back.")
        }
        (Standing::PastDue { until }, _) => {
            let until = day(until, viewer);
            format!("{owed} is owed. It is taken from your next top-up; without it the plan ends on {until}.")
        }
        (Standing::Closing, _) => "It has ended, and what ran is being ended.".to_owned(),
        (Standing::Ended, _) => "It has ended: nothing is sent.".to_owned(),
    };
    Some(Stands { name: plan.name.clone(), line, needs: view.ending.is_some() || !view.serves })
}

/// A period as it is written.
struct Row {
    what: String,
    from: String,
    until: String,
    price: String,
    credits: String,
    paid: bool,
}

#[derive(Template)]
#[template(path = "billing/plan.html")]
struct PlanPage<'v> {
    frame: Frame<'v>,
    stands: Option<Stands>,
    plans: Vec<Terms>,
    periods: Vec<Row>,
    may_pay: bool,
    may_cancel: bool,
    may_resume: bool,
    /// Whether a plan may be chosen now.
    may_choose: bool,
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let (engine, actor) = (&parts.engine, &viewer.actor);
    let view = engine.subscription(actor).await?;
    let periods = engine.plan_periods(actor, None, PERIODS).await?;
    let serves = view.course.is_some_and(|course| course.standing.serves());
    let ends = view.course.is_some_and(|course| course.at_end == AtEnd::End);
    let owes = view.course.is_some_and(|course| matches!(course.standing, Standing::PastDue { .. }));
    let closing = view.course.is_some_and(|course| course.standing == Standing::Closing);
    let mut plans: Vec<Terms> = engine.offered_plans(actor).await?.iter().map(Terms::of).collect();
    for plan in &mut plans {
        plan.runs = serves && view.plan.as_ref().is_some_and(|running| running.id == plan.id);
        plan.follows = view.next.as_ref().is_some_and(|next| next.id == plan.id);
    }
    let row = |row: &store::subscriptions::PeriodRow| Row {
        what: if row.period.number == 0 { "Trial".to_owned() } else { format!("Month {}", row.period.number) },
        from: day(row.period.from, &viewer),
        until: day(row.period.until, &viewer),
        price: format::money(row.price),
        credits: format::count(row.credits),
        paid: row.paid_at.is_some(),
    };
    let may_pay = viewer.may("billing:write");
    Ok(html(&PlanPage {
        stands: stands(&view, &viewer),
        plans,
        periods: periods.iter().map(row).collect(),
        may_pay,
        may_cancel: may_pay && serves && (!ends || owes),
        may_resume: may_pay && serves && ends && !owes,
        may_choose: may_pay && !owes && !closing,
        frame: Frame::new("Plan", Section::Billing, &viewer),
    }))
}

#[derive(Template)]
#[template(path = "billing/choose-plan.html")]
struct ChoosePage<'v> {
    frame: Frame<'v>,
    plan: Terms,
    /// When its first period begins: `now`, or a day.
    now: bool,
    from: String,
    until: String,
    trial: bool,
    charge: String,
    wallet: String,
    after: String,
    /// What is missing for it.
    lacks: Option<String>,
    /// The credits that end with what runs now.
    left: Option<String>,
    demo: bool,
}

async fn ask(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<PlanId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::BillingWrite)?;
    let Offer { plan, first, now, charge, lacks } = parts.engine.plan_offer(&viewer.actor, id).await?;
    let balances = parts.engine.balances(&viewer.actor).await?;
    Ok(html(&ChoosePage {
        now,
        from: day(first.from, &viewer),
        until: day(first.until, &viewer),
        trial: first.number == 0,
        charge: format::money(charge),
        wallet: format::money(balances.wallet),
        after: format::money(Micros((balances.wallet.0 - charge.0).max(0))),
        lacks: (lacks > Micros::ZERO).then(|| format::money(lacks)),
        left: (balances.credits > 0).then(|| counted(balances.credits, "credit", "credits")),
        plan: Terms::of(&plan),
        demo: viewer.demo,
        frame: Frame::new(format!("Choose {}", plan.name), Section::Billing, &viewer),
    }))
}

async fn choose(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<PlanId>) -> Result<Response, Wrong> {
    let view = parts.engine.choose_plan(&viewer.actor, id).await?;
    let said = match (&view.next, &view.plan, view.course) {
        (Some(next), _, Some(course)) => format!("{} begins on {}", next.name, day(course.period.until, &viewer)),
        (_, Some(plan), Some(course)) => format!("{} runs until {}", plan.name, day(course.period.until, &viewer)),
        _ => "The plan is chosen".to_owned(),
    };
    Ok(Done::to("/billing/plan").saying(said).into_response())
}

#[derive(Template)]
#[template(path = "billing/cancel-plan.html")]
struct CancelPage<'v> {
    frame: Frame<'v>,
    name: String,
    /// When it ends; nothing for at once.
    ends: Option<String>,
    held: String,
    credits: String,
    wallet: String,
}

async fn ask_cancel(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::BillingWrite)?;
    let view = parts.engine.subscription(&viewer.actor).await?;
    let running = view.plan.zip(view.course).filter(|(_, course)| course.standing.serves());
    let (plan, course) = running.ok_or_else(|| Wrong::not_found("a plan that runs"))?;
    let balances = parts.engine.balances(&viewer.actor).await?;
    let owes = matches!(course.standing, Standing::PastDue { .. });
    Ok(html(&CancelPage {
        name: plan.name,
        ends: (!owes).then(|| day(course.period.until, &viewer)),
        held: both(Amounts { credits: balances.held_credits, micros: balances.held_micros }),
        credits: counted(balances.credits, "credit", "credits"),
        wallet: format::money(balances.wallet),
        frame: Frame::new("Cancel the plan", Section::Billing, &viewer),
    }))
}

async fn cancel(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let Removal { contacts, refunded } = parts.engine.cancel_plan(&viewer.actor).await?;
    let view = parts.engine.subscription(&viewer.actor).await?;
    let said = match view.ending {
        Some(ending) => format!("The plan ends on {}", day(ending.at, &viewer)),
        None if contacts == 0 => "The plan has ended".to_owned(),
        None => {
            let left = counted(contacts, "contact was", "contacts were");
            format!("The plan has ended: {left} removed from workflows, {} came back", both(refunded))
        }
    };
    Ok(Done::to("/billing/plan").saying(said).into_response())
}

async fn resume(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let view = parts.engine.resume_plan(&viewer.actor).await?;
    let until = view.course.map(|course| day(course.period.until, &viewer)).unwrap_or_default();
    Ok(Done::to("/billing/plan").saying(format!("The plan goes on after {until}")).into_response())
}
