//! `/setup`: the first run. Whoever has the code that the server printed makes the first workspace and its owner, once.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use domain::money::Micros;
use engine::first_run::{FirstRunError, NewOwner};
use engine::users::UserError;
use engine::workspaces::{NewWorkspace, WorkspaceError};
use serde::Deserialize;

use super::answer::{Done, html, refused};
use super::fault::Fault;
use super::form::Form;
use super::look::Look;
use super::sign_in::Browser;
use super::workspaces::opened;
use super::wrong::Wrong;
use super::zones::{self, ZoneGroup};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/setup", get(show).post(set_up))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    code: String,
    workspace: String,
    zone: String,
    rate: String,
    name: String,
    email: String,
    password: String,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    title: String,
    look: Look,
    zones: Vec<ZoneGroup>,
    /// Whether the browser may say which zone it is in.
    guess: bool,
    typed: Typed,
    fault: Fault,
}

fn page(look: Look, typed: Typed, fault: Fault) -> SetupPage {
    let (zones, guess) = (zones::groups(&typed.zone), typed.zone.is_empty());
    SetupPage { title: "Set up".to_owned(), look, zones, guess, typed, fault }
}

/// Goes on only for who may set the server up; whoever comes too late is led to the sign-in page.
async fn admit(parts: &Parts, code: &str) -> Result<Option<Response>, Wrong> {
    if parts.engine.clock().can_be_moved() {
        return Err(Wrong::not_found("this page"));
    }
    if !parts.engine.nobody_yet().await? {
        return Ok(Some(late()));
    }
    if !parts.setup_code.fits(code) {
        let text = "this is not the address that the server printed when it started last; copy it whole";
        return Err(Problem::new(Code::Forbidden, text).into());
    }
    Ok(None)
}

fn late() -> Response {
    Done::to("/sign-in").saying("Dripline is set up already: sign in").into_response()
}

async fn show(State(parts): State<Parts>, look: Look, Query(typed): Query<Typed>) -> Result<Response, Wrong> {
    if let Some(answer) = admit(&parts, &typed.code).await? {
        return Ok(answer);
    }
    let typed = Typed { code: typed.code, rate: "0.00".to_owned(), ..Typed::default() };
    Ok(html(&page(look, typed, Fault::default())))
}

async fn set_up(
    State(parts): State<Parts>,
    look: Look,
    jar: CookieJar,
    browser: Browser,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    if let Some(answer) = admit(&parts, &typed.code).await? {
        return Ok(answer);
    }
    let rate = match typed.rate.parse::<Micros>() {
        Ok(rate) => rate,
        Err(error) => return Ok(refused(&page(look, typed, Fault::at("rate", &error)))),
    };
    let owner = NewOwner { email: typed.email.clone(), name: typed.name.clone(), password: typed.password.clone() };
    let new = NewWorkspace { name: typed.workspace.clone(), zone: typed.zone.clone(), rate, plan_credits: 0 };
    match parts.engine.set_up(new, owner).await {
        Ok((workspace, user)) => {
            let token = parts.engine.begin_session(workspace, &user, &browser.agent).await?;
            Ok((opened(jar, token, &[], &browser), Redirect::to("/")).into_response())
        }
        Err(FirstRunError::Done) => Ok(late()),
        Err(error) => Ok(refused(&page(look, typed, fault(error)?))),
    }
}

/// The field that an error is about, if it is about one.
fn fault(error: FirstRunError) -> Result<Fault, Wrong> {
    Ok(match &error {
        FirstRunError::Workspace(cause @ WorkspaceError::Name(_)) => Fault::at("workspace", cause),
        FirstRunError::Workspace(cause @ WorkspaceError::Zone(_)) => Fault::at("zone", cause),
        FirstRunError::Workspace(cause @ WorkspaceError::Rate { .. }) => Fault::at("rate", cause),
        FirstRunError::Owner(cause @ UserError::Name(_)) => Fault::at("name", cause),
        FirstRunError::Owner(cause @ UserError::Email) => Fault::at("email", cause),
        FirstRunError::Owner(cause @ UserError::Password(_)) => Fault::at("password", cause),
        _ => return Err(error.into()),
    })
}
