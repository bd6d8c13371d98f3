//! On which days the texts of a quote go: the contacts in groups, and what their numbers may send.

use std::collections::HashMap;

use domain::forecast::{self, Course, Forecast, Group};
use domain::ids::NumberId;
use domain::zones::Zone;
use jiff::Timestamp;
use store::Read;

use crate::batch::{Batch, Decision};
use crate::beat::Beat;
use crate::failure::Failure;
use crate::meters;

/// What contacts of one group have in common: the number, the time of the first message, zones and rules.
type Key = (NumberId, Timestamp, Vec<&'static str>);

/// The contacts that would start, in groups.
#[derive(Default)]
pub(super) struct Groups(HashMap<Key, Group>);

impl Groups {
    pub(super) fn add(&mut self, decision: &Decision) {
        let (Ok(quote), Some(place)) = (&decision.result, &decision.place) else { return };
        let Some(first) = quote.steps.first() else { return };
        let zones = place.zones.iter().map(Zone::name);
        let place_key =
            [place.primary.name()].into_iter().chain(zones).chain(place.rules.iter().map(|rule| rule.as_str()));
        let group = self.0.entry((quote.number, first.due, place_key.collect())).or_insert_with(|| Group {
            meters: Vec::new(),
            place: place.clone(),
            due: first.due,
            contacts: 0,
            segments: vec![0; quote.steps.len()],
        });
        group.contacts += 1;
        for (all, step) in group.segments.iter_mut().zip(&quote.steps) {
            *all += i64::from(step.price.segments);
        }
    }

    /// Lets them go by what the numbers have left now.
    pub(super) fn forecast(self, db: &Read<'_>, beat: &Beat, batch: &Batch, zone: &Zone) -> Result<Forecast, Failure> {
        let (meters, of) = meters::all(db, beat, &batch.known.row, &batch.numbers)?;
        let mut groups: Vec<(Key, Group)> = self.0.into_iter().collect();
        groups.sort_by(|(a, _), (b, _)| (a.1, a.0, &a.2).cmp(&(b.1, b.0, &b.2)));
        let metered = |((number, ..), group): (Key, Group)| Group {
            meters: of.get(&number).cloned().unwrap_or_default(),
            ..group
        };
        let groups = groups.into_iter().map(metered).collect();
        let gaps = batch.gaps();
        let course = Course { gaps: &gaps, hours: &batch.known.settings.hours, zone, now: beat.now };
        Ok(forecast::forecast(&course, groups, meters))
    }
}
