//! Saved views: what the list is asked for, under a name.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::ViewId;
use engine::views::{Place, Whose};
use serde::Deserialize;

use super::list::Asked;
use crate::web::answer::Done;
use crate::web::form::Form;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// A name, and the parts of what is asked for.
#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
    /// Whether everybody sees it: any text means yes.
    #[serde(default)]
    shared: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    assignee: String,
    #[serde(default)]
    q: String,
}

pub(super) async fn save(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(named): Form<Named>,
) -> Result<Response, Wrong> {
    let Named { name, shared, filter, label, assignee, q } = named;
    let query = Asked { filter, label, assignee, q, ..Asked::default() }.query();
    let whose = if shared.is_empty() { Whose::Mine } else { Whose::Everybodys };
    let view = parts.engine.save_view(&viewer.actor, &name, (Place::Messenger, &query), whose).await?;
    Ok(Done::to(format!("/messenger?{query}")).saying(format!("Saved as {}", view.name)).into_response())
}

pub(super) async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ViewId>) -> Result<Response, Wrong> {
    let view = parts.engine.delete_view(&viewer.actor, id).await?;
    Ok(Done::to("/messenger").saying(format!("{} is deleted", view.name)).into_response())
}
