//! What is done to one conversation: read or unread; and the fields of its contact. Labels, notes and assignment are in `about`.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::ContactId;
use engine::conversations::Mark;
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
