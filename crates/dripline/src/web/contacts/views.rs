//! Saved views of the contacts: what the list is asked for, under a name.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::ids::ViewId;
use engine::views::{Place, Whose};
use serde::Deserialize;

use super::asked::Asked;
use crate::web::answer::Done;
use crate::web::form::Form;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/contacts/views", post(save)).route("/contacts/views/{id}/delete", post(delete))
}

#[derive(Deserialize)]
struct Named {
    name: String,
    /// Whether everybody sees it: any text means yes.
    #[serde(default)]
    shared: String,
    filter: String,
}

async fn save(State(parts): State<Parts>, viewer: Viewer, Form(named): Form<Named>) -> Result<Response, Wrong> {
    let query = Asked::read(&named.filter)?.query();
    let whose = if named.shared.is_empty() { Whose::Mine } else { Whose::Everybodys };
    let view = parts.engine.save_view(&viewer.actor, &named.name, (Place::Contacts, &query), whose).await?;
    Ok(Done::to(format!("/contacts?{query}")).saying(format!("Saved as {}", view.name)).into_response())
}

async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ViewId>) -> Result<Response, Wrong> {
    let view = parts.engine.delete_view(&viewer.actor, id).await?;
    Ok(Done::to("/contacts").saying(format!("{} is deleted", view.name)).into_response())
}
