//! The installation as whoever runs it sees it: how it does, all workspaces, and one of them from above.
//!
//! Everything takes an [`Operator`], which only a checked session or the command line has. What happens inside of a workspace is
//! done with the actor that [`Operator::within`] gives, by the same use cases as ever. Money is what the tallies have of each
//! workspace's days; what carriers took for them is made of the operator's rates (`tariffs`).

use std::collections::{BTreeMap, HashMap};

use domain::ids::WorkspaceId;
use domain::ledger::Reason;
use domain::money::Micros;
use domain::tally::{Count, What};
use domain::zones::Zone;
use jiff::{SignedDuration, Timestamp};
use store::checks::Checked;
use store::claims::Backlog;
use store::installation::{self, Customer};
use store::{Read, tallies, workspaces};

use crate::actor::Operator;
use crate::claim::earlier;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::statement::Month;
use crate::tariffs::{Cost, Rates};

/// Workspaces of a page.
pub const CUSTOMERS: usize = 50;
/// Over how many days a workspace's texts and revenue are summed in the list.
pub const DAYS: i64 = 30;
/// Months of one workspace.
pub const MONTHS: usize = 12;
/// Names that are read at a time.
const NAMES: i64 = 1_000;

/// How the installation does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// What is due, and since when; what is in doubt.
    pub backlog: Backlog,
    /// What the daily checks found.
    pub checked: Checked,
    /// Texts of all workspaces that went, yesterday and today on each one's calendar.
    pub sent: i64,
    /// Of the same days, those that were not sent.
    pub failed: i64,
    /// Of the same days, those that did not arrive.
    pub undelivered: i64,
}

/// What came of some days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Brought {
    /// Texts that carriers took.
    pub texts: i64,
    /// Their segments.
    pub segments: i64,
    /// What was earned: texts that were sent, less what came back for them, and the plan's months.
    pub revenue: Micros,
    /// What carriers took for texts both ways, by the rates that are set.
    pub cost: Cost,
}

impl Brought {
    fn add(&mut self, what: What, count: Count) {
        match what {
            What::Sent => {
                self.texts += count.count;
                self.segments += count.segments;
            }
            What::Moved(Reason::Earn | Reason::Fee) => self.revenue.0 += count.amounts.micros.0,
            What::Moved(Reason::Correction | Reason::Reversal) => self.revenue.0 -= count.amounts.micros.0,
            _ => {}
        }
    }
}

/// A workspace in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The workspace and its plan.
    pub customer: Customer,
    /// Credits free to spend.
    pub credits: i64,
    /// Money free to spend.
    pub wallet: Micros,
    /// What the last [`DAYS`] brought.
    pub brought: Brought,
}

/// A page of workspaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Customers {
    /// The workspaces, the newest first.
    pub lines: Vec<Line>,
    /// Before which the next page begins, if there is one.
    pub next: Option<WorkspaceId>,
}

impl Engine {
    /// How the installation does: a few index probes for each workspace.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn health(&self, _: &Operator) -> Result<Health, Failure> {
        let now = self.now();
        let since = tallies::number_of(utc_day(earlier(now, SignedDuration::from_hours(24))));
        let (sent, failed, undelivered) =
            self.read(move |db| Ok::<_, Failure>(installation::texts(db, since)?)).await?;
        Ok(Health { backlog: self.backlog().await?, checked: self.checked().await?, sent, failed, undelivered })
    }

    /// Workspaces whose name has this in it, the newest first, before the given one: at most [`CUSTOMERS`].
    ///
    /// # Errors
    /// If the database fails.
    pub async fn customers(&self, _: &Operator, name: &str, before: Option<WorkspaceId>) -> Result<Customers, Failure> {
        let (name, before) = (name.trim().to_lowercase(), before.unwrap_or(WorkspaceId(i64::MAX)));
        let since = tallies::number_of(utc_day(self.now())) - (DAYS - 1);
        self.read(move |db| {
            let (ids, next) = found(db, &name, before)?;
            Ok(Customers { lines: lines(db, &ids, since)?, next })
        })
        .await
    }

    /// One workspace with its plan's name; nothing if there is none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn customer(&self, _: &Operator, workspace: WorkspaceId) -> Result<Option<Customer>, Failure> {
        self.read(move |db| Ok(installation::some(db, &[workspace])?.pop())).await
    }

    /// What a workspace brought in each of its last [`MONTHS`] months, the newest first; months of nothing are left out.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn brought(&self, _: &Operator, workspace: WorkspaceId) -> Result<Vec<(Month, Brought)>, Failure> {
        let now = self.now();
        self.read(move |db| {
            let Some(row) = workspaces::find(db, workspace)? else { return Ok(Vec::new()) };
            let zone = Zone::named(&row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
            let today = zone.local(now).date();
            let rates = Rates::read(db, &[workspace])?;
            let mut months = BTreeMap::<_, Brought>::new();
            let span = i64::try_from(MONTHS).unwrap_or(12) * 31;
            for row in tallies::days(db, workspace, tallies::number_of(today) - span, tallies::number_of(today))? {
                let brought = months.entry(Month::of(tallies::date_of(row.day))).or_default();
                brought.add(row.what, row.count);
                if let What::Carried(leg) = row.what {
                    brought.cost.add(rates.cost(leg, row.day, row.count));
                }
            }
            months.retain(|_, brought| *brought != Brought::default());
            Ok(months.into_iter().rev().take(MONTHS).collect())
        })
        .await
    }
}

fn utc_day(at: Timestamp) -> jiff::civil::Date {
    jiff::tz::TimeZone::UTC.to_datetime(at).date()
}

/// The workspaces of one page, and before which the next begins.
fn found(db: &Read<'_>, name: &str, before: WorkspaceId) -> Result<(Vec<WorkspaceId>, Option<WorkspaceId>), Failure> {
    let (mut ids, mut before) = (Vec::new(), before);
    loop {
        let some = installation::names(db, before, NAMES)?;
        let Some((last, _)) = some.last() else { return Ok((ids, None)) };
        before = *last;
        for (id, named) in some {
            if !name.is_empty() && !named.to_lowercase().contains(name) {
                continue;
            }
            if ids.len() == CUSTOMERS {
                return Ok((ids.clone(), ids.last().copied()));
            }
            ids.push(id);
        }
    }
}

fn lines(db: &Read<'_>, ids: &[WorkspaceId], since: i64) -> Result<Vec<Line>, Failure> {
    let mut customers = installation::some(db, ids)?;
    customers.sort_by_key(|customer| std::cmp::Reverse(customer.workspace.id));
    let available = installation::available(db, ids)?;
    let mut brought = HashMap::<WorkspaceId, Brought>::new();
    for (id, what, count) in installation::sums(db, ids, since)? {
        brought.entry(id).or_default().add(what, count);
    }
    let rates = Rates::read(db, ids)?;
    for (id, day, leg, count) in installation::legs(db, ids, since)? {
        brought.entry(id).or_default().cost.add(rates.cost(leg, day, count));
    }
    let line = |customer: Customer| {
        let id = customer.workspace.id;
        let (credits, wallet) = available.get(&id).copied().unwrap_or_default();
        Line { customer, credits, wallet: Micros(wallet), brought: brought.get(&id).copied().unwrap_or_default() }
    };
    Ok(customers.into_iter().map(line).collect())
}
