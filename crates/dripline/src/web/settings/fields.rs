//! `/settings/fields`: the workspace's own fields of contacts.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::WorkflowId;
use domain::template::STANDARD_FIELDS;
use engine::contacts::custom::{CustomField, CustomFieldError, LOOKED_AT};
use serde::Deserialize;

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{count, counted};
use crate::web::frame::Frame;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/fields";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show).post(add))
        .route("/settings/fields/rename", post(rename))
        .route("/settings/fields/remove", post(remove))
}

/// A field in the list.
struct Row {
    key: String,
    name: String,
    /// As it is written in a text.
    written: String,
    /// Such as `filled for 312 of the newest 1,000 contacts`; empty without contacts.
    filled: String,
    used_by: Vec<(WorkflowId, String)>,
}

/// Which field is renamed; a key may hold any letter, so it is no part of a path.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    rename: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    field: String,
    name: String,
}

#[derive(Template)]
#[template(path = "settings/fields.html")]
struct FieldsPage<'v> {
    frame: Frame<'v>,
    side: Side,
    rows: Vec<Row>,
    standard: String,
    may_write: bool,
    /// The key and the name of the one that is renamed; nothing where the form adds one.
    renamed: Option<(String, String)>,
    typed: String,
    fault: Fault,
}

fn row(field: CustomField, looked_at: usize) -> Row {
    let all = i64::try_from(looked_at).is_ok_and(|all| all < LOOKED_AT);
    let (filled, newest) = (count(field.filled), if all { "" } else { "the newest " });
    let filled = match looked_at {
        0 => String::new(),
        all => format!("filled for {filled} of {newest}{}", counted(all, "contact", "contacts")),
    };
    Row { written: format!("{{{}}}", field.name), key: field.key, name: field.name, filled, used_by: field.used_by }
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    rename: &str,
    (typed, fault): (Option<String>, Fault),
) -> Result<FieldsPage<'v>, Wrong> {
    let known = parts.engine.custom_fields(&viewer.actor).await?;
    let rows: Vec<Row> = known.fields.into_iter().map(|field| row(field, known.looked_at)).collect();
    let renamed = rows.iter().find(|row| row.key == rename).map(|row| (row.key.clone(), row.name.clone()));
    if !rename.is_empty() && renamed.is_none() {
        return Err(Wrong::not_found("the field"));
    }
    let typed = typed.or_else(|| renamed.as_ref().map(|(_, name)| name.clone())).unwrap_or_default();
    let (frame, side) = frame(viewer, HERE);
    let (standard, may_write) = (STANDARD_FIELDS.join(", "), viewer.may("settings:write"));
    Ok(FieldsPage { frame, side, rows, standard, may_write, renamed, typed, fault })
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, &asked.rename, (None, Fault::default())).await?))
}

/// What is wrong with the name, if that is what is wrong.
fn fault(error: CustomFieldError) -> Result<Fault, Wrong> {
    match error {
        CustomFieldError::Forbidden(_) | CustomFieldError::Unknown | CustomFieldError::Failure(_) => Err(error.into()),
        error => Ok(Fault::at("name", &error)),
    }
}

async fn add(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    match parts.engine.add_custom_field(&viewer.actor, &typed.name).await {
        Ok(_) => Ok(Done::to(HERE).saying(format!("The field “{}” is there", typed.name.trim())).into_response()),
        Err(error) => Ok(refused(&page(&parts, &viewer, "", (Some(typed.name), fault(error)?)).await?)),
    }
}

async fn rename(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    match parts.engine.rename_custom_field(&viewer.actor, &typed.field, &typed.name).await {
        Ok(()) => Ok(Done::to(HERE).saying(format!("It is written “{}” now", typed.name.trim())).into_response()),
        Err(error) => Ok(refused(&page(&parts, &viewer, &typed.field, (Some(typed.name), fault(error)?)).await?)),
    }
}

async fn remove(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    match parts.engine.remove_custom_field(&viewer.actor, &typed.field).await {
        Ok(name) => Ok(Done::to(HERE).saying(format!("The field “{name}” is removed")).into_response()),
        Err(error @ CustomFieldError::InUse { .. }) => {
            Ok(refused(&page(&parts, &viewer, "", (None, Fault::at("removed", &error))).await?))
        }
        Err(error) => Err(error.into()),
    }
}
