//! `/settings/keys`: keys for programs, each with the permissions that it was given.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::{Permission, Permissions};
use domain::ids::KeyId;
use engine::keys::KeyError;
use serde::Deserialize;

use super::{Side, frame};
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/keys";

pub(super) fn routes() -> Router<Parts> {
    Router::new().route(HERE, get(show).post(create)).route("/settings/keys/{id}/revoke", post(revoke))
}

struct Key {
    id: KeyId,
    name: String,
    permissions: String,
    made: Moment,
    used: Option<String>,
    revoked: Option<Moment>,
}

/// A permission that a key may get.
struct Choice {
    word: &'static str,
    about: &'static str,
    ticked: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    name: String,
    permission: Vec<String>,
}

#[derive(Template)]
#[template(path = "settings/keys.html")]
struct KeysPage<'v> {
    frame: Frame<'v>,
    side: Side,
    keys: Vec<Key>,
    choices: Vec<Choice>,
    /// The text of the key that was just made, which is shown once.
    secret: Option<String>,
    name: String,
    fault: Fault,
}

fn about(permission: Permission) -> &'static str {
    match permission {
        Permission::Read => "See everything but secrets",
        Permission::ContactsWrite => "Make, change, import and delete contacts",
        Permission::Enroll => "Start workflows and end them",
        Permission::Send => "Send messages by hand",
        Permission::WorkflowsWrite => "Make, change, pause and delete workflows",
        Permission::NumbersWrite => "Add and change numbers",
        Permission::SettingsWrite => "Change the settings",
        Permission::ContactsErase => "Erase what is known of a person, for good",
        Permission::Export => "Take data out in bulk",
        Permission::TeamWrite => "Invite and remove people",
        Permission::KeysWrite => "Make and revoke keys",
        Permission::BillingWrite => "Pay and change the plan",
    }
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    secret: Option<String>,
    (typed, fault): (Typed, Fault),
) -> Result<KeysPage<'v>, Wrong> {
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let mut keys: Vec<_> = parts.engine.keys(&viewer.actor).await?;
    // What opens something comes first, newest first.
    keys.sort_by_key(|key| (key.revoked_at.is_some(), std::cmp::Reverse(key.id)));
    let keys = keys.into_iter().map(|key| Key {
        id: key.id,
        name: key.name,
        permissions: key.permissions.replace(' ', ", "),
        made: moment(key.created_at),
        used: key.used_at.map(|at| format::ago(at, viewer.now)),
        revoked: key.revoked_at.map(moment),
    });
    let choices = viewer.actor.permissions().iter().map(|permission| Choice {
        word: permission.word(),
        about: about(permission),
        ticked: typed.permission.iter().any(|word| word == permission.word()),
    });
    let (keys, choices) = (keys.collect(), choices.collect());
    let (frame, side) = frame(viewer, HERE);
    Ok(KeysPage { frame, side, keys, choices, secret, name: typed.name, fault })
}

fn fresh() -> Typed {
    Typed { name: String::new(), permission: vec![Permission::Read.word().to_owned()] }
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::KeysWrite)?;
    Ok(html(&page(&parts, &viewer, None, (fresh(), Fault::default())).await?))
}

async fn create(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    let unknown = |word| Problem::new(Code::KeyInvalid, format!("there is no permission {word:?}"));
    let permissions = Permissions::from_words(&typed.permission.join(" ")).map_err(unknown)?;
    let fault = match parts.engine.create_key(&viewer.actor, &typed.name, permissions).await {
        Ok((_, secret)) => {
            let page = page(&parts, &viewer, Some(secret), (fresh(), Fault::default())).await?;
            return Ok(html(&page));
        }
        Err(error @ KeyError::Name(_)) => Fault::at("name", &error),
        Err(KeyError::NoPermission) => Fault::says("permission", "Choose at least one."),
        Err(error) => return Err(error.into()),
    };
    Ok(refused(&page(&parts, &viewer, None, (typed, fault)).await?))
}

async fn revoke(State(parts): State<Parts>, viewer: Viewer, Id(key): Id<KeyId>) -> Result<Response, Wrong> {
    parts.engine.revoke_key(&viewer.actor, key).await?;
    Ok(Done::to(HERE).saying("The key is revoked: it opens nothing any more").into_response())
}
