//! On which days the texts of a quote go: the contacts in groups, what their numbers may send, and what these send already.

use std::collections::HashMap;
use std::sync::Arc;

use domain::forecast::{self, Course, Forecast, Group};
use domain::ids::{EnrollmentId, NumberId, WorkflowId};
use domain::zones::{Candidates, Zone};
use jiff::Timestamp;
use store::{Read, enrollments, planned};

use crate::batch::{Batch, Decision};
use crate::beat::Beat;
use crate::facts::{self, Steps};
use crate::failure::Failure;
use crate::meters::{self, Passed};

/// What contacts of one group have in common: the number, the time of the first message, zones and rules.
type Key = (NumberId, Timestamp, Vec<&'static str>);

/// The contacts that would start, in groups.
#[derive(Default)]
pub(super) struct Groups(HashMap<Key, Group>);

/// What a forecast is made of.
pub(super) struct Facts<'a> {
    pub(super) db: &'a Read<'a>,
    pub(super) beat: &'a Beat,
    pub(super) steps: &'a Steps,
    pub(super) batch: &'a Batch,
    /// The zone whose days are counted.
    pub(super) zone: &'a Zone,
}

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
            gaps: Arc::from([]),
            is_told: true,
        });
        group.contacts += 1;
        for (all, step) in group.segments.iter_mut().zip(&quote.steps) {
            *all += i64::from(step.price.segments);
        }
    }

    /// Lets them go by what the numbers have left now, beside what is planned from them; and says for how many contacts that is.
    pub(super) fn forecast(self, facts: &Facts<'_>) -> Result<(Forecast, i64), Failure> {
        let Facts { db, beat, batch, zone, .. } = facts;
        let (meters, of) = meters::all(db, beat, &batch.known.row, &batch.numbers)?;
        let mut groups: Vec<(Key, Group)> = self.0.into_iter().collect();
        groups.sort_by(|(a, _), (b, _)| (a.1, a.0, &a.2).cmp(&(b.1, b.0, &b.2)));
        let gaps = Arc::<[u16]>::from(batch.gaps());
        let metered = |((number, ..), group): (Key, Group)| Group {
            meters: of.get(&number).cloned().unwrap_or_default(),
            gaps: Arc::clone(&gaps),
            ..group
        };
        let mut all = facts.planned(&of)?;
        let contacts = all.iter().map(|group| group.contacts).sum();
        all.extend(groups.into_iter().map(metered));
        let course = Course { hours: &batch.known.settings.hours, zone, now: beat.now };
        Ok((forecast::forecast(&course, all, meters), contacts))
    }
}

/// The place and the segments of each step that stand for everybody in a workflow.
type Typical = (Candidates, Vec<i64>);

impl Facts<'_> {
    /// What runs already, in groups: an hour of one step each, as long and at the place of one of its workflow's.
    fn planned(&self, of: &Passed) -> Result<Vec<Group>, Failure> {
        let (db, workspace) = (self.db, self.beat.workspace);
        let (mut typical, mut groups) = (HashMap::<WorkflowId, Option<Typical>>::new(), Vec::new());
        for row in planned::all(db, workspace)? {
            let known = match typical.get(&row.workflow) {
                Some(known) => known,
                None => {
                    let found = self.typical(row.workflow)?;
                    typical.entry(row.workflow).or_insert(found)
                }
            };
            let Some((place, segments)) = known else { continue };
            let steps = self.steps.of(db, workspace, row.workflow, row.version)?;
            let from = usize::from(row.next_step).saturating_sub(1);
            let left = steps.iter().enumerate().skip(from);
            let each = left.map(|(step, one)| (one.gap_days, segments.get(step).copied().unwrap_or(1)));
            let (gaps, segments): (Vec<u16>, Vec<i64>) =
                each.map(|(gap, segments)| (gap, segments.saturating_mul(row.count))).unzip();
            groups.push(Group {
                meters: of.get(&row.number).cloned().unwrap_or_default(),
                place: place.clone(),
                due: row.due_at.max(self.beat.now),
                contacts: row.count,
                segments,
                gaps: Arc::from(gaps),
                is_told: false,
            });
        }
        // Whatever the database gives first: a forecast of the same facts is the same.
        groups.sort_by_key(|group| (group.due, group.contacts));
        Ok(groups)
    }

    fn typical(&self, workflow: WorkflowId) -> Result<Option<Typical>, Failure> {
        let one = enrollments::running_in(self.db, self.beat.workspace, workflow, EnrollmentId(i64::MIN), 1)?;
        let of = |row: &store::enrollments::Enrollment| {
            let segments = row.prices.iter().map(|price| i64::from(price.segments).max(1));
            Ok((facts::thawed(&row.place)?, segments.collect()))
        };
        one.first().map(of).transpose()
    }
}
