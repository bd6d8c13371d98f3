//! `/jobs/{id}`: how far a job on many contacts is. It goes on by itself, whether somebody looks or not. One that enrolls may be taken
//! back: for those who have not begun, or for everybody.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::{ContactId, JobId, WorkflowId};
use engine::bulk::{ENROLL, WITHDRAW, WithdrawWhom};
use engine::changes::{self, Change};
use engine::erasing::ERASE;
use serde::Deserialize;
use store::jobs::{Item, Job};
use store::{DbError, contacts};

use super::answer::{Done, html};
use super::asked::Asker;
use super::csv::Csv;
use super::form::Form;
use super::format::{self, count, counted};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::api::jobs::go_on;
use crate::wiring::Parts;

/// Most refused contacts that are shown; the file has all.
const SHOWN: i64 = 100;
/// How many refused contacts are read at a time for the file.
const CHUNK: i64 = 1_000;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/jobs/{id}", get(show))
        .route("/jobs/{id}/refused.csv", get(refused_file))
        .route("/jobs/{id}/withdraw", post(withdraw))
}

/// How far it is.
struct Progress {
    id: JobId,
    running: bool,
    /// The workflow that it adds them to, if that is what it does.
    workflow: Option<WorkflowId>,
    total: i64,
    done: i64,
    /// Such as `500 of 12,000`.
    far: String,
    started: String,
    refused: String,
    words: Words,
    /// Whether a press takes it back.
    may_undo: bool,
    /// Whether whom it has started may be taken out.
    may_withdraw: bool,
    /// How many it has left who may be quoted again, in words; empty for nobody.
    left: String,
}

/// What a job that enrolls keeps of its task.
#[derive(Deserialize)]
struct Goal {
    workflow: WorkflowId,
}

/// How a job is spoken of.
struct Words {
    title: &'static str,
    /// What became of those that it changed, such as `started`.
    done: &'static str,
    /// What is said of the others.
    left: &'static str,
}

impl Words {
    fn of(job: &Job) -> Self {
        let (title, done, left) = match changes::change_of(job) {
            None if job.kind == ENROLL => ("Adding to a workflow", "started", "refused"),
            None if job.kind == WITHDRAW => ("Taking out of a workflow", "taken out and refunded", "left as they were"),
            None if job.kind == ERASE => ("Erasing a person", "erased", "left as they were"),
            None => ("Changing many contacts", "changed", "left as they were"),
            Some(Change::DoNotContact) => ("Putting on the do-not-contact list", "put on the list", "on it already"),
            Some(Change::Contact) => ("Taking off the do-not-contact list", "taken off the list", "not on it"),
            Some(Change::Delete) => ("Deleting contacts", "deleted", "gone already"),
            Some(Change::Restore) => {
                ("Bringing contacts back", "brought back", "not brought back: their phone is somebody else's")
            }
            Some(Change::Label(_)) => ("Giving a label, or putting on a list", "put on it", "on it already"),
            Some(Change::Unlabel(_)) => ("Taking a label away, or off a list", "taken off", "not on it"),
        };
        Self { title, done, left }
    }
}

impl From<&Job> for Progress {
    fn from(job: &Job) -> Self {
        let done = (job.started + job.refused).min(job.total);
        Self {
            id: job.id,
            running: job.state == "running",
            workflow: (job.kind == ENROLL || job.kind == WITHDRAW)
                .then(|| serde_json::from_str(&job.payload).ok())
                .flatten()
                .map(|Goal { workflow }| workflow),
            total: job.total.max(1),
            done,
            far: format!("{} of {}", count(done), count(job.total)),
            started: count(job.started),
            refused: count(job.refused),
            words: Words::of(job),
            may_undo: job.state == "done" && job.started > 0 && changes::change_of(job).is_some(),
            may_withdraw: job.kind == ENROLL && (job.state == "running" || job.started > 0),
            left: String::new(),
        }
    }
}

/// A contact that was refused.
struct Refused {
    contact: Option<ContactId>,
    name: String,
    phone: String,
    reasons: String,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobPage<'v> {
    frame: Frame<'v>,
    progress: Progress,
    refused: Vec<Refused>,
}

#[derive(Template)]
#[template(path = "jobs/progress.html")]
struct ProgressPart {
    progress: Progress,
    refused: Vec<Refused>,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, asker: Asker, Id(id): Id<JobId>) -> Result<Response, Wrong> {
    let job = parts.engine.job(&viewer.actor, id).await?;
    let items = parts.engine.job_refusals(&viewer.actor, id, i64::MIN, SHOWN).await?;
    let progress = Progress::from(&job);
    let left =
        if job.kind == WITHDRAW && job.state == "done" { parts.engine.left_by(&viewer.actor, id).await? } else { 0 };
    let progress = Progress {
        may_undo: progress.may_undo && viewer.may("contacts:write"),
        may_withdraw: progress.may_withdraw && viewer.may("enroll"),
        left: if left > 0 && viewer.may("enroll") { counted(left, "contact", "contacts") } else { String::new() },
        ..progress
    };
    let refused = refused(&parts, &viewer, &items).await?;
    Ok(match asker {
        Asker::Browser => {
            html(&JobPage { frame: Frame::new(progress.words.title, Section::Contacts, &viewer), progress, refused })
        }
        Asker::Script { .. } => html(&ProgressPart { progress, refused }),
    })
}

#[derive(Deserialize)]
struct Withdrawn {
    whom: WithdrawWhom,
}

/// Ends the job and takes out whom it has started.
async fn withdraw(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<JobId>,
    Form(form): Form<Withdrawn>,
) -> Result<Response, Wrong> {
    let job = parts.engine.withdraw_job(&viewer.actor, id, form.whom).await?;
    let to = format!("/jobs/{}", job.id);
    go_on(parts, viewer.actor.clone(), &job);
    Ok(Done::to(to).into_response())
}

/// A reason as the job kept it.
#[derive(Deserialize)]
struct Reason {
    message: String,
}

async fn refused(parts: &Parts, viewer: &Viewer, items: &[Item]) -> Result<Vec<Refused>, Wrong> {
    let ids: Vec<_> = items.iter().filter_map(|item| item.contact).map(ContactId).collect();
    let workspace = viewer.actor.workspace();
    let known = parts.engine.read::<_, DbError, _>(move |read| contacts::some(read, workspace, &ids)).await?;
    let row = |item: &Item| {
        let contact = item.contact.and_then(|id| known.iter().find(|contact| contact.id.0 == id));
        let reasons = item.outcome.as_deref().and_then(|text| serde_json::from_str::<Vec<Reason>>(text).ok());
        let reasons: Vec<_> =
            reasons.unwrap_or_default().into_iter().map(|reason| format::capital(&reason.message)).collect();
        Refused {
            contact: contact.map(|contact| contact.id),
            name: contact.map(|contact| contact.name.clone()).unwrap_or_default(),
            phone: contact.map(|contact| format::phone(&contact.phone.to_string())).unwrap_or_default(),
            reasons: reasons.join("; "),
        }
    };
    Ok(items.iter().map(row).collect())
}

async fn refused_file(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<JobId>) -> Result<Response, Wrong> {
    let (mut rows, mut after) = (Vec::new(), i64::MIN);
    loop {
        let items = parts.engine.job_refusals(&viewer.actor, id, after, CHUNK).await?;
        let Some(last) = items.last() else { break };
        after = last.item;
        rows.extend(refused(&parts, &viewer, &items).await?);
    }
    let mut file = Csv::new(&["Name", "Phone", "Reasons"]);
    rows.into_iter().for_each(|row| file.row(&[row.name, row.phone, row.reasons]));
    Ok(file.download("refused.csv"))
}
