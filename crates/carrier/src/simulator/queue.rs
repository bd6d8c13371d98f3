//! What the carrier has still to tell, ordered by simulated time.
//!
//! Events of the same instant are ordered by a digest of their cause, not by arrival, so that the
//! order does not depend on which submission ran first.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::behaviour::DELAY_LIMIT_MS;
use crate::wire::CarrierEvent;

/// The most events that wait; later ones are lost, as a real carrier's may be, and counted.
pub const PENDING_LIMIT: usize = 4_000_000;

/// The events to come.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pending: BTreeMap<(Timestamp, u64, u64), CarrierEvent>,
    serial: u64,
    lost: u64,
}

/// The instant so many milliseconds later, held to the limits of delays and of time itself.
pub(super) fn later(at: Timestamp, after_ms: u64) -> Timestamp {
    let millis = i64::try_from(after_ms.min(DELAY_LIMIT_MS)).unwrap_or(i64::MAX);
    at.checked_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX)
}

impl Queue {
    /// Puts an event at its own time; `tie` orders it among those of the same instant.
    pub(super) fn push(&mut self, tie: u64, event: CarrierEvent) {
        if self.pending.len() >= PENDING_LIMIT {
            self.lost += 1;
            return;
        }
        self.serial += 1;
        self.pending.insert((event.at(), tie, self.serial), event);
    }

    /// Takes the events due at `now` or before, oldest first, at most `limit`.
    pub(super) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<CarrierEvent> {
        let mut due = Vec::new();
        while due.len() < limit {
            let Some(first) = self.pending.first_entry().filter(|entry| entry.key().0 <= now) else { break };
            due.push(first.remove());
        }
        due
    }

    /// When the first event is due.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.pending.first_key_value().map(|((at, _, _), _)| *at)
    }

    /// How many wait, and how many were lost to the limit.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.pending.len(), self.lost)
    }
}
