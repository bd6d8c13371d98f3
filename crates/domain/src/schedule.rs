//! When the messages of an enrollment are due.
//!
//! The first goes as soon as the window allows; its local hour becomes the enrollment's. Message *n*
//! is due on the local date of the actual send of *n−1* plus its gap, at that hour, moved into the
//! window. Dates and hours are those of the contact's primary zone, so clock changes move nothing.
//! The preview is made by the same function that the engine asks after each send.

use std::fmt;

use jiff::civil::{DateTime, Time};
use jiff::tz::AmbiguousOffset;
use jiff::{Span, Timestamp};

use crate::deadline;
use crate::holidays;
use crate::window::Hours;
use crate::zones::{Candidates, Zone};

/// When one message is to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The instant: open in every candidate zone and by every rule.
    pub due: Timestamp,
    /// The same on the contact's wall clock, in the primary zone.
    pub local: DateTime,
    /// Why it is not the wanted date and hour; none where it is.
    pub moved: Option<Why>,
}

/// Why a message goes out later than its gap and hour say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Another hour of the same day: the wanted one is closed.
    ClosedHours,
    /// Another day: no open hour was left on the wanted one.
    ClosedDay,
    /// Another day: the wanted one is this legal holiday, which a state's rule keeps closed.
    Holiday(&'static str),
    /// The wanted hour does not exist on that day: the clocks go forward.
    MissingHour,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedHours => f.write_str("moved to the next open hour"),
            Self::ClosedDay => f.write_str("moved to the next open day"),
            Self::Holiday(name) => write!(f, "moved past {name}, a legal holiday there"),
            Self::MissingHour => f.write_str("that hour does not exist on the day"),
        }
    }
}

/// The zones, rules and hours leave no open instant in the next two weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no hour is open in every zone and by every rule that may hold for the contact")]
pub struct NeverOpen;

impl Planned {
    /// The hour and minute that later messages keep.
    pub fn hour(&self) -> Time {
        whole_minute(self.local.time())
    }
}

/// The due times of a whole workflow started now; `gaps` are days, one for each message.
///
/// Assumes that each message goes out when it is due.
///
/// # Errors
/// [`NeverOpen`] if some message would find no open hour.
pub fn plan(
    now: Timestamp,
    candidates: &Candidates,
    hours: Option<&Hours>,
    gaps: &[u16],
) -> Result<Vec<Planned>, NeverOpen> {
    let Some((first, later)) = gaps.split_first() else { return Ok(Vec::new()) };
    let start = whole_minute(candidates.primary.local(now).time());
    let mut previous = next_due(now, start, *first, candidates, hours)?;
    let hour = previous.hour();
    let mut planned = Vec::with_capacity(gaps.len());
    planned.push(previous);
    for gap in later {
        previous = next_due(previous.due, hour, *gap, candidates, hours)?;
        planned.push(previous);
    }
    Ok(planned)
}

/// When the next message is due after one that went out at `sent_at`: `gap` days later by the
/// contact's calendar, at the enrollment's `hour`, moved into the window; never before `sent_at`.
///
/// # Errors
/// [`NeverOpen`] if no hour is open.
pub fn next_due(
    sent_at: Timestamp,
    hour: Time,
    gap: u16,
    candidates: &Candidates,
    hours: Option<&Hours>,
) -> Result<Planned, NeverOpen> {
    let zone = &candidates.primary;
    let date = zone.local(sent_at).date().saturating_add(Span::new().days(gap));
    let wanted = date.to_datetime(hour);
    let from = first_instant(zone, wanted).ok_or(NeverOpen)?.max(sent_at);
    let due = deadline::opening(&candidates.zones, &candidates.rules, hours, from).ok_or(NeverOpen)?;
    let local = zone.local(due);
    let moved = if due > from {
        let wanted = zone.local(from).date();
        Some(match holidays::closed(&candidates.rules, wanted) {
            _ if local.date() == wanted => Why::ClosedHours,
            Some((_, name)) => Why::Holiday(name),
            None => Why::ClosedDay,
        })
    } else {
        (from > sent_at && local != wanted).then_some(Why::MissingHour)
    };
    Ok(Planned { due, local, moved })
}

fn whole_minute(time: Time) -> Time {
    Time::constant(time.hour(), time.minute(), 0, 0)
}

/// The first instant at which the zone's clock shows `wanted` or, where that is missing, more.
fn first_instant(zone: &Zone, wanted: DateTime) -> Option<Timestamp> {
    let clock = zone.clock();
    match clock.to_ambiguous_timestamp(wanted).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(wanted).ok()
        }
        AmbiguousOffset::Gap { before, .. } => {
            let past_jump = before.to_timestamp(wanted).ok()?;
            // One nanosecond more, so that a wanted time at the very jump finds that jump.
            let after = past_jump.checked_add(Span::new().nanoseconds(1)).ok()?;
            clock.preceding(after).next().map(|jump| jump.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Phone;
    use crate::window;
    use crate::zones::{Place, candidates};
    use jiff::civil::{Weekday, date};
    use proptest::prelude::*;

    fn of(phone: &str) -> Candidates {
        let phone = Phone::stored(phone).unwrap();
        candidates(&Place { zone: None, state: None, zip: None, phone }, None).unwrap()
    }

    fn locals(now: &str, phone: &str, hours: &Hours, gaps: &[u16]) -> Vec<(String, Option<Why>)> {
        let planned = plan(now.parse().unwrap(), &of(phone), Some(hours), gaps).unwrap();
        planned.iter().map(|planned| (planned.local.to_string(), planned.moved)).collect()
    }

    #[test]
    fn a_legal_holiday_is_named_and_only_where_a_rule_closes_it() {
        let hours =
            Hours::new(540, 1_200, &[1, 2, 3, 4, 5, 6, 7].map(|day| Weekday::from_monday_one_offset(day).unwrap()))
                .unwrap();
        // Mobile, Alabama; Dec 24, 2026, with Christmas on the next day.
        let got = locals("2026-12-24T16:00:00Z", "+12515550123", &hours, &[0, 1]);
        assert_eq!(got[1].0, "2026-12-26T09:00:00");
        assert!(matches!(got[1].1, Some(Why::Holiday(name)) if name.contains("Christmas")), "{got:?}");
        let got = locals("2026-12-24T16:00:00Z", "+12125550123", &hours, &[0, 1]);
        assert_eq!(got[1], ("2026-12-25T11:00:00".into(), None));
    }

    #[test]
    fn the_first_goes_now_and_its_hour_is_kept_over_clock_changes() {
        // New York leaves daylight-saving time on 2026-11-01.
        let got = locals("2026-10-30T18:20:33Z", "+12125550134", &Hours::default(), &[0, 1, 2, 30]);
        let want = ["2026-10-30T14:20:33", "2026-10-31T14:20:00", "2026-11-02T14:20:00", "2026-12-02T14:20:00"];
        assert_eq!(got, want.map(|local| (local.to_owned(), None)));
    }

    #[test]
    fn an_evening_start_waits_for_the_morning_and_keeps_the_mornings_hour() {
        let got = locals("2026-11-25T02:30:00Z", "+12125550134", &Hours::default(), &[0, 4]);
        assert_eq!(got, [("2026-11-25T09:00:00".into(), Some(Why::ClosedDay)), ("2026-11-29T09:00:00".into(), None)]);
        let got = locals("2026-11-24T12:30:00Z", "+12125550134", &Hours::default(), &[0, 1]);
        assert_eq!(got, [("2026-11-24T09:00:00".into(), Some(Why::ClosedHours)), ("2026-11-25T09:00:00".into(), None)]);
    }

    #[test]
    fn a_closed_day_moves_its_message_and_the_next_gap_counts_from_there() {
        // Rhode Island is shut on Sundays; 2026-11-29 is one.
        let got = locals("2026-11-27T15:00:00Z", "+14015550134", &Hours::default(), &[0, 2, 1]);
        let want = [
            ("2026-11-27T10:00:00".into(), None),
            ("2026-11-30T09:00:00".into(), Some(Why::ClosedDay)),
            ("2026-12-01T10:00:00".into(), None),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn a_first_gap_counts_from_today_at_this_hour() {
        let got = locals("2026-11-24T20:15:00Z", "+12125550134", &Hours::default(), &[3, 1]);
        assert_eq!(got, [("2026-11-27T15:15:00".into(), None), ("2026-11-28T15:15:00".into(), None)]);
        let got = locals("2026-11-25T04:15:00Z", "+12125550134", &Hours::default(), &[1]);
        assert_eq!(got, [("2026-11-26T09:00:00".into(), Some(Why::ClosedDay))]);
    }

    #[test]
    fn an_hour_that_does_not_exist_becomes_the_first_instant_after_it() {
        let mut candidates = of("+12125550134");
        candidates.rules.clear();
        let sent = "2026-03-07T07:30:00Z".parse().unwrap();
        let due = next_due(sent, Time::constant(2, 30, 0, 0), 1, &candidates, None).unwrap();
        assert_eq!((due.local, due.moved), (date(2026, 3, 8).at(3, 0, 0, 0), Some(Why::MissingHour)));
        let due = next_due(sent, Time::constant(2, 0, 0, 0), 1, &candidates, None).unwrap();
        assert_eq!(due.due, "2026-03-08T07:00:00Z".parse().unwrap());
        let sent = "2026-10-31T05:30:00Z".parse().unwrap();
        let due = next_due(sent, Time::constant(1, 30, 0, 0), 1, &candidates, None).unwrap();
        assert_eq!((due.due, due.moved), ("2026-11-01T05:30:00Z".parse().unwrap(), None));
    }

    #[test]
    fn no_gap_makes_an_empty_plan_and_shut_windows_are_named() {
        let now = "2026-11-24T18:00:00Z".parse().unwrap();
        assert_eq!(plan(now, &of("+12125550134"), None, &[]), Ok(Vec::new()));
        let sundays = Hours::new(540, 1200, &[Weekday::Sunday]).unwrap();
        assert_eq!(plan(now, &of("+14015550134"), Some(&sundays), &[0]), Err(NeverOpen));
    }

    proptest! {
        #[test]
        fn dates_strictly_increase_and_every_message_is_due_in_an_open_hour(
            now in 1_767_225_600_i64..1_900_000_000, gaps in proptest::collection::vec(1u16..=365, 0..9), area in 0usize..469,
        ) {
            let area = crate::areas::all()[area].code;
            let candidates = of(&format!("+1{area}5550134"));
            let hours = Hours::default();
            let gaps: Vec<u16> = std::iter::once(0).chain(gaps).collect();
            let planned = plan(Timestamp::from_second(now).unwrap(), &candidates, Some(&hours), &gaps).unwrap();
            prop_assert_eq!(planned.len(), gaps.len());
            for message in &planned {
                prop_assert!(window::is_open(&candidates.zones, &candidates.rules, Some(&hours), message.due));
            }
            for pair in planned.windows(2) {
                prop_assert!(pair[0].local.date() < pair[1].local.date());
                prop_assert!(pair[0].due < pair[1].due);
            }
        }

        #[test]
        fn the_preview_is_what_the_engine_computes_after_each_send(now in 1_767_225_600_i64..1_900_000_000, gap in 1u16..=365) {
            let candidates = of("+18505550134");
            let planned = plan(Timestamp::from_second(now).unwrap(), &candidates, None, &[0, gap, gap]).unwrap();
            let late = planned[1].due.checked_add(Span::new().minutes(2)).unwrap();
            let next = next_due(late, planned[0].hour(), gap, &candidates, None).unwrap();
            prop_assert_eq!(next, planned[2]);
        }
    }
}
