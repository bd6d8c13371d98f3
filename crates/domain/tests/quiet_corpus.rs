//! Every row of `testdata/quiet_cases.jsonl`, and the next opening against a slow oracle.

#![allow(clippy::unwrap_used)]

use domain::areas;
use domain::holidays;
use domain::rules::{self, RuleCode};
use domain::states;
use domain::window::{Hours, is_open, next_open};
use domain::zones::Zone;
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn every_row_is_allowed_or_not_and_opens_next_as_worked_out() {
    let (mut seen, mut on_holidays) = (0, 0);
    for line in include_str!("../testdata/quiet_cases.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let zones: Vec<Zone> = texts(&row["zones"]).into_iter().map(|name| Zone::named(name).unwrap()).collect();
        let codes: Vec<RuleCode> = texts(&row["rules"]).into_iter().map(|code| code.parse().unwrap()).collect();
        let at: Timestamp = row["utc"].as_str().unwrap().parse().unwrap();
        let allowed = is_open(&zones, &codes, None, at);
        let next = next_open(&zones, &codes, None, at).unwrap();
        // The cases were worked out by weekly windows alone: where they come to a legal holiday, it is later.
        let worked: Timestamp = row["next_utc"].as_str().unwrap_or(row["utc"].as_str().unwrap()).parse().unwrap();
        if zones.iter().any(|zone| holidays::closed(&codes, zone.local(worked).date()).is_some()) {
            assert!(next > worked && !allowed, "{line}");
            (seen, on_holidays) = (seen + 1, on_holidays + 1);
            continue;
        }
        assert_eq!(Value::from(allowed), row["allowed"], "{line}");
        assert_eq!(next == at, allowed, "{line}");
        let next = (!allowed).then(|| next.to_string());
        assert_eq!(next.as_deref(), row["next_utc"].as_str(), "{line}");
        seen += 1;
    }
    assert_eq!((seen, on_holidays), (780, 13));
}

/// Asks the wall clock of each zone minute by minute, through jiff's own calendar.
fn oracle(zones: &[Zone], codes: &[RuleCode], hours: Option<&Hours>, at: Timestamp, minutes: i64) -> Option<Timestamp> {
    let open = |at: Timestamp| {
        zones.iter().all(|zone| {
            let local = zone.local(at);
            let day = usize::from(local.weekday().to_monday_zero_offset().unsigned_abs());
            let minute = local.hour() as u16 * 60 + local.minute() as u16;
            let inside = |week: &rules::Week| week.0[day].is_some_and(|span| span.start <= minute && minute < span.end);
            holidays::closed(codes, local.date()).is_none()
                && codes.iter().all(|code| inside(&code.rule().windows))
                && hours.is_none_or(|hours| inside(&hours.week()))
        })
    };
    let whole = Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap();
    let later = (1..minutes).map(|minute| whole + SignedDuration::from_mins(minute));
    std::iter::once(at).chain(later).find(|at| open(*at))
}

/// Days of clock changes in 2026 and 2027, in seconds: New York, London, Lord Howe (half an hour), Chatham.
const CHANGES: [i64; 8] = [
    1_772_953_200,
    1_793_512_800,
    1_774_746_000,
    1_792_890_000,
    1_775_314_800,
    1_791_039_600,
    1_775_311_200,
    1_790_431_200,
];

fn zone() -> impl Strategy<Value = Zone> {
    let odd = [
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "America/St_Johns",
        "Africa/Casablanca",
        "Europe/London",
        "Antarctica/Troll",
    ];
    let known: Vec<Zone> =
        states::all().iter().flat_map(|state| state.zones.clone()).chain(areas::anywhere("US").to_vec()).collect();
    let odd: Vec<Zone> = odd.iter().map(|name| Zone::named(name).unwrap()).collect();
    prop_oneof![3 => proptest::sample::select(known), 1 => proptest::sample::select(odd)]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    let near_change =
        (proptest::sample::select(CHANGES.to_vec()), -100_000_i64..100_000).prop_map(|(day, by)| day + by);
    let seconds = prop_oneof![1_767_225_600_i64..1_830_000_000, near_change];
    (seconds, 0..1_000_000_000).prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn hours() -> impl Strategy<Value = Option<Hours>> {
    let days = proptest::collection::vec(0i8..7, 1..7);
    let some = (0u16..1439, 1u16..1440, days).prop_filter_map("a start before its end", |(start, length, days)| {
        let days: Vec<Weekday> = days.into_iter().map(|day| Weekday::from_monday_zero_offset(day).unwrap()).collect();
        Hours::new(start, (start + length).min(1440), &days).ok()
    });
    proptest::option::of(some)
}

fn codes() -> impl Strategy<Value = Vec<RuleCode>> {
    let all: Vec<RuleCode> = rules::all().iter().map(|rule| rule.code).collect();
    proptest::collection::vec(proptest::sample::select(all), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_next_opening_is_the_one_that_a_minute_by_minute_search_finds(
        zones in proptest::collection::vec(zone(), 1..4), codes in codes(), hours in hours(), at in instant(),
    ) {
        let fast = next_open(&zones, &codes, hours.as_ref(), at);
        let slow = oracle(&zones, &codes, hours.as_ref(), at, 10 * 24 * 60);
        match (fast, slow) {
            (fast, Some(slow)) => prop_assert_eq!(fast, Some(slow)),
            // The oracle looks less far.
            (Some(fast), None) => prop_assert!(fast.duration_since(at) > SignedDuration::from_hours(9 * 24)),
            (None, None) => {}
        }
        if let Some(next) = fast {
            prop_assert!(next >= at);
            prop_assert!(is_open(&zones, &codes, hours.as_ref(), next));
            prop_assert_eq!(next_open(&zones, &codes, hours.as_ref(), next), Some(next));
            prop_assert_eq!(is_open(&zones, &codes, hours.as_ref(), at), next == at);
        }
    }
}
