//! What one transaction has counted so far. Its last statement writes it: see [`super::write`].
//!
//! A message may be saved several times in one transaction, and only the way from the state that the database had to
//! the last one counts. So states are noted as rows are locked and made, and compared at the end.

use std::collections::BTreeMap;

use domain::ids::{EnrollmentId, MessageId, WorkspaceId};
use domain::ledger::Transfer;
use domain::message::MessageState;
use domain::tally::{Count, What};
use domain::zones::Zone;
use jiff::Timestamp;

use super::Key;
use crate::messages::Message;

/// Where one message was and is.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) before: MessageState,
    pub(super) after: Message,
}

/// A transfer with the day on which it was posted.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) transfer: Transfer,
    pub(super) day: i64,
}

/// The counts of one workspace.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) workspace: WorkspaceId,
    pub(super) zone: Option<Zone>,
    pub(super) seen: BTreeMap<MessageId, MessageState>,
    pub(super) changed: BTreeMap<MessageId, Changed>,
    pub(super) posted: Vec<Posted>,
    pub(super) rows: BTreeMap<Key, Count>,
}

/// What a transaction has counted. One that counts nothing costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Pending(Vec<Book>);

impl Pending {
    /// The counts of a workspace; a transaction has one, but for a few of the operator's.
    pub(super) fn book(&mut self, workspace: WorkspaceId) -> &mut Book {
        let place = self.0.iter().position(|book| book.workspace == workspace).unwrap_or_else(|| {
            self.0.push(Book {
                workspace,
                zone: None,
                seen: BTreeMap::new(),
                changed: BTreeMap::new(),
                posted: Vec::new(),
                rows: BTreeMap::new(),
            });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    pub(super) fn take(&mut self) -> Vec<Book> {
        std::mem::take(&mut self.0)
    }
}

impl Book {
    /// Counts for the workspace's day and, where it belongs to one, for its workflow.
    pub(super) fn add(&mut self, day: i64, of: (i64, i64), what: What, count: Count) {
        let (workflow, step) = of;
        let mut put = |key: Key| {
            let sum = self.rows.entry(key).or_default();
            *sum = sum.plus(count);
        };
        put(Key { workflow: 0, step: 0, day, what: what.word() });
        if workflow != 0 && what.is_of_workflow() {
            put(Key { workflow, step, day: 0, what: what.word() });
        }
    }

    /// Enrollments whose workflows must be known to count what changed.
    pub(super) fn enrollments(&self) -> Vec<i64> {
        let texts = self.changed.values().filter_map(|changed| changed.after.enrollment);
        let costs = self.posted.iter().filter(|posted| What::Moved(posted.transfer.reason).is_of_workflow());
        let mut all: Vec<i64> =
            texts.map(|EnrollmentId(id)| id).chain(costs.map(|posted| posted.transfer.cause.subject)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The day of an instant, as days since 1970 on the workspace's clock.
pub(super) fn day_of(zone: Option<&Zone>, at: Timestamp) -> i64 {
    let date = zone.map_or_else(|| jiff::tz::TimeZone::UTC.to_datetime(at).date(), |zone| zone.local(at).date());
    super::number_of(date)
}
