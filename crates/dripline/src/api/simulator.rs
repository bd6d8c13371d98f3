//! The demo's world: a clock that can be pushed, how the handsets behave, what was counted at them.
//!
//! All of it belongs to the whole installation, so but for reading the clock it is there in the demo only.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::request::{Body, Caller};
use crate::problem::{Code, Problem};
use crate::wiring::{Behaviour, Parts};

/// The farthest that one call may push the clock.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// The clock.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clock {
    now: Timestamp,
    /// When there is work again, as far as is known now.
    next_due: Option<Timestamp>,
}

/// Show the clock
#[utoipa::path(get, path = "/simulator/clock", operation_id = "showClock", tag = "Simulator",
    responses((status = 200, description = "The time.", body = Clock)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn clock(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Clock>, Problem> {
    actor.need(Permission::Read)?;
    Ok(Json(Clock { now: parts.engine.now(), next_due: parts.engine.next_due().await? }))
}

/// By how much.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushBody {
    /// 0 to 31622400, which is 366 days.
    #[schema(minimum = 0, maximum = 31_622_400, example = 86_400)]
    seconds: i64,
}

/// What happened on the way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pushed {
    now: Timestamp,
    /// Messages handed to carriers.
    submitted: usize,
    /// Replies and receipts taken.
    callbacks: usize,
}

/// Goes on only in the demo.
pub(crate) fn in_demo(parts: &Parts) -> Result<(), Problem> {
    if parts.engine.clock().can_be_moved() {
        return Ok(());
    }
    Err(Problem::new(Code::Clock, "this is for the demo only: start `dripline serve --demo`"))
}

/// Push the clock ahead
///
/// Through all that falls due on the way. For the demo only.
#[utoipa::path(post, path = "/simulator/clock", operation_id = "pushClock", tag = "Simulator", request_body = PushBody,
    responses((status = 200, description = "The time now, and what happened on the way.", body = Pushed)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["seconds", "clock"]))))]
pub(crate) async fn push(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<PushBody>,
) -> Result<Json<Pushed>, Problem> {
    actor.need(Permission::SettingsWrite)?;
    let by = SignedDuration::from_secs(body.seconds);
    if !(SignedDuration::ZERO..=FARTHEST).contains(&by) {
        return Err(Problem::new(Code::Seconds, "seconds must be 0 to 31622400, which is 366 days"));
    }
    in_demo(&parts)?;
    let engine = &parts.engine;
    let until = engine.now().saturating_add(by).unwrap_or(Timestamp::MAX);
    let played = engine.play(&parts.simulator, until).await?;
    Ok(Json(Pushed { now: engine.now(), submitted: played.submitted, callbacks: played.callbacks }))
}

/// How the handsets behave: what goes wrong, when receipts come, who answers what. What is not named is as in a perfect
/// world.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Behaving(Behaviour);

impl PartialSchema for Behaving {
    fn schema() -> RefOr<Schema> {
        let sample = serde_json::to_value(Behaviour::demo()).expect("a behaviour is plain data");
        match form(&sample) {
            RefOr::T(Schema::Object(mut object)) => {
                object.description = Some("How the handsets behave. Rates are fractions from 0 to 1.".to_owned());
                object.examples = vec![sample];
                Schema::Object(object).into()
            }
            other => other,
        }
    }
}

impl ToSchema for Behaving {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Behaviour")
    }
}

/// The form of a value that has everything in it.
pub(crate) fn form(sample: &Value) -> RefOr<Schema> {
    let plain = |kind: Type| ObjectBuilder::new().schema_type(kind).into();
    match sample {
        Value::Object(members) => {
            let object = ObjectBuilder::new().schema_type(Type::Object);
            members.iter().fold(object, |object, (name, value)| object.property(name, form(value))).into()
        }
        Value::Array(items) => ArrayBuilder::new().items(form(items.first().unwrap_or(&Value::Null))).into(),
        Value::Number(number) if number.is_f64() => plain(Type::Number),
        Value::Number(_) => plain(Type::Integer),
        Value::Bool(_) => plain(Type::Boolean),
        Value::String(_) | Value::Null => plain(Type::String),
    }
}

/// Show how the handsets behave
#[utoipa::path(get, path = "/simulator/behaviour", operation_id = "showBehaviour", tag = "Simulator",
    responses((status = 200, description = "What is played.", body = Behaving)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["clock"]))))]
pub(crate) async fn behaviour(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Behaving>, Problem> {
    actor.need(Permission::Read)?;
    in_demo(&parts)?;
    Ok(Json(Behaving(parts.simulator.behaviour())))
}

/// Change how the handsets behave
///
/// From the next text on. For the demo only.
#[utoipa::path(put, path = "/simulator/behaviour", operation_id = "changeBehaviour", tag = "Simulator", request_body = Behaving,
    responses((status = 200, description = "What is played from now on.", body = Behaving)),
    extensions(("x-permission" = json!("settings:write")), ("x-problems" = json!(["clock", "behaviour_invalid"]))))]
pub(crate) async fn change_behaviour(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(Behaving(behaviour)): Body<Behaving>,
) -> Result<Json<Behaving>, Problem> {
    actor.need(Permission::SettingsWrite)?;
    in_demo(&parts)?;
    let set = parts.simulator.set_behaviour(behaviour);
    set.map_err(|error| Problem::new(Code::BehaviourInvalid, error.to_string()))?;
    Ok(Json(Behaving(parts.simulator.behaviour())))
}

/// What was counted at the handsets, of all workspaces.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Texts that reached a handset.
    texts: u64,
    /// Attempts that brought at least one text.
    attempts: u64,
    /// The most texts that one attempt brought: above 1 is a double send.
    most_per_attempt: u32,
    /// Texts beyond the first of their attempt.
    duplicates: u64,
    /// Texts beyond the first with the same handset and body.
    repeated_bodies: u64,
    /// Handsets that received or wrote anything.
    handsets: u64,
    /// Events that the carrier has still to tell.
    events_pending: u64,
    /// Events lost because too many waited.
    events_lost: u64,
    /// Journal lines that could not be read.
    torn_lines: u64,
}

/// Show what was counted at the handsets
///
/// For the demo only.
#[utoipa::path(get, path = "/simulator/stats", operation_id = "showSimulatorStats", tag = "Simulator",
    responses((status = 200, description = "The counts.", body = Stats)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["clock", "handset"]))))]
pub(crate) async fn stats(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Stats>, Problem> {
    actor.need(Permission::Read)?;
    in_demo(&parts)?;
    let stats = parts.simulator.stats().map_err(|error| Problem::new(Code::Handset, error.to_string()))?;
    Ok(Json(Stats {
        texts: stats.texts,
        attempts: stats.attempts,
        most_per_attempt: stats.most_per_attempt,
        duplicates: stats.duplicates,
        repeated_bodies: stats.repeated_bodies,
        handsets: stats.handsets,
        events_pending: stats.events_pending,
        events_lost: stats.events_lost,
        torn_lines: stats.torn_lines,
    }))
}
