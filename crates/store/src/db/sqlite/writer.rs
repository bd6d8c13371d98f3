//! The thread that writes, with group commit: jobs that wait share one commit and its fsync.
//!
//! | step | statement | when it fails |
//! |---|---|---|
//! | open the group | `BEGIN IMMEDIATE` | the first job is answered with the error |
//! | the first job | its code | the group, in which there is nothing else, is rolled back and opened again |
//! | each other job | `SAVEPOINT`, its code, `RELEASE` or `ROLLBACK TO` | only that job is rolled back |
//! | SQLite itself rolled back (disk full, I/O) | | the group is lost: each job runs again alone |
//! | close the group | `COMMIT` | each job runs again alone, so the culprit alone gets the error |
//! | a bulk job | `BEGIN IMMEDIATE`, its code, `COMMIT` or `ROLLBACK` | it is answered with the error |
//!
//! Nobody is answered before the commit, not even a job that failed: it may have failed by what
//! a neighbour wrote. A bulk job commits alone, so that no small job waits for its end. Neither it
//! nor the first job needs a savepoint, for which SQLite would copy each page that is changed, and walk through all of these
//! copies after each statement.
//!
//! What is inbound comes first and is answered soon: nothing else joins a group that has something inbound, and it joins one that is old.
//! Nothing else joins behind a claim either, unless it is in a turn: what it took is with carriers while the next group runs.
//! A job that asks ([`Tx::is_awaited`]) is told to end when something inbound waits, which then shares its commit
//! as far as the group has room; a bulk job commits first.
//! After a group that began with something inbound comes the turn of what is normal, if that waits: it has the beginning of the next group
//! for itself, the longer the more time went to what is inbound since its last turn, and is not told to end in it.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpoint::Wrote;
use super::fault::fault;
use crate::db::DbError;
use crate::db::job::{Job, Verdict};
use crate::db::memo::Memo;
use crate::db::queue::{Lane, Queue, Waiting};
use crate::db::threads::Threads;
use crate::db::tx::{On, Tx};

/// Nothing joins a group that is older than this.
const GROUP_LIMIT: Duration = Duration::from_millis(25);
/// How many jobs may share a commit.
const GROUP_JOBS: usize = 128;
/// Only what is inbound joins a group that is older than this, or that has something inbound, or a claim outside of a turn: a reply waits
/// for no more than what runs when it comes, for itself and others like it, and for the commit.
const GROUP_TIME: Duration = Duration::from_millis(5);
/// A group is so old before what is normal in it is told to end for something inbound, and at least so much of a group it has for itself
/// in its turn: less would be too little work for a commit.
const TURN_TIME: Duration = Duration::from_micros(500);
/// So many times longer than what is normal may what is inbound have the thread, until a turn is [`GROUP_TIME`].
const INBOUND_SHARE: u32 = 4;

pub(super) fn start(threads: &mut Threads, connection: Connection, wrote: Option<Wrote>) -> Result<(), DbError> {
    let queue = threads.writes.clone();
    threads.spawn("sqlite-writer", move || {
        let writer = Writer { connection, wrote, memo: Memo::default() };
        let (mut last, mut inbound_for) = (Lane::Normal, Duration::ZERO);
        while let Some(first) = queue.take_after(last) {
            let turn = if first.lane.is_normal() {
                let owed = std::mem::take(&mut inbound_for) / INBOUND_SHARE;
                last.is_inbound().then(|| owed.clamp(TURN_TIME, GROUP_TIME))
            } else {
                None
            };
            last = first.lane;
            inbound_for += writer.group(first, turn, &queue);
            if let Some(wrote) = &writer.wrote {
                wrote.begin_anew_if_asked(&writer.connection);
            }
        }
    })
}

/// A group before its commit.
struct Filled {
    jobs: Vec<Box<dyn Job>>,
    /// The error by which it was lost.
    intact: Result<(), DbError>,
    /// For how long what is inbound had it.
    inbound_for: Duration,
}

struct Writer {
    connection: Connection,
    wrote: Option<Wrote>,
    memo: Memo,
}

impl Writer {
    /// Runs a group from its first job to its answers; says for how long what is inbound had it. In its turn what is normal has it for
    /// itself for so long.
    fn group(&self, first: Waiting, turn: Option<Duration>, queue: &Queue) -> Duration {
        if first.lane == Lane::Bulk {
            self.alone(first.job, Some(&|| queue.has_inbound()));
            return Duration::ZERO;
        }
        if let Err(error) = self.run("BEGIN IMMEDIATE") {
            first.job.answer(Err(error));
            return Duration::ZERO;
        }
        let Filled { jobs, intact, inbound_for } = self.fill(first, turn, queue);
        if intact.and_then(|()| self.commit()).is_ok() {
            jobs.into_iter().for_each(|job| job.answer(Ok(())));
        } else {
            self.roll_back();
            for job in jobs {
                self.alone(job, None);
            }
        }
        inbound_for
    }

    /// Runs the first job and those that wait and may join, until the group is full or lost (an error).
    #[expect(clippy::disallowed_methods, reason = "how long a group waits is no fact of the product")]
    fn fill(&self, first: Waiting, turn: Option<Duration>, queue: &Queue) -> Filled {
        let begun = Instant::now();
        let mut jobs = Vec::new();
        let mut intact = Ok(());
        let mut next = Some(first);
        let (mut inbound_from, mut has_claim) = (None, false);
        let is_in_turn = |age: Duration| turn.is_some_and(|turn| age < turn);
        let awaited = || begun.elapsed() >= turn.unwrap_or(TURN_TIME) && queue.has_inbound();
        while let Some(Waiting { mut job, lane }) = next {
            if lane.is_inbound() {
                inbound_from.get_or_insert_with(|| begun.elapsed());
            }
            has_claim |= lane == Lane::Claim;
            let tx = &mut self.transaction().awaited_if(&awaited);
            intact =
                if jobs.is_empty() { self.first(job.as_mut(), tx) } else { self.within_savepoint(job.as_mut(), tx) };
            jobs.push(job);
            let age = begun.elapsed();
            next = if intact.is_err() || jobs.len() >= GROUP_JOBS || age >= GROUP_LIMIT {
                None
            } else if inbound_from.is_some() || age >= GROUP_TIME || (has_claim && !is_in_turn(age)) {
                queue.try_take(Lane::Inbound)
            } else if is_in_turn(age) {
                queue.try_take_normal().or_else(|| queue.try_take(Lane::Inbound))
            } else {
                queue.try_take(Lane::Normal)
            };
        }
        let inbound_for = inbound_from.map_or(Duration::ZERO, |from| begun.elapsed() - from);
        Filled { jobs, intact, inbound_for }
    }

    fn transaction(&self) -> Tx<'_> {
        Tx::new(On::Sqlite(&self.connection)).remembering(&self.memo)
    }

    fn first(&self, job: &mut dyn Job, tx: &mut Tx<'_>) -> Result<(), DbError> {
        match job.run(tx) {
            Verdict::Commit => Ok(()),
            Verdict::RollBack => {
                self.memo.clear();
                self.run("ROLLBACK").and_then(|()| self.run("BEGIN IMMEDIATE"))
            }
        }
    }

    fn within_savepoint(&self, job: &mut dyn Job, tx: &mut Tx<'_>) -> Result<(), DbError> {
        self.run("SAVEPOINT job")?;
        match job.run(tx) {
            Verdict::Commit => self.run("RELEASE job"),
            Verdict::RollBack => {
                self.memo.clear();
                self.run("ROLLBACK TO job").and_then(|()| self.run("RELEASE job"))
            }
        }
    }

    /// One job in a transaction of its own, so that its failure is nobody else's.
    fn alone(&self, mut job: Box<dyn Job>, awaited: Option<&dyn Fn() -> bool>) {
        let mut tx = self.transaction();
        if let Some(awaited) = awaited {
            tx = tx.awaited_if(awaited);
        }
        let outcome = self.run("BEGIN IMMEDIATE").and_then(|()| match job.run(&mut tx) {
            Verdict::Commit => self.commit(),
            Verdict::RollBack => {
                self.roll_back();
                Ok(())
            }
        });
        job.answer(outcome);
    }

    fn commit(&self) -> Result<(), DbError> {
        let result = self.run("COMMIT");
        match (&result, &self.wrote) {
            (Ok(()), Some(wrote)) => wrote.mark(),
            (Ok(()), None) => {}
            (Err(_), _) => self.roll_back(),
        }
        result
    }

    /// Ends the transaction, unless SQLite has done so by itself.
    fn roll_back(&self) {
        self.memo.clear();
        if !self.connection.is_autocommit()
            && let Err(error) = self.run("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn run(&self, text: &str) -> Result<(), DbError> {
        self.connection.prepare_cached(text).and_then(|mut statement| statement.execute([])).map(drop).map_err(fault)
    }
}
