//! What `dripline contacts import` says of a file: counts, columns, rejected rows, warnings.

use std::path::Path;

use domain::ids::ImportId;
use engine::import::{Encoding, ImportReport, Meaning};
use serde_json::{Value, json};

use crate::cli::table::Table;

/// How many rejected rows and warnings are shown.
const SHOWN: usize = 10;

fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16Le => "UTF-16LE",
        Encoding::Utf16Be => "UTF-16BE",
        Encoding::Workbook => "Excel workbook",
    }
}

/// The field that a column fills.
fn meaning(meaning: &Meaning) -> Option<&str> {
    match meaning {
        Meaning::Phone => Some("Phone"),
        Meaning::Field { name, .. } => Some(name),
        Meaning::Consent(part) => Some(part.name()),
        Meaning::Ignored => None,
    }
}

/// What separated the cells of a text; a workbook has cells.
fn separator(report: &ImportReport) -> Option<char> {
    (report.encoding != Encoding::Workbook).then_some(report.separator)
}

/// How the file was read.
pub(super) fn form(report: &ImportReport) -> String {
    match separator(report) {
        None => encoding(report.encoding).to_owned(),
        Some('\t') => format!("{}, cells separated by tabs", encoding(report.encoding)),
        Some(other) => format!("{}, cells separated by {other:?}", encoding(report.encoding)),
    }
}

/// Of an import, or of a check, which makes none.
pub(super) fn document(import: Option<ImportId>, report: &ImportReport, rejected: Option<&Path>) -> Value {
    let columns = report.columns.iter();
    let columns = columns.map(|column| json!({ "header": column.header, "field": meaning(&column.meaning) }));
    let rejects = report.rejects.iter();
    let rejects = rejects.map(|row| json!({ "row": row.row, "line": row.line, "reason": row.reason.to_string() }));
    let warnings = report.warnings.iter();
    let warnings = warnings.map(|row| json!({ "row": row.row, "line": row.line, "warning": row.warning.to_string() }));
    json!({
        "import": import, "counts": report.counts, "encoding": encoding(report.encoding), "separator": separator(report),
        "columns": columns.collect::<Vec<_>>(), "rejects": rejects.collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(), "rejected_file": rejected,
    })
}

pub(super) fn words(path: &Path, import: ImportId, report: &ImportReport, rejected: Option<&Path>) -> String {
    let counts = &report.counts;
    let head = format!("Imported {} ({}) as {import}\n", path.display(), form(report));
    let mut table = Table::new(Vec::<String>::new());
    for (what, count) in [
        ("rows", counts.rows),
        ("new contacts", counts.created),
        ("contacts with new values", counts.updated),
        ("contacts that had all of it", counts.unchanged),
        ("names recapitalized", counts.recased),
        ("phones that stood further up", counts.duplicates),
        ("consents recorded", counts.consents),
        ("rows without a consent", counts.without_consent.unwrap_or(0)),
        ("rows rejected", counts.rejected),
    ] {
        table.row([format!("  {what}"), count.to_string()]);
    }
    let mut columns = Table::new(Vec::<String>::new());
    for column in &report.columns {
        columns.row([format!("  {}", column.header), meaning(&column.meaning).unwrap_or("(left out)").to_owned()]);
    }
    [head, table.text(), "\nColumns and what they fill\n".to_owned(), columns.text(), told(report, rejected)].concat()
}

/// The rejected rows and the warnings, as many as a person reads.
pub(super) fn told(report: &ImportReport, rejected: Option<&Path>) -> String {
    let counts = &report.counts;
    let mut text = String::new();
    if counts.rejected > 0 {
        let place = match rejected {
            Some(path) => format!("; all of them are in {}", path.display()),
            None => "; --rejected FILE keeps all of them".to_owned(),
        };
        text.push_str(&format!("\nRejected{place}\n"));
        let rows = report.rejects.iter().take(SHOWN);
        text.extend(rows.map(|row| format!("  line {}: {}\n", row.line, row.reason)));
    }
    if counts.warned > 0 {
        text.push_str("\nTaken, but look at these\n");
        let rows = report.warnings.iter().take(SHOWN);
        text.extend(rows.map(|row| format!("  line {}: {}\n", row.line, row.warning)));
    }
    let more = |all: u64| all.saturating_sub(u64::try_from(SHOWN).unwrap_or(u64::MAX));
    let hidden = more(counts.rejected) + more(counts.warned);
    if hidden > 0 {
        text.push_str(&format!("  … and {hidden} more\n"));
    }
    text
}
