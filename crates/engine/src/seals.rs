//! Seals over the history: a serving node adds one now and then, and whoever verifies reads all of them back (`verify`). What a
//! seal is says `domain::seal`, why it is done beside the work and not in it decision 0024.
//!
//! | an event of this age | is |
//! |---|---|
//! | up to `LATE` | never sealed: a transaction that makes an older one may still commit |
//! | up to `OPEN` | sealed with an older one, so that a busy workspace has one seal an hour and a quiet one few |
//! | above | sealed at the next look |
//!
//! Why nothing older than `LATE` can still come: an identifier is not before the instant at which its transaction began to run
//! (`engine::write`), a transaction that ran for `LONGEST_RUN` is rolled back there, and after that the database lets it stand
//! for no more than a minute in each of the few statements that go with its commit (`store`: on SQLite nothing commits beside it at
//! all). The rest is for clocks of nodes that differ. On a clock that is pushed none of this is long, and there [`Engine::seal_history`] waits for the writer.

mod fault;
mod verify;

use domain::ids::{EventId, WorkspaceId};
use domain::seal::{Former, Seal, Sealing};
use jiff::{SignedDuration, Timestamp};
use store::seals::{self, Stored};
use store::{DbError, Lane, Read, workspaces};
use tokio::sync::watch;

pub use self::fault::HistoryFault;
pub use self::verify::{HistoryReport, SealedUntil};
use crate::claim::{earlier, later};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids::Ids;

/// No transaction that ran for longer is committed.
pub(crate) const LONGEST_RUN: SignedDuration = SignedDuration::from_mins(15);
/// How old an event has to be.
pub const LATE: SignedDuration = SignedDuration::from_hours(1);
/// How old the oldest event that is not sealed becomes.
pub const OPEN: SignedDuration = SignedDuration::from_hours(2);
/// Most events in one seal: what is in memory at once, here and where they are verified.
pub const MOST_EVENTS: i64 = 4_096;
/// How often a node looks for what is old enough.
const LOOK: SignedDuration = SignedDuration::from_mins(10);
/// Workspaces that are read at a time.
const WORKSPACES: i64 = 1_000;

impl Engine {
    /// Seals what is old enough, now and then, until told to stop.
    pub async fn keep_sealed(&self, mut stop: watch::Receiver<bool>) {
        loop {
            match self.seal_all().await {
                Ok(0) => {}
                Ok(seals) => tracing::debug!(seals, "the history was sealed"),
                Err(error) => tracing::error!(%error, cause = error.causes(), "the history was not sealed"),
            }
            tokio::select! {
                () = self.clock().sleep_until(later(self.now(), LOOK)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Seals what is old enough in all workspaces; says how many seals were made. One that cannot be sealed holds up no other:
    /// the first failure is the answer when all have been tried.
    pub async fn seal_all(&self) -> Result<u64, Failure> {
        let (mut made, mut failed, mut after) = (0, None, WorkspaceId(i64::MIN));
        loop {
            let page = self.read(move |db| Ok::<_, Failure>(workspaces::page(db, after, WORKSPACES)?)).await?;
            let Some(last) = page.last() else { return failed.map_or(Ok(made), Err) };
            after = last.id;
            for row in page {
                match self.seal_history(row.id).await {
                    Ok(seals) => made += seals,
                    Err(error) => drop(failed.get_or_insert(error)),
                }
            }
        }
    }

    /// Seals what is old enough in one workspace; says how many seals were made. Of two nodes at once each seal is one node's.
    pub async fn seal_history(&self, workspace: WorkspaceId) -> Result<u64, Failure> {
        let now = self.now();
        let (open, late) = (Ids::floor(earlier(now, OPEN)), EventId(Ids::floor(earlier(now, LATE)) - 1));
        let due = self.read(move |db| {
            let until = seals::last(db, workspace)?.map_or(Former::NONE.until, |last| last.seal.until);
            Ok::<_, Failure>(seals::first_open(db, workspace, until)?.is_some_and(|first| first.0 < open))
        });
        if !due.await? {
            return Ok(0);
        }
        // On SQLite whatever ran before this has committed when it is done, and what comes after is younger than `now`.
        self.write(Lane::Bulk, |_| Ok::<_, Failure>(())).await?;
        let mut made = 0;
        while let Some((seal, marks)) = self.next_seal(workspace, late, now).await? {
            let add = move |tx: &mut store::Tx<'_>| Ok::<_, Failure>(seals::insert(tx, &seal, &marks)?);
            if !self.write(Lane::Bulk, add).await? {
                break;
            }
            made += 1;
        }
        Ok(made)
    }

    /// The next seal of a workspace, which is not made yet; nothing if nothing is old enough.
    async fn next_seal(
        &self,
        workspace: WorkspaceId,
        late: EventId,
        now: Timestamp,
    ) -> Result<Option<(Seal, Vec<u8>)>, Failure> {
        self.read(move |db| {
            let former = seals::last(db, workspace)?.as_ref().map_or(Former::NONE, Stored::as_former);
            let mut sealing = Sealing::default();
            let each = |entry: &domain::seal::Entry<'_>| sealing.take(workspace, entry);
            seals::events(db, workspace, (former.until, late), MOST_EVENTS, each)?;
            Ok(sealing.close(&former, workspace, now))
        })
        .await
    }
}

/// Until when the history of a workspace is sealed; nothing if nothing is.
pub fn sealed_until(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<SealedUntil>, DbError> {
    Ok(seals::last(db, workspace)?.as_ref().map(SealedUntil::of))
}

impl SealedUntil {
    pub(crate) fn of(last: &Stored) -> Self {
        Self { number: last.seal.number, until: Ids::instant(last.seal.until.0), hash: last.hash }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::{Carriers, Clock};

    #[test]
    fn what_a_transaction_makes_is_never_older_than_its_run() {
        for db in store::testing::databases() {
            let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
            let engine = Engine::open(db.store.clone(), clock.clone(), Carriers::new()).unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            // The use case begins long before its transaction runs, which takes too long the first time.
            let (beat, runs) = (engine.beat_as(WorkspaceId(1), "operator"), Arc::new(AtomicI64::new(0)));
            assert!(clock.move_to(later(beat.now, OPEN)));
            let (counted, pushed) = (Arc::clone(&runs), clock.clone());
            let made = runtime.block_on(engine.write(Lane::Normal, move |tx| {
                beat.note(tx, "test.made", None, &0)?;
                if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    pushed.move_to(later(pushed.now(), LONGEST_RUN + SignedDuration::from_secs(1)));
                }
                Ok::<_, Failure>(beat.id())
            }));
            let made = Ids::instant(made.unwrap());
            assert_eq!((runs.load(Ordering::SeqCst), made), (2, clock.now()), "{}", db.name);
            let kept = db.store.read_blocking(|db| seals::count_open(db, WorkspaceId(1), Former::NONE.until));
            assert_eq!(kept.unwrap(), 1, "{}: the first run was rolled back", db.name);
        }
    }
}
