//! What a team says of a contact among itself: labels, whose task it is, when to come back to it, notes. In the Messenger's panel and on the contact's page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Extension, Router};
use domain::ids::{ContactId, LabelId, NoteId, UserId, WorkflowId};
use engine::labels::Labelling;
use serde::Deserialize;
use store::labels::Label;
use store::{DbError, conversations, labels, notes};

use super::answer::{Done, html};
use super::asked::Asker;
use super::form::Form;
use super::format::{self, Moment};
use super::path::Id;
use super::reminders::Remind;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// Notes that are shown.
const NOTES: i64 = 50;

/// Where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// In the panel beside a conversation.
    Messenger,
    /// On the contact's page.
    Contact,
}

impl Place {
    /// What the addresses of its forms begin with.
    fn base(self, contact: ContactId) -> String {
        match self {
            Self::Messenger => format!("/messenger/{contact}"),
            Self::Contact => format!("/contacts/{contact}"),
        }
    }

    /// The page that it is on.
    fn page(self, contact: ContactId) -> String {
        match self {
            Self::Messenger => format!("/messenger/{contact}?pane=side"),
            Self::Contact => format!("/contacts/{contact}"),
        }
    }
}

/// The forms of one place.
pub(super) fn routes(place: Place) -> Router<Parts> {
    let at = |what: &str| match place {
        Place::Messenger => format!("/messenger/{{id}}/{what}"),
        Place::Contact => format!("/contacts/{{id}}/{what}"),
    };
    Router::new()
        .route(&at("assign"), post(assign))
        .route(&at("label"), post(label))
        .route(&at("unlabel"), post(unlabel))
        .route(&at("remind"), post(remind))
        .route(&at("unremind"), post(unremind))
        .route(&at("note"), post(note))
        .route(&at("unnote"), post(unnote))
        .layer(Extension(place))
}

/// A note, as it is shown.
pub(super) struct Note {
    pub(super) id: NoteId,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) at: Moment,
    pub(super) may_delete: bool,
}

/// When to come back to the contact, as it is shown.
pub(super) struct Later {
    pub(super) due: Moment,
    pub(super) note: String,
    /// The workflow to start then.
    pub(super) start: Option<(WorkflowId, String)>,
}

/// All that is said of one contact.
pub(super) struct About {
    pub(super) base: String,
    /// The labels that the contact has, and the lists that it is on.
    pub(super) labels: Vec<Label>,
    /// Those that it does not have, and is not on.
    pub(super) more_labels: Vec<Label>,
    pub(super) more_lists: Vec<Label>,
    pub(super) users: Vec<(UserId, String, bool)>,
    pub(super) later: Option<Later>,
    /// The workflows that a reminder may be for.
    pub(super) workflows: Vec<(WorkflowId, String)>,
    pub(super) notes: Vec<Note>,
    pub(super) may_write: bool,
    /// Whether there is a conversation that this viewer may give to somebody.
    pub(super) may_assign: bool,
}

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPart {
    about: About,
}

impl About {
    /// Of a contact that is known to be there.
    pub(super) async fn read(parts: &Parts, viewer: &Viewer, place: Place, contact: ContactId) -> Result<Self, Wrong> {
        let (engine, actor, workspace) = (&parts.engine, &viewer.actor, viewer.actor.workspace());
        let read = engine.read::<_, DbError, _>(move |db| {
            let given = labels::of_contacts(db, workspace, &[contact])?;
            let notes = notes::of_contact(db, workspace, contact, NoteId(i64::MAX), NOTES)?;
            Ok((given, notes, conversations::find(db, workspace, contact)?))
        });
        let (given, notes, standing) = read.await?;
        let labels: Vec<Label> = given.into_iter().map(|(_, label)| label).collect();
        let has = |id: LabelId| labels.iter().any(|label| label.id == id);
        let more = engine.labels(actor).await?.into_iter().filter(|label| !has(label.id));
        let (more_lists, more_labels) = more.partition(Label::is_list);
        let users = engine.users(actor).await?;
        let workflows = engine.workflows(actor).await?.into_iter().map(|one| (one.workflow.id, one.workflow.name));
        let workflows: Vec<(WorkflowId, String)> = workflows.collect();
        let later = engine.reminder(actor, contact).await?.map(|kept| Later {
            due: format::moment(kept.due_at, viewer.now, &viewer.zone),
            start: kept.workflow.and_then(|id| workflows.iter().find(|one| one.0 == id).cloned()),
            note: kept.note,
        });
        let (may_write, leads) = (viewer.may("contacts:write"), viewer.may("team:write"));
        let note = |note: notes::Note| {
            let author = users.iter().find(|user| user.id.to_string() == note.author);
            Note {
                id: note.id,
                author: author.map_or("a former user", |user| &user.name).to_owned(),
                at: format::moment(note.created_at, viewer.now, &viewer.zone),
                may_delete: may_write && (leads || note.author == actor.name()),
                body: note.body,
            }
        };
        let assignee = standing.and_then(|standing| standing.assignee);
        Ok(Self {
            base: place.base(contact),
            notes: notes.into_iter().map(note).collect(),
            later,
            workflows,
            labels,
            more_labels,
            more_lists,
            users: users.into_iter().map(|user| (user.id, user.name, assignee == Some(user.id))).collect(),
            may_write,
            may_assign: standing.is_some() && viewer.may("send"),
        })
    }
}

/// What a change comes with.
type Asked<F> = (State<Parts>, Extension<Place>, Viewer, Asker, Id<ContactId>, Form<F>);

/// The part with what was changed; without script the page again.
async fn changed(
    parts: &Parts,
    viewer: &Viewer,
    asker: &Asker,
    (place, contact): (Place, ContactId),
) -> Result<Response, Wrong> {
    match asker {
        Asker::Browser => Ok(Done::to(place.page(contact)).into_response()),
        Asker::Script { .. } => {
            let about = About::read(parts, viewer, place, contact).await?;
            Ok(html(&AboutPart { about }))
        }
    }
}

#[derive(Deserialize)]
struct Assigned {
    #[serde(default)]
    user: String,
}

async fn assign(asked: Asked<Assigned>) -> Result<Response, Wrong> {
    let (State(parts), Extension(place), viewer, asker, Id(contact), Form(form)) = asked;
    let to = match form.user.as_str() {
        "" => None,
        id => Some(id.parse::<UserId>().map_err(|_| Wrong::not_found("the user"))?),
    };
    parts.engine.assign(&viewer.actor, vec![contact], to).await?;
    changed(&parts, &viewer, &asker, (place, contact)).await
}

#[derive(Deserialize)]
struct Labelled {
    label: LabelId,
}

async fn label(asked: Asked<Labelled>) -> Result<Response, Wrong> {
    labelled(asked, Labelling::Give).await
}

async fn unlabel(asked: Asked<Labelled>) -> Result<Response, Wrong> {
    labelled(asked, Labelling::Take).await
}

async fn labelled(asked: Asked<Labelled>, labelling: Labelling) -> Result<Response, Wrong> {
    let (State(parts), Extension(place), viewer, asker, Id(contact), Form(form)) = asked;
    parts.engine.label_contacts(&viewer.actor, form.label, vec![contact], labelling).await?;
    changed(&parts, &viewer, &asker, (place, contact)).await
}

async fn remind(asked: Asked<Remind>) -> Result<Response, Wrong> {
    let (State(parts), Extension(place), viewer, asker, Id(contact), Form(form)) = asked;
    parts.engine.remind(&viewer.actor, contact, form.wish()?).await?;
    changed(&parts, &viewer, &asker, (place, contact)).await
}

/// A form that says nothing but that it was sent.
#[derive(Deserialize)]
struct Pressed {}

async fn unremind(asked: Asked<Pressed>) -> Result<Response, Wrong> {
    let (State(parts), Extension(place), viewer, asker, Id(contact), Form(Pressed {})) = asked;
    parts.engine.end_reminder(&viewer.actor, contact).await?;
    changed(&parts, &viewer, &asker, (place, contact)).await
}

#[derive(Deserialize)]
struct Noted {
    body: String,
}

async fn note(asked: Asked<Noted>) -> Result<Response, Wrong> {
    let (State(parts), Extension(place), viewer, asker, Id(contact), Form(form)) = asked;
    parts.engine.add_note(&viewer.actor, contact, &form.body).await?;
    changed(&parts, &viewer, &asker, (place, contact)).await
}

#[derive(Deserialize)]
struct Unnoted {
    note: NoteId,
}

async fn unnote(asked: Asked<Unnoted>) -> Result<Response, Wrong> {
    let (State(parts), Extension(place), viewer, asker, Id(contact), Form(form)) = asked;
    parts.engine.delete_note(&viewer.actor, form.note).await?;
    changed(&parts, &viewer, &asker, (place, contact)).await
}
