//! `/enrollments/{id}/remove`: takes a contact out of its workflow, after saying what comes back.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, EnrollmentId};
use domain::ledger::Amounts;
use store::enrollments::Enrollment;
use store::workflows::Workflow;
use store::{DbError, runs};

use super::answer::{Done, html};
use super::asked::Asker;
use super::format::{counted, money};
use super::frame::{Frame, Section};
use super::path::Id;
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/enrollments/{id}/remove", get(ask).post(remove))
        .route("/enrollments/of/{id}/remove", get(of_contact))
}

/// What the question says.
struct Question {
    enrollment: EnrollmentId,
    contact: ContactId,
    name: String,
    workflow: String,
    unsent: String,
    refund: String,
}

#[derive(Template)]
#[template(path = "enrollments/remove.html")]
struct RemovePage<'v> {
    frame: Frame<'v>,
    question: Question,
}

#[derive(Template)]
#[template(path = "enrollments/remove-dialog.html")]
struct RemoveDialog {
    question: Question,
}

/// An amount as people say it: `2 credits and $0.03`; `nothing` if it is nothing.
pub(crate) fn amounts(amounts: Amounts) -> String {
    match (amounts.credits, amounts.micros.0) {
        (0, 0) => "nothing".to_owned(),
        (0, _) => money(amounts.micros),
        (credits, 0) => counted(credits, "credit", "credits"),
        (credits, _) => format!("{} and {}", counted(credits, "credit", "credits"), money(amounts.micros)),
    }
}

/// The way from an ended run to a new quote.
pub(crate) struct Again {
    /// The dialog, or the page, with the preview.
    pub(crate) address: String,
    /// The message that was not tried any more, from 1.
    pub(crate) step: u8,
}

/// How a run may be started again; nothing for one that runs, or whose workflow was deleted.
pub(crate) fn again(run: &Enrollment, workflow: Option<&Workflow>) -> Option<Again> {
    if run.state == EnrollmentState::Active || workflow.is_none_or(|workflow| workflow.archived_at.is_some()) {
        return None;
    }
    let step = run.first_untried();
    let address = format!("/enroll?contact={}&workflow={}&from_step={step}", run.contact, run.workflow);
    Some(Again { address, step })
}

/// How a run ended, in a word or two.
pub(crate) fn state(run: &Enrollment) -> String {
    match run.state {
        EnrollmentState::Active => "Running".to_owned(),
        EnrollmentState::Completed => "Completed".to_owned(),
        EnrollmentState::Stopped(reason) => format!("Stopped: {}", reason.word().replace('_', " ")),
    }
}

async fn ask(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(id): Id<EnrollmentId>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let engine = &parts.engine;
    let (enrollment, back) = (engine.enrollment(&viewer.actor, id).await?, engine.unsent(&viewer.actor, id).await?);
    let contact = engine.contact(&viewer.actor, enrollment.contact).await?;
    let workflow = engine.workflow(&viewer.actor, enrollment.workflow).await?.summary.workflow.name;
    let left = enrollment.prices.len().saturating_sub(usize::from(enrollment.next_step.saturating_sub(1)));
    let unsent = counted(i64::try_from(left).unwrap_or(0), "unsent message is", "unsent messages are");
    let refund = amounts(back);
    let question = Question { enrollment: id, contact: contact.id, name: contact.name, workflow, unsent, refund };
    Ok(match asker {
        Asker::Browser => html(&RemovePage { frame: Frame::new("Remove", Section::Messenger, &viewer), question }),
        Asker::Script { .. } => html(&RemoveDialog { question }),
    })
}

async fn remove(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(id): Id<EnrollmentId>,
) -> Result<Response, Wrong> {
    let ended = parts.engine.remove(&viewer.actor, id).await?;
    let enrollment = parts.engine.enrollment(&viewer.actor, id).await?;
    let contact = parts.engine.contact(&viewer.actor, enrollment.contact).await?;
    let page = asker.page().filter(|page| !page.starts_with("/enrollments"));
    let to = page.map_or_else(|| format!("/messenger/{}", contact.id), str::to_owned);
    let text = format!("{} is out of the workflow; {} came back", contact.name, amounts(ended.refunded));
    Ok(Done::to(to).saying(text).into_response())
}

/// The running enrollment of a contact, for a link that knows the contact only.
async fn of_contact(State(parts): State<Parts>, viewer: Viewer, Id(contact): Id<ContactId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let workspace = viewer.actor.workspace();
    let running = parts.engine.read::<_, DbError, _>(move |read| runs::of(read, workspace, &[contact]));
    let running = running.await?.into_iter().next().ok_or_else(|| Wrong::not_found("a running enrollment"))?;
    Ok(Redirect::to(&format!("/enrollments/{}/remove", running.id)).into_response())
}
