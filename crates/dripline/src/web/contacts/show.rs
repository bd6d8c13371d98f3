//! `/contacts/{id}`: one contact: what is known, what runs, what happened, and what forbids texting.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, EnrollmentId, EventId, NumberId};
use domain::suppression::Suppression;
use engine::changes::{Change, Whom};
use engine::contacts::list::Standing;
use engine::contacts::{Contact, ContactError, warnings};
use serde::Deserialize;
use store::suppression_lists::{self, Holder};
use store::suppressions::Entry;
use store::{DbError, contacts, enrollments, events, numbers, suppressions, workflows};

use super::consent::Holds;
use super::named;
use crate::web::about::{self, About, Place};
use crate::web::answer::{Done, html, refused};
use crate::web::enrollments::{Again, again, state};
use crate::web::form::Form;
use crate::web::format::{self, Icon, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::story::{Names, Told};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Most enrollments and most events that are shown.
const SHOWN: i64 = 30;
/// The fields that every contact has on this page: key and name.
pub(super) const STANDARD: [(&str, &str); 10] = [
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
        .route("/contacts/{id}/number", post(number))
        .route("/contacts/{id}/apart", post(apart))
        .route("/contacts/{id}/delete", post(delete))
        .merge(about::routes(Place::Contact))
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
    by: String,
    /// Whether this viewer may take the contact off it.
    may_lift: bool,
    /// The lists from files that hold it there.
    held: Vec<Holder>,
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

/// A number that the contact may be texted from.
struct Choice {
    id: NumberId,
    phone: String,
    here: bool,
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
    /// The numbers that can be chosen; none where there is nothing to choose.
    numbers: Vec<Choice>,
    blocks: Vec<Block>,
    /// Whether the contact is not on the do-not-contact list.
    may_block: bool,
    runs: Vec<Run>,
    runs_now: bool,
    kin: Vec<Kin>,
    /// When the phone came onto lists that forbid texting and when it left them.
    listings: Vec<(Told, Moment)>,
    history: Vec<(Told, Moment)>,
    holds: Holds,
    about: About,
    created: Moment,
    may_write: bool,
    may_enroll: bool,
    may_erase: bool,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, id).await?))
}

/// All that the page needs, as one state of the database.
struct Loaded {
    contact: Contact,
    own: Vec<(String, String)>,
    lists: Vec<Entry>,
    holders: Vec<Holder>,
    listings: Vec<events::Event>,
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
            lists: suppressions::ever(db, workspace, hash)?,
            holders: suppression_lists::holding(db, workspace, hash)?,
            listings: events::listings(db, workspace, id, SHOWN)?,
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
    let names = Names::load(parts, &viewer.actor).await?;
    let block = |entry: &Entry| Block {
        name: Standing::from_word(entry.kind.word()).map_or(entry.kind.word(), named),
        word: entry.kind.word(),
        since: moment(entry.since),
        by: names.who(&entry.source),
        may_lift: match entry.kind {
            Suppression::DoNotContact | Suppression::Undeliverable => may_write,
            Suppression::ComplianceBlocked => viewer.may("settings:write"),
            Suppression::OptedOut => false,
        },
        held: loaded.holders.iter().filter(|holder| holder.kind == entry.kind.word()).cloned().collect(),
    };
    let kin = loaded.kin.iter().map(|other| Kin {
        id: other.id,
        name: other.name.clone(),
        phone: format::phone(&other.phone),
    });
    let number = contact.number.and_then(|id| loaded.numbers.iter().find(|number| number.id == id));
    let runs: Vec<Run> = loaded.runs.iter().map(|run| run_of(run, &loaded.workflows, viewer)).collect();
    let told = |event: &events::Event| (names.tell_all(event), moment(event.at));
    let blocks: Vec<Block> = loaded.lists.iter().filter(|entry| entry.lifted_at.is_none()).map(block).collect();
    Ok(ContactPage {
        frame: Frame::new(contact.name.clone(), Section::Contacts, viewer),
        id,
        name: contact.name.clone(),
        phone: format::phone(&contact.phone),
        fields: fields(contact, &loaded.own),
        wrong: String::new(),
        odd: warnings(&contact.fields).iter().map(|one| format::sentence(&one.to_string())).collect(),
        number: number.map(|number| format::phone(&number.phone)),
        numbers: choices(contact, &loaded.numbers),
        may_block: may_write && blocks.iter().all(|block| block.word != Suppression::DoNotContact.word()),
        blocks,
        runs_now: runs.iter().any(|run| run.running),
        runs,
        kin: kin.collect(),
        listings: listings(&loaded, &names, viewer),
        history: loaded.events.iter().map(told).collect(),
        holds: Holds::of(parts.engine.consents(&viewer.actor, id, None, 1).await?.standing, &viewer.zone),
        about: About::read(parts, viewer, Place::Contact, id).await?,
        created: moment(contact.created_at),
        may_write,
        may_enroll: viewer.may("enroll"),
        may_erase: viewer.may("contacts:erase"),
    })
}

/// The live numbers, if there is another one than the contact's.
fn choices(contact: &Contact, all: &[numbers::Number]) -> Vec<Choice> {
    let live = all.iter().filter(|number| number.state == "live");
    let choice = |number: &numbers::Number| {
        let here = contact.number == Some(number.id);
        Choice { id: number.id, phone: format::phone(&number.phone), here }
    };
    let choices: Vec<Choice> = live.map(choice).collect();
    if choices.iter().all(|choice| choice.here) { Vec::new() } else { choices }
}

/// What is known of the lists that the phone came onto and left. Of what happened before it was this contact's, only the last
/// is kept, and not who ended it.
fn listings(loaded: &Loaded, names: &Names, viewer: &Viewer) -> Vec<(Told, Moment)> {
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let told = loaded.listings.iter().map(|event| (event.at, names.tell_all(event)));
    let seen = |at| loaded.listings.iter().any(|event| event.at == at);
    let others = loaded.lists.iter().filter_map(|entry| Some((entry.lifted_at?, entry)));
    let others = others.filter(|(at, _)| !seen(*at)).map(|(at, entry)| {
        let name = Standing::from_word(entry.kind.word()).map_or(entry.kind.word(), named);
        let since = viewer.zone.local(entry.since).strftime("%b %-d, %Y");
        let text = format!("Came off the list “{name}”, on which {} had put it on {since}", names.who(&entry.source));
        (at, Told { icon: Icon("circle-check"), text })
    });
    let mut all: Vec<_> = told.chain(others).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.into_iter().map(|(at, told)| (told, moment(at))).collect()
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
            page.wrong = format::sentence(&error.to_string());
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

#[derive(Deserialize)]
struct Chosen {
    number: NumberId,
}

async fn number(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ContactId>,
    Form(form): Form<Chosen>,
) -> Result<Response, Wrong> {
    let contact = parts.engine.choose_number(&viewer.actor, id, form.number).await?;
    let numbers = parts.engine.numbers(&viewer.actor).await?;
    let phone = numbers.iter().find(|one| Some(one.id) == contact.number).map(|one| format::phone(&one.phone));
    let said = format!("{} is texted from {} now", contact.name, phone.unwrap_or_default());
    Ok(Done::to(format!("/contacts/{id}")).saying(said).into_response())
}

async fn apart(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    let contact = parts.engine.part_contact(&viewer.actor, id).await?;
    let said = format!("{} is a person of their own now", contact.name);
    Ok(Done::to(format!("/contacts/{id}")).saying(said).into_response())
}

async fn delete(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    let contact = parts.engine.contact(&viewer.actor, id).await?;
    let job = parts.engine.change_many(&viewer.actor, Change::Delete, Whom::These(vec![id])).await?;
    let job = parts.engine.run_changes(&viewer.actor, job.id).await?;
    let said = format!("{} was deleted; what ran ended and was refunded", contact.name);
    Ok(Done::to("/contacts").saying(said).undo(format!("/contacts/change/{}/undo", job.id)).into_response())
}
