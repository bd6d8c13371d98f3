//! Reminders and the notice of a low balance, at the command line.

use serde_json::Value;

use crate::house::House;

#[test]
fn a_reminder_is_set_listed_and_ended_by_the_names_that_people_use() {
    let house = House::sqlite();
    house.furnish();
    house.write("one.csv", "Phone,Full Name\n2125550134,Ann Lee\n");
    house.text(&["contacts", "import", "one.csv", "--no-consent"]);
    let contact = "Ann Lee";
    let set = house.json(&[
        "reminder",
        "set",
        contact,
        "--days",
        "14",
        "--note",
        "wants to think",
        "--workflow",
        "Spring leads",
    ]);
    assert_eq!(set["note"], "wants to think");
    assert!(set["workflow"].is_string() && set["due_at"].is_string(), "{set}");
    let list = house.text(&["reminder", "list"]);
    assert!(list.contains("wants to think") && list.contains("Spring"), "{list}");
    let anew = house.json(&["reminder", "set", contact, "--days", "7"]);
    assert_eq!((&anew["note"], &anew["workflow"]), (&Value::from(""), &Value::Null), "in place of the other");
    assert_eq!(house.json(&["reminder", "list"])["data"].as_array().map(Vec::len), Some(1));
    for (arguments, says) in [
        (&["reminder", "set", contact][..], "2 error: the following required arguments"),
        (&["reminder", "set", contact, "--days", "1", "--on", "2027-03-01"], "2 error: the argument"),
        (&["reminder", "set", contact, "--days", "400"], "1 error: "),
        (&["reminder", "set", contact, "--on", "2020-01-01"], "1 error: "),
        (&["reminder", "set", "Nobody", "--days", "1"], "2 error: there is no contact"),
        (&["reminder", "set", contact, "--days", "1", "--workflow", "x"], "2 error: there is no workflow"),
    ] {
        let error = house.error(arguments);
        assert!(error.starts_with(says), "{arguments:?}: {error}");
    }
    assert_eq!(house.json(&["reminder", "end", contact])["ended"], true);
    assert_eq!(house.json(&["reminder", "end", contact])["ended"], false);
    assert_eq!(house.json(&["reminder", "list"])["data"], serde_json::json!([]));
}

#[test]
fn the_notice_of_a_low_balance_is_shown_and_set() {
    let house = House::sqlite();
    house.furnish();
    assert_eq!(house.text(&["notice", "show"]), "A balance below $10.00 is told by event, webhook and e-mail.\n");
    let text = house.text(&["notice", "set", "--below", "25.50", "--no-email"]);
    assert_eq!(text, "A balance below $25.50 is told by event and webhook.\n");
    let shown = house.json(&["notice", "show"]);
    assert_eq!((&shown["below_micros"], &shown["email"]), (&Value::from(25_500_000), &Value::from(false)));
    assert_eq!(house.text(&["notice", "set", "--off"]), "Nobody is told of a low balance.\n");
    for (arguments, says) in [
        (&["notice", "set"][..], "2 error: the following required arguments"),
        (&["notice", "set", "--below", "5", "--off"], "2 error: the argument"),
        (&["notice", "set", "--below", "0"], "1 error: the mark below which a balance is told"),
        (&["notice", "set", "--below", "5", "--email", "--no-email"], "2 error: the argument"),
    ] {
        let error = house.error(arguments);
        assert!(error.starts_with(says), "{arguments:?}: {error}");
    }
}
