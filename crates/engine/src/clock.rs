//! The only reader of time.
//!
//! `System` is the machine's clock. `Manual` is moved by hand: tests, the simulation and the demo
//! push it, so that a 30-day workflow plays in a second. Both give whole microseconds, which is
//! what the database keeps.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A source of time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<watch::Sender<Timestamp>>),
    /// The machine's clock, moved ahead by hand: the demo's.
    Ahead(Arc<Lead>),
}

/// How far a clock is ahead of the machine's.
pub struct Lead {
    by: watch::Sender<SignedDuration>,
    keep: Box<dyn Fn(SignedDuration) + Send + Sync>,
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lead").field(&*self.by.borrow()).finish()
    }
}

/// An instant from which time is measured.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Of the clock that nobody can set, and that may stand still while the machine sleeps.
    steady: Instant,
    /// Of the wall's clock, not moved ahead by hand.
    wall: Timestamp,
}

impl Clock {
    /// A clock that stands at this instant.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(whole_micros(at))))
    }

    /// The machine's clock, which can be moved ahead.
    #[must_use]
    pub fn ahead() -> Self {
        Self::kept_ahead(SignedDuration::ZERO, |_| {})
    }

    /// The machine's clock, ahead by as much as it was when it was last kept. `keep` is told before a play
    /// moves it, and must not return before that is safe: time that went back would put what has happened
    /// into the future.
    #[must_use]
    pub fn kept_ahead(by: SignedDuration, keep: impl Fn(SignedDuration) + Send + Sync + 'static) -> Self {
        Self::Ahead(Arc::new(Lead { by: watch::Sender::new(by), keep: Box::new(keep) }))
    }

    /// Says that the clock is about to be moved, step by step, until an instant.
    pub(crate) fn will_move_to(&self, at: Timestamp) {
        if let Self::Ahead(lead) = self {
            let by = *lead.by.borrow();
            let further = at.duration_since(self.now()).max(SignedDuration::ZERO);
            (lead.keep)(by.saturating_add(further));
        }
    }

    /// The time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the clock is the one place that reads system time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => whole_micros(Timestamp::now()),
            Self::Manual(at) => *at.borrow(),
            Self::Ahead(lead) => {
                whole_micros(Timestamp::now().saturating_add(*lead.by.borrow()).expect("a signed duration"))
            }
        }
    }

    /// Marks this instant.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the clock is the one place that reads system time")]
    pub fn mark(&self) -> Mark {
        let wall = if let Self::Manual(at) = self { *at.borrow() } else { Timestamp::now() };
        Mark { steady: Instant::now(), wall }
    }

    /// How long ago the mark was made: the longer of what the two clocks say, so that neither a clock that
    /// was set back nor a machine that slept makes it seem shorter. A demo's pushes do not count.
    #[must_use]
    pub fn since(&self, mark: &Mark) -> SignedDuration {
        let now = self.mark();
        let wall = now.wall.duration_since(mark.wall);
        if matches!(self, Self::Manual(_)) {
            return wall;
        }
        SignedDuration::try_from(now.steady - mark.steady).unwrap_or(SignedDuration::MAX).max(wall)
    }

    /// Waits for so long.
    pub async fn sleep_for(&self, wait: SignedDuration) {
        self.sleep_until(self.now().saturating_add(wait).unwrap_or(Timestamp::MAX)).await;
    }

    /// Whether the clock can be moved by hand at all.
    #[must_use]
    pub fn can_be_moved(&self) -> bool {
        !matches!(self, Self::System)
    }

    /// Moves a manual clock to an instant, or the demo's clock ahead to it. False if the clock cannot be
    /// moved there: it is the machine's own, or the instant is in the past.
    pub fn move_to(&self, at: Timestamp) -> bool {
        let now = self.now();
        if at < now {
            return false;
        }
        match self {
            Self::System => return false,
            Self::Manual(time) => {
                time.send_replace(whole_micros(at));
            }
            Self::Ahead(lead) => lead.by.send_modify(|by| *by = by.saturating_add(at.duration_since(now))),
        }
        true
    }

    /// Waits until an instant has come; a clock that is moved past it ends the wait.
    pub async fn sleep_until(&self, at: Timestamp) {
        match self {
            Self::System => sleep(at.duration_since(self.now())).await,
            Self::Manual(time) => {
                let mut moved = time.subscribe();
                // The sender lives in this clock, so it cannot be closed.
                let _ = moved.wait_for(|now| *now >= at).await;
            }
            Self::Ahead(lead) => {
                let mut moved = lead.by.subscribe();
                while self.now() < at {
                    tokio::select! {
                        () = sleep(at.duration_since(self.now())) => {}
                        _ = moved.changed() => {}
                    }
                }
            }
        }
    }
}

/// Waits so long on the machine's clock, whatever the engine's says: for how work is done, and never for when.
pub(crate) async fn breathe(wait: SignedDuration) {
    sleep(wait).await;
}

#[expect(clippy::disallowed_methods, reason = "the clock is the one place that waits")]
async fn sleep(wait: SignedDuration) {
    if let Ok(wait) = Duration::try_from(wait) {
        tokio::time::sleep(wait).await;
    }
}

fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).expect("an instant cut to microseconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_manual_clock_moves_ahead_only() {
        let clock = Clock::manual(at("2026-11-24T10:00:00Z"));
        assert!(clock.move_to(at("2026-11-24T11:00:00Z")));
        assert!(!clock.move_to(at("2026-11-24T10:30:00Z")));
        assert_eq!(clock.now(), at("2026-11-24T11:00:00Z"));
        assert!(!Clock::System.move_to(at("2100-01-01T00:00:00Z")));
        assert!(clock.can_be_moved() && Clock::ahead().can_be_moved() && !Clock::System.can_be_moved());
    }

    #[test]
    fn how_far_a_clock_will_be_ahead_is_kept_before_it_moves() {
        let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keeper = Arc::clone(&kept);
        let month = SignedDuration::from_hours(720);
        let clock = Clock::kept_ahead(month, move |by| keeper.lock().unwrap().push(by));
        let real = Clock::System.now();
        assert!(clock.now() >= real + month);
        clock.will_move_to(clock.now() + month);
        assert!(clock.now() < real + month * 2, "it has not moved yet");
        clock.will_move_to(real);
        let kept = kept.lock().unwrap();
        let almost = SignedDuration::from_mins(1);
        assert!(kept[0] <= month * 2 && kept[0] > month * 2 - almost, "{kept:?}");
        assert_eq!(kept[1], month, "time never goes back");
        Clock::System.will_move_to(real);
    }

    #[tokio::test]
    async fn a_wait_ends_when_the_clock_is_moved_past_it() {
        for clock in [Clock::manual(at("2026-11-24T10:00:00Z")), Clock::ahead()] {
            let later = clock.now() + SignedDuration::from_hours(720);
            let waiting = tokio::spawn({
                let clock = clock.clone();
                async move { clock.sleep_until(later).await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            assert!(clock.move_to(later));
            waiting.await.unwrap();
        }
    }
}
