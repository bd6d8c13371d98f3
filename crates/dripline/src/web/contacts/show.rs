//! `/contacts/{id}`: one contact: what is known, what runs, what happened, and what forbids texting.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, EnrollmentId, EventId};
use domain::suppression::Suppression;
use engine::changes::{Change, Whom};
use engine::contacts::list::Standing;
use engine::contacts::{Contact, ContactError, warnings};
use serde::Deserialize;
use store::{DbError, contacts, enrollments, events, numbers, suppressions, workflows};

use super::{named, sentence};
use crate::web::answer::{Done, html, refused};
use crate::web::enrollments::{Again, again, state};
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Most enrollments and most events that are shown.
const SHOWN: i64 = 30;
/// The fields that every contact has on this page: key and name.
const STANDARD: [(&str, &str); 10] = [
    ("firstname", "First name"),
    ("lastname", "Last name"),
    ("fullname", "Full name"),
    ("company", "Company"),
    ("email", "Email"),
    ("address", "Address"),
    ("city", "City"),
    ("state", "State"),
    ("zip", "ZIP"),
    ("timezone", "Time zone"),
];

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/contacts/{id}", get(show).post(save))
        .route("/contacts/{id}/list", post(list))
        .route("/contacts/{id}/delete", post(delete))
}

/// A field in the form.
struct Field {
    key: String,
    name: String,
    value: String,
}

/// A list that forbids texting.
struct Block {
    name: &'static str,
    word: &'static str,
    since: Moment,
    /// Whether this viewer may take the contact off it.
    may_lift: bool,
}

/// A run through a workflow.
struct Run {
    id: EnrollmentId,
    workflow: String,
    state: String,
    running: bool,
    /// Such as `2 of 5`.
    step: String,
    next: Option<Moment>,
    started: Moment,
    again: Option<Again>,
}

/// Another number of the same person.
struct Kin {
    id: ContactId,
    name: String,
    phone: String,
}

/// Something that happened.
struct Happened {
    text: String,
    by: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "contacts/show.html")]
struct ContactPage<'v> {
    frame: Frame<'v>,
    id: ContactId,
    name: String,
    phone: String,
    fields: Vec<Field>,
    wrong: String,
    odd: Vec<String>,
    number: Option<String>,
    blocks: Vec<Block>,
    /// Whether the contact is not on the do-not-contact list.
    may_block: bool,
    runs: Vec<Run>,
    runs_now: bool,
    kin: Vec<Kin>,
    history: Vec<Happened>,
    created: Moment,
    may_write: bool,
    may_enroll: bool,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, id).await?))
}

/// All that the page needs, as one state of the database.
struct Loaded {
    contact: Contact,
    own: Vec<(String, String)>,
    lists: Vec<(Suppression, jiff::Timestamp)>,
    runs: Vec<enrollments::Enrollment>,
    workflows: Vec<workflows::Workflow>,
    numbers: Vec<numbers::Number>,
    kin: Vec<Contact>,
    events: Vec<events::Event>,
}

async fn load(parts: &Parts, viewer: &Viewer, id: ContactId) -> Result<Loaded, Wrong> {
    let workspace = viewer.actor.workspace();
    let contact = parts.engine.contact(&viewer.actor, id).await?;
    let read = parts.engine.read::<_, DbError, _>(move |db| {
        let (hash, person) = (contact.phone_hash, contact.person);
        let mut lists = Vec::new();
        for (_, kind) in suppressions::of(db, workspace, &[hash])? {
            lists.extend(suppressions::since(db, workspace, hash, kind)?.map(|since| (kind, since)));
        }
        let kin = match person {
            Some(person) => contacts::of_person(db, workspace, person)?,
            None => Vec::new(),
        };
        let kin: Vec<ContactId> = kin.into_iter().filter(|other| *other != id).collect();
        let runs = enrollments::of_contact(db, workspace, id, EnrollmentId(i64::MAX), SHOWN)?;
        let mut flows = Vec::new();
        for run in &runs {
            flows.extend(workflows::find(db, workspace, run.workflow)?);
        }
        Ok(Loaded {
            own: contacts::custom_fields(db, workspace)?,
            lists,
            runs,
            workflows: flows,
            numbers: numbers::list(db, workspace)?,
            kin: contacts::some(db, workspace, &kin)?,
            events: events::of_contact(db, workspace, id, EventId(i64::MAX), SHOWN)?,
            contact: contact.clone(),
        })
    });
    Ok(read.await?)
}

async fn page<'v>(parts: &Parts, viewer: &'v Viewer, id: ContactId) -> Result<ContactPage<'v>, Wrong> {
    let loaded = load(parts, viewer, id).await?;
    let contact = &loaded.contact;
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let may_write = viewer.may("contacts:write");
    let block = |(kind, since): &(Suppression, jiff::Timestamp)| Block {
        name: Standing::from_word(kind.word()).map_or(kind.word(), named),
        word: kind.word(),
        since: moment(*since),
        may_lift: match kind {
            Suppression::DoNotContact | Suppression::Undeliverable => may_write,
            Suppression::ComplianceBlocked => viewer.may("settings:write"),
            Suppression::OptedOut => false,
        },
    };
    let kin = loaded.kin.iter().map(|other| Kin {
        id: other.id,
        name: other.name.clone(),
        phone: format::phone(&other.phone),
    });
    let number = contact.number.and_then(|id| loaded.numbers.iter().find(|number| number.id == id));
    let runs: Vec<Run> = loaded.runs.iter().map(|run| run_of(run, &loaded.workflows, viewer)).collect();
    Ok(ContactPage {
        frame: Frame::new(contact.name.clone(), Section::Contacts, viewer),
        id,
        name: contact.name.clone(),
        phone: format::phone(&contact.phone),
        fields: fields(contact, &loaded.own),
        wrong: String::new(),
        odd: warnings(&contact.fields).iter().map(|one| sentence(&one.to_string())).collect(),
        number: number.map(|number| format::phone(&number.phone)),
        blocks: loaded.lists.iter().map(block).collect(),
        may_block: may_write && loaded.lists.iter().all(|(kind, _)| *kind != Suppression::DoNotContact),
        runs_now: runs.iter().any(|run| run.running),
        runs,
        kin: kin.collect(),
        history: loaded.events.iter().map(|event| happened(event, viewer)).collect(),
        created: moment(contact.created_at),
        may_write,
        may_enroll: viewer.may("enroll"),
    })
}

/// The fields of the form: the standard ones, the workspace's own, and whatever else the contact has.
fn fields(contact: &Contact, own: &[(String, String)]) -> Vec<Field> {
    let of = |key: &str| contact.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let known = STANDARD.map(|(key, name)| (key.to_owned(), name.to_owned())).into_iter().chain(own.iter().cloned());
    known.map(|(key, name)| Field { value: of(&key).unwrap_or_default(), key, name }).collect()
}

fn run_of(run: &enrollments::Enrollment, flows: &[workflows::Workflow], viewer: &Viewer) -> Run {
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let flow = flows.iter().find(|one| one.id == run.workflow);
    let (all, next) = (run.prices.len(), usize::from(run.next_step));
    let running = run.state == EnrollmentState::Active;
    Run {
        id: run.id,
        workflow: flow.map_or("?", |one| &one.name).to_owned(),
        state: state(run),
        again: again(run, flow),
        running,
        step: if running { format!("message {next} of {all} comes next") } else { String::new() },
        next: run.due_at.filter(|_| running).map(moment),
        started: moment(run.started_at),
    }
}

/// An event in plain words.
fn happened(event: &events::Event, viewer: &Viewer) -> Happened {
    let facts: serde_json::Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let word = |name: &str| facts[name].as_str().unwrap_or_default().replace('_', " ");
    let text = match event.kind.as_str() {
        "contact.created" => "Added".to_owned(),
        "contact.changed" => {
            let names = facts["fields"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = names.iter().filter_map(|name| name.as_str()).collect();
            format!("Changed: {}", names.join(", "))
        }
        "contact.deleted" => "Deleted".to_owned(),
        "contact.restored" => "Restored".to_owned(),
        "contact.suppressed" => format!("Put on the list “{}”", word("list")),
        "contact.unsuppressed" => format!("Taken off the list “{}”", word("list")),
        "enrollment.started" => "Added to a workflow".to_owned(),
        "enrollment.stopped" => format!("Workflow stopped: {}", word("reason")),
        "enrollment.completed" => "Workflow completed".to_owned(),
        "message.received" => "Wrote to us".to_owned(),
        "message.sent" => "A message was sent".to_owned(),
        "message.failed" => "A message failed".to_owned(),
        other => other.replace(['.', '_'], " "),
    };
    let by = match event.actor.as_str() {
        actor if actor.starts_with("usr_") => "a user",
        actor if actor.starts_with("key_") => "an API key",
        actor => actor,
    };
    Happened { text, by: by.to_owned(), at: format::moment(event.at, viewer.now, &viewer.zone) }
}

async fn save(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ContactId>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    let before = parts.engine.contact(&viewer.actor, id).await?;
    let of = |key: &str| before.fields.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str());
    let changed = form.iter().filter(|(key, value)| of(key) != value.trim().replace("\r\n", "\n"));
    let changes = changed.map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    match parts.engine.edit_contact(&viewer.actor, id, changes).await {
        Ok(contact) => {
            let said = format!("{} was saved", contact.name);
            Ok(Done::to(format!("/contacts/{id}")).saying(said).into_response())
        }
        Err(error @ (ContactError::Field(_) | ContactError::TooManyCustomFields { .. })) => {
            let mut page = page(&parts, &viewer, id).await?;
            page.wrong = sentence(&error.to_string());
            for field in &mut page.fields {
                if let Some((_, typed)) = form.iter().find(|(key, _)| *key == field.key) {
                    field.value.clone_from(typed);
                }
            }
            Ok(refused(&page))
        }
        Err(error) => Err(error.into()),
    }
}

/// Which list, and whether the contact goes on it or comes off.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Listing {
    list: String,
    off: String,
}

async fn list(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ContactId>,
    Form(form): Form<Listing>,
) -> Result<Response, Wrong> {
    let kind = Suppression::from_word(&form.list).ok_or_else(|| Wrong::not_found("the list"))?;
    let name = Standing::from_word(kind.word()).map_or(kind.word(), named).to_lowercase();
    let said = if form.off.is_empty() {
        parts.engine.suppress(&viewer.actor, id, kind).await?;
        format!("On the list “{name}”: nothing is sent any more, and what ran was refunded")
    } else {
        parts.engine.unsuppress(&viewer.actor, id, kind).await?;
        format!("Taken off the list “{name}”")
    };
    Ok(Done::to(format!("/contacts/{id}")).saying(said).into_response())
}

async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    let contact = parts.engine.contact(&viewer.actor, id).await?;
    let job = parts.engine.change_many(&viewer.actor, Change::Delete, Whom::These(vec![id])).await?;
    let job = parts.engine.run_changes(&viewer.actor, job.id).await?;
    let said = format!("{} was deleted; what ran ended and was refunded", contact.name);
    Ok(Done::to("/contacts").saying(said).undo(format!("/contacts/change/{}/undo", job.id)).into_response())
}
