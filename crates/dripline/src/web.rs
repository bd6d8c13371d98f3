//! The web app: pages made on the server. No rule lives here; a module's path is the address of its page.
//!
//! | piece | where |
//! |---|---|
//! | who looks, and what they may do | [`viewer`] |
//! | what a handler answers: a page, a fragment, "done", or what was wrong | [`answer`], [`wrong`] |
//! | the frame around a page: navigation, theme, what was said | [`frame`] |
//! | requests from other sites | [`guard`] |
//! | how money, phones and times are written | [`mod@format`] |
//! | styles, scripts, icons | [`assets`], made from the folder `web/` |

mod about;
pub(crate) mod answer;
mod asked;
pub(crate) mod assets;
mod billing;
mod chart;
mod contacts;
pub(crate) mod csv;
mod doubts;
mod enroll;
pub(crate) mod enrollments;
mod failures;
pub(crate) mod fault;
pub(crate) mod form;
pub(crate) mod format;
pub(crate) mod frame;
mod guard;
mod home;
mod invite;
mod jobs;
mod live;
pub(crate) mod look;
mod messenger;
mod numbers;
pub(crate) mod operator;
pub(crate) mod origin;
pub(crate) mod path;
mod reminders;
mod settings;
mod setup;
mod sign_in;
mod simulator;
mod story;
mod theme;
pub(crate) mod viewer;
mod workflows;
mod workspaces;
pub(crate) mod wrong;
pub(crate) mod zones;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};

pub use self::contacts::import::keeper::Keeper as ImportsKeeper;
use crate::problem::Problem;
use crate::wiring::Parts;

/// The largest form, in bytes. Uploads set their own limit.
const MAX_FORM_BYTES: usize = 1024 * 1024;

/// All pages.
pub(crate) fn router(parts: &Parts) -> Router<Parts> {
    Router::new()
        .merge(home::routes())
        .merge(billing::routes())
        .merge(doubts::routes())
        .merge(reminders::routes())
        .merge(failures::routes())
        .merge(numbers::routes())
        .merge(operator::routes(parts))
        .merge(settings::routes())
        .merge(setup::routes())
        .merge(invite::routes())
        .merge(sign_in::routes())
        .merge(contacts::routes())
        .merge(enroll::routes())
        .merge(enrollments::routes())
        .merge(jobs::routes())
        .merge(live::routes())
        .merge(messenger::routes())
        .merge(simulator::routes())
        .merge(theme::routes())
        .merge(workflows::routes())
        .merge(workspaces::routes())
        .merge(assets::routes())
        .fallback(missing)
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn(guard::same_site))
        .layer(from_fn(answer::finish))
}

/// An address that leads nowhere: a program below `/api` gets a problem, whoever else a page. Who is signed in sees it in their
/// frame, which asking for the viewer makes known.
async fn missing(_: Result<viewer::Viewer, wrong::Wrong>, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return Problem::not_found("this address").into_response();
    }
    wrong::Wrong::not_found("this page").into_response()
}
