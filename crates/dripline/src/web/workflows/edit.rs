//! `/workflows/new` and `/workflows/{id}/edit`: the builder. A plain form: each button sends all of it and gets it back changed, so nothing
//! that was typed is lost. With script, what a text costs and how it reads is told while it is typed ([`live`]).

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::{ContactId, WorkflowId};
use domain::workflow::{ChangeError, MAX_GAP_DAYS, MAX_STEPS};
use engine::workflows::{SaveError, WorkflowView};

use super::written::{Act, Written};
use crate::web::answer::{Done, html, refused};
use crate::web::form::Form;
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::workflows::draft::{Choice, Shown, choices};
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/workflows/new", get(show_new).post(post_new))
        .route("/workflows/{id}/edit", get(show).post(post_edit))
        .route("/workflows/draft", post(live))
        .route("/workflows/draft/contacts", post(found))
}

/// What a conflict with somebody else's change shows.
struct Conflict {
    /// The version that is stored now.
    version: i64,
    theirs: Vec<String>,
    name: String,
}

/// Why the whole form was not saved, apart from what is told in its places.
enum Trouble {
    None,
    Conflict(Conflict),
    /// Contacts move through it since it was opened.
    Active(String),
}

#[derive(Template)]
#[template(path = "workflows/edit.html")]
struct EditPage<'v> {
    frame: Frame<'v>,
    id: Option<WorkflowId>,
    address: String,
    written: Written,
    shown: Shown,
    choices: Vec<Choice>,
    trouble: Trouble,
    dirty: bool,
}

impl EditPage<'_> {
    fn full(&self) -> bool {
        self.written.steps.len() >= MAX_STEPS
    }

    fn most_days(&self) -> u16 {
        MAX_GAP_DAYS
    }

    /// The steps' keys as they stand here: whoever drags them sends another order, and the gaps stay at their places.
    fn was(&self) -> String {
        let keys: Vec<String> = self.written.steps.iter().map(|step| step.key.to_string()).collect();
        keys.join(" ")
    }
}

#[derive(Template)]
#[template(path = "workflows/live.html")]
struct Live {
    written: Written,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "workflows/choices.html")]
struct Choices {
    choices: Vec<Choice>,
}

/// How an active workflow is shown: to be read.
#[derive(Template)]
#[template(path = "workflows/locked.html")]
struct LockedPage<'v> {
    frame: Frame<'v>,
    id: WorkflowId,
    name: String,
    contacts: String,
    refund: String,
    written: Written,
    shown: Shown,
}

/// A builder that is about to be shown.
struct Builder {
    id: Option<WorkflowId>,
    written: Written,
    taken: bool,
    trouble: Trouble,
    dirty: bool,
}

async fn page<'v>(parts: &Parts, viewer: &'v Viewer, builder: Builder) -> Result<EditPage<'v>, Wrong> {
    let Builder { id, written, taken, trouble, dirty } = builder;
    let title = if id.is_some() { "Edit workflow" } else { "New workflow" };
    let shown = Shown::of(parts, viewer, &written, taken).await?;
    let choices = choices(parts, viewer, &written).await?;
    let address = id.map_or_else(|| "/workflows/new".to_owned(), |id| format!("/workflows/{id}/edit"));
    let frame = Frame::new(title, Section::Workflows, viewer);
    Ok(EditPage { frame, id, address, written, shown, choices, trouble, dirty })
}

async fn show_new(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let builder = Builder { id: None, written: Written::fresh(), taken: false, trouble: Trouble::None, dirty: false };
    let mut page = page(&parts, &viewer, builder).await?;
    page.shown.hide_faults();
    Ok(html(&page))
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<WorkflowId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let view = parts.engine.workflow(&viewer.actor, id).await?;
    let written = Written::of(&view);
    if view.summary.active_contacts > 0 {
        let back = parts.engine.pause_preview(&viewer.actor, id).await?;
        let shown = Shown::of(&parts, &viewer, &written, false).await?;
        return Ok(html(&LockedPage {
            frame: Frame::new(view.summary.workflow.name.clone(), Section::Workflows, &viewer),
            id,
            name: view.summary.workflow.name,
            contacts: crate::web::format::counted(back.contacts, "contact", "contacts"),
            refund: crate::web::enrollments::amounts(back.refunded),
            written,
            shown,
        }));
    }
    let builder = Builder { id: Some(id), written, taken: false, trouble: Trouble::None, dirty: false };
    Ok(html(&page(&parts, &viewer, builder).await?))
}

async fn post_new(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(written): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    act(&parts, &viewer, None, Written::read(&written)).await
}

async fn post_edit(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WorkflowId>,
    Form(written): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    act(&parts, &viewer, Some(id), Written::read(&written)).await
}

/// What the pressed button asks for. Everything but saving changes the form alone.
async fn act(parts: &Parts, viewer: &Viewer, id: Option<WorkflowId>, written: Written) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    if let Some(id) = id {
        parts.engine.workflow(&viewer.actor, id).await?;
    }
    if written.act == Act::Save {
        return save(parts, viewer, id, written).await;
    }
    let changed = written.changed();
    let builder = Builder { id, written: changed, taken: false, trouble: Trouble::None, dirty: true };
    let mut page = page(parts, viewer, builder).await?;
    page.shown.hide_empty(&page.written);
    Ok(html(&page))
}

async fn save(parts: &Parts, viewer: &Viewer, id: Option<WorkflowId>, written: Written) -> Result<Response, Wrong> {
    let (engine, actor) = (&parts.engine, &viewer.actor);
    let saved = match id {
        Some(id) => engine.edit_workflow(actor, id, written.over.unwrap_or(written.version), written.input()).await,
        None => engine.create_workflow(actor, written.input()).await,
    };
    let (mut trouble, mut taken) = (Trouble::None, false);
    match saved {
        Ok(view) => {
            let text = format!("“{}” is saved", view.summary.workflow.name);
            return Ok(Done::to(format!("/workflows/{}", view.summary.workflow.id)).saying(text).into_response());
        }
        Err(SaveError::NameTaken { .. }) => taken = true,
        Err(SaveError::Change(ChangeError::Active { contacts })) => {
            trouble = Trouble::Active(crate::web::format::counted(contacts, "contact", "contacts"));
        }
        Err(SaveError::Change(ChangeError::Stale { now, .. })) => {
            if let Some(id) = id {
                trouble = Trouble::Conflict(conflict(&engine.workflow(actor, id).await?, now));
            }
        }
        // These are told where they are.
        Err(SaveError::Invalid(_) | SaveError::Nul { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    let builder = Builder { id, written, taken, trouble, dirty: true };
    Ok(refused(&page(parts, viewer, builder).await?))
}

fn conflict(theirs: &WorkflowView, version: i64) -> Conflict {
    let step = |step: &store::workflows::StepRow| match (step.step, step.gap_days) {
        (1, 0) => step.template.clone(),
        (_, 1) => format!("+1 day: {}", step.template),
        (_, days) => format!("+{days} days: {}", step.template),
    };
    let name = theirs.summary.workflow.name.clone();
    Conflict { version, theirs: theirs.steps.iter().map(step).collect(), name }
}

/// What is told while it is typed: everything but the fields.
async fn live(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(written): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::WorkflowsWrite)?;
    let written = Written::read(&written);
    let mut shown = Shown::of(&parts, &viewer, &written, false).await?;
    shown.hide_empty(&written);
    Ok(html(&Live { written, shown }))
}

/// The contacts that fit what was typed.
async fn found(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(written): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Read)?;
    Ok(html(&Choices { choices: choices(&parts, &viewer, &Written::read(&written)).await? }))
}

/// Whom the preview is for.
pub(super) fn contact_of(written: &Written) -> Option<ContactId> {
    written.contact.parse().ok()
}
