//! What may go now: token buckets, counted in segments because carriers count in them, or in messages for a workspace.
//!
//! | limit | how |
//! |---|---|
//! | per minute | evenly, with bursts of at most one second; the last message of a burst may be longer than what is left, and what follows waits for it |
//! | per day | never more, in 24 hours from the first on, or from midnight to midnight of the Pacific coast, as T-Mobile counts |
//!
//! The state is two instants and a count: `paced_until` is when all that went is paid for by the pace. So a restart, or
//! another node, keeps both limits.

use jiff::{SignedDuration, Timestamp};

use crate::zones::Zone;

const MINUTE_MICROS: i64 = 60_000_000;
const BURST: SignedDuration = SignedDuration::from_secs(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Where T-Mobile's day begins.
const PACIFIC: &str = "America/Los_Angeles";

/// Which day a daily limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// 24 hours from the first that is counted.
    Rolling,
    /// From midnight to midnight on the Pacific coast.
    Pacific,
}

impl Day {
    /// When the day ends that begins, or is, now.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        let rolling = later(now, DAY);
        match self {
            Self::Rolling => rolling,
            Self::Pacific => Zone::named(PACIFIC)
                .ok()
                .and_then(|zone| now.to_zoned_datetime(zone.clock().clone()).tomorrow().ok()?.start_of_day().ok())
                .map_or(rolling, |midnight| midnight.timestamp()),
        }
    }
}

/// Limits and what was used of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Most in a minute; 0 for no limit.
    pub per_minute: i64,
    /// Most in a day; 0 for no limit.
    pub per_day: i64,
    /// Which day that is.
    pub day: Day,
    /// Until when the pace is used up.
    pub paced_until: Timestamp,
    /// When the day ends that is counted.
    pub day_until: Timestamp,
    /// How many went in it.
    pub day_count: i64,
}

impl Pace {
    /// How many may go now; `i64::MAX` if there is no limit.
    #[must_use]
    pub fn allowed(&self, now: Timestamp) -> i64 {
        self.burst(now).min(self.rest(now))
    }

    /// Whether so many may go now, together.
    #[must_use]
    pub fn has_room(&self, count: i64, now: Timestamp) -> bool {
        self.burst(now) > 0 && self.fits_day(count, now)
    }

    /// When so many may go, if nothing else goes before; now, if they may.
    #[must_use]
    pub fn free_at(&self, count: i64, now: Timestamp) -> Timestamp {
        let paced = if self.burst(now) > 0 { now } else { self.paced_until };
        if self.fits_day(count, now) { paced } else { paced.max(self.day_until) }
    }

    /// How many may go, spread evenly, from now on until a span is over.
    #[must_use]
    pub fn within(&self, span: SignedDuration, now: Timestamp) -> i64 {
        self.started(span, now).min(self.rest(now))
    }

    /// The pace after so many went.
    #[must_use]
    pub fn after(self, sent: i64, now: Timestamp) -> Self {
        if sent == 0 {
            return self;
        }
        let day_until = if self.is_new_day(now) { self.day.end(now) } else { self.day_until };
        let day_count = self.counted(now).saturating_add(sent);
        let wait = SignedDuration::from_micros(sent.saturating_mul(self.interval()));
        let mut paced_until = later(self.paced_until.max(now), wait);
        if self.per_day > 0 && day_count >= self.per_day {
            paced_until = paced_until.max(day_until);
        }
        Self { paced_until, day_until, day_count, ..self }
    }

    /// How many may go in this second by the pace.
    fn burst(&self, now: Timestamp) -> i64 {
        self.started(BURST, now)
    }

    /// How many the pace lets begin before a span is over.
    fn started(&self, span: SignedDuration, now: Timestamp) -> i64 {
        // A day that is full moves `paced_until` as well.
        let room = later(now, span).duration_since(self.paced_until.max(now)).as_micros();
        if room <= 0 {
            return 0;
        }
        let Some(interval) = Some(self.interval()).filter(|interval| *interval > 0) else {
            return if self.paced_until > now { 0 } else { i64::MAX };
        };
        i64::try_from(room).unwrap_or(i64::MAX).saturating_add(interval - 1) / interval
    }

    /// Rounded up: no minute has more than its pace.
    fn interval(&self) -> i64 {
        if self.per_minute > 0 { (MINUTE_MICROS + self.per_minute - 1) / self.per_minute } else { 0 }
    }

    fn rest(&self, now: Timestamp) -> i64 {
        if self.per_day > 0 { (self.per_day - self.counted(now)).max(0) } else { i64::MAX }
    }

    /// A message that is longer than a whole day's limit goes as the first of its day, or it would wait for ever.
    fn fits_day(&self, count: i64, now: Timestamp) -> bool {
        count <= self.rest(now) || self.counted(now) == 0
    }

    fn is_new_day(&self, now: Timestamp) -> bool {
        now >= self.day_until
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
        Pace { per_minute, per_day, day: Day::Rolling, paced_until: zero, day_until: zero, day_count: 0 }
    }

    #[test]
    fn a_full_day_waits_for_the_next_one() {
        let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let full = pace(0, 100).after(100, now);
        assert_eq!(full.allowed(now + SignedDuration::from_hours(23)), 0);
        assert_eq!(full.free_at(1, now), now + DAY);
        assert_eq!(full.allowed(now + DAY), 100);
    }

    #[test]
    fn no_limit_is_no_limit() {
        assert_eq!(pace(0, 0).after(1_000_000, Timestamp::UNIX_EPOCH).allowed(Timestamp::UNIX_EPOCH), i64::MAX);
    }

    #[test]
    fn a_message_that_does_not_fit_into_the_day_waits_and_a_shorter_one_goes() {
        let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let nearly = pace(0, 100).after(99, now);
        assert!(nearly.has_room(1, now) && !nearly.has_room(2, now));
        assert_eq!(nearly.free_at(2, now), now + DAY);
        // Longer than any day: it goes as the first one, and not never.
        assert!(pace(0, 1).has_room(2, now) && !pace(0, 1).after(2, now).has_room(1, now));
    }

    #[test]
    fn a_long_message_goes_with_what_is_left_of_the_second_and_the_next_waits_for_it() {
        let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let sent = pace(60, 0).after(2, now);
        assert_eq!(sent.free_at(1, now), now + SignedDuration::from_secs(2));
        assert!(!sent.has_room(1, now + SignedDuration::from_millis(900)));
        assert!(sent.has_room(1, now + SignedDuration::from_secs(2)));
    }

    #[test]
    fn the_pacific_day_ends_at_its_midnight_also_when_clocks_change() {
        // Nov 1, 2026 has 25 hours there; at 06:59 UTC it is still Oct 31.
        for (now, end) in [
            ("2026-11-24T15:00:00Z", "2026-11-25T08:00:00Z"),
            ("2026-11-01T06:59:00Z", "2026-11-01T07:00:00Z"),
            ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
            ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
        ] {
            assert_eq!(Day::Pacific.end(now.parse().unwrap()), end.parse::<Timestamp>().unwrap(), "{now}");
        }
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_its_pace_and_a_second(
            per_minute in 1i64..10_000,
            lengths in proptest::collection::vec(1i64..=10, 1..400),
            wait_micros in 0i64..3_000_000,
        ) {
            let start: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
            let mut state = pace(per_minute, 0);
            let (mut sent, mut now) = (0, start);
            for length in lengths {
                if !state.has_room(length, now) {
                    now = state.free_at(length, now) + SignedDuration::from_micros(wait_micros);
                }
                if now >= start + SignedDuration::from_secs(60) { break; }
                prop_assert!(state.has_room(length, now));
                sent += length;
                state = state.after(length, now);
            }
            // A burst, and the rest of a message that began in it.
            prop_assert!(sent <= per_minute + (per_minute + 59) / 60 + 10, "{} of {}", sent, per_minute);
        }

        #[test]
        fn no_day_has_more_than_its_limit(per_day in 10i64..1_000, lengths in proptest::collection::vec(1i64..=10, 1..400)) {
            let start: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
            let mut state = Pace { day: Day::Pacific, ..pace(0, per_day) };
            let mut by_day = std::collections::BTreeMap::new();
            let mut now = start;
            for length in lengths {
                now = state.free_at(length, now);
                prop_assert!(state.has_room(length, now));
                *by_day.entry(Day::Pacific.end(now)).or_insert(0) += length;
                state = state.after(length, now);
            }
            prop_assert!(by_day.values().all(|sent| *sent <= per_day), "{by_day:?} of {per_day}");
        }
    }
}
