//! Contacts: list, make, read, change, delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::ids::ContactId;
use engine::contacts::NewContact;
use engine::contacts::list::{Filter, Sort};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filter::Fitting;
use super::ids;
use super::request::{AskedPage, Body, Caller, KeyHeader, Page, Paging, wrong_cursor};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// What a cursor of a list by filters begins with: that list runs the other way.
const BEFORE: &str = "before-";

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
    /// What contacts share that came from one row of a file with several phones, or were merged.
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

/// List contacts
///
/// In the order of their making. With anything but `search` asked the newest come first, and a page may have fewer rows than `limit`, or none,
/// while `next` tells that there are more: at most 5,000 contacts are looked at for one. While contacts of a large import are being sorted in, `search`
/// finds some of them by the beginning of their phones only.
#[utoipa::path(get, path = "/contacts", operation_id = "listContacts", tag = "Contacts", params(Paging, Fitting),
    responses((status = 200, description = "A page of contacts.", body = Page<Contact>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    AskedPage(page, fitting): AskedPage<Fitting>,
) -> Result<Json<Page<Contact>>, Problem> {
    let limit = u32::try_from(page.limit()?).unwrap_or(u32::MAX);
    let filter = fitting.filter(&parts, &actor).await.map_err(|unfit| unfit.of(Code::Query))?;
    if filter == (Filter { search: filter.search.clone(), ..Filter::default() }) {
        let found = parts.engine.contacts(&actor, page.after()?, &filter.search, limit).await?;
        let next = found.next.map(|contact| contact.to_string());
        return Ok(Json(Page { data: found.contacts.iter().map(Contact::from).collect(), next }));
    }
    let cursor = page.cursor.map_or_else(|| Ok(String::new()), |text| before(&text))?;
    let found = parts.engine.list_contacts(&actor, &filter, Sort::Newest, &cursor, limit).await?;
    let next = found.next.map(|next| format!("{BEFORE}{next}"));
    Ok(Json(Page { data: found.contacts.iter().map(Contact::from).collect(), next }))
}

/// The contact that a cursor of a list by filters goes on before.
fn before(cursor: &str) -> Result<String, Problem> {
    let contact = cursor.strip_prefix(BEFORE).and_then(|text| text.parse::<ContactId>().ok());
    contact.map(|contact| contact.to_string()).ok_or_else(wrong_cursor)
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
