//! The line in front of a database's threads: three lanes, the first always served first.
//! What is queued is run even when its caller has gone and when the store is closing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::DbError;
use super::job::Job;

/// How many jobs may wait in one lane; the next is refused, so that memory has a limit.
pub(super) const WAITING_LIMIT: usize = 100_000;

const LANES: usize = 3;

/// Who is served first when transactions wait. On SQLite, which has one writer, something normal goes between two groups of what is inbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// What people send us: replies, opt-outs, receipts. Always first.
    Inbound,
    /// Pages, API calls, the dispatcher.
    Normal,
    /// Imports and other large work; commits alone and never beside a small job.
    Bulk,
}

/// A job and the lane that it came by.
pub(super) struct Waiting {
    pub(super) lane: Lane,
    pub(super) job: Box<dyn Job>,
}

#[derive(Default)]
struct Line {
    lanes: [VecDeque<Box<dyn Job>>; LANES],
    closed: bool,
}

impl Line {
    fn pop(&mut self, lowest: Lane) -> Option<Waiting> {
        [Lane::Inbound, Lane::Normal, Lane::Bulk]
            .into_iter()
            .filter(|lane| *lane <= lowest)
            .find_map(|lane| self.pop_of(lane))
    }

    fn pop_of(&mut self, lane: Lane) -> Option<Waiting> {
        self.lanes[lane as usize].pop_front().map(|job| Waiting { lane, job })
    }
}

#[derive(Default)]
pub(super) struct Queue {
    line: Mutex<Line>,
    changed: Condvar,
}

impl Queue {
    /// Queues the job, or answers it at once when the queue is closed or full.
    pub(super) fn push(&self, lane: Lane, job: Box<dyn Job>) {
        let refused = {
            let mut line = self.line();
            if line.closed {
                Some((job, DbError::Closed))
            } else if line.lanes[lane as usize].len() >= WAITING_LIMIT {
                Some((job, DbError::Overloaded { limit: WAITING_LIMIT }))
            } else {
                line.lanes[lane as usize].push_back(job);
                None
            }
        };
        match refused {
            Some((job, error)) => job.answer(Err(error)),
            // All: a thread that serves fewer lanes might be the one that is woken.
            None => self.changed.notify_all(),
        }
    }

    /// The next job of `lowest` or a more urgent lane; waits for one. `None` once the queue is
    /// closed and nothing is left for this thread.
    pub(super) fn take(&self, lowest: Lane) -> Option<Waiting> {
        self.wait(|line| line.pop(lowest))
    }

    /// The next job for a thread that is alone and whose last one came by this lane; waits for one as [`Queue::take`]. After something
    /// inbound comes something normal, or a stream of what is inbound would keep the thread for itself.
    pub(super) fn take_after(&self, last: Lane) -> Option<Waiting> {
        self.wait(|line| match last {
            Lane::Inbound => line.pop_of(Lane::Normal).or_else(|| line.pop(Lane::Bulk)),
            Lane::Normal | Lane::Bulk => line.pop(Lane::Bulk),
        })
    }

    fn wait(&self, mut pop: impl FnMut(&mut Line) -> Option<Waiting>) -> Option<Waiting> {
        let mut line = self.line();
        loop {
            if let Some(waiting) = pop(&mut line) {
                return Some(waiting);
            }
            if line.closed {
                return None;
            }
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job of `lowest` or a more urgent lane, if one waits now.
    pub(super) fn try_take(&self, lowest: Lane) -> Option<Waiting> {
        self.line().pop(lowest)
    }

    /// The next job of this lane, if one waits now.
    pub(super) fn try_take_of(&self, lane: Lane) -> Option<Waiting> {
        self.line().pop_of(lane)
    }

    pub(super) fn close(&self) {
        self.line().closed = true;
        self.changed.notify_all();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Tx;
    use crate::db::job::Work;

    fn nothing(_: &mut Tx<'_>) -> Result<(), DbError> {
        Ok(())
    }

    #[test]
    fn a_closed_queue_gives_what_it_holds_and_refuses_more() {
        let queue = Queue::default();
        let (job, _kept) = Work::new(nothing);
        queue.push(Lane::Normal, Box::new(job));
        queue.close();
        let (job, answer) = Work::new(nothing);
        queue.push(Lane::Normal, Box::new(job));
        assert!(matches!(answer.recv().unwrap(), Err(DbError::Closed)));
        assert!(queue.take(Lane::Bulk).is_some());
        assert!(queue.take(Lane::Bulk).is_none());
    }

    #[test]
    fn whoever_is_alone_takes_something_normal_between_what_is_inbound() {
        let queue = Queue::default();
        let mut kept = Vec::new();
        for lane in [Lane::Inbound, Lane::Inbound, Lane::Inbound, Lane::Normal, Lane::Bulk] {
            let (job, answer) = Work::new(nothing);
            queue.push(lane, Box::new(job));
            kept.push(answer);
        }
        queue.close();
        let mut last = Lane::Bulk;
        let mut taken = Vec::new();
        while let Some(waiting) = queue.take_after(last) {
            last = waiting.lane;
            taken.push(last);
        }
        assert_eq!(taken, [Lane::Inbound, Lane::Normal, Lane::Inbound, Lane::Inbound, Lane::Bulk]);
    }

    #[test]
    fn a_full_lane_refuses_and_the_others_do_not() {
        let queue = Queue::default();
        let push = |lane| {
            let (job, answer) = Work::new(nothing);
            queue.push(lane, Box::new(job));
            answer.try_recv()
        };
        for _ in 0..WAITING_LIMIT {
            assert!(push(Lane::Bulk).is_err(), "answered before it ran");
        }
        assert!(matches!(push(Lane::Bulk), Ok(Err(DbError::Overloaded { limit: WAITING_LIMIT }))));
        assert!(push(Lane::Inbound).is_err());
    }
}
