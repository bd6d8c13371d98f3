//! How many messages may go now: a pace in messages per minute with bursts of at most one second,
//! and a cap for each span of 24 hours.
//!
//! The state is one instant, `paced_until`: until then the pace is used up. Sending `n` messages
//! moves it by `n` intervals, so a restart, or another node, keeps the pace.

use jiff::{SignedDuration, Timestamp};

const MINUTE_MICROS: i64 = 60_000_000;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A pace and what was used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Most messages in a minute; 0 for no limit.
    pub per_minute: i64,
    /// Most messages in 24 hours; 0 for no limit.
    pub per_day: i64,
    /// Until when the pace is used up.
    pub paced_until: Timestamp,
    /// When the 24 hours that are counted began.
    pub day_start: Timestamp,
    /// How many went in them.
    pub day_count: i64,
}

impl Pace {
    /// How many may go now; `i64::MAX` if there is no limit.
    #[must_use]
    pub fn allowed(&self, now: Timestamp) -> i64 {
        if self.paced_until > now {
            return 0;
        }
        let burst = if self.per_minute > 0 { (self.per_minute + 59) / 60 } else { i64::MAX };
        let rest = if self.per_day > 0 { (self.per_day - self.counted(now)).max(0) } else { i64::MAX };
        burst.min(rest)
    }

    /// The pace after so many went.
    #[must_use]
    pub fn after(self, sent: i64, now: Timestamp) -> Self {
        if sent == 0 {
            return self;
        }
        let day_start = if self.is_new_day(now) { now } else { self.day_start };
        let day_count = self.counted(now).saturating_add(sent);
        let wait = if self.per_minute > 0 { sent.saturating_mul(MINUTE_MICROS / self.per_minute) } else { 0 };
        let mut paced_until = later(now, SignedDuration::from_micros(wait));
        if self.per_day > 0 && day_count >= self.per_day {
            paced_until = paced_until.max(later(day_start, DAY));
        }
        Self { paced_until, day_start, day_count, ..self }
    }

    fn is_new_day(&self, now: Timestamp) -> bool {
        now >= later(self.day_start, DAY)
    }

    fn counted(&self, now: Timestamp) -> i64 {
        if self.is_new_day(now) { 0 } else { self.day_count }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(per_minute: i64, per_day: i64) -> Pace {
        let zero = Timestamp::UNIX_EPOCH;
        Pace { per_minute, per_day, paced_until: zero, day_start: zero, day_count: 0 }
    }

    #[test]
    fn a_full_day_waits_for_the_next_one() {
        let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let full = pace(0, 100).after(100, now);
        assert_eq!(full.allowed(now + SignedDuration::from_hours(23)), 0);
        assert_eq!(full.allowed(now + DAY), 100);
    }

    #[test]
    fn no_limit_is_no_limit() {
        assert_eq!(pace(0, 0).after(1_000_000, Timestamp::UNIX_EPOCH).allowed(Timestamp::UNIX_EPOCH), i64::MAX);
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_its_pace_and_a_second(per_minute in 1i64..10_000, beats in 1usize..300) {
            let start: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
            let mut state = pace(per_minute, 0);
            let mut sent = 0;
            let mut now = start;
            for _ in 0..beats {
                now = now.max(state.paced_until);
                if now >= start + SignedDuration::from_secs(60) { break; }
                let allowed = state.allowed(now);
                sent += allowed;
                state = state.after(allowed, now);
            }
            prop_assert!(sent <= per_minute + per_minute / 60 + 2, "{} of {}", sent, per_minute);
        }
    }
}
