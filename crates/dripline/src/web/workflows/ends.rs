//! `/workflows/{id}/pause` and `/workflows/{id}/delete`: who leaves and what comes back is said first.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::ids::WorkflowId;
use engine::removal::Removal;
use serde::Deserialize;

use crate::web::answer::{Done, html};
use crate::web::asked::Asker;
use crate::web::enrollments::amounts;
use crate::web::form::Form;
use crate::web::format::counted;
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/workflows/{id}/pause", get(ask_pause).post(pause))
        .route("/workflows/{id}/delete", get(ask_delete).post(delete))
}

/// How a workflow is ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Pause,
    Delete,
}

impl End {
    fn word(self) -> &'static str {
        if self == Self::Pause { "pause" } else { "delete" }
    }

    fn title(self) -> &'static str {
        if self == Self::Pause { "Pause" } else { "Delete" }
    }
}

/// What is wanted afterwards: `edit` goes on in the builder.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Then {
    then: String,
}

/// What the question says.
struct Question {
    id: WorkflowId,
    name: String,
    end: End,
    nobody: bool,
    contacts: String,
    refund: String,
    then: String,
}

impl Question {
    fn is_delete(&self) -> bool {
        self.end == End::Delete
    }

    /// Names the act and its price.
    fn button(&self) -> String {
        let title = self.end.title();
        if self.nobody { title.to_owned() } else { format!("{title} and refund {}", self.refund) }
    }
}

#[derive(Template)]
#[template(path = "workflows/end.html")]
struct EndPage<'v> {
    frame: Frame<'v>,
    question: Question,
}

#[derive(Template)]
#[template(path = "workflows/end-dialog.html")]
struct EndDialog {
    question: Question,
}

async fn ask_pause(
    parts: State<Parts>,
    viewer: Viewer,
    asker: Asker,
    id: Id<WorkflowId>,
    then: Query<Then>,
) -> Result<Response, Wrong> {
    ask(&parts, &viewer, &asker, id.0, End::Pause, then.0).await
}

async fn ask_delete(
    parts: State<Parts>,
    viewer: Viewer,
    asker: Asker,
    id: Id<WorkflowId>,
    then: Query<Then>,
) -> Result<Response, Wrong> {
    ask(&parts, &viewer, &asker, id.0, End::Delete, then.0).await
}

async fn ask(
    parts: &Parts,
    viewer: &Viewer,
    asker: &Asker,
    id: WorkflowId,
    end: End,
    then: Then,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let removal = parts.engine.pause_preview(&viewer.actor, id).await?;
    let name = parts.engine.workflow(&viewer.actor, id).await?.summary.workflow.name;
    let question = Question {
        id,
        name,
        end,
        nobody: removal.contacts == 0,
        contacts: counted(removal.contacts, "contact is", "contacts are"),
        refund: amounts(removal.refunded),
        then: then.then,
    };
    Ok(match asker {
        Asker::Browser => html(&EndPage { frame: Frame::new(end.title(), Section::Workflows, viewer), question }),
        Asker::Script { .. } => html(&EndDialog { question }),
    })
}

fn told(name: &str, done: &str, removal: Removal) -> String {
    if removal.contacts == 0 {
        return format!("“{name}” is {done}; nobody was in it");
    }
    let contacts = counted(removal.contacts, "contact was", "contacts were");
    format!("“{name}” is {done}: {contacts} removed, {} came back", amounts(removal.refunded))
}

async fn pause(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WorkflowId>,
    Form(then): Form<Then>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let name = parts.engine.workflow(&viewer.actor, id).await?.summary.workflow.name;
    let removal = parts.engine.pause_workflow(&viewer.actor, id).await?;
    let to = if then.then == "edit" { format!("/workflows/{id}/edit") } else { "/workflows".to_owned() };
    Ok(Done::to(to).saying(told(&name, "paused", removal)).into_response())
}

async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<WorkflowId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let name = parts.engine.workflow(&viewer.actor, id).await?.summary.workflow.name;
    let removal = parts.engine.delete_workflow(&viewer.actor, id).await?;
    Ok(Done::to("/workflows").saying(told(&name, "deleted", removal)).into_response())
}
