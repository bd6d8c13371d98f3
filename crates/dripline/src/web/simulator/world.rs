//! `/simulator/world`: how the demo's phones behave: whether their owners answer by themselves, what fails, which receipts come.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::access::Permission;
use serde::Deserialize;

use crate::api::simulator::in_demo;
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html};
use crate::web::form::Form;
use crate::web::frame::{Frame, Section};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::{Behaviour, Parts};

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/simulator/world", get(show).post(change))
}

/// One question, with its answers.
struct Question {
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    answers: &'static [Answer],
    /// The rate that is played now.
    now: f64,
}

impl Question {
    /// Whether this is what is played now; of the nearest that are as near, the first.
    fn is(&self, answer: &Answer) -> bool {
        let apart = |answer: &Answer| (answer.rate - self.now).abs();
        self.answers.iter().min_by(|a, b| apart(a).total_cmp(&apart(b))).is_some_and(|near| near.word == answer.word)
    }
}

/// One answer, and the rate that it stands for.
struct Answer {
    word: &'static str,
    text: &'static str,
    rate: f64,
}

const fn answer(word: &'static str, text: &'static str, rate: f64) -> Answer {
    Answer { word, text, rate }
}

const REPLIES: &[Answer] = &[
    answer("never", "Nobody: only what you write on a phone is a reply", 0.0),
    answer("some", "Three in ten, within two days", 0.3),
    answer("all", "Everybody, within two days", 1.0),
];
const FAILURES: &[Answer] = &[
    answer("none", "Nothing fails", 0.0),
    answer("few", "One in a hundred", 0.01),
    answer("many", "One in five", 0.2),
];
const RECEIPTS: &[Answer] = &[
    answer("come", "They come within seconds", 0.0),
    answer("some", "A third never come", 0.33),
    answer("none", "None comes", 1.0),
];

fn questions(behaviour: &Behaviour) -> [Question; 3] {
    let question = |name, title, hint, answers, now| Question { name, title, hint, answers, now };
    [
        question("replies", "Who answers by themselves", "Some of them by STOP.", REPLIES, behaviour.replies.rate),
        question(
            "failures",
            "What fails",
            "Each a little: the carrier is away for a moment, the phone cannot be reached, a text is lost on its way.",
            FAILURES,
            behaviour.faults.permanent,
        ),
        question(
            "receipts",
            "Delivery receipts",
            "Without one a message stays “sent”.",
            RECEIPTS,
            behaviour.receipts.missing,
        ),
    ]
}

#[derive(Template)]
#[template(path = "simulator/world.html")]
struct WorldPage<'v> {
    frame: Frame<'v>,
    questions: [Question; 3],
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::SettingsWrite)?;
    in_demo(&parts)?;
    let questions = questions(&parts.simulator.behaviour());
    Ok(html(&WorldPage { frame: Frame::new("How the phones behave", Section::Simulator, &viewer), questions }))
}

#[derive(Deserialize)]
struct Chosen {
    replies: String,
    failures: String,
    receipts: String,
}

/// The rate of an answer.
fn rate(answers: &[Answer], word: &str) -> Result<f64, Wrong> {
    let found = answers.iter().find(|answer| answer.word == word).map(|answer| answer.rate);
    found.ok_or_else(|| Wrong::not_found("this way to behave"))
}

async fn change(State(parts): State<Parts>, viewer: Viewer, Form(chosen): Form<Chosen>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::SettingsWrite)?;
    in_demo(&parts)?;
    let mut behaviour = parts.simulator.behaviour();
    let failures = rate(FAILURES, &chosen.failures)?;
    behaviour.replies.rate = rate(REPLIES, &chosen.replies)?;
    (behaviour.faults.permanent, behaviour.faults.temporary, behaviour.receipts.failed) =
        (failures, failures, failures);
    behaviour.receipts.missing = rate(RECEIPTS, &chosen.receipts)?;
    let set = parts.simulator.set_behaviour(behaviour);
    set.map_err(|error| Problem::new(Code::BehaviourInvalid, error.to_string()))?;
    Ok(Done::to("/simulator").saying("From the next text on the phones behave like that").into_response())
}
