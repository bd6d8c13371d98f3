//! `/simulator`: a phone on screen for each contact. What we send arrives there; what is written there comes to us as a text.

mod clock;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::{ContactId, MessageId};
use domain::message::MessageKind;
use jiff::Timestamp;
use serde::Deserialize;
use store::{DbError, contacts, conversations, messages};

use super::answer::{Done, html};
use super::form::Form;
use super::format::{self, Moment};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// Most handsets in the list.
const MOST: i64 = 40;
/// Most texts of a handset that are shown.
const TEXTS: usize = 100;
/// What a contact may say by one press: enough to see each kind of end.
const PHRASES: &[&str] = &["Who is this?", "Yes, tell me more", "STOP", "START", "HELP", "please stop texting me"];

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/simulator", get(show_all))
        .route("/simulator/{id}", get(show))
        .route("/simulator/{id}/screen", get(screen))
        .route("/simulator/{id}/reply", post(reply))
        .merge(clock::routes())
}

/// One handset in the list.
struct Handset {
    contact: ContactId,
    name: String,
    phone: String,
    last: String,
    at: Option<Moment>,
    here: bool,
}

/// A text on the screen of a handset.
struct Text {
    body: String,
    at: Timestamp,
    moment: Moment,
    /// Whether the contact wrote it.
    own: bool,
    /// The number of ours at the other end.
    number: String,
}

/// The handset that is in the hand.
struct Screen {
    contact: ContactId,
    name: String,
    phone: String,
    /// The number of ours that a reply goes to; nothing while there is none.
    to: Option<String>,
    texts: Vec<Text>,
}

#[derive(Template)]
#[template(path = "simulator.html")]
struct SimulatorPage<'v> {
    frame: Frame<'v>,
    handsets: Vec<Handset>,
    search: String,
    screen: Option<Screen>,
    phrases: &'static [&'static str],
    may_write: bool,
}

#[derive(Template)]
#[template(path = "simulator/screen.html")]
struct ScreenPart {
    screen: Screen,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    q: String,
}

async fn show_all(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    page(&parts, &viewer, &asked.q, None).await
}

async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    page(&parts, &viewer, &asked.q, Some(contact)).await
}

async fn page(parts: &Parts, viewer: &Viewer, search: &str, contact: Option<ContactId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Read)?;
    let screen = match contact {
        Some(contact) => Some(screen_of(parts, viewer, contact).await?),
        None => None,
    };
    let handsets = handsets(parts, viewer, search, contact).await?;
    let may_write = viewer.may("send");
    let frame = Frame::new("Phone simulator", Section::Simulator, viewer);
    Ok(html(&SimulatorPage { frame, handsets, search: search.to_owned(), screen, phrases: PHRASES, may_write }))
}

/// Contacts whose texts moved last, then those who were never texted.
async fn handsets(
    parts: &Parts,
    viewer: &Viewer,
    search: &str,
    here: Option<ContactId>,
) -> Result<Vec<Handset>, Wrong> {
    let (workspace, holds) = (viewer.actor.workspace(), search.trim().to_owned());
    let found = parts.engine.read::<_, DbError, _>(move |read| {
        let first = (Timestamp::MAX, ContactId(i64::MAX));
        let recent = if holds.is_empty() { conversations::page(read, workspace, first, MOST)? } else { Vec::new() };
        Ok((recent, contacts::page(read, workspace, ContactId(0), &holds, MOST)?))
    });
    let (recent, others) = found.await?;
    let mut handsets: Vec<Handset> = recent
        .into_iter()
        .map(|row| Handset {
            contact: row.contact,
            name: row.name,
            phone: format::phone(&row.phone),
            last: row.last_body,
            at: Some(format::moment(row.last_at, viewer.now, &viewer.zone)),
            here: here == Some(row.contact),
        })
        .collect();
    for contact in others {
        if handsets.len() < usize::try_from(MOST).unwrap_or(0) && handsets.iter().all(|one| one.contact != contact.id) {
            let (name, phone, here) =
                (contact.name, format::phone(&contact.phone.to_string()), here == Some(contact.id));
            handsets.push(Handset { contact: contact.id, name, phone, last: String::new(), at: None, here });
        }
    }
    Ok(handsets)
}

async fn screen(State(parts): State<Parts>, viewer: Viewer, Id(contact): Id<ContactId>) -> Result<Response, Wrong> {
    Ok(html(&ScreenPart { screen: screen_of(&parts, &viewer, contact).await? }))
}

/// What reached the handset, as the simulator knows it, between what its owner wrote, as we know it.
async fn screen_of(parts: &Parts, viewer: &Viewer, contact: ContactId) -> Result<Screen, Wrong> {
    let found = parts.engine.contact(&viewer.actor, contact).await?;
    let numbers = parts.engine.numbers(&viewer.actor).await?;
    let ours: Vec<_> = numbers.iter().filter(|one| one.carrier == "simulator").map(|one| one.phone.clone()).collect();
    let phone = found.phone.to_string();
    let arrived = parts.simulator.newest(&phone, &ours, TEXTS);
    let arrived = arrived.map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    let workspace = viewer.actor.workspace();
    let limit = i64::try_from(TEXTS).unwrap_or(i64::MAX);
    let thread = parts
        .engine
        .read::<_, DbError, _>(move |read| messages::thread(read, workspace, contact, MessageId(i64::MAX), limit));
    let written = thread.await?.into_iter().filter(|message| message.kind == MessageKind::Inbound);
    let known = numbers.iter().find(|number| Some(number.id) == found.number).map(|number| number.phone.clone());
    let to = arrived.first().map(|text| text.from.clone()).or(known).or_else(|| ours.first().cloned());
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let number = |id| numbers.iter().find(|number| number.id == id).map(|number| format::phone(&number.phone));
    let own = written.map(|message| Text {
        moment: moment(message.created_at),
        at: message.created_at,
        number: number(message.number).unwrap_or_default(),
        body: message.body,
        own: true,
    });
    let mut texts: Vec<Text> = own.collect();
    texts.extend(arrived.into_iter().map(|text| Text {
        moment: moment(text.at),
        at: text.at,
        number: format::phone(&text.from),
        body: text.body,
        own: false,
    }));
    texts.sort_by_key(|text| text.at);
    Ok(Screen { contact, name: found.name, phone: format::phone(&phone), to, texts })
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    body: String,
    to: String,
}

/// The contact writes: the text is taken, and the workflow stopped, before the answer.
async fn reply(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
    Form(written): Form<Written>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Send)?;
    let found = parts.engine.contact(&viewer.actor, contact).await?;
    let numbers = parts.engine.numbers(&viewer.actor).await?;
    if !numbers.iter().any(|number| number.phone == written.to && number.carrier == "simulator") {
        return Err(Wrong::not_found("the number"));
    }
    let event = parts.simulator.reply(&found.phone.to_string(), &written.to, &written.body, parts.engine.now());
    let event = event.map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    // The pump may hold the same event and not have committed it yet: whoever is later finds it taken.
    parts.engine.receive("simulator", event).await?;
    Ok(Done::to(format!("/simulator/{contact}")).into_response())
}
