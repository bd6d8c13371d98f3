//! `/billing/payments`: the way to the payment provider's page and back, and what was paid by card.
//!
//! A form of ours leads to no other site (`web/answer.rs`), not even by a redirect; so the answer to it is a page that goes on by itself
//! and has a link for browsers that do not.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::REFRESH;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::PaymentId;
use domain::money::Micros;
use domain::payment::{Kind, LEAST, State as Stands, Verdict};
use engine::payments::PaymentError;
use serde::Deserialize;
use store::payments::Payment;

use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Payments that the page shows.
const SHOWN: i64 = 12;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/billing/payments", post(begin)).route("/billing/payments/{id}", get(back))
}

/// What the page says of payments by card.
pub(super) struct Cards {
    /// The smallest payment, in dollars.
    pub(super) least: String,
    pub(super) payments: Vec<Row>,
    /// What is owed of payments that were disputed or given back.
    pub(super) owed: Option<String>,
    /// The card that is kept.
    pub(super) kept: Option<super::card::Kept>,
}

/// A payment as it is written.
pub(super) struct Row {
    pub(super) id: PaymentId,
    pub(super) at: Moment,
    pub(super) amount: String,
    pub(super) what: &'static str,
    pub(super) state: String,
    /// Whether it is bad news.
    pub(super) bad: bool,
    /// Whether it may still be paid.
    pub(super) open: bool,
    pub(super) receipt: Option<String>,
}

/// Nothing where nobody takes cards and nobody ever did.
pub(super) async fn cards(parts: &Parts, viewer: &Viewer) -> Result<Option<Cards>, Wrong> {
    if !parts.engine.takes_cards() {
        return Ok(None);
    }
    let payments = parts.engine.payments(&viewer.actor, None, SHOWN).await?;
    let owed = parts.engine.owed_of_payments(&viewer.actor).await?;
    Ok(Some(Cards {
        least: LEAST.to_string().replace('$', ""),
        payments: payments.iter().map(|row| shown(row, viewer)).collect(),
        kept: super::card::kept(parts, viewer).await?,
        owed: (owed > Micros::ZERO).then(|| format::money(owed)),
    }))
}

fn shown(row: &Payment, viewer: &Viewer) -> Row {
    let what = match row.kind {
        Kind::Checkout => "Top-up",
        Kind::Recharge => "Auto-recharge",
        Kind::Plan => "Plan",
    };
    let (state, bad) = words(row);
    // The address comes from the provider, and a link to anything else than the web would be a script.
    let receipt = row.receipt.clone().filter(|url| url.starts_with("https://"));
    Row {
        id: row.id,
        at: format::moment(row.created_at, viewer.now, &viewer.zone),
        amount: format::money(row.amount),
        what,
        state,
        bad,
        open: row.report.state == Stands::Open && row.kind == Kind::Checkout,
        receipt,
    }
}

/// Where a payment is, in words, and whether that is bad news.
fn words(row: &Payment) -> (String, bool) {
    let owes =
        if row.owed > Micros::ZERO { format!(", of which {} is owed", format::money(row.owed)) } else { String::new() };
    match (row.report.state, row.report.dispute) {
        (Stands::Open, _) => ("Not paid yet".to_owned(), false),
        (Stands::Expired, _) => ("Not paid in time".to_owned(), false),
        (Stands::Failed, _) => {
            let why = row.failure.as_deref().unwrap_or("no reason is known").replace('_', " ");
            (format!("Not paid: {why}"), true)
        }
        (Stands::Paid, Some(dispute)) => {
            let amount = format::money(dispute.amount);
            match dispute.verdict {
                Verdict::Open => (format!("Disputed: the bank holds {amount} back{owes}"), true),
                Verdict::Lost => (format!("Dispute lost: the bank has taken {amount}{owes}"), true),
                Verdict::Won => ("Paid; the dispute was won".to_owned(), false),
            }
        }
        (Stands::Paid, None) if row.report.refunded > Micros::ZERO => {
            (format!("Paid; {} was given back to the card{owes}", format::money(row.report.refunded)), false)
        }
        (Stands::Paid, None) => ("Paid".to_owned(), false),
    }
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct New {
    /// In dollars.
    pub(super) amount: String,
    /// Whether the card is kept.
    pub(super) keep: Option<String>,
}

/// What the form holds as long as nobody has typed anything.
impl Default for New {
    fn default() -> Self {
        Self { amount: "25.00".to_owned(), keep: None }
    }
}

#[derive(Template)]
#[template(path = "billing/pay.html")]
struct PayPage<'v> {
    frame: Frame<'v>,
    amount: String,
    url: String,
}

async fn begin(State(parts): State<Parts>, viewer: Viewer, Form(new): Form<New>) -> Result<Response, Wrong> {
    let begun = match new.amount.parse::<Micros>() {
        Ok(amount) => parts.engine.begin_payment(&viewer.actor, amount, new.keep.is_some()).await,
        Err(error) => return wrong(&parts, &viewer, new, Fault::at("amount", &error)).await,
    };
    let begun = match begun {
        Err(error @ PaymentError::Amount { .. }) => {
            return wrong(&parts, &viewer, new, Fault::at("amount", &error)).await;
        }
        begun => begun?,
    };
    let next = HeaderValue::from_str(&format!("0; url={}", begun.url));
    let frame = Frame::new("Pay by card", Section::Billing, &viewer);
    let mut response = html(&PayPage { frame, amount: format::money(begun.payment.amount), url: begun.url });
    if let Ok(next) = next {
        response.headers_mut().insert(REFRESH, next);
    }
    Ok(response)
}

/// The page again, with what was typed and what is wrong with it.
async fn wrong(parts: &Parts, viewer: &Viewer, typed: New, fault: Fault) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::BillingWrite)?;
    Ok(refused(&super::page(parts, viewer, &super::Asked::default(), (typed, fault)).await?))
}

/// Back from the provider's page, paid or not: what became of it is asked for.
async fn back(State(parts): State<Parts>, viewer: Viewer, Id(one): Id<PaymentId>) -> Result<Response, Wrong> {
    let done = Done::to("/billing");
    let row = match parts.engine.refresh_payment(&viewer.actor, one).await {
        Err(PaymentError::Unasked(_)) => {
            let told = "Whether it was paid is not known yet. It is asked again by itself, and the money is here as soon as it is known";
            return Ok(done.saying(told).into_response());
        }
        answered => answered?,
    };
    let amount = format::money(row.amount);
    Ok(match row.report.state {
        Stands::Paid => done.saying(format!("{amount} is in your wallet")),
        Stands::Open => done.saying("Not paid yet. As soon as it is, the money is here by itself"),
        Stands::Failed | Stands::Expired => done.failing(format!("{amount} was not paid")),
    }
    .into_response())
}
