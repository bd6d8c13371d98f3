//! `/numbers`: the phone numbers that the workspace sends from, their pace and what became of their texts.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::NumberId;
use engine::needs::FAILURE_DAYS;
use engine::numbers::{NewNumber, NumberChange, NumberError, NumberState};
use jiff::SignedDuration;
use serde::Deserialize;
use store::numbers::Number;

use super::answer::{Done, html, refused};
use super::form::{Form, whole};
use super::format::{self, Moment};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// The carrier that every installation has.
const SIMULATOR: &str = "simulator";
/// What a new number may send in a minute, in segments, unless something else is asked for.
const PER_MINUTE: &str = "60";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/numbers", get(show).post(add))
        .route("/numbers/{id}", get(show_one).post(change))
        .route("/numbers/{id}/state", post(set_state))
}

/// A number as it is written.
struct Row {
    id: NumberId,
    phone: String,
    place: String,
    carrier: String,
    state: String,
    contacts: String,
    today: String,
    per_minute: String,
    used: Option<Moment>,
    failed: i64,
    /// What it lacks to text US numbers; empty if it lacks nothing.
    lacks: String,
}

/// The form for a new number, with what was typed and what is wrong with it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct New {
    phone: String,
    carrier: String,
    per_minute: String,
    per_day: String,
    #[serde(skip)]
    wrong_phone: String,
    #[serde(skip)]
    wrong_pace: String,
}

#[derive(Template)]
#[template(path = "numbers.html")]
struct NumbersPage<'v> {
    frame: Frame<'v>,
    rows: Vec<Row>,
    /// Names with what they are called.
    carriers: Vec<(String, String)>,
    new: New,
    open: bool,
    may_write: bool,
    failure_days: i64,
}

#[derive(Template)]
#[template(path = "numbers/number.html")]
struct NumberPage<'v> {
    frame: Frame<'v>,
    row: Row,
    per_minute: String,
    per_day: String,
    wrong: String,
    may_write: bool,
    failure_days: i64,
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let new = New { per_minute: PER_MINUTE.to_owned(), per_day: "0".to_owned(), ..New::default() };
    Ok(html(&page(&parts, &viewer, new, false).await?))
}

async fn page<'v>(parts: &Parts, viewer: &'v Viewer, new: New, open: bool) -> Result<NumbersPage<'v>, Wrong> {
    let numbers = parts.engine.numbers(&viewer.actor).await?;
    let failures = parts.engine.number_failures(&viewer.actor).await?;
    let carriers = parts.engine.carrier_names(&viewer.actor).await?;
    let rows: Result<_, Wrong> =
        numbers.iter().map(|number| row(parts, number, viewer, &failures, &carriers)).collect();
    Ok(NumbersPage {
        open: open || numbers.is_empty(),
        rows: rows?,
        carriers,
        new: New { carrier: if new.carrier.is_empty() { SIMULATOR.to_owned() } else { new.carrier.clone() }, ..new },
        may_write: viewer.may("numbers:write"),
        failure_days: FAILURE_DAYS,
        frame: Frame::new("Numbers", Section::Numbers, viewer),
    })
}

fn row(
    parts: &Parts,
    number: &Number,
    viewer: &Viewer,
    failures: &HashMap<NumberId, i64>,
    carriers: &[(String, String)],
) -> Result<Row, Wrong> {
    let called = carriers.iter().find(|(name, _)| *name == number.carrier).map(|(_, called)| called.clone());
    let fresh = viewer.now.duration_since(number.day_start) < SignedDuration::from_hours(24);
    let sent = format::count(if fresh { number.day_count } else { 0 });
    let today = match number.messages_per_day {
        0 => sent,
        limit => format!("{sent} of {}", format::count(limit)),
    };
    Ok(Row {
        lacks: parts.engine.lack_of(number)?.map(|lack| lack.to_string()).unwrap_or_default(),
        id: number.id,
        phone: format::phone(&number.phone),
        place: number.region.trim_start_matches("US-").to_owned(),
        carrier: called.unwrap_or_else(|| number.carrier.clone()),
        state: number.state.clone(),
        contacts: format::count(number.contacts),
        today,
        per_minute: match number.messages_per_minute {
            0 => "no limit".to_owned(),
            limit => format::count(limit),
        },
        used: number.used_at.map(|at| format::moment(at, viewer.now, &viewer.zone)),
        failed: failures.get(&number.id).copied().unwrap_or(0),
    })
}

const WRONG_PACE: &str = "A pace is a whole number of segments; 0 is no limit";

async fn add(State(parts): State<Parts>, viewer: Viewer, Form(new): Form<New>) -> Result<Response, Wrong> {
    let (Some(per_minute), Some(per_day)) = (whole(&new.per_minute), whole(&new.per_day)) else {
        let new = New { wrong_pace: WRONG_PACE.to_owned(), ..new };
        return Ok(refused(&page(&parts, &viewer, new, true).await?));
    };
    let asked = NewNumber { phone: new.phone.clone(), carrier: new.carrier.clone(), per_minute, per_day };
    match parts.engine.add_number(&viewer.actor, asked).await {
        Ok(number) => {
            let said = format!("{} sends from now on", format::phone(&number.phone));
            Ok(Done::to("/numbers").saying(said).into_response())
        }
        Err(NumberError::Pace { .. }) => {
            let new = New { wrong_pace: WRONG_PACE.to_owned(), ..new };
            Ok(refused(&page(&parts, &viewer, new, true).await?))
        }
        Err(error @ (NumberError::Phone(_) | NumberError::PhoneTaken | NumberError::Carrier { .. })) => {
            let new = New { wrong_phone: format::capital(&error.to_string()), ..new };
            Ok(refused(&page(&parts, &viewer, new, true).await?))
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_one(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<NumberId>) -> Result<Response, Wrong> {
    Ok(html(&one(&parts, &viewer, id, None).await?))
}

/// One number; with what was typed if that was refused.
async fn one<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    id: NumberId,
    typed: Option<&Limits>,
) -> Result<NumberPage<'v>, Wrong> {
    let numbers = parts.engine.numbers(&viewer.actor).await?;
    let number = numbers.iter().find(|number| number.id == id).ok_or_else(|| Wrong::not_found("the number"))?;
    let failures = parts.engine.number_failures(&viewer.actor).await?;
    let carriers = parts.engine.carrier_names(&viewer.actor).await?;
    let row = row(parts, number, viewer, &failures, &carriers)?;
    let stored = (number.messages_per_minute.to_string(), number.messages_per_day.to_string());
    let (per_minute, per_day) = typed.map_or(stored, |typed| (typed.per_minute.clone(), typed.per_day.clone()));
    Ok(NumberPage {
        per_minute,
        per_day,
        wrong: typed.map(|_| WRONG_PACE.to_owned()).unwrap_or_default(),
        may_write: viewer.may("numbers:write"),
        failure_days: FAILURE_DAYS,
        frame: Frame::new(row.phone.clone(), Section::Numbers, viewer),
        row,
    })
}

#[derive(Deserialize)]
struct Limits {
    per_minute: String,
    per_day: String,
}

async fn change(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<NumberId>,
    Form(limits): Form<Limits>,
) -> Result<Response, Wrong> {
    let (Some(per_minute), Some(per_day)) = (whole(&limits.per_minute), whole(&limits.per_day)) else {
        return Ok(refused(&one(&parts, &viewer, id, Some(&limits)).await?));
    };
    let change = NumberChange { state: None, per_minute: Some(per_minute), per_day: Some(per_day) };
    match parts.engine.change_number(&viewer.actor, id, change).await {
        Ok(changed) => {
            let said = format!("The limits of {} are saved", format::phone(&changed.number.phone));
            Ok(Done::to("/numbers").saying(said).into_response())
        }
        Err(NumberError::Pace { .. }) => Ok(refused(&one(&parts, &viewer, id, Some(&limits)).await?)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Wanted {
    state: String,
}

async fn set_state(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<NumberId>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Wrong> {
    let state = NumberState::from_word(&wanted.state).ok_or_else(|| Wrong::not_found("this state of a number"))?;
    let change = NumberChange { state: Some(state), ..NumberChange::default() };
    let changed = parts.engine.change_number(&viewer.actor, id, change).await?;
    let phone = format::phone(&changed.number.phone);
    let said = match state {
        NumberState::Live => format!("{phone} sends again"),
        NumberState::Paused => format!("{phone} is paused: what it would send waits"),
        NumberState::Lost if changed.removed.contacts > 0 => {
            let ended = format::counted(changed.removed.contacts, "contact", "contacts");
            format!(
                "{phone} is lost. {ended} left their workflows; {} came back",
                super::billing::both(changed.removed.refunded)
            )
        }
        NumberState::Lost => {
            let moved = i64::try_from(changed.reassigned).unwrap_or(i64::MAX);
            let moved = format::counted(moved, "enrollment went over", "enrollments went over");
            let wait = if changed.waiting { ", which is paused: let it send, or they wait" } else { "" };
            format!("{phone} is lost. {moved} to another number{wait}")
        }
    };
    Ok(Done::to("/numbers").saying(said).into_response())
}
