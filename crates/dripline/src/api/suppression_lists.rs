//! Lists of phones that must not be texted, as others keep them: made, filled, removed.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts as Head;
use domain::phone::Phone;
use domain::suppression::Suppression;
use engine::contacts::DEFAULT_REGION;
use engine::suppression_lists::{self as lists, List, ListCounts, NewList};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Body, Caller, KeyHeader};
use super::suppressions::Changed;
use super::words::{ListStateWord, SuppressionWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// A list.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressionList {
    id: ids::List,
    name: String,
    /// What it forbids.
    kind: SuppressionWord,
    /// Where it comes from.
    source: String,
    /// Its file; empty if its phones came otherwise.
    file_name: String,
    /// The day on which it was drawn up.
    #[schema(example = "2026-11-01")]
    dated: Option<String>,
    state: ListStateWord,
    /// How many phones it holds.
    phones: u64,
    /// How many rows of its file held no phone.
    rejected: u64,
    /// How many workflows it ended.
    ended: u64,
    /// How many phones were free again when it was removed.
    freed: u64,
    /// Who made it.
    actor: String,
    created_at: Timestamp,
    removed_at: Option<Timestamp>,
}

impl From<&List> for SuppressionList {
    fn from(list: &List) -> Self {
        let counts = ListCounts::of(list);
        Self {
            id: list.id.into(),
            name: list.name.clone(),
            kind: Word::of(list.kind.clone()),
            source: list.source.clone(),
            file_name: list.file_name.clone(),
            dated: list.dated.clone(),
            state: Word::of(list.state.clone()),
            phones: counts.phones,
            rejected: counts.rejected,
            ended: counts.ended,
            freed: counts.freed,
            actor: list.actor.clone(),
            created_at: list.created_at,
            removed_at: list.removed_at,
        }
    }
}

/// List the lists of phones
///
/// The newest 200 first, removed ones too.
#[utoipa::path(get, path = "/suppression-lists", operation_id = "listSuppressionLists", tag = "Suppressions",
    responses((status = 200, description = "The lists.", body = All<SuppressionList>)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
) -> Result<Json<All<SuppressionList>>, Problem> {
    let all = parts.engine.suppression_lists(&actor).await?;
    Ok(Json(All { data: all.iter().map(SuppressionList::from).collect() }))
}

/// A list to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewListBody {
    /// 1 to 120 characters.
    #[schema(example = "Litigators, November")]
    name: String,
    /// `do_not_contact` or `compliance_blocked`.
    #[schema(example = "do_not_contact")]
    kind: SuppressionWord,
    /// Where it comes from, 1 to 120 characters.
    #[schema(example = "National DNC registry")]
    source: String,
    /// The day on which it was drawn up.
    #[schema(value_type = Option<String>, example = "2026-11-01")]
    dated: Option<Date>,
}

/// Make a list of phones
///
/// It forbids nothing until phones are added. `do_not_contact` needs `contacts:write`, `compliance_blocked` needs `settings:write`.
#[utoipa::path(post, path = "/suppression-lists", operation_id = "createSuppressionList", tag = "Suppressions",
    params(KeyHeader), request_body = NewListBody,
    responses((status = 200, description = "The list.", body = SuppressionList)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["list_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewListBody>,
) -> Result<Json<SuppressionList>, Problem> {
    let kind = Suppression::from_word(body.kind.as_str()).ok_or_else(|| Problem::not_found("this list"))?;
    let NewListBody { name, source, dated, .. } = body;
    let new = NewList { name, kind, source, file_name: String::new(), dated };
    Ok(Json(SuppressionList::from(&parts.engine.create_list(&actor, new).await?)))
}

/// Phones to add to a list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PhonesBody {
    /// At most 10,000, as people write them; without a country code they are taken as North American.
    #[schema(example = json!(["+12125550123"]))]
    phones: Vec<String>,
}

/// What was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct PhonesAdded {
    /// Phones that the list did not hold before.
    added: u64,
    /// Workflows that ended, with their refund.
    ended: u64,
    rejects: Vec<PhoneReject>,
}

/// What is no phone.
#[derive(Serialize, ToSchema)]
pub(crate) struct PhoneReject {
    /// Its place among the phones, from 1.
    place: u64,
    /// Why, in plain words.
    reason: String,
}

/// Add phones to a list
///
/// What runs to them ends and what was not sent comes back. Phones without a contact are blocked too, whenever they come.
/// A repeat adds nothing, so an interrupted upload is sent again from any place.
#[utoipa::path(post, path = "/suppression-lists/{id}/phones", operation_id = "addToSuppressionList", tag = "Suppressions",
    params(("id" = ids::List, Path, description = "The list.")), request_body = PhonesBody,
    responses((status = 200, description = "What was added.", body = PhonesAdded)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "list_invalid"]))))]
pub(crate) async fn add(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::List,
    Body(body): Body<PhonesBody>,
) -> Result<Json<PhonesAdded>, Problem> {
    let done = parts.engine.add_to_list(&actor, id, body.phones, DEFAULT_REGION).await?;
    let rejects = done.rejects.into_iter().map(|one| PhoneReject { place: one.row, reason: one.reason });
    Ok(Json(PhonesAdded { added: done.added, ended: done.ended, rejects: rejects.collect() }))
}

/// The phone of a path.
pub(crate) struct OfPath(Phone);

impl FromRequestParts<Parts> for OfPath {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        let text = ids::in_path(head, parts, "phone").await;
        let phone = text.and_then(|text| Phone::parse(&text, DEFAULT_REGION).ok());
        phone.map(Self).ok_or_else(|| Problem::not_found("the phone"))
    }
}

/// Take a phone off a list
///
/// It may be texted again if no other list of its kind holds it and no user put it there. If the list's file is read again with the
/// phone in it, it comes back.
#[utoipa::path(delete, path = "/suppression-lists/{id}/phones/{phone}", operation_id = "dropFromSuppressionList", tag = "Suppressions",
    params(("id" = ids::List, Path, description = "The list."),
        ("phone" = String, Path, description = "The phone in E.164.", example = "+12125550123")),
    responses((status = 200, description = "The list does not hold it.", body = Changed)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "list_invalid"]))))]
pub(crate) async fn drop_phone(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::List,
    OfPath(phone): OfPath,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed { changed: parts.engine.drop_from_list(&actor, id, phone).await? }))
}

/// Remove a list
///
/// Phones that no other list of its kind holds, and that no user put there, may be texted again. A long list goes on being
/// removed after the answer: `state` says so.
#[utoipa::path(delete, path = "/suppression-lists/{id}", operation_id = "removeSuppressionList", tag = "Suppressions",
    params(("id" = ids::List, Path, description = "The list.")),
    responses((status = 200, description = "The list as it is now.", body = SuppressionList)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::List,
) -> Result<Json<SuppressionList>, Problem> {
    let list: lists::List = parts.engine.begin_removal(&actor, id).await?;
    if list.state != "removed" {
        let engine = parts.engine.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.remove_list(&actor, id).await {
                tracing::error!(%id, %error, "the removal of a list broke off; it goes on by itself");
            }
        });
    }
    Ok(Json(SuppressionList::from(&list)))
}
