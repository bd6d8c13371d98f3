//! How far the reading of a file is, how fast it goes and how long the rest will take.
//!
//! Pure. The rate is that of the last [`WINDOW`] alone: rows of contacts that are there already are quicker than new ones,
//! so a mean of the whole run would be wrong for the rest. Nothing is told of less than [`LEAST`].

use std::collections::VecDeque;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Of how long the rate is told.
const WINDOW: SignedDuration = SignedDuration::from_secs(30);
/// Of how long it is told at least: one transaction says nothing.
const LEAST: SignedDuration = SignedDuration::from_secs(2);
/// How far apart the marks are that it is told from.
const APART: SignedDuration = SignedDuration::from_millis(500);

/// How far a run is and how fast it goes. All that is not known is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Bytes of the source that were read: of a workbook, of its rows as text.
    pub bytes: u64,
    /// How many there are.
    pub of_bytes: Option<u64>,
    /// Rows read in a second.
    pub rows_per_second: Option<u64>,
    /// How long the rest will take at this rate.
    pub seconds_left: Option<u64>,
}

impl Pace {
    /// Whether nothing was read.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// The share that was read, in hundredths. What is read is not saved yet: it is whole at the end alone.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let all = self.of_bytes.filter(|all| *all > 0)?;
        Some((u128::from(self.bytes) * 100 / u128::from(all)).min(99).try_into().unwrap_or(99))
    }
}

/// A place of the file, and when it was reached.
#[derive(Debug, Clone, Copy)]
struct Reached {
    after: SignedDuration,
    rows: u64,
    bytes: u64,
}

/// Follows one run.
#[derive(Debug, Default)]
pub(super) struct Course {
    marks: VecDeque<Reached>,
}

impl Course {
    /// The pace of a run that has read so many rows and bytes, of so many, after so long.
    pub(super) fn reach(&mut self, after: SignedDuration, rows: u64, (bytes, of_bytes): (u64, Option<u64>)) -> Pace {
        while self.marks.get(1).is_some_and(|second| after - second.after >= WINDOW) {
            self.marks.pop_front();
        }
        let first = self.marks.front().copied();
        if self.marks.back().is_none_or(|last| after - last.after >= APART) {
            self.marks.push_back(Reached { after, rows, bytes });
        }
        let pace = Pace { bytes, of_bytes, ..Pace::default() };
        let Some(first) = first.filter(|first| after - first.after >= LEAST) else { return pace };
        let millis = u64::try_from((after - first.after).as_millis()).unwrap_or(u64::MAX);
        let (rows, read) = (rows.saturating_sub(first.rows), bytes.saturating_sub(first.bytes));
        let left = of_bytes.map(|all| all.saturating_sub(bytes)).filter(|_| read > 0);
        Pace {
            rows_per_second: Some(rows.saturating_mul(1_000) / millis).filter(|rows| *rows > 0),
            seconds_left: left.map(|left| part(left, millis, read).div_ceil(1_000)),
            ..pace
        }
    }
}

/// `left × millis ÷ read`, which may be more than one factor holds.
fn part(left: u64, millis: u64, read: u64) -> u64 {
    u64::try_from(u128::from(left) * u128::from(millis) / u128::from(read)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    #[test]
    fn the_rate_is_that_of_the_last_half_minute_and_silent_before_it_says_something() {
        let mut course = Course::default();
        let of = |bytes| (bytes, Some(100_000));
        let first = course.reach(seconds(0), 100, of(1_000));
        assert_eq!((first.percent(), first.rows_per_second, first.seconds_left), (Some(1), None, None));
        assert_eq!(course.reach(seconds(1), 1_100, of(11_000)).rows_per_second, None);
        let second = course.reach(seconds(2), 2_100, of(21_000));
        assert_eq!((second.percent(), second.rows_per_second, second.seconds_left), (Some(21), Some(1_000), Some(8)));
        // Ten times slower from here on: half a minute later nothing of the quick beginning is left.
        let paces: Vec<Pace> = (3..=40)
            .map(|at| course.reach(seconds(at), 1_900 + 100 * at as u64, of(19_000 + 1_000 * at as u64)))
            .collect();
        let last = paces.last().unwrap();
        assert_eq!((last.rows_per_second, last.seconds_left), (Some(100), Some(41)));
        assert!(paces[5].rows_per_second > Some(100), "the beginning still counts");
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let mut course = Course::default();
        assert!(course.reach(seconds(0), 0, (0, None)).is_unknown());
        let pace = course.reach(seconds(5), 500, (5_000, None));
        assert_eq!((pace.percent(), pace.rows_per_second, pace.seconds_left), (None, Some(100), None));
        // What was read before goes on being read: nothing moves.
        let mut still = Course::default();
        still.reach(seconds(0), 10, (1_000, Some(1_000)));
        let pace = still.reach(seconds(5), 10, (1_000, Some(1_000)));
        assert_eq!((pace.percent(), pace.rows_per_second, pace.seconds_left), (Some(99), None, None));
        assert_eq!(Pace { bytes: 5, of_bytes: Some(0), ..Pace::default() }.percent(), None);
    }

    #[test]
    fn an_import_of_days_keeps_few_marks() {
        let mut course = Course::default();
        for at in 0..10_000 {
            course.reach(SignedDuration::from_millis(50 * at), at as u64, (at as u64, Some(10_000)));
        }
        assert!(course.marks.len() <= 62, "{}", course.marks.len());
    }
}
