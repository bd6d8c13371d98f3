//! Rules on who may name what: drivers, time, chance, stores, carriers, and the lints that guard them.
//!
//! Clippy knows resolved paths and catches renamed imports (`clippy.toml`); these rules know words,
//! and so also see code that is not compiled here, such as another platform's or a switched-off feature's.

use crate::files::File;
use crate::layers;

/// The face of the database.
const FACE: [&str; 2] = ["crates/store/src/db.rs", "crates/store/src/db/"];
/// The clock, alone.
const CLOCK: [&str; 1] = ["crates/engine/src/clock.rs"];
/// Where a stopwatch may run: nothing there decides anything by what it shows. Add a file with its reason.
/// The writer bounds how long a group of transactions waits for its commit.
const STOPWATCHES: [&str; 3] = ["crates/engine/src/clock.rs", "crates/store/src/db/sqlite/writer.rs", "bench/"];
/// Who may draw chance: the id maker, and the simulator from its seed.
const CHANCE: [&str; 3] =
    ["crates/engine/src/ids.rs", "crates/carrier/src/simulator.rs", "crates/carrier/src/simulator/"];
/// Where the parts are put together.
const WIRING: [&str; 2] = ["crates/dripline/src/wiring.rs", "crates/dripline/src/wiring/"];

const DRIVERS: [&str; 6] = ["rusqlite", "libsqlite3_sys", "tokio_postgres", "postgres_types", "sqlx", "diesel"];
const WALL_TIME: [&str; 5] =
    ["SystemTime::now", "Timestamp::now", "ZonedDateTime::now", "TimeZone::system", "TimeZone::try_system"];
const STOPWATCH: [&str; 1] = ["Instant::now"];
const DRAWS: [&str; 12] = [
    "rand::rng",
    "thread_rng",
    "ThreadRng",
    "rand::random",
    "rand::random_range",
    "make_rng",
    "SysRng",
    "OsRng",
    "from_os_rng",
    "getrandom",
    "RandomState::new",
    "new_v4",
];

/// A line of a Rust file outside `places` that names one of the words.
fn named_outside(file: &File, places: &[&str], words: &[&str], remedy: &str) -> Vec<String> {
    if !file.is_rust() || file.is_one_of(places) {
        return Vec::new();
    }
    let code = layers::split(&file.text).code;
    let lines = layers::lines_naming(&code, words);
    lines.into_iter().map(|(line, word)| file.fault(line, &format!("`{word}`: {remedy}"))).collect()
}

/// The SQL driver named outside the store's face.
pub(crate) fn drivers(file: &File) -> Vec<String> {
    named_outside(file, &FACE, &DRIVERS, "only store/src/db.rs and db/ name a driver; use store's Read, Tx, Sql, Value")
}

/// System time read outside the clock.
pub(crate) fn time(file: &File) -> Vec<String> {
    let mut faults = named_outside(file, &CLOCK, &WALL_TIME, "time is an argument: ask engine::clock::Clock");
    faults.extend(named_outside(file, &STOPWATCHES, &STOPWATCH, "measure in bench/; for anything else ask the Clock"));
    faults
}

/// Chance drawn outside the id maker and the simulator.
pub(crate) fn chance(file: &File) -> Vec<String> {
    named_outside(file, &CHANCE, &DRAWS, "chance is an argument: ask engine::ids, so that one seed replays a run")
}

/// A store that can write, or a carrier, named by the binary outside its wiring. Pages read through
/// the engine's read-only handle; tests may put together what they like.
pub(crate) fn wiring(file: &File) -> Vec<String> {
    if !file.is_rust() || !file.path.starts_with("crates/dripline/src/") || file.is_one_of(&WIRING) {
        return Vec::new();
    }
    let code = layers::split(&file.text).code;
    let mut faults = Vec::new();
    for (line, text) in code.lines().enumerate() {
        if names_crate(text, "carrier") {
            faults.push(file.fault(line, "only wiring.rs names the carriers; ask the engine"));
        }
        let writes = ["Store", "Tx", "db"].iter().any(|word| layers::names(text, word));
        if names_crate(text, "store") && writes {
            faults.push(file.fault(line, "only wiring.rs holds a store that can write; read through `Read`"));
        }
    }
    faults
}

/// Whether a path on this line begins with the crate.
fn names_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(place, _)| {
        let before = line[..place].trim_start_matches("::").chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || "_:.".contains(char))
    })
}

/// A lint of the walls lifted where it must hold: the length of functions nowhere, forbidden methods
/// and types only in the files that own what is forbidden elsewhere, and there as `expect` with a reason.
pub(crate) fn lifted_lints(file: &File) -> Vec<String> {
    let owners = |parts: &[&[&'static str]]| parts.concat();
    let methods = owners(&[&FACE, &STOPWATCHES, &CHANCE]);
    let mut faults =
        named_outside(file, &[], &["clippy::too_many_lines"], "the length of functions is a wall: split it");
    faults.extend(named_outside(
        file,
        &methods,
        &["clippy::disallowed_methods"],
        "only the clock, the ids, the simulator",
    ));
    faults.extend(named_outside(file, &FACE, &["clippy::disallowed_types"], "only the face of the database"));
    let allowed = ["allow(clippy::disallowed_methods", "allow(clippy::disallowed_types"];
    let why = "write `expect` with a reason, so that it goes when it is not needed";
    faults.extend(named_outside(file, &[], &allowed, why));
    if !file.path.contains("/tests/") {
        faults.extend(named_outside(file, &[], &["allow(clippy::unwrap_used"], "unwrap belongs to tests"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Vec<String> = Vec::new();

    fn at(path: &str, text: &str) -> File {
        File::sample(path, text)
    }

    #[test]
    fn a_driver_outside_the_face_is_a_fault() {
        for bad in ["use rusqlite::Connection;", "fn f(c: &tokio_postgres::Client) {}", "sqlx::query(q);"] {
            assert_eq!(drivers(&at("crates/store/src/contacts.rs", bad)).len(), 1, "{bad}");
            assert_eq!(drivers(&at("crates/store/tests/contacts.rs", bad)).len(), 1, "{bad}");
            assert_eq!(drivers(&at("crates/store/src/db.rs", bad)), FREE, "{bad}");
            assert_eq!(drivers(&at("crates/store/src/db/sqlite.rs", bad)), FREE, "{bad}");
        }
        assert_eq!(drivers(&at("crates/store/src/lib.rs", "//! Never rusqlite.\nlet a = \"rusqlite\";")), FREE);
    }

    #[test]
    fn time_read_outside_the_clock_is_a_fault() {
        let bad = [
            "SystemTime::now()",
            "jiff::Timestamp::now()",
            "ZonedDateTime::now()",
            "Instant::now()",
            "TimeZone::system()",
        ];
        for bad in bad {
            assert_eq!(time(&at("crates/engine/src/dispatch.rs", bad)).len(), 1, "{bad}");
            assert_eq!(time(&at("crates/engine/src/clock.rs", bad)), FREE, "{bad}");
        }
        assert_eq!(time(&at("bench/claims.rs", "Instant::now()")), FREE);
        assert_eq!(time(&at("bench/claims.rs", "SystemTime::now()")).len(), 1);
        assert_eq!(time(&at("crates/engine/src/clock_face.rs", "ZonedDateTime::now()")).len(), 1);
    }

    #[test]
    fn chance_drawn_anywhere_else_is_a_fault() {
        for bad in ["rand::rng()", "rand::random::<u8>()", "thread_rng()", "SysRng.try_next_u64()", "Uuid::new_v4()"] {
            assert_eq!(chance(&at("crates/engine/src/dispatch.rs", bad)).len(), 1, "{bad}");
            assert_eq!(chance(&at("crates/engine/src/ids.rs", bad)), FREE, "{bad}");
            assert_eq!(chance(&at("crates/carrier/src/simulator/faults.rs", bad)), FREE, "{bad}");
        }
        assert_eq!(chance(&at("crates/engine/src/x.rs", "rand::rngs::StdRng::seed_from_u64(seed)")), FREE);
    }

    #[test]
    fn a_store_or_carrier_in_a_page_is_a_fault() {
        for bad in ["use store::Store;", "use store::{Read, Tx};", "store::db::open()", "use carrier::Carrier;"] {
            assert_eq!(wiring(&at("crates/dripline/src/web/contacts.rs", bad)).len(), 1, "{bad}");
            assert_eq!(wiring(&at("crates/dripline/src/wiring.rs", bad)), FREE, "{bad}");
            assert_eq!(wiring(&at("crates/dripline/tests/api.rs", bad)), FREE, "{bad}");
        }
        for good in ["use store::Read;", "store::contacts::page(read)", "crate::web::carrier::x()", "engine.store"] {
            assert_eq!(wiring(&at("crates/dripline/src/web/contacts.rs", good)), FREE, "{good}");
        }
    }

    #[test]
    fn a_lint_lifted_elsewhere_is_a_fault() {
        let page = "crates/dripline/src/web/contacts.rs";
        for lint in ["too_many_lines", "disallowed_methods", "disallowed_types"] {
            let bad = format!("#[expect(\n    clippy::{lint},\n    reason = \"x\"\n)]\n");
            assert_eq!(lifted_lints(&at(page, &bad)).len(), 1, "{bad}");
        }
        let long = "#[expect(clippy::too_many_lines, reason = \"x\")]";
        assert_eq!(lifted_lints(&at("crates/store/src/db.rs", long)).len(), 1);
        let driver = "#![expect(clippy::disallowed_types, reason = \"the face\")]";
        assert_eq!(lifted_lints(&at("crates/store/src/db/sqlite.rs", driver)), FREE);
        let lazy = "#![allow(clippy::disallowed_types)]";
        assert_eq!(lifted_lints(&at("crates/store/src/db/sqlite.rs", lazy)).len(), 1);
    }
}
