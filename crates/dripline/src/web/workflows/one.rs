//! `/workflows/{id}`: how its contacts fare message by message, who is in it, who left it and why, what is coming.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::enrollment::StopReason;
use domain::ids::{ContactId, EnrollmentId, JobId, WorkflowId};
use engine::figures::Figures;
use engine::figures::coming::ComingDay;
use serde::Deserialize;
use store::jobs::Job;
use store::{DbError, contacts, enrollments};

use super::percent;
use crate::web::answer::html;
use crate::web::enrollments::amounts;
use crate::web::format::{Moment, count, counted, moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How many people one page shows.
const PEOPLE: usize = 50;
/// How many days the chart looks ahead.
const DAYS: i64 = 30;
/// The chart's height and the width of a day, in the units of its picture.
const HEIGHT: i64 = 80;
const WIDTH: i64 = 10;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/workflows/{id}", get(show))
}

/// One message of the funnel.
struct Step {
    text: String,
    gap: String,
    sent: String,
    delivered: String,
    replied: String,
    opted_out: String,
    failed: String,
}

/// Many who were started together.
struct Start {
    job: JobId,
    at: Moment,
    /// Such as `500 of 512 started`.
    far: String,
}

/// Somebody in it.
struct Person {
    contact: ContactId,
    enrollment: EnrollmentId,
    name: String,
    step: u8,
    next: Option<Moment>,
    started: Moment,
}

/// A day of the chart.
struct Day {
    date: String,
    messages: String,
    x: i64,
    y: i64,
    height: i64,
}

#[derive(Template)]
#[template(path = "workflows/one.html")]
struct OnePage<'v> {
    frame: Frame<'v>,
    id: WorkflowId,
    name: String,
    version: i64,
    saved: Moment,
    length: String,
    active: i64,
    tiles: Vec<(&'static str, String)>,
    steps: Vec<Step>,
    ended: Vec<(&'static str, String)>,
    starts: Vec<Start>,
    people: Vec<Person>,
    first_page: bool,
    next: Option<EnrollmentId>,
    days: Vec<Day>,
    coming: String,
    may_write: bool,
    may_enroll: bool,
}

impl OnePage<'_> {
    fn width(&self) -> i64 {
        WIDTH * DAYS
    }

    fn height(&self) -> i64 {
        HEIGHT
    }

    fn bar(&self) -> i64 {
        WIDTH - 2
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    after: Option<EnrollmentId>,
}

async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<WorkflowId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let (engine, actor) = (&parts.engine, &viewer.actor);
    let view = engine.workflow(actor, id).await?;
    let funnel = engine.funnel(actor, id).await?;
    let coming = engine.coming(actor, Some(id), DAYS).await?;
    let (people, next) = people(&parts, &viewer, id, asked.after).await?;
    let starts = engine.starts_of(actor, id).await?;
    let start = |job: &Job| Start {
        job: job.id,
        at: moment(job.created_at, viewer.now, &viewer.zone),
        far: format!("{} of {} started", count(job.started), count(job.total)),
    };
    let workflow = view.summary.workflow;
    let steps = funnel.steps.iter().enumerate().map(|(place, figures)| {
        let stored = view.steps.get(place);
        let gap = stored.map(|step| {
            if step.gap_days == 0 { String::new() } else { format!("+{}", counted(step.gap_days, "day", "days")) }
        });
        let text = stored.map_or_else(|| "of an earlier version".to_owned(), |step| step.template.clone());
        step(text, gap.unwrap_or_default(), figures)
    });
    let total: i64 = coming.iter().map(|day| day.messages).sum();
    let messages = counted(view.summary.messages, "message", "messages");
    let length = format!("{messages} over {}", counted(view.summary.total_days, "day", "days"));
    Ok(html(&OnePage {
        frame: Frame::new(workflow.name.clone(), Section::Workflows, &viewer),
        id,
        name: workflow.name,
        version: workflow.version,
        saved: moment(workflow.updated_at, viewer.now, &viewer.zone),
        length: if view.summary.total_days == 0 { messages } else { length },
        active: funnel.active,
        tiles: tiles(&funnel.whole, funnel.active),
        steps: steps.collect(),
        ended: ended(&funnel.whole, &funnel.ended),
        starts: starts.iter().map(start).collect(),
        people,
        first_page: asked.after.is_none(),
        next,
        days: chart(&coming),
        coming: counted(total, "message", "messages"),
        may_write: viewer.may("workflows:write"),
        may_enroll: viewer.may("enroll"),
    }))
}

fn tiles(whole: &Figures, active: i64) -> Vec<(&'static str, String)> {
    vec![
        ("Active now", count(active)),
        ("Added", count(whole.added)),
        ("Sent", count(whole.sent)),
        ("Replied", count(whole.replied)),
        ("Reply rate", whole.reply_rate().map_or_else(|| "–".to_owned(), percent)),
        ("Cost", if whole.cost.is_zero() { "–".to_owned() } else { amounts(whole.cost) }),
    ]
}

fn step(text: String, gap: String, figures: &Figures) -> Step {
    Step {
        text,
        gap,
        sent: count(figures.sent),
        delivered: count(figures.delivered),
        replied: count(figures.replied),
        opted_out: count(figures.opted_out),
        failed: count(figures.not_arrived()),
    }
}

/// Why contacts are no longer in it, the most frequent reason first.
fn ended(whole: &Figures, stopped: &[(StopReason, i64)]) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, i64)> = stopped.iter().map(|(reason, number)| (told(*reason), *number)).collect();
    if whole.completed > 0 {
        all.push(("Got every message", whole.completed));
    }
    all.sort_by_key(|(_, number)| -number);
    all.into_iter().map(|(reason, number)| (reason, count(number))).collect()
}

/// A reason in plain words.
fn told(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Replied => "Replied",
        StopReason::OptedOut => "Opted out",
        StopReason::Removed => "Removed by hand",
        StopReason::WorkflowPaused => "The workflow was paused",
        StopReason::WorkflowDeleted => "The workflow was deleted",
        StopReason::ContactDeleted => "The contact was deleted",
        StopReason::DoNotContact => "Put on do-not-contact",
        StopReason::ComplianceBlocked => "On a compliance list",
        StopReason::Undeliverable => "Cannot be reached",
        StopReason::PlanEnded => "The plan ended",
        StopReason::NumberLost => "The sending number was lost",
        StopReason::PersonReplied => "Another number of the person replied",
    }
}

/// Those in it, oldest first, and after whom the next page begins.
async fn people(
    parts: &Parts,
    viewer: &Viewer,
    id: WorkflowId,
    after: Option<EnrollmentId>,
) -> Result<(Vec<Person>, Option<EnrollmentId>), Wrong> {
    let (workspace, after) = (viewer.actor.workspace(), after.unwrap_or(EnrollmentId(0)));
    let most = i64::try_from(PEOPLE).unwrap_or(i64::MAX).saturating_add(1);
    let read = parts.engine.read::<_, DbError, _>(move |read| {
        let rows = enrollments::running_in(read, workspace, id, after, most)?;
        let ids: Vec<_> = rows.iter().map(|row| row.contact).collect();
        Ok((rows, contacts::some(read, workspace, &ids)?))
    });
    let (mut rows, known) = read.await?;
    let more = rows.len() > PEOPLE;
    rows.truncate(PEOPLE);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    let at = |at| moment(at, viewer.now, &viewer.zone);
    let person = |row: enrollments::Enrollment| Person {
        contact: row.contact,
        enrollment: row.id,
        name: known.iter().find(|one| one.id == row.contact).map(|one| one.name.clone()).unwrap_or_default(),
        step: row.next_step,
        next: row.due_at.map(at),
        started: at(row.started_at),
    };
    Ok((rows.into_iter().map(person).collect(), next))
}

/// The days as bars: the fullest is as high as the picture.
fn chart(days: &[ComingDay]) -> Vec<Day> {
    let most = days.iter().map(|day| day.messages).max().unwrap_or(0).max(1);
    let bar = |(place, day): (i64, &ComingDay)| {
        let height = if day.messages == 0 { 0 } else { (day.messages.saturating_mul(HEIGHT) / most).max(2) };
        let (date, messages) = (day.date.strftime("%a, %b %-d").to_string(), count(day.messages));
        Day { date, messages, x: place * WIDTH + 1, y: HEIGHT - height, height }
    };
    (0..).zip(days).map(bar).collect()
}
