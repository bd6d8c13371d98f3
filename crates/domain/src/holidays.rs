//! Legal holidays of the states whose rule closes them: worked out for any year from `data/holidays.json`.
//!
//! | written | the day |
//! |---|---|
//! | `07-04` | that date |
//! | `3 mon 01`, `last mon 05`, `4 thu 11 +1` | that weekday of the month; a number of days after it |
//! | `easter-2` | days before Easter Sunday (Meeus' rule for the Gregorian calendar) |
//! | `election`, `election even` | the Tuesday after the first Monday of November; of even years only |
//! | `mon near 06-19` | the Monday of or before that date from Tuesday to Friday, after it at a weekend (Utah) |
//!
//! A date that falls on a weekend moves by the days that the state says; both days are closed. What a governor
//! proclaims is not in the file: nobody can know it ahead.

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use serde::Deserialize;

use crate::rules::RuleCode;

/// The holidays of one state.
#[derive(Debug)]
pub struct Holidays {
    /// The rule that closes them.
    pub code: RuleCode,
    /// Where they were read.
    pub sources: Vec<String>,
    /// What is not sure about them.
    pub doubt: String,
    saturday: i8,
    sunday: i8,
    days: Vec<(Day, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Day {
    Date { month: i8, day: i8 },
    Nth { nth: i8, weekday: Weekday, month: i8, after: i8 },
    Easter { before: i8 },
    Election { even_only: bool },
    MondayNear { month: i8, day: i8 },
}

#[derive(Deserialize)]
struct File {
    as_of: String,
    states: Vec<State>,
}

#[derive(Deserialize)]
struct State {
    code: String,
    saturday: i8,
    sunday: i8,
    sources: Vec<String>,
    doubt: String,
    days: Vec<(String, String)>,
}

static FILE: LazyLock<(String, Vec<Holidays>)> = LazyLock::new(|| {
    let file: File = serde_json::from_str(include_str!("../data/holidays.json")).expect("holidays.json is well formed");
    let state = |state: State| Holidays {
        code: state.code.parse().expect("holidays.json names rules of the table"),
        sources: state.sources,
        doubt: state.doubt,
        saturday: state.saturday,
        sunday: state.sunday,
        days: state.days.into_iter().map(|(day, name)| (read(&day).expect("a day of holidays.json"), name)).collect(),
    };
    (file.as_of, file.states.into_iter().map(state).collect())
});

fn read(text: &str) -> Option<Day> {
    let month_day = |text: &str| {
        let (month, day) = text.split_once('-')?;
        Some((month.parse().ok()?, day.parse().ok()?))
    };
    let parts: Vec<&str> = text.split(' ').collect();
    Some(match parts[..] {
        ["election"] => Day::Election { even_only: false },
        ["election", "even"] => Day::Election { even_only: true },
        ["mon", "near", date] => month_day(date).map(|(month, day)| Day::MondayNear { month, day })?,
        [one] => match one.strip_prefix("easter-") {
            Some(before) => Day::Easter { before: before.parse().ok()? },
            None => month_day(one).map(|(month, day)| Day::Date { month, day })?,
        },
        [nth, weekday, month, ref rest @ ..] => Day::Nth {
            nth: if nth == "last" { -1 } else { nth.parse().ok()? },
            weekday: if weekday == "mon" { Weekday::Monday } else { Weekday::Thursday },
            month: month.parse().ok()?,
            after: rest.first().map_or(Some(0), |days| days.parse().ok())?,
        },
        _ => return None,
    })
}

fn plus(date: Date, days: i64) -> Option<Date> {
    date.checked_add(jiff::Span::new().days(days)).ok()
}

/// Easter Sunday (J. Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e, g) = (b / 4, b % 4, (8 * b + 13) / 25);
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let n = (h + l - 7 * m + 90) / 25;
    let p = (h + l - 7 * m + 33 * n + 19) % 32;
    Date::new(year, i8::try_from(n).ok()?, i8::try_from(p).ok()?).ok()
}

impl Day {
    fn in_year(self, year: i16) -> Option<Date> {
        match self {
            Self::Date { month, day } => Date::new(year, month, day).ok(),
            Self::Nth { nth, weekday, month, after } => {
                let first = Date::new(year, month, 1).ok()?;
                plus(first.nth_weekday_of_month(nth, weekday).ok()?, i64::from(after))
            }
            Self::Easter { before } => plus(easter(year)?, -i64::from(before)),
            Self::Election { even_only } if even_only && year % 2 != 0 => None,
            Self::Election { .. } => {
                let first = Date::new(year, 11, 1).ok()?;
                plus(first.nth_weekday_of_month(1, Weekday::Monday).ok()?, 1)
            }
            Self::MondayNear { month, day } => {
                let date = Date::new(year, month, day).ok()?;
                let past_monday = i64::from(date.weekday().to_monday_zero_offset());
                plus(date, if past_monday >= 5 { 7 - past_monday } else { -past_monday })
            }
        }
    }
}

impl Holidays {
    /// The name of the holiday that a date is, there or moved off a weekend.
    #[must_use]
    pub fn name(&self, date: Date) -> Option<&str> {
        // A first of January may move into the year before.
        let years = [date.year(), date.year().saturating_add(1)];
        let is_it = |day: Day| {
            let dates = years.into_iter().filter_map(|year| day.in_year(year));
            dates.into_iter().any(|on| on == date || self.moved(on) == Some(date))
        };
        self.days.iter().find(|(day, _)| is_it(*day)).map(|(_, name)| name.as_str())
    }

    fn moved(&self, date: Date) -> Option<Date> {
        match date.weekday() {
            Weekday::Saturday => plus(date, i64::from(self.saturday)),
            Weekday::Sunday => plus(date, i64::from(self.sunday)),
            _ => None,
        }
    }

    /// All closed days of a year, in their order.
    #[must_use]
    pub fn of_year(&self, year: i16) -> Vec<(Date, &str)> {
        let first = Date::new(year, 1, 1).ok();
        let days = std::iter::successors(first, |day| day.tomorrow().ok()).take_while(|day| day.year() == year);
        days.filter_map(|day| Some((day, self.name(day)?))).collect()
    }
}

/// The day on which the file was made.
#[must_use]
pub fn as_of() -> &'static str {
    &FILE.0
}

/// The holidays that a rule closes, if it closes any.
#[must_use]
pub fn of(code: RuleCode) -> Option<&'static Holidays> {
    FILE.1.iter().find(|state| state.code == code)
}

/// The holiday that keeps a date closed by these rules, and the rule.
#[must_use]
pub fn closed(rules: &[RuleCode], date: Date) -> Option<(RuleCode, &'static str)> {
    rules.iter().find_map(|code| Some((*code, of(*code)?.name(date)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str, date: &str) -> Option<&'static str> {
        closed(&[code.parse().unwrap()], date.parse().unwrap()).map(|(_, name)| name)
    }

    #[test]
    fn days_fall_where_the_calendars_have_them() {
        for (code, date, name) in [
            ("US-LA", "2026-02-17", Some("Mardi Gras")),
            ("US-LA", "2027-02-09", Some("Mardi Gras")),
            ("US-LA", "2028-02-29", Some("Mardi Gras")),
            ("US-PA", "2026-04-03", Some("Good Friday")),
            ("US-PA", "2027-03-26", Some("Good Friday")),
            ("US-PA", "2026-11-03", Some("Election Day")),
            ("US-PA", "2027-11-02", Some("Election Day")),
            ("US-RI", "2026-11-03", Some("Election Day")),
            ("US-RI", "2027-11-02", None),
            ("US-RI", "2026-08-10", Some("Victory Day")),
            ("US-RI", "2026-07-06", Some("Independence Day")),
            ("US-AL", "2026-07-03", Some("Independence Day")),
            ("US-AL", "2026-07-04", Some("Independence Day")),
            ("US-MS", "2026-07-03", None),
            ("US-MS", "2026-04-27", Some("Confederate Memorial Day")),
            ("US-MS", "2027-07-05", Some("Independence Day")),
            ("US-UT", "2026-07-24", Some("Pioneer Day")),
            ("US-UT", "2027-07-23", Some("Pioneer Day")),
            // New Year's Day of 2028 is a Saturday: the Friday is of the year before.
            ("US-UT", "2027-12-31", Some("New Year's Day")),
            ("US-UT", "2026-06-15", Some("Juneteenth")),
            ("US-LA", "2026-11-27", Some("Acadian Day")),
            ("US-FL", "2026-11-26", None),
            ("US", "2026-12-25", None),
        ] {
            assert_eq!(named(code, date), name, "{code} {date}");
        }
    }

    #[test]
    fn every_rule_that_speaks_of_holidays_has_its_table_with_sources() {
        let speaking: Vec<&str> =
            crate::rules::all().iter().filter(|rule| rule.holidays.is_some()).map(|rule| rule.code.as_str()).collect();
        let listed: Vec<&str> = FILE.1.iter().map(|state| state.code.as_str()).collect();
        assert!(speaking.iter().all(|code| listed.contains(code)), "{speaking:?} {listed:?}");
        for state in &FILE.1 {
            assert!(!state.sources.is_empty() && !state.doubt.is_empty());
            for year in 2026..=2028 {
                assert!((10..=25).contains(&state.of_year(year).len()), "{:?} {year}", state.code);
            }
        }
    }
}
