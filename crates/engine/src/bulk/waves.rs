//! On which day whose first message goes, where only so many a day may.

use domain::zones::Zone;
use jiff::{Span, Timestamp};

use crate::facts::Known;
use crate::failure::Failure;

/// On which day who starts, where so many a day may.
pub(super) struct Waves {
    pub(super) zone: Zone,
    first: Timestamp,
    per_day: Option<u32>,
}

impl Waves {
    pub(super) fn of(known: &Known, per_day: Option<u32>, first: Timestamp) -> Result<Self, Failure> {
        let zone = Zone::named(&known.row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
        Ok(Self { zone, first, per_day: per_day.filter(|most| *most > 0) })
    }

    /// Before which the first message of one is not due, by how many start before it: the first day is that of the quote, each other
    /// one begins at midnight of the workspace.
    pub(super) fn start(&self, before: i64) -> Timestamp {
        let day = self.per_day.map_or(0, |most| before / i64::from(most));
        if day == 0 {
            return self.first;
        }
        let here = self.first.to_zoned_datetime(self.zone.clock().clone());
        let midnight = here.checked_add(Span::new().days(day.min(36_500))).and_then(|then| then.start_of_day());
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }
}
