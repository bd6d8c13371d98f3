//! Periods, ends and warnings, as tables.

use proptest::prelude::*;

use super::*;

fn zone() -> Zone {
    Zone::named("America/New_York").unwrap()
}

fn at(text: &str) -> Timestamp {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    zone().clock().to_ambiguous_timestamp(local).compatible().unwrap()
}

fn terms() -> Terms {
    let (price, rate) = (Micros(29_000_000), Micros(15_000));
    Terms { price, credits: 1_000, rate, numbers: Some(2), trial_days: 14, grace_days: 7 }
}

#[test]
fn terms_keep_to_their_limits_and_say_which_do_not() {
    assert_eq!(terms().check(), Ok(()));
    assert_eq!(Terms { numbers: None, trial_days: 0, grace_days: 0, ..terms() }.check(), Ok(()));
    let wrong = [
        (Terms { price: Micros(-1), ..terms() }, TermsError::Price(Micros(-1))),
        (Terms { credits: MAX_CREDITS + 1, ..terms() }, TermsError::Credits(MAX_CREDITS + 1)),
        (Terms { rate: Micros(MAX_RATE.0 + 1), ..terms() }, TermsError::Rate(Micros(MAX_RATE.0 + 1))),
        (Terms { numbers: Some(0), ..terms() }, TermsError::Numbers(0)),
        (Terms { trial_days: 91, ..terms() }, TermsError::Days { what: "trial", days: 91, most: 90 }),
        (Terms { grace_days: -1, ..terms() }, TermsError::Days { what: "grace", days: -1, most: 27 }),
    ];
    for (terms, error) in wrong {
        assert_eq!(terms.check(), Err(error));
    }
}

#[test]
fn a_month_ends_on_the_day_that_it_began_on_or_on_its_last() {
    let mut course = Course::begin(0, &zone(), at("2026-01-31T10:00:00"));
    let mut ends = Vec::new();
    for _ in 0..4 {
        let until = course.period.until;
        ends.push(zone().local(until).to_string());
        let Some(Due::Renew(period)) = course.due(&zone(), until) else { panic!("a period that is over is renewed") };
        assert_eq!(period.from, until);
        course = course.renewed(period);
    }
    assert_eq!(ends, ["2026-02-28T00:00:00", "2026-03-31T00:00:00", "2026-04-30T00:00:00", "2026-05-31T00:00:00"]);
}

#[test]
fn a_trial_is_followed_by_the_first_month_from_its_end_on() {
    let course = Course::begin(14, &zone(), at("2026-10-20T15:30:00"));
    assert_eq!(course.standing, Standing::Trialing);
    assert_eq!((course.period.number, course.period.until), (0, at("2026-11-03T00:00:00")));
    assert_eq!(course.due(&zone(), at("2026-11-02T23:59:59")), None);
    let first = Period { number: 1, from: at("2026-11-03T00:00:00"), until: at("2026-12-03T00:00:00") };
    assert_eq!(course.due(&zone(), at("2026-11-03T00:00:00")), Some(Due::Renew(first)));
}

#[test]
fn months_that_nobody_served_are_left_out() {
    let course = Course::begin(0, &zone(), at("2026-01-15T08:00:00"));
    let Some(Due::Renew(period)) = course.due(&zone(), at("2026-06-20T12:00:00")) else { panic!("it is renewed") };
    let expected = Period { number: 6, from: at("2026-06-15T00:00:00"), until: at("2026-07-15T00:00:00") };
    assert_eq!(period, expected);
}

#[test]
fn what_is_owed_goes_on_until_its_grace_is_over() {
    let course = Course::begin(0, &zone(), at("2026-03-01T09:00:00"));
    let Some(Due::Renew(period)) = course.due(&zone(), course.period.until) else { panic!("it is renewed") };
    let owed = course.owed(period, 7, &zone());
    assert!(owed.standing.serves());
    assert_eq!(owed.ends_at(), Some(at("2026-04-08T00:00:00")));
    // Seven days are within the first warning, so it is given at once.
    assert_eq!(owed.due(&zone(), period.from), Some(Due::Warn(14)));
    let warned = Course { warned: 14, ..owed };
    assert_eq!(warned.due(&zone(), at("2026-04-04T23:59:59")), None);
    assert_eq!(warned.due(&zone(), at("2026-04-05T00:00:00")), Some(Due::Warn(3)));
    let warned = Course { warned: 3, ..owed };
    assert_eq!(warned.due(&zone(), at("2026-04-07T23:59:59")), None);
    assert_eq!(warned.due(&zone(), at("2026-04-08T00:00:00")), Some(Due::End));
    assert_eq!(owed.recovered().ends_at(), None);
    assert_eq!(course.owed(period, 0, &zone()).due(&zone(), period.from), Some(Due::End));
}

#[test]
fn a_canceled_plan_runs_to_the_end_of_its_period_and_is_announced_twice() {
    let course = Course::begin(0, &zone(), at("2026-05-10T09:00:00")).canceled();
    assert_eq!(course.due(&zone(), at("2026-05-26T23:59:59")), None);
    assert_eq!(course.next_at(), Some(at("2026-05-27T00:00:00")));
    assert_eq!(course.due(&zone(), at("2026-05-27T00:00:00")), Some(Due::Warn(14)));
    // Whoever cancels late is told once, of the nearer.
    assert_eq!(course.due(&zone(), at("2026-06-08T00:00:00")), Some(Due::Warn(3)));
    let warned = Course { warned: 3, ..course };
    assert_eq!((warned.due(&zone(), at("2026-06-09T12:00:00")), warned.next_at()), (None, Some(course.period.until)));
    assert_eq!(warned.due(&zone(), course.period.until), Some(Due::End));
    assert_eq!(course.resumed().ends_at(), None);
    let over = warned.over();
    assert_eq!((over.due(&zone(), course.period.until), over.standing.serves()), (Some(Due::Close), false));
}

#[test]
fn whoever_owes_and_cancels_ends_at_once() {
    let course = Course::begin(0, &zone(), at("2026-05-10T09:00:00"));
    let owed = course.owed(course.following(&zone(), course.period.until), 7, &zone());
    assert_eq!(owed.canceled().standing, Standing::Closing);
}

proptest! {
    #[test]
    fn periods_follow_each_other_without_a_gap_and_hold_the_instant_at_which_they_begin(
        begin in 1_700_000_000i64..1_900_000_000, trial in 0i64..=90, hops in proptest::collection::vec(0i64..90 * 86_400, 1..40)
    ) {
        let zone = zone();
        let mut now = Timestamp::from_second(begin).unwrap();
        let mut course = Course::begin(trial, &zone, now);
        for hop in hops {
            now = now.saturating_add(SignedDuration::from_secs(hop)).unwrap();
            if let Some(due) = course.due(&zone, now) {
                let Due::Renew(period) = due else { panic!("nobody has canceled: {due:?}") };
                prop_assert!(period.from >= course.period.until && period.number > course.period.number);
                prop_assert!(period.from <= now && now < period.until, "{period:?} at {now}");
                let days = period.until.duration_since(period.from).as_hours() / 24;
                prop_assert!((27..=31).contains(&days), "{days} days");
                course = course.renewed(period);
            }
            prop_assert_eq!(course.due(&zone, now), None);
            prop_assert_eq!(course.next_at(), Some(course.period.until));
        }
    }
}
