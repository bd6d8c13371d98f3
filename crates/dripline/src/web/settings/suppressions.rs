//! `/settings/suppressions`: the lists that forbid texting a phone. Which one a user may change: `engine::contacts`.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::{ContactId, ListId};
use domain::phone::Phone;
use domain::suppression::Suppression;
use engine::contacts::DEFAULT_REGION;
use serde::Deserialize;

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::Frame;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/suppressions";
/// Rows of a page.
const ROWS: i64 = 50;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show))
        .route("/settings/suppressions/add", post(add))
        .route("/settings/suppressions/lift", post(lift))
}

/// One of the lists.
struct List {
    word: &'static str,
    name: &'static str,
    about: &'static str,
    here: bool,
    may_put: bool,
    may_lift: bool,
}

/// A contact on the list that is shown.
struct Row {
    contact: ContactId,
    name: String,
    phone: String,
    shown: String,
    since: Moment,
}

/// What a search found.
struct Found {
    phone: String,
    shown: String,
    contact: Option<(ContactId, String)>,
    lists: Vec<List>,
    /// The lists from files that hold it.
    files: Vec<File>,
}

/// A list from a file that holds a phone.
struct File {
    id: ListId,
    name: String,
    dated: Option<String>,
    kind: &'static str,
    word: &'static str,
    may_drop: bool,
}

impl Found {
    /// Whether a list from a file keeps the phone there, so that nobody takes it off by hand.
    fn held(&self, word: &str) -> bool {
        self.files.iter().any(|file| file.word == word)
    }

    fn on(&self, word: &str) -> bool {
        self.lists.iter().any(|list| list.word == word)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    list: String,
    q: String,
    before: Option<ContactId>,
}

#[derive(Template)]
#[template(path = "settings/suppressions.html")]
struct SuppressionsPage<'v> {
    frame: Frame<'v>,
    side: Side,
    lists: Vec<List>,
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<ContactId>,
    search: String,
    found: Option<Found>,
    fault: Fault,
    may_export: bool,
}

impl SuppressionsPage<'_> {
    fn here(&self) -> &List {
        self.lists.iter().find(|list| list.here).unwrap_or(&self.lists[0])
    }
}

/// A list as this viewer may use it.
fn list(kind: Suppression, viewer: &Viewer, here: bool) -> List {
    let (name, about) = match kind {
        Suppression::OptedOut => {
            ("Opted out", "They asked for it. Only their own START or recorded new consent lifts it.")
        }
        Suppression::DoNotContact => ("Do not contact", "Your people put them here, and may take them off."),
        Suppression::ComplianceBlocked => ("Compliance", "From a list that the law or your rules ask for."),
        Suppression::Undeliverable => ("Undeliverable", "A carrier said that texts do not arrive there."),
    };
    let (contacts, settings) = (viewer.may("contacts:write"), viewer.may("settings:write"));
    let (may_put, may_lift) = match kind {
        Suppression::OptedOut => (false, false),
        Suppression::DoNotContact => (contacts, contacts),
        Suppression::ComplianceBlocked => (settings, settings),
        Suppression::Undeliverable => (false, contacts),
    };
    List { word: kind.word(), name, about, here, may_put, may_lift }
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    asked: Asked,
    mut fault: Fault,
) -> Result<SuppressionsPage<'v>, Wrong> {
    let kind = Suppression::from_word(&asked.list).unwrap_or(Suppression::OptedOut);
    let before = asked.before.unwrap_or(ContactId(i64::MAX));
    let rows = parts.engine.suppressed(&viewer.actor, kind, before, ROWS).await?;
    let full = i64::try_from(rows.len()).unwrap_or(0) == ROWS;
    let next = rows.last().map(|row| row.contact).filter(|_| full);
    let rows = rows.into_iter().map(|row| Row {
        contact: row.contact,
        name: row.name,
        shown: format::phone(&row.phone),
        phone: row.phone,
        since: format::moment(row.since, viewer.now, &viewer.zone),
    });
    let mut found = None;
    if !asked.q.trim().is_empty() {
        match Phone::parse(&asked.q, DEFAULT_REGION) {
            Ok(phone) => found = Some(search(parts, viewer, phone).await?),
            Err(error) => fault = Fault::at("q", &error),
        }
    }
    let lists = Suppression::ALL.into_iter().map(|one| list(one, viewer, one == kind)).collect();
    let (frame, side) = frame(viewer, HERE);
    Ok(SuppressionsPage {
        frame,
        side,
        lists,
        rows: rows.collect(),
        next,
        search: asked.q,
        found,
        fault,
        may_export: viewer.may("export"),
    })
}

async fn search(parts: &Parts, viewer: &Viewer, phone: Phone) -> Result<Found, Wrong> {
    let known = parts.engine.phone_lists(&viewer.actor, phone).await?;
    let lists = known.lists.into_iter().map(|kind| list(kind, viewer, false)).collect();
    let phone = phone.to_string();
    let files = known.files.into_iter().map(|holder| {
        let kind = Suppression::from_word(&holder.kind).unwrap_or(Suppression::ComplianceBlocked);
        let List { name, word, may_lift, .. } = list(kind, viewer, false);
        File { id: holder.list, name: holder.name, dated: holder.dated, kind: name, word, may_drop: may_lift }
    });
    Ok(Found { shown: format::phone(&phone), phone, contact: known.contact, lists, files: files.collect() })
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, asked, Fault::default()).await?))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Change {
    phone: String,
    list: String,
}

fn kind(word: &str) -> Result<Suppression, Wrong> {
    Suppression::from_word(word).ok_or_else(|| Wrong::not_found("the list"))
}

async fn add(State(parts): State<Parts>, viewer: Viewer, Form(given): Form<Change>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let kind = kind(&given.list)?;
    let phone = match Phone::parse(&given.phone, DEFAULT_REGION) {
        Ok(phone) => phone,
        Err(error) => {
            let asked = Asked { list: given.list, q: given.phone, before: None };
            return Ok(refused(&page(&parts, &viewer, asked, Fault::at("q", &error)).await?));
        }
    };
    let new = parts.engine.suppress_phone(&viewer.actor, phone, kind).await?;
    let shown = format::phone(&phone.to_string());
    let text = if new { format!("{shown} is not texted any more") } else { format!("{shown} was on the list already") };
    Ok(Done::to(format!("{HERE}?list={}", kind.word())).saying(text).into_response())
}

async fn lift(State(parts): State<Parts>, viewer: Viewer, Form(given): Form<Change>) -> Result<Response, Wrong> {
    let (kind, phone) = (kind(&given.list)?, Phone::parse(&given.phone, DEFAULT_REGION));
    let phone = phone.map_err(|_| Wrong::not_found("the phone"))?;
    parts.engine.unsuppress_phone(&viewer.actor, phone, kind).await?;
    let text = format!("{} is off the list", format::phone(&phone.to_string()));
    Ok(Done::to(format!("{HERE}?list={}", kind.word())).saying(text).into_response())
}
