//! `/settings/team`: who is in the workspace, in which role; links to join or to set a new password.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Role;
use domain::ids::{InvitationId, UserId};
use engine::invitations::InvitationError;
use engine::users::{UserChange, UserError};
use serde::Deserialize;

use super::{Side, frame};
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::Frame;
use crate::web::origin::Origin;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/team";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show))
        .route("/settings/team/invite", post(invite))
        .route("/settings/team/invitations/{id}/withdraw", post(withdraw))
        .route("/settings/team/{id}/role", post(change_role))
        .route("/settings/team/{id}/link", post(password_link))
        .route("/settings/team/{id}/remove", post(remove))
}

/// Somebody in the workspace.
struct Member {
    id: UserId,
    name: String,
    email: String,
    role: String,
    since: Moment,
    own: bool,
    /// Whether the viewer may change their role or remove them.
    reachable: bool,
}

/// A link that can still be used.
struct Open {
    id: InvitationId,
    name: String,
    email: String,
    /// The role that it gives; nothing if it sets a password.
    role: Option<String>,
    expires: Moment,
}

/// A link that was just made, which is shown once.
struct Link {
    address: String,
    name: String,
    joins: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    email: String,
    name: String,
    role: String,
}

#[derive(Template)]
#[template(path = "settings/team.html")]
struct TeamPage<'v> {
    frame: Frame<'v>,
    side: Side,
    members: Vec<Member>,
    open: Vec<Open>,
    /// The roles that the viewer may give, with what they do.
    roles: Vec<(&'static str, &'static str)>,
    may_write: bool,
    link: Option<Link>,
    typed: Typed,
    fault: Fault,
}

/// What a role does, in a few words.
fn about(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer: reads",
        Role::Agent => "Agent: works with contacts and conversations",
        Role::Admin => "Admin: also workflows, numbers, settings and the team",
        Role::Owner => "Owner: everything, money and keys too",
    }
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    link: Option<Link>,
    (typed, fault): (Typed, Fault),
) -> Result<TeamPage<'v>, Wrong> {
    let (frame, side) = frame(viewer, HERE);
    let (may, may_write) = (viewer.actor.permissions(), viewer.may("team:write"));
    let covers = |word: &str| Role::from_word(word).is_some_and(|role| may.covers(role.permissions()));
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let members = parts.engine.users(&viewer.actor).await?.into_iter().map(|user| Member {
        own: user.id == viewer.presence.user.id,
        reachable: may_write && covers(&user.role),
        id: user.id,
        name: user.name,
        email: user.email,
        role: user.role,
        since: moment(user.created_at),
    });
    let open = if may_write { parts.engine.invitations(&viewer.actor).await? } else { Vec::new() };
    let open = open.into_iter().map(|one| Open {
        id: one.id,
        name: one.name,
        email: one.email,
        role: one.user.is_none().then_some(one.role),
        expires: moment(one.expires_at),
    });
    let roles = Role::ALL.into_iter().filter(|role| may.covers(role.permissions()));
    Ok(TeamPage {
        frame,
        side,
        members: members.collect(),
        open: open.collect(),
        roles: roles.map(|role| (role.word(), about(role))).collect(),
        may_write,
        link,
        typed,
        fault,
    })
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let typed = Typed { role: Role::Agent.word().to_owned(), ..Typed::default() };
    Ok(html(&page(&parts, &viewer, None, (typed, Fault::default())).await?))
}

/// The role of a form's word.
fn role(word: &str) -> Result<Role, Wrong> {
    Role::from_word(word).ok_or_else(|| Problem::new(Code::UserInvalid, "there is no such role").into())
}

async fn invite(
    State(parts): State<Parts>,
    viewer: Viewer,
    Origin(origin): Origin,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    let made = parts.engine.invite(&viewer.actor, &typed.email, &typed.name, role(&typed.role)?).await;
    let fault = match made {
        Ok((one, token)) => {
            let link = Link { address: format!("{origin}/invite/{token}"), name: one.name, joins: true };
            let typed = Typed { role: typed.role, ..Typed::default() };
            return Ok(html(&page(&parts, &viewer, Some(link), (typed, Fault::default())).await?));
        }
        Err(InvitationError::User(error @ (UserError::Email | UserError::EmailTaken))) => Fault::at("email", &error),
        Err(InvitationError::User(error @ UserError::Name(_))) => Fault::at("name", &error),
        Err(error) => return Err(error.into()),
    };
    Ok(refused(&page(&parts, &viewer, None, (typed, fault)).await?))
}

async fn password_link(
    State(parts): State<Parts>,
    viewer: Viewer,
    Origin(origin): Origin,
    Id(user): Id<UserId>,
) -> Result<Response, Wrong> {
    let (one, token) = parts.engine.password_link(&viewer.actor, user).await?;
    let link = Link { address: format!("{origin}/invite/{token}"), name: one.name, joins: false };
    let typed = Typed { role: Role::Agent.word().to_owned(), ..Typed::default() };
    Ok(html(&page(&parts, &viewer, Some(link), (typed, Fault::default())).await?))
}

async fn withdraw(State(parts): State<Parts>, viewer: Viewer, Id(one): Id<InvitationId>) -> Result<Response, Wrong> {
    parts.engine.withdraw_invitation(&viewer.actor, one).await?;
    Ok(Done::to(HERE).saying("The link is withdrawn").into_response())
}

#[derive(Deserialize)]
struct Chosen {
    role: String,
}

async fn change_role(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(user): Id<UserId>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Wrong> {
    let change = UserChange { role: Some(role(&chosen.role)?), name: None };
    let user = parts.engine.change_user(&viewer.actor, user, change).await?;
    Ok(Done::to(HERE).saying(format!("{} is {} now", user.name, with_article(&user.role))).into_response())
}

fn with_article(role: &str) -> String {
    let article = if role.starts_with(['a', 'o']) { "an" } else { "a" };
    format!("{article} {role}")
}

async fn remove(State(parts): State<Parts>, viewer: Viewer, Id(user): Id<UserId>) -> Result<Response, Wrong> {
    parts.engine.remove_user(&viewer.actor, user).await?;
    Ok(Done::to(HERE).saying("Removed, and signed out everywhere").into_response())
}
