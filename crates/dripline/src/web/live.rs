//! `/live`: what happens in the workspace, told to an open page as server-sent events.
//!
//! | event | data | the page |
//! |---|---|---|
//! | `change` | `{"contact": "ctc_…" or null, "kind": "message.received"}` | asks for the parts that show it |
//! | `much` | nothing | asks for all its parts: more happened than is told, or it was away |
//! | `blind` | nothing | says that it is not live, until one of the others comes: the database fails |
//!
//! A browser that comes back after a break says so by itself (`Last-Event-ID`) and is told `much`. The stream of a session that
//! was ended, or whose user was removed, ends before it tells anything that came after; that of one that grew too old
//! ends with its next beat, and the end of the process ends all of them.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use engine::live::{News, Watch};
use engine::sessions::SignInError;
use engine::{Clock, Engine};
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::viewer::{SESSION, Viewer};
use super::wrong::Wrong;
use crate::wiring::Parts;

/// How often a quiet stream shows that it lives, and its session is looked at.
const BEAT: SignedDuration = SignedDuration::from_secs(25);
/// More changes than this at once are told as one: look at everything anew.
const MOST_CHANGES: usize = 50;
/// How long a browser waits before it comes back, in milliseconds.
const RETRY_MILLIS: u64 = 2_000;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/live", get(follow))
}

async fn follow(
    State(parts): State<Parts>,
    viewer: Viewer,
    jar: CookieJar,
    headers: HeaderMap,
) -> Result<Response, Wrong> {
    let watch = parts.engine.watch(&viewer.actor).await?;
    let first = Event::default().retry(std::time::Duration::from_millis(RETRY_MILLIS));
    let first = if headers.contains_key("last-event-id") { first.event("much").data("") } else { first.comment("") };
    let token = jar.get(SESSION).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let follower =
        Follower { watch, engine: parts.engine, token, waiting: VecDeque::from([first]), beat_at: next_beat() };
    let events = stream::unfold(follower, async |mut follower: Follower| {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let mut response = Sse::new(events).into_response();
    // A proxy that collects an answer before it hands it on would hold the news up.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

/// One open page.
struct Follower {
    watch: Watch,
    engine: Engine,
    token: String,
    waiting: VecDeque<Event>,
    beat_at: Timestamp,
}

fn next_beat() -> Timestamp {
    Clock::System.now().saturating_add(BEAT).unwrap_or(Timestamp::MAX)
}

impl Follower {
    /// Whether the session has ended.
    async fn is_over(&self) -> bool {
        matches!(self.engine.session(&self.token).await, Err(SignInError::Ended))
    }

    /// What is sent next; nothing at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                news = self.watch.next() => {
                    let news = news?;
                    if may_end_sessions(&news) && self.is_over().await {
                        return None;
                    }
                    self.waiting.extend(told(&news));
                }
                () = Clock::System.sleep_until(self.beat_at) => {
                    if self.is_over().await {
                        return None;
                    }
                    self.beat_at = next_beat();
                    self.waiting.push_back(Event::default().comment(""));
                }
            }
        }
    }
}

/// Whether a session may have ended: whatever ends one is told of its user.
fn may_end_sessions(news: &News) -> bool {
    match news {
        News::Much => true,
        News::Blind => false,
        News::Happened(_, things) => things.iter().any(|(_, kind)| kind.starts_with("user.")),
    }
}

/// What happened, as events; each thing once.
fn told(news: &News) -> Vec<Event> {
    let reload = || vec![Event::default().id("many").event("much").data("")];
    let (newest, things) = match news {
        News::Happened(newest, things) => (newest, things),
        News::Much => return reload(),
        News::Blind => return vec![Event::default().event("blind").data("")],
    };
    let mut changes: Vec<String> = Vec::new();
    for (contact, kind) in things.iter() {
        let change = json!({ "contact": contact, "kind": kind }).to_string();
        if !changes.contains(&change) {
            changes.push(change);
        }
        if changes.len() > MOST_CHANGES {
            return reload();
        }
    }
    changes.iter().map(|change| Event::default().id(newest.to_string()).event("change").data(change)).collect()
}
