//! `/simulator`: a phone on screen for each contact. What we send arrives there; what is written there comes to us as a text.

mod clock;
mod phones;
mod progress;
mod world;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, MessageId};
use domain::message::MessageKind;
use jiff::Timestamp;
use serde::Deserialize;
use store::enrollments::Enrollment;
use store::{DbError, messages};

use self::phones::{Phones, phones};
use self::progress::Progress;
use super::answer::{Done, html};
use super::form::Form;
use super::format::{self, Moment};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

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
        .merge(phones::routes())
        .merge(world::routes())
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
    progress: Progress,
    /// Whether a text comes when the demo's clock is pushed.
    waits: bool,
    may_enroll: bool,
}

#[derive(Template)]
#[template(path = "simulator.html")]
struct SimulatorPage<'v> {
    frame: Frame<'v>,
    phones: Phones,
    screen: Option<Screen>,
    phrases: &'static [&'static str],
    may_write: bool,
    /// Whether they may change how the phones behave.
    may_change: bool,
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
    let phones = phones(parts, viewer, search.to_owned(), contact).await?;
    let (may_write, may_change) = (viewer.may("send"), viewer.demo && viewer.may("settings:write"));
    let frame = Frame::new("Phone simulator", Section::Simulator, viewer);
    Ok(html(&SimulatorPage { frame, phones, screen, phrases: PHRASES, may_write, may_change }))
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
    let progress = Progress::of(parts, viewer, contact).await?;
    let waits = viewer.demo && matches!(progress, Progress::Running { .. });
    let (name, phone, may_enroll) = (found.name, format::phone(&phone), viewer.may("enroll"));
    Ok(Screen { contact, name, phone, to, texts, progress, waits, may_enroll })
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    body: String,
    /// Not empty: a picture instead of a text.
    #[serde(default)]
    picture: String,
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
    let runs = |run: &Enrollment| run.state == EnrollmentState::Active;
    let before = progress::newest(&parts, &viewer, contact).await?.filter(|(run, _)| runs(run));
    let (simulator, phone, now) = (&parts.simulator, found.phone.to_string(), parts.engine.now());
    let event = match written.picture.as_str() {
        "" => simulator.reply(&phone, &written.to, &written.body, now),
        _ => simulator.send_picture(&phone, &written.to, now),
    };
    let event = event.map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    // The pump may hold the same event and not have committed it yet: whoever is later finds it taken.
    parts.engine.receive("simulator", event).await?;
    let done = Done::to(format!("/simulator/{contact}"));
    let after = progress::newest(&parts, &viewer, contact).await?.filter(|(run, _)| !runs(run));
    let stopped = before.zip(after).filter(|((before, _), (after, _))| before.id == after.id);
    Ok(match stopped {
        Some((_, (run, workflow))) => done.saying(format!("{workflow}: {}", progress::end(&run))).into_response(),
        None => done.into_response(),
    })
}
