//! Files of contacts: their import, what it would do, and what became of earlier ones.

use std::io::Cursor;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use domain::consent::Kind;
use domain::ids::ImportId;
use engine::Actor;
use engine::import::check::{FieldDiff, ImportCheck, Sampled};
use engine::import::{
    FileConsent, ImportError, ImportOptions, ImportOutlets, ImportProgress, ImportReport, OnDuplicate,
};
use engine::imports::{self, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::request::{Asked, Caller, File, Page, Paging};
use super::words::{ConsentKindWord, DuplicateWord, ImportStateWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// What an import did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    /// The import, which can be undone.
    import: ids::Import,
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
    /// Rows that were taken and of which no consent could be recorded; null of imports from before it was counted.
    without_consent: Option<u64>,
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

fn rejects(report: &ImportReport) -> Vec<Reject> {
    let reject = |row: &engine::import::Reject| Reject { row: row.row, line: row.line, reason: row.reason.to_string() };
    report.rejects.iter().map(reject).collect()
}

impl From<ImportProgress> for ImportCounts {
    fn from(counts: ImportProgress) -> Self {
        Self {
            rows: counts.rows,
            blank: counts.blank,
            rejected: counts.rejected,
            warned: counts.warned,
            recased: counts.recased,
            without_consent: counts.without_consent,
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
    /// The name of the file, for the list of imports and for records of consent; `contacts.csv` without it.
    file_name: Option<String>,
    /// The name of a list that all contacts of the file are put on, also those that are there already. It is made if there is none.
    list: Option<String>,
    /// `true` says that of these people's consent nothing is recorded. Every import says it, or how they agreed: of everybody with
    /// `consent_kind`, `consent_source` and `consent_date`, or of each row in columns.
    no_consent: Option<bool>,
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
    fn options(self, body: &Bytes) -> ImportOptions {
        let overwrite = self.on_duplicate.as_ref().is_some_and(|word| word.as_str() == "overwrite");
        let on_duplicate = if overwrite { OnDuplicate::Overwrite } else { OnDuplicate::FillEmpty };
        let kind = self.consent_kind.and_then(|word| Kind::from_word(word.as_str()));
        let consent = FileConsent {
            kind: kind.filter(|kind| *kind != Kind::Revoked),
            source: self.consent_source.unwrap_or_default(),
            date: self.consent_date.unwrap_or_default(),
            text: self.consent_text.unwrap_or_default(),
        };
        let (recase, no_consent) = (self.recase_names.unwrap_or(false), self.no_consent.unwrap_or(false));
        let (file, bytes) = (self.file_name, Some(body.len() as u64));
        let list = self.list.unwrap_or_default();
        ImportOptions { on_duplicate, list, consent, no_consent, recase, file, bytes, ..ImportOptions::default() }
    }
}

/// Import contacts from a CSV file or an Excel workbook
///
/// The body is the file: UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons or tabs, or an XLSX workbook, of which the
/// first visible sheet with rows is read; the column names in the first row. Phones that are there already keep their contact, whose empty fields are filled; so a repeat is harmless.
/// The query says how the people agreed to be texted, or `no_consent=true`, unless columns do. The import is in `listImports`, and `undoImport` undoes it.
#[utoipa::path(post, path = "/contacts/import", operation_id = "importContacts", tag = "Contacts", params(Importing),
    request_body(content = String, content_type = "text/csv", description = "The file.",
        example = json!("Phone,First Name,Address\n(212) 555-0123,Ann,12 Oak Street\n")),
    responses((status = 200, description = "What became of the rows.", body = Imported)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["query", "body", "body_too_large", "import_refused", "name_taken", "settings_invalid"]))))]
pub(crate) async fn import(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(importing): Asked<Importing>,
    File(bytes): File,
) -> Result<Json<Imported>, Problem> {
    let options = importing.options(&bytes);
    // Whoever hangs up does not break it off: it is done, and in the list.
    let work = tokio::spawn(async move {
        parts.engine.import_file(&actor, Cursor::new(bytes), options, ImportOutlets::default()).await
    });
    let (import, report) = work.await.map_err(|_| ImportError::Ending)??;
    Ok(Json(Imported { import: import.id.into(), rejects: rejects(&report), counts: report.counts.into() }))
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
        let (rejects, counts) = (rejects(&report), report.counts.into());
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
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["query", "body", "body_too_large", "import_refused", "name_taken", "settings_invalid"]))))]
pub(crate) async fn check(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(importing): Asked<Importing>,
    File(bytes): File,
) -> Result<Json<Checked>, Problem> {
    let options = importing.options(&bytes);
    let checked = parts.engine.check_import(&actor, Cursor::new(bytes), options, ImportOutlets::default());
    Ok(Json(checked.await?.into()))
}

/// An import, by whoever and however it came in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Import {
    id: ids::Import,
    /// The file's name.
    file_name: String,
    state: ImportStateWord,
    counts: ImportCounts,
    /// Why it failed.
    error: Option<String>,
    /// What its undoing did so far.
    undoing: Undoing,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What the undoing of an import did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Undoing {
    /// Contacts that it had made, deleted.
    deleted: i64,
    /// Contacts that it had made and that stay, since they were edited, texted, enrolled or written about; known at the end.
    kept: i64,
    /// Contacts that were there before and are as the import found them.
    restored: i64,
    /// Contacts that were there before and differ from that, since somebody or a later import changed them.
    altered: i64,
}

impl From<&imports::Import> for Import {
    fn from(row: &imports::Import) -> Self {
        let Outcome { error, undone, kept, restored, altered, .. } = imports::read(&row.outcome);
        Self {
            id: row.id.into(),
            file_name: row.file_name.clone(),
            state: Word::of(row.state.clone()),
            counts: imports::read::<ImportProgress>(&row.counts).into(),
            error,
            undoing: Undoing { deleted: undone, kept, restored, altered },
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// List imports
///
/// Newest first: from pages, the command line and here.
#[utoipa::path(get, path = "/imports", operation_id = "listImports", tag = "Contacts", params(Paging),
    responses((status = 200, description = "A page of imports.", body = Page<Import>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<Import>>, Problem> {
    let (before, limit) = (paging.after()?.unwrap_or(ImportId(i64::MAX)), paging.limit()?);
    let rows = parts.engine.imports(&actor, before, limit).await?;
    Ok(Json(Page::of(&rows, limit, |row| row.id.to_string())))
}

/// Show an import
#[utoipa::path(get, path = "/imports/{id}", operation_id = "showImport", tag = "Contacts",
    params(("id" = ids::Import, Path, description = "The import.")),
    responses((status = 200, description = "The import.", body = Import)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Import,
) -> Result<Json<Import>, Problem> {
    Ok(Json(Import::from(&parts.engine.find_import(&actor, id).await?)))
}

/// Undo an import
///
/// Goes on by itself; `showImport` tells how far it is. Contacts that the import made are deleted, but for those that were edited, texted,
/// enrolled or written about since. Contacts that were there before get their former values and person back, and lose the label and list that it gave, but for what
/// somebody has changed since; that is known for 30 days. Consents and the workspace's own fields stay.
#[utoipa::path(post, path = "/imports/{id}/undo", operation_id = "undoImport", tag = "Contacts",
    params(("id" = ids::Import, Path, description = "The import.")),
    responses((status = 200, description = "The import, being undone.", body = Import)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "import_refused"]))))]
pub(crate) async fn undo(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Import,
) -> Result<Json<Import>, Problem> {
    let import = parts.engine.begin_undo(&actor, id).await?;
    go_on_undoing(&parts, actor, id);
    Ok(Json(Import::from(&import)))
}

/// Undoes an import that is in hand, beside the requests.
pub(crate) fn go_on_undoing(parts: &Parts, actor: Actor, id: ImportId) {
    let engine = parts.engine.clone();
    tokio::spawn(async move {
        if let Err(error) = engine.run_undo(&actor, id).await {
            tracing::error!(%id, %error, "the undoing of an import broke off; it goes on by itself");
        }
    });
}
