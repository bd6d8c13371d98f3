//! `/sign-in` and `/sign-out`.

use std::net::SocketAddr;

use askama::Template;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Query, State};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use engine::sessions::{Attempt, SignInError};
use serde::Deserialize;

use super::answer::{Done, html, refused};
use super::form::Form;
use super::look::Look;
use super::viewer::Viewer;
use super::workspaces::{closed, opened};
use super::wrong::Wrong;
use crate::demo;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/sign-in", get(show).post(sign_in))
        .route("/sign-in/demo", post(sign_in_to_demo))
        .route("/sign-out", post(sign_out))
}

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage {
    title: String,
    look: Look,
    email: String,
    next: String,
    wrong: String,
    demo: bool,
    /// Whether nobody could sign in yet.
    first: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Given {
    email: String,
    password: String,
    next: String,
}

async fn page(parts: &Parts, look: Look, given: Given, wrong: String) -> Result<SignInPage, Wrong> {
    let (demo, first) = (parts.engine.clock().can_be_moved(), parts.engine.nobody_yet().await?);
    Ok(SignInPage { title: "Sign in".to_owned(), look, email: given.email, next: ours(given.next), wrong, demo, first })
}

/// An address of ours; anything else leads to the start.
fn ours(next: String) -> String {
    let inside = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if inside && next.is_ascii() { next } else { "/".to_owned() }
}

async fn show(State(parts): State<Parts>, look: Look, Query(given): Query<Given>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, look, given, String::new()).await?))
}

/// What is known of a browser.
pub(crate) struct Browser {
    from: String,
    pub(crate) agent: String,
    pub(crate) secure: bool,
}

impl FromRequestParts<Parts> for Browser {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Self::Rejection> {
        let connection = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let from = connection.map(|ConnectInfo(address)| parts.proxies.client(address.ip(), &head.headers));
        let from = from.map(|address| address.to_string()).unwrap_or_default();
        let text = |name| text(&head.headers, name).to_owned();
        Ok(Self { from, agent: text(header::USER_AGENT), secure: text(header::ORIGIN).starts_with("https://") })
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn sign_in(
    State(parts): State<Parts>,
    look: Look,
    jar: CookieJar,
    browser: Browser,
    Form(given): Form<Given>,
) -> Result<Response, Wrong> {
    let attempt = Attempt {
        email: given.email.clone(),
        password: given.password.clone(),
        from: browser.from.clone(),
        agent: browser.agent.clone(),
    };
    match parts.engine.sign_in(attempt).await {
        Ok(signed_in) => {
            let jar = opened(jar, signed_in.token, &signed_in.others, &browser);
            Ok((jar, Redirect::to(&ours(given.next))).into_response())
        }
        Err(error @ (SignInError::Wrong | SignInError::Wait(_))) => {
            let text = error.to_string();
            let wrong = format!("{}{}.", text[..1].to_uppercase(), &text[1..]);
            Ok(refused(&page(&parts, look, given, wrong).await?))
        }
        Err(error) => Err(error.into()),
    }
}

async fn sign_in_to_demo(
    State(parts): State<Parts>,
    jar: CookieJar,
    browser: Browser,
    Form(given): Form<Given>,
) -> Result<Response, Wrong> {
    let token = demo::sign_in(&parts.engine, &browser.agent).await?.ok_or_else(|| Wrong::not_found("the demo"))?;
    let jar = opened(jar, token, &[], &browser);
    Ok((jar, Redirect::to(&ours(given.next))).into_response())
}

async fn sign_out(State(parts): State<Parts>, viewer: Viewer, jar: CookieJar) -> Result<Response, Wrong> {
    parts.engine.sign_out(&viewer.presence).await?;
    let jar = closed(&parts, &viewer, jar).await?;
    Ok((jar, Done::to("/sign-in").saying("You are signed out")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for bad in ["", "https://there", "//there", "/\\there", "contacts", "/a\r\nb"] {
            assert_eq!(ours(bad.to_owned()), "/", "{bad:?}");
        }
        assert_eq!(ours("/contacts?q=a".to_owned()), "/contacts?q=a");
    }
}
