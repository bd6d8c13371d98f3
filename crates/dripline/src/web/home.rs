//! `/`: what needs you, what happened, what comes.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::answer::html;
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/", get(show))
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'v> {
    frame: Frame<'v>,
}

async fn show(viewer: Viewer) -> Response {
    html(&HomePage { frame: Frame::new("Home", Section::Home, &viewer) })
}
