//! Until when a carrier may go on trying to hand a text to a handset, so that none slips out of a queue into closed hours.
//!
//! | text | until |
//! |---|---|
//! | of a workflow, or a person's first word | its window closes, or [`LONGEST`] is over |
//! | the same, in the last minutes of the workspace's own hours | [`GRACE`] from now, if the law leaves it open |
//! | the same, with less than [`LEAST`] before the law closes | it does not go: the next opening has room for it |
//! | an answer in a conversation, a confirmation | the time is over in which it is an answer, and [`GRACE`] from now at the least |
//!
//! Why these times: decision 0016.

use jiff::{SignedDuration, Timestamp};

use crate::rules::RuleCode;
use crate::window::{self, Hours};
use crate::zones::Zone;

/// No text is tried for longer: by then it says something of a day that is over, and the next one is counted from its claim.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(4);
/// What a text may take beyond the workspace's own hours, or beyond the time in which it is an answer: the usual wait in a queue.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// A text with less time than this is likely to expire on its way, and some carriers take no less.
pub const LEAST: SignedDuration = SignedDuration::from_secs(30);

/// Until when a text may be delivered that goes now and keeps to windows; nothing if it must not go now.
#[must_use]
pub fn in_window(zones: &[Zone], rules: &[RuleCode], hours: Option<&Hours>, now: Timestamp) -> Option<Timestamp> {
    let longest = later(now, LONGEST);
    let (law, own) = [None, hours].map(|hours| window::closes(zones, rules, hours, now, longest)).into();
    let until = own.max(later(now, GRACE)).min(law);
    (own > now && until >= later(now, LEAST)).then_some(until)
}

/// The first instant from `from` on at which a text may go that keeps to windows: `from` itself where it is open for long enough.
///
/// None where the windows do not meet within [`window::HORIZON_SECONDS`].
#[must_use]
pub fn opening(zones: &[Zone], rules: &[RuleCode], hours: Option<&Hours>, from: Timestamp) -> Option<Timestamp> {
    let open = window::next_open(zones, rules, hours, from)?;
    if in_window(zones, rules, hours, open).is_some() {
        return Some(open);
    }
    // What opens anew is open for a minute at least.
    let closing = window::closes(zones, rules, hours, open, later(open, LONGEST));
    window::next_open(zones, rules, hours, closing)
}

/// Until when a text may be delivered that goes now as the answer to something, which it is until `until`.
#[must_use]
pub fn of_answer(until: Timestamp, now: Timestamp) -> Timestamp {
    until.max(later(now, GRACE)).min(later(now, LONGEST))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Weekday;
    use proptest::prelude::*;

    use crate::phone::Phone;
    use crate::rules;
    use crate::zones::{Candidates, Place, candidates};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn of(phone: &str) -> Candidates {
        let phone = Phone::stored(phone).unwrap();
        candidates(&Place { zone: None, state: None, zip: None, phone }, None).unwrap()
    }

    fn days() -> [Weekday; 7] {
        [1, 2, 3, 4, 5, 6, 7].map(|day| Weekday::from_monday_one_offset(day).unwrap())
    }

    #[test]
    fn a_text_may_be_delivered_until_its_window_closes_and_for_four_hours_at_most() {
        let late = Hours::new(540, 1_439, &days()).unwrap();
        let early = Hours::new(540, 1_080, &days()).unwrap();
        // (phone, hours, now, until), all of 2026; New York is at -05:00, after the first of November.
        let cases = [
            // Noon: four hours.
            ("+12125550134", Some(Hours::default()), "2026-11-24T17:00:00Z", Some("2026-11-24T21:00:00Z")),
            // Six in the evening: the workspace's own hours end at eight.
            ("+12125550134", Some(Hours::default()), "2026-11-24T23:00:00Z", Some("2026-11-25T01:00:00Z")),
            // The workspace allows more than the law: nine.
            ("+12125550134", Some(late), "2026-11-25T00:00:00Z", Some("2026-11-25T02:00:00Z")),
            ("+12125550134", None, "2026-11-25T00:00:00Z", Some("2026-11-25T02:00:00Z")),
            // Miami: eight by Florida's law. Providence: six in the evening.
            ("+13055550134", Some(late), "2026-11-24T23:00:00Z", Some("2026-11-25T01:00:00Z")),
            ("+14015550134", Some(late), "2026-11-24T20:30:00Z", Some("2026-11-24T23:00:00Z")),
            // 850 is Eastern or Central: the zone that closes first decides, as does the one that opens last.
            ("+18505550134", Some(late), "2026-11-24T23:00:00Z", Some("2026-11-25T01:00:00Z")),
            ("+18505550134", Some(early), "2026-11-24T14:30:00Z", None),
            // The last minute of the own hours, an hour before the law's: five minutes.
            ("+12125550134", Some(Hours::default()), "2026-11-25T00:59:00Z", Some("2026-11-25T01:04:00Z")),
            // The last minute of both: not a second longer. The last seconds: not at all.
            ("+13055550134", Some(Hours::default()), "2026-11-25T00:59:00Z", Some("2026-11-25T01:00:00Z")),
            ("+13055550134", Some(Hours::default()), "2026-11-25T00:59:30Z", Some("2026-11-25T01:00:00Z")),
            ("+13055550134", Some(Hours::default()), "2026-11-25T00:59:31Z", None),
            // Closed.
            ("+12125550134", Some(Hours::default()), "2026-11-25T01:00:00Z", None),
            ("+12125550134", Some(Hours::default()), "2026-11-24T13:59:59Z", None),
        ];
        for (phone, hours, now, until) in cases {
            let candidates = of(phone);
            let got = in_window(&candidates.zones, &candidates.rules, hours.as_ref(), at(now));
            assert_eq!(got, until.map(at), "{phone} at {now}, {hours:?}");
        }
    }

    #[test]
    fn a_window_that_runs_into_a_holiday_closes_at_its_midnight() {
        // A rule of no state: open day and night, but for Louisiana's holidays. Mardi Gras 2027 is February 9.
        let zones = [Zone::named("America/Chicago").unwrap()];
        let louisiana = rules::find("US-LA").unwrap().code;
        let closes = |now| window::closes(&zones, &[louisiana], None, at(now), later(at(now), LONGEST));
        assert_eq!(closes("2027-02-08T23:00:00Z"), at("2027-02-09T02:00:00Z"));
        assert_eq!(closes("2027-02-09T18:00:00Z"), at("2027-02-09T18:00:00Z"), "closed all day");
        let all_day = Hours::new(0, 1_440, &[Weekday::Monday, Weekday::Tuesday]).unwrap();
        let closes = |now| window::closes(&zones, &[], Some(&all_day), at(now), later(at(now), LONGEST));
        assert_eq!(closes("2027-02-09T04:00:00Z"), at("2027-02-09T08:00:00Z"), "midnight alone closes nothing");
        assert_eq!(closes("2027-02-10T04:00:00Z"), at("2027-02-10T06:00:00Z"));
    }

    #[test]
    fn the_end_of_a_window_is_the_wall_clocks_whatever_is_done_to_it() {
        let zones = [Zone::named("America/New_York").unwrap()];
        let closes = |start, end, now| {
            let hours = Hours::new(start, end, &days()).unwrap();
            window::closes(&zones, &[], Some(&hours), at(now), later(at(now), LONGEST)).to_string()
        };
        // 2026-03-08: 2:00 becomes 3:00 at 07:00Z; an end between them is at the jump, a later one comes an hour sooner.
        assert_eq!(closes(0, 150, "2026-03-08T06:00:00Z"), "2026-03-08T07:00:00Z");
        assert_eq!(closes(0, 240, "2026-03-08T06:00:00Z"), "2026-03-08T08:00:00Z");
        // 2026-11-01: 1:00 to 2:00 comes at 05:00Z and again at 06:00Z.
        assert_eq!(closes(0, 90, "2026-11-01T04:00:00Z"), "2026-11-01T05:30:00Z");
        assert_eq!(closes(0, 90, "2026-11-01T06:10:00Z"), "2026-11-01T06:30:00Z");
        assert_eq!(closes(0, 120, "2026-11-01T05:30:00Z"), "2026-11-01T07:00:00Z");
        // An ordinary evening of either day ends by the clock that the contact sees.
        assert_eq!(closes(540, 1_200, "2026-03-08T23:00:00Z"), "2026-03-09T00:00:00Z");
        assert_eq!(closes(540, 1_200, "2026-11-01T23:00:00Z"), "2026-11-02T01:00:00Z");
    }

    #[test]
    fn what_is_too_late_for_this_window_goes_with_the_next() {
        let miami = of("+13055550134");
        let opening = |from| opening(&miami.zones, &miami.rules, Some(&Hours::default()), at(from)).unwrap();
        assert_eq!(opening("2026-11-25T00:59:30Z"), at("2026-11-25T00:59:30Z"));
        assert_eq!(opening("2026-11-25T00:59:30.5Z"), at("2026-11-25T14:00:00Z"));
        assert_eq!(opening("2026-11-25T04:00:00Z"), at("2026-11-25T14:00:00Z"));
        // Where the law leaves it open for longer, the last second of the own hours will do.
        let new_york = of("+12125550134");
        let last = at("2026-11-25T00:59:59Z");
        assert_eq!(super::opening(&new_york.zones, &new_york.rules, Some(&Hours::default()), last), Some(last));
    }

    #[test]
    fn an_answer_may_be_delivered_while_it_is_one_and_a_little_longer() {
        let now = at("2026-11-25T04:00:00Z");
        assert_eq!(of_answer(at("2026-11-25T04:30:00Z"), now), at("2026-11-25T04:30:00Z"));
        assert_eq!(of_answer(at("2026-11-25T04:00:01Z"), now), at("2026-11-25T04:05:00Z"));
        assert_eq!(of_answer(at("2026-11-26T04:00:00Z"), now), at("2026-11-25T08:00:00Z"));
    }

    proptest! {
        #[test]
        fn until_the_end_every_second_is_open_by_law_and_the_end_is_the_first_that_is_not(
            now in 1_767_225_600_i64..1_900_000_000, area in 0usize..469, start in 0u16..1_300, length in 60u16..700,
        ) {
            let candidates = of(&format!("+1{}5550134", crate::areas::all()[area].code));
            let hours = Hours::new(start, (start + length).min(1_440), &days()).unwrap();
            let now = Timestamp::from_second(now).unwrap();
            let is_open = |at| window::is_open(&candidates.zones, &candidates.rules, Some(&hours), at);
            let is_legal = |at| window::is_open(&candidates.zones, &candidates.rules, None, at);
            let Some(until) = in_window(&candidates.zones, &candidates.rules, Some(&hours), now) else {
                let soon = later(now, LEAST);
                prop_assert!(!is_open(now) || !is_legal(soon));
                return Ok(());
            };
            prop_assert!(is_open(now) && later(now, LEAST) <= until && until <= later(now, LONGEST));
            let minute = SignedDuration::from_mins(1);
            let mut at = now;
            while at < until {
                prop_assert!(is_legal(at), "{} is closed by law", at);
                prop_assert!(is_open(at) || at < later(now, GRACE), "{} is outside of the own hours", at);
                at = later(at, minute);
            }
            prop_assert!(until == later(now, LONGEST) || until == later(now, GRACE) || !is_open(until));
        }
    }
}
