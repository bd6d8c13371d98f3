//! Time zones to choose from: those of most customers by the names that they use, then all.

use domain::zones::Zone;

/// One zone of a list.
pub(crate) struct ZoneChoice {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) chosen: bool,
}

/// Zones under one heading.
pub(crate) struct ZoneGroup {
    pub(crate) name: &'static str,
    pub(crate) zones: Vec<ZoneChoice>,
}

const COMMON: [(&str, &str); 11] = [
    ("America/New_York", "Eastern (New York)"),
    ("America/Chicago", "Central (Chicago)"),
    ("America/Denver", "Mountain (Denver)"),
    ("America/Phoenix", "Arizona (Phoenix)"),
    ("America/Los_Angeles", "Pacific (Los Angeles)"),
    ("America/Anchorage", "Alaska (Anchorage)"),
    ("Pacific/Honolulu", "Hawaii (Honolulu)"),
    ("America/Puerto_Rico", "Atlantic (Puerto Rico)"),
    ("America/Halifax", "Atlantic (Halifax)"),
    ("America/St_Johns", "Newfoundland (St. John’s)"),
    ("America/Vancouver", "Pacific (Vancouver)"),
];

/// All zones, with the chosen one marked once.
pub(crate) fn groups(chosen: &str) -> Vec<ZoneGroup> {
    let is = |name: &str| name.eq_ignore_ascii_case(chosen);
    let common = COMMON.iter().map(|(name, label)| ZoneChoice { name, label: (*label).to_owned(), chosen: is(name) });
    let others = Zone::names().into_iter().filter(|name| COMMON.iter().all(|(common, _)| common != name));
    let others = others.map(|name| ZoneChoice { name, label: name.replace('_', " "), chosen: is(name) });
    vec![
        ZoneGroup { name: "United States and Canada", zones: common.collect() },
        ZoneGroup { name: "All others", zones: others.collect() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_there_once_and_the_chosen_one_is_marked() {
        let groups = groups("america/chicago");
        let all: Vec<_> = groups.iter().flat_map(|group| &group.zones).collect();
        let chosen: Vec<_> = all.iter().filter(|zone| zone.chosen).map(|zone| zone.name).collect();
        assert_eq!(chosen, ["America/Chicago"]);
        let names: std::collections::BTreeSet<_> = all.iter().map(|zone| zone.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(names.contains("Europe/Berlin") && names.contains("UTC"));
    }
}
