//! Every row of `testdata/phones.jsonl`: libphonenumber's answers on raw cells, and where we differ.

#![allow(clippy::unwrap_used)]

use domain::phone::{Phone, PhoneError, Region};
use serde_json::Value;

/// Rows where cleaning the cell first deliberately gives another answer than the raw cell would.
const OURS: &[(u64, &str, &str)] = &[
    (197, "empty", "nothing but a blank is an empty cell"),
    (211, "scientific_notation", "digits may be lost, and the person must be told why"),
    (213, "scientific_notation", "digits may be lost, and the person must be told why"),
    (215, "+12125550134", "a float's .0 is not part of the number"),
    (235, "two_numbers", "each number needs its own column"),
    (237, "words", "a word beside a number may change its meaning"),
    (239, "words", "a word beside a number may change its meaning"),
    (241, "words", "a do-not-contact mark must not be parsed away"),
    (243, "words", "a word beside a number may change its meaning"),
];

#[test]
fn every_row_agrees_with_libphonenumber_or_with_our_reason() {
    let rows = include_str!("../testdata/phones.jsonl").lines();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for row in rows.map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let region = Region::from_code(row["region"].as_str().unwrap()).unwrap();
        let answer = Phone::read(row["raw"].as_str().unwrap(), region);
        let got = match &answer {
            Ok(cell) => cell.phone.to_string(),
            Err(error) => error.code().to_owned(),
        };
        let theirs = if row["expected"] == "invalid" { &row["reason"] } else { &row["expected"] };
        let ours = OURS.iter().find(|(id, ..)| row["id"] == *id).map(|(_, answer, _)| *answer);
        if got != ours.unwrap_or(theirs.as_str().unwrap()) {
            wrong.push(format!("{row}: {got}"));
        }
        let extension = answer.ok().and_then(|cell| cell.extension);
        assert_eq!(extension.as_deref(), row["ext"].as_str(), "{row}");
        seen += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(seen, 250);
}

#[test]
fn a_number_of_a_new_area_code_is_refused_until_the_metadata_knows_it() {
    assert_eq!(Phone::parse("457-555-0148", Region::US), Err(PhoneError::NotValid));
}
