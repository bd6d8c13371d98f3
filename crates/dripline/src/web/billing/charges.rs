//! `/billing/charges/{id}`: what one enrollment took, message by message, and what became of it.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::enrollment::{EnrollmentState, total};
use domain::ids::{ContactId, EnrollmentId};
use domain::ledger::{Amounts, Reason};
use domain::money::Micros;
use engine::statement::Charge;
use store::ledger::Posted;
use store::{DbError, workflows};

use super::{both, signed};
use crate::web::answer::html;
use crate::web::enrollments::{Again, again, state};
use crate::web::format::{self, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/billing/charges/{id}", get(show))
}

/// One message of the workflow, sent or not.
struct Step {
    step: usize,
    segments: i64,
    price: String,
    /// What became of it.
    state: &'static str,
    at: Option<Moment>,
    body: String,
}

/// One movement.
struct Move {
    what: &'static str,
    about: String,
    amount: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "billing/charge.html")]
struct ChargePage<'v> {
    frame: Frame<'v>,
    contact: ContactId,
    name: String,
    workflow: String,
    started: Moment,
    state: String,
    again: Option<Again>,
    charged: String,
    back: String,
    cost: String,
    steps: Vec<Step>,
    moves: Vec<Move>,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<EnrollmentId>) -> Result<Response, Wrong> {
    let charge = parts.engine.charge(&viewer.actor, id).await?.ok_or_else(|| Wrong::not_found("the enrollment"))?;
    let (workspace, workflow) = (viewer.actor.workspace(), charge.enrollment.workflow);
    let flow = parts.engine.read::<_, DbError, _>(move |read| workflows::find(read, workspace, workflow)).await?;
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let charged = total(&charge.enrollment.prices);
    let back = back(&charge.moves);
    let cost = Amounts { credits: charged.credits - back.credits, micros: Micros(charged.micros.0 - back.micros.0) };
    Ok(html(&ChargePage {
        contact: charge.enrollment.contact,
        name: charge.contact.clone(),
        workflow: charge.workflow.clone(),
        started: moment(charge.enrollment.started_at),
        state: state(&charge.enrollment),
        again: if viewer.may("enroll") { again(&charge.enrollment, flow.as_ref()) } else { None },
        charged: both(charged),
        back: both(back),
        cost: both(cost),
        steps: steps(&charge, &viewer),
        moves: charge.moves.iter().map(|row| move_of(row, &viewer)).collect(),
        frame: Frame::new(format!("Billing, {}", charge.contact), Section::Billing, &viewer),
    }))
}

fn steps(charge: &Charge, viewer: &Viewer) -> Vec<Step> {
    let running = charge.enrollment.state == EnrollmentState::Active;
    let step = |(place, price): (usize, &domain::enrollment::StepPrice)| {
        let text = charge.texts.iter().find(|text| usize::from(text.step) == place + 1);
        let unsent = if running { "to come" } else { "not sent" };
        Step {
            step: place + 1,
            segments: i64::from(price.segments),
            price: both(price.amounts()),
            state: text.map_or(unsent, |text| text.state.word()),
            at: text.map(|text| format::moment(text.sent_at.unwrap_or(text.state_at), viewer.now, &viewer.zone)),
            body: text.map(|text| text.body.clone()).unwrap_or_default(),
        }
    };
    let before = usize::from(charge.enrollment.first_step() - 1);
    charge.enrollment.prices.iter().enumerate().skip(before).map(step).collect()
}

fn amounts(row: &Posted) -> Amounts {
    match row.unit.as_str() {
        "segments" => Amounts { credits: row.amount, micros: Micros::ZERO },
        _ => Amounts { credits: 0, micros: Micros(row.amount) },
    }
}

fn back(moves: &[Posted]) -> Amounts {
    let back = moves.iter().filter(|row| {
        let reason = Reason::from_word(&row.reason);
        reason.is_some_and(|reason| reason.accounts().1 == domain::ledger::Account::Available)
    });
    back.fold(Amounts::ZERO, |sum, row| sum.plus(amounts(row)))
}

fn move_of(row: &Posted, viewer: &Viewer) -> Move {
    let (what, sign) = match Reason::from_word(&row.reason) {
        Some(Reason::Charge) => ("Charged in advance", "−"),
        Some(Reason::Earn) => ("Used by the message", ""),
        Some(Reason::Refund) => ("Refunded: never sent", "+"),
        Some(Reason::Return) => ("Returned: could not be sent", "+"),
        Some(Reason::Correction) => ("Corrected: the carrier counted fewer segments", "+"),
        Some(Reason::Reversal) => ("Returned: refused by the carrier", "+"),
        Some(Reason::TopUp) => ("Paid in", "+"),
        Some(Reason::Grant) => ("Credits of the plan", "+"),
        Some(Reason::Fee) => ("Price of the plan", "−"),
        Some(Reason::Expiry) => ("Credits ended with their period", "−"),
        Some(Reason::Withdrawal) => ("Paid out", "−"),
        Some(Reason::Dispute) => ("Held back by the bank: disputed", "−"),
        Some(Reason::DisputeWon) => ("Free again: the dispute was won", "+"),
        Some(Reason::Repayment) => ("Given back to the card", "−"),
        None => ("Moved", ""),
    };
    let about = if row.step > 0 { format!("message {}", row.step) } else { String::new() };
    let at = format::moment(row.at, viewer.now, &viewer.zone);
    Move { what, about, amount: signed(sign, amounts(row)), at }
}
