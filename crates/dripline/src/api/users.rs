//! Users of the workspace: listed, made, changed, removed.

use axum::Json;
use axum::extract::State;
use domain::access::Role;
use engine::users::UserChange;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Body, Caller, KeyHeader};
use super::words::{RoleWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// A person with a login in the workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    id: ids::User,
    #[schema(example = "sam@example.com")]
    email: String,
    name: String,
    role: RoleWord,
    created_at: Timestamp,
}

impl From<&store::users::User> for User {
    fn from(row: &store::users::User) -> Self {
        Self {
            id: row.id.into(),
            email: row.email.clone(),
            name: row.name.clone(),
            role: Word::of(row.role.clone()),
            created_at: row.created_at,
        }
    }
}

/// List users
#[utoipa::path(get, path = "/users", operation_id = "listUsers", tag = "Users",
    responses((status = 200, description = "All users.", body = All<User>)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<User>>, Problem> {
    let rows = parts.engine.users(&actor).await?;
    Ok(Json(All { data: rows.iter().map(User::from).collect() }))
}

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    #[schema(example = "sam@example.com")]
    email: String,
    /// 1 to 80 characters.
    #[schema(example = "Sam")]
    name: String,
    /// None that may do more than your own key.
    role: RoleWord,
    /// At least 12 characters. Only its hash is stored.
    #[schema(format = Password, example = "correct horse battery staple")]
    password: String,
}

fn role(word: &RoleWord) -> Role {
    Role::from_word(word.as_str()).unwrap_or(Role::Viewer)
}

/// Make a user
///
/// A repeat under the same idempotency key is known by address, name and role; the password is not compared.
#[utoipa::path(post, path = "/users", operation_id = "createUser", tag = "Users", params(KeyHeader), request_body = NewUserBody,
    responses((status = 200, description = "The user.", body = User)),
    extensions(("x-permission" = json!("team:write")), ("x-problems" = json!(["email_taken", "user_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewUserBody>,
) -> Result<Json<User>, Problem> {
    let made = parts.engine.create_user(&actor, &body.email, &body.name, role(&body.role), &body.password).await?;
    Ok(Json(User::from(&made)))
}

/// What changes of a user. What is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChangeBody {
    /// 1 to 80 characters.
    name: Option<String>,
    role: Option<RoleWord>,
}

/// Change a user's name or role
///
/// A workspace keeps an owner.
#[utoipa::path(patch, path = "/users/{id}", operation_id = "changeUser", tag = "Users",
    params(("id" = ids::User, Path, description = "The user.")), request_body = UserChangeBody,
    responses((status = 200, description = "The user as they are now.", body = User)),
    extensions(("x-permission" = json!("team:write")), ("x-problems" = json!(["not_found", "user_invalid", "last_owner"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::User,
    Body(body): Body<UserChangeBody>,
) -> Result<Json<User>, Problem> {
    let change = UserChange { name: body.name, role: body.role.as_ref().map(role) };
    Ok(Json(User::from(&parts.engine.change_user(&actor, id, change).await?)))
}

/// Who was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Removed {
    removed: ids::User,
}

/// Remove a user
///
/// What they did stays in the history.
#[utoipa::path(delete, path = "/users/{id}", operation_id = "removeUser", tag = "Users",
    params(("id" = ids::User, Path, description = "The user.")),
    responses((status = 200, description = "They are removed.", body = Removed)),
    extensions(("x-permission" = json!("team:write")), ("x-problems" = json!(["not_found", "user_invalid", "last_owner"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::User,
) -> Result<Json<Removed>, Problem> {
    parts.engine.remove_user(&actor, id).await?;
    Ok(Json(Removed { removed: id.into() }))
}
