//! Who looks at a page: a person who is signed in, in one workspace. A handler that takes a `Viewer` is closed to everybody else.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts as Head;
use axum_extra::extract::CookieJar;
use domain::access::Permission;
use domain::zones::Zone;
use engine::Actor;
use engine::sessions::{Presence, SignInError};
use jiff::Timestamp;

use super::look::Look;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// The cookie that holds the session's token.
pub(crate) const SESSION: &str = "dripline_session";

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// Their session, user and workspace.
    pub(crate) presence: Presence,
    /// What they may do, and in which workspace.
    pub(crate) actor: Actor,
    /// Their name.
    pub(crate) name: String,
    /// The workspace's name.
    pub(crate) workspace: String,
    /// The zone in which times are shown: their own, or the workspace's.
    pub(crate) zone: Zone,
    /// The workspace's zone, whose days its figures and its statement have.
    pub(crate) home: Zone,
    /// When the page was asked for.
    pub(crate) now: Timestamp,
    /// Whether this is the demo, whose clock can be pushed.
    pub(crate) demo: bool,
    /// Whether they may have other workspaces to switch to.
    pub(crate) elsewhere: bool,
    /// Theme, and what an action said.
    pub(crate) look: Look,
}

impl Viewer {
    /// Whether they have the permission, by its word (`contacts:write`): what they may not do is not shown.
    pub(crate) fn may(&self, word: &str) -> bool {
        Permission::from_word(word).is_some_and(|permission| self.actor.permissions().has(permission))
    }
}

impl Viewer {
    /// The time now, as the demo's clock shows it: `Tue, Nov 24, 10:00 am`.
    pub(crate) fn clock(&self) -> String {
        self.now.to_zoned_datetime(self.zone.clock().clone()).strftime("%a, %b %-d, %-I:%M %P").to_string()
    }

    /// Whether this theme is the one that was chosen; `system` if none was.
    pub(crate) fn theme_is(&self, word: &str) -> bool {
        self.look.theme.map_or("system", super::look::Theme::word) == word
    }
}

/// Who was found to look, for the last hand on an answer: a page that says what is wrong has the frame of theirs.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<OnceLock<Viewer>>);

impl Seen {
    pub(super) fn viewer(&self) -> Option<&Viewer> {
        self.0.get()
    }
}

impl FromRequestParts<Parts> for Viewer {
    type Rejection = Wrong;

    async fn from_request_parts(head: &mut Head, parts: &Parts) -> Result<Self, Wrong> {
        let viewer = Self::read(head, parts).await?;
        if let Some(seen) = head.extensions.get::<Seen>() {
            // A second extractor of the same request has found the same.
            let _ = seen.0.set(viewer.clone());
        }
        Ok(viewer)
    }
}

impl Viewer {
    async fn read(head: &Head, parts: &Parts) -> Result<Self, Wrong> {
        let jar = CookieJar::from_headers(&head.headers);
        let Some(token) = jar.get(SESSION) else { return Err(Wrong::SignIn(sign_in(head))) };
        let presence = match parts.engine.session(token.value()).await {
            Err(SignInError::Ended) => return Err(Wrong::SignIn(sign_in(head))),
            presence => presence?,
        };
        if page_of(head).is_some_and(|shown| shown != presence.actor.workspace().to_string()) {
            return Err(Wrong::OtherWorkspace(presence.workspace.name));
        }
        // A zone that this build no longer knows must not close the workspace.
        let home = Zone::named(&presence.workspace.zone)
            .or_else(|_| Zone::named("UTC"))
            .map_err(|_| Wrong::not_found("the zone"))?;
        let own = presence.user.zone.as_deref().and_then(|zone| Zone::named(zone).ok());
        Ok(Self {
            actor: presence.actor.clone(),
            name: presence.user.name.clone(),
            workspace: presence.workspace.name.clone(),
            zone: own.unwrap_or_else(|| home.clone()),
            home,
            now: parts.engine.now(),
            demo: parts.engine.clock().can_be_moved(),
            elsewhere: super::workspaces::any(&jar),
            look: Look::of(&jar),
            presence,
        })
    }
}

/// The workspace that the page shows from which a request comes, as its script says (`web/src/workspace.ts`); nothing if it
/// does not, and for signing out, which ends every session.
fn page_of(head: &Head) -> Option<String> {
    if head.uri.path() == "/sign-out" {
        return None;
    }
    if let Some(named) = head.headers.get("dripline-workspace") {
        return Some(named.to_str().unwrap_or("?").to_owned());
    }
    let Query(asked) = Query::<Vec<(String, String)>>::try_from_uri(&head.uri).ok()?;
    asked.into_iter().find_map(|(name, value)| (name == "in").then_some(value))
}

/// The sign-in page, which leads back to the page that was asked for.
fn sign_in(head: &Head) -> String {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    if head.method != axum::http::Method::GET || path == "/" {
        return "/sign-in".to_owned();
    }
    let next: String = path.bytes().map(escaped).collect();
    format!("/sign-in?next={next}")
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
