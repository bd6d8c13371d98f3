//! `/failures`: texts that did not arrive, and why.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::ids::{ContactId, MessageId};
use domain::message::MessageKind;
use serde::Deserialize;

use super::answer::html;
use super::format::{self, Moment};
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// Texts on one page.
const LISTED: i64 = 50;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/failures", get(show))
}

/// A text as it is written.
struct Row {
    contact: ContactId,
    name: String,
    phone: String,
    number: String,
    body: String,
    kind: &'static str,
    why: String,
    at: Moment,
    was_sent: bool,
}

#[derive(Template)]
#[template(path = "failures.html")]
struct FailuresPage<'v> {
    frame: Frame<'v>,
    rows: Vec<Row>,
    next: Option<MessageId>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    before: Option<MessageId>,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let found = parts.engine.failures(&viewer.actor, asked.before, LISTED).await?;
    let full = i64::try_from(found.len()).unwrap_or(0) == LISTED;
    let next = found.last().filter(|_| full).map(|row| row.id);
    let rows = found.into_iter().map(|row| Row {
        contact: row.contact,
        name: row.name,
        phone: format::phone(&row.phone),
        number: format::phone(&row.number),
        body: row.body,
        kind: match row.kind {
            MessageKind::Workflow => "workflow",
            MessageKind::Manual => "by hand",
            MessageKind::System | MessageKind::Inbound => "confirmation",
        },
        why: match (row.detail, row.code) {
            (Some(detail), Some(code)) => format!("{detail} ({code})"),
            (Some(why), None) | (None, Some(why)) => why,
            (None, None) => "the carrier gave no reason".to_owned(),
        },
        at: format::moment(row.at, viewer.now, &viewer.zone),
        was_sent: row.was_sent,
    });
    let rows = rows.collect();
    Ok(html(&FailuresPage { frame: Frame::new("Not arrived", Section::Home, &viewer), rows, next }))
}
