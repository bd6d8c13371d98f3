//! `/operator/workspaces/{id}`: one workspace from above: what it has, brings and did; money by hand, its plan, suspension.
//!
//! What is inside of it (contacts, texts) is its own people's: nothing of that is shown.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::{EventId, PlanId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::plan::{AtEnd, Standing};
use domain::tariff;
use domain::zones::Zone;
use engine::billing::{Adjustment, BillingError, Slip};
use engine::installation::DAYS;
use engine::subscriptions::{PlanView, SubscriptionError};
use engine::suspension::SuspensionError;
use engine::tariffs::Carried;
use engine::workspaces::SettingsChange;
use engine::{Actor, Settings, Switch};
use jiff::Timestamp;
use serde::Deserialize;
use store::events::{self, Event};
use store::{DbError, Read};

use super::rates::{country_name, name_of};
use super::{Console, cost, plan_of};
use crate::web::answer::{Done, html, refused};
use crate::web::billing::both;
use crate::web::fault::Fault;
use crate::web::form::{Form, whole};
use crate::web::format::{self, Moment, counted};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::story::Names;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Rows of the activity.
const ROWS: usize = 40;
/// The newest events that are looked through for them.
const LOOKED_THROUGH: i64 = 1_000;
/// What the kinds of those events begin with: what is done with the workspace, and nothing about its contacts.
const MATTERS: [&str; 11] = [
    "workspace.",
    "ledger.",
    "plan.",
    "payment.",
    "card.",
    "user.",
    "key.",
    "number.",
    "carrier.",
    "brand.",
    "campaign.",
];

/// What is posted by hand: its word, and how it is called.
const WAYS: [(&str, &str); 4] = [
    ("top_up", "Add money to the wallet"),
    ("withdrawal", "Take money from the wallet"),
    ("grant", "Add credits"),
    ("revocation", "Take credits back"),
];

fn address(id: WorkspaceId) -> String {
    format!("/operator/workspaces/{id}")
}

/// The form of a posting.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Posting {
    way: String,
    amount: String,
    note: String,
    /// Under which it is posted once, however often the form is sent.
    key: String,
}

/// What was typed into the forms of the page, and what is wrong with it.
#[derive(Default)]
struct Typed {
    posting: Posting,
    reason: String,
    fault: Fault,
}

struct Member {
    name: String,
    email: String,
    role: String,
    operator: bool,
}

struct Month {
    name: String,
    texts: String,
    segments: String,
    revenue: String,
    cost: String,
}

/// What went over a carrier to a country, or came from there.
struct Way {
    carrier: String,
    country: String,
    /// Sent or received.
    way: &'static str,
    texts: String,
    segments: String,
    cost: String,
}

impl Way {
    fn of(carried: &Carried) -> Self {
        Self {
            carrier: name_of(&carried.carrier),
            country: country_name(carried.country),
            way: if carried.way == tariff::Way::Out { "sent" } else { "received" },
            texts: format::count(carried.count.count),
            segments: format::count(carried.count.segments),
            cost: cost(&carried.cost),
        }
    }
}

struct Entry {
    at: Moment,
    text: String,
}

/// The plan of the workspace and what can be done about it.
struct PlanPart {
    name: String,
    needs: bool,
    /// Such as `Paid until December 24, 2026.`
    line: String,
    offered: Vec<(PlanId, String)>,
    /// Whether one runs.
    has_plan: bool,
    /// Whether it may be ended with its period.
    may_cancel: bool,
    /// Whether the workspace is served at all.
    serves: bool,
}

#[derive(Template)]
#[template(path = "operator/workspace.html")]
struct WorkspacePage<'v> {
    frame: Frame<'v>,
    id: WorkspaceId,
    name: String,
    zone: String,
    since: Moment,
    suspended: Option<(Moment, String)>,
    wallet: String,
    credits: String,
    held: String,
    rate: String,
    plan: PlanPart,
    refunds: bool,
    months: Vec<Month>,
    ways: Vec<Way>,
    days: i64,
    members: Vec<Member>,
    rows: Vec<Entry>,
    postings: [(&'static str, &'static str); 4],
    typed: Typed,
}

/// Where it stands, on its own calendar.
fn stands(view: &PlanView, zone: &Zone) -> String {
    let day = |at: Timestamp| zone.local(at).strftime("%B %-d, %Y").to_string();
    let Some(course) = view.course else {
        let line = if view.serves { "It is served as long as you like." } else { "Nothing is sent." };
        return line.to_owned();
    };
    let until = day(course.period.until);
    match (course.standing, course.at_end) {
        (Standing::Trialing, AtEnd::Renew) => format!("Trial until {until}."),
        (Standing::Active, AtEnd::Renew) => format!("Paid until {until}."),
        (Standing::Trialing | Standing::Active, AtEnd::End) => format!("Canceled: it ends on {until}."),
        (Standing::PastDue { until }, _) => format!("Its price is owed; without it, it ends on {}.", day(until)),
        (Standing::Closing, _) => "It has ended, and what ran is being ended.".to_owned(),
        (Standing::Ended, _) if view.serves => "It has ended; the workspace is served all the same.".to_owned(),
        (Standing::Ended, _) => "It has ended: nothing is sent.".to_owned(),
    }
}

/// The newest of what was done with the workspace.
fn look(read: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Event>, DbError> {
    let all = events::backwards(read, workspace, EventId(i64::MAX), LOOKED_THROUGH)?;
    let ours = all.into_iter().filter(|event| MATTERS.iter().any(|begin| event.kind.starts_with(begin)));
    Ok(ours.take(ROWS).collect())
}

async fn plan_part(parts: &Parts, actor: &Actor, zone: &Zone, of: (String, bool)) -> Result<PlanPart, Wrong> {
    let view = parts.engine.subscription(actor).await?;
    let offered = parts.engine.offered_plans(actor).await?.into_iter();
    let runs = |course: &domain::plan::Course| {
        matches!(course.standing, Standing::Trialing | Standing::Active) && course.at_end == AtEnd::Renew
    };
    Ok(PlanPart {
        name: format::capital(&of.0),
        needs: of.1,
        line: stands(&view, zone),
        offered: offered
            .map(|plan| (plan.id, format!("{} ({} a month)", plan.name, format::money(plan.terms.price))))
            .collect(),
        has_plan: view.course.as_ref().is_some_and(|course| course.standing.serves()),
        may_cancel: view.course.as_ref().is_some_and(runs),
        serves: view.serves,
    })
}

async fn page<'v>(
    parts: &Parts,
    console: &'v Console,
    id: WorkspaceId,
    typed: Typed,
) -> Result<WorkspacePage<'v>, Wrong> {
    let Console { viewer, operator } = console;
    let (engine, actor) = (&parts.engine, operator.within(id));
    let customer = engine.customer(operator, id).await?.ok_or_else(|| Wrong::not_found("the workspace"))?;
    let settings = engine.workspace(&actor).await?.settings;
    let balances = engine.balances(&actor).await?;
    let row = &customer.workspace;
    let zone = Zone::named(&row.zone).unwrap_or_else(|_| viewer.home.clone());
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let names = Names::load(parts, &actor).await?;
    let events = engine.read::<_, DbError, _>(move |read| look(read, id)).await?;
    let month = |(month, brought): (engine::statement::Month, engine::installation::Brought)| Month {
        name: month.name(),
        texts: format::count(brought.texts),
        segments: format::count(brought.segments),
        revenue: format::money(brought.revenue),
        cost: cost(&brought.cost),
    };
    let key = if typed.posting.key.is_empty() { engine::ids::secret() } else { typed.posting.key.clone() };
    Ok(WorkspacePage {
        frame: Frame::new(row.name.clone(), Section::Operator, viewer),
        id,
        name: row.name.clone(),
        zone: row.zone.clone(),
        since: moment(row.created_at),
        suspended: row.suspended.as_ref().map(|one| (moment(one.at), one.reason.clone())),
        wallet: format::money(balances.wallet),
        credits: format::count(balances.credits),
        held: both(Amounts { credits: balances.held_credits, micros: balances.held_micros }),
        rate: format::money(row.rate),
        plan: plan_part(parts, &actor, &zone, plan_of(&customer)).await?,
        refunds: settings.refund_refused == Switch::On,
        months: engine.brought(operator, id).await?.into_iter().map(month).collect(),
        ways: engine.carried(operator, id).await?.iter().map(Way::of).collect(),
        days: DAYS,
        members: engine.users(&actor).await?.into_iter().map(Member::of).collect(),
        rows: events.iter().map(|event| Entry { at: moment(event.at), text: names.tell_all(event).text }).collect(),
        postings: WAYS,
        typed: Typed { posting: Posting { key, ..typed.posting }, ..typed },
    })
}

impl Member {
    fn of(user: store::users::User) -> Self {
        Self { name: user.name, email: user.email, role: user.role, operator: user.operator_at.is_some() }
    }
}

/// The page again, with what is wrong with the plan.
async fn again(parts: &Parts, console: &Console, id: WorkspaceId, fault: Fault) -> Result<Response, Wrong> {
    let typed = Typed { fault, ..Typed::default() };
    Ok(refused(&page(parts, console, id, typed).await?))
}

pub(super) async fn show(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &console, id, Typed::default()).await?))
}

/// What is to be posted, and how it is told; else what is wrong.
fn read(posting: &Posting) -> Result<(Adjustment, String), Fault> {
    let money = || posting.amount.trim().parse::<Micros>().map_err(|error| Fault::at("amount", &error));
    let credits = || whole(&posting.amount).ok_or_else(|| Fault::says("amount", "This is not a whole number."));
    let told = |count| counted(count, "credit", "credits");
    Ok(match posting.way.as_str() {
        "top_up" => {
            money().map(|amount| (Adjustment::TopUp(amount), format!("{} was added", format::money(amount))))?
        }
        "withdrawal" => {
            money().map(|amount| (Adjustment::Withdrawal(amount), format!("{} was taken", format::money(amount))))?
        }
        "grant" => credits().map(|count| (Adjustment::Grant(count), format!("Added {}", told(count))))?,
        "revocation" => credits().map(|count| (Adjustment::Revocation(count), format!("Took {}", told(count))))?,
        _ => return Err(Fault::says("way", "Choose what to do.")),
    })
}

pub(super) async fn adjust(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
    Form(posting): Form<Posting>,
) -> Result<Response, Wrong> {
    let fault = match read(&posting) {
        Ok((what, said)) => {
            let slip = Slip { note: posting.note.clone(), idempotency_key: Some(posting.key.clone()) };
            match parts.engine.adjust(&console.operator, id, what, slip).await {
                Ok(_) => return Ok(Done::to(address(id)).saying(said).into_response()),
                Err(error @ BillingError::Note(_)) => Fault::at("note", &error),
                Err(
                    error @ (BillingError::Amount { .. } | BillingError::Credits { .. } | BillingError::Short { .. }),
                ) => Fault::at("amount", &error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(fault) => fault,
    };
    let typed = Typed { posting, fault, ..Typed::default() };
    Ok(refused(&page(&parts, &console, id, typed).await?))
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    plan: PlanId,
}

pub(super) async fn choose_plan(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Wrong> {
    match parts.engine.choose_plan(&console.operator.within(id), chosen.plan).await {
        Ok(view) => {
            let said = match (&view.next, &view.plan) {
                (Some(next), _) => format!("{} follows at the end of the period", next.name),
                (None, Some(plan)) => format!("{} runs", plan.name),
                (None, None) => "The plan is chosen".to_owned(),
            };
            Ok(Done::to(address(id)).saying(said).into_response())
        }
        Err(error @ (SubscriptionError::Forbidden(_) | SubscriptionError::Failure(_))) => Err(error.into()),
        Err(error) => again(&parts, &console, id, Fault::at("plan", &error)).await,
    }
}

/// How a plan ends, or that the workspace is served without one.
#[derive(Deserialize)]
pub(super) struct End {
    how: String,
}

pub(super) async fn end_plan(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
    Form(end): Form<End>,
) -> Result<Response, Wrong> {
    let engine = &parts.engine;
    let said = match end.how.as_str() {
        "now" => {
            let removal = engine.end_plan_now(&console.operator, id).await?;
            let left = counted(removal.contacts, "contact was", "contacts were");
            format!("The plan has ended: {left} taken out of workflows, {} came back", both(removal.refunded))
        }
        "serve" => {
            engine.serve_without_plan(&console.operator, id).await?;
            "It is served without a plan".to_owned()
        }
        _ => match engine.cancel_plan(&console.operator.within(id)).await {
            Ok(_) => "The plan ends with its period".to_owned(),
            Err(error @ SubscriptionError::None) => {
                return again(&parts, &console, id, Fault::at("plan", &error)).await;
            }
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Done::to(address(id)).saying(said).into_response())
}

#[derive(Deserialize)]
pub(super) struct Refunds {
    refunds: String,
}

pub(super) async fn set_refunds(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
    Form(form): Form<Refunds>,
) -> Result<Response, Wrong> {
    let actor = console.operator.within(id);
    let refund_refused = if form.refunds == "on" { Switch::On } else { Switch::Off };
    let settings = Settings { refund_refused, ..parts.engine.workspace(&actor).await?.settings };
    let change = SettingsChange { settings: Some(settings), ..SettingsChange::default() };
    parts.engine.change_settings(&actor, change).await?;
    let said = if refund_refused == Switch::On { "are refunded" } else { "are not refunded" };
    Ok(Done::to(address(id)).saying(format!("Texts that a carrier refuses for good {said}")).into_response())
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Reason {
    reason: String,
}

pub(super) async fn suspend(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
    Form(form): Form<Reason>,
) -> Result<Response, Wrong> {
    let done = parts.engine.suspend_workspace(&console.operator, id, &form.reason).await;
    reasoned(&parts, &console, id, form, done.map(|_| "It is suspended: it sends nothing")).await
}

pub(super) async fn resume(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<WorkspaceId>,
    Form(form): Form<Reason>,
) -> Result<Response, Wrong> {
    let done = parts.engine.resume_workspace(&console.operator, id, &form.reason).await;
    reasoned(&parts, &console, id, form, done.map(|()| "It goes on")).await
}

async fn reasoned(
    parts: &Parts,
    console: &Console,
    id: WorkspaceId,
    form: Reason,
    done: Result<&'static str, SuspensionError>,
) -> Result<Response, Wrong> {
    match done {
        Ok(said) => Ok(Done::to(address(id)).saying(said).into_response()),
        Err(error @ SuspensionError::Reason(_)) => {
            let typed = Typed { reason: form.reason, fault: Fault::at("reason", &error), ..Typed::default() };
            Ok(refused(&page(parts, console, id, typed).await?))
        }
        Err(error) => Err(error.into()),
    }
}
