//! Where a contact is in a workflow, as the simulator says it beside the phone: so that one sees the stop and the refund happen.

use domain::enrollment::{EnrollmentState, StopReason, unsent};
use domain::ids::{ContactId, EnrollmentId};
use store::enrollments::{self, Enrollment};
use store::{DbError, workflows};

use crate::web::enrollments::amounts;
use crate::web::format::{Moment, ago, counted, moment};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How it stands with a contact's newest run.
pub(super) enum Progress {
    /// There was none.
    Never,
    /// It runs.
    Running {
        workflow: String,
        next: u8,
        of: usize,
        /// When the next text is due; nothing while one is on its way.
        due: Option<Moment>,
        until: String,
    },
    /// It is over.
    Ended { workflow: String, text: String, stopped: bool },
}

/// The newest run of a contact.
pub(super) async fn newest(
    parts: &Parts,
    viewer: &Viewer,
    contact: ContactId,
) -> Result<Option<(Enrollment, String)>, Wrong> {
    let workspace = viewer.actor.workspace();
    let found = parts.engine.read::<_, DbError, _>(move |read| {
        let newest = enrollments::of_contact(read, workspace, contact, EnrollmentId(i64::MAX), 1)?.pop();
        let Some(newest) = newest else { return Ok(None) };
        let workflow = workflows::find(read, workspace, newest.workflow)?;
        Ok(Some((newest, workflow.map_or_else(String::new, |workflow| workflow.name))))
    });
    Ok(found.await?)
}

impl Progress {
    pub(super) async fn of(parts: &Parts, viewer: &Viewer, contact: ContactId) -> Result<Self, Wrong> {
        let newest = newest(parts, viewer, contact).await?;
        Ok(newest.map_or(Self::Never, |(run, workflow)| Self::from_run(&run, workflow, viewer)))
    }

    fn from_run(run: &Enrollment, workflow: String, viewer: &Viewer) -> Self {
        let of = run.prices.len();
        if run.state == EnrollmentState::Active {
            let due = run.due_at.map(|at| moment(at, viewer.now, &viewer.zone));
            let until = run.due_at.map_or_else(|| "now".to_owned(), |at| ago(at, viewer.now));
            return Self::Running { workflow, next: run.next_step, of, due, until };
        }
        Self::Ended { workflow, text: end(run), stopped: run.state != EnrollmentState::Completed }
    }
}

/// How a run ended and what came back, in a sentence.
pub(super) fn end(run: &Enrollment) -> String {
    let EnrollmentState::Stopped(reason) = run.state else { return "All messages were sent.".to_owned() };
    let tried = run.stopped_after.unwrap_or(run.next_step).max(run.first_step() - 1);
    let left = run.prices.len().saturating_sub(usize::from(tried));
    let why = why(reason);
    if left == 0 {
        return format!("Stopped {why}; nothing was left to send.");
    }
    let back = amounts(unsent(&run.prices, tried.saturating_add(1)));
    format!("Stopped {why}. {} will not be sent; {back} came back.", counted(left, "message", "messages"))
}

fn why(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Replied => "by the reply",
        StopReason::OptedOut => "by the opt-out",
        StopReason::Removed => "by hand",
        StopReason::WorkflowPaused => "because the workflow was paused",
        StopReason::WorkflowDeleted => "because the workflow was deleted",
        StopReason::ContactDeleted => "because the contact was deleted",
        StopReason::DoNotContact => "because the contact is not to be texted any more",
        StopReason::ComplianceBlocked => "because a list blocks the contact",
        StopReason::Undeliverable => "because the phone cannot be reached",
        StopReason::PlanEnded => "because the messaging plan ended",
        StopReason::NumberLost => "because the sending number was lost",
        StopReason::PersonReplied => "because another phone of the same person replied",
    }
}
