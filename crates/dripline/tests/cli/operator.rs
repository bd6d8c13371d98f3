//! The operator's commands through the real binary, on SQLite and on PostgreSQL.

use std::fs;

use serde_json::{Value, json};

use crate::house::{House, SPRING, houses};
use crate::program;

const LEADS: &str = "First Name,Phone,Address,State\r\nAnn,(212) 555-0123,12 Oak Street,NY\r\n\
    Bob,305-555-0177,9 Palm Ave,FL\r\nCleo,12,1 Short Rd,TX\r\nDan,+1 415 555 0134,,CA\r\n";
const ENROLL: [&str; 4] = ["enroll", "--workflow", "Spring leads", "--all"];

#[test]
fn the_operators_story_from_a_workspace_to_a_copy_that_verifies() {
    for house in houses() {
        house.furnish();
        house.write("leads.csv", LEADS);
        let found =
            house.json(&["contacts", "import", "leads.csv", "--no-consent", "--dry-run", "--rejected", "checked.csv"]);
        assert_eq!((&found["dry_run"], &found["made"][0]["name"]), (&json!(true), &json!("Ann")), "{}", house.name);
        let told = house.text(&["contacts", "import", "leads.csv", "--no-consent", "--dry-run"]);
        for part in ["nothing was stored", "contacts would be made", "First Name: \"Ann\"", "line 4: "] {
            assert!(told.contains(part), "{}: {part}: {told}", house.name);
        }
        let imported = house.json(&["contacts", "import", "leads.csv", "--no-consent", "--rejected", "rejected.csv"]);
        assert_eq!(found["counts"], imported["counts"], "{}", house.name);
        let rejected = ["checked.csv", "rejected.csv"].map(|file| fs::read_to_string(house.path(file)).unwrap());
        assert_eq!(rejected[0], rejected[1]);
        assert_eq!((&imported["counts"]["created"], &imported["counts"]["rejected"]), (&json!(3), &json!(1)));
        assert!(fs::read_to_string(house.path("rejected.csv")).unwrap().contains("Cleo,12,1 Short Rd,TX,4,4,"));

        let quoted = house.text(&[&ENROLL[..], &["--dry-run"]].concat());
        for part in [
            "start                    2 contacts",
            "$0.015 ($24.985 left)",
            "+14155550134: message 1: the contact has no value",
        ] {
            assert!(quoted.contains(part), "{}: {part}: {quoted}", house.name);
        }
        assert_eq!(house.json(&["ledger", "verify"])["data"][0]["enrollments"], 0, "a quote changes nothing");

        let enroll = [&ENROLL[..], &["--yes", "--idempotency-key", "spring"]].concat();
        let started = house.json(&enroll);
        assert_eq!((&started["quote"]["starts"], &started["job"]["started"]), (&json!(2), &json!(2)), "{}", house.name);
        assert_eq!((&started["balances"]["credits"], &started["balances"]["wallet"]), (&json!(0), &json!(24_985_000)));
        let again = house.json(&enroll);
        assert_eq!((&again["job"], &again["balances"]), (&started["job"], &started["balances"]), "{}", house.name);

        let key = house.json(&["key", "create", "--name", "test"])["key"].as_str().unwrap().to_owned();
        serve_and_look(&house, &key);
        assert_eq!(house.json(&["ledger", "verify"])["clean"], true, "{}", house.name);
    }
}

#[test]
fn two_contacts_are_shown_beside_each_other_and_merged() {
    for house in houses() {
        house.furnish();
        house.write("leads.csv", "Phone,First Name,City\n2125550123,Ann,Miami\n2125550124,Anna,\n");
        house.json(&["contacts", "import", "leads.csv", "--no-consent"]);
        let merge = ["contacts", "merge", "(212) 555-0124", "Ann"];
        let nobody = house.error(&merge);
        assert!(nobody.starts_with("2 ") && nobody.contains("add --yes to merge"), "{nobody}");
        let shown = house.text(&[&merge[..], &["--theirs", "First Name", "--dry-run"]].concat());
        assert!(shown.contains("+12125550124) takes in Ann (+12125550123)"), "{}: {shown}", house.name);
        assert!(shown.contains("Miami") && shown.contains("Nothing was changed"), "{}: {shown}", house.name);
        let merged = house.json(&[&merge[..], &["--theirs", "First Name", "--yes"]].concat());
        assert_eq!((&merged["merged"], &merged["preview"]["fields"][1]["value"]), (&json!(true), &json!("Ann")));
        let again = house.error(&["contacts", "merge", "(212) 555-0124", "(212) 555-0123", "--yes"]);
        assert!(again.starts_with("1 ") && again.contains("one person already"), "{again}");
        let wrong = house.error(&["contacts", "merge", "(212) 555-0124", "(212) 555-0123", "--goes-on", "x", "--yes"]);
        assert!(wrong.starts_with("2 ") && wrong.contains("write keep or take"), "{wrong}");
    }
}

#[test]
fn a_person_is_shown_and_erased_by_a_phone_that_they_have_or_had() {
    for house in houses() {
        house.furnish();
        house.write("leads.csv", LEADS);
        house.json(&["contacts", "import", "leads.csv", "--no-consent"]);
        let erase = ["contacts", "erase", "(212) 555-0123"];
        let nobody = house.error(&erase);
        assert!(nobody.starts_with("2 ") && nobody.contains("add --yes to erase"), "{nobody}");
        let shown = house.text(&[&erase[..], &["--dry-run"]].concat());
        assert!(shown.contains("+12125550123") && shown.contains("Nothing was changed"), "{}: {shown}", house.name);
        let erased = house.json(&[&erase[..], &["--do-not-contact", "--yes"]].concat());
        assert_eq!(
            (&erased["contacts"][0]["name"], erased["job"].is_string()),
            (&json!("Ann"), true),
            "{}",
            house.name
        );
        let gone = house.error(&[&erase[..], &["--yes"]].concat());
        assert!(gone.starts_with("1 ") && gone.contains("there is no such contact, and there was none"), "{gone}");
        let wrong = house.error(&["contacts", "erase", "Ann", "--dry-run"]);
        assert!(wrong.starts_with("1 "), "{wrong}");
        // The file that still has the phone makes a contact of it that nobody may text.
        assert_eq!(
            house.json(&["contacts", "import", "leads.csv", "--no-consent"])["counts"]["created"],
            1,
            "{}",
            house.name
        );
        let quoted = house.text(&[&ENROLL[..], &["--dry-run"]].concat());
        assert!(quoted.contains("+12125550123: ") && quoted.contains("do-not-contact"), "{}: {quoted}", house.name);
    }
}

/// All data of the workspace, while the server is at work.
fn taken_away(house: &House) {
    let taken = house.json(&["workspace", "export", "--out", "acme.zip"]);
    let bytes = fs::read(house.path("acme.zip")).unwrap();
    assert_eq!(taken["bytes"], bytes.len());
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut file = |name: &str| std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
    let manifest: Value = serde_json::from_str(&file("manifest.json")).unwrap();
    let (mut rows, mut of_json) = (0, 0);
    for written in manifest["files"].as_array().unwrap() {
        let (name, count) = (written["file"].as_str().unwrap(), written["rows"].as_u64().unwrap());
        if name.starts_with("json/") {
            let lines: Vec<Value> = file(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines.len() as u64, count, "{}: {name}", house.name);
            of_json += count;
        }
        rows += count;
    }
    assert_eq!((&taken["rows"], rows), (&json!(of_json), 2 * of_json), "{}", house.name);
    let contacts: Vec<Value> =
        file("json/contacts.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ann = contacts.iter().find(|contact| contact["name"] == "Ann").unwrap();
    assert_eq!(ann["fields"]["address"], "12 Oak Street", "{}", house.name);
    assert_eq!((contacts.len(), &ann["phone"]), (3, &json!("+12125550123")), "{}", house.name);
    assert!(
        file("csv/contacts.csv").contains("\"+12125550123\"") && file("csv/enrollments.csv").contains("\"active\"")
    );
    assert!(file("json/transfers.jsonl").contains("\"unit\":\"micros\""), "{}", house.name);
    assert!(!file("json/api_keys.jsonl").contains("hash") && file("README.txt").contains("manifest.json"));
    let again = house.error(&["workspace", "export", "--out", "acme.zip"]);
    assert!(again.starts_with("1 ") && again.contains("acme.zip"), "{again}");
}

/// Serves for a moment, and meanwhile reads, copies and tries to write.
fn serve_and_look(house: &House, key: &str) {
    let served = house.serve(&[]);
    served.until(key, "/workflows", |list| list["data"][0]["active_contacts"] == 2);
    assert_eq!(house.json(&["workflow", "list"])["data"][0]["status"], "active", "{}", house.name);
    let verified = house.text(&["ledger", "verify", "--workspace", "acme homes"]);
    assert!(verified.contains("balances"), "{verified}");
    taken_away(house);
    let credit = ["credit", "--usd", "1", "--note", "while it serves"];
    if house.name == "postgres" {
        house.text(&credit);
        let refused = house.error(&["backup", "copy.db"]);
        assert!(refused.starts_with("1 ") && refused.contains("use pg_dump"), "{refused}");
    } else {
        let refused = house.error(&credit);
        assert!(refused.starts_with("1 ") && refused.contains("dripline.db is in use"), "{refused}");
        assert!(refused.contains("`dripline serve`: stop that first, or ask it through its API"), "{refused}");
        house.text(&["backup", "copy.db"]);
    }
    assert!(served.stop(), "{}", house.name);
    if house.name == "sqlite" {
        // The copy is a database of its own: it opens, verifies and takes more.
        let copy = ["--database", "sqlite:copy.db"];
        let verified = house.json(&[&["ledger", "verify"][..], &copy].concat());
        assert_eq!((&verified["clean"], &verified["data"][0]["enrollments"]), (&json!(true), &json!(2)));
        house.text(&[&["credit", "--usd", "1", "--note", "in the copy"][..], &copy].concat());
    }
}

#[test]
fn an_interrupted_start_goes_on_under_its_key_and_charges_nobody_twice() {
    let house = House::sqlite();
    house.furnish();
    house.text(&["credit", "--usd", "1000", "--note", "for all"]);
    let rows: String = (0..10_000).map(|n| format!("212555{n:04},1 Oak\n")).collect();
    house.write("many.csv", format!("Phone,Address\n{rows}"));
    house.text(&["contacts", "import", "many.csv", "--no-consent"]);
    let enroll = [&ENROLL[..], &["--yes", "--idempotency-key", "spring"]].concat();
    let mut child = program::command(&enroll).current_dir(house.folder.path()).spawn().unwrap();
    // The quote is out; the work has begun or begins now.
    let mut quote = String::new();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut lines, &mut quote).unwrap();
    let begun = (0..1_000).any(|_| house.json(&["ledger", "verify"])["data"][0]["enrollments"] != 0);
    assert!(begun, "nobody was started");
    child.kill().unwrap();
    child.wait().unwrap();
    let done = house.json(&enroll);
    assert_eq!(done["job"]["started"], 10_000, "{done}");
    assert_eq!(done["balances"]["wallet"], 1_025_000_000 - (20_000 - 3) * 15_000);
    let verified = house.json(&["ledger", "verify"]);
    assert_eq!((&verified["clean"], &verified["data"][0]["enrollments"]), (&json!(true), &json!(10_000)));
}

#[test]
fn an_exported_workflow_is_imported_as_the_same_one() {
    let house = House::sqlite();
    house.furnish();
    let first = house.json(&["workflow", "export", "spring leads"]);
    house.text(&["workflow", "export", "Spring leads", "--out", "out.toml"]);
    let text = fs::read_to_string(house.path("out.toml")).unwrap();
    assert_eq!(text, house.text(&["workflow", "export", "Spring leads"]));
    house.write("again.toml", text.replace("Spring leads", "Spring again"));
    house.text(&["workflow", "import", "again.toml"]);
    assert_eq!(house.json(&["workflow", "export", "Spring again"])["steps"], first["steps"]);
    assert_eq!(house.text(&["workflow", "export", "Spring again"]), text.replace("Spring leads", "Spring again"));
    let there = house.error(&["workflow", "export", "Spring leads", "--out", "out.toml"]);
    assert!(there.contains("out.toml exists already"), "{there}");
    assert_eq!(text, fs::read_to_string(house.path("out.toml")).unwrap());
    assert!(SPRING.contains("after_days = 3"));
}

#[test]
fn people_and_keys_are_made_listed_and_revoked_and_secrets_are_shown_once() {
    let house = House::sqlite();
    house.furnish();
    let create = ["user", "create", "--email", "ann@example.com", "--name", "Ann", "--role", "owner", "--json"];
    let made = house.run_with(&create, "correct horse battery\nsecond line\n");
    assert_eq!((made.code, made.errors.as_str()), (0, ""));
    let made: Value = serde_json::from_str(&made.output).unwrap();
    assert_eq!(house.json(&["user", "list"])["data"], json!([made]));
    for (password, expected) in
        [("", "2 error: there is no password"), ("short\n", "1 error: the password has fewer than 12")]
    {
        let done = house.run_with(&create, password);
        assert!(format!("{} {}", done.code, done.errors).starts_with(expected), "{}", done.errors);
    }
    let key = house.json(&["key", "create", "--name", "reports", "--permission", "read", "--permission", "export"]);
    assert_eq!(key["permissions"], json!(["read", "export"]));
    let secret = key["key"].as_str().unwrap().rsplit('_').next().unwrap();
    let list = house.text(&["key", "list"]);
    assert!(list.contains("reports") && list.contains("read export") && !list.contains(secret), "{list}");
    house.text(&["key", "revoke", "Reports"]);
    assert!(house.json(&["key", "list"])["data"][0]["revoked_at"].is_string());
    let served = house.serve(&[]);
    assert_eq!(served.ask(key["key"].as_str().unwrap(), "/workspace", None).0, 401);
}

#[test]
fn what_is_meant_is_clear_or_all_that_there_is_is_listed() {
    let house = House::sqlite();
    house.text(&["migrate"]);
    let none = house.error(&["number", "list"]);
    assert!(none.starts_with("1 ") && none.contains("make one with `dripline workspace create"), "{none}");
    house.furnish();
    let second = house.json(&["workspace", "create", "Second", "--zone", "UTC"])["id"].as_str().unwrap().to_owned();
    for (arguments, expected) in [
        (vec!["number", "list"], "2 error: which workspace? there are wsp_"),
        (vec!["number", "list", "--workspace", "Third"], "2 error: there is no workspace \"Third\"; there are wsp_"),
        (
            vec!["workflow", "export", "x", "--workspace", "Acme Homes"],
            "2 error: there is no workflow \"x\"; there are wfl_",
        ),
        (vec!["workflow", "export", "x", "--workspace", "second"], "1 error: there is no workflow yet"),
        (
            vec![
                "enroll",
                "--workflow",
                "spring leads",
                "--workspace",
                "acme homes",
                "--contact",
                "+12125550199",
                "--dry-run",
            ],
            "2 error: there is no contact \"+12125550199\"",
        ),
        (vec!["enroll", "--workflow", "x", "--all"], "2 error: nobody is there to be asked: add --yes"),
    ] {
        let error = house.error(&arguments);
        assert!(error.starts_with(expected), "{arguments:?}: {error}");
    }
    assert_eq!(house.json(&["number", "list", "--workspace", &second])["data"], json!([]));
}

#[test]
fn the_books_that_were_changed_by_hand_are_wrong_by_name() {
    const TAKE: store::Sql = store::Sql::Same("UPDATE accounts SET balance = balance + 5 WHERE account = 'available'");
    let house = House::sqlite();
    house.furnish();
    let address = store::Address::file(house.path("data/dripline.db"));
    let store = store::Store::open(&address).unwrap();
    store.write_blocking(store::Lane::Normal, |tx| tx.execute(&TAKE, &[])).unwrap();
    drop(store);
    assert!(house.text(&["ledger", "verify", "--help"]).contains("[default: all of them]"));
    let done = house.run(&["ledger", "verify"]);
    assert_eq!(done.code, 1);
    for part in ["FAULTS", "The books are wrong:\n  wsp_", "available"] {
        assert!(done.output.contains(part), "{part}: {}", done.output);
    }
}

#[test]
fn the_demos_clock_is_as_far_ahead_after_a_crash_as_before() {
    let house = House::sqlite();
    let now = |(status, clock): (u16, Value)| -> jiff::Timestamp {
        assert_eq!(status, 200, "{clock}");
        clock["now"].as_str().unwrap().parse().unwrap()
    };
    let real = engine::Clock::System.now();
    let served = house.serve(&["--demo"]);
    let key = fs::read_to_string(house.path("data/demo.key")).unwrap();
    let month = jiff::SignedDuration::from_hours(720);
    let pushed = now(served.ask(&key, "/simulator/clock", Some("{\"seconds\":2592000}")));
    assert!(pushed >= real + month);
    served.kill();
    // A command goes by the same clock where it is told that this is a demo.
    house.write("demo.toml", "demo = true\n");
    let later = house.json(&["workspace", "create", "Later", "--zone", "UTC", "--config", "demo.toml"]);
    assert!(later["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap() >= pushed, "{later}");
    let served = house.serve(&["--demo"]);
    assert!(now(served.ask(&key, "/simulator/clock", None)) >= pushed, "time went back");
    drop(served);
    house.write("data/demo.clock", "soon");
    let error = house.error(&["serve", "--demo", "--listen", "127.0.0.1:0"]);
    assert!(error.starts_with("1 ") && error.contains("demo.clock") && error.contains("remove it"), "{error}");
}

#[test]
fn plans_are_offered_given_and_canceled_and_money_goes_both_ways() {
    for house in houses() {
        house.text(&["workspace", "create", "Acme Homes", "--zone", "America/New_York", "--credits", "3"]);
        let add = ["plan", "add", "Starter", "--price", "29", "--credits", "1000", "--rate", "0.012", "--numbers", "2"];
        let made = house.json(&add);
        assert_eq!((&made["price_micros"], &made["state"]), (&json!(29_000_000), &json!("offered")), "{}", house.name);
        assert!(house.error(&add).contains("a plan named \"Starter\" is offered already"));
        assert!(
            house.error(&["plan", "add", "Odd", "--price", "29", "--grace-days", "99"]).contains("a grace of 99 days")
        );
        let none = house.text(&["plan", "show"]);
        assert!(none.contains("is served without a plan"), "{none}");
        assert!(house.error(&["plan", "choose", "Startr"]).contains("there is no plan \"Startr\""));
        assert!(house.error(&["plan", "choose", "starter"]).contains("the wallet lacks $29.00"));
        house.text(&["credit", "--usd", "40", "--note", "first payment"]);
        let chosen = house.json(&["plan", "choose", "starter"]);
        assert_eq!((&chosen["course"]["standing"], &chosen["owed_micros"]), (&json!("active"), &json!(null)));
        let debit = ["debit", "--usd", "1", "--note", "a slip", "--idempotency-key", "slip-1"];
        assert_eq!(house.json(&debit)["balances"]["wallet"], 10_000_000, "{}", house.name);
        assert_eq!(house.json(&debit)["balances"]["wallet"], 10_000_000, "a repeat takes nothing");
        let short = house.error(&["debit", "--usd", "11", "--note", "too much"]);
        assert!(short.contains("has $10.00 free, and $11.00 are to be taken"), "{short}");
        assert!(house.error(&["debit", "--usd", "1", "--note", " "]).contains("note"));
        let canceled = house.text(&["plan", "cancel"]);
        assert!(canceled.contains("has the plan \"Starter\"") && canceled.contains("  ends"), "{canceled}");
        let ended = house.json(&["plan", "cancel", "--now"]);
        assert_eq!((&ended["plan"]["course"]["standing"], &ended["plan"]["serves"]), (&json!("ended"), &json!(false)));
        assert_eq!(house.json(&["plan", "withdraw", "starter"])["state"], "withdrawn");
        assert!(house.text(&["plan", "list"]).contains("withdrawn"));
        let export = house.run(&["ledger", "export"]).output;
        for part in ["\"fee\",\"prd_", "\"grant\",\"prd_", "\"expiry\",\"prd_", "\"withdrawal\",\"top_"] {
            assert!(export.contains(part), "{part}: {export}");
        }
        assert_eq!(house.json(&["ledger", "verify"])["clean"], true, "{}", house.name);
    }
}

#[test]
fn a_user_becomes_an_operator_and_a_workspace_is_suspended_and_goes_on() {
    for house in houses() {
        house.furnish();
        let create = ["user", "create", "--email", "ann@example.com", "--name", "Ann", "--role", "viewer", "--json"];
        assert_eq!(house.run_with(&create, "correct horse battery\n").code, 0, "{}", house.name);
        let named = house.json(&["user", "operator", "ANN@example.com"]);
        assert!(named["operator_at"].is_string(), "{named}");
        assert!(house.text(&["user", "list"]).contains("viewer, operator"), "{}", house.name);
        let again = house.text(&["user", "operator", "ann@example.com", "--revoke"]);
        assert_eq!(again, "Ann <ann@example.com> is no operator any more\n");
        assert_eq!(house.json(&["user", "list"])["data"][0]["operator_at"], Value::Null);
        let nobody = house.error(&["user", "operator", "bob@example.com"]);
        assert!(nobody.starts_with("1 ") && nobody.contains("the user does not exist"), "{nobody}");

        let silent = house.error(&["workspace", "suspend", "Acme Homes", "--reason", " "]);
        assert!(silent.starts_with("1 ") && silent.contains("the reason is refused"), "{silent}");
        let done = house.text(&["workspace", "suspend", "acme homes", "--reason", "complaints"]);
        assert_eq!(done, "\"Acme Homes\" is suspended: it sends nothing\n");
        assert_eq!(house.json(&["workspace", "list"])["data"][0]["suspended_because"], "complaints");
        assert!(house.text(&["workspace", "list"]).contains("active, suspended"), "{}", house.name);
        house.write("leads.csv", LEADS);
        house.text(&["contacts", "import", "leads.csv", "--no-consent"]);
        let quoted = house.text(&[&ENROLL[..], &["--dry-run"]].concat());
        assert!(quoted.contains("this workspace is suspended: complaints; ask who runs this installation"), "{quoted}");
        assert_eq!(house.text(&["workspace", "resume"]), "\"Acme Homes\" goes on\n");
        assert_eq!(house.json(&["workspace", "list"])["data"][0]["suspended_at"], Value::Null);
    }
}
