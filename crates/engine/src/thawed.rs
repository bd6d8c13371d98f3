//! Frozen places, understood again, and the questions about texts to them that repeat: once for all whose places were read together. The
//! texts of a claim or a settling go to a few places, and asking for each of them was a twentieth of SQLite's writer (decision 0046).

use std::collections::HashMap;
use std::sync::Arc;

use domain::window::Hours;
use domain::zones::Candidates;
use domain::{deadline, schedule};
use jiff::Timestamp;
use jiff::civil::Time;
use store::enrollments::Place;

use crate::facts;
use crate::failure::Failure;

/// The places that were met, with the hours of their workspace.
pub(crate) struct Places {
    hours: Hours,
    /// They are few, so they are looked through.
    met: Vec<Met>,
}

/// A place that was met, and what was asked of it.
pub(crate) struct Met {
    frozen: Arc<Place>,
    hours: Hours,
    pub(crate) thawed: Candidates,
    /// The last instant, and until when a text that goes then may be delivered.
    in_window: Option<(Timestamp, Option<Timestamp>)>,
    due: HashMap<(Timestamp, Time, u16), Option<Timestamp>>,
}

impl Places {
    pub(crate) fn new(hours: Hours) -> Self {
        Self { hours, met: Vec::new() }
    }

    /// A place, understood.
    pub(crate) fn of(&mut self, frozen: &Arc<Place>) -> Result<&mut Met, Failure> {
        let known = self.met.iter().position(|met| Arc::ptr_eq(&met.frozen, frozen));
        let at = known.unwrap_or(self.met.len());
        if known.is_none() {
            let (frozen, thawed) = (Arc::clone(frozen), facts::thawed(frozen)?);
            self.met.push(Met { frozen, hours: self.hours, thawed, in_window: None, due: HashMap::new() });
        }
        Ok(&mut self.met[at])
    }
}

impl Met {
    /// Until when a text that goes now may be delivered: [`deadline::in_window`].
    pub(crate) fn in_window(&mut self, now: Timestamp) -> Option<Timestamp> {
        if let Some((_, until)) = self.in_window.filter(|(at, _)| *at == now) {
            return until;
        }
        let until = deadline::in_window(&self.thawed.zones, &self.thawed.rules, Some(&self.hours), now);
        self.in_window = Some((now, until));
        until
    }

    /// The first instant from here on at which a text may go: [`deadline::opening`]. Asked for what is held alone.
    pub(crate) fn opening(&self, from: Timestamp) -> Option<Timestamp> {
        deadline::opening(&self.thawed.zones, &self.thawed.rules, Some(&self.hours), from)
    }

    /// When the text after one that was sent then is due: [`schedule::next_due`]; nothing if its window never opens.
    pub(crate) fn next_due(&mut self, sent_at: Timestamp, hour: Time, gap_days: u16) -> Option<Timestamp> {
        let Self { thawed, hours, due, .. } = self;
        let planned = || schedule::next_due(sent_at, hour, gap_days, thawed, Some(hours)).ok();
        *due.entry((sent_at, hour, gap_days)).or_insert_with(|| planned().map(|planned| planned.due))
    }
}
