//! The lines in front of a database's threads: what is inbound first, then what is normal, then bulk, and each has its turn.
//! What is queued is run even when its caller has gone and when the store is closing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::DbError;
use super::job::Job;

/// How many jobs may wait in one line; the next is refused, so that memory has a limit.
pub(super) const WAITING_LIMIT: usize = 100_000;

const LINES: usize = 3;
/// So often is what waits passed over for what is more urgent, and goes then. Where that was every second time, replies on PostgreSQL waited
/// fifteen times as long (decision 0041).
const MOST_PASSED: usize = 64;

/// Who is served first when transactions wait. What is less urgent goes when nothing else waits, and after 64 others in any case. On SQLite, which
/// has one writer, something normal goes between two groups of what is inbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What people send us: replies, opt-outs. First, and what can end early does so for it ([`Tx::is_awaited`](super::Tx::is_awaited)).
    Inbound,
    /// What carriers tell of our texts, in one line with what people send, and nothing ends early for it: there are as many as there are texts.
    Receipt,
    /// A claim of texts, before everything else that is normal, but not twice in a row while that waits: carriers have nothing to do until
    /// it is committed. On SQLite nothing but what is inbound joins behind it, unless it is the turn of what is normal.
    Claim,
    /// Pages, API calls, the rest of the dispatcher.
    Normal,
    /// Imports and other large work; commits alone and never beside a small job.
    Bulk,
}

impl Lane {
    /// Whether it came from outside: to be answered soon.
    pub(super) fn is_inbound(self) -> bool {
        self.place() == 0
    }

    /// Whether it waits in the line of what is normal.
    pub(super) fn is_normal(self) -> bool {
        self.place() == 1
    }

    /// Which of the lines.
    fn place(self) -> usize {
        match self {
            Self::Inbound | Self::Receipt => 0,
            Self::Claim | Self::Normal => 1,
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
    /// How often each that had something was passed over by a thread that serves it.
    passed: [usize; LINES],
    /// How many of them people wait for.
    inbound: usize,
    /// Whether the last of what is normal that was taken was a claim: another goes behind what waits.
    claimed: bool,
    closed: bool,
}

impl Lines {
    /// The next for a thread that serves down to a lane; something normal, if that waits and it is its turn.
    fn next(&mut self, lowest: Lane, is_turn_of_normal: bool) -> Option<Waiting> {
        let (normal, lowest) = (Lane::Normal.place(), lowest.place());
        let waits = |place: &usize| !self.lanes[*place].is_empty();
        let owed = (0..=lowest).rev().find(|place| waits(place) && self.passed[*place] >= MOST_PASSED);
        let turn = (is_turn_of_normal && waits(&normal)).then_some(normal);
        let place = owed.or(turn).or_else(|| (0..=lowest).find(waits))?;
        for lower in place + 1..=lowest {
            self.passed[lower] += usize::from(!self.lanes[lower].is_empty());
        }
        self.pop_at(place)
    }

    fn pop(&mut self, lowest: Lane) -> Option<Waiting> {
        (0..=lowest.place()).find_map(|place| self.pop_at(place))
    }

    fn pop_at(&mut self, place: usize) -> Option<Waiting> {
        let line = &mut self.lanes[place];
        let after_a_claim = self.claimed && place == Lane::Claim.place();
        let first = if after_a_claim { line.iter().position(|waiting| waiting.lane != Lane::Claim) } else { None };
        let waiting = line.remove(first.unwrap_or(0))?;
        // Whoever was passed over and now by a claim too is the next that goes.
        if waiting.lane != Lane::Claim || line.is_empty() {
            self.passed[place] = 0;
        }
        if waiting.lane.is_normal() {
            self.claimed = waiting.lane == Lane::Claim;
        }
        self.inbound -= usize::from(waiting.lane == Lane::Inbound);
        Some(waiting)
    }
}

#[derive(Default)]
pub(super) struct Queue {
    lines: Mutex<Lines>,
    changed: Condvar,
}

impl Queue {
    /// Queues the job, or answers it at once when the queue is closed or full.
    pub(super) fn push(&self, lane: Lane, job: Box<dyn Job>) {
        let refused = {
            let mut lines = self.lines();
            if lines.closed {
                Some((job, DbError::Closed))
            } else if lines.lanes[lane.place()].len() >= WAITING_LIMIT {
                Some((job, DbError::Overloaded { limit: WAITING_LIMIT }))
            } else {
                let line = &mut lines.lanes[lane.place()];
                let at = match lane {
                    Lane::Claim => line.iter().take_while(|waiting| waiting.lane == lane).count(),
                    _ => line.len(),
                };
                line.insert(at, Waiting { lane, job });
                lines.inbound += usize::from(lane == Lane::Inbound);
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
        self.wait(|lines| lines.next(lowest, false))
    }

    /// The same for a thread that is alone and whose last job came by this lane. After something inbound comes something normal, or a stream
    /// of what is inbound would keep the thread for itself.
    pub(super) fn take_after(&self, last: Lane) -> Option<Waiting> {
        self.wait(|lines| lines.next(Lane::Bulk, last.is_inbound()))
    }

    fn wait(&self, mut pop: impl FnMut(&mut Lines) -> Option<Waiting>) -> Option<Waiting> {
        let mut lines = self.lines();
        loop {
            if let Some(waiting) = pop(&mut lines) {
                return Some(waiting);
            }
            if lines.closed {
                return None;
            }
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job of `lowest` or a more urgent lane, if one waits now.
    pub(super) fn try_take(&self, lowest: Lane) -> Option<Waiting> {
        self.lines().pop(lowest)
    }

    /// Whether something of [`Lane::Inbound`] waits.
    pub(super) fn has_inbound(&self) -> bool {
        self.lines().inbound > 0
    }

    /// The next job that is normal, if one waits now.
    pub(super) fn try_take_normal(&self) -> Option<Waiting> {
        self.lines().pop_at(Lane::Normal.place())
    }

    pub(super) fn close(&self) {
        self.lines().closed = true;
        self.changed.notify_all();
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// A closed queue with these, and whom they would answer.
    fn filled(lanes: impl IntoIterator<Item = Lane>) -> (Queue, Vec<flume::Receiver<Result<(), DbError>>>) {
        let queue = Queue::default();
        let push = |lane| {
            let (job, answer) = Work::new(nothing);
            queue.push(lane, Box::new(job));
            answer
        };
        let kept = lanes.into_iter().map(push).collect();
        queue.close();
        (queue, kept)
    }

    #[test]
    fn what_is_less_urgent_goes_after_64_others_in_any_case() {
        let many = [Lane::Inbound, Lane::Receipt].into_iter().cycle().take(300);
        let (queue, _kept) = filled([Lane::Bulk, Lane::Bulk, Lane::Normal, Lane::Normal].into_iter().chain(many));
        let taken: Vec<Lane> = std::iter::from_fn(|| queue.take(Lane::Bulk)).map(|waiting| waiting.lane).collect();
        let places = |lane| (0..taken.len()).filter(|place| taken[*place] == lane).collect::<Vec<_>>();
        assert_eq!((places(Lane::Bulk), places(Lane::Normal)), (vec![64, 129], vec![65, 131]));
        let (queue, _kept) = filled([Lane::Normal].into_iter().chain([Lane::Inbound; 100]));
        let inbound = std::iter::from_fn(|| queue.take(Lane::Inbound)).count();
        assert_eq!(inbound, 100, "who serves what is inbound alone takes nothing else");
    }

    #[test]
    fn a_claim_goes_before_all_that_is_normal_and_after_what_is_inbound() {
        let (queue, _kept) = filled([Lane::Bulk, Lane::Normal, Lane::Normal, Lane::Claim, Lane::Inbound, Lane::Claim]);
        let taken: Vec<Lane> = std::iter::from_fn(|| queue.take(Lane::Bulk)).map(|waiting| waiting.lane).collect();
        assert_eq!(taken, [Lane::Inbound, Lane::Claim, Lane::Normal, Lane::Claim, Lane::Normal, Lane::Bulk]);
    }

    #[test]
    fn claims_go_in_the_order_in_which_they_came() {
        let (queue, kept) = filled([Lane::Claim; 3]);
        queue.take(Lane::Bulk).unwrap().job.answer(Err(DbError::Closed));
        assert_eq!([0, 1, 2].map(|nth: usize| kept[nth].try_recv().is_ok()), [true, false, false]);
    }

    #[test]
    fn a_stream_of_claims_keeps_nothing_that_is_normal_from_going() {
        for is_alone in [true, false] {
            let (queue, mut kept) = (Queue::default(), Vec::new());
            let mut push = |lane| {
                let (job, answer) = Work::new(nothing);
                queue.push(lane, Box::new(job));
                kept.push(answer);
            };
            push(Lane::Normal);
            let (mut last, mut taken) = (Lane::Inbound, Vec::new());
            while last != Lane::Normal {
                assert!(taken.len() < 200, "{taken:?}");
                // As a dispatcher beside a stream of receipts: there is always something inbound, and always the next claim.
                push(Lane::Receipt);
                if last != Lane::Receipt {
                    push(Lane::Claim);
                }
                last = if is_alone { queue.take_after(last) } else { queue.take(Lane::Bulk) }.unwrap().lane;
                taken.push(last);
            }
            let claims = taken.iter().filter(|lane| **lane == Lane::Claim).count();
            assert_eq!(claims, 1, "{taken:?}");
            assert!(taken.len() <= 67, "{taken:?}");
        }
    }

    #[test]
    fn whoever_is_alone_takes_something_normal_between_what_is_inbound() {
        let (queue, _kept) = filled([Lane::Inbound, Lane::Receipt, Lane::Inbound, Lane::Normal, Lane::Bulk]);
        let mut last = Lane::Bulk;
        let mut taken = Vec::new();
        while let Some(waiting) = queue.take_after(last) {
            last = waiting.lane;
            taken.push(last);
        }
        assert_eq!(taken, [Lane::Inbound, Lane::Normal, Lane::Receipt, Lane::Inbound, Lane::Bulk]);
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
