//! `/messenger`: conversations at the left, one of them in the middle, whose it is at the right. On a phone one at a time.
//!
//! | part | where | is brought up to date |
//! |---|---|---|
//! | the list | [`list`] | at every event of the workspace, while its top is in sight |
//! | the thread | [`thread`] | at every event of its contact; what is typed below it is left alone |
//! | what is written | [`composer`] | by what it answers itself; the workflow that runs meanwhile at every event of its contact |
//! | whose it is | [`side`] | at every event of its contact |

mod act;
mod bulk;
mod composer;
mod list;
mod side;
mod thread;
mod views;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::ContactId;

use self::composer::Composer;
use self::list::{Asked, List};
use self::side::Side;
use self::thread::{Row, Thread};
use super::about::{self, Place};
use super::answer::html;
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/messenger", get(show_list))
        .route("/messenger/list", get(list::show))
        .route("/messenger/bulk", post(bulk::act))
        .route("/messenger/views", post(views::save))
        .route("/messenger/views/{id}/delete", post(views::delete))
        .route("/messenger/{id}", get(show))
        .route("/messenger/{id}/thread", get(thread::show))
        .route("/messenger/{id}/older", get(thread::older))
        .route("/messenger/{id}/side", get(side::show))
        .route("/messenger/{id}/send", post(composer::send))
        .route("/messenger/{id}/count", post(composer::count))
        .route("/messenger/{id}/running", get(composer::running))
        .route("/messenger/{id}/read", post(act::read))
        .route("/messenger/{id}/unread", post(act::unread))
        .route("/messenger/{id}/field", post(act::field))
        .merge(about::routes(Place::Messenger))
}

/// What is in the middle and at the right.
struct Open {
    thread: Thread,
    composer: Composer,
    side: Side,
}

#[derive(Template)]
#[template(path = "messenger.html")]
struct MessengerPage<'v> {
    frame: Frame<'v>,
    list: List,
    open: Option<Open>,
    /// Which pane a phone shows: `list`, `thread` or `side`.
    pane: &'static str,
}

async fn show_list(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Read)?;
    let list = list::read(&parts, &viewer, &asked, None).await?;
    let frame = Frame::new("Messenger", Section::Messenger, &viewer);
    Ok(html(&MessengerPage { frame, list, open: None, pane: "list" }))
}

async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let thread = thread::read(&parts, &viewer, contact, None).await?;
    // Whoever opens a conversation has read it; where they may not say so it stays as it is.
    if viewer.may("send") {
        parts.engine.mark_read(&viewer.actor, contact).await?;
    }
    let list = list::read(&parts, &viewer, &asked, Some(contact)).await?;
    let side = side::read(&parts, &viewer, contact).await?;
    let composer = composer::read(&parts, &viewer, contact, side.progress.as_ref()).await?;
    let frame = Frame::new(thread.name.clone(), Section::Messenger, &viewer);
    let pane = if asked.pane == "side" { "side" } else { "thread" };
    Ok(html(&MessengerPage { frame, list, open: Some(Open { thread, composer, side }), pane }))
}
