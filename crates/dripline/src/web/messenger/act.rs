//! What is done to one conversation: read, assigned, labelled, noted; and the fields of its contact.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::{ContactId, LabelId, NoteId, UserId};
use engine::conversations::Mark;
use engine::labels::Labelling;
use serde::Deserialize;

use super::side;
use crate::web::answer::{Done, html};
use crate::web::asked::Asker;
use crate::web::form::Form;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

use askama::Template;

#[derive(Template)]
#[template(path = "messenger/side.html")]
struct SidePart {
    side: side::Side,
}

/// The panel with what was changed; without script the page again.
async fn changed(parts: &Parts, viewer: &Viewer, asker: &Asker, contact: ContactId) -> Result<Response, Wrong> {
    match asker {
        Asker::Browser => Ok(Done::to(format!("/messenger/{contact}?pane=side")).into_response()),
        Asker::Script { .. } => Ok(html(&SidePart { side: side::read(parts, viewer, contact).await? })),
    }
}

pub(super) async fn read(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
) -> Result<Response, Wrong> {
    parts.engine.mark(&viewer.actor, vec![contact], Mark::Read).await?;
    Ok(Done::here().event("live").into_response())
}

/// To be looked at again: one goes back to the list, or opening it would read it anew.
pub(super) async fn unread(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
) -> Result<Response, Wrong> {
    parts.engine.mark(&viewer.actor, vec![contact], Mark::Unread).await?;
    Ok(Done::to("/messenger").saying("Marked as unread").into_response())
}

#[derive(Deserialize)]
pub(super) struct Assigned {
    #[serde(default)]
    user: String,
}

pub(super) async fn assign(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(form): Form<Assigned>,
) -> Result<Response, Wrong> {
    let to = match form.user.as_str() {
        "" => None,
        id => Some(id.parse::<UserId>().map_err(|_| Wrong::not_found("the user"))?),
    };
    parts.engine.assign(&viewer.actor, vec![contact], to).await?;
    changed(&parts, &viewer, &asker, contact).await
}

#[derive(Deserialize)]
pub(super) struct Labelled {
    label: LabelId,
}

pub(super) async fn label(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(form): Form<Labelled>,
) -> Result<Response, Wrong> {
    parts.engine.label_contacts(&viewer.actor, form.label, vec![contact], Labelling::Give).await?;
    changed(&parts, &viewer, &asker, contact).await
}

pub(super) async fn unlabel(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(form): Form<Labelled>,
) -> Result<Response, Wrong> {
    parts.engine.label_contacts(&viewer.actor, form.label, vec![contact], Labelling::Take).await?;
    changed(&parts, &viewer, &asker, contact).await
}

#[derive(Deserialize)]
pub(super) struct Noted {
    body: String,
}

pub(super) async fn note(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(form): Form<Noted>,
) -> Result<Response, Wrong> {
    parts.engine.add_note(&viewer.actor, contact, &form.body).await?;
    changed(&parts, &viewer, &asker, contact).await
}

#[derive(Deserialize)]
pub(super) struct Unnoted {
    note: NoteId,
}

pub(super) async fn unnote(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(form): Form<Unnoted>,
) -> Result<Response, Wrong> {
    parts.engine.delete_note(&viewer.actor, form.note).await?;
    changed(&parts, &viewer, &asker, contact).await
}

#[derive(Deserialize)]
pub(super) struct Filled {
    field: String,
    value: String,
}

/// One field; an empty value takes it away.
pub(super) async fn field(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(form): Form<Filled>,
) -> Result<Response, Wrong> {
    let value = Some(form.value.trim().to_owned()).filter(|value| !value.is_empty());
    parts.engine.edit_contact(&viewer.actor, contact, vec![(form.field, value)]).await?;
    changed(&parts, &viewer, &asker, contact).await
}
