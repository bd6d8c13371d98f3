//! API keys: listed, made, revoked. A secret is shown once.

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Permissions};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::users::ApiKey;
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Body, Caller, KeyHeader};
use super::words::{PermissionWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    id: ids::Key,
    name: String,
    permissions: Vec<PermissionWord>,
    created_at: Timestamp,
    /// When it was used last, to the minute.
    used_at: Option<Timestamp>,
    /// When it was revoked.
    revoked_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKey {
    #[serde(flatten)]
    key: Key,
    /// The key as programs send it. It is shown this once; only its hash is stored. A repeat under the same idempotency
    /// key makes no second key and has `null` here: if the first answer was lost, revoke the key and make another.
    #[schema(example = "drip_06b9zq4h8g000_06b9zq4h8g001_…")]
    secret: Option<String>,
}

impl From<&ApiKey> for Key {
    fn from(row: &ApiKey) -> Self {
        Self {
            id: row.id.into(),
            name: row.name.clone(),
            permissions: row.permissions.split_whitespace().map(Word::of).collect(),
            created_at: row.created_at,
            used_at: row.used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// List keys
///
/// Revoked ones too. None shows its secret.
#[utoipa::path(get, path = "/keys", operation_id = "listKeys", tag = "Keys",
    responses((status = 200, description = "All keys.", body = All<Key>)),
    extensions(("x-permission" = json!("keys:write"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<Key>>, Problem> {
    let rows = parts.engine.keys(&actor).await?;
    Ok(Json(All { data: rows.iter().map(Key::from).collect() }))
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKeyBody {
    /// 1 to 80 characters.
    #[schema(example = "CRM")]
    name: String,
    /// What it may do: nothing that your own key may not.
    permissions: Vec<PermissionWord>,
}

/// Make a key
#[utoipa::path(post, path = "/keys", operation_id = "createKey", tag = "Keys", params(KeyHeader), request_body = NewKeyBody,
    responses((status = 200, description = "The key with its secret.", body = NewKey)),
    extensions(("x-permission" = json!("keys:write")), ("x-problems" = json!(["key_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewKeyBody>,
) -> Result<Json<NewKey>, Problem> {
    let permissions = body.permissions.iter().filter_map(|word| Permission::from_word(word.as_str()));
    let (row, secret) = parts.engine.create_key(&actor, &body.name, permissions.collect::<Permissions>()).await?;
    Ok(Json(NewKey { key: Key::from(&row), secret: Some(secret).filter(|secret| !secret.is_empty()) }))
}

/// What was revoked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    revoked: ids::Key,
}

/// Revoke a key
///
/// From then on it opens nothing.
#[utoipa::path(delete, path = "/keys/{id}", operation_id = "revokeKey", tag = "Keys",
    params(("id" = ids::Key, Path, description = "The key.")),
    responses((status = 200, description = "It is revoked.", body = Revoked)),
    extensions(("x-permission" = json!("keys:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn revoke(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Key,
) -> Result<Json<Revoked>, Problem> {
    parts.engine.revoke_key(&actor, id).await?;
    Ok(Json(Revoked { revoked: id.into() }))
}
