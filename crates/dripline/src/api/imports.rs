//! Files of contacts: their import, and what it would do.

use std::io::Cursor;

use axum::Json;
use axum::extract::State;
use domain::consent::Kind;
use engine::import::check::{FieldDiff, ImportCheck, Sampled};
use engine::import::{FileConsent, ImportOptions, ImportOutlets, ImportProgress, ImportReport, OnDuplicate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::request::{Asked, Caller, File};
use super::words::{ConsentKindWord, DuplicateWord};
use crate::problem::Problem;
use crate::wiring::Parts;

/// What an import did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    counts: ImportCounts,
    /// The first 100 rows that were not taken.
    rejects: Vec<Reject>,
}

/// How many of what. Rows are rows of the file, contacts are phones.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportCounts {
    /// Rows read, without blank ones and the column names.
    rows: u64,
    /// Rows without any value.
    blank: u64,
    /// Rows that were not taken.
    rejected: u64,
    /// Warnings about rows that were taken.
    warned: u64,
    /// Names that were in capitals, or all small, and are written as people write them.
    recased: u64,
    /// Phones that stood further up in the file; they fill empty fields at most.
    duplicates: u64,
    /// Contacts made.
    created: u64,
    /// Contacts that were there and got new values.
    updated: u64,
    /// Contacts that were there and had all of it.
    unchanged: u64,
    /// Records of consent that were added.
    consents: u64,
}

/// A row that was not taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reject {
    /// Its number, as a spreadsheet counts; the column names are row 1.
    row: u64,
    /// The line of the file that it begins on, from 1.
    line: u64,
    /// Why, in plain words.
    reason: String,
}

impl From<ImportReport> for Imported {
    fn from(report: ImportReport) -> Self {
        let rejects = report.rejects.into_iter();
        let rejects = rejects.map(|row| Reject { row: row.row, line: row.line, reason: row.reason.to_string() });
        Self { counts: report.counts.into(), rejects: rejects.collect() }
    }
}

impl From<ImportProgress> for ImportCounts {
    fn from(counts: ImportProgress) -> Self {
        Self {
            rows: counts.rows,
            blank: counts.blank,
            rejected: counts.rejected,
            warned: counts.warned,
            recased: counts.recased,
            duplicates: counts.duplicates,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            consents: counts.consents,
        }
    }
}

/// How a file is imported.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Importing {
    /// What happens to contacts that are there already; without it their empty fields are filled.
    on_duplicate: Option<DuplicateWord>,
    /// Whether names in capitals, or all small, are written as people write them: `JOHN O'NEIL` as `John O'Neil`; without it they stay.
    recase_names: Option<bool>,
    /// The consent of everybody in the file; columns of a row (`Consent Kind`, `Consent Source`, `Consent Date`,
    /// `Consent Text`) go before it. A record needs kind, source and date; it lifts no opt-out.
    consent_kind: Option<ConsentKindWord>,
    /// How that consent came about.
    consent_source: Option<String>,
    /// When it was given, such as `2026-03-03`.
    consent_date: Option<String>,
    /// The text that they agreed to, word for word.
    consent_text: Option<String>,
}

impl Importing {
    fn options(self) -> ImportOptions {
        let overwrite = self.on_duplicate.as_ref().is_some_and(|word| word.as_str() == "overwrite");
        let on_duplicate = if overwrite { OnDuplicate::Overwrite } else { OnDuplicate::FillEmpty };
        let kind = self.consent_kind.and_then(|word| Kind::from_word(word.as_str()));
        let consent = FileConsent {
            kind: kind.filter(|kind| *kind != Kind::Revoked),
            source: self.consent_source.unwrap_or_default(),
            date: self.consent_date.unwrap_or_default(),
            text: self.consent_text.unwrap_or_default(),
        };
        let recase = self.recase_names.unwrap_or(false);
        ImportOptions { on_duplicate, consent, recase, ..ImportOptions::default() }
    }
}

/// Import contacts from a CSV file or an Excel workbook
///
/// The body is the file: UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons or tabs, or an XLSX workbook, of which the
/// first visible sheet with rows is read; the column names in the first row. Phones that are there already keep their contact, whose empty fields are filled; so a repeat is harmless.
#[utoipa::path(post, path = "/contacts/import", operation_id = "importContacts", tag = "Contacts", params(Importing),
    request_body(content = String, content_type = "text/csv", description = "The file.",
        example = json!("Phone,First Name,Address\n(212) 555-0123,Ann,12 Oak Street\n")),
    responses((status = 200, description = "What became of the rows.", body = Imported)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["query", "body", "body_too_large", "import_refused"]))))]
pub(crate) async fn import(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(importing): Asked<Importing>,
    File(bytes): File,
) -> Result<Json<Imported>, Problem> {
    let source = Cursor::new(bytes);
    let imported = parts.engine.import_contacts(&actor, source, importing.options(), ImportOutlets::default());
    Ok(Json(imported.await?.into()))
}

/// What an import would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checked {
    counts: ImportCounts,
    /// Contacts of the file whose phone is on a list that forbids texting.
    suppressed: u64,
    /// Names of the fields that the workspace would get.
    new_fields: Vec<String>,
    /// The first contacts that would change.
    changed: Vec<ContactDiff>,
    /// The first contacts that would be made.
    made: Vec<ContactDiff>,
    /// The first 100 rows that would not be taken.
    rejects: Vec<Reject>,
}

/// What would become of one contact.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContactDiff {
    /// The row that has its phone first, as a spreadsheet counts.
    row: u64,
    /// In E.164.
    phone: String,
    /// The name that it would be listed under.
    name: String,
    /// The fields that would change.
    fields: Vec<ValueDiff>,
    /// Whether it would become one person with the other phones of its row.
    joined: bool,
}

/// A field that would change.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValueDiff {
    /// Its name.
    field: String,
    /// Its value now.
    before: Option<String>,
    /// Its value then.
    after: String,
    /// As the file has it, where that is written otherwise.
    in_file: Option<String>,
}

impl From<Sampled> for ContactDiff {
    fn from(one: Sampled) -> Self {
        let Sampled { row, phone, name, fields, joined } = one;
        let fields = fields.into_iter().map(|one| {
            let FieldDiff { field, before, after, in_file } = one;
            ValueDiff { field, before, after, in_file }
        });
        Self { row, phone, name, fields: fields.collect(), joined }
    }
}

impl From<ImportCheck> for Checked {
    fn from(found: ImportCheck) -> Self {
        let ImportCheck { report, suppressed, new_fields, changed, made } = found;
        let Imported { counts, rejects } = report.into();
        let diffs = |all: Vec<Sampled>| all.into_iter().map(Into::into).collect();
        Self { counts, suppressed, new_fields, changed: diffs(changed), made: diffs(made), rejects }
    }
}

/// Check what an import would do
///
/// The same file and query as for the import, read by the same rules; nothing is stored. What others do meanwhile it cannot know.
#[utoipa::path(post, path = "/contacts/import/check", operation_id = "checkImport", tag = "Contacts", params(Importing),
    request_body(content = String, content_type = "text/csv", description = "The file.",
        example = json!("Phone,First Name,Address\n(212) 555-0123,Ann,12 Oak Street\n")),
    responses((status = 200, description = "What would become of the rows.", body = Checked)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["query", "body", "body_too_large", "import_refused"]))))]
pub(crate) async fn check(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(importing): Asked<Importing>,
    File(bytes): File,
) -> Result<Json<Checked>, Problem> {
    let source = Cursor::new(bytes);
    let checked = parts.engine.check_import(&actor, source, importing.options(), ImportOutlets::default());
    Ok(Json(checked.await?.into()))
}
