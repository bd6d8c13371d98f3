//! `/contacts`: everybody, searched, filtered and sorted; what can be done with many; adding one by hand.

mod asked;
pub(super) mod bulk;
pub(super) mod consent;
mod erase;
mod export;
pub(in crate::web) mod import;
mod merge;
mod show;
mod views;

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::ids::{ContactId, LabelId, ViewId};
use domain::template::{STANDARD_FIELDS, key};
use engine::contacts::list::{Counted, Filter, Listed, Sort, Standing};
use engine::contacts::{ContactError, NewContact};
use engine::views::Place;
use serde::Deserialize;
use store::{DbError, contacts, labels, runs, suppressions};

use self::asked::{ACTIVITIES, Asked, HISTORIES};
use super::answer::{Done, html, refused};
use super::asked::Asker;
use super::form::Form;
use super::format::{self, Moment, count};
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// How many contacts one page has.
const ROWS: u32 = 50;
/// How often one page looks on while nobody is found: each time at 5,000 contacts at most.
const LOOKS: u32 = 20;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/contacts", get(list).post(add))
        .route("/contacts/new", get(new))
        .route("/contacts/count", get(counted))
        .merge(bulk::routes())
        .merge(consent::routes())
        .route("/contacts/export", get(export::file))
        .merge(import::routes())
        .merge(erase::routes())
        .merge(merge::routes())
        .merge(show::routes())
        .merge(views::routes())
}

/// A value in an address.
pub(super) fn escaped(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// A link that changes the list.
struct Choice {
    name: &'static str,
    address: String,
    here: bool,
}

/// What is written beside a contact's name.
pub(super) struct Mark {
    kind: &'static str,
    text: String,
}

struct Line {
    id: ContactId,
    name: String,
    phone: String,
    about: String,
    marks: Vec<Mark>,
    active: Option<Moment>,
    created: Moment,
}

/// The table and what stands around it.
struct Table {
    lines: Vec<Line>,
    filters: Vec<Choice>,
    sorts: Vec<Choice>,
    search: String,
    asked: Asked,
    /// The file that the shown contacts came from.
    of_import: Option<String>,
    everybody: String,
    next: Option<String>,
    first: bool,
    too_many_found: bool,
    arriving: bool,
    /// Whether the workspace has no contact at all.
    none_yet: bool,
    /// The address that says how many fit.
    count: String,
    labels: Vec<Tag>,
    lists: Vec<Tag>,
    /// Choices by workflow, in groups of one workflow each.
    histories: Vec<(String, Vec<Pick>)>,
    activities: Vec<Pick>,
    /// The fields that can be asked for, and what can be asked of the one that is.
    fields: Vec<Pick>,
    hows: Vec<Pick>,
    views: Vec<Saved>,
    /// The filter as a query.
    query: String,
    may_share: bool,
    may_write: bool,
    may_enroll: bool,
    may_export: bool,
    may_erase: bool,
}

/// A choice of a menu.
pub(super) struct Pick {
    value: String,
    name: String,
    here: bool,
}

impl Pick {
    /// Of a word, what it reads, and the word that is chosen.
    fn of((value, name): (&str, &str), chosen: &str) -> Self {
        Self { here: value == chosen, name: name.to_owned(), value: value.to_owned() }
    }
}

/// A view that can be opened.
struct Saved {
    id: ViewId,
    name: String,
    filter: String,
    here: bool,
    may_delete: bool,
}

/// A label or a list that can be chosen.
struct Tag {
    id: LabelId,
    name: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct ContactsPage<'v> {
    frame: Frame<'v>,
    table: Table,
}

#[derive(Template)]
#[template(path = "contacts/table.html")]
struct TablePart {
    table: Table,
}

async fn list(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let table = table(&parts, &viewer, asked).await?;
    Ok(match asker {
        Asker::Browser => html(&ContactsPage { frame: Frame::new("Contacts", Section::Contacts, &viewer), table }),
        Asker::Script { .. } => html(&TablePart { table }),
    })
}

/// A page of those who fit. Where few of very many do, several looks go by until somebody is found.
async fn listed(parts: &Parts, viewer: &Viewer, filter: &Filter, asked: &Asked) -> Result<Listed, Wrong> {
    let mut cursor = asked.cursor.clone();
    for _ in 1..LOOKS {
        let found = parts.engine.list_contacts(&viewer.actor, filter, asked.order(), &cursor, ROWS).await?;
        match found.next {
            Some(next) if found.contacts.is_empty() => cursor = next,
            _ => return Ok(found),
        }
    }
    Ok(parts.engine.list_contacts(&viewer.actor, filter, asked.order(), &cursor, ROWS).await?)
}

async fn table(parts: &Parts, viewer: &Viewer, asked: Asked) -> Result<Table, Wrong> {
    let filter = asked.filter(viewer);
    let found = listed(parts, viewer, &filter, &asked).await?;
    let of_import = match filter.import {
        Some(import) => Some(parts.engine.find_import(&viewer.actor, import).await?.file_name),
        None => None,
    };
    let filters = [("", "All")].into_iter().chain(Standing::ALL.into_iter().map(|one| (one.word(), named(one))));
    let filters = filters.map(|(word, name)| Choice {
        name,
        address: asked.address(&[("state", word)]),
        here: filter.standing.map_or("", Standing::word) == word,
    });
    let sorts = [("", "Newest"), ("name", "Name"), ("activity", "Last activity")];
    let sorts = sorts.map(|(word, name)| Choice {
        name,
        address: asked.address(&[("sort", word)]),
        here: asked.sort == word || (word.is_empty() && asked.order() == Sort::Newest),
    });
    let known = parts.engine.labels(&viewer.actor).await?;
    let tags = |lists: bool, chosen: Option<LabelId>| -> Vec<Tag> {
        let alike = known.iter().filter(|label| label.is_list() == lists);
        alike.map(|label| Tag { id: label.id, here: chosen == Some(label.id), name: label.name.clone() }).collect()
    };
    let first = asked.cursor.is_empty();
    let none_yet = first && found.contacts.is_empty() && filter == Filter::default();
    Ok(Table {
        lines: lines(parts, viewer, found.contacts).await?,
        filters: filters.collect(),
        sorts: sorts.into(),
        search: asked.q.clone(),
        of_import,
        everybody: asked.address(&[("import", "")]),
        next: found.next.map(|cursor| asked.address(&[("cursor", &cursor)])),
        first,
        too_many_found: found.too_many_found,
        arriving: found.arriving,
        none_yet,
        count: asked.address(&[("sort", "")]).replacen("/contacts", "/contacts/count", 1),
        labels: tags(false, filter.label),
        lists: with_gone(tags(true, filter.list), filter.list),
        histories: histories(parts, viewer, &asked).await?,
        activities: activities(&asked),
        fields: fields(parts, viewer, &asked).await?,
        hows: asked.hows(),
        views: saved(parts, viewer, &asked).await?,
        query: asked.query(),
        may_share: viewer.may("send"),
        may_write: viewer.may("contacts:write"),
        may_enroll: viewer.may("enroll"),
        may_export: viewer.may("export"),
        may_erase: viewer.may("contacts:erase"),
        asked,
    })
}

/// A list that is asked for and is there no more stays the chosen one: else the next change of the filter would show everybody.
fn with_gone(mut lists: Vec<Tag>, chosen: Option<LabelId>) -> Vec<Tag> {
    if let Some(id) = chosen.filter(|_| lists.iter().all(|tag| !tag.here)) {
        lists.push(Tag { id, name: "(deleted list)".to_owned(), here: true });
    }
    lists
}

async fn histories(parts: &Parts, viewer: &Viewer, asked: &Asked) -> Result<Vec<(String, Vec<Pick>)>, Wrong> {
    let workflows = parts.engine.workflows(&viewer.actor).await?;
    let group = |one: engine::workflows::WorkflowSummary| {
        let (id, name) = (one.workflow.id, one.workflow.name);
        let picks = HISTORIES.map(|(word, before)| {
            let value = format!("{word}-{id}");
            Pick { here: value == asked.workflow, name: format!("{before} {name}"), value }
        });
        (name, picks.into())
    };
    Ok(workflows.into_iter().map(group).collect())
}

fn activities(asked: &Asked) -> Vec<Pick> {
    ACTIVITIES.map(|one| Pick::of(one, &asked.activity)).into()
}

/// The standard fields that contacts are asked by, then the workspace's own, and one that is asked for and is there no more.
async fn fields(parts: &Parts, viewer: &Viewer, asked: &Asked) -> Result<Vec<Pick>, Wrong> {
    let workspace = viewer.actor.workspace();
    let own = parts.engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
    let standard = STANDARD_FIELDS.iter().filter(|name| !["Full Name", "Phone"].contains(*name));
    let mut picks: Vec<Pick> = standard.map(|name| Pick::of((&key(name), name), &asked.field)).collect();
    picks.extend(own.iter().map(|(key, name)| Pick::of((key, name), &asked.field)));
    if !asked.field.is_empty() && picks.iter().all(|pick| !pick.here) {
        picks.push(Pick::of((&asked.field, &format!("{} (no field)", asked.field)), &asked.field));
    }
    Ok(picks)
}

async fn saved(parts: &Parts, viewer: &Viewer, asked: &Asked) -> Result<Vec<Saved>, Wrong> {
    let (views, query) = (parts.engine.views(&viewer.actor, Place::Contacts).await?, asked.query());
    let one = |view: store::views::View| Saved {
        id: view.id,
        here: view.filter == query,
        may_delete: view.user.is_some() || viewer.may("send"),
        name: view.name,
        filter: view.filter,
    };
    Ok(views.into_iter().map(one).collect())
}

/// The name of a filter.
pub(super) fn named(standing: Standing) -> &'static str {
    match standing {
        Standing::InWorkflow => "In a workflow",
        Standing::NeverTexted => "Never texted",
        Standing::OptedOut => "Opted out",
        Standing::DoNotContact => "Do not contact",
        Standing::ComplianceBlocked => "Blocked by compliance",
        Standing::Undeliverable => "Undeliverable",
    }
}

async fn lines(parts: &Parts, viewer: &Viewer, rows: Vec<contacts::Contact>) -> Result<Vec<Line>, Wrong> {
    let workspace = viewer.actor.workspace();
    let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
    let hashes: Vec<i64> = rows.iter().map(|row| row.phone_hash).collect();
    let read = parts.engine.read::<_, DbError, _>(move |db| {
        let running = runs::of(db, workspace, &ids)?;
        let lists = suppressions::of(db, workspace, &hashes)?;
        let tags = labels::of_contacts(db, workspace, &ids)?;
        let places = contacts::list::fitting(db, workspace, &ids, contacts::list::Must::default(), None)?;
        Ok((running, lists, places, tags))
    });
    let (running, lists, places, tags) = read.await?;
    let running: HashMap<_, _> = running.into_iter().map(|row| (row.contact, row.workflow)).collect();
    let active: HashMap<_, _> = places.into_iter().map(|place| (place.id, place.active_at)).collect();
    let line = |row: contacts::Contact| {
        let workflow =
            running.get(&row.id).map(|workflow| Mark { kind: "badge-primary", text: format!("In {workflow}") });
        let lists = lists.iter().filter(|(hash, _)| *hash == row.phone_hash);
        let lists = lists.filter_map(|(_, kind)| Standing::from_word(kind.word()));
        let lists = lists.map(|standing| Mark { kind: "badge-error", text: named(standing).to_owned() });
        let tags = tags.iter().filter(|(contact, _)| *contact == row.id);
        let tags = tags.map(|(_, label)| Mark {
            kind: if label.is_list() { "badge-ghost" } else { "badge-outline" },
            text: label.name.clone(),
        });
        let of = |key: &str| row.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        Line {
            id: row.id,
            phone: format::phone(&row.phone),
            about: of("address").or_else(|| of("company")).or_else(|| of("email")).unwrap_or_default(),
            marks: workflow.into_iter().chain(lists).chain(tags).collect(),
            active: active.get(&row.id).copied().flatten().map(|at| format::moment(at, viewer.now, &viewer.zone)),
            created: format::moment(row.created_at, viewer.now, &viewer.zone),
            name: row.name,
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

#[derive(Template)]
#[template(path = "contacts/count.html")]
struct CountPart {
    text: String,
}

/// How many there are: apart from the page, since counting a million takes longer than showing fifty.
async fn counted(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let text = match parts.engine.count_contacts(&viewer.actor, &asked.filter(&viewer)).await? {
        Counted::Exactly(number) => format::counted(number, "contact", "contacts"),
        Counted::MoreThan(number) => format!("more than {} contacts", count(number)),
    };
    Ok(html(&CountPart { text }))
}

/// A new contact, as it was typed.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
struct Typed {
    phone: String,
    first: String,
    last: String,
    address: String,
    email: String,
}

#[derive(Template)]
#[template(path = "contacts/new.html")]
struct NewPage<'v> {
    frame: Frame<'v>,
    typed: Typed,
    wrong_phone: String,
    wrong: String,
    /// The contact that has the phone already.
    taken: Option<ContactId>,
}

async fn new(viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(domain::access::Permission::ContactsWrite)?;
    let frame = Frame::new("Add a contact", Section::Contacts, &viewer);
    let (wrong_phone, wrong) = (String::new(), String::new());
    Ok(html(&NewPage { frame, typed: Typed::default(), wrong_phone, wrong, taken: None }))
}

async fn add(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    let given = typed.clone();
    let fields =
        [("First Name", given.first), ("Last Name", given.last), ("Address", given.address), ("Email", given.email)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    let new = NewContact { phone: given.phone, fields, ..NewContact::default() };
    let frame = Frame::new("Add a contact", Section::Contacts, &viewer);
    let mut page = NewPage { frame, typed, wrong_phone: String::new(), wrong: String::new(), taken: None };
    match parts.engine.create_contact(&viewer.actor, new).await {
        Ok(contact) => {
            let said = format!("{} was added", contact.name);
            return Ok(Done::to(format!("/contacts/{}", contact.id)).saying(said).into_response());
        }
        Err(ContactError::Phone(error)) => page.wrong_phone = format::sentence(&error.to_string()),
        Err(ContactError::PhoneTaken { contact }) => {
            page.taken = Some(contact);
            "Another contact has this phone already.".clone_into(&mut page.wrong_phone);
        }
        Err(error @ ContactError::Field(_)) => page.wrong = format::sentence(&error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Ok(refused(&page))
}
