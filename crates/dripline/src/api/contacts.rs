//! Contacts: list, make, read, change, delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use engine::contacts::NewContact;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::request::{Asked, Body, Caller, KeyHeader, Page, Paging};
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
