//! The card that is kept, and what it is charged for without a person.

use axum::Json;
use axum::extract::State;
use domain::money::Micros;
use engine::cards::{CardUse, Recharge as Terms};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::cards::Card as Row;
use utoipa::ToSchema;

use super::request::{Body, Caller};
use super::suppressions::Changed;
use crate::problem::Problem;
use crate::wiring::Parts;

/// Auto-recharge of the wallet.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutoRecharge {
    /// Below this balance of the wallet, in micro-dollars…
    #[schema(example = 10_000_000)]
    below_micros: i64,
    /// …so much is added, in micro-dollars: $5.00 to $10,000.00, in whole cents…
    #[schema(example = 25_000_000)]
    amount_micros: i64,
    /// …but at most so much in 24 hours, in micro-dollars.
    #[schema(example = 100_000_000)]
    most_micros: i64,
}

/// The card that is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct Card {
    #[schema(example = "visa")]
    brand: String,
    #[schema(example = "4242")]
    last_four: String,
    expires_year: i64,
    /// From 1.
    expires_month: i64,
    /// Nothing while it is off.
    auto_recharge: Option<AutoRecharge>,
    /// Whether the card pays what the wallet lacks for the plan's month.
    pays_plan: bool,
    /// How often it was declined in a row.
    declines: i64,
    /// Since when it is charged no more without a person: it was declined three times in a row, or a payment was disputed. Saying anew
    /// what it is used for lets it be charged again.
    stopped_at: Option<Timestamp>,
}

impl From<Row> for Card {
    fn from(row: Row) -> Self {
        let recharge = |terms: Terms| AutoRecharge {
            below_micros: terms.below.0,
            amount_micros: terms.amount.0,
            most_micros: terms.most.0,
        };
        Self {
            auto_recharge: Terms::of(&row).map(recharge),
            brand: row.brand,
            last_four: row.last_four,
            expires_year: row.expires.0,
            expires_month: row.expires.1,
            pays_plan: row.pays_plan,
            declines: row.declines,
            stopped_at: row.stopped_at,
        }
    }
}

/// Show the card that is kept
#[utoipa::path(get, path = "/card", operation_id = "getCard", tag = "Plan",
    responses((status = 200, description = "The card.", body = Card)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Card>, Problem> {
    let card = parts.engine.card(&actor).await?.ok_or_else(|| Problem::not_found("the card"))?;
    Ok(Json(card.into()))
}

/// What the card is charged for without a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardUses {
    /// Nothing, or left out: off.
    #[serde(default)]
    auto_recharge: Option<AutoRecharge>,
    /// Whether the card pays what the wallet lacks for the plan's month.
    #[serde(default)]
    #[schema(example = true)]
    pays_plan: bool,
}

/// Say what the card is charged for without a person
///
/// All of it is set anew: what is left out is off. A card that was declined too often is charged again from now on.
#[utoipa::path(put, path = "/card", operation_id = "useCard", tag = "Plan", request_body = CardUses,
    responses((status = 200, description = "The card.", body = Card)),
    extensions(("x-permission" = json!("billing:write")), ("x-problems" = json!(["not_found", "payment_invalid"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(uses): Body<CardUses>,
) -> Result<Json<Card>, Problem> {
    let terms = |one: AutoRecharge| Terms {
        below: Micros(one.below_micros),
        amount: Micros(one.amount_micros),
        most: Micros(one.most_micros),
    };
    let using = CardUse { recharge: uses.auto_recharge.map(terms), pays_plan: uses.pays_plan };
    Ok(Json(parts.engine.use_card(&actor, using).await?.into()))
}

/// Keep the card no longer
///
/// It is charged no more from the answer on.
#[utoipa::path(delete, path = "/card", operation_id = "removeCard", tag = "Plan",
    responses((status = 200, description = "It is kept no longer.", body = Changed)),
    extensions(("x-permission" = json!("billing:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn remove(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Changed>, Problem> {
    parts.engine.remove_card(&actor).await?;
    Ok(Json(Changed { changed: true }))
}
