//! `/settings/labels`: what conversations are marked with.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::LabelId;
use engine::labels::{COLOURS, LabelError};
use serde::Deserialize;
use store::labels::Label;

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/labels";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show).post(create))
        .route("/settings/labels/{id}", get(edit).post(change))
        .route("/settings/labels/{id}/delete", post(delete))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    name: String,
    colour: String,
}

#[derive(Template)]
#[template(path = "settings/labels.html")]
struct LabelsPage<'v> {
    frame: Frame<'v>,
    side: Side,
    labels: Vec<Label>,
    colours: [&'static str; 8],
    may_write: bool,
    /// The one that the form changes; nothing where it makes one.
    edited: Option<LabelId>,
    typed: Typed,
    fault: Fault,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    edited: Option<LabelId>,
    (typed, fault): (Option<Typed>, Fault),
) -> Result<LabelsPage<'v>, Wrong> {
    let labels = parts.engine.labels(&viewer.actor).await?;
    let stored = labels.iter().find(|label| Some(label.id) == edited);
    if edited.is_some() && stored.is_none() {
        return Err(Wrong::not_found("the label"));
    }
    let stored = stored.map(|label| Typed { name: label.name.clone(), colour: label.colour.clone() });
    let fresh = || Typed { name: String::new(), colour: COLOURS[labels.len() % COLOURS.len()].to_owned() };
    let typed = typed.or(stored).unwrap_or_else(fresh);
    let (frame, side) = frame(viewer, HERE);
    let may_write = viewer.may("contacts:write");
    Ok(LabelsPage { frame, side, labels, colours: COLOURS, may_write, edited, typed, fault })
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, None, (None, Fault::default())).await?))
}

async fn edit(State(parts): State<Parts>, viewer: Viewer, Id(label): Id<LabelId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    Ok(html(&page(&parts, &viewer, Some(label), (None, Fault::default())).await?))
}

/// The field that an error is about, if it is about one.
fn fault(error: LabelError) -> Result<Fault, Wrong> {
    match &error {
        LabelError::Name | LabelError::Taken(_) | LabelError::TooMany => Ok(Fault::at("name", &error)),
        LabelError::Colour { .. } => Ok(Fault::at("colour", &error)),
        _ => Err(error.into()),
    }
}

async fn create(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    match parts.engine.create_label(&viewer.actor, &typed.name, &typed.colour).await {
        Ok(label) => Ok(Done::to(HERE).saying(format!("The label “{}” is there", label.name)).into_response()),
        Err(error) => Ok(refused(&page(&parts, &viewer, None, (Some(typed), fault(error)?)).await?)),
    }
}

async fn change(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<LabelId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    match parts.engine.change_label(&viewer.actor, id, &typed.name, Some(&typed.colour)).await {
        Ok(label) => Ok(Done::to(HERE).saying(format!("The label “{}” is changed", label.name)).into_response()),
        Err(error) => Ok(refused(&page(&parts, &viewer, Some(id), (Some(typed), fault(error)?)).await?)),
    }
}

async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<LabelId>) -> Result<Response, Wrong> {
    parts.engine.delete_label(&viewer.actor, id).await?;
    Ok(Done::to(HERE).saying("The label is deleted; every contact has lost it").into_response())
}
