//! `/billing`: what the workspace has, and its statement by day.

mod card;
mod charges;
mod days;
mod months;
mod notice;
mod payments;
mod plan;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::{ContactId, WorkflowId};
use domain::ledger::Amounts;
use domain::money::Micros;
use engine::billing::Slip;
use engine::statement::StatementDay;
use jiff::civil::Date;
use serde::Deserialize;

use super::answer::{Done, html};
use super::csv::Csv;
use super::fault::Fault;
use super::form::Form;
use super::format::{self, counted};
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::api::simulator::in_demo;
use crate::statement::words;
use crate::wiring::Parts;

/// Days on one page of the statement.
const DAYS: i64 = 30;
/// Days in the file.
const MOST_DAYS: i64 = 500;
/// What one press adds in the demo.
const DEMO_MONEY: Micros = Micros(25_000_000);

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/billing", get(show))
        .route("/billing/top-up", post(top_up))
        .route("/billing/statement.csv", get(file))
        .merge(days::routes())
        .merge(months::routes())
        .merge(charges::routes())
        .merge(payments::routes())
        .merge(card::routes())
        .merge(notice::routes())
        .merge(plan::routes())
}

/// A day as it is written.
struct Day {
    date: Date,
    name: String,
    /// Such as `12 contacts added, 84 segments`.
    what: Vec<String>,
    charged: String,
    back: String,
    paid: String,
    after: String,
}

#[derive(Template)]
#[template(path = "billing.html")]
struct BillingPage<'v> {
    frame: Frame<'v>,
    credits: String,
    wallet: String,
    held: String,
    rate: String,
    plan_active: bool,
    /// Where it stands with its plan; nothing where it has none.
    plan: Option<plan::Stands>,
    /// Whether there is a plan to choose.
    offers: bool,
    low: Option<String>,
    /// Below which balance the workspace is told, in a sentence.
    told: String,
    /// What was paid by card; nothing where nobody takes cards.
    cards: Option<payments::Cards>,
    typed: payments::New,
    fault: Fault,
    days: Vec<Day>,
    /// Whether these are the newest days.
    newest: bool,
    next: Option<Date>,
    may_pay: bool,
    may_export: bool,
    /// The months of which there are statements, the newest first: for programs and for people.
    months: Vec<(String, String)>,
    demo: bool,
    workspace: String,
    /// Who was to be added to which workflow when the money did not do.
    pending: Option<(ContactId, WorkflowId)>,
    preview: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    before: Option<Date>,
    /// Who was to be added to which workflow when the money did not do.
    contact: Option<ContactId>,
    workflow: Option<WorkflowId>,
}

impl Asked {
    /// The preview to which whoever tops up goes back.
    fn preview(&self) -> Option<String> {
        Some(format!("/enroll?contact={}&workflow={}", self.contact?, self.workflow?))
    }
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, &asked, (payments::New::default(), Fault::default())).await?))
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    asked: &Asked,
    (typed, fault): (payments::New, Fault),
) -> Result<BillingPage<'v>, Wrong> {
    let (engine, actor) = (&parts.engine, &viewer.actor);
    let balances = engine.balances(actor).await?;
    let page = engine.statement(actor, asked.before, DAYS).await?;
    let months = engine.statement_months(actor).await?;
    let row = engine.workspace(actor).await?.workspace;
    let low = engine.needs(actor).await?.low.map(|low| {
        let covers = counted(low.covers, "more segment", "more segments");
        format!("This covers {covers}; the last seven days took {}.", format::count(low.week))
    });
    Ok(BillingPage {
        credits: format::count(balances.credits),
        wallet: format::money(balances.wallet),
        held: both(Amounts { credits: balances.held_credits, micros: balances.held_micros }),
        rate: format::money(row.rate),
        plan_active: row.plan == "active",
        offers: !engine.offered_plans(actor).await?.is_empty(),
        plan: plan::stands(&engine.subscription(actor).await?, viewer),
        low,
        told: notice::line(parts, &engine.balance_notice(actor).await?),
        cards: payments::cards(parts, viewer).await?,
        typed,
        fault,
        days: page.days.iter().map(day).collect(),
        newest: asked.before.is_none(),
        next: page.next,
        may_pay: viewer.may("billing:write"),
        may_export: viewer.may("export"),
        months: months.iter().map(|month| (month.to_string(), month.name())).collect(),
        demo: viewer.demo,
        workspace: row.name,
        pending: asked.contact.zip(asked.workflow),
        preview: asked.preview(),
        frame: Frame::new("Billing", Section::Billing, viewer),
    })
}

/// The demo's money. Outside of the demo the operator posts payments.
async fn top_up(State(parts): State<Parts>, viewer: Viewer, Form(asked): Form<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::BillingWrite)?;
    in_demo(&parts)?;
    let slip = Slip { note: "demo".to_owned(), idempotency_key: None };
    parts.engine.top_up(viewer.actor.workspace(), DEMO_MONEY, slip).await?;
    let next = asked.preview().unwrap_or_else(|| "/billing".to_owned());
    Ok(Done::to(next).saying(format!("{} of demo money added", format::money(DEMO_MONEY))).into_response())
}

async fn file(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Export)?;
    let page = parts.engine.statement(&viewer.actor, None, MOST_DAYS).await?;
    let mut file = Csv::new(&[
        "date",
        "contacts added",
        "segments",
        "credits charged",
        "charged USD",
        "messages by hand",
        "credits by hand",
        "by hand USD",
        "refunds",
        "credits back",
        "back USD",
        "credits in",
        "paid in USD",
        "credits out",
        "paid out USD",
        "disputed USD",
        "dispute returned USD",
        "credits of the plan",
        "plan USD",
        "credits ended",
        "credits after",
        "wallet after USD",
    ]);
    for day in page.days {
        let mut cells = vec![day.date.to_string(), day.added.to_string(), day.added_segments.to_string()];
        pair(&mut cells, day.charged);
        cells.push(day.manual.to_string());
        pair(&mut cells, day.manual_charged);
        cells.push(day.refunds.to_string());
        for amounts in [day.refunded, day.paid_in, day.paid_out] {
            pair(&mut cells, amounts);
        }
        cells.extend([dollars(day.disputed.micros), dollars(day.dispute_returned.micros)]);
        pair(&mut cells, Amounts { credits: day.granted.credits, micros: day.fees.micros });
        cells.push(day.expired.credits.to_string());
        pair(&mut cells, day.after);
        file.row(&cells);
    }
    Ok(file.download("statement.csv"))
}

/// Credits and dollars as two cells.
fn pair(cells: &mut Vec<String>, amounts: Amounts) {
    cells.extend([amounts.credits.to_string(), dollars(amounts.micros)]);
}

fn dollars(micros: Micros) -> String {
    micros.to_string().replace('$', "")
}

fn day(day: &StatementDay) -> Day {
    let mut lines = day.lines();
    // What was done stands before what was paid.
    lines.sort_by_key(|line| line.count.is_none());
    let paid = signed("+", day.paid_in.plus(day.granted).plus(day.dispute_returned));
    let out = day.paid_out.plus(day.disputed).plus(day.fees).plus(day.expired);
    Day {
        date: day.date,
        name: day.date.strftime("%a, %b %-d, %Y").to_string(),
        what: lines.iter().map(|line| lowered(&words(line))).collect(),
        charged: signed("−", day.charged.plus(day.manual_charged)),
        back: signed("+", day.refunded),
        paid: if out.is_zero() { paid } else { format!("{paid} {}", signed("−", out)).trim_start().to_owned() },
        after: both(day.after),
    }
}

/// Words for the middle of a sentence.
fn lowered(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Credits and money: `12 credits, $1.26`, or the one that there is.
pub(super) fn both(amounts: Amounts) -> String {
    match (amounts.credits, amounts.micros) {
        (0, micros) => format::money(micros),
        (credits, Micros::ZERO) => counted(credits, "credit", "credits"),
        (credits, micros) => format!("{}, {}", counted(credits, "credit", "credits"), format::money(micros)),
    }
}

/// The same with a sign; nothing for nothing.
pub(super) fn signed(sign: &str, amounts: Amounts) -> String {
    if amounts.is_zero() { String::new() } else { format!("{sign}{}", both(amounts)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_name_what_they_are() {
        let amounts = |credits, micros| Amounts { credits, micros: Micros(micros) };
        assert_eq!(signed("−", amounts(0, 1_260_000)), "−$1.26");
        assert_eq!(signed("−", amounts(1, 0)), "−1 credit");
        assert_eq!(signed("+", amounts(3, 15_000)), "+3 credits, $0.015");
        assert_eq!(signed("+", Amounts::ZERO), "");
    }
}
