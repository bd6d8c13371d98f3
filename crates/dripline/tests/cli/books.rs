//! The commands about the history and the books through the real binary, on SQLite and on PostgreSQL.

use std::collections::BTreeMap;
use std::fs;

use engine::{Carriers, Clock, Engine};
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::{Address, Lane, Sql, Store};

use crate::house::{House, houses};

const LEADS: &str = "First Name,Phone,Address,State\r\nAnn,(212) 555-0123,12 Oak Street,NY\r\n\
    Bob,305-555-0177,9 Palm Ave,FL\r\n";
const ACTOR: Sql = Sql::Same("UPDATE events SET actor = 'nobody' WHERE kind = 'workflow.created'");
const STEAL: Sql =
    Sql::Same("UPDATE accounts SET balance = balance + 5 WHERE account = 'available' AND unit = 'micros'");

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

fn started(house: &House) {
    house.furnish();
    house.write("leads.csv", LEADS);
    house.text(&["contacts", "import", "leads.csv", "--no-consent"]);
    house.text(&["enroll", "--workflow", "Spring leads", "--all", "--yes"]);
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

/// What the lines of an export add up to, by account and unit.
fn sums(lines: &str) -> BTreeMap<(String, String), i64> {
    let mut sums = BTreeMap::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let amount = line["amount"].as_i64().unwrap();
        *sums.entry((text("from"), text("unit"))).or_default() -= amount;
        *sums.entry((text("to"), text("unit"))).or_default() += amount;
    }
    sums
}

#[test]
fn the_exported_ledger_adds_up_to_the_balances_and_says_so() {
    for house in houses() {
        started(&house);
        let served = house.serve(&[]);
        let done = house.run(&["ledger", "export", "--format", "jsonl"]);
        assert!(served.stop());
        assert_eq!(done.code, 0, "{}", done.errors);
        assert!(done.errors.contains("Acme Homes: ") && done.errors.contains("available  micros"), "{}", done.errors);
        assert!(!done.errors.contains("WRONG"), "{}", done.errors);
        assert_eq!(house.json(&["ledger", "verify"])["data"][0]["clean"], true);
        let taken = sums(&done.output);
        assert_eq!(taken[&("outside".to_owned(), "micros".to_owned())], -25_000_000);

        let csv = house.run(&["ledger", "export"]);
        let rows: Vec<&str> = csv.output.lines().collect();
        assert!(rows[0].starts_with("\"workspace\",\"time\",\"reason\",\"reference\""), "{}", rows[0]);
        let times: Vec<&str> = rows[1..].iter().map(|row| row.split("\",\"").nth(1).unwrap()).collect();
        assert!(times.is_sorted() && times.iter().all(|time| time.ends_with('Z')), "{times:?}");
        for part in ["\"topup\",\"top_", "\"charge\",\"enr_", "\"25000000\",\"25.00\",\"Acme Homes\""] {
            assert!(csv.output.contains(part), "{part}: {}", csv.output);
        }
        let out = house.run(&["ledger", "export", "--workspace", "acme homes", "--out", "ledger.csv"]);
        assert_eq!((out.code, out.output.as_str()), (0, ""), "{}", out.errors);
        assert!(fs::read_to_string(house.path("ledger.csv")).unwrap().lines().count() >= rows.len());
        let there = house.error(&["ledger", "export", "--out", "ledger.csv"]);
        assert!(there.contains("ledger.csv exists already"), "{there}");

        let before = house.run(&["ledger", "export", "--to", "2020-01-01"]);
        assert_eq!((before.code, before.output.lines().count()), (0, 1), "{}", before.errors);
        let none = house.run(&["ledger", "export", "--from", "2026-02-02", "--to", "2026-02-01"]);
        assert_eq!(none.code, 2, "{}", none.errors);
        assert!(none.errors.contains("there is no day from 2026-02-02 to 2026-02-01"), "{}", none.errors);

        edit(&house, &STEAL);
        let wrong = house.run(&["ledger", "export"]);
        assert_eq!(wrong.code, 1, "{}", wrong.errors);
        assert!(wrong.errors.contains("WRONG: the transfers do not add up to the balance"), "{}", wrong.errors);
        assert!(wrong.output.lines().count() >= rows.len(), "what there is is given all the same");
    }
}

#[test]
fn the_statement_of_a_month_is_shown_and_written_as_pdf_and_csv() {
    for house in houses() {
        started(&house);
        let now = Clock::System.now().to_zoned_datetime(jiff::tz::TimeZone::get("America/New_York").unwrap());
        let month = now.strftime("%Y-%m").to_string();
        let ask = ["statement", "--workspace", "Acme Homes", "--month", &month];
        let shown = house.text(&ask);
        for part in
            ["Acme Homes, ", "Opening balance", "2 contacts added, ", "Top-up", "Credits granted", "Closing balance"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        house.text(&[&ask[..], &["--pdf", "month.pdf", "--csv", "month.csv"]].concat());
        let pdf = fs::read(house.path("month.pdf")).unwrap();
        assert!(pdf.starts_with(b"%PDF-1.7") && pdf.ends_with(b"%%EOF"), "{} bytes", pdf.len());
        let csv = fs::read_to_string(house.path("month.csv")).unwrap();
        assert!(csv.contains("\"opening_balance\",\"Opening balance\",\"\",\"\",\"0\",\"0.00\""), "{csv}");
        let document = house.json(&ask);
        assert_eq!(document["statement"]["lines"].as_array().unwrap().len() + 4, csv.lines().count());
        let there = house.error(&[&ask[..], &["--pdf", "month.pdf"]].concat());
        assert!(there.contains("month.pdf exists already"), "{there}");
        let none = house.error(&["statement", "--month", "2019-01"]);
        assert!(
            none.starts_with("1 ") && none.contains("there is no statement of 2019-01: the first month is"),
            "{none}"
        );
        let wrong = house.error(&["statement", "--month", "November"]);
        assert!(wrong.starts_with("2 ") && wrong.contains("write it as 2026-11"), "{wrong}");
    }
}
