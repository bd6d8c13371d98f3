//! Every row of an independent calculator's answers (`testdata/segments.jsonl`) against our count.
//!
//! Rows marked `oracle_bug` hold a fault of that calculator; for them only the text's units are compared.

use domain::{segments, smart};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    id: u32,
    text: String,
    enc: segments::Encoding,
    units: usize,
    segs: usize,
    seg_units: Vec<usize>,
    #[serde(default)]
    wire_segs: Option<usize>,
    #[serde(default)]
    smart: Option<SmartRow>,
    #[serde(default)]
    oracle_bug: Option<String>,
}

#[derive(Deserialize)]
struct SmartRow {
    text: String,
    enc: segments::Encoding,
    units: usize,
    segs: usize,
}

/// The calculator splits graphemes by Unicode 10; ours keep newer emoji sequences and Indic conjuncts whole,
/// so these count more (never less), which is what is quoted.
const NEWER_GRAPHEMES: [u32; 3] = [3803, 3817, 3863];

/// The characters whose joining changed since: the zero-width joiner and the virama of Devanagari.
const JOINERS: [char; 2] = ['\u{200D}', '\u{94D}'];

fn rows() -> Vec<Row> {
    let lines = include_str!("../testdata/segments.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("every line is a row")).collect()
}

#[test]
fn every_row_counts_as_the_calculator_does() {
    let rows = rows();
    assert_eq!(rows.len(), 2_115);
    let mut more = Vec::new();
    for row in &rows {
        let counted = segments::count(&row.text);
        assert_eq!((counted.encoding, counted.units), (row.enc, row.units), "row {}", row.id);
        if row.oracle_bug.is_some() {
            continue;
        }
        assert!(counted.segments >= row.segs.max(row.wire_segs.unwrap_or(0)), "row {}", row.id);
        if counted.segments > row.segs {
            more.push(row.id);
        }
        let units: Vec<_> = counted.parts.iter().map(|part| part.units).collect();
        if !row.text.contains(JOINERS) {
            assert_eq!(units, row.seg_units, "row {}", row.id);
        }
    }
    assert_eq!(more, NEWER_GRAPHEMES);
}

#[test]
fn every_row_is_smart_encoded_as_the_calculator_does() {
    for row in rows() {
        let encoded = smart::encode(&row.text);
        let expected = row.smart.as_ref().map_or(row.text.as_str(), |smart| smart.text.as_str());
        assert_eq!(encoded, expected, "row {}", row.id);
        if let Some(smart) = row.smart {
            let counted = segments::count(&encoded);
            assert_eq!((counted.encoding, counted.units), (smart.enc, smart.units), "row {}", row.id);
            assert!(counted.segments == smart.segs || NEWER_GRAPHEMES.contains(&row.id), "row {}", row.id);
        }
    }
}
