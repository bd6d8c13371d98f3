//! Contacts: list, make, read, change, delete, import, suppress.

use std::collections::BTreeMap;
use std::io::Cursor;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use domain::ids::ContactId;
use domain::suppression::Suppression;
use engine::contacts::NewContact;
use engine::import::{ImportOptions, ImportOutlets};
use serde::Deserialize;
use serde_json::{Value, json};
use store::contacts::Contact;

use super::{Body, Caller, Page, id};
use crate::problem::Problem;
use crate::wiring::Parts;

fn contact(row: &Contact) -> Value {
    let fields: BTreeMap<&str, &str> = row.fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    json!({
        "id": row.id, "phone": row.phone, "name": row.name, "fields": fields, "person": row.person,
        "number": row.number, "created_at": row.created_at, "updated_at": row.updated_at,
        "reassigned_at": row.reassigned_at,
    })
}

pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let limit = u32::try_from(page.limit()?).unwrap_or(u32::MAX);
    let search = page.search.as_deref().unwrap_or_default();
    let found = parts.engine.contacts(&actor, page.after()?, search, limit).await?;
    Ok(Json(json!({ "data": found.contacts.iter().map(contact).collect::<Vec<_>>(), "next": found.next })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactBody {
    phone: String,
    name: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<ContactBody>,
) -> Result<Json<Value>, Problem> {
    let fields = body.fields.into_iter().collect();
    let new = NewContact { phone: body.phone, region: None, name: body.name, fields, person: None };
    Ok(Json(contact(&parts.engine.create_contact(&actor, new).await?)))
}

pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(contact(&parts.engine.contact(&actor, id(&text, "the contact")?).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditBody {
    fields: BTreeMap<String, Option<String>>,
}

pub(crate) async fn edit(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Body(body): Body<EditBody>,
) -> Result<Json<Value>, Problem> {
    let changes = body.fields.into_iter().collect();
    Ok(Json(contact(&parts.engine.edit_contact(&actor, id(&text, "the contact")?, changes).await?)))
}

pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    parts.engine.delete_contact(&actor, id(&text, "the contact")?).await?;
    Ok(Json(json!({ "deleted": text })))
}

pub(crate) async fn import(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let source = Cursor::new(body);
    let imported = parts.engine.import_contacts(&actor, source, ImportOptions::default(), ImportOutlets::default());
    let report = imported.await?;
    let rejects = report.rejects.iter();
    let rejects = rejects.map(|row| json!({ "row": row.row, "line": row.line, "reason": row.reason.to_string() }));
    Ok(Json(json!({ "counts": report.counts, "rejects": rejects.collect::<Vec<_>>() })))
}

pub(crate) async fn suppressions(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    let kinds = parts.engine.suppressions(&actor, id(&text, "the contact")?).await?;
    Ok(Json(json!({ "data": kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>() })))
}

fn listed(text: &str, kind: &str) -> Result<(ContactId, Suppression), Problem> {
    let kind = Suppression::from_word(kind).ok_or_else(|| Problem::not_found("this list"))?;
    Ok((id(text, "the contact")?, kind))
}

pub(crate) async fn suppress(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path((text, kind)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (contact, kind) = listed(&text, &kind)?;
    let changed = parts.engine.suppress(&actor, contact, kind).await?;
    Ok(Json(json!({ "changed": changed })))
}

pub(crate) async fn unsuppress(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path((text, kind)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (contact, kind) = listed(&text, &kind)?;
    let changed = parts.engine.unsuppress(&actor, contact, kind).await?;
    Ok(Json(json!({ "changed": changed })))
}
