//! ZIP and postal codes: from what a person typed to a state, and to one zone where that is certain.
//!
//! The table is `data/zip.csv` (prefixes of the postal service); Canadian codes go by their first
//! letter. A ZIP says where its owner gets mail, which is the best that we know about where they live.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::states::{self, State};
use crate::zones::Zone;

/// Where a ZIP or postal code is.
#[derive(Debug)]
pub struct Mail {
    /// The state or province.
    pub state: &'static State,
    /// Its candidate zones, the most populous first: one where that is certain, else all of the state.
    pub zones: Vec<Zone>,
}

/// First letters of Canadian postal codes, with the zone where one is certain. `X` is two territories.
const LETTERS: [(char, &str, Option<&str>); 17] = [
    ('A', "NL", None),
    ('B', "NS", None),
    ('C', "PE", None),
    ('E', "NB", None),
    ('G', "QC", None),
    ('H', "QC", Some("America/Toronto")),
    ('J', "QC", Some("America/Toronto")),
    ('K', "ON", Some("America/Toronto")),
    ('L', "ON", Some("America/Toronto")),
    ('M', "ON", Some("America/Toronto")),
    ('N', "ON", Some("America/Toronto")),
    ('P', "ON", None),
    ('R', "MB", None),
    ('S', "SK", None),
    ('T', "AB", None),
    ('V', "BC", None),
    ('Y', "YT", None),
];

/// By prefix; none for prefixes that are known to have no state (military posts).
static PREFIXES: LazyLock<HashMap<String, Option<Mail>>> = LazyLock::new(|| {
    states::lines(include_str!("../data/zip.csv")).flat_map(read_line).chain(LETTERS.iter().map(read_letter)).collect()
});

fn read_line(line: &'static str) -> Vec<(String, Option<Mail>)> {
    let mut fields = line.split(',');
    let mut field = || fields.next().expect("zip.csv has three fields a line");
    let (range, state, zone) = (field(), field(), field());
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| text.parse::<u32>().expect("zip.csv begins with a range of prefixes");
    let width = first.len();
    let zone = Some(zone).filter(|zone| !zone.is_empty());
    (number(first)..=number(last)).map(|prefix| (format!("{prefix:0width$}"), mail(state, zone))).collect()
}

fn read_letter((letter, state, zone): &(char, &str, Option<&str>)) -> (String, Option<Mail>) {
    (letter.to_string(), mail(state, *zone))
}

fn mail(state: &str, zone: Option<&str>) -> Option<Mail> {
    let state = states::find(state)?;
    let pinned = zone.map(|zone| vec![Zone::named(zone).expect("the table names real zones")]);
    Some(Mail { state, zones: pinned.unwrap_or_else(|| state.zones.clone()) })
}

/// The code as the postal service writes it: `07030`, or `K1A 0B1` (or its first three, `K1A`).
///
/// Takes ZIP+4, a float's `.0` and the leading zeros that spreadsheets drop. None for anything else.
pub fn read(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['\'', '"', '\u{2019}']).trim_end_matches(".0");
    if let Some((zip, plus)) =
        text.split_once(['-', ' ']).filter(|(zip, _)| zip.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let is_plus_four = plus.len() == 4 && plus.bytes().all(|byte| byte.is_ascii_digit());
        return Some(zip).filter(|_| is_plus_four).and_then(padded);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let without_plus_four = if text.len() > 6 { text.get(..text.len() - 4)? } else { text };
        return padded(without_plus_four);
    }
    canadian(text)
}

/// Five digits from three to five: `501` is 00501, `7030` is 07030.
fn padded(digits: &str) -> Option<String> {
    (3..=5).contains(&digits.len()).then(|| format!("{digits:0>5}"))
}

fn canadian(text: &str) -> Option<String> {
    let code: Vec<char> =
        text.chars().filter(|char| !matches!(char, ' ' | '-')).map(|char| char.to_ascii_uppercase()).collect();
    let fits = code
        .iter()
        .enumerate()
        .all(|(place, char)| if place % 2 == 0 { char.is_ascii_uppercase() } else { char.is_ascii_digit() });
    match code.len() {
        3 if fits => Some(code.iter().collect()),
        6 if fits => Some(format!("{} {}", code[..3].iter().collect::<String>(), code[3..].iter().collect::<String>())),
        _ => None,
    }
}

/// Where a typed ZIP or postal code is; none if it is unreadable, not assigned or a military post.
pub fn find(text: &str) -> Option<&'static Mail> {
    let code = read(text)?;
    let longest_first = [5, 4, 3, 1].into_iter();
    longest_first.filter_map(|length| PREFIXES.get(code.get(..length)?)).next()?.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Option<(&'static str, Vec<&'static str>)> {
        find(text).map(|mail| (mail.state.code, mail.zones.iter().map(Zone::name).collect()))
    }

    #[test]
    fn what_people_and_spreadsheets_write_is_read() {
        let typed = [
            ("07030", "07030"),
            ("7030", "07030"),
            ("501", "00501"),
            ("7030.0", "07030"),
            ("07030-1234", "07030"),
            ("070301234", "07030"),
            ("70301234", "07030"),
            ("5011234", "00501"),
            (" 90210 ", "90210"),
            ("'02139", "02139"),
            ("k1a0b1", "K1A 0B1"),
            ("K1A-0B1", "K1A 0B1"),
            ("H2X", "H2X"),
        ];
        for (text, zip) in typed {
            assert_eq!(read(text).as_deref(), Some(zip), "{text}");
        }
        for text in ["", "12", "123456", "1234567890", "9021O", "K1A 0B", "ABC", "90210-12", "902 10", "é1a"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_longest_prefix_decides() {
        let known = [
            ("10001", "NY"),
            ("07030", "NJ"),
            ("00501", "NY"),
            ("00901", "PR"),
            ("00802", "VI"),
            ("02139", "MA"),
            ("06390", "NY"),
            ("06830", "CT"),
            ("20001", "DC"),
            ("20101", "VA"),
            ("33101", "FL"),
            ("60601", "IL"),
            ("73301", "TX"),
            ("75001", "TX"),
            ("88510", "TX"),
            ("87101", "NM"),
            ("96701", "HI"),
            ("96799", "AS"),
            ("96910", "GU"),
            ("96950", "MP"),
            ("99501", "AK"),
            ("83414", "WY"),
            ("83201", "ID"),
            ("39901", "GA"),
        ];
        for (zip, state) in known {
            assert_eq!(find(zip).map(|mail| mail.state.code), Some(state), "{zip}");
        }
        for zip in ["09009", "34010", "96201", "96940", "00001", "21301"] {
            assert!(find(zip).is_none(), "{zip}");
        }
    }

    #[test]
    fn a_zone_is_pinned_only_where_it_is_certain() {
        assert_eq!(place("32501"), Some(("FL", vec!["America/Chicago"])));
        assert_eq!(place("32401"), Some(("FL", vec!["America/New_York", "America/Chicago"])));
        assert_eq!(place("33101"), Some(("FL", vec!["America/New_York"])));
        assert_eq!(place("79901"), Some(("TX", vec!["America/Chicago", "America/Denver"])));
        assert_eq!(place("H2X 1Y4"), Some(("QC", vec!["America/Toronto"])));
        assert_eq!(place("P7A 1A1"), Some(("ON", vec!["America/Toronto", "America/Winnipeg"])));
        assert_eq!(place("X1A 1A1"), None);
        for mail in PREFIXES.values().flatten() {
            assert!(mail.zones.iter().all(|zone| mail.state.zones.contains(zone)), "{mail:?}");
        }
    }

    #[test]
    fn every_state_has_a_zip() {
        for state in states::all().iter().filter(|state| !["NT", "NU"].contains(&state.code)) {
            assert!(PREFIXES.values().flatten().any(|mail| mail.state == state), "{}", state.code);
        }
    }
}
