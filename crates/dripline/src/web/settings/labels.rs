//! `/settings/labels`: what conversations are marked with, and the lists that hold contacts together.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::LabelId;
use engine::labels::{COLOURS, LabelError};
use serde::Deserialize;
use store::labels::{Kind, Label};

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
    /// Which of the two is made: the word of a label or of a list.
    kind: String,
    name: String,
    colour: String,
}

impl Typed {
    fn kind(&self) -> Kind {
        Kind::from_word(&self.kind).unwrap_or(Kind::Label)
    }

    fn is_list(&self) -> bool {
        self.kind() == Kind::List
    }
}

#[derive(Template)]
#[template(path = "settings/labels.html")]
struct LabelsPage<'v> {
    frame: Frame<'v>,
    side: Side,
    labels: Vec<Label>,
    lists: Vec<Label>,
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
    let known = parts.engine.labels(&viewer.actor).await?;
    let stored = known.iter().find(|label| Some(label.id) == edited);
    if edited.is_some() && stored.is_none() {
        return Err(Wrong::not_found("the label or list"));
    }
    // What it is does not change.
    let kind = stored.map(|label| label.kind.word().to_owned());
    let stored =
        stored.map(|label| Typed { name: label.name.clone(), colour: label.colour.clone(), ..Typed::default() });
    let (lists, labels): (Vec<Label>, Vec<Label>) = known.into_iter().partition(Label::is_list);
    let fresh = || Typed { colour: COLOURS[labels.len() % COLOURS.len()].to_owned(), ..Typed::default() };
    let typed = typed.or(stored).unwrap_or_else(fresh);
    let typed = Typed { kind: kind.unwrap_or(typed.kind), ..typed };
    let (frame, side) = frame(viewer, HERE);
    let may_write = viewer.may("contacts:write");
    Ok(LabelsPage { frame, side, labels, lists, colours: COLOURS, may_write, edited, typed, fault })
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
        LabelError::Name(_) | LabelError::Taken(_) | LabelError::TooMany(_) => Ok(Fault::at("name", &error)),
        LabelError::Colour { .. } => Ok(Fault::at("colour", &error)),
        _ => Err(error.into()),
    }
}

async fn create(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    let made = match typed.kind() {
        Kind::Label => parts.engine.create_label(&viewer.actor, &typed.name, &typed.colour).await,
        Kind::List => parts.engine.create_contact_list(&viewer.actor, &typed.name).await,
    };
    match made {
        Ok(label) => Ok(done(&label, "there")),
        Err(error) => Ok(refused(&page(&parts, &viewer, None, (Some(typed), fault(error)?)).await?)),
    }
}

async fn change(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<LabelId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    // The form of a list has no colour.
    let colour = Some(typed.colour.as_str()).filter(|colour| !colour.is_empty());
    match parts.engine.change_label(&viewer.actor, id, &typed.name, colour).await {
        Ok(label) => Ok(done(&label, "changed")),
        Err(error) => Ok(refused(&page(&parts, &viewer, Some(id), (Some(typed), fault(error)?)).await?)),
    }
}

fn done(label: &Label, became: &str) -> Response {
    Done::to(HERE).saying(format!("The {} “{}” is {became}", label.kind.word(), label.name)).into_response()
}

async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<LabelId>) -> Result<Response, Wrong> {
    parts.engine.delete_label(&viewer.actor, id).await?;
    Ok(Done::to(HERE).saying("It is deleted; every contact has lost it").into_response())
}
