//! Sending numbers: listed, added, paced, paused, lost.

use axum::Json;
use axum::extract::State;
use engine::numbers::{ChangedNumber, NewNumber, NumberChange, NumberState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Body, Caller, KeyHeader};
use super::words::{NumberStateWord, RegistrationWord, Word};
use super::workflows::Removal;
use crate::problem::Problem;
use crate::wiring::Parts;

/// A phone number of the workspace's own.
#[derive(Serialize, ToSchema)]
pub(crate) struct Number {
    id: ids::Number,
    /// In E.164.
    #[schema(example = "+12125550100")]
    phone: String,
    /// The name of its carrier in the configuration.
    #[schema(example = "simulator")]
    carrier: String,
    state: NumberStateWord,
    /// How many contacts it texts.
    contacts: i64,
    /// Most segments in a minute; 0 for no limit.
    per_minute: i64,
    /// Most segments in 24 hours; 0 for no limit.
    per_day: i64,
    /// The campaign that it is in.
    campaign: Option<ids::Campaign>,
    /// How far the number itself is: taken into its campaign, or verified where it is toll-free.
    registration: RegistrationWord,
    /// How many segments it sent in the 24 hours that it counts.
    sent_in_day: i64,
}

impl From<&store::numbers::Number> for Number {
    fn from(row: &store::numbers::Number) -> Self {
        Self {
            id: row.id.into(),
            phone: row.phone.clone(),
            carrier: row.carrier.clone(),
            state: Word::of(row.state.clone()),
            contacts: row.contacts,
            per_minute: row.messages_per_minute,
            per_day: row.messages_per_day,
            campaign: row.campaign.map(Into::into),
            registration: Word::of(row.registration.clone()),
            sent_in_day: row.day_count,
        }
    }
}

/// List numbers
///
/// Lost ones too.
#[utoipa::path(get, path = "/numbers", operation_id = "listNumbers", tag = "Numbers",
    responses((status = 200, description = "All numbers.", body = All<Number>)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<Number>>, Problem> {
    let rows = parts.engine.numbers(&actor).await?;
    Ok(Json(All { data: rows.iter().map(Number::from).collect() }))
}

/// A number to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNumberBody {
    /// As people write it; without a country code it is taken as North American.
    #[schema(example = "+13055550199")]
    phone: String,
    /// The name of its carrier in the configuration.
    #[serde(default = "simulator")]
    carrier: String,
    /// Most segments in a minute; 0 for no limit.
    #[serde(default)]
    per_minute: i64,
    /// Most segments in 24 hours; 0 for no limit.
    #[serde(default)]
    per_day: i64,
}

fn simulator() -> String {
    "simulator".to_owned()
}

/// Add a number
///
/// A phone belongs to one workspace of the whole installation.
#[utoipa::path(post, path = "/numbers", operation_id = "addNumber", tag = "Numbers", params(KeyHeader),
    request_body = NewNumberBody,
    responses((status = 200, description = "The number.", body = Number)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["phone_taken", "number_invalid", "plan_limit"]))))]
pub(crate) async fn add(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewNumberBody>,
) -> Result<Json<Number>, Problem> {
    let NewNumberBody { phone, carrier, per_minute, per_day } = body;
    let row = parts.engine.add_number(&actor, NewNumber { phone, carrier, per_minute, per_day }).await?;
    Ok(Json(Number::from(&row)))
}

/// What changes of a number. What is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberChangeBody {
    state: Option<NumberStateWord>,
    /// Most segments in a minute; 0 for no limit.
    per_minute: Option<i64>,
    /// Most segments in 24 hours; 0 for no limit.
    per_day: Option<i64>,
}

/// A changed number, and what became of those whom it texted.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedNumberView {
    number: Number,
    /// How many running enrollments text from another number now.
    reassigned: u64,
    removed: Removal,
}

impl From<ChangedNumber> for ChangedNumberView {
    fn from(changed: ChangedNumber) -> Self {
        let number = Number::from(&changed.number);
        Self { number, reassigned: changed.reassigned, removed: changed.removed.into() }
    }
}

/// Change a number's state or pace
///
/// The running enrollments of a lost number go over to the live number with the fewest contacts, or wait with a paused one where
/// none is live; if no other number may text US phones they end with a refund.
#[utoipa::path(patch, path = "/numbers/{id}", operation_id = "changeNumber", tag = "Numbers",
    params(("id" = ids::Number, Path, description = "The number.")), request_body = NumberChangeBody,
    responses((status = 200, description = "The number as it is now.", body = ChangedNumberView)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found", "number_invalid", "plan_limit"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Number,
    Body(body): Body<NumberChangeBody>,
) -> Result<Json<ChangedNumberView>, Problem> {
    let state = body.state.and_then(|word| NumberState::from_word(word.as_str()));
    let change = NumberChange { state, per_minute: body.per_minute, per_day: body.per_day };
    Ok(Json(parts.engine.change_number(&actor, id, change).await?.into()))
}
