//! `/workflows`: all workflows in the workspace's order, with their figures; ordering and copying them.

mod draft;
mod edit;
mod ends;
mod one;
mod written;

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::WorkflowId;
use engine::figures::Figures;
use engine::workflows::WorkflowSummary;
use serde::Deserialize;

use super::answer::{Done, html};
use super::enrollments::amounts;
use super::form::Form;
use super::format::count;
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/workflows", get(show))
        .route("/workflows/order", post(order))
        .route("/workflows/{id}/duplicate", post(duplicate))
        .merge(edit::routes())
        .merge(ends::routes())
        .merge(one::routes())
}

/// A workflow in the table.
struct Row {
    id: WorkflowId,
    name: String,
    active: String,
    is_active: bool,
    days: String,
    messages: i64,
    sent: String,
    replies: String,
    rate: String,
    cost: String,
}

impl Row {
    fn of(summary: &WorkflowSummary, figures: &HashMap<WorkflowId, Figures>) -> Self {
        let figures = figures.get(&summary.workflow.id).copied().unwrap_or_default();
        Self {
            id: summary.workflow.id,
            name: summary.workflow.name.clone(),
            active: count(summary.active_contacts),
            is_active: summary.active_contacts > 0,
            days: count(summary.total_days),
            messages: summary.messages,
            sent: count(figures.sent),
            replies: count(figures.replied),
            rate: figures.reply_rate().map(percent).unwrap_or_default(),
            cost: if figures.cost.is_zero() { String::new() } else { amounts(figures.cost) },
        }
    }
}

/// A share in hundredths of a percent: `12.5 %`.
fn percent(share: i64) -> String {
    format!("{}.{} %", share / 100, share % 100 / 10)
}

#[derive(Template)]
#[template(path = "workflows.html")]
struct WorkflowsPage<'v> {
    frame: Frame<'v>,
    rows: Vec<Row>,
    search: String,
    may_write: bool,
    /// Only the whole list can be put into an order.
    may_order: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    q: String,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let all = parts.engine.workflows(&viewer.actor).await?;
    let figures = parts.engine.workflow_figures(&viewer.actor).await?;
    let holds = asked.q.trim().to_lowercase();
    let fits = all.iter().filter(|one| one.workflow.name.to_lowercase().contains(&holds));
    let rows = fits.map(|summary| Row::of(summary, &figures)).collect();
    let may_write = viewer.may("workflows:write");
    let frame = Frame::new("Workflows", Section::Workflows, &viewer);
    let may_order = may_write && holds.is_empty() && all.len() > 1;
    Ok(html(&WorkflowsPage { frame, rows, search: asked.q, may_write, may_order }))
}

/// The table as it stands, and the one that a press moves by a place.
#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    workflow: Vec<WorkflowId>,
    up: Option<WorkflowId>,
    down: Option<WorkflowId>,
}

async fn order(State(parts): State<Parts>, viewer: Viewer, Form(order): Form<Order>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let mut ids = order.workflow;
    let place = |id: Option<WorkflowId>| ids.iter().position(|one| Some(*one) == id);
    match (place(order.up), place(order.down)) {
        (Some(place), _) if place > 0 => ids.swap(place, place - 1),
        (_, Some(place)) if place + 1 < ids.len() => ids.swap(place, place + 1),
        _ => {}
    }
    parts.engine.order_workflows(&viewer.actor, &ids).await?;
    Ok(Done::here().into_response())
}

async fn duplicate(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<WorkflowId>) -> Result<Response, Wrong> {
    let copy = parts.engine.duplicate_workflow(&viewer.actor, id).await?.summary.workflow;
    let text = format!("“{}” is a copy that nobody is in: edit it freely", copy.name);
    Ok(Done::to(format!("/workflows/{}/edit", copy.id)).saying(text).into_response())
}
