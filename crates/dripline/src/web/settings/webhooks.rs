//! `/settings/webhooks`: endpoints that are told what happens, listed and added. A secret is shown once, on the page that answers its
//! making. One endpoint with its log is [`show`].

mod show;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use domain::ids::WebhookId;
use domain::kinds::KINDS;
use domain::webhook::{EndpointState, Kinds};
use engine::webhooks::{MAX_WEBHOOKS, Webhook, WebhookError};
use serde::Deserialize;

use super::{Side, frame};
use crate::web::answer::{html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment, counted};
use crate::web::frame::Frame;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/webhooks";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/settings/webhooks/{id}", get(show::show).post(show::change))
        .route("/settings/webhooks/{id}/switch", post(show::switch))
        .route("/settings/webhooks/{id}/secret", post(show::rotate))
        .route("/settings/webhooks/{id}/test", post(show::test))
        .route("/settings/webhooks/{id}/again", post(show::again))
        .route("/settings/webhooks/{id}/replay", post(show::replay))
        .route("/settings/webhooks/{id}/remove", post(show::remove))
}

/// An endpoint, as it is shown.
struct Shown {
    id: WebhookId,
    /// What it is for, else where it is.
    name: String,
    url: String,
    wants: String,
    state: &'static str,
    tone: &'static str,
    /// Why nothing is delivered, or since when it fails; empty if all is well.
    trouble: String,
    is_on: bool,
    delivered: Option<Moment>,
    old_secret: Option<Moment>,
}

impl Shown {
    fn of(webhook: &Webhook, viewer: &Viewer) -> Self {
        let moment = |at| format::moment(at, viewer.now, &viewer.zone);
        let (state, tone) = match webhook.state {
            EndpointState::On if webhook.failing_since.is_some() => ("failing", "warning"),
            EndpointState::On => ("on", "success"),
            EndpointState::Off => ("off", "neutral"),
            EndpointState::Disabled => ("disabled", "error"),
        };
        let since = webhook.failing_since.map(|at| moment(at).exact).unwrap_or_default();
        let trouble = match (webhook.state, webhook.stopped_because.as_deref()) {
            (EndpointState::Disabled, Some("gone")) => {
                "It answered 410 Gone, so it was disabled: nothing is delivered. Switch it on when it is back, then replay.".to_owned()
            }
            (EndpointState::Disabled, _) => {
                format!("It took nothing since {since}, for three days, so it was disabled. Switch it on when it is mended, then replay.")
            }
            (EndpointState::On, _) if webhook.failing_since.is_some() => {
                format!("It took nothing since {since}. After three days it is disabled.")
            }
            _ => String::new(),
        };
        Self {
            id: webhook.id,
            name: Some(&webhook.description).filter(|text| !text.is_empty()).unwrap_or(&webhook.url).clone(),
            url: webhook.url.clone(),
            wants: match &webhook.kinds {
                Kinds::All => "all events".to_owned(),
                Kinds::Only(kinds) => counted(kinds.len(), "kind of event", "kinds of events"),
            },
            state,
            tone,
            trouble,
            is_on: webhook.state == EndpointState::On,
            delivered: webhook.delivered_at.map(moment),
            old_secret: webhook
                .old_until
                .filter(|until| *until > viewer.now)
                .map(|at| format::planned(at, &viewer.zone, None)),
        }
    }
}

/// Kinds of events that begin alike.
struct Group {
    name: String,
    kinds: Vec<Choice>,
}

struct Choice {
    kind: &'static str,
    about: &'static str,
    ticked: bool,
}

fn groups(ticked: &[String]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (kind, about) in KINDS {
        let begin = kind.split('.').next().unwrap_or_default().replace('_', " ");
        let choice = Choice { kind, about, ticked: ticked.iter().any(|one| one == kind) };
        let name = format::capital(&begin);
        match groups.last_mut().filter(|group| group.name == name) {
            Some(group) => group.kinds.push(choice),
            None => groups.push(Group { name, kinds: vec![choice] }),
        }
    }
    groups
}

/// What was typed.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    url: String,
    description: String,
    kind: Vec<String>,
}

/// The field that an error is about; the error itself if it is about none.
fn fault(error: WebhookError) -> Result<Fault, Wrong> {
    let field = match &error {
        WebhookError::Description(_) => "description",
        WebhookError::Kind(_) => "kind",
        WebhookError::Url(_) | WebhookError::TooMany | WebhookError::NoMasterKey => "url",
        _ => return Err(error.into()),
    };
    Ok(Fault::at(field, &error))
}

#[derive(Template)]
#[template(path = "settings/webhooks.html")]
struct WebhooksPage<'v> {
    frame: Frame<'v>,
    side: Side,
    webhooks: Vec<Shown>,
    /// Whether this server calls any.
    calls: bool,
    full: bool,
    /// A secret that was made just now, and of which endpoint.
    secret: Option<(String, String)>,
    typed: Typed,
    groups: Vec<Group>,
    fault: Fault,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    secret: Option<(String, String)>,
    (typed, fault): (Typed, Fault),
) -> Result<WebhooksPage<'v>, Wrong> {
    let webhooks = parts.engine.webhooks(&viewer.actor).await?;
    let (frame, side) = frame(viewer, HERE);
    Ok(WebhooksPage {
        frame,
        side,
        full: webhooks.len() >= MAX_WEBHOOKS,
        webhooks: webhooks.iter().map(|webhook| Shown::of(webhook, viewer)).collect(),
        calls: parts.engine.calls_webhooks(),
        secret,
        groups: groups(&typed.kind),
        typed,
        fault,
    })
}

async fn list(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, None, Default::default()).await?))
}

async fn create(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    match parts.engine.add_webhook(&viewer.actor, &typed.url, &typed.description, &typed.kind).await {
        Ok((webhook, secret)) => {
            let secret = Some((Shown::of(&webhook, &viewer).name, secret));
            Ok(html(&page(&parts, &viewer, secret, Default::default()).await?))
        }
        Err(error) => {
            let fault = fault(error)?;
            Ok(refused(&page(&parts, &viewer, None, (typed, fault)).await?))
        }
    }
}
