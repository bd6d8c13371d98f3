//! Area codes of the North American Numbering Plan: country, states and candidate zones of each.
//!
//! The table is `data/areas.csv`; a new overlay is one new line there. libphonenumber's own zone map
//! is not used: where an area code is split it gives one default, often the minority's.

use std::sync::LazyLock;

use crate::states::{self, State};
use crate::zones::Zone;

/// Where the phones of one area code are.
#[derive(Debug)]
pub struct Area {
    /// The three digits, 200 to 999.
    pub code: u16,
    /// The country in ISO 3166 letters; a territory of the United States is `US`.
    pub country: &'static str,
    /// The states or provinces that it serves; empty for other countries and for codes of no place.
    pub states: Vec<&'static State>,
    /// Every zone in which such a phone may be; empty for toll-free and other codes of no place.
    pub zones: Vec<Zone>,
    /// The zone where most of its people live; none for codes of no place.
    pub primary: Option<Zone>,
}

static AREAS: LazyLock<Vec<Area>> = LazyLock::new(|| {
    let mut areas: Vec<Area> = states::lines(include_str!("../data/areas.csv")).map(read_line).collect();
    areas.sort_by_key(|area| area.code);
    areas
});

static ANYWHERE_IN_US: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    zones(&[
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "America/Anchorage",
        "Pacific/Honolulu",
    ])
});

static ANYWHERE_IN_CANADA: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let names = ["St_Johns", "Halifax", "Toronto", "Winnipeg", "Regina", "Edmonton", "Vancouver"];
    zones(&names.map(|name| format!("America/{name}")))
});

fn zones<S: AsRef<str>>(names: &[S]) -> Vec<Zone> {
    names.iter().map(|name| Zone::named(name.as_ref()).expect("the zone is in the bundled database")).collect()
}

fn read_line(line: &'static str) -> Area {
    let mut fields = line.split(',');
    let mut field = || fields.next().expect("areas.csv has four fields a line");
    let code = field().parse().expect("areas.csv begins with an area code");
    let country = field();
    let words = |text: &'static str| text.split(' ').filter(|word| !word.is_empty());
    let states = words(field()).map(|code| states::find(code).expect("areas.csv names real states")).collect();
    let names: Vec<&str> = words(field()).collect();
    let zones: Vec<Zone> = zones(&names.iter().map(|name| name.trim_end_matches('*')).collect::<Vec<_>>());
    let marked = names.iter().position(|name| name.ends_with('*')).unwrap_or(0);
    let primary = zones.get(marked).cloned();
    Area { code, country, states, zones, primary }
}

/// All area codes of the table, in order.
pub fn all() -> &'static [Area] {
    &AREAS
}

/// The area of a code; none if it was assigned after the table was made, or never.
pub fn find(code: u16) -> Option<&'static Area> {
    AREAS.binary_search_by_key(&code, |area| area.code).ok().map(|found| &AREAS[found])
}

/// The zones of a phone that may be anywhere in a country: toll-free, personal and unknown codes.
///
/// For the United States the four of the mainland and, since nothing excludes them, Alaska and
/// Hawaii: an open hour must be open everywhere. Canada (600, 622, 633) has its own list.
pub fn anywhere(country: &str) -> &'static [Zone] {
    if country == "CA" { &ANYWHERE_IN_CANADA } else { &ANYWHERE_IN_US }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_the_united_states_and_canada_has_a_state_and_every_state_an_area() {
        for area in all() {
            let has_place = !area.zones.is_empty();
            let is_ours = ["US", "CA"].contains(&area.country);
            assert_eq!(!area.states.is_empty(), has_place && is_ours, "{area:?}");
            assert_eq!(area.primary.is_some(), has_place, "{area:?}");
        }
        for state in states::all() {
            assert!(all().iter().any(|area| area.states.contains(&state)), "{}", state.code);
        }
    }

    #[test]
    fn the_zones_of_an_area_lie_in_its_states() {
        // 867: the table of area codes writes Edmonton for Cambridge Bay, which keeps the clock of the west.
        for area in all().iter().filter(|area| !area.states.is_empty() && area.code != 867) {
            for zone in &area.zones {
                assert!(area.states.iter().any(|state| state.zones.contains(zone)), "{} {}", area.code, zone.name());
            }
        }
    }

    #[test]
    fn well_known_codes_are_where_everybody_knows_them_to_be() {
        let known = [
            (212, "NY"),
            (202, "DC"),
            (305, "FL"),
            (689, "FL"),
            (310, "CA"),
            (312, "IL"),
            (713, "TX"),
            (915, "TX"),
            (404, "GA"),
            (206, "WA"),
            (503, "OR"),
            (602, "AZ"),
            (702, "NV"),
            (801, "UT"),
            (907, "AK"),
            (808, "HI"),
            (787, "PR"),
            (671, "GU"),
            (340, "VI"),
            (684, "AS"),
            (670, "MP"),
            (416, "ON"),
            (514, "QC"),
            (604, "BC"),
            (403, "AB"),
            (709, "NL"),
            (506, "NB"),
            (302, "DE"),
            (401, "RI"),
            (601, "MS"),
            (334, "AL"),
            (502, "KY"),
            (605, "SD"),
            (701, "ND"),
            (802, "VT"),
            (304, "WV"),
        ];
        for (code, state) in known {
            assert_eq!(find(code).unwrap().states[0].code, state, "{code}");
        }
        assert_eq!(find(902).unwrap().states.len(), 2);
        assert_eq!(find(876).unwrap().country, "JM");
        assert!(find(800).unwrap().zones.is_empty());
        assert!(find(199).is_none() && find(457).is_none());
    }
}
