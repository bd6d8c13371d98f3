//! `/operator/acts`: what operators did to the installation itself.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::money::Micros;
use engine::acts::Act;
use serde::Deserialize;
use serde_json::Value;
use store::tallies;

use super::{Console, rates};
use crate::web::answer::html;
use crate::web::format::{self, Moment, moment, money};
use crate::web::frame::{Frame, Section};
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How many one page has.
const ROWS: usize = 50;

struct Line {
    who: String,
    text: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "operator/acts.html")]
struct ActsPage<'v> {
    frame: Frame<'v>,
    lines: Vec<Line>,
    first: bool,
    next: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    before: Option<i64>,
}

/// An act in words, after the name of whoever did it.
fn told(act: &Act) -> String {
    let facts: Value = serde_json::from_str(&act.payload).unwrap_or_default();
    let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| facts.get(name).and_then(Value::as_i64).unwrap_or_default();
    let place = || match text("country").as_str() {
        "" => "every other country".to_owned(),
        letters => letters.to_owned(),
    };
    let since = || tallies::date_of(number("since"));
    match act.kind.as_str() {
        "plan_added" => format!("offers the plan “{}” for {} a month", text("name"), money(Micros(number("price")))),
        "plan_withdrawn" => format!("offers the plan “{}” no more", text("name")),
        "plan_offered" => format!("offers the plan “{}” again", text("name")),
        "rate_set" => format!(
            "set what {} takes in {} from {} on: {} sent, {} received",
            rates::name_of(&text("carrier")),
            place(),
            since(),
            money(Micros(number("sent"))),
            money(Micros(number("heard"))),
        ),
        "rate_removed" => {
            format!("removed what {} takes in {} from {} on", rates::name_of(&text("carrier")), place(), since())
        }
        other => other.replace('_', " "),
    }
}

pub(super) async fn show(
    State(parts): State<Parts>,
    console: Console,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let most = i64::try_from(ROWS).unwrap_or(i64::MAX);
    // One more than the page tells whether there is another.
    let mut acts = parts.engine.operator_acts(&console.operator, asked.before, most + 1).await?;
    let more = acts.len() > ROWS;
    acts.truncate(ROWS);
    let viewer = &console.viewer;
    let line = |act: &Act| Line {
        who: format::capital(&act.actor),
        text: told(act),
        at: moment(act.at, viewer.now, &viewer.zone),
    };
    Ok(html(&ActsPage {
        frame: Frame::new("What operators did", Section::Operator, viewer),
        lines: acts.iter().map(line).collect(),
        first: asked.before.is_none(),
        next: acts.last().filter(|_| more).map(|act| act.id),
    }))
}
