//! `/workspaces`: the other workspaces of whoever is signed in, and the way into one of them.
//!
//! Signing in begins a session in each workspace whose password fitted. The browser keeps those that are not open in a cookie
//! of their own; going over exchanges it for the open one. So nobody comes into a workspace without its own password, and
//! what ends a session there closes the way: another password, removal, a week without use.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use domain::ids::WorkspaceId;
use engine::sessions::{Presence, SignInError};
use serde::Deserialize;

use super::answer::{Done, html};
use super::asked::Asker;
use super::form::Form;
use super::frame::{Frame, Section};
use super::sign_in::Browser;
use super::viewer::{SESSION, Viewer};
use super::wrong::Wrong;
use crate::wiring::Parts;

/// The cookie with the sessions that are not open: their tokens, with dots between them.
const OTHERS: &str = "dripline_others";

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/workspaces", get(show).post(open))
}

/// A cookie of a session; the server knows when it is too old. A page that came by TLS gives it back by TLS only.
fn cookie(name: &'static str, value: String, browser: &Browser) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(browser.secure)
        .permanent()
        .build()
}

fn gone(name: &'static str) -> Cookie<'static> {
    Cookie::build((name, "")).path("/").removal().build()
}

/// Opens a session in this browser. Those of whoever was signed in before are never handed on: only these others are kept.
pub(crate) fn opened(jar: CookieJar, token: String, others: &[String], browser: &Browser) -> CookieJar {
    let jar = jar.add(cookie(SESSION, token, browser));
    if others.is_empty() { jar.add(gone(OTHERS)) } else { jar.add(cookie(OTHERS, others.join("."), browser)) }
}

/// Ends the sessions in the other workspaces, and lets go of all.
pub(super) async fn closed(parts: &Parts, viewer: &Viewer, jar: CookieJar) -> Result<CookieJar, SignInError> {
    for (_, presence) in elsewhere(parts, viewer, &jar).await? {
        parts.engine.sign_out(&presence).await?;
    }
    Ok(jar.add(gone(SESSION)).add(gone(OTHERS)))
}

/// Whether this browser holds sessions in other workspaces, ended or not.
pub(super) fn any(jar: &CookieJar) -> bool {
    jar.get(OTHERS).is_some_and(|cookie| !cookie.value().is_empty())
}

async fn elsewhere(parts: &Parts, viewer: &Viewer, jar: &CookieJar) -> Result<Vec<(String, Presence)>, SignInError> {
    let tokens = jar.get(OTHERS).map(|cookie| cookie.value().split('.').map(str::to_owned).collect());
    parts.engine.elsewhere(&viewer.presence, tokens.unwrap_or_default()).await
}

/// A workspace that can be opened.
struct Choice {
    id: WorkspaceId,
    name: String,
    role: String,
}

/// What is in the dialog or on the page.
struct Choices {
    here: String,
    role: String,
    others: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "workspaces.html")]
struct WorkspacesPage<'v> {
    frame: Frame<'v>,
    choices: Choices,
}

#[derive(Template)]
#[template(path = "workspaces-dialog.html")]
struct WorkspacesDialog {
    choices: Choices,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, asker: Asker, jar: CookieJar) -> Result<Response, Wrong> {
    let choice = |(_, there): (String, Presence)| Choice {
        id: there.workspace.id,
        name: there.workspace.name,
        role: there.user.role,
    };
    let others = elsewhere(&parts, &viewer, &jar).await?.into_iter().map(choice).collect();
    let choices = Choices { here: viewer.workspace.clone(), role: viewer.presence.user.role.clone(), others };
    Ok(match asker {
        Asker::Browser => {
            html(&WorkspacesPage { frame: Frame::new("Switch workspace", Section::Home, &viewer), choices })
        }
        Asker::Script { .. } => html(&WorkspacesDialog { choices }),
    })
}

#[derive(Deserialize)]
struct Chosen {
    workspace: WorkspaceId,
}

async fn open(
    State(parts): State<Parts>,
    viewer: Viewer,
    jar: CookieJar,
    browser: Browser,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Wrong> {
    let there = elsewhere(&parts, &viewer, &jar).await?;
    let (mut chosen, stay): (Vec<_>, Vec<_>) =
        there.into_iter().partition(|(_, there)| there.workspace.id == chosen.workspace);
    let (token, there) = chosen.pop().ok_or_else(|| Wrong::not_found("the workspace"))?;
    let here = jar.get(SESSION).map(|cookie| cookie.value().to_owned());
    let others: Vec<String> = here.into_iter().chain(stay.into_iter().map(|(token, _)| token)).collect();
    let jar = opened(jar, token, &others, &browser);
    Ok((jar, Done::to("/").saying(format!("You are in {}", there.workspace.name))).into_response())
}
