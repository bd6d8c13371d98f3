//! `/operator/plans`: what is offered to workspaces: added, withdrawn, offered again. Terms never change.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::PlanId;
use domain::money::Micros;
use domain::plan::Terms;
use engine::plans::{NewPlan, PlanError};
use serde::Deserialize;
use store::plans::Plan;

use super::Console;
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::{Form, whole};
use crate::web::format::{self, counted};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/operator/plans";

/// A plan as it is written.
struct Row {
    id: PlanId,
    name: String,
    offered: bool,
    price: String,
    credits: String,
    rate: String,
    numbers: String,
    trial: String,
    grace: String,
}

impl Row {
    fn of(plan: &Plan) -> Self {
        let terms = plan.terms;
        Self {
            id: plan.id,
            name: plan.name.clone(),
            offered: plan.state == "offered",
            price: format::money(terms.price),
            credits: format::count(terms.credits),
            rate: format::money(terms.rate),
            numbers: terms.numbers.map_or_else(|| "any".to_owned(), format::count),
            trial: if terms.trial_days == 0 { "none".to_owned() } else { counted(terms.trial_days, "day", "days") },
            grace: counted(terms.grace_days, "day", "days"),
        }
    }
}

/// What was typed.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    name: String,
    price: String,
    credits: String,
    rate: String,
    numbers: String,
    trial_days: String,
    grace_days: String,
}

impl Default for Typed {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            name: String::new(),
            price: String::new(),
            credits: text("0"),
            rate: text("0.015"),
            numbers: String::new(),
            trial_days: text("0"),
            grace_days: text("7"),
        }
    }
}

/// What was typed, as terms; else the field that cannot be read.
fn terms(typed: &Typed) -> Result<Terms, Fault> {
    let money = |field, text: &str| text.trim().parse::<Micros>().map_err(|error| Fault::at(field, &error));
    let count = |field, text: &str| whole(text).ok_or_else(|| Fault::says(field, "This is not a whole number."));
    Ok(Terms {
        price: money("price", &typed.price)?,
        credits: count("credits", &typed.credits)?,
        rate: money("rate", &typed.rate)?,
        numbers: if typed.numbers.trim().is_empty() { None } else { Some(count("numbers", &typed.numbers)?) },
        trial_days: count("trial_days", &typed.trial_days)?,
        grace_days: count("grace_days", &typed.grace_days)?,
    })
}

#[derive(Template)]
#[template(path = "operator/plans.html")]
struct PlansPage<'v> {
    frame: Frame<'v>,
    rows: Vec<Row>,
    typed: Typed,
    fault: Fault,
}

async fn page<'v>(parts: &Parts, console: &'v Console, (typed, fault): (Typed, Fault)) -> Result<PlansPage<'v>, Wrong> {
    let rows = parts.engine.plans().await?.iter().map(Row::of).collect();
    Ok(PlansPage { frame: Frame::new("Plans", Section::Operator, &console.viewer), rows, typed, fault })
}

pub(super) async fn show(State(parts): State<Parts>, console: Console) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &console, Default::default()).await?))
}

pub(super) async fn add(
    State(parts): State<Parts>,
    console: Console,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    let fault = match terms(&typed) {
        Ok(terms) => {
            match parts.engine.add_plan(&console.operator, NewPlan { name: typed.name.clone(), terms }).await {
                Ok(plan) => return Ok(Done::to(HERE).saying(format!("{} is offered", plan.name)).into_response()),
                Err(error @ PlanError::Terms(_)) => Fault::at("price", &error),
                Err(error @ (PlanError::Name(_) | PlanError::NameTaken { .. } | PlanError::TooMany)) => {
                    Fault::at("name", &error)
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(fault) => fault,
    };
    Ok(refused(&page(&parts, &console, (typed, fault)).await?))
}

pub(super) async fn withdraw(
    State(parts): State<Parts>,
    console: Console,
    Id(id): Id<PlanId>,
) -> Result<Response, Wrong> {
    let plan = parts.engine.withdraw_plan(&console.operator, id).await?;
    Ok(Done::to(HERE).saying(format!("{} is offered no more; who has it keeps it", plan.name)).into_response())
}

pub(super) async fn offer(State(parts): State<Parts>, console: Console, Id(id): Id<PlanId>) -> Result<Response, Wrong> {
    let plan = parts.engine.offer_plan(&console.operator, id).await?;
    Ok(Done::to(HERE).saying(format!("{} is offered again", plan.name)).into_response())
}
