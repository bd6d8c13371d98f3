//! The commands about the history and the books through the real binary, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod house;
mod program;

use engine::{Carriers, Clock, Engine};
use house::{House, houses};
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::{Address, Lane, Sql, Store};

const ACTOR: Sql = Sql::Same("UPDATE events SET actor = 'nobody' WHERE kind = 'workflow.created'");

fn store(house: &House) -> Store {
    let address: Address = if house.name == "sqlite" {
        Address::file(house.path("data/dripline.db"))
    } else {
        house.database.parse().unwrap()
    };
    Store::open(&address).unwrap()
}

/// Seals what happened until now, as a server does some hours later.
fn seal(house: &House) -> u64 {
    let clock = Clock::manual(Clock::System.now() + SignedDuration::from_hours(3));
    let engine = Engine::open(store(house), clock, Carriers::new()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(engine.seal_all()).unwrap()
}

fn edit(house: &House, sql: &'static Sql) {
    assert_eq!(store(house).write_blocking(Lane::Normal, |tx| tx.execute(sql, &[])).unwrap(), 1);
}

#[test]
fn an_edit_of_the_history_is_told_by_name_and_a_kept_hash_is_found_or_missed() {
    for house in houses() {
        house.furnish();
        let young = house.json(&["audit", "verify"]);
        assert_eq!(
            (&young["clean"], &young["data"][0]["seals"], &young["data"][0]["last"]),
            (&json!(true), &json!(0), &Value::Null)
        );
        assert!(house.text(&["audit", "verify"]).contains("nothing is sealed"));
        assert_eq!(seal(&house), 1);

        let served = house.serve(&[]);
        let kept = house.text(&["audit", "verify", "--workspace", "acme homes"]);
        assert!(kept.contains("as sealed") && kept.contains(" seal 1 "), "{kept}");
        assert!(served.stop());
        house.write("kept.txt", &kept);
        let found = house.json(&["audit", "verify", "--expect-file", "kept.txt"]);
        let hash = found["data"][0]["last"]["hash"].as_str().unwrap().to_owned();
        assert_eq!((&found["clean"], &found["kept"], &found["lost"]), (&json!(true), &json!([hash]), &json!([])));

        let other = "0123456789abcdef".repeat(4);
        let lost = house.run(&["audit", "verify", "--expect", &hash, "--expect", &other]);
        assert_eq!(lost.code, 1, "{}", lost.output);
        assert!(lost.output.contains(&format!("no seal has the hash {other} that was kept")), "{}", lost.output);
        assert!(lost.output.contains("Hashes that were kept and are there: 1"), "{}", lost.output);

        edit(&house, &ACTOR);
        let changed = house.run(&["audit", "verify", "--expect", &hash]);
        assert_eq!(changed.code, 1, "{}", changed.output);
        for part in
            ["1 FAULT", "The history is not as it was sealed:\n  wsp_", "was changed after it was sealed (seal 1)"]
        {
            assert!(changed.output.contains(part), "{part}: {}", changed.output);
        }
        let wrong = house.error(&["audit", "verify", "--expect", "12ab"]);
        assert!(wrong.starts_with("2 ") && wrong.contains("64 hexadecimal digits"), "{wrong}");
        house.write("cut.txt", &hash[..60]);
        let cut = house.error(&["audit", "verify", "--expect-file", "cut.txt"]);
        assert!(cut.starts_with("2 ") && cut.contains("cut.txt line 1"), "{cut}");
    }
}
