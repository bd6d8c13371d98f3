//! The daily self-check: once a day the books of each workspace are audited and its history is verified, by one of the nodes.
//!
//! | when | what |
//! |---|---|
//! | a workspace is met for the first time | its check is planned for its own time of the day, which its identifier gives: so they are spread |
//! | the check is due | one node takes it, by moving it `AGAIN` ahead; if that node dies, another takes it then |
//! | it is done | what it found is kept, and the next one is due at the same time of the next day |
//!
//! It reads beside all other work, one workspace after the other, and writes one row. What it finds is logged once for each kind
//! of fault and shown by the metrics; nothing is repaired and nothing stops.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::WorkspaceId;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use store::Lane;
use store::checks::{self, Checked};
use tokio::sync::watch;

use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// How often a node looks for checks that are due.
const LOOK: SignedDuration = SignedDuration::from_mins(5);
/// When a check that was taken and not finished is due again.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// Workspaces that are read at a time.
const WORKSPACES: i64 = 1_000;
/// How often each workspace is checked.
const DAY_SECONDS: i64 = 86_400;

/// What a check of one workspace found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// How many faults in its books.
    pub ledger: usize,
    /// How many in its history.
    pub history: usize,
}

impl Engine {
    /// Checks what is due, now and then, until told to stop.
    pub async fn keep_checking(&self, mut stop: watch::Receiver<bool>) {
        loop {
            let checked = tokio::select! {
                checked = self.check_due() => checked,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if let Err(error) = checked {
                tracing::warn!(%error, cause = error.causes(), "the daily checks were not made; they are tried again");
            }
            tokio::select! {
                () = self.clock().sleep_until(later(self.now(), LOOK)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Makes the checks that are due, one after the other, and plans those that never were; says what they found. One that fails
    /// holds up no other: the first failure is the answer when all have been tried.
    pub async fn check_due(&self) -> Result<Vec<Found>, Failure> {
        let (mut found, mut failed, mut after) = (Vec::new(), None, WorkspaceId(i64::MIN));
        loop {
            let now = self.now();
            let page = self.read(move |db| Ok::<_, Failure>(checks::due(db, after, now, WORKSPACES)?)).await?;
            let Some(last) = page.last() else { return failed.map_or(Ok(found), Err) };
            after = last.workspace;
            for due in page {
                let workspace = due.workspace;
                if !due.is_planned {
                    let next = next_time(workspace, now);
                    let plan = move |tx: &mut store::Tx<'_>| Ok::<_, Failure>(checks::plan(tx, workspace, next, now)?);
                    self.write(Lane::Bulk, plan).await?;
                    continue;
                }
                match self.check(workspace).await {
                    Ok(check) => found.extend(check),
                    Err(error) => drop(failed.get_or_insert(error)),
                }
            }
        }
    }

    /// What the last checks of all workspaces found, and how old the oldest of them is.
    pub async fn checked(&self) -> Result<Checked, Failure> {
        self.read(|db| Ok(checks::state(db)?)).await
    }

    /// Checks one workspace, if it is this node that takes it.
    async fn check(&self, workspace: WorkspaceId) -> Result<Option<Found>, Failure> {
        let (now, again) = (self.now(), later(self.now(), AGAIN));
        let take = move |tx: &mut store::Tx<'_>| Ok::<_, Failure>(checks::take(tx, workspace, now, again)?);
        if !self.write(Lane::Bulk, take).await? {
            return Ok(None);
        }
        let ledger = self.verify_ledger(workspace).await?;
        tell(workspace, "ledger", ledger.faults.iter().map(|fault| (fault.word(), fault.to_string())));
        let history = self.verify_history(workspace, &BTreeSet::new()).await?;
        tell(workspace, "history", history.faults.iter().map(|fault| (fault.word(), fault.to_string())));
        let found = Found {
            workspace,
            ledger: ledger.faults.len() + ledger.unlisted,
            history: history.faults.len() + history.unlisted,
        };
        let done = self.now();
        let (next, faults) = (next_time(workspace, done), (count(found.ledger), count(found.history)));
        let finish =
            move |tx: &mut store::Tx<'_>| Ok::<_, Failure>(checks::finish(tx, workspace, (done, next), faults)?);
        self.write(Lane::Bulk, finish).await?;
        tracing::info!(%workspace, ledger = found.ledger, history = found.history, "the daily check is done");
        Ok(Some(found))
    }
}

fn count(faults: usize) -> i64 {
    i64::try_from(faults).unwrap_or(i64::MAX)
}

/// One line for each kind of fault, with how many there are and the first of them.
fn tell(workspace: WorkspaceId, checked: &'static str, faults: impl Iterator<Item = (&'static str, String)>) {
    let mut kinds = BTreeMap::<&'static str, (usize, String)>::new();
    for (kind, text) in faults {
        kinds.entry(kind).or_insert((0, text)).0 += 1;
    }
    for (kind, (count, first)) in kinds {
        tracing::error!(%workspace, checked, kind, count, first, "the daily check found what is wrong");
    }
}

/// The next time of the day at which a workspace is checked.
fn next_time(workspace: WorkspaceId, now: Timestamp) -> Timestamp {
    let digest = Sha256::digest(workspace.0.to_be_bytes());
    let drawn = digest.iter().take(4).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    let of_day = drawn % DAY_SECONDS;
    let today = now.as_second().div_euclid(DAY_SECONDS) * DAY_SECONDS + of_day;
    let next = if today > now.as_second() { today } else { today + DAY_SECONDS };
    Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workspace_has_its_own_time_of_the_day_and_they_are_spread() {
        let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let mut hours = [0; 24];
        for workspace in (1..=2_400).map(WorkspaceId) {
            let next = next_time(workspace, now);
            assert!(next > now && next <= later(now, SignedDuration::from_hours(24)), "{next}");
            assert_eq!(next_time(workspace, next), later(next, SignedDuration::from_hours(24)));
            hours[usize::try_from(next.duration_since(now).as_secs().min(86_399) / 3_600).unwrap()] += 1;
        }
        assert!(hours.iter().all(|count| (50..150).contains(count)), "{hours:?}");
    }
}
