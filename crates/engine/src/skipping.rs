//! Leaving out the next message of a running workflow: its money comes back, and the workflow goes on with the one after it
//! as if the message had gone out when it was due. Leaving out the last one completes the enrollment.

use std::collections::HashMap;

use domain::access::Permission;
use domain::enrollment::EnrollmentState;
use domain::ids::EnrollmentId;
use domain::ledger::{self, Amounts, Cause, Reason};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{DbError, Lane, Tx, contacts, enrollments};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::ruling;
use crate::settle::Settling;

/// A message that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which step, from 1.
    pub step: u8,
    /// What came back.
    pub refunded: Amounts,
    /// When the one after it is due; nothing if it was the last.
    pub next_due: Option<Timestamp>,
}

/// Why nothing is left out.
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such enrollment in the workspace.
    #[error("the enrollment does not exist")]
    Unknown,
    /// It has ended.
    #[error("the enrollment has ended already")]
    Ended,
    /// The workflow has gone on, or the message is on its way already.
    #[error("message {0} is on its way or was sent already")]
    TooLate(u8),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for SkipError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Leaves out this step of an enrollment, which must be the next one: asking twice leaves out one.
    pub async fn skip_step(&self, actor: &Actor, enrollment: EnrollmentId, step: u8) -> Result<Skipped, SkipError> {
        actor.need(Permission::Enroll)?;
        let (beat, steps) = (self.beat(actor), self.steps());
        self.write(Lane::Normal, move |tx| skip(tx, &beat, &steps, enrollment, step)).await
    }
}

/// Leaves out a step in a transaction of the caller. Locks: contact, enrollment, accounts.
pub(crate) fn skip(
    tx: &mut Tx<'_>,
    beat: &Beat,
    steps: &Steps,
    id: EnrollmentId,
    step: u8,
) -> Result<Skipped, SkipError> {
    let contact = enrollments::find(tx, beat.workspace, id)?.ok_or(SkipError::Unknown)?.contact;
    contacts::lock(tx, beat.workspace, &[contact])?;
    let mut settling = Settling::new(tx, beat, steps, [id], HashMap::new())?;
    let row = settling.enrollments.get(&id).cloned().ok_or(SkipError::Unknown)?;
    if row.state != EnrollmentState::Active {
        return Err(SkipError::Ended);
    }
    // One that waits for its retry was with the carrier already, and counts as on its way.
    let (Some(due), None, true) = (row.due_at, row.message, row.next_step == step) else {
        return Err(SkipError::TooLate(step));
    };
    let price = row.prices.get(usize::from(step) - 1);
    let refunded = price.map_or(Amounts::ZERO, |price| price.amounts());
    settling.transfers.extend(ledger::transfers(Cause::step(id, step), Reason::Return, refunded));
    let note = json!({
        "enrollment": id,
        "workflow": row.workflow,
        "step": step,
        "refunded_credits": refunded.credits,
        "refunded_micros": refunded.micros.0,
    });
    settling.events.push(beat.event("enrollment.skipped", Some(contact), &note));
    let next_due = ruling::after(&mut settling, tx, &row, step, due.max(beat.now))?;
    settling.finish(tx, [])?;
    Ok(Skipped { step, refunded, next_due })
}
