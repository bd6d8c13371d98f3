//! The rules through the real binary: every row of the corpora as JSON lines, bad lines, exit codes.

use domain::phone::Phone;
use domain::rules::RuleCode;
use domain::zones::Zone;
use domain::zones::{Place, candidates};
use serde_json::{Value, json};

use crate::program::{json_lines, run};

const SEGMENTS: &str = include_str!("../../../domain/testdata/segments.jsonl");
const PHONES: &str = include_str!("../../../domain/testdata/phones.jsonl");
const QUIET: &str = include_str!("../../../domain/testdata/quiet_cases.jsonl");

/// Rows whose graphemes are newer than the corpus's; they count more (see `domain`'s own test).
const NEWER_GRAPHEMES: [u64; 3] = [3803, 3817, 3863];

/// Cells that are cleaned or refused before libphonenumber sees them (see `domain`'s own test).
const OURS: [(u64, &str); 9] = [
    (197, "empty"),
    (211, "scientific_notation"),
    (213, "scientific_notation"),
    (215, "+12125550134"),
    (235, "two_numbers"),
    (237, "words"),
    (239, "words"),
    (241, "words"),
    (243, "words"),
];

/// A number that says no place, so that state, ZIP and zone decide alone.
const TOLL_FREE: &str = "+18005550199";

fn rows(corpus: &str) -> Vec<Value> {
    corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines(questions: &[Value]) -> String {
    questions.iter().map(|question| format!("{question}\n")).collect()
}

#[test]
fn every_text_of_the_corpus_is_counted_plain_and_smart() {
    let rows = rows(SEGMENTS);
    let question = |row: &Value, smart| json!({ "text": row["text"], "smart": smart });
    let plain: Vec<Value> = rows.iter().map(|row| question(row, false)).collect();
    let smart: Vec<Value> = rows.iter().map(|row| question(row, true)).collect();
    let answers = json_lines(&["segments", "--jsonl"], &lines(&[plain, smart].concat()));
    assert_eq!((rows.len(), answers.len()), (2_115, 2 * 2_115));
    for (row, answer) in rows.iter().zip(&answers) {
        assert_eq!((&answer["encoding"], &answer["units"]), (&row["enc"], &row["units"]), "{row}");
        let id = row["id"].as_u64().unwrap();
        if row.get("oracle_bug").is_none() && !NEWER_GRAPHEMES.contains(&id) {
            assert_eq!(answer["segments"], row["segs"], "{row}");
        }
    }
    for (row, answer) in rows.iter().zip(&answers[rows.len()..]) {
        let expected = row.get("smart").unwrap_or(row);
        assert_eq!((&answer["encoding"], &answer["units"]), (&expected["enc"], &expected["units"]), "{row}");
    }
}

#[test]
fn every_cell_of_the_corpus_is_a_number_with_its_zones_or_a_reason() {
    let rows = rows(PHONES);
    let questions: Vec<Value> = rows.iter().map(|row| json!({ "raw": row["raw"], "region": row["region"] })).collect();
    let answers = json_lines(&["phone", "--jsonl"], &lines(&questions));
    assert_eq!((rows.len(), answers.len()), (250, 250));
    for (row, answer) in rows.iter().zip(&answers) {
        let ours = OURS.iter().find(|(id, _)| row["id"] == *id).map(|(_, answer)| json!(answer));
        let theirs = if row["expected"] == "invalid" { &row["reason"] } else { &row["expected"] };
        let got = if answer["e164"].is_null() { &answer["reason"] } else { &answer["e164"] };
        assert_eq!(got, ours.as_ref().unwrap_or(theirs), "{row}");
        assert!(answer["e164"].is_null() != answer["reason"].is_null(), "{answer}");
        let is_toll_free = row["type"] == "TOLL_FREE" && answer["e164"].as_str().unwrap().starts_with("+1");
        if is_toll_free || answer["e164"].is_null() {
            assert_eq!(answer["zones"], json!([]), "{row}");
        }
    }
}

/// How a contact is described so that it has exactly these zones and rules; none where it cannot be.
fn contact(row: &Value) -> Option<Value> {
    let zones = row["zones"].as_array().unwrap();
    let states = [None, Some("GA"), Some("ID"), Some("AZ"), Some("ON")];
    let own = row["rules"].as_array().unwrap().iter().filter_map(|code| code.as_str().unwrap().strip_prefix("US-"));
    let phones = ["+18505550134", "+12705550134", "+16065550134", TOLL_FREE];
    let zone = (zones.len() == 1).then(|| zones[0].as_str().unwrap());
    let mut guesses = phones
        .iter()
        .flat_map(|phone| states.iter().copied().chain(own.clone().map(Some)).map(move |state| (*phone, state)));
    guesses.find_map(|(phone, state)| {
        let place = Place { zone, state, zip: None, phone: Phone::stored(phone)? };
        let found = candidates(&place, None).ok()?;
        let fits = json!(found.zones) == row["zones"] && json!(found.rules) == row["rules"];
        fits.then(|| json!({ "phone": phone, "state": state, "zone": zone, "at": row["utc"] }))
    })
}

#[test]
fn every_quiet_hour_of_the_corpus_that_a_contact_can_have_is_answered_as_worked_out() {
    let rows = rows(QUIET);
    let asked: Vec<(&Value, Value)> = rows.iter().filter_map(|row| Some((row, contact(row)?))).collect();
    // No contact can have the zones of the rest: the four of the mainland without Alaska and Hawaii.
    assert_eq!((rows.len(), asked.len()), (780, 768));
    let questions: Vec<Value> = asked.iter().map(|(_, question)| question.clone()).collect();
    let answers = json_lines(&["window", "--jsonl"], &lines(&questions));
    assert_eq!(answers.len(), asked.len());
    let mut on_holidays = 0;
    for ((row, _), answer) in asked.iter().zip(&answers) {
        // The cases know weekly windows alone: where they come to a legal holiday, it is later (see `domain`'s own test).
        if answer["next"] != row["next_utc"] && is_on_a_holiday(row) {
            on_holidays += 1;
            continue;
        }
        let expected = json!({
            "allowed": row["allowed"], "next": row["next_utc"], "zones": row["zones"], "rules": row["rules"],
        });
        assert_eq!(*answer, expected, "{row}");
    }
    assert_eq!(on_holidays, 13);
}

/// Whether the opening that a case names is on a day that one of its rules closes.
fn is_on_a_holiday(row: &Value) -> bool {
    let texts = |name: &str| {
        row[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let at: jiff::Timestamp = row["next_utc"].as_str().or(row["utc"].as_str()).unwrap().parse().unwrap();
    let rules: Vec<RuleCode> = texts("rules").iter().map(|code| code.parse().unwrap()).collect();
    texts("zones").iter().any(|zone| {
        let day = Zone::named(zone).unwrap().local(at).date();
        domain::holidays::closed(&rules, day).is_some()
    })
}

#[test]
fn the_zones_and_rules_follow_from_phone_state_and_zip() {
    let cases = [
        (json!({ "phone": "+18505550134" }), json!(["America/Chicago", "America/New_York"]), json!(["US", "US-FL"])),
        (
            json!({ "phone": "+18505550134", "state": "florida", "zip": "32501" }),
            json!(["America/Chicago"]),
            json!(["US", "US-FL"]),
        ),
        (
            json!({ "phone": "212 555 0134", "state": "TX", "zip": "" }),
            json!(["America/Chicago", "America/Denver", "America/New_York"]),
            json!(["US", "US-TX"]),
        ),
        (json!({ "phone": "+14165550134", "state": "" }), json!(["America/Toronto"]), json!(["CA"])),
    ];
    for (mut question, zones, rules) in cases {
        question["at"] = "2026-11-24T12:59:59.999999999Z".into();
        let answer = &json_lines(&["window", "--jsonl"], &lines(&[question.clone()]))[0];
        assert_eq!((&answer["zones"], &answer["rules"]), (&zones, &rules), "{question}");
        // A fraction before the opening second is closed, and the opening is a whole second.
        assert_eq!(answer["allowed"], false, "{question}");
        assert!(answer["next"].as_str().unwrap().ends_with(":00Z"), "{answer}");
    }
}

#[test]
fn bad_lines_are_named_in_their_place_and_the_rest_is_answered() {
    let input = concat!(
        "\u{feff}{\"phone\":\"+13055550134\",\"at\":\"2026-11-24T15:00:00Z\"}\r\n",
        "nonsense\n",
        "\n",
        "[\"+13055550134\",null,null,null,null]\n",
        "{\"at\":\"2026-11-24T15:00:00Z\"}\n",
        "{\"phone\":\"+13055550134\",\"state\":\"Bavaria\"}\n",
        "{\"phone\":\"+13055550134\",\"at\":\"tomorrow\"}\n",
        "{\"phone\":\"555\"}\n",
        "{\"phone\":\"+13055550134\",\"zone\":\"America/Springfield\"}\n",
        "{\"phone\":\"+13055550134\",\"at\":\"2026-11-24T15:00:00Z\",\"note\":\"more is ignored\"}",
    );
    let done = run(&["window", "--jsonl"], input);
    let answers: Vec<Value> = rows(&done.output);
    assert_eq!((done.code, answers.len()), (1, 10));
    let errors: Vec<&str> = answers.iter().map(|answer| answer["error"].as_str().unwrap_or("")).collect();
    let expected = [
        "",
        "line 2: not a JSON object",
        "line 3: not a JSON object",
        "line 4: not a JSON object",
        "line 5, column 29: missing field `phone`",
        "line 6: there is no state or province \"Bavaria\"",
        "line 7: \"tomorrow\" is no time",
        "line 8: \"555\" is no phone number: the number is too short",
        "line 9: there is no time zone named \"America/Springfield\"",
        "",
    ];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected) && error.is_empty() == expected.is_empty(), "{error}");
    }
    assert_eq!(done.errors, "error: 8 of 10 lines could not be answered; each of them has its `error` in the output\n");
}

#[test]
fn lines_that_are_no_text_or_too_long_are_bad_lines_too() {
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(1024 * 1024));
    let input = [b"{\"text\":\"\xff\"}\n".as_slice(), long.as_bytes(), b"\n{\"text\":\"a\"}\n"].concat();
    let done = run(&["segments", "--jsonl"], input);
    let answers = rows(&done.output);
    assert_eq!((done.code, answers.len()), (1, 3));
    assert!(answers[0]["error"].as_str().unwrap().starts_with("line 1, column "), "{}", answers[0]);
    assert_eq!(answers[1]["error"], "line 2: longer than 1048576 bytes");
    assert_eq!(answers[2], json!({ "encoding": "GSM-7", "units": 1, "segments": 1 }));
}
