//! Light, dark, or as the system says: kept in a cookie, so that a page has its colours from the first moment.

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::Deserialize;

use super::answer::Done;
use super::form::Form;
use super::look::{THEME, Theme};
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/theme", post(choose))
}

#[derive(Deserialize)]
struct Choice {
    theme: String,
}

async fn choose(jar: CookieJar, Form(choice): Form<Choice>) -> Response {
    let cookie = Cookie::build((THEME, choice.theme.clone())).path("/").http_only(true).same_site(SameSite::Lax);
    let cookie = match Theme::from_word(&choice.theme) {
        Some(_) => cookie.permanent().build(),
        None => Cookie::build((THEME, "")).path("/").removal().build(),
    };
    (jar.add(cookie), Done::here()).into_response()
}
