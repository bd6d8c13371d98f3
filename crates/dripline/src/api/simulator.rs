//! The other side of the demo: handsets, their inboxes, replies, and a clock that can be pushed.
//!
//! Only texts to and from numbers of the caller's own workspace are shown.

use axum::Json;
use axum::extract::{Path, State};
use domain::access::Permission;
use engine::Actor;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Caller};
use crate::problem::Problem;
use crate::wiring::Parts;

/// The farthest that one call may push the clock.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);
/// Most texts of an inbox that are shown.
const SHOWN: usize = 200;

pub(crate) async fn clock(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    actor.need(Permission::Read)?;
    Ok(Json(json!({ "now": parts.engine.now(), "next_due": parts.engine.next_due().await? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushBody {
    seconds: i64,
}

/// Pushes the demo's clock ahead, through all that falls due on the way.
pub(crate) async fn push(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<PushBody>,
) -> Result<Json<Value>, Problem> {
    actor.need(Permission::SettingsWrite)?;
    let by = SignedDuration::from_secs(body.seconds);
    if !(SignedDuration::ZERO..=FARTHEST).contains(&by) {
        return Err(Problem::bad_request("seconds", "seconds must be 0 to 31622400, which is 366 days"));
    }
    let engine = &parts.engine;
    if !engine.clock().can_be_moved() {
        return Err(Problem::bad_request(
            "clock",
            "only the demo's clock can be pushed: start `dripline serve --demo`",
        ));
    }
    let until = engine.now().saturating_add(by).unwrap_or(Timestamp::MAX);
    let played = engine.play(&parts.simulator, until).await?;
    Ok(Json(json!({ "now": engine.now(), "submitted": played.submitted, "callbacks": played.callbacks })))
}

/// The phones of the caller's numbers.
async fn own(parts: &Parts, actor: &Actor) -> Result<Vec<String>, Problem> {
    Ok(parts.engine.numbers(actor).await?.into_iter().map(|number| number.phone).collect())
}

pub(crate) async fn inbox(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(phone): Path<String>,
) -> Result<Json<Value>, Problem> {
    let own = own(&parts, &actor).await?;
    let texts =
        parts.simulator.inbox(&phone, 0, SHOWN).map_err(|error| Problem::bad_request("handset", error.to_string()))?;
    let shown = texts.iter().filter(|text| own.contains(&text.from));
    let shown =
        shown.map(|text| json!({ "from": text.from, "body": text.body, "at": text.at, "segments": text.segments }));
    Ok(Json(json!({ "phone": phone, "data": shown.collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyBody {
    from: String,
    to: String,
    body: String,
}

/// Replies as the contact; the text is taken before the answer.
pub(crate) async fn reply(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<ReplyBody>,
) -> Result<Json<Value>, Problem> {
    actor.need(Permission::Send)?;
    if !own(&parts, &actor).await?.contains(&body.to) {
        return Err(Problem::not_found("the number"));
    }
    let from = domain::phone::Phone::stored(&body.from);
    let from =
        from.ok_or_else(|| Problem::bad_request("from", "from must be a phone in E.164, such as +12125550123"))?;
    let replied = parts.simulator.reply(&from.to_string(), &body.to, &body.body, parts.engine.now());
    replied.map_err(|error| Problem::bad_request("handset", error.to_string()))?;
    parts.engine.deliver(&parts.simulator).await?;
    Ok(Json(json!({ "received": true })))
}
