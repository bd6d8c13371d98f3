//! The lists that forbid texting a contact's phone: which it is on, put on, taken off.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts as Head;
use domain::suppression::Suppression;
use serde::Serialize;
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Caller};
use super::words::{SuppressionWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// The `{kind}` of the path.
pub(crate) struct Named(Suppression);

impl FromRequestParts<Parts> for Named {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let kind = ids::in_path(head, parts, "kind").await.and_then(|word| Suppression::from_word(&word));
        kind.map(Self).ok_or_else(|| Problem::not_found("this list"))
    }
}

/// Whether anything is different now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Changed {
    /// `false` if it was so before.
    pub(crate) changed: bool,
}

/// Show the lists that a contact is on
///
/// The weightiest first.
#[utoipa::path(get, path = "/contacts/{id}/suppressions", operation_id = "listSuppressions", tag = "Suppressions",
    params(("id" = ids::Contact, Path, description = "The contact.")),
    responses((status = 200, description = "The lists.", body = All<SuppressionWord>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
) -> Result<Json<All<SuppressionWord>>, Problem> {
    let kinds = parts.engine.suppressions(&actor, id).await?;
    Ok(Json(All { data: kinds.iter().map(|kind| Word::of(kind.word())).collect() }))
}

/// Put a contact on a list
///
/// Its running enrollment ends and what was not sent comes back. `do_not_contact` needs `contacts:write`,
/// `compliance_blocked` needs `settings:write`; the other lists are the contact's and the carrier's own.
#[utoipa::path(put, path = "/contacts/{id}/suppressions/{kind}", operation_id = "suppressContact", tag = "Suppressions",
    params(("id" = ids::Contact, Path, description = "The contact."), ("kind" = SuppressionWord, Path, description = "The list.")),
    responses((status = 200, description = "It is on the list.", body = Changed)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "not_by_hand"]))))]
pub(crate) async fn add(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
    Named(kind): Named,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed { changed: parts.engine.suppress(&actor, id, kind).await? }))
}

/// Take a contact off a list
///
/// An opt-out is lifted by the contact alone, or by new consent that is recorded (`recordConsent`). What a list from a file holds stays
/// until that list lets go of it (`dropFromSuppressionList`): `held_by_list` names the lists.
#[utoipa::path(delete, path = "/contacts/{id}/suppressions/{kind}", operation_id = "unsuppressContact", tag = "Suppressions",
    params(("id" = ids::Contact, Path, description = "The contact."), ("kind" = SuppressionWord, Path, description = "The list.")),
    responses((status = 200, description = "It is not on the list.", body = Changed)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "not_by_hand", "held_by_list"]))))]
pub(crate) async fn lift(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
    Named(kind): Named,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed { changed: parts.engine.unsuppress(&actor, id, kind).await? }))
}
