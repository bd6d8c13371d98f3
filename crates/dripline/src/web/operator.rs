//! `/operator`: the installation for whoever runs it: how it does, and all its workspaces. For everybody else it does not exist.

mod acts;
mod plans;
mod rates;
mod workspaces;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts as Head;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use domain::ids::WorkspaceId;
use domain::money::Micros;
use domain::plan::Standing;
use engine::Operator;
use engine::installation::{DAYS, Health, Line};
use engine::tariffs::Cost;
use serde::Deserialize;
use store::installation::Customer;

use super::answer::html;
use super::format::{self, counted};
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// How long due work may wait before the page says so loudly, in seconds.
const LATE: i64 = 120;

/// An address, and who answers there.
type Route = (&'static str, fn() -> MethodRouter<Parts>);

/// Every address below `/operator`: a test asks for each as somebody who is no operator.
pub(crate) const ROUTES: &[Route] = &[
    ("/operator", || get(show)),
    ("/operator/acts", || get(acts::show)),
    ("/operator/plans", || get(plans::show).post(plans::add)),
    ("/operator/plans/{id}/withdraw", || post(plans::withdraw)),
    ("/operator/plans/{id}/offer", || post(plans::offer)),
    ("/operator/rates", || get(rates::show).post(rates::set)),
    ("/operator/rates/remove", || post(rates::remove)),
    ("/operator/workspaces/{id}", || get(workspaces::show)),
    ("/operator/workspaces/{id}/adjust", || post(workspaces::adjust)),
    ("/operator/workspaces/{id}/plan", || post(workspaces::choose_plan)),
    ("/operator/workspaces/{id}/plan/end", || post(workspaces::end_plan)),
    ("/operator/workspaces/{id}/refunds", || post(workspaces::set_refunds)),
    ("/operator/workspaces/{id}/suspend", || post(workspaces::suspend)),
    ("/operator/workspaces/{id}/resume", || post(workspaces::resume)),
];

pub(super) fn routes(parts: &Parts) -> Router<Parts> {
    let router = ROUTES.iter().fold(Router::new(), |router, (address, handlers)| router.route(address, handlers()));
    router.route_layer(from_fn_with_state(parts.clone(), operators_only))
}

/// An operator at a page. There is none but of a session that [`operators_only`] has looked at.
#[derive(Debug, Clone)]
pub(super) struct Console {
    pub(super) viewer: Viewer,
    pub(super) operator: Operator,
}

impl FromRequestParts<Parts> for Console {
    type Rejection = Wrong;

    async fn from_request_parts(head: &mut Head, _: &Parts) -> Result<Self, Wrong> {
        head.extensions.get::<Self>().cloned().ok_or_else(|| Wrong::not_found("this page"))
    }
}

/// Answers as if nothing were there, whatever the method, to whoever is signed in and no operator.
async fn operators_only(State(parts): State<Parts>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let viewer = match Viewer::from_request_parts(&mut head, &parts).await {
        Ok(viewer) => viewer,
        Err(wrong) => return wrong.into_response(),
    };
    let Some(operator) = viewer.presence.operator.clone() else {
        return Wrong::not_found("this page").into_response();
    };
    head.extensions.insert(Console { viewer, operator });
    next.run(Request::from_parts(head, body)).await
}

/// Something of the installation's health.
struct Sign {
    name: &'static str,
    value: String,
    about: String,
    bad: bool,
}

fn signs(health: &Health, viewer: &Viewer) -> Vec<Sign> {
    let ago = |at| format::ago(at, viewer.now);
    let waits = health.backlog.oldest.map(|at| viewer.now.duration_since(at).as_secs()).unwrap_or(0);
    let due = health.backlog.oldest.map_or_else(
        || "nothing is due".to_owned(),
        |at| format!("{}; the oldest since {}", counted(health.backlog.workspaces, "workspace", "workspaces"), ago(at)),
    );
    let lag = if waits < 60 { "< 1 minute".to_owned() } else { counted(waits / 60, "minute", "minutes") };
    let lost = health.failed + health.undelivered;
    let faults = health.checked.ledger_faults + health.checked.history_faults;
    let checked =
        health.checked.oldest.map_or_else(|| "no check yet".to_owned(), |at| format!("the oldest check: {}", ago(at)));
    vec![
        Sign { name: "Due work waits", value: lag, about: due, bad: waits >= LATE },
        Sign {
            name: "Texts in doubt",
            value: format::count(health.backlog.in_doubt),
            about: "nobody knows whether they were sent".to_owned(),
            bad: health.backlog.in_doubt > 0,
        },
        Sign {
            name: "Sent, yesterday and today",
            value: format::count(health.sent),
            about: format!(
                "{} not sent, {} not delivered",
                format::count(health.failed),
                format::count(health.undelivered)
            ),
            bad: lost * 10 > health.sent.max(10),
        },
        Sign { name: "Faults in books and history", value: format::count(faults), about: checked, bad: faults > 0 },
    ]
}

/// A workspace's plan in a few words, and whether it is not served.
fn plan_of(customer: &Customer) -> (String, bool) {
    let served = customer.workspace.plan == "active";
    let standing = match customer.standing {
        Some(Standing::Trialing) => ", on trial",
        Some(Standing::PastDue { .. }) => ", past due",
        Some(Standing::Closing | Standing::Ended) => ", ended",
        Some(Standing::Active) | None => "",
    };
    let name = match (&customer.plan, served) {
        (Some(name), true) if standing == ", ended" => return (format!("served without a plan; had {name}"), false),
        (Some(name), _) => format!("{name}{standing}"),
        (None, true) => "served without a plan".to_owned(),
        (None, false) => "not served".to_owned(),
    };
    (name, !served || matches!(customer.standing, Some(Standing::PastDue { .. })))
}

/// What carriers took; that it is not all of it where rates are missing.
fn cost(of: &Cost) -> String {
    match (of.micros, of.unpriced) {
        (Micros::ZERO, 1..) => "no rate".to_owned(),
        (micros, 1..) => format!("{} or more", format::money(micros)),
        (micros, _) => format::money(micros),
    }
}

/// A workspace as a row.
struct Row {
    id: WorkspaceId,
    name: String,
    plan: String,
    /// Whether its plan needs somebody.
    needs: bool,
    suspended: Option<String>,
    wallet: String,
    credits: String,
    texts: String,
    revenue: String,
    cost: String,
}

impl Row {
    fn of(line: &Line) -> Self {
        let (plan, needs) = plan_of(&line.customer);
        let row = &line.customer.workspace;
        Self {
            id: row.id,
            name: row.name.clone(),
            plan,
            needs,
            suspended: row.suspended.as_ref().map(|suspended| suspended.reason.clone()),
            wallet: format::money(line.wallet),
            credits: format::count(line.credits),
            texts: format::count(line.brought.texts),
            revenue: format::money(line.brought.revenue),
            cost: cost(&line.brought.cost),
        }
    }
}

#[derive(Template)]
#[template(path = "operator.html")]
struct OperatorPage<'v> {
    frame: Frame<'v>,
    signs: Vec<Sign>,
    rows: Vec<Row>,
    /// What was looked for.
    q: String,
    /// Whether this is the first page.
    newest: bool,
    next: Option<WorkspaceId>,
    days: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    q: String,
    before: Option<WorkspaceId>,
}

async fn show(State(parts): State<Parts>, console: Console, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let Console { viewer, operator } = &console;
    let health = parts.engine.health(operator).await?;
    let page = parts.engine.customers(operator, &asked.q, asked.before).await?;
    Ok(html(&OperatorPage {
        frame: Frame::new("Installation", Section::Operator, viewer),
        signs: signs(&health, viewer),
        rows: page.lines.iter().map(Row::of).collect(),
        q: asked.q,
        newest: asked.before.is_none(),
        next: page.next,
        days: DAYS,
    }))
}
