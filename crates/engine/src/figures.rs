//! Figures for pages and reports: what happened by day, how each workflow does, what is coming.
//!
//! All of it is read from tallies (`store::tallies`), which are written with the things themselves, and what is coming
//! from one index of the running enrollments: the time that a figure takes does not grow with what was sent.
//!
//! | figure | means |
//! |---|---|
//! | sent | texts that the carrier took, whatever became of them |
//! | replied, opted out (of a workflow) | enrollments that ended so; by the message after which it came |
//! | reply rate | replied, of the contacts that were added |
//! | cost | what the texts that were sent took, less what came back for them |

pub mod coming;

use std::collections::{BTreeMap, HashMap};

use domain::access::Permission;
use domain::enrollment::StopReason;
use domain::ids::WorkflowId;
use domain::ledger::{Amounts, Reason};
use domain::money::Micros;
use domain::tally::{Count, What};
use domain::workflow::MAX_STEPS;
use domain::zones::Zone;
use jiff::civil::Date;
use store::tallies::{self, Tally};
use store::{DbError, workflows};

use crate::actor::{Actor, Forbidden};
use crate::engine::Engine;
use crate::facts;
use crate::failure::Failure;

/// Most days that one question may cover.
pub const MAX_DAYS: i64 = 400;

/// Why no figures are shown.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The actor may not read.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such workflow or workspace.
    #[error("the workflow does not exist")]
    Unknown,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for FiguresError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// What happened in one workflow, or after one of its messages, or on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Contacts that were added.
    pub added: i64,
    /// Segments of all messages of these, when they were added.
    pub added_segments: i64,
    /// Enrollments that sent their last message.
    pub completed: i64,
    /// Enrollments that ended by a reply.
    pub replied: i64,
    /// Of a workflow: enrollments that ended by an opt-out. Of a day: contacts that opted out, in a workflow or not.
    pub opted_out: i64,
    /// Texts that the carrier took.
    pub sent: i64,
    /// Their segments.
    pub sent_segments: i64,
    /// Of these, by a person's hand.
    pub manual: i64,
    /// Of the sent ones, those that are known to have arrived.
    pub delivered: i64,
    /// Of the sent ones, those that are known not to have arrived.
    pub undelivered: i64,
    /// Texts that were never sent.
    pub failed: i64,
    /// Texts that came in.
    pub inbound: i64,
    /// What the texts that were sent cost.
    pub cost: Amounts,
}

impl Figures {
    pub(crate) fn add(&mut self, what: What, count: Count) {
        match what {
            What::Added => {
                self.added += count.count;
                self.added_segments += count.segments;
            }
            What::Completed => self.completed += count.count,
            What::Ended(StopReason::Replied) => self.replied += count.count,
            What::Sent => {
                self.sent += count.count;
                self.sent_segments += count.segments;
            }
            What::Manual => self.manual += count.count,
            What::Delivered => self.delivered += count.count,
            What::Undelivered => self.undelivered += count.count,
            What::Failed => self.failed += count.count,
            What::Inbound => self.inbound += count.count,
            What::OptOut => self.opted_out += count.count,
            What::Moved(Reason::Earn) => self.cost = self.cost.plus(count.amounts),
            What::Moved(Reason::Correction | Reason::Reversal) => {
                self.cost = self.cost.plus(count.negated().amounts);
            }
            What::Ended(_) | What::Moved(_) | What::Carried(_) => {}
        }
    }

    /// As [`Figures::add`], of a workflow, where opt-outs are ends.
    fn add_of_workflow(&mut self, what: What, count: Count) {
        if what == What::Ended(StopReason::OptedOut) {
            self.opted_out += count.count;
        }
        self.add(what, count);
    }

    /// The share of contacts that replied, in hundredths of a percent; nothing where nobody was added.
    #[must_use]
    pub fn reply_rate(&self) -> Option<i64> {
        self.replied.checked_mul(10_000)?.checked_div(self.added)
    }

    /// Texts that did not reach their phone, sent or not.
    #[must_use]
    pub fn not_arrived(&self) -> i64 {
        self.undelivered + self.failed
    }

    /// Money of the cost, without credits.
    #[must_use]
    pub fn money(&self) -> Micros {
        self.cost.micros
    }
}

/// How the contacts of a workflow fare, message by message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Funnel {
    /// All of it.
    pub whole: Figures,
    /// One for each message, from the first. All versions of the workflow count together; those that have had more
    /// messages than the current one keep their places.
    pub steps: Vec<Figures>,
    /// How many enrollments ended early, by reason, the most frequent first.
    pub ended: Vec<(StopReason, i64)>,
    /// How many contacts move through it now.
    pub active: i64,
}

/// What happened on one day of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayFigures {
    /// Which day.
    pub date: Date,
    /// What happened.
    pub figures: Figures,
}

impl Engine {
    /// The figures of every workflow that anything happened in.
    pub async fn workflow_figures(&self, actor: &Actor) -> Result<HashMap<WorkflowId, Figures>, FiguresError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let rows = self.read(move |db| Ok::<_, FiguresError>(tallies::by_workflow(db, workspace)?)).await?;
        let mut figures = HashMap::<WorkflowId, Figures>::new();
        for row in rows {
            figures.entry(row.workflow).or_default().add_of_workflow(row.what, row.count);
        }
        Ok(figures)
    }

    /// The figures of one workflow, archived or not, by message and by end.
    pub async fn funnel(&self, actor: &Actor, workflow: WorkflowId) -> Result<Funnel, FiguresError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let found = workflows::find(db, workspace, workflow)?.ok_or(FiguresError::Unknown)?;
            let steps = workflows::steps(db, workspace, workflow, found.version)?.len();
            let rows = tallies::of_workflow(db, workspace, workflow)?;
            let active = store::runs::count(db, workspace, workflow)?;
            Ok(Funnel { active, ..funnel(&rows, steps) })
        })
        .await
    }

    /// What happened on each day from one to another, both included; days without anything too. The newest
    /// [`MAX_DAYS`] of them.
    pub async fn days(&self, actor: &Actor, from: Date, to: Date) -> Result<Vec<DayFigures>, FiguresError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let last = tallies::number_of(to);
        let first = tallies::number_of(from).max(last - MAX_DAYS + 1);
        let rows = self.read(move |db| Ok::<_, FiguresError>(tallies::days(db, workspace, first, last)?)).await?;
        let mut days: BTreeMap<i64, Figures> = (first..=last).map(|day| (day, Figures::default())).collect();
        for row in rows {
            days.entry(row.day).or_default().add(row.what, row.count);
        }
        let day = |(day, figures)| DayFigures { date: tallies::date_of(day), figures };
        Ok(days.into_iter().map(day).collect())
    }

    /// Today on the workspace's clock, with the zone.
    pub async fn today(&self, actor: &Actor) -> Result<(Date, Zone), FiguresError> {
        actor.need(Permission::Read)?;
        let (workspace, now) = (actor.workspace(), self.now());
        self.read(move |db| {
            let known = facts::workspace(db, workspace)?.ok_or(FiguresError::Unknown)?;
            let zone = Zone::named(&known.row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
            Ok((zone.local(now).date(), zone))
        })
        .await
    }
}

fn funnel(rows: &[Tally], steps: usize) -> Funnel {
    let most = rows.iter().filter(|row| row.what == What::Sent).map(|row| usize::from(row.step)).max().unwrap_or(0);
    let mut funnel = Funnel { steps: vec![Figures::default(); steps.max(most).min(MAX_STEPS)], ..Funnel::default() };
    let mut ended = BTreeMap::<&str, (StopReason, i64)>::new();
    for row in rows {
        funnel.whole.add_of_workflow(row.what, row.count);
        let step = usize::from(row.step).checked_sub(1).and_then(|place| funnel.steps.get_mut(place));
        if let Some(step) = step {
            step.add_of_workflow(row.what, row.count);
        }
        if let What::Ended(reason) = row.what {
            ended.entry(reason.word()).or_insert((reason, 0)).1 += row.count.count;
        }
    }
    funnel.ended = ended.into_values().collect();
    funnel.ended.sort_by_key(|(reason, count)| (-count, reason.word()));
    funnel
}
