//! `dripline copy` through the real binary: to the other kind of database and on from there; killed in the middle.

use std::fs;

use serde_json::json;

use crate::house::{House, SPRING, houses};
use crate::program;

/// A house with contacts on their way.
fn busy(people: usize) -> House {
    let house = House::sqlite();
    house.furnish();
    house.text(&["credit", "--usd", "1000", "--note", "for all"]);
    let rows: String = (0..people).map(|n| format!("212555{n:04},1 Oak\n")).collect();
    house.write("many.csv", format!("Phone,Address\n{rows}"));
    house.text(&["contacts", "import", "many.csv", "--no-consent"]);
    house.text(&["enroll", "--workflow", "Spring leads", "--all", "--yes"]);
    house
}

#[test]
fn a_database_goes_on_in_the_other_kind_where_it_was() {
    assert!(SPRING.contains("Spring leads"));
    let (sqlite, server) = (busy(300), houses().pop().unwrap());
    let before = sqlite.json(&["ledger", "verify"]);
    let copied = sqlite.json(&["copy", "--from", "sqlite:data/dripline.db", "--to", &server.database]);
    assert_eq!(
        (&copied["tables"]["contacts"], &copied["tables"]["enrollments"]),
        (&json!(300), &json!(300)),
        "{copied}"
    );
    assert_eq!(server.json(&["ledger", "verify"]), before);
    let key = server.json(&["key", "create", "--name", "test"])["key"].as_str().unwrap().to_owned();
    let served = server.serve(&[]);
    served.until(&key, "/workflows", |list| list["data"][0]["active_contacts"] == 300);
    let refused = sqlite.error(&["copy", "--from", &server.database, "--to", "sqlite:back.db"]);
    assert!(refused.contains("a server uses the source"), "{refused}");
    assert!(served.stop());
}

#[test]
fn a_copy_that_is_killed_is_served_by_nobody_and_goes_on() {
    let house = busy(4_000);
    let arguments = ["copy", "--from", "sqlite:data/dripline.db", "--to", "sqlite:over.db"];
    let mut child = program::command(&arguments).current_dir(house.folder.path()).spawn().unwrap();
    let size = |name| fs::metadata(house.path(name)).map_or(0, |file| file.len());
    while size("over.db") + size("over.db-wal") < 3_000_000 {
        assert!(child.try_wait().unwrap().is_none(), "it was over before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let refused = house.error(&["credit", "--usd", "1", "--note", "n", "--database", "sqlite:over.db"]);
    assert!(refused.contains("an unfinished copy of sqlite:data/dripline.db"), "{refused}");
    let other = house.error(&["copy", "--from", "sqlite:over.db", "--to", "sqlite:over.db"]);
    assert!(other.contains("source and target are the same"), "{other}");
    house.text(&arguments);
    let verified = house.json(&["ledger", "verify", "--database", "sqlite:over.db"]);
    assert_eq!(verified, house.json(&["ledger", "verify"]));
    house.text(&["credit", "--usd", "1", "--note", "n", "--database", "sqlite:over.db"]);
    let again = house.error(&arguments);
    assert!(again.contains("the target is not empty"), "{again}");
}

#[test]
fn what_is_not_there_or_is_served_is_not_copied() {
    let house = House::sqlite();
    let missing = house.error(&["copy", "--from", "sqlite:nothing.db", "--to", "sqlite:over.db"]);
    assert!(missing.contains("there is no database"), "{missing}");
    assert!(!house.path("nothing.db").exists() && !house.path("over.db").exists());
    house.furnish();
    let served = house.serve(&[]);
    let refused = house.error(&["copy", "--from", "sqlite:data/dripline.db", "--to", "sqlite:over.db"]);
    assert!(refused.contains("in use, most likely by `dripline serve`"), "{refused}");
    assert!(served.stop());
}
