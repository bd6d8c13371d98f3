//! `/contacts/erase`: erasing a person, found by a contact of theirs or by the phone that they name, with what goes and what stays shown before.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::ids::ContactId;
use engine::erasing::{EraseError, Erasure, Person};
use serde::Deserialize;

use crate::api::jobs::go_on;
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/contacts/erase", get(ask).post(erase))
}

/// Whom: a contact, or a phone as it was typed. Neither asks for one.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Asked {
    contact: Option<ContactId>,
    phone: String,
}

impl Asked {
    fn person(&self) -> Option<Person> {
        let phone = Some(self.phone.trim()).filter(|phone| !phone.is_empty());
        self.contact.map(Person::Contact).or_else(|| phone.map(|phone| Person::Phone(phone.to_owned())))
    }
}

/// A contact that would be emptied.
struct Line {
    id: ContactId,
    name: String,
    phone: String,
    created: Moment,
    deleted: Option<Moment>,
}

#[derive(Template)]
#[template(path = "contacts/erase.html")]
struct ErasePage<'v> {
    frame: Frame<'v>,
    phone: String,
    fault: Fault,
    /// Whoever was found; nobody before somebody is looked for.
    lines: Vec<Line>,
    /// How many, in words.
    count: String,
    forbid: bool,
}

async fn page<'v>(parts: &Parts, viewer: &'v Viewer, asked: &Asked, fault: Fault) -> Result<ErasePage<'v>, Wrong> {
    let mut page = ErasePage {
        frame: Frame::new("Erase a person", Section::Contacts, viewer),
        phone: asked.phone.clone(),
        fault,
        lines: Vec::new(),
        count: String::new(),
        forbid: true,
    };
    let Some(person) = asked.person() else { return Ok(page) };
    let found = match parts.engine.whom_to_erase(&viewer.actor, person).await {
        Ok(found) => found,
        Err(error @ (EraseError::Phone(_) | EraseError::Unknown)) if asked.contact.is_none() => {
            page.fault = Fault::at("phone", &error);
            return Ok(page);
        }
        Err(error) => return Err(error.into()),
    };
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let line = |contact: &engine::contacts::Contact| Line {
        id: contact.id,
        name: contact.name.clone(),
        phone: format::phone(&contact.phone),
        created: moment(contact.created_at),
        deleted: contact.deleted_at.map(moment),
    };
    page.lines = found.iter().map(line).collect();
    page.count = format::counted(i64::try_from(found.len()).unwrap_or(i64::MAX), "contact", "contacts");
    Ok(page)
}

async fn ask(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsErase)?;
    let page = page(&parts, &viewer, &asked, Fault::default()).await?;
    Ok(if page.fault.of("phone").is_empty() { html(&page) } else { refused(&page) })
}

/// Who was shown, and whether their phones go on the list.
#[derive(Debug, Deserialize)]
struct Sent {
    contact: ContactId,
    #[serde(default)]
    forbid: Option<String>,
}

async fn erase(State(parts): State<Parts>, viewer: Viewer, Form(sent): Form<Sent>) -> Result<Response, Wrong> {
    let erasure = Erasure { person: Person::Contact(sent.contact), do_not_contact: sent.forbid.is_some() };
    match parts.engine.erase(&viewer.actor, erasure, None).await {
        Ok(job) => {
            go_on(parts, viewer.actor, &job);
            Ok(Done::to(format!("/jobs/{}", job.id)).saying("The person was erased").into_response())
        }
        Err(error @ (EraseError::OnTheWay { .. } | EraseError::Arriving)) => {
            let asked = Asked { contact: Some(sent.contact), phone: String::new() };
            let mut page = page(&parts, &viewer, &asked, Fault::at("erase", &error)).await?;
            page.forbid = sent.forbid.is_some();
            Ok(refused(&page))
        }
        Err(error) => Err(error.into()),
    }
}
