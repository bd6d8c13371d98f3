//! States, districts, territories and provinces: codes, names, zones, and what people type for them.
//!
//! The table is `data/states.csv`. Only the United States and Canada are in it.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::zones::Zone;

/// A country whose states are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Country {
    /// The United States with its territories.
    UnitedStates,
    /// Canada.
    Canada,
}

/// A state of the United States (or its district, or a territory) or a province of Canada.
#[derive(Debug)]
pub struct State {
    /// The two letters of the postal service, unique over both countries.
    pub code: &'static str,
    /// The English name.
    pub name: &'static str,
    /// Where it lies.
    pub country: Country,
    /// Every zone in which a part of it lies, the most populous first.
    pub zones: Vec<Zone>,
    spellings: Vec<&'static str>,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for State {}

static STATES: LazyLock<Vec<State>> =
    LazyLock::new(|| lines(include_str!("../data/states.csv")).map(read_line).collect());

static SPELLINGS: LazyLock<HashMap<String, &'static State>> = LazyLock::new(|| {
    let spellings = |state: &'static State| [state.code, state.name].into_iter().chain(state.spellings.iter().copied());
    STATES.iter().flat_map(|state| spellings(state).map(move |text| (folded(text), state))).collect()
});

/// The lines of a data file that are not comments.
pub(crate) fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn read_line(line: &'static str) -> State {
    let mut fields = line.split(',');
    let mut field = || fields.next().expect("states.csv has five fields a line");
    State {
        code: field(),
        name: field(),
        country: if field() == "US" { Country::UnitedStates } else { Country::Canada },
        zones: field().split(' ').map(|name| Zone::named(name).expect("states.csv names real zones")).collect(),
        spellings: field().split(';').filter(|text| !text.is_empty()).collect(),
    }
}

/// Letters only, without case and accents of Latin-1, so that `N. Mex.` and `n mex` are one spelling.
fn folded(text: &str) -> String {
    let letters = text.chars().filter(|char| char.is_alphabetic()).flat_map(char::to_lowercase);
    letters.map(|char| if matches!(char, 'é' | 'è') { 'e' } else { char }).collect()
}

/// All of them, in the order of the data file: states, territories, provinces.
pub fn all() -> &'static [State] {
    &STATES
}

/// The state of a code as the postal service writes it, such as `FL` or `ON`.
pub fn find(code: &str) -> Option<&'static State> {
    STATES.iter().find(|state| state.code == code)
}

/// The state that a person means: code, name or a usual abbreviation, whatever case and dots.
///
/// A code of ISO 3166-2 (`US-FL`, `CA-ON`) is understood too.
pub fn read(text: &str) -> Option<&'static State> {
    let upper = text.trim().to_uppercase();
    let bare = [("US-", Country::UnitedStates), ("CA-", Country::Canada)].into_iter().find_map(|(prefix, country)| {
        upper.strip_prefix(prefix).and_then(find).filter(|state| state.country == country)
    });
    bare.or_else(|| SPELLINGS.get(&folded(text)).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_states_territories_and_provinces_are_there_once() {
        let of = |country| all().iter().filter(|state| state.country == country).count();
        assert_eq!((of(Country::UnitedStates), of(Country::Canada)), (50 + 1 + 5, 13));
        let spellings: usize = all().iter().map(|state| 2 + state.spellings.len()).sum();
        let same_twice = spellings - SPELLINGS.len();
        assert_eq!(same_twice, 0, "a spelling means two states");
    }

    #[test]
    fn what_people_type_is_understood() {
        let typed = [
            ("FL", "FL"),
            ("fl", "FL"),
            ("Fla.", "FL"),
            ("florida", "FL"),
            (" FLORIDA ", "FL"),
            ("N.Y.", "NY"),
            ("new york", "NY"),
            ("Calif", "CA"),
            ("W. Va.", "WV"),
            ("Washington", "WA"),
            ("D.C.", "DC"),
            ("Washington, D.C.", "DC"),
            ("U.S. Virgin Islands", "VI"),
            ("Québec", "QC"),
            ("Ont.", "ON"),
            ("P.E.I.", "PE"),
            ("US-TX", "TX"),
            ("ca-on", "ON"),
            ("Hawai'i", "HI"),
            ("north dakota", "ND"),
        ];
        for (text, code) in typed {
            assert_eq!(read(text).map(|state| state.code), Some(code), "{text}");
        }
        for text in ["", " ", "XX", "Bavaria", "US-ON", "Floridian", "12"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn split_states_list_every_zone() {
        let zones = |code| find(code).unwrap().zones.iter().map(Zone::name).collect::<Vec<_>>();
        assert_eq!(zones("FL"), ["America/New_York", "America/Chicago"]);
        assert_eq!(zones("AZ"), ["America/Phoenix", "America/Denver"]);
        assert_eq!(zones("TN"), ["America/Chicago", "America/New_York"]);
        let split =
            all().iter().filter(|state| state.country == Country::UnitedStates && state.zones.len() > 1).count();
        assert_eq!(split, 15);
    }
}
