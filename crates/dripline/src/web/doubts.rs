//! `/doubts`: messages whose outcome nobody but a person can tell. Nothing is sent again by itself, whatever is said here.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::{ContactId, MessageId};
use engine::doubts::{Doubts, Fate};
use serde::Deserialize;
use store::{DbError, contacts};

use super::answer::{Done, html};
use super::form::Form;
use super::format::{self, Moment};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// Messages on one page.
const LISTED: i64 = 100;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/doubts", get(show)).route("/doubts/{id}", post(settle))
}

/// A message as it is written.
struct Row {
    id: MessageId,
    contact: ContactId,
    name: String,
    phone: String,
    body: String,
    step: Option<u8>,
    claimed: Moment,
    /// Whether a person must tell; else the carrier is still asked.
    ours: bool,
}

#[derive(Template)]
#[template(path = "doubts.html")]
struct DoubtsPage<'v> {
    frame: Frame<'v>,
    rows: Vec<Row>,
    next: Option<MessageId>,
    may_settle: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    after: Option<MessageId>,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let found = parts.engine.doubts(&viewer.actor, Doubts::All, asked.after, LISTED).await?;
    let (workspace, ids) = (viewer.actor.workspace(), found.iter().map(|row| row.contact).collect::<Vec<_>>());
    let known = parts.engine.read::<_, DbError, _>(move |db| contacts::some(db, workspace, &ids)).await?;
    let full = i64::try_from(found.len()).unwrap_or(0) == LISTED;
    let next = found.last().filter(|_| full).map(|row| row.id);
    let row = |message: store::messages::Message| {
        let contact = known.iter().find(|contact| contact.id == message.contact);
        Row {
            id: message.id,
            contact: message.contact,
            name: contact.map(|contact| contact.name.clone()).unwrap_or_default(),
            phone: contact.map(|contact| format::phone(&contact.phone)).unwrap_or_default(),
            step: message.step,
            claimed: format::moment(message.claimed_at.unwrap_or(message.created_at), viewer.now, &viewer.zone),
            ours: message.is_for_a_person(),
            body: message.body,
        }
    };
    let mut rows: Vec<Row> = found.into_iter().map(row).collect();
    rows.sort_by_key(|row| !row.ours);
    let may_settle = viewer.may("send");
    Ok(html(&DoubtsPage { frame: Frame::new("In doubt", Section::Home, &viewer), rows, next, may_settle }))
}

#[derive(Deserialize)]
struct Said {
    fate: String,
}

async fn settle(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<MessageId>,
    Form(said): Form<Said>,
) -> Result<Response, Wrong> {
    let fate = Fate::from_word(&said.fate).ok_or_else(|| Wrong::not_found("this answer"))?;
    parts.engine.settle_by_hand(&viewer.actor, id, fate).await?;
    let text = match fate {
        Fate::Sent => "Settled as sent: its price is used, and the workflow goes on",
        Fate::NotSent => "Settled as not sent: its price came back, and the workflow goes on",
    };
    Ok(Done::to("/doubts").saying(text).into_response())
}
