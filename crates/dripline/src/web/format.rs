//! How values are written on pages: one way each.

use std::fmt;

use domain::money::Micros;
use domain::zones::Zone;
use jiff::{SignedDuration, Timestamp};

/// An icon of the set, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Icon(pub(crate) &'static str);

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A message of the engine with a capital letter.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A message of the engine as a whole sentence.
pub(crate) fn sentence(text: &str) -> String {
    format!("{}.", capital(text.trim_end_matches('.')))
}

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(number: impl TryInto<i64>) -> String {
    let number: i64 = number.try_into().unwrap_or(i64::MAX);
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// An amount with its thousands apart and two decimals at least: `$1,204.50`, `$0.0079`.
pub(crate) fn money(amount: Micros) -> String {
    let text = Micros(amount.0.checked_abs().unwrap_or(i64::MAX)).to_string();
    let (dollars, decimals) = text.trim_start_matches('$').split_once('.').unwrap_or((&text, "00"));
    let sign = if amount.0 < 0 { "−" } else { "" };
    format!("{sign}${}.{decimals}", count(dollars.parse::<i64>().unwrap_or(i64::MAX)))
}

/// `1 contact`, `3 contacts`.
pub(crate) fn counted(number: impl TryInto<i64>, one: &str, many: &str) -> String {
    let number: i64 = number.try_into().unwrap_or(i64::MAX);
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A length of time, roughly: `40 seconds`, `3 minutes`, `2 hours`.
pub(crate) fn lasting(seconds: u64) -> String {
    match seconds {
        0..90 => counted(seconds, "second", "seconds"),
        90..5_400 => counted((seconds + 30) / 60, "minute", "minutes"),
        _ => counted((seconds + 1_800) / 3_600, "hour", "hours"),
    }
}

/// A phone as its country writes it: `(212) 555-0123`; what has no such form is written as E.164.
pub(crate) fn phone(e164: &str) -> String {
    let digits = e164.strip_prefix("+1").filter(|digits| digits.len() == 10 && digits.is_ascii());
    digits.map_or_else(|| e164.to_owned(), |digits| format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]))
}

/// A moment, short for people and exact on demand.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Such as `4:12 pm`, `Tue`, `Mar 3`, `Mar 3, 2025`.
    pub(crate) short: String,
    /// Such as `Tue, Mar 3, 2026, 4:12:09 pm EST`.
    pub(crate) exact: String,
    /// RFC 3339, for programs.
    pub(crate) stamp: String,
}

/// A moment as it is written at `now` in this zone.
pub(crate) fn moment(at: Timestamp, now: Timestamp, zone: &Zone) -> Moment {
    let (then, today) = (at.to_zoned_datetime(zone.clock().clone()), now.to_zoned_datetime(zone.clock().clone()));
    let near = now.duration_since(at).abs() < SignedDuration::from_hours(24 * 6);
    let short = match () {
        () if then.date() == today.date() => then.strftime("%-I:%M %P"),
        () if near => then.strftime("%a %-I:%M %P"),
        () if then.year() == today.year() => then.strftime("%b %-d"),
        () => then.strftime("%b %-d, %Y"),
    };
    Moment {
        short: short.to_string(),
        exact: then.strftime("%a, %b %-d, %Y, %-I:%M:%S %P %Z").to_string(),
        stamp: at.to_string(),
    }
}

/// A moment with somebody, which says on hover what their clock shows where that differs from the viewer's.
pub(crate) fn moment_with(at: Timestamp, now: Timestamp, zone: &Zone, theirs: Option<&Zone>) -> Moment {
    let moment = moment(at, now, zone);
    let there = theirs.map(|theirs| theirs.local(at)).filter(|there| *there != zone.local(at));
    let exact = there.map(|there| format!("{}; {} there", moment.exact, there.strftime("%a, %b %-d, %-I:%M %P")));
    Moment { exact: exact.unwrap_or(moment.exact), ..moment }
}

/// A day and an hour to come: `Tue, Mar 3, 4:12 pm`; on hover what their clock shows then.
pub(crate) fn planned(at: Timestamp, zone: &Zone, theirs: Option<&Zone>) -> Moment {
    let short = zone.local(at).strftime("%a, %b %-d, %-I:%M %P").to_string();
    Moment { short, ..moment_with(at, at, zone, theirs) }
}

/// A day in full: `Tuesday, March 3, 2026`.
pub(crate) fn long_day(at: impl Into<jiff::civil::Date>) -> String {
    at.into().strftime("%A, %B %-d, %Y").to_string()
}

/// How long ago or ahead, rounded to the largest unit that says something: `5 min ago`, `in 3 days`, `now`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let apart = seconds.unsigned_abs();
    let text = match apart {
        0..60 => return "now".to_owned(),
        60..3_570 => format!("{} min", (apart + 30) / 60),
        3_570..171_000 => format!("{} h", (apart + 1_800) / 3_600),
        _ => format!("{} days", (apart + 43_200) / 86_400),
    };
    if seconds > 0 { format!("{text} ago") } else { format!("in {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_money_and_phones_are_easy_to_read() {
        assert_eq!([count(0), count(999), count(1_000), count(-1_234_567)], ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!([money(Micros(1_204_500_000)), money(Micros(-7_900))], ["$1,204.50", "−$0.0079"]);
        assert_eq!([counted(1, "contact", "contacts"), counted(2, "contact", "contacts")], ["1 contact", "2 contacts"]);
        assert_eq!([phone("+12125550123"), phone("+442071838750")], ["(212) 555-0123", "+442071838750"]);
        let lengths = [lasting(1), lasting(89), lasting(90), lasting(5_399), lasting(5_400)];
        assert_eq!(lengths, ["1 second", "89 seconds", "2 minutes", "90 minutes", "2 hours"]);
    }

    #[test]
    fn a_moment_is_as_exact_as_it_is_near() {
        let zone = Zone::named("America/New_York").unwrap();
        let now: Timestamp = "2026-03-10T16:00:00Z".parse().unwrap();
        let short = |text: &str| moment(text.parse().unwrap(), now, &zone).short;
        assert_eq!(short("2026-03-10T13:05:00Z"), "9:05 am");
        assert_eq!(short("2026-03-08T20:00:00Z"), "Sun 4:00 pm");
        assert_eq!(short("2026-02-01T20:00:00Z"), "Feb 1");
        assert_eq!(short("2025-02-01T20:00:00Z"), "Feb 1, 2025");
        assert_eq!(moment(now, now, &zone).exact, "Tue, Mar 10, 2026, 12:00:00 pm EDT");
        let (paris, there) = (Zone::named("Europe/Paris").unwrap(), Some(&zone));
        assert_eq!(
            moment_with(now, now, &paris, there).exact,
            "Tue, Mar 10, 2026, 5:00:00 pm CET; Tue, Mar 10, 12:00 pm there"
        );
        assert_eq!(moment_with(now, now, &zone, there).exact, moment(now, now, &zone).exact);
        assert_eq!(planned(now, &paris, there).short, "Tue, Mar 10, 5:00 pm");
        assert_eq!(ago("2026-03-10T15:55:00Z".parse().unwrap(), now), "5 min ago");
        assert_eq!(ago("2026-03-13T16:00:01Z".parse().unwrap(), now), "in 3 days");
        assert_eq!(ago("2026-03-13T15:59:50Z".parse().unwrap(), now), "in 3 days", "ten seconds are not a day");
    }
}
