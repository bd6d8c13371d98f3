//! Payments by card.

use axum::Json;
use axum::extract::State;
use domain::money::Micros;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::payments::Payment as Row;
use utoipa::ToSchema;

use super::ids;
use super::request::{Asked, Body, Caller, KeyHeader, Page, Paging};
use super::words::{DisputeWord, PaymentKindWord, PaymentStateWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// A payment by card into the wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct Payment {
    id: ids::Payment,
    kind: PaymentKindWord,
    state: PaymentStateWord,
    /// How much, in micro-dollars.
    #[schema(example = 25_000_000)]
    amount_micros: i64,
    /// Whether the card is kept once it has paid.
    keep_card: bool,
    /// Who began it: the identifier of a user or key, or `dripline`.
    by: String,
    created_at: Timestamp,
    /// When it was paid, or failed.
    settled_at: Option<Timestamp>,
    /// Why it failed, in the provider's word.
    #[schema(example = "insufficient_funds")]
    failure: Option<String>,
    /// Where the provider shows the receipt.
    receipt_url: Option<String>,
    /// How much of it was given back to the card, in micro-dollars.
    refunded_micros: i64,
    dispute: Option<DisputeWord>,
    /// How much of it is or was disputed, in micro-dollars.
    disputed_micros: i64,
    /// What should be out of the wallet for that and was not in it: the next money that comes in pays it first. In micro-dollars.
    owed_micros: i64,
}

impl From<&Row> for Payment {
    fn from(row: &Row) -> Self {
        let dispute = row.report.dispute;
        Self {
            id: row.id.into(),
            kind: Word::of(row.kind.word()),
            state: Word::of(row.report.state.word()),
            amount_micros: row.amount.0,
            keep_card: row.keeps_card,
            by: row.actor.clone(),
            created_at: row.created_at,
            settled_at: row.settled_at,
            failure: row.failure.clone(),
            receipt_url: row.receipt.clone(),
            refunded_micros: row.report.refunded.0,
            dispute: dispute.map(|dispute| Word::of(dispute.verdict.word())),
            disputed_micros: dispute.map_or(0, |dispute| dispute.amount.0),
            owed_micros: row.owed.0,
        }
    }
}

/// List payments by card
///
/// Newest first.
#[utoipa::path(get, path = "/payments", operation_id = "listPayments", tag = "Plan", params(Paging),
    responses((status = 200, description = "A page of payments.", body = Page<Payment>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Payment>>, Problem> {
    let limit = paging.limit()?;
    let rows = parts.engine.payments(&actor, paging.after()?, limit).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// A payment to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPayment {
    /// How much, in micro-dollars: $5.00 to $10,000.00, in whole cents.
    #[schema(example = 25_000_000)]
    amount_micros: i64,
    /// Whether the card is kept once it has paid. It is charged for nothing without a person until `PUT /card` says what for.
    #[serde(default)]
    #[schema(example = false)]
    keep_card: bool,
}

/// A payment that was begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct BegunPayment {
    payment: Payment,
    /// The provider's page, on which a person pays within two hours.
    url: String,
}

/// Begin a payment by card
///
/// Answers the address of the provider's page, on which a person types the card and pays. The money is in the wallet, and a
/// `ledger.topped_up` is told, as soon as the provider says so. A repeat with the same `Idempotency-Key` gives the same page.
#[utoipa::path(post, path = "/payments", operation_id = "beginPayment", tag = "Plan",
    params(KeyHeader), request_body = NewPayment,
    responses((status = 200, description = "The payment, and where to pay.", body = BegunPayment)),
    extensions(("x-permission" = json!("billing:write")),
        ("x-problems" = json!(["payment_invalid", "payment_over", "cards_not_taken", "payment_provider"]))))]
pub(crate) async fn begin(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(new): Body<NewPayment>,
) -> Result<Json<BegunPayment>, Problem> {
    let begun = parts.engine.begin_payment(&actor, Micros(new.amount_micros), new.keep_card).await?;
    Ok(Json(BegunPayment { payment: Payment::from(&begun.payment), url: begun.url }))
}
