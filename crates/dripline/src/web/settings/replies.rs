//! `/settings/replies`: texts that are written often, in the order in which the Messenger offers them.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::ReplyId;
use engine::quick_replies::ReplyError;
use serde::Deserialize;

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/replies";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show).post(create))
        .route("/settings/replies/{id}", get(edit).post(change))
        .route("/settings/replies/{id}/move", post(order))
        .route("/settings/replies/{id}/remove", post(remove))
}

struct Reply {
    id: ReplyId,
    name: String,
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    name: String,
    text: String,
}

#[derive(Template)]
#[template(path = "settings/replies.html")]
struct RepliesPage<'v> {
    frame: Frame<'v>,
    side: Side,
    replies: Vec<Reply>,
    may_write: bool,
    /// The one that the form changes; nothing where it makes one.
    edited: Option<ReplyId>,
    typed: Typed,
    fault: Fault,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    edited: Option<ReplyId>,
    (typed, fault): (Option<Typed>, Fault),
) -> Result<RepliesPage<'v>, Wrong> {
    let replies = parts.engine.quick_replies(&viewer.actor).await?;
    let replies: Vec<_> =
        replies.into_iter().map(|reply| Reply { id: reply.id, name: reply.name, text: reply.text }).collect();
    let stored = replies.iter().find(|reply| Some(reply.id) == edited);
    if edited.is_some() && stored.is_none() {
        return Err(Wrong::not_found("the quick reply"));
    }
    let stored = stored.map(|reply| Typed { name: reply.name.clone(), text: reply.text.clone() });
    let typed = typed.or(stored).unwrap_or_default();
    let (frame, side) = frame(viewer, HERE);
    Ok(RepliesPage { frame, side, replies, may_write: viewer.may("settings:write"), edited, typed, fault })
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, None, (None, Fault::default())).await?))
}

async fn edit(State(parts): State<Parts>, viewer: Viewer, Id(reply): Id<ReplyId>) -> Result<Response, Wrong> {
    viewer.actor.need(domain::access::Permission::SettingsWrite)?;
    Ok(html(&page(&parts, &viewer, Some(reply), (None, Fault::default())).await?))
}

/// The field that an error is about, if it is about one.
fn fault(error: ReplyError) -> Result<Fault, Wrong> {
    match &error {
        ReplyError::Name(_) | ReplyError::Taken(_) | ReplyError::TooMany => Ok(Fault::at("name", &error)),
        ReplyError::Text(_) => Ok(Fault::at("text", &error)),
        _ => Err(error.into()),
    }
}

async fn create(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    match parts.engine.create_quick_reply(&viewer.actor, &typed.name, &typed.text).await {
        Ok(reply) => Ok(Done::to(HERE).saying(format!("“{}” is in the Messenger now", reply.name)).into_response()),
        Err(error) => Ok(refused(&page(&parts, &viewer, None, (Some(typed), fault(error)?)).await?)),
    }
}

async fn change(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ReplyId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    match parts.engine.change_quick_reply(&viewer.actor, id, &typed.name, &typed.text).await {
        Ok(reply) => Ok(Done::to(HERE).saying(format!("“{}” is changed", reply.name)).into_response()),
        Err(error) => Ok(refused(&page(&parts, &viewer, Some(id), (Some(typed), fault(error)?)).await?)),
    }
}

#[derive(Deserialize)]
struct Move {
    to: String,
}

async fn order(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ReplyId>,
    Form(given): Form<Move>,
) -> Result<Response, Wrong> {
    let all = parts.engine.quick_replies(&viewer.actor).await?;
    let mut ids: Vec<_> = all.into_iter().map(|reply| reply.id).collect();
    let place = ids.iter().position(|one| *one == id).ok_or_else(|| Wrong::not_found("the quick reply"))?;
    let other = if given.to == "up" { place.checked_sub(1) } else { Some(place + 1) };
    if let Some(other) = other.filter(|other| *other < ids.len()) {
        ids.swap(place, other);
        parts.engine.order_quick_replies(&viewer.actor, &ids).await?;
    }
    Ok(Done::to(HERE).into_response())
}

async fn remove(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ReplyId>) -> Result<Response, Wrong> {
    parts.engine.remove_quick_reply(&viewer.actor, id).await?;
    Ok(Done::to(HERE).saying("The quick reply is removed").into_response())
}
