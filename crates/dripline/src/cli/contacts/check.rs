//! What `dripline contacts import --dry-run` says: what the import would do.

use std::path::Path;

use engine::import::check::{FieldDiff, ImportCheck, Sampled};
use serde_json::{Value, json};

use super::report;
use crate::cli::table::Table;

/// As a document: what an import says, and what would become of whom.
pub(super) fn document(found: &ImportCheck, rejected: Option<&Path>) -> Value {
    let mut document = report::document(None, &found.report, rejected);
    if let Value::Object(fields) = &mut document {
        fields.insert("dry_run".to_owned(), json!(true));
        fields.insert("suppressed".to_owned(), json!(found.suppressed));
        fields.insert("new_fields".to_owned(), json!(found.new_fields));
        fields.insert("changed".to_owned(), json!(found.changed));
        fields.insert("made".to_owned(), json!(found.made));
    }
    document
}

pub(super) fn words(path: &Path, found: &ImportCheck, rejected: Option<&Path>) -> String {
    let head = format!("{}: nothing was stored ({})\n", path.display(), report::form(&found.report));
    let counts = &found.report.counts;
    let mut table = Table::new(Vec::<String>::new());
    for (what, count) in [
        ("rows", counts.rows),
        ("contacts would be made", counts.created),
        ("contacts would get new values", counts.updated),
        ("contacts have all of it", counts.unchanged),
        ("names would be recapitalized", counts.recased),
        ("phones stood further up", counts.duplicates),
        ("contacts are on a list that forbids texting", found.suppressed),
        ("consents would be recorded", counts.consents),
        ("rows would have no consent", counts.without_consent.unwrap_or(0)),
        ("rows would be rejected", counts.rejected),
    ] {
        table.row([format!("  {what}"), count.to_string()]);
    }
    let mut text = head + &table.text();
    if !found.new_fields.is_empty() {
        text.push_str(&format!("\nNew fields of the workspace: {}\n", found.new_fields.join(", ")));
    }
    text.push_str(&sample("Some that would change", &found.changed));
    text.push_str(&sample("Some that would be made", &found.made));
    text + &report::told(&found.report, rejected)
}

fn sample(head: &str, sampled: &[Sampled]) -> String {
    if sampled.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{head}\n");
    for one in sampled {
        let joined = if one.joined { "; one person with the other phones of its row" } else { "" };
        text.push_str(&format!("  row {}: {} {}{joined}\n", one.row, one.name, one.phone));
        text.extend(one.fields.iter().map(diff));
    }
    text
}

fn diff(diff: &FieldDiff) -> String {
    let FieldDiff { field, before, after, in_file } = diff;
    let before = before.as_ref().map(|before| format!("{before:?} -> ")).unwrap_or_default();
    let in_file = in_file.as_ref().map(|text| format!(" (the file has {text:?})")).unwrap_or_default();
    format!("    {field}: {before}{after:?}{in_file}\n")
}
