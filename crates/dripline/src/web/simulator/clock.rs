//! `/simulator/clock`: pushes the demo's clock through all that falls due on the way.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::access::Permission;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::api::simulator::in_demo;
use crate::problem::{Code, Problem};
use crate::web::answer::Done;
use crate::web::form::Form;
use crate::web::format::{counted, moment};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Looking for the next message, a clock goes no further than the longest gap between two.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);
/// What falls due and sends nothing (a retry, a receipt) is passed over, so many times.
const MOST_STOPS: usize = 200;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/simulator/clock", post(push))
}

#[derive(Deserialize)]
struct Push {
    by: String,
}

async fn push(State(parts): State<Parts>, viewer: Viewer, Form(push): Form<Push>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::SettingsWrite)?;
    in_demo(&parts)?;
    let now = parts.engine.now();
    let sent = match push.by.as_str() {
        "hour" => play(&parts, ahead(now, SignedDuration::from_hours(1))).await?,
        "day" => play(&parts, ahead(now, SignedDuration::from_hours(24))).await?,
        "week" => play(&parts, ahead(now, SignedDuration::from_hours(24 * 7))).await?,
        "next" => match next_message(&parts, ahead(now, FARTHEST)).await? {
            Some(sent) => sent,
            None => return Ok(Done::here().saying("Nothing is left to send").into_response()),
        },
        _ => return Err(Wrong::not_found("this way of moving the clock")),
    };
    let at = moment(parts.engine.now(), Timestamp::MIN, &viewer.zone).exact;
    let text = match sent {
        0 => format!("It is {at}. Nothing arrived"),
        sent => format!("It is {at}. {}", counted(sent, "message arrived", "messages arrived")),
    };
    Ok(Done::here().saying(text).into_response())
}

fn ahead(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Plays until then; answers how many texts arrived. They are counted at the phones, as the dispatcher may be quicker
/// than the play and send what falls due on the way.
async fn play(parts: &Parts, until: Timestamp) -> Result<u64, Wrong> {
    let before = arrived(parts)?;
    parts.engine.play(&parts.simulator, until).await?;
    Ok(arrived(parts)?.saturating_sub(before))
}

fn arrived(parts: &Parts) -> Result<u64, Wrong> {
    let stats = parts.simulator.stats().map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    Ok(stats.texts)
}

/// Plays until something arrived; nothing if there is no more to send before the end.
async fn next_message(parts: &Parts, end: Timestamp) -> Result<Option<u64>, Wrong> {
    for _ in 0..MOST_STOPS {
        let due = parts.engine.next_due().await?;
        let next = [due, parts.simulator.next_event_at()].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= end) else { return Ok(None) };
        let sent = play(parts, next.max(parts.engine.now())).await?;
        if sent > 0 {
            return Ok(Some(sent));
        }
        // What is due and could not go (its pace is used up) goes a moment later.
        play(parts, ahead(parts.engine.now(), SignedDuration::from_secs(1))).await?;
    }
    Ok(None)
}
