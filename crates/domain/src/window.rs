//! Send windows: whether an instant is open in every zone and by every rule, and the next that is.
//!
//! Works on the wall clock of each zone, one stretch between two clock changes at a time, so a hour
//! that is missing or comes twice needs no special case: a missing opening opens at the first instant
//! after the jump, a doubled one at its first coming. Nothing here adds 24 hours to anything.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use crate::holidays::{self, Holidays};
use crate::rules::{self, DAY, RuleCode, Span, Week};
use crate::zones::Zone;

/// How far [`next_open`] looks. Windows repeat weekly but for holidays, so what is shut so long stays shut.
pub const HORIZON_SECONDS: i64 = 14 * 24 * 60 * 60;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A workspace's own send window inside the legal one: the same hours on each chosen weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawHours", into = "RawHours")]
pub struct Hours {
    start: u16,
    end: u16,
    days: [bool; 7],
}

/// Why hours are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// The end is not after the start. Windows over midnight are never legal.
    #[error("the send window ends before it starts")]
    EndBeforeStart,
    /// A day has 1440 minutes.
    #[error("the send window ends after midnight")]
    AfterMidnight,
    /// At least one weekday must be open.
    #[error("the send window has no weekday")]
    NoWeekday,
}

/// The stored form: minutes since midnight, and weekdays from Monday = 1 to Sunday = 7.
#[derive(Serialize, Deserialize)]
struct RawHours {
    start_minute: u16,
    end_minute: u16,
    weekdays: Vec<i8>,
}

impl Default for Hours {
    /// 9:00 to 20:00 on all days.
    fn default() -> Self {
        Self { start: 9 * 60, end: 20 * 60, days: [true; 7] }
    }
}

impl Hours {
    /// Minutes since midnight, half-open, on the given weekdays (repeats are harmless).
    ///
    /// # Errors
    /// The end is not after the start or is past midnight, or no weekday is given.
    pub fn new(start_minute: u16, end_minute: u16, weekdays: &[Weekday]) -> Result<Self, HoursError> {
        if end_minute > DAY {
            return Err(HoursError::AfterMidnight);
        }
        if end_minute <= start_minute {
            return Err(HoursError::EndBeforeStart);
        }
        if weekdays.is_empty() {
            return Err(HoursError::NoWeekday);
        }
        let mut days = [false; 7];
        for day in weekdays {
            days[usize::from(day.to_monday_zero_offset().unsigned_abs())] = true;
        }
        Ok(Self { start: start_minute, end: end_minute, days })
    }

    /// The first open minute of a day.
    pub fn start_minute(&self) -> u16 {
        self.start
    }

    /// The first closed minute after it.
    pub fn end_minute(&self) -> u16 {
        self.end
    }

    /// The open weekdays, Monday first.
    pub fn weekdays(&self) -> impl Iterator<Item = Weekday> {
        let open = self.days;
        let days = (0i8..7).filter_map(|day| Weekday::from_monday_zero_offset(day).ok());
        days.zip(open).filter(|(_, open)| *open).map(|(day, _)| day)
    }

    /// As one span for each open weekday.
    pub fn week(&self) -> Week {
        let span = Span { start: self.start, end: self.end };
        Week(self.days.map(|open| open.then_some(span)))
    }
}

impl TryFrom<RawHours> for Hours {
    type Error = HoursError;
    fn try_from(raw: RawHours) -> Result<Self, HoursError> {
        let days: Option<Vec<Weekday>> =
            raw.weekdays.iter().map(|day| Weekday::from_monday_one_offset(*day).ok()).collect();
        Self::new(raw.start_minute, raw.end_minute, &days.ok_or(HoursError::NoWeekday)?)
    }
}

impl From<Hours> for RawHours {
    fn from(hours: Hours) -> Self {
        let weekdays = hours.weekdays().map(Weekday::to_monday_one_offset).collect();
        Self { start_minute: hours.start, end_minute: hours.end, weekdays }
    }
}

/// Whether a message may go out at this instant: open by every rule, in the workspace's hours, in every zone.
pub fn is_open(zones: &[Zone], rules: &[RuleCode], hours: Option<&Hours>, at: Timestamp) -> bool {
    let times = Times::of(rules, hours);
    let second = floor_second(at);
    zones.iter().all(|zone| is_open_in(zone, &times, second))
}

/// The first instant from `at` on that is open in every zone and by every rule: `at` itself where it is.
///
/// None where the windows do not meet within [`HORIZON_SECONDS`].
pub fn next_open(zones: &[Zone], rules: &[RuleCode], hours: Option<&Hours>, at: Timestamp) -> Option<Timestamp> {
    let times = Times::of(rules, hours);
    let start = floor_second(at);
    let mut second = start;
    // Each zone moves the instant forward to its own next opening, until a whole round agrees.
    let mut agreed = 0;
    for zone in zones.iter().cycle() {
        let next = next_in(zone, &times, second)?;
        agreed = if next == second { agreed + 1 } else { 1 };
        second = next;
        if second - start > HORIZON_SECONDS {
            return None;
        }
        if agreed >= zones.len() {
            break;
        }
    }
    if second == start { Some(at) } else { Timestamp::from_second(second).ok() }
}

/// When it closes: the first instant from `at` on that is closed in some zone or by some rule. `at` itself where it is closed
/// already; `until` where it stays open so long.
pub fn closes(zones: &[Zone], rules: &[RuleCode], hours: Option<&Hours>, at: Timestamp, until: Timestamp) -> Timestamp {
    let times = Times::of(rules, hours);
    let (start, end) = (floor_second(at), floor_second(until));
    let closing = zones.iter().map(|zone| closes_in(zone, &times, start, end)).min().unwrap_or(end);
    match closing {
        closing if closing <= start => at,
        closing if closing >= end => until,
        closing => Timestamp::from_second(closing).unwrap_or(until),
    }
}

/// When it is open: a week, without the legal holidays that a rule closes.
struct Times {
    week: Week,
    holidays: Vec<&'static Holidays>,
}

impl Times {
    fn of(rules: &[RuleCode], hours: Option<&Hours>) -> Self {
        let legal = rules::week(rules);
        let week = hours.map_or(legal, |hours| legal.meet(&hours.week()));
        Self { week, holidays: rules.iter().filter_map(|code| holidays::of(*code)).collect() }
    }

    /// What is open on a day of the Unix clock.
    fn span(&self, day: i64) -> Option<Span> {
        // Day 0, 1970-01-01, was a Thursday: three days after a Monday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).expect("a remainder of seven");
        self.week.0[weekday]
    }

    /// Whether a day of the Unix clock is a holiday.
    fn is_holiday(&self, day: i64) -> bool {
        let date = || Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(day)).ok();
        !self.holidays.is_empty() && date().is_some_and(|date| self.holidays.iter().any(|all| all.name(date).is_some()))
    }
}

/// Windows begin and end on whole minutes, so the fraction of a second decides nothing.
fn floor_second(at: Timestamp) -> i64 {
    at.as_microsecond().div_euclid(1_000_000)
}

fn offset(zone: &Zone, second: i64) -> Option<i64> {
    let at = Timestamp::from_second(second).ok()?;
    Some(i64::from(zone.clock().to_offset(at).seconds()))
}

fn is_open_in(zone: &Zone, times: &Times, second: i64) -> bool {
    let local = offset(zone, second).map(|offset| second + offset);
    local.is_some_and(|local| next_local(times, local) == Some(local))
}

/// The first second from `second` on at which the zone's wall clock is inside the week.
fn next_in(zone: &Zone, times: &Times, second: i64) -> Option<i64> {
    let mut from = second;
    while from - second <= HORIZON_SECONDS {
        let offset = offset(zone, from)?;
        let opening = next_local(times, from + offset)? - offset;
        if opening == from {
            return Some(from);
        }
        // The offset holds until the next clock change; an opening after it must be looked up again.
        let change = zone.clock().following(Timestamp::from_second(from).ok()?).next();
        match change.map(|change| change.timestamp().as_second()).filter(|change| *change <= opening) {
            None => return Some(opening),
            Some(change) => from = change,
        }
    }
    Some(from)
}

/// The first second from `second` on at which the zone's wall clock is outside of the week, looked for as far as `end`.
fn closes_in(zone: &Zone, times: &Times, second: i64, end: i64) -> i64 {
    let mut from = second;
    while from < end {
        let Some(offset) = offset(zone, from) else { return from };
        let Some(closing) = open_until(times, from + offset) else { return from };
        let closing = closing - offset;
        // As in `next_in`: what the wall clock shows after a change has to be looked up again.
        let change = Timestamp::from_second(from).ok().and_then(|from| zone.clock().following(from).next());
        let change = change.map(|change| change.timestamp().as_second()).filter(|change| *change <= closing);
        from = change.unwrap_or(closing);
    }
    end
}

/// When the span around a second of a wall clock ends; nothing if it is in none.
fn open_until(times: &Times, local: i64) -> Option<i64> {
    let day = local.div_euclid(DAY_SECONDS);
    let span = times.span(day)?;
    let minute = (local - day * DAY_SECONDS) / 60;
    let is_open = (i64::from(span.start)..i64::from(span.end)).contains(&minute) && !times.is_holiday(day);
    is_open.then_some(day * DAY_SECONDS + i64::from(span.end) * 60)
}

/// The first second from `local` on that is inside the week, on a wall clock that nobody changes.
/// None if the week is shut; holidays shut no two weeks.
fn next_local(times: &Times, local: i64) -> Option<i64> {
    let today = local.div_euclid(DAY_SECONDS);
    let last = if times.holidays.is_empty() { 7 } else { 14 };
    (today..=today + last).find_map(|day| {
        let span = times.span(day)?;
        let midnight = day * DAY_SECONDS;
        let (start, end) = (midnight + i64::from(span.start) * 60, midnight + i64::from(span.end) * 60);
        (local < end && !times.is_holiday(day)).then_some(start.max(local))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(names: &[&str]) -> Vec<Zone> {
        names.iter().map(|name| Zone::named(name).unwrap()).collect()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn next(names: &[&str], hours: &Hours, from: &str) -> Option<String> {
        next_open(&zones(names), &[], Some(hours), at(from)).map(|next| next.to_string())
    }

    const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    #[test]
    fn edges_are_exact_to_the_last_nanosecond() {
        let zones = zones(&["America/New_York"]);
        let rules = [rules::federal()];
        let open = |text| is_open(&zones, &rules, None, at(text));
        assert!(!open("2026-11-24T12:59:59.999999999Z"));
        assert!(open("2026-11-24T13:00:00Z"));
        assert!(open("2026-11-25T01:59:59.999999999Z"));
        assert!(!open("2026-11-25T02:00:00Z"));
        let inside = at("2026-11-24T15:00:00.123456789Z");
        assert_eq!(next_open(&zones, &rules, None, inside), Some(inside));
        let late = at("2026-11-25T02:00:00.000001Z");
        assert_eq!(next_open(&zones, &rules, None, late), Some(at("2026-11-25T13:00:00Z")));
    }

    #[test]
    fn a_missing_opening_opens_after_the_jump_and_a_doubled_one_at_its_first_coming() {
        let early = |start, end| Hours::new(start, end, &ALL).unwrap();
        let new_york = ["America/New_York"];
        // 2026-03-08: 2:00 becomes 3:00 at 07:00Z.
        assert_eq!(next(&new_york, &early(150, 600), "2026-03-08T06:00:00Z"), Some("2026-03-08T07:00:00Z".into()));
        assert_eq!(next(&new_york, &early(150, 170), "2026-03-08T06:00:00Z"), Some("2026-03-09T06:30:00Z".into()));
        // 2026-11-01: 1:00 to 2:00 comes at 05:00Z and again at 06:00Z.
        assert_eq!(next(&new_york, &early(90, 100), "2026-11-01T04:00:00Z"), Some("2026-11-01T05:30:00Z".into()));
        assert_eq!(next(&new_york, &early(90, 100), "2026-11-01T05:50:00Z"), Some("2026-11-01T06:30:00Z".into()));
    }

    #[test]
    fn windows_that_never_meet_have_no_next() {
        let morning = Hours::new(480, 540, &ALL).unwrap();
        assert_eq!(next(&["America/New_York", "Pacific/Honolulu"], &morning, "2026-11-24T13:00:00Z"), None);
        let rhode_island = rules::find("US-RI").unwrap().code;
        let sundays = Hours::new(540, 1200, &[Weekday::Sunday]).unwrap();
        let zones = zones(&["America/New_York"]);
        assert_eq!(next_open(&zones, &[rhode_island], Some(&sundays), at("2026-11-24T13:00:00Z")), None);
        assert!(!is_open(&zones, &[rhode_island], Some(&sundays), at("2026-11-29T15:00:00Z")));
    }

    #[test]
    fn a_legal_holiday_is_closed_where_a_rule_says_so_and_nowhere_else() {
        let code = |code: &str| rules::find(code).unwrap().code;
        let chicago = zones(&["America/Chicago"]);
        // Thanksgiving Day 2026 at noon; Louisiana keeps the day after it too, then a Saturday, which is open.
        let noon = at("2026-11-26T18:00:00Z");
        assert!(is_open(&chicago, &[rules::federal()], None, noon));
        let next = |rule: &str| next_open(&chicago, &[rules::federal(), code(rule)], None, noon).unwrap().to_string();
        assert_eq!(next("US-MS"), "2026-11-27T14:00:00Z");
        assert_eq!(next("US-LA"), "2026-11-28T14:00:00Z");
        // Mardi Gras 2027 is a Tuesday: closed in Louisiana, open in Mississippi.
        let mardi_gras = at("2027-02-09T18:00:00Z");
        assert!(!is_open(&chicago, &[code("US-LA")], None, mardi_gras));
        assert!(is_open(&chicago, &[code("US-MS")], None, mardi_gras));
    }

    #[test]
    fn nonsense_hours_are_refused() {
        assert_eq!(Hours::new(540, 540, &ALL), Err(HoursError::EndBeforeStart));
        assert_eq!(Hours::new(1200, 540, &ALL), Err(HoursError::EndBeforeStart));
        assert_eq!(Hours::new(540, 1441, &ALL), Err(HoursError::AfterMidnight));
        assert_eq!(Hours::new(540, 1200, &[]), Err(HoursError::NoWeekday));
        assert_eq!(Hours::new(540, 1200, &ALL), Ok(Hours::default()));
        let weekdays = Hours::new(0, 1440, &[Weekday::Sunday, Weekday::Monday]).unwrap();
        let text = serde_json::to_string(&weekdays).unwrap();
        assert_eq!(text, r#"{"start_minute":0,"end_minute":1440,"weekdays":[1,7]}"#);
        assert_eq!(serde_json::from_str::<Hours>(&text).unwrap(), weekdays);
        assert!(serde_json::from_str::<Hours>(&text.replace("[1,7]", "[8]")).is_err());
    }
}
