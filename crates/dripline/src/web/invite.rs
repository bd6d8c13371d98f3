//! `/invite/{token}`: whoever was given the link chooses a password, and is signed in.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use engine::invitations::{InvitationError, Invited};
use engine::users::UserError;
use serde::Deserialize;

use super::answer::{html, refused};
use super::fault::Fault;
use super::form::Form;
use super::look::Look;
use super::sign_in::Browser;
use super::workspaces::opened;
use super::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/invite/{token}", get(show).post(accept))
}

#[derive(Template)]
#[template(path = "invite.html")]
struct InvitePage {
    title: String,
    look: Look,
    token: String,
    workspace: String,
    email: String,
    role: String,
    /// Whether it makes a user; else it sets a password.
    joins: bool,
    name: String,
    fault: Fault,
}

fn page(look: Look, token: String, invited: Invited, name: Option<String>, fault: Fault) -> InvitePage {
    let one = invited.invitation;
    let joins = one.user.is_none();
    let title = if joins { format!("Join {}", invited.workspace.name) } else { "Choose a new password".to_owned() };
    let (workspace, name) = (invited.workspace.name, name.unwrap_or(one.name));
    InvitePage { title, look, token, workspace, email: one.email, role: one.role, joins, name, fault }
}

async fn show(State(parts): State<Parts>, look: Look, Path(token): Path<String>) -> Result<Response, Wrong> {
    let invited = parts.engine.invited(&token).await?;
    Ok(html(&page(look, token, invited, None, Fault::default())))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    name: String,
    password: String,
}

async fn accept(
    State(parts): State<Parts>,
    look: Look,
    jar: CookieJar,
    browser: Browser,
    Path(token): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    let fault = match parts.engine.accept(&token, &typed.name, &typed.password).await {
        Ok((workspace, user)) => {
            let session = parts.engine.begin_session(workspace, &user, &browser.agent).await?;
            return Ok((opened(jar, session, &[], &browser), Redirect::to("/")).into_response());
        }
        Err(InvitationError::User(error @ UserError::Name(_))) => Fault::at("name", &error),
        Err(InvitationError::User(error @ UserError::Password(_))) => Fault::at("password", &error),
        Err(error) => return Err(error.into()),
    };
    let invited = parts.engine.invited(&token).await?;
    let name = invited.invitation.user.is_none().then_some(typed.name);
    Ok(refused(&page(look, token, invited, name, fault)))
}
