//! What is coming: the texts of the running enrollments by day, if nobody replies.
//!
//! The next text of each enrollment is counted on the day on which it is due, from an index alone; the ones after it
//! follow by the gaps of the version that it runs through. Gaps are counted from the send, so this is the plan as it
//! stands now. A text that is with the carrier at this moment is not counted, nor are those after it until it is known.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::ids::WorkflowId;
use domain::zones::Zone;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use store::claims::{self, Coming};
use store::{tallies, workflows};

use super::FiguresError;
use crate::actor::Actor;
use crate::engine::Engine;
use crate::facts;
use crate::failure::Failure;

/// Most days that can be looked ahead.
pub const MAX_AHEAD: i64 = 90;

/// How many texts are planned for one day of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComingDay {
    /// Which day.
    pub date: Date,
    /// How many texts.
    pub messages: i64,
}

impl Engine {
    /// The texts that are planned for today and the days after it, of one workflow or of all. What is overdue counts
    /// today. A number of days over [`MAX_AHEAD`] is lowered to it.
    pub async fn coming(
        &self,
        actor: &Actor,
        workflow: Option<WorkflowId>,
        days: i64,
    ) -> Result<Vec<ComingDay>, FiguresError> {
        actor.need(Permission::Read)?;
        let (workspace, now, days) = (actor.workspace(), self.now(), days.clamp(1, MAX_AHEAD));
        let steps = self.steps();
        self.read(move |db| {
            let known = facts::workspace(db, workspace)?.ok_or(FiguresError::Unknown)?;
            if let Some(id) = workflow {
                workflows::find(db, workspace, id)?.ok_or(FiguresError::Unknown)?;
            }
            let zone = Zone::named(&known.row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
            let plan = Plan { zone, now, days };
            let mut counts = BTreeMap::<i64, i64>::new();
            for row in claims::coming(db, workspace, plan.end()?)? {
                if workflow.is_some_and(|id| id != row.workflow) {
                    continue;
                }
                let gaps = steps.of(db, workspace, row.workflow, row.version)?;
                let following = gaps.iter().skip(usize::from(row.next_step)).map(|step| i64::from(step.gap_days));
                plan.add(&mut counts, &row, following);
            }
            Ok(plan.list(&counts))
        })
        .await
    }
}

struct Plan {
    zone: Zone,
    now: Timestamp,
    days: i64,
}

impl Plan {
    fn today(&self) -> i64 {
        tallies::number_of(self.zone.local(self.now).date())
    }

    /// The instant at which the last day is over.
    fn end(&self) -> Result<Timestamp, Failure> {
        let stored = |error: jiff::Error| Failure::Stored(error.to_string());
        let after = self.zone.local(self.now).date().checked_add(Span::new().days(self.days)).map_err(stored)?;
        self.zone.clock().to_timestamp(after.at(0, 0, 0, 0)).map_err(stored)
    }

    fn add(&self, counts: &mut BTreeMap<i64, i64>, row: &Coming, following: impl Iterator<Item = i64>) {
        let today = self.today();
        let mut day = tallies::number_of(self.zone.local(row.due_at).date()).max(today);
        let mut put = |day: i64| *counts.entry(day - today).or_default() += row.count;
        put(day);
        for gap in following {
            day += gap;
            if day - today >= self.days {
                break;
            }
            put(day);
        }
    }

    fn list(&self, counts: &BTreeMap<i64, i64>) -> Vec<ComingDay> {
        let day = |ahead: i64| ComingDay {
            date: tallies::date_of(self.today() + ahead),
            messages: counts.get(&ahead).copied().unwrap_or(0),
        };
        (0..self.days).map(day).collect()
    }
}
