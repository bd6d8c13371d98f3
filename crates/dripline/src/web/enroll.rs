//! `/enroll`: add a contact to a workflow. Pick one, see every message with its date and price, start. For many: [`many`].
//!
//! A dialog where a page's script asks, a page of its own where the browser does; both are the same fragment.

mod many;
mod preview;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::{ContactId, QuoteId, WorkflowId};
use engine::enrolling::{EnrollError, EnrollRequest, Preview};
use engine::workflows::WorkflowSummary;
use serde::Deserialize;

use self::preview::{Fix, Shown, Stop, stops};
use super::answer::{Done, html, refused};
use super::asked::Asker;
use super::form::Form;
use super::format;
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/enroll", get(show).post(start)).route("/enroll/field", post(fill)).merge(many::routes())
}

/// Whom, and through what.
#[derive(Deserialize)]
struct Asked {
    contact: ContactId,
    #[serde(default, deserialize_with = "blank_is_none")]
    workflow: Option<WorkflowId>,
    /// The message to start from, if not the first.
    #[serde(default, deserialize_with = "blank_is_none")]
    from_step: Option<u8>,
    #[serde(default)]
    q: String,
}

/// A field of a form that was left empty.
fn blank_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

/// A workflow that can be picked.
struct Choice {
    id: WorkflowId,
    name: String,
    /// Such as `5 messages over 30 days`.
    about: String,
    active: i64,
    picked: bool,
}

impl From<&WorkflowSummary> for Choice {
    fn from(summary: &WorkflowSummary) -> Self {
        let messages = format::counted(summary.messages, "message", "messages");
        let days = format::counted(summary.total_days, "day", "days");
        let about = if summary.total_days == 0 { messages } else { format!("{messages} over {days}") };
        let workflow = &summary.workflow;
        Self { id: workflow.id, name: workflow.name.clone(), about, active: summary.active_contacts, picked: false }
    }
}

/// What the box shows.
enum Step {
    /// The workflows to pick from.
    Pick { choices: Vec<Choice>, search: String },
    /// Everything that will happen, and the button that starts it.
    Preview { shown: Box<Shown>, changed: bool, key: String },
    /// All that stands against it, each with its fix.
    Stopped { stops: Vec<Stop> },
}

/// What is in the dialog or on the page.
struct Content {
    contact: ContactId,
    name: String,
    phone: String,
    workflow: Option<(WorkflowId, String)>,
    /// The message that it starts from, from 1.
    from_step: u8,
    /// The messages that it may start from; one where there is no choice.
    messages: Vec<u8>,
    may_start: bool,
    step: Step,
}

#[derive(Template)]
#[template(path = "enroll.html")]
struct EnrollPage<'v> {
    frame: Frame<'v>,
    content: Content,
}

#[derive(Template)]
#[template(path = "enroll/dialog.html")]
struct EnrollDialog {
    content: Content,
}

#[derive(Template)]
#[template(path = "enroll/box.html")]
struct EnrollBox {
    content: Content,
}

fn answer(viewer: &Viewer, asker: &Asker, content: Content) -> Response {
    match asker {
        Asker::Browser => {
            html(&EnrollPage { frame: Frame::new("Add to workflow", Section::Messenger, viewer), content })
        }
        Asker::Script { .. } if asker.is_dialog() => html(&EnrollDialog { content }),
        Asker::Script { .. } => html(&EnrollBox { content }),
    }
}

async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let content = content(&parts, &viewer, &asked).await?;
    Ok(answer(&viewer, &asker, content))
}

async fn content(parts: &Parts, viewer: &Viewer, asked: &Asked) -> Result<Content, Wrong> {
    let contact = parts.engine.contact(&viewer.actor, asked.contact).await?;
    let all = parts.engine.workflows(&viewer.actor).await?;
    let picked = asked.workflow.map(|id| {
        let found = all.iter().find(|one| one.workflow.id == id);
        found.map(|one| (id, one)).ok_or_else(|| Wrong::not_found("the workflow"))
    });
    let workflow = picked.transpose()?;
    let from_step = asked.from_step.unwrap_or(1);
    let messages = workflow.map_or(1, |(_, one)| u8::try_from(one.messages).unwrap_or(1));
    let step = match workflow {
        None => {
            let holds = asked.q.trim().to_lowercase();
            let fits = all.iter().filter(|one| one.workflow.name.to_lowercase().contains(&holds));
            Step::Pick { choices: fits.map(Choice::from).collect(), search: asked.q.clone() }
        }
        Some((id, _)) => match parts.engine.quote(&viewer.actor, asked.contact, id, from_step).await {
            Ok(preview) => previewed(viewer, &preview, false),
            Err(EnrollError::Refused(refusals)) => Step::Stopped { stops: stops(&refusals, asked.contact, id) },
            Err(error) => return Err(error.into()),
        },
    };
    let phone = format::phone(&contact.phone.to_string());
    let may_start = viewer.may("enroll");
    let workflow = workflow.map(|(id, one)| (id, one.workflow.name.clone()));
    let messages = (1..=messages).collect();
    Ok(Content { contact: contact.id, name: contact.name, phone, workflow, from_step, messages, may_start, step })
}

fn previewed(viewer: &Viewer, preview: &Preview, changed: bool) -> Step {
    Step::Preview { shown: Box::new(Shown::of(preview, viewer)), changed, key: engine::ids::secret() }
}

/// What the start button sends: the quote that was seen, and a key under which it starts once.
#[derive(Deserialize)]
struct Started {
    contact: ContactId,
    workflow: WorkflowId,
    #[serde(default, deserialize_with = "blank_is_none")]
    from_step: Option<u8>,
    quote: QuoteId,
    key: String,
}

async fn start(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Form(form): Form<Started>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let (contact, workflow, from_step) = (form.contact, form.workflow, form.from_step.unwrap_or(1));
    let asked = Asked { contact, workflow: Some(workflow), from_step: form.from_step, q: String::new() };
    let request = EnrollRequest { contact, workflow, from_step, quote: Some(form.quote), key: Some(form.key) };
    let mut content = match parts.engine.enroll(&viewer.actor, request).await {
        Ok(_) => {
            let found = parts.engine.contact(&viewer.actor, contact).await?;
            let flow = parts.engine.workflow(&viewer.actor, workflow).await?;
            let text = format!("{} is in the workflow {}", found.name, flow.summary.workflow.name);
            return Ok(Done::to(beneath(&asker, contact)).saying(text).into_response());
        }
        Err(EnrollError::QuoteChanged(preview)) => {
            let mut content = content(&parts, &viewer, &asked).await?;
            content.step = previewed(&viewer, &preview, true);
            content
        }
        // A page that was open for longer than a quote holds shows the price of now.
        Err(EnrollError::QuoteUnknown | EnrollError::Refused(_)) => content(&parts, &viewer, &asked).await?,
        Err(error) => return Err(error.into()),
    };
    if let Step::Preview { changed, .. } = &mut content.step {
        *changed = true;
    }
    Ok(match asker {
        Asker::Browser => {
            let frame = Frame::new("Add to workflow", Section::Messenger, &viewer);
            refused(&EnrollPage { frame, content })
        }
        Asker::Script { .. } => refused(&EnrollBox { content }),
    })
}

/// The page under the dialog; from the page of its own one goes to the conversation.
fn beneath(asker: &Asker, contact: ContactId) -> String {
    let page = asker.page().filter(|page| page.starts_with('/') && !page.starts_with("/enroll"));
    page.map_or_else(|| format!("/messenger/{contact}"), str::to_owned)
}

#[derive(Deserialize)]
struct Filled {
    contact: ContactId,
    workflow: WorkflowId,
    #[serde(default, deserialize_with = "blank_is_none")]
    from_step: Option<u8>,
    field: String,
    value: String,
}

/// Fills in the field that stood against it, and looks again.
async fn fill(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Form(form): Form<Filled>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    parts.engine.edit_contact(&viewer.actor, form.contact, vec![(form.field, Some(form.value))]).await?;
    let (contact, workflow) = (form.contact, form.workflow);
    if let Asker::Browser = asker {
        let from_step = form.from_step.unwrap_or(1);
        let page = format!("/enroll?contact={contact}&workflow={workflow}&from_step={from_step}");
        return Ok(Done::to(page).into_response());
    }
    let asked = Asked { contact, workflow: Some(workflow), from_step: form.from_step, q: String::new() };
    let content = content(&parts, &viewer, &asked).await?;
    Ok(answer(&viewer, &asker, content))
}
