//! Contacts: list, make, read, change, delete, import.

use std::collections::BTreeMap;
use std::io::Cursor;

use axum::Json;
use axum::extract::State;
use domain::consent::Kind;
use engine::contacts::NewContact;
use engine::import::{FileConsent, ImportOptions, ImportOutlets, ImportReport, OnDuplicate};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::request::{Asked, Body, Caller, File, KeyHeader, Page, Paging};
use super::words::{ConsentKindWord, DuplicateWord};
use crate::problem::Problem;
use crate::wiring::Parts;

/// One phone number of one person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Contact {
    id: ids::Contact,
    /// In E.164. It never changes.
    #[schema(example = "+12125550123")]
    phone: String,
    /// What the contact is listed under: full name, first and last name, company, or the phone.
    name: String,
    /// The values of its fields by their keys: lower case, without spaces and underscores.
    #[schema(example = json!({"firstname": "Ann", "address": "12 Oak Street"}))]
    fields: BTreeMap<String, String>,
    /// What contacts share that came from one row of a file with several phones.
    person: Option<ids::Person>,
    /// Our number that texts the contact.
    number: Option<ids::Number>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When somebody else turned out to have the phone; nothing while the contact is who it was.
    reassigned_at: Option<Timestamp>,
}

impl From<&store::contacts::Contact> for Contact {
    fn from(row: &store::contacts::Contact) -> Self {
        Self {
            id: row.id.into(),
            phone: row.phone.clone(),
            name: row.name.clone(),
            fields: row.fields.iter().cloned().collect(),
            person: row.person.map(Into::into),
            number: row.number.map(Into::into),
            created_at: row.created_at,
            updated_at: row.updated_at,
            reassigned_at: row.reassigned_at,
        }
    }
}

/// Which contacts, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// How many rows, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// The `next` of the page before; nothing for the first page.
    cursor: Option<String>,
    /// Only contacts that this finds: words or their beginnings, of name, e-mail address, company or street; or a phone, its
    /// beginning or its last seven or four digits. At most 2,000 are found.
    search: Option<String>,
}

/// List contacts
///
/// In the order of their making.
#[utoipa::path(get, path = "/contacts", operation_id = "listContacts", tag = "Contacts", params(Search),
    responses((status = 200, description = "A page of contacts.", body = Page<Contact>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(Search { limit, cursor, search }): Asked<Search>,
) -> Result<Json<Page<Contact>>, Problem> {
    let page = Paging { limit, cursor };
    let limit = u32::try_from(page.limit()?).unwrap_or(u32::MAX);
    let found = parts.engine.contacts(&actor, page.after()?, search.as_deref().unwrap_or_default(), limit).await?;
    let next = found.next.map(|contact| contact.to_string());
    Ok(Json(Page { data: found.contacts.iter().map(Contact::from).collect(), next }))
}

/// A contact to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewContactBody {
    /// As people write it; without a country code it is taken as North American.
    #[schema(example = "(212) 555-0123")]
    phone: String,
    /// The full name: the same as a field `Full Name`.
    #[schema(example = "Ann Lee")]
    name: Option<String>,
    /// Values by the names of their fields, in any spelling. An unknown name becomes a field of the workspace's own.
    #[serde(default)]
    #[schema(example = json!({"First Name": "Ann", "Address": "12 Oak Street"}))]
    fields: BTreeMap<String, String>,
}

/// Make a contact
#[utoipa::path(post, path = "/contacts", operation_id = "createContact", tag = "Contacts", params(KeyHeader),
    request_body = NewContactBody,
    responses((status = 200, description = "The contact.", body = Contact)),
    extensions(("x-permission" = json!("contacts:write")),
        ("x-problems" = json!(["phone", "phone_taken", "contact_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewContactBody>,
) -> Result<Json<Contact>, Problem> {
    let fields = body.fields.into_iter().collect();
    let new = NewContact { phone: body.phone, region: None, name: body.name, fields, person: None };
    Ok(Json(Contact::from(&parts.engine.create_contact(&actor, new).await?)))
}

/// Show a contact
#[utoipa::path(get, path = "/contacts/{id}", operation_id = "showContact", tag = "Contacts",
    params(("id" = ids::Contact, Path, description = "The contact.")),
    responses((status = 200, description = "The contact.", body = Contact)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
) -> Result<Json<Contact>, Problem> {
    Ok(Json(Contact::from(&parts.engine.contact(&actor, id).await?)))
}

/// What changes of a contact.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactChange {
    /// New values by the names of their fields; `null` takes a value away. Fields that are not named stay.
    #[schema(example = json!({"Address": "14 Oak Street", "Company": null}))]
    fields: BTreeMap<String, Option<String>>,
}

/// Change a contact's fields
///
/// What an enrollment says and costs was fixed at its start, and does not change with it.
#[utoipa::path(patch, path = "/contacts/{id}", operation_id = "changeContact", tag = "Contacts",
    params(("id" = ids::Contact, Path, description = "The contact.")), request_body = ContactChange,
    responses((status = 200, description = "The contact as it is now.", body = Contact)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "contact_invalid"]))))]
pub(crate) async fn edit(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
    Body(body): Body<ContactChange>,
) -> Result<Json<Contact>, Problem> {
    let changes = body.fields.into_iter().collect();
    Ok(Json(Contact::from(&parts.engine.edit_contact(&actor, id, changes).await?)))
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deleted {
    deleted: ids::Contact,
}

/// Delete a contact
///
/// Its running enrollment ends and what was not sent comes back. An opt-out of its phone stays in force.
#[utoipa::path(delete, path = "/contacts/{id}", operation_id = "deleteContact", tag = "Contacts",
    params(("id" = ids::Contact, Path, description = "The contact.")),
    responses((status = 200, description = "It is deleted.", body = Deleted)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
) -> Result<Json<Deleted>, Problem> {
    parts.engine.delete_contact(&actor, id).await?;
    Ok(Json(Deleted { deleted: id.into() }))
}

/// What an import did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    counts: ImportCounts,
    /// The first 1,000 rows that were not taken.
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
        let counts = report.counts;
        let counts = ImportCounts {
            rows: counts.rows,
            blank: counts.blank,
            rejected: counts.rejected,
            warned: counts.warned,
            duplicates: counts.duplicates,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            consents: counts.consents,
        };
        let rejects = report.rejects.into_iter();
        let rejects = rejects.map(|row| Reject { row: row.row, line: row.line, reason: row.reason.to_string() });
        Self { counts, rejects: rejects.collect() }
    }
}

/// How a file is imported.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Importing {
    /// What happens to contacts that are there already; without it their empty fields are filled.
    on_duplicate: Option<DuplicateWord>,
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
        ImportOptions { on_duplicate, consent, ..ImportOptions::default() }
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
