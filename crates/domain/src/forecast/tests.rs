//! The forecast against days that were worked out by hand, and against a sender of one message after the other.

use jiff::civil::Weekday;
use proptest::prelude::*;

use super::*;
use crate::pace;
use crate::phone::Phone;
use crate::zones::{self, Place};

const NOW: &str = "2026-11-24T15:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn hours() -> Hours {
    let week = [1, 2, 3, 4, 5, 6, 7].map(|day| Weekday::from_monday_one_offset(day).unwrap());
    Hours::new(9 * 60, 20 * 60, &week).unwrap()
}

fn place(zone: &str) -> Candidates {
    let place = Place { zone: Some(zone), state: None, zip: None, phone: Phone::stored("+12125550100").unwrap() };
    zones::candidates(&place, None).unwrap()
}

fn meter(per_minute: i64, per_day: i64) -> Meter {
    let zero = Timestamp::UNIX_EPOCH;
    let pace = Pace { per_minute, per_day, day: pace::Day::Rolling, paced_until: zero, day_until: zero, day_count: 0 };
    Meter { pace, unit: Unit::Segments }
}

fn group(contacts: i64, each: &[i64]) -> Group {
    let segments = each.iter().map(|each| each * contacts).collect();
    let (meters, place, gaps) = (vec![0], place("America/New_York"), Arc::from([]));
    Group { meters, place, due: now(), contacts, segments, gaps, is_told: true }
}

/// Ten in the morning of a Tuesday in New York.
fn told(groups: Vec<Group>, gaps: &[u16], meters: Vec<Meter>) -> Forecast {
    let zone = Zone::named("America/New_York").unwrap();
    let gaps = Arc::<[u16]>::from(gaps);
    let all = groups.into_iter().map(|group| Group { gaps: Arc::clone(&gaps), ..group });
    forecast(&Course { hours: &hours(), zone: &zone, now: now() }, all.collect(), meters)
}

fn days(told: &Forecast) -> Vec<(i8, i64, i64, i64)> {
    let row = |(date, day): (&Date, &Day)| (date.day(), day.starts, day.messages, day.segments);
    told.days.iter().map(row).collect()
}

#[test]
fn without_a_limit_everything_goes_on_the_days_of_the_schedule() {
    let told = told(vec![group(1_000, &[1, 2, 1])], &[0, 2, 5], vec![meter(0, 0)]);
    assert_eq!(days(&told), [(24, 1_000, 1_000, 1_000), (26, 0, 1_000, 2_000), (1, 0, 1_000, 1_000)].map(|day| day));
    assert_eq!(told.last_at, Some("2026-12-01T15:00:00Z".parse().unwrap()));
    assert_eq!(told.beyond, 0);
}

#[test]
fn what_a_number_cannot_take_today_goes_tomorrow_and_its_next_message_a_day_later_too() {
    // 250 contacts, a hundred segments a day: the second message of each is due a week after its first.
    let told = told(vec![group(250, &[1, 1])], &[0, 7], vec![meter(0, 100)]);
    let expected = [
        (24, 100, 100, 100),
        (25, 100, 100, 100),
        (26, 50, 50, 50),
        (1, 0, 100, 100),
        (2, 0, 100, 100),
        (3, 0, 50, 50),
    ];
    assert_eq!(days(&told), expected);
}

#[test]
fn a_pace_that_the_open_hours_do_not_hold_goes_on_in_the_next_ones() {
    // One a minute from ten to eight: 600 today, then eleven hours a day.
    let told = told(vec![group(1_500, &[1])], &[0], vec![meter(1, 0)]);
    assert_eq!(days(&told), [(24, 600, 600, 600), (25, 660, 660, 660), (26, 240, 240, 240)]);
}

#[test]
fn numbers_share_what_their_campaign_may_send() {
    let groups = vec![Group { meters: vec![0, 2], ..group(60, &[1]) }, Group { meters: vec![1, 2], ..group(60, &[1]) }];
    let told = told(groups, &[0], vec![meter(0, 0), meter(0, 0), meter(0, 100)]);
    assert_eq!(days(&told), [(24, 100, 100, 100), (25, 20, 20, 20)]);
}

#[test]
fn a_workspace_is_paced_in_messages() {
    let meters = vec![Meter { unit: Unit::Messages, ..meter(0, 100) }];
    let told = told(vec![group(150, &[2])], &[0], meters);
    assert_eq!(days(&told), [(24, 100, 100, 200), (25, 50, 50, 100)]);
}

#[test]
fn days_are_those_of_the_zone_that_is_asked_for() {
    let late =
        Group { place: place("Pacific/Honolulu"), due: "2026-11-25T05:30:00Z".parse().unwrap(), ..group(1, &[1]) };
    // Half past seven in the evening there, half past midnight here.
    assert_eq!(days(&told(vec![late], &[0], vec![meter(0, 0)])), [(25, 1, 1, 1)]);
}

#[test]
fn what_goes_later_than_three_years_is_counted_and_no_day_is_named_for_it() {
    let told = told(vec![group(5_000, &[1])], &[0], vec![meter(0, 1)]);
    let sent: i64 = told.days.values().map(|day| day.messages).sum();
    assert!((1_000..1_200).contains(&sent) && sent + told.beyond == 5_000, "{sent} and {}", told.beyond);
}

#[test]
fn what_is_planned_already_goes_before_what_is_due_later_and_is_not_told() {
    let later = now().checked_add(SignedDuration::from_mins(30)).unwrap();
    let planned = || Group { is_told: false, ..group(150, &[1, 1]) };
    let ours = || Group { due: later, ..group(100, &[1]) };
    let limit = || vec![meter(0, 100)];
    let alone = told(vec![ours()], &[0, 1], limit());
    assert_eq!(days(&alone), [(24, 100, 100, 100)]);
    // A hundred of theirs today; tomorrow their other fifty first, who have waited, then ours with the second ones of the first hundred.
    let both = told(vec![planned(), ours()], &[0, 1], limit());
    assert_eq!(both.days.values().map(|day| day.messages).sum::<i64>(), 100);
    assert_eq!(days(&both)[0], (25, 50, 50, 50), "{:?}", days(&both));
    assert_eq!(both.beyond, 0);
    let nothing = told(vec![planned()], &[0, 1], limit());
    assert_eq!((days(&nothing), nothing.last_at, nothing.beyond), (Vec::new(), None, 0));
}

/// One message at a time, each at the very instant at which the pace has room.
fn one_by_one(contacts: i64, each: &[i64], gaps: &[u16], mut meter: Meter) -> BTreeMap<Date, i64> {
    let (zone, place, hours) = (Zone::named("America/New_York").unwrap(), place("America/New_York"), hours());
    let mut waiting: BTreeMap<(Timestamp, Timestamp, i64, usize), Time> =
        (0..contacts).map(|contact| ((now(), now(), contact, 0), Time::midnight())).collect();
    let mut sent = BTreeMap::new();
    while let Some(((at, due, contact, step), hour)) = waiting.pop_first() {
        let open = deadline::opening(&place.zones, &place.rules, Some(&hours), at).unwrap();
        let free = meter.pace.free_at(each[step], open).max(open);
        if free > at {
            waiting.insert((free, due, contact, step), hour);
            continue;
        }
        meter.pace = meter.pace.after(each[step], at);
        let local = zone.local(at);
        *sent.entry(local.date()).or_insert(0) += 1;
        let hour = if step == 0 { Time::constant(local.hour(), local.minute(), 0, 0) } else { hour };
        if step + 1 < each.len() {
            let due = schedule::next_due(at, hour, gaps[step + 1], &place, Some(&hours)).unwrap().due;
            waiting.insert((due, due, contact, step + 1), hour);
        }
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_comes_close_to_what_each_message_does_alone(
        contacts in 1i64..400,
        each in proptest::collection::vec(1i64..=2, 1..4),
        per_minute in prop_oneof![Just(0i64), 1i64..5],
        per_day in prop_oneof![Just(0i64), 40i64..300],
        gap in 1u16..6,
    ) {
        let gaps = vec![gap; each.len()];
        let exact = one_by_one(contacts, &each, &gaps, meter(per_minute, per_day));
        let told = told(vec![group(contacts, &each)], &gaps, vec![meter(per_minute, per_day)]);
        let all: i64 = told.days.values().map(|day| day.messages).sum();
        prop_assert_eq!(all, contacts * i64::try_from(each.len()).unwrap());
        prop_assert_eq!(told.days.values().map(|day| day.starts).sum::<i64>(), contacts);
        let segments: i64 = told.days.values().map(|day| day.segments).sum();
        prop_assert_eq!(segments, contacts * each.iter().sum::<i64>());
        // Never far from it: what has gone by the end of each day differs by a slice of the pace, or, where long and short messages meet
        // at the end of a day's limit, by a part of it.
        let (mut here, mut there) = (0, 0);
        let near = 2 * (10 * per_minute).max(4) + per_day / 4;
        for date in told.days.keys().chain(exact.keys()).collect::<std::collections::BTreeSet<_>>() {
            here += told.days.get(date).map_or(0, |day| day.messages);
            there += exact.get(date).copied().unwrap_or(0);
            prop_assert!((here - there).abs() <= near, "{date}: {here} and {there}: {:?} {:?}", days(&told), exact);
        }
    }
}
