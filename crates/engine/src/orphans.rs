//! Orphans: jobs whose node died. Another node goes on with them within seconds.
//!
//! A job moves in the transaction of each chunk, under the lock of its row. One that has not moved for `STILL` has lost its
//! node, or its node is slow; whoever takes it over moves it, so that one node does. If its node was only slow, the two take
//! turns at the row and each chunk is still done once: the cursor is read under the lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::{JobId, WorkspaceId};
use jiff::{SignedDuration, Timestamp};
use store::{Lane, jobs};
use tokio::sync::watch;

use crate::actor::Actor;
use crate::bulk::BulkError;
use crate::claim::later;
use crate::engine::Engine;

/// How often a node looks for jobs that nobody works on.
const LOOK: SignedDuration = SignedDuration::from_secs(1);
/// A job that has not moved for so long has lost its node: a chunk takes some hundred milliseconds. With a look each second
/// it is taken over within three, by a node that has fewer than [`AT_ONCE`] in hand.
const STILL: SignedDuration = SignedDuration::from_secs(2);
/// After a failure this node leaves a job alone for so long.
const REST: SignedDuration = SignedDuration::from_secs(60);
/// Most jobs that a node takes over at once.
const AT_ONCE: usize = 4;
/// Most jobs that one look finds.
const FOUND: i64 = 100;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Enrolls many.
    Enroll,
    /// Takes out whom another one has enrolled.
    Withdraw,
    /// Changes many contacts.
    Change,
    /// Takes out the texts of an erased person.
    Erase,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Enroll, Self::Withdraw, Self::Change, Self::Erase];

    fn word(self) -> &'static str {
        match self {
            Self::Enroll => crate::bulk::ENROLL,
            Self::Withdraw => crate::bulk::WITHDRAW,
            Self::Change => crate::changes::KIND,
            Self::Erase => crate::erasing::ERASE,
        }
    }
}

type Orphan = (WorkspaceId, JobId);

/// What this node has taken over: until when a job that failed is left alone, or nothing while it is worked on.
type InHand = Arc<Mutex<HashMap<JobId, Option<Timestamp>>>>;

impl Engine {
    /// Takes over jobs of nodes that died until told to stop, each beside the others. What an earlier end of this
    /// process interrupted goes on at once.
    pub async fn adopt_jobs(&self, mut stop: watch::Receiver<bool>) {
        let (in_hand, mut still_for) = (InHand::default(), SignedDuration::ZERO);
        loop {
            for kind in Kind::ALL {
                match self.orphans(kind, still_for, JobId(i64::MIN)).await {
                    Ok(found) => {
                        found.into_iter().for_each(|orphan| self.adopt_apart((kind, still_for), orphan, &in_hand))
                    }
                    Err(error) => tracing::error!(%error, "interrupted jobs were not looked for"),
                }
            }
            still_for = STILL;
            tokio::select! {
                () = self.clock().sleep_until(later(self.now(), LOOK)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Goes on with jobs that enroll and have not moved for so long. One that fails holds up no other; the first failure
    /// is the answer when all have been tried.
    pub async fn resume_jobs(&self, still_for: SignedDuration) -> Result<usize, BulkError> {
        self.resume(Kind::Enroll, still_for).await
    }

    /// Goes on with withdrawals that have not moved for so long.
    ///
    /// # Errors
    /// The first failure, after all have been tried.
    pub async fn resume_withdrawals(&self, still_for: SignedDuration) -> Result<usize, BulkError> {
        self.resume(Kind::Withdraw, still_for).await
    }

    /// Goes on with changes of many that have not moved for so long.
    ///
    /// # Errors
    /// The first failure, after all have been tried.
    pub async fn resume_changes(&self, still_for: SignedDuration) -> Result<usize, BulkError> {
        self.resume(Kind::Change, still_for).await
    }

    /// Goes on with erasures that have not moved for so long.
    ///
    /// # Errors
    /// The first failure, after all have been tried.
    pub async fn resume_erasures(&self, still_for: SignedDuration) -> Result<usize, BulkError> {
        self.resume(Kind::Erase, still_for).await
    }

    async fn resume(&self, kind: Kind, still_for: SignedDuration) -> Result<usize, BulkError> {
        let (mut resumed, mut failed) = (0, None);
        let mut after = JobId(i64::MIN);
        loop {
            let found = self.orphans(kind, still_for, after).await?;
            let Some((_, last)) = found.last() else { return failed.map_or(Ok(resumed), Err) };
            after = *last;
            for orphan in found {
                match self.adopt(kind, orphan, still_for).await {
                    Ok(adopted) => resumed += usize::from(adopted),
                    Err(error) => drop(failed.get_or_insert(error)),
                }
            }
        }
    }

    async fn orphans(&self, kind: Kind, still_for: SignedDuration, after: JobId) -> Result<Vec<Orphan>, BulkError> {
        let since = before(self.now(), still_for);
        self.read(move |db| Ok(jobs::running(db, kind.word(), since, after, FOUND)?)).await
    }

    fn adopt_apart(&self, (kind, still_for): (Kind, SignedDuration), orphan: Orphan, in_hand: &InHand) {
        let job = orphan.1;
        {
            let (now, mut held) = (self.now(), in_hand.lock().unwrap_or_else(PoisonError::into_inner));
            held.retain(|_, until| until.is_none_or(|until| until > now));
            let working = held.values().filter(|until| until.is_none()).count();
            if working >= AT_ONCE || held.contains_key(&job) {
                return;
            }
            held.insert(job, None);
        }
        let (engine, in_hand) = (self.clone(), Arc::clone(in_hand));
        tokio::spawn(async move {
            let adopted = engine.adopt(kind, orphan, still_for).await;
            let mut held = in_hand.lock().unwrap_or_else(PoisonError::into_inner);
            held.remove(&job);
            match adopted {
                Ok(true) => tracing::info!(%job, "an interrupted job was finished"),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%job, %error, "an interrupted job was not finished");
                    held.insert(job, Some(later(engine.now(), REST)));
                }
            }
        });
    }

    /// Finishes a job, if it is this node that takes it over.
    async fn adopt(&self, kind: Kind, orphan: Orphan, still_for: SignedDuration) -> Result<bool, BulkError> {
        let now = self.now();
        let since = before(now, still_for);
        let taken = self.write(Lane::Bulk, move |tx| Ok::<_, BulkError>(jobs::take_over(tx, orphan, since, now)?));
        if !taken.await? {
            return Ok(false);
        }
        let (actor, job) = (Actor::operator(orphan.0), orphan.1);
        match kind {
            Kind::Enroll => self.run_job(&actor, job, |_| {}).await?,
            Kind::Withdraw => self.run_withdrawal(&actor, job).await?,
            Kind::Change => self.run_changes(&actor, job).await?,
            Kind::Erase => self.run_erasure(&actor, job).await?,
        };
        Ok(true)
    }
}

fn before(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_sub(span).unwrap_or(Timestamp::MIN)
}
