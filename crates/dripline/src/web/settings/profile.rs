//! `/settings/profile`: one's own name, time zone and password, and where one is signed in.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::SessionId;
use engine::sessions::SignInError;
use engine::users::UserError;
use serde::Deserialize;

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment, counted};
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::web::zones::{self, ZoneGroup};
use crate::wiring::Parts;

const HERE: &str = "/settings/profile";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show).post(rename))
        .route("/settings/profile/zone", post(choose_zone))
        .route("/settings/profile/password", post(change_password))
        .route("/settings/profile/sessions/end-others", post(end_others))
        .route("/settings/profile/sessions/{id}/end", post(end))
}

/// A browser in which one is signed in.
struct Browser {
    id: SessionId,
    name: String,
    since: Moment,
    used: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "settings/profile.html")]
struct ProfilePage<'v> {
    frame: Frame<'v>,
    side: Side,
    name: String,
    email: String,
    role: String,
    /// Nothing where it is the workspace's.
    zone: Option<String>,
    zones: Vec<ZoneGroup>,
    browsers: Vec<Browser>,
    fault: Fault,
}

async fn page<'v>(parts: &Parts, viewer: &'v Viewer, name: String, fault: Fault) -> Result<ProfilePage<'v>, Wrong> {
    let (frame, side) = frame(viewer, HERE);
    let user = &viewer.presence.user;
    let sessions = parts.engine.sessions(&viewer.presence).await?;
    let browsers = sessions.into_iter().map(|session| Browser {
        id: session.id,
        name: browser(&session.agent),
        since: format::moment(session.created_at, viewer.now, &viewer.zone),
        used: format::ago(session.used_at, viewer.now),
        here: session.id == viewer.presence.session,
    });
    let browsers = browsers.collect();
    let (zone, zones) = (user.zone.clone(), zones::groups(user.zone.as_deref().unwrap_or_default()));
    let (email, role) = (user.email.clone(), user.role.clone());
    Ok(ProfilePage { frame, side, name, email, role, zone, zones, browsers, fault })
}

/// What a browser is called by people, from what it calls itself.
fn browser(agent: &str) -> String {
    let first =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // Each also claims to be those after it.
    let names =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ];
    match (first(&names), first(&systems)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ if agent.is_empty() => "Unknown browser".to_owned(),
        _ => agent.chars().take(40).collect(),
    }
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let name = viewer.name.clone();
    Ok(html(&page(&parts, &viewer, name, Fault::default()).await?))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn rename(State(parts): State<Parts>, viewer: Viewer, Form(given): Form<Named>) -> Result<Response, Wrong> {
    match parts.engine.change_own_name(&viewer.presence, &given.name).await {
        Ok(()) => Ok(Done::to(HERE).saying("Your name is changed").into_response()),
        Err(error @ UserError::Name(_)) => {
            Ok(refused(&page(&parts, &viewer, given.name, Fault::at("name", &error)).await?))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Chosen {
    /// Empty for the workspace's.
    zone: String,
}

async fn choose_zone(State(parts): State<Parts>, viewer: Viewer, Form(given): Form<Chosen>) -> Result<Response, Wrong> {
    let zone = Some(given.zone.as_str()).filter(|zone| !zone.is_empty());
    match parts.engine.choose_zone(&viewer.presence, zone).await {
        Ok(()) => {
            let zone = zone.map_or_else(|| format!("{}, the workspace’s", viewer.home.name()), str::to_owned);
            Ok(Done::to(HERE).saying(format!("Times are shown in {zone}")).into_response())
        }
        Err(error @ UserError::Zone(_)) => {
            let name = viewer.name.clone();
            Ok(refused(&page(&parts, &viewer, name, Fault::at("zone", &error)).await?))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Passwords {
    old: String,
    new: String,
}

async fn change_password(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(given): Form<Passwords>,
) -> Result<Response, Wrong> {
    let fault = match parts.engine.change_password(&viewer.presence, &given.old, &given.new).await {
        Ok(0) => return Ok(Done::to(HERE).saying("Your password is changed").into_response()),
        Ok(ended) => {
            let text = format!(
                "Your password is changed; you are signed out in {}",
                counted(ended, "other browser", "other browsers")
            );
            return Ok(Done::to(HERE).saying(text).into_response());
        }
        Err(SignInError::Wrong) => Fault::says("old", "This is not your password."),
        Err(error @ SignInError::Wait(_)) => Fault::at("old", &error),
        Err(error @ SignInError::Password(_)) => Fault::at("new", &error),
        Err(error) => return Err(error.into()),
    };
    let name = viewer.name.clone();
    Ok(refused(&page(&parts, &viewer, name, fault).await?))
}

async fn end(State(parts): State<Parts>, viewer: Viewer, Id(session): Id<SessionId>) -> Result<Response, Wrong> {
    if !parts.engine.end_session(&viewer.presence, session).await? {
        return Err(Wrong::not_found("the session"));
    }
    Ok(Done::to(HERE).saying("Signed out there").into_response())
}

async fn end_others(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let ended = parts.engine.sign_out_elsewhere(&viewer.presence).await?;
    let text = format!("Signed out in {}", counted(ended, "other browser", "other browsers"));
    Ok(Done::to(HERE).saying(text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_the_names_that_people_know() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1";
        assert_eq!(browser(iphone), "Safari on iPhone");
        assert_eq!(browser(""), "Unknown browser");
        assert_eq!(browser("curl/8.1"), "curl/8.1");
    }
}
