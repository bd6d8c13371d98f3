//! What one transaction has counted so far. Its last statement writes it: see [`super::write`].
//!
//! A message may be saved several times in one transaction, and only the way from the state that the database had to
//! the last one counts. So states are noted as rows are locked and made, and compared at the end.

use std::collections::BTreeMap;

use domain::ids::{CarrierId, EnrollmentId, MessageId, NumberId, WorkspaceId};
use domain::ledger::Transfer;
use domain::message::{MessageKind, MessageState};
use domain::tally::{Count, Leg, What};
use domain::tariff::{Country, Way};
use domain::zones::Zone;
use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::Key;
use crate::messages::Message;

/// Where one message was and is, and what it counts as.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) before: MessageState,
    pub(super) after: MessageState,
    pub(super) kind: MessageKind,
    pub(super) enrollment: Option<EnrollmentId>,
    pub(super) step: i64,
    pub(super) segments: i64,
    pub(super) at: Timestamp,
    pub(super) number: NumberId,
    pub(super) country: Option<Country>,
}

impl Changed {
    pub(super) fn of(before: MessageState, message: &Message) -> Self {
        Self {
            before,
            after: message.state,
            kind: message.kind,
            enrollment: message.enrollment,
            step: message.step.map_or(0, i64::from),
            segments: message.segments,
            at: message.sent_at.unwrap_or(message.state_at),
            number: message.number,
            country: message.country,
        }
    }

    /// Which way a carrier had carried it, and has now, if these differ and its country is known.
    pub(super) fn carried(&self) -> Option<([Option<Way>; 2], Country)> {
        let ways = [Leg::way(self.before), Leg::way(self.after)];
        self.country.filter(|_| ways[0] != ways[1]).map(|country| (ways, country))
    }
}

/// A transfer with the day on which it was posted.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) transfer: Transfer,
    pub(super) day: i64,
}

/// Workflow, step, day and what.
type Place = (i64, i64, i64, What);

/// The counts of one workspace.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) workspace: WorkspaceId,
    pub(super) zone: Option<Zone>,
    pub(super) seen: FxHashMap<MessageId, MessageState>,
    /// Of which workflows enrollments are, as far as the transaction has read them.
    pub(super) workflows: FxHashMap<i64, i64>,
    /// Which accounts carry for numbers, as far as the transaction knows; none where it is the installation's own.
    pub(super) accounts: FxHashMap<i64, Option<CarrierId>>,
    pub(super) changed: BTreeMap<MessageId, Changed>,
    pub(super) posted: Vec<Posted>,
    pub(super) rows: FxHashMap<Place, Count>,
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
                seen: FxHashMap::default(),
                workflows: FxHashMap::default(),
                accounts: FxHashMap::default(),
                changed: BTreeMap::new(),
                posted: Vec::new(),
                rows: FxHashMap::default(),
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
        let mut put = |place: Place| {
            let sum = self.rows.entry(place).or_default();
            *sum = sum.plus(count);
        };
        put((0, 0, day, what));
        if workflow != 0 && what.is_of_workflow() {
            put((workflow, step, 0, what));
        }
    }

    /// What changes, in the order of the key: so that those who write the same rows wait in one direction only.
    pub(super) fn sorted(&self) -> Vec<(Key, Count)> {
        let changes = self.rows.iter().filter(|(_, count)| **count != Count::default());
        let key = |((workflow, step, day, what), count): (&Place, &Count)| {
            (Key { workflow: *workflow, step: *step, day: *day, what: what.word() }, *count)
        };
        let mut rows: Vec<_> = changes.map(key).collect();
        rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        rows
    }

    /// Enrollments whose workflows must be known to count what changed, and are not.
    pub(super) fn unknown(&self, known: &FxHashMap<i64, i64>) -> Vec<i64> {
        let texts = self.changed.values().filter_map(|changed| changed.enrollment);
        let costs = self.posted.iter().filter(|posted| What::Moved(posted.transfer.reason).is_of_workflow());
        let subjects = texts.map(|EnrollmentId(id)| id).chain(costs.map(|posted| posted.transfer.cause.subject));
        let mut all: Vec<i64> = subjects.filter(|id| !known.contains_key(id)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Numbers whose accounts must be known to count what was carried, and are not.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let carried = self.changed.values().filter(|changed| changed.carried().is_some());
        let numbers = carried.map(|changed| changed.number.0);
        let mut all: Vec<i64> = numbers.filter(|number| !self.accounts.contains_key(number)).collect();
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
