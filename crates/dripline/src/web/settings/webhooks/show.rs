//! `/settings/webhooks/{id}`: one endpoint: what it is, its secret, and what was delivered to it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use domain::ids::{ContactId, EventId, WebhookId};
use domain::webhook::DeliveryState;
use engine::webhooks::log::{Again, Logged};
use engine::webhooks::{Wanted, WebhookChange, WebhookError};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{Group, HERE, Shown, Typed, fault, groups};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment, counted};
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::settings::{Side, frame};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Rows of a page.
const ROWS: i64 = 50;
/// How far back a replay may be chosen to go: hours, and what they are called.
const SPANS: [(i64, &str); 5] =
    [(1, "hour"), (24, "day"), (72, "three days"), (24 * 7, "seven days"), (24 * 30, "thirty days")];

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    state: String,
    before: Option<EventId>,
}

/// A delivery, as it is shown.
struct Row {
    event: EventId,
    kind: String,
    contact: Option<ContactId>,
    at: Moment,
    state: &'static str,
    tone: &'static str,
    /// How often and with what success.
    tries: String,
    answer: String,
    next: Option<Moment>,
    /// Whether it waits for an earlier one of its contact.
    behind: bool,
    over: bool,
}

impl Row {
    fn of(row: &Logged, viewer: &Viewer) -> Self {
        let tone = match row.state {
            DeliveryState::Delivered => "success",
            DeliveryState::Failed => "error",
            DeliveryState::Sending => "info",
            DeliveryState::Pending if row.tries > 0 => "warning",
            DeliveryState::Pending => "neutral",
        };
        let answered = match (row.status, row.took_millis) {
            (Some(status), Some(took)) => format!(" · {status} after {took} ms"),
            _ if row.tried_at.is_some() => " · no answer".to_owned(),
            _ => String::new(),
        };
        let pending = row.state == DeliveryState::Pending;
        Self {
            event: row.event,
            kind: row.kind.clone(),
            contact: row.contact,
            at: format::moment(row.at, viewer.now, &viewer.zone),
            state: row.state.word(),
            tone,
            tries: format!("{}{answered}", counted(row.tries, "try", "tries")),
            answer: row.said.clone().unwrap_or_default(),
            next: row.due_at.filter(|_| pending).map(|at| format::planned(at, &viewer.zone, None)),
            behind: pending && row.due_at.is_none(),
            over: matches!(row.state, DeliveryState::Delivered | DeliveryState::Failed),
        }
    }
}

#[derive(Template)]
#[template(path = "settings/webhooks/show.html")]
struct WebhookPage<'v> {
    frame: Frame<'v>,
    side: Side,
    webhook: Shown,
    typed: Typed,
    groups: Vec<Group>,
    fault: Fault,
    secret: Option<String>,
    rows: Vec<Row>,
    /// Which state alone is shown; empty for all.
    state: String,
    states: [DeliveryState; 4],
    /// Where the next page begins.
    next: Option<EventId>,
    spans: [(i64, &'static str); 5],
}

/// What a form brought to the page.
#[derive(Default)]
struct Brought {
    typed: Option<Typed>,
    fault: Fault,
    secret: Option<String>,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    id: WebhookId,
    asked: Asked,
    brought: Brought,
) -> Result<WebhookPage<'v>, Wrong> {
    let webhook = parts.engine.webhook(&viewer.actor, id).await?;
    let state = DeliveryState::from_word(&asked.state);
    let rows = parts.engine.webhook_log(&viewer.actor, id, state, asked.before, ROWS).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|count| count >= ROWS);
    let typed = brought.typed.unwrap_or_else(|| Typed {
        url: webhook.url.clone(),
        description: webhook.description.clone(),
        kind: webhook.kinds.list(),
    });
    let (frame, side) = frame(viewer, HERE);
    Ok(WebhookPage {
        frame,
        side,
        webhook: Shown::of(&webhook, viewer),
        groups: groups(&typed.kind),
        typed,
        fault: brought.fault,
        secret: brought.secret,
        next: rows.last().filter(|_| full).map(|row| row.event),
        rows: rows.iter().map(|row| Row::of(row, viewer)).collect(),
        state: state.map(DeliveryState::word).unwrap_or_default().to_owned(),
        states: DeliveryState::ALL,
        spans: SPANS,
    })
}

pub(super) async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, id, asked, Brought::default()).await?))
}

fn place(id: WebhookId) -> String {
    format!("{HERE}/{id}")
}

pub(super) async fn change(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    let change = WebhookChange {
        url: Some(typed.url.clone()),
        description: Some(typed.description.clone()),
        kinds: Some(typed.kind.clone()),
        on: None,
    };
    match parts.engine.change_webhook(&viewer.actor, id, change).await {
        Ok(_) => Ok(Done::to(place(id)).saying("The endpoint is saved").into_response()),
        Err(error) => {
            let brought = Brought { fault: fault(error)?, typed: Some(typed), secret: None };
            Ok(refused(&page(&parts, &viewer, id, Asked::default(), brought).await?))
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Switched {
    to: String,
}

pub(super) async fn switch(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
    Form(given): Form<Switched>,
) -> Result<Response, Wrong> {
    let (wanted, said) = if given.to == "on" {
        (Wanted::On, "It is on: what still waits is delivered now. What happened meanwhile is delivered by a replay")
    } else {
        (Wanted::Off, "It is off: nothing is delivered")
    };
    let change = WebhookChange { on: Some(wanted), ..WebhookChange::default() };
    parts.engine.change_webhook(&viewer.actor, id, change).await?;
    Ok(Done::to(place(id)).saying(said).into_response())
}

pub(super) async fn rotate(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
) -> Result<Response, Wrong> {
    let secret = parts.engine.rotate_webhook(&viewer.actor, id).await?;
    let brought = Brought { secret: Some(secret), ..Brought::default() };
    Ok(html(&page(&parts, &viewer, id, Asked::default(), brought).await?))
}

/// Says what keeps something from being delivered where that is no fault of the page.
fn or_said(error: WebhookError, id: WebhookId) -> Result<Response, Wrong> {
    match error {
        WebhookError::NotOn | WebhookError::TooOld => {
            Ok(Done::to(place(id)).failing(format::sentence(&error.to_string())).into_response())
        }
        _ => Err(error.into()),
    }
}

pub(super) async fn test(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<WebhookId>) -> Result<Response, Wrong> {
    match parts.engine.test_webhook(&viewer.actor, id).await {
        Ok(_) => Ok(Done::to(place(id)).saying("A test event is on its way; the log below shows it").into_response()),
        Err(error) => or_said(error, id),
    }
}

#[derive(Deserialize)]
pub(super) struct Which {
    event: EventId,
}

pub(super) async fn again(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
    Form(which): Form<Which>,
) -> Result<Response, Wrong> {
    match parts.engine.replay_delivery(&viewer.actor, id, which.event).await {
        Ok(one) => {
            let behind = one.state == DeliveryState::Pending && one.due_at.is_none();
            let said =
                if behind { "It waits for an earlier event of the same contact" } else { "It is delivered again" };
            Ok(Done::to(place(id)).saying(said).into_response())
        }
        Err(error) => or_said(error, id),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Since {
    hours: String,
    which: String,
}

pub(super) async fn replay(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
    Form(since): Form<Since>,
) -> Result<Response, Wrong> {
    let hours = SPANS.iter().map(|(hours, _)| *hours).find(|hours| hours.to_string() == since.hours);
    let span = SignedDuration::from_hours(hours.unwrap_or(SPANS[0].0));
    let everything = since.which == Again::Everything.word();
    let again = if everything { Again::Everything } else { Again::Undelivered };
    // The clock moves on between this reading and the engine's own.
    let since = parts.engine.now().saturating_sub(span).unwrap_or(jiff::Timestamp::MIN) + SignedDuration::from_secs(1);
    match parts.engine.replay_webhook(&viewer.actor, id, since, again).await {
        Ok(done) => {
            let more = if done.next.is_some() { "; there is more than one replay takes: press it again" } else { "" };
            let said = format!("{} queued{more}", counted(done.queued, "delivery is", "deliveries are"));
            Ok(Done::to(place(id)).saying(said).into_response())
        }
        Err(error) => or_said(error, id),
    }
}

pub(super) async fn remove(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WebhookId>,
) -> Result<Response, Wrong> {
    parts.engine.remove_webhook(&viewer.actor, id).await?;
    Ok(Done::to(HERE).saying("The endpoint is removed and its secret is forgotten").into_response())
}
