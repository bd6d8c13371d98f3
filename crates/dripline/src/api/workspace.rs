//! The workspace itself: balances, books, numbers, keys.

use axum::Json;
use axum::extract::{Path, State};
use domain::access::Permissions;
use engine::numbers::NewNumber;
use serde::Deserialize;
use serde_json::{Value, json};
use store::numbers::Number;
use store::users::ApiKey;

use super::{Body, Caller, id};
use crate::problem::Problem;
use crate::wiring::Parts;

pub(crate) async fn show(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    let view = parts.engine.workspace(&actor).await.map_err(|_| Problem::not_found("the workspace"))?;
    let row = view.workspace;
    Ok(Json(json!({
        "id": row.id, "name": row.name, "zone": row.zone, "plan": row.plan, "rate_micros": row.rate,
        "settings": view.settings, "created_at": row.created_at,
    })))
}

pub(crate) async fn balances(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(parts.engine.balances(&actor).await?)))
}

pub(crate) async fn verify(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    actor.need(domain::access::Permission::Read)?;
    let report = parts.engine.verify_ledger(actor.workspace()).await?;
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    Ok(Json(json!({
        "clean": report.is_clean(), "transfers": report.transfers, "enrollments": report.enrollments, "faults": faults,
    })))
}

fn number(row: &Number) -> Value {
    json!({
        "id": row.id, "phone": row.phone, "carrier": row.carrier, "state": row.state, "contacts": row.contacts,
        "per_minute": row.messages_per_minute, "per_day": row.messages_per_day, "sent_in_day": row.day_count,
    })
}

pub(crate) async fn numbers(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    let rows = parts.engine.numbers(&actor).await?;
    Ok(Json(json!({ "data": rows.iter().map(number).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberBody {
    phone: String,
    #[serde(default = "simulator")]
    carrier: String,
    #[serde(default)]
    per_minute: i64,
    #[serde(default)]
    per_day: i64,
}

fn simulator() -> String {
    "simulator".to_owned()
}

pub(crate) async fn add_number(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NumberBody>,
) -> Result<Json<Value>, Problem> {
    let NumberBody { phone, carrier, per_minute, per_day } = body;
    let row = parts.engine.add_number(&actor, NewNumber { phone, carrier, per_minute, per_day }).await?;
    Ok(Json(number(&row)))
}

fn key(row: &ApiKey) -> Value {
    json!({
        "id": row.id, "name": row.name, "permissions": row.permissions.split(' ').collect::<Vec<_>>(),
        "created_at": row.created_at, "used_at": row.used_at, "revoked_at": row.revoked_at,
    })
}

pub(crate) async fn keys(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    let rows = parts.engine.keys(&actor).await?;
    Ok(Json(json!({ "data": rows.iter().map(key).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    name: String,
    permissions: Vec<String>,
}

pub(crate) async fn add_key(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<KeyBody>,
) -> Result<Json<Value>, Problem> {
    let permissions = Permissions::from_words(&body.permissions.join(" "));
    let unknown = |word| Problem::bad_request("permission", format!("there is no permission {word:?}"));
    let (row, secret) = parts.engine.create_key(&actor, &body.name, permissions.map_err(unknown)?).await?;
    let mut answer = key(&row);
    answer["secret"] = secret.into();
    Ok(Json(answer))
}

pub(crate) async fn revoke_key(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    parts.engine.revoke_key(&actor, id(&text, "the key")?).await?;
    Ok(Json(json!({ "revoked": text })))
}
