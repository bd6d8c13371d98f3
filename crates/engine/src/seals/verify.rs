//! Reads the seals of a workspace and the events that they hold, and names whatever is not as it was sealed.
//!
//! One seal is read at a time, with its events in the same state of the database: memory is bounded by a seal, and no read stands
//! in the way of others for long. Nothing is changed or repaired. Whoever rewrites the events, all seals and nothing else is
//! found by a hash that was kept elsewhere.

use std::collections::BTreeSet;

use domain::ids::WorkspaceId;
use domain::seal::{Comparison, Difference, Entry, Former, Hash, Verdict};
use jiff::Timestamp;
use store::seals::{self, Stored};
use store::{DbError, Read};

use super::HistoryFault;
use crate::audit::MAX_LISTED;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids::Ids;

/// Until when a history is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedUntil {
    /// The number of the last seal.
    pub number: i64,
    /// The time of its last event.
    pub until: Timestamp,
    /// Its hash.
    pub hash: Hash,
}

/// What a verification saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryReport {
    /// How many seals.
    pub seals: i64,
    /// How many events they hold.
    pub sealed: i64,
    /// How many events are after the last seal.
    pub open: i64,
    /// The time of the first of them.
    pub open_since: Option<Timestamp>,
    /// The last seal.
    pub last: Option<SealedUntil>,
    /// Which of the kept hashes are those of a seal of this chain.
    pub kept: BTreeSet<Hash>,
    /// What is wrong, at most [`MAX_LISTED`].
    pub faults: Vec<HistoryFault>,
    /// How many more faults there are.
    pub unlisted: usize,
}

impl HistoryReport {
    /// Whether everything is as it was sealed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, fault: HistoryFault) {
        if self.faults.len() < MAX_LISTED { self.faults.push(fault) } else { self.unlisted += 1 }
    }
}

impl Engine {
    /// Verifies the history of a workspace, and looks for hashes that were kept elsewhere. For the operator.
    pub async fn verify_history(
        &self,
        workspace: WorkspaceId,
        expected: &BTreeSet<Hash>,
    ) -> Result<HistoryReport, Failure> {
        let (mut report, mut former) = (HistoryReport::default(), Former::NONE);
        loop {
            let looked = self.read(move |db| Ok::<_, Failure>(look(db, workspace, former)?)).await?;
            let Some((stored, seen)) = looked else { break };
            report.seals += 1;
            report.sealed += stored.seal.events;
            seen.faults.into_iter().for_each(|fault| report.add(fault));
            report.unlisted += seen.unlisted;
            // One that was changed is not what was kept, whatever hash stands beside it.
            if expected.contains(&stored.hash) && stored.seal.hash() == stored.hash {
                report.kept.insert(stored.hash);
            }
            report.last = Some(SealedUntil::of(&stored));
            former = stored.as_former();
        }
        let open = self.read(move |db| {
            let first = seals::first_open(db, workspace, former.until)?;
            Ok::<_, Failure>((seals::count_open(db, workspace, former.until)?, first))
        });
        let (open, first) = open.await?;
        (report.open, report.open_since) = (open, first.map(|first| Ids::instant(first.0)));
        Ok(report)
    }
}

/// Looks at the seal after another one.
fn look(db: &Read<'_>, workspace: WorkspaceId, former: Former) -> Result<Option<(Stored, HistoryReport)>, DbError> {
    let Some((stored, marks)) = seals::next(db, workspace, former.number)? else { return Ok(None) };
    let (seal, mut seen) = (stored.seal, HistoryReport::default());
    check_link(&mut seen, &stored, former);
    let number = seal.number;
    let mut tell = |difference| {
        seen.add(match difference {
            Difference::Changed(event) => HistoryFault::Changed { event, seal: number },
            Difference::Missing(event) => HistoryFault::Missing { event, seal: number },
            Difference::Added(event) => HistoryFault::Added { event, seal: number },
        });
    };
    let mut comparison = Comparison::new(&seal, &marks);
    let each = |entry: &Entry<'_>| comparison.take(entry, &mut tell);
    seals::events(db, workspace, (seal.after, seal.until), i64::MAX, each)?;
    match comparison.end(&mut tell) {
        Verdict::Same | Verdict::Differs => {}
        Verdict::Marks => seen = marks_only(seen, number),
        Verdict::Unknown { now } => {
            let (after, until, sealed) = (seal.after, seal.until, seal.events);
            seen.add(HistoryFault::Unlike { seal: number, after, until, sealed, now });
        }
    }
    Ok(Some((stored, seen)))
}

/// The events are what was sealed: what the marks say of them is nothing.
fn marks_only(mut seen: HistoryReport, seal: i64) -> HistoryReport {
    seen.unlisted = 0;
    seen.faults.retain(|fault| {
        !matches!(fault, HistoryFault::Changed { .. } | HistoryFault::Missing { .. } | HistoryFault::Added { .. })
    });
    seen.add(HistoryFault::Marks { seal });
    seen
}

fn check_link(seen: &mut HistoryReport, stored: &Stored, former: Former) {
    let seal = &stored.seal;
    if seal.hash() != stored.hash {
        seen.add(HistoryFault::Seal { seal: seal.number });
    }
    if seal.number > former.number + 1 {
        seen.add(HistoryFault::SealsMissing { seal: seal.number, count: seal.number - former.number - 1 });
    } else if seal.previous != former.hash || seal.after != former.until {
        seen.add(HistoryFault::Link { seal: seal.number });
    }
}
