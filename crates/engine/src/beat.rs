//! What every use case has at hand inside its transaction: the time, identifiers, who acts, and the
//! history to write.

use domain::enrollment::StopReason;
use domain::ids::{ContactId, EventId, JobId, WorkspaceId};
use jiff::Timestamp;
use serde::Serialize;
use store::Tx;
use store::events::Event;
use store::jobs::Job;

use crate::failure::Failure;
use crate::idempotency::{IdempotencyKey, KeyMalformed};
use crate::ids::Ids;

/// One use case at one instant.
#[derive(Debug, Clone)]
pub(crate) struct Beat {
    pub(crate) workspace: WorkspaceId,
    pub(crate) now: Timestamp,
    pub(crate) ids: Ids,
    /// Who acts: an identifier, `operator` (with the name of a person in the browser), `contact`, `carrier` or `dripline`.
    pub(crate) actor: String,
    /// Under which the use case is done once.
    pub(crate) key: Option<IdempotencyKey>,
}

impl Beat {
    /// The beat under this key, where its actor brought none.
    pub(crate) fn keyed(self, key: Option<&str>) -> Result<Self, KeyMalformed> {
        let given = key.map(IdempotencyKey::parse).transpose()?;
        Ok(Self { key: self.key.or(given), ..self })
    }

    /// The next identifier.
    pub(crate) fn id(&self) -> i64 {
        self.ids.next(self.now)
    }

    /// An event of this beat.
    pub(crate) fn event<P: Serialize>(&self, kind: &str, contact: Option<ContactId>, payload: &P) -> Event {
        Event {
            id: EventId(self.id()),
            contact,
            kind: kind.to_owned(),
            actor: self.actor.clone(),
            payload: serde_json::to_string(payload).expect("a payload is plain data"),
            at: self.now,
        }
    }

    /// A job that begins, before the first of its items; `cursor` is what it has done last when it has done nothing.
    pub(crate) fn job<P: Serialize>(&self, kind: &str, task: &P, cursor: i64, total: i64) -> Job {
        Job {
            id: JobId(self.id()),
            kind: kind.to_owned(),
            state: "running".to_owned(),
            payload: serde_json::to_string(task).expect("a task is plain data"),
            cursor,
            total,
            started: 0,
            refused: 0,
            actor: self.actor.clone(),
            created_at: self.now,
            updated_at: self.now,
        }
    }

    /// Writes one event.
    pub(crate) fn note<P: Serialize>(
        &self,
        tx: &mut Tx<'_>,
        kind: &str,
        contact: Option<ContactId>,
        payload: &P,
    ) -> Result<(), Failure> {
        Ok(store::events::insert(tx, self.workspace, &[self.event(kind, contact, payload)])?)
    }
}

/// What the history keeps of an enrollment's early end.
#[derive(Debug, Serialize)]
pub(crate) struct StoppedNote {
    pub(crate) enrollment: String,
    pub(crate) workflow: String,
    pub(crate) reason: &'static str,
    pub(crate) next_step: u8,
    pub(crate) refunded_credits: i64,
    pub(crate) refunded_micros: i64,
}

impl StoppedNote {
    pub(crate) fn reason(reason: StopReason) -> &'static str {
        reason.word()
    }
}
