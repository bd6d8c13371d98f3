//! The lines in front of a database's threads: what is inbound first, then what is normal, then bulk, and each has its turn.
//! What is queued is run even when its caller has gone and when the store is closing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::DbError;
use super::job::Job;

/// How many jobs may wait in one line; the next is refused, so that memory has a limit.
pub(super) const WAITING_LIMIT: usize = 100_000;

const LINES: usize = 3;
/// So often may a thread pass over bulk work that waits, and takes it then.
const MOST_PASSED: usize = 64;

/// Who is served first when transactions wait. Whoever has written something inbound writes something normal next, if that waits: on SQLite
/// it goes between two groups of what is inbound. Bulk work goes when nothing else waits, and after 64 others in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What people send us: replies, opt-outs. First, and what can end early does so for it ([`Tx::is_awaited`](super::Tx::is_awaited)).
    Inbound,
    /// What carriers tell of our texts, in one line with what people send, and nothing ends early for it: there are as many as there are texts.
    Receipt,
    /// Pages, API calls, the dispatcher.
    Normal,
    /// Imports and other large work; commits alone and never beside a small job.
    Bulk,
}

impl Lane {
    /// Whether it came from outside: to be answered soon.
    pub(super) fn is_inbound(self) -> bool {
        self.place() == 0
    }

    /// Which of the lines.
    fn place(self) -> usize {
        match self {
            Self::Inbound | Self::Receipt => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }
}

/// A job and the lane that it came by.
pub(super) struct Waiting {
    pub(super) lane: Lane,
    pub(super) job: Box<dyn Job>,
}

#[derive(Default)]
struct Lines {
    lanes: [VecDeque<Waiting>; LINES],
    /// How often bulk work that waited was passed over.
    passed: usize,
    /// How many of them people wait for.
    inbound: usize,
    closed: bool,
}

impl Lines {
    /// The next for a thread that serves down to a lane and whose last one came by another.
    fn next(&mut self, last: Lane, lowest: Lane) -> Option<Waiting> {
        let bulk = lowest == Lane::Bulk && !self.lanes[Lane::Bulk.place()].is_empty();
        if bulk && self.passed >= MOST_PASSED {
            return self.pop_at(Lane::Bulk.place());
        }
        let turn = (last.is_inbound() && !lowest.is_inbound()).then(|| self.pop_at(Lane::Normal.place()));
        let next = turn.flatten().or_else(|| self.pop(lowest));
        self.passed += usize::from(bulk);
        next
    }

    fn pop(&mut self, lowest: Lane) -> Option<Waiting> {
        (0..=lowest.place()).find_map(|place| self.pop_at(place))
    }

    fn pop_at(&mut self, place: usize) -> Option<Waiting> {
        let waiting = self.lanes[place].pop_front()?;
        self.inbound -= usize::from(waiting.lane == Lane::Inbound);
        if waiting.lane == Lane::Bulk {
            self.passed = 0;
        }
        Some(waiting)
    }
}

#[derive(Default)]
pub(super) struct Queue {
    line: Mutex<Lines>,
    changed: Condvar,
}

impl Queue {
    /// Queues the job, or answers it at once when the queue is closed or full.
    pub(super) fn push(&self, lane: Lane, job: Box<dyn Job>) {
        let refused = {
            let mut line = self.line();
            if line.closed {
                Some((job, DbError::Closed))
            } else if line.lanes[lane.place()].len() >= WAITING_LIMIT {
                Some((job, DbError::Overloaded { limit: WAITING_LIMIT }))
            } else {
                line.lanes[lane.place()].push_back(Waiting { lane, job });
                line.inbound += usize::from(lane == Lane::Inbound);
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

    /// The same for a thread whose last job came by this lane. After something inbound comes something normal, if the
    /// thread serves that, or a stream of what is inbound would keep all of them for itself.
    pub(super) fn take_after(&self, last: Lane, lowest: Lane) -> Option<Waiting> {
        self.wait(|line| line.next(last, lowest))
    }

    fn wait(&self, mut pop: impl FnMut(&mut Lines) -> Option<Waiting>) -> Option<Waiting> {
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

    /// Whether something of [`Lane::Inbound`] waits.
    pub(super) fn has_inbound(&self) -> bool {
        self.line().inbound > 0
    }

    /// The next job that is normal, if one waits now.
    pub(super) fn try_take_normal(&self) -> Option<Waiting> {
        self.line().pop_at(Lane::Normal.place())
    }

    pub(super) fn close(&self) {
        self.line().closed = true;
        self.changed.notify_all();
    }

    fn line(&self) -> MutexGuard<'_, Lines> {
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
    fn people_are_waited_for_and_receipts_are_not() {
        let queue = Queue::default();
        let mut kept = Vec::new();
        for lane in [Lane::Receipt, Lane::Inbound, Lane::Receipt] {
            let (job, answer) = Work::new(nothing);
            queue.push(lane, Box::new(job));
            kept.push(answer);
        }
        let waits = [(); 3].map(|()| (queue.has_inbound(), queue.try_take(Lane::Inbound).map(|waiting| waiting.lane)));
        assert_eq!(waits, [(true, Some(Lane::Receipt)), (true, Some(Lane::Inbound)), (false, Some(Lane::Receipt))]);
        assert!(!queue.has_inbound());
    }

    #[test]
    fn bulk_work_goes_after_64_others_in_any_case() {
        let queue = Queue::default();
        let mut kept = Vec::new();
        for lane in
            [Lane::Bulk, Lane::Bulk].into_iter().chain([Lane::Inbound, Lane::Normal].into_iter().cycle().take(200))
        {
            let (job, answer) = Work::new(nothing);
            queue.push(lane, Box::new(job));
            kept.push(answer);
        }
        queue.close();
        let (mut last, mut at) = (Lane::Bulk, Vec::new());
        for place in 0..202 {
            last = queue.take_after(last, Lane::Bulk).unwrap().lane;
            if last == Lane::Bulk {
                at.push(place);
            }
        }
        assert_eq!(at, [64, 129]);
        assert!(queue.take_after(last, Lane::Bulk).is_none());
    }

    #[test]
    fn whoever_serves_what_is_normal_takes_it_between_what_is_inbound() {
        assert_eq!(taken(Lane::Bulk), [Lane::Inbound, Lane::Normal, Lane::Inbound, Lane::Inbound, Lane::Bulk]);
        assert_eq!(taken(Lane::Normal), [Lane::Inbound, Lane::Normal, Lane::Inbound, Lane::Inbound]);
        assert_eq!(taken(Lane::Inbound), [Lane::Inbound; 3]);
    }

    /// The lanes of what a thread that serves down to this one takes, one after the other.
    fn taken(lowest: Lane) -> Vec<Lane> {
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
        while let Some(waiting) = queue.take_after(last, lowest) {
            last = waiting.lane;
            taken.push(last);
        }
        taken
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
