//! On which day whose first message goes, where only so many a day may.
//!
//! Days are the workspace's, and only those on which it may send at all: whoever would begin on a closed day, or this evening after
//! the hours, would go the next morning beside those of that day. A contact whose own rules close a day still goes on the next one.

use domain::rules;
use domain::window::{Hours, next_open};
use domain::zones::Zone;
use jiff::civil::Date;
use jiff::{Span, Timestamp};

use crate::facts::Known;
use crate::failure::Failure;

/// On which day who starts, where so many a day may.
pub(super) struct Waves {
    pub(super) zone: Zone,
    first: Timestamp,
    per_day: Option<u32>,
    /// The day on which the first go.
    day: Date,
    /// Which of the seven days from it on are open, as days behind it; the first is itself.
    open: Vec<i64>,
}

impl Waves {
    pub(super) fn of(known: &Known, per_day: Option<u32>, first: Timestamp) -> Result<Self, Failure> {
        let zone = Zone::named(&known.row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
        let (day, open) = days(&zone, &known.settings.hours, first);
        Ok(Self { zone, first, per_day: per_day.filter(|most| *most > 0), day, open })
    }

    /// Before which the first message of one is not due, by how many start before it: the first day is that of the quote, or the next on
    /// which anybody may be texted; each other one begins at midnight of the workspace.
    pub(super) fn start(&self, before: i64) -> Timestamp {
        let wave = self.per_day.map_or(0, |most| before / i64::from(most)).min(36_500);
        let week = i64::try_from(self.open.len()).unwrap_or(1);
        let within = usize::try_from(wave % week).ok().and_then(|place| self.open.get(place));
        if wave == 0 {
            return self.first;
        }
        let day = self.day.checked_add(Span::new().days(wave / week * 7 + within.unwrap_or(&0)));
        day.ok().and_then(|day| midnight(&self.zone, day)).unwrap_or(Timestamp::MAX)
    }
}

fn midnight(zone: &Zone, day: Date) -> Option<Timestamp> {
    zone.clock().to_timestamp(day.at(0, 0, 0, 0)).ok()
}

fn days(zone: &Zone, hours: &Hours, first: Timestamp) -> (Date, Vec<i64>) {
    let opens = |from: Timestamp| {
        let open = next_open(std::slice::from_ref(zone), &[rules::federal()], Some(hours), from)?;
        Some(zone.local(open).date())
    };
    let day = opens(first).unwrap_or_else(|| zone.local(first).date());
    let is_open = |behind: &i64| {
        let date = day.checked_add(Span::new().days(*behind)).ok();
        *behind == 0 || date.and_then(|date| midnight(zone, date)).and_then(opens) == date
    };
    (day, (0..7).filter(is_open).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_days(hours: &Hours, first: &str) -> Vec<String> {
        let zone = Zone::named("America/New_York").unwrap();
        let first = first.parse().unwrap();
        let (day, open) = days(&zone, hours, first);
        let waves = Waves { zone, first, per_day: Some(10), day, open };
        let local = |wave: i64| waves.zone.local(waves.start(wave * 10 + 9)).strftime("%a %F %H:%M").to_string();
        (0..7).map(local).collect()
    }

    #[test]
    fn each_day_that_is_open_has_its_own() {
        use jiff::civil::Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        let working = Hours::new(9 * 60, 17 * 60, &[Monday, Tuesday, Wednesday, Thursday, Friday]).unwrap();
        // Thursday at noon.
        let days = first_days(&working, "2026-11-26T17:00:00Z");
        assert_eq!(days[..3], ["Thu 2026-11-26 12:00", "Fri 2026-11-27 00:00", "Mon 2026-11-30 00:00"]);
        assert_eq!(days[6], "Fri 2026-12-04 00:00");
        // Friday after the hours: the first go on Monday, so the second go on Tuesday.
        let days = first_days(&working, "2026-11-28T03:02:00Z");
        assert_eq!(days[..3], ["Fri 2026-11-27 22:02", "Tue 2026-12-01 00:00", "Wed 2026-12-02 00:00"]);
    }
}
