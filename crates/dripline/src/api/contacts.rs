//! Contacts: list, make, read, change, delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::ids::{ContactId, LabelId};
use domain::template::{STANDARD_FIELDS, key};
use engine::Actor;
use engine::contacts::NewContact;
use engine::contacts::list::{Activity, Filter, History, Sort, Standing};
use engine::contacts::wish::{FieldWish, MAX_VALUE, Wish};
use engine::imports::ImportsError;
use engine::workflows::SaveError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{DbError, contacts};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::request::{Asked, Body, Caller, KeyHeader, Page, Paging};
use super::words::{ContactStandingWord, HistoryWord, Word};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// The longest text that contacts are searched by, in characters; the rest is not looked at.
const MAX_SEARCH: usize = 200;

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

/// Which contacts, and which page of them. Whatever is asked has to hold.
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
    /// What they are.
    standing: Option<ContactStandingWord>,
    /// The name of a label that they have.
    label: Option<String>,
    /// The import that made them.
    import: Option<ids::Import>,
    /// A workflow that they are or were in, or never were: `workflow_history` says which; without it, that they are or were.
    workflow: Option<ids::Workflow>,
    /// What they have had to do with the workflow.
    workflow_history: Option<HistoryWord>,
    /// Their conversations moved since then, in either direction.
    active_since: Option<Timestamp>,
    /// Their conversations have not moved since then, or never.
    quiet_since: Option<Timestamp>,
    /// The name of a field, of which one of the three below is asked.
    field: Option<String>,
    /// It holds this; case and accents do not count.
    field_is: Option<String>,
    /// It has these words in it, the last perhaps as a beginning.
    field_has: Option<String>,
    /// Whether it holds anything.
    field_filled: Option<bool>,
}

fn unclear(what: impl Into<String>) -> Problem {
    Problem::new(Code::Query, what)
}

impl Search {
    /// What is asked of a field.
    fn wish(&self) -> Result<Option<FieldWish>, Problem> {
        let text = |text: &str| text.trim().chars().take(MAX_VALUE).collect::<String>();
        let wishes = [
            self.field_is.as_deref().map(|value| Wish::Is(text(value))),
            self.field_has.as_deref().map(|value| Wish::Has(text(value))),
            self.field_filled.map(|filled| if filled { Wish::Filled } else { Wish::Empty }),
        ];
        let mut wishes = wishes.into_iter().flatten();
        let (wish, more) = (wishes.next(), wishes.next().is_some());
        match (self.field.as_deref().map(key), wish) {
            (None, None) => Ok(None),
            _ if more => Err(unclear("of `field_is`, `field_has` and `field_filled` one can be asked at a time")),
            (Some(_), None) => Err(unclear("`field` says nothing without `field_is`, `field_has` or `field_filled`")),
            (None, Some(_)) => Err(unclear("`field_is`, `field_has` and `field_filled` need `field`")),
            (Some(_), Some(Wish::Is(value) | Wish::Has(value))) if value.is_empty() => {
                Err(unclear("what the field is to hold is empty; `field_filled=false` finds those that hold nothing"))
            }
            (Some(key), Some(wish)) => Ok(Some(FieldWish { key, wish })),
        }
    }

    fn history(&self) -> Result<Option<History>, Problem> {
        let word = self.workflow_history.as_ref().map(Word::as_str);
        match (self.workflow, word) {
            (None, Some(_)) => Err(unclear("`workflow_history` says nothing without `workflow`")),
            (None, None) => Ok(None),
            (Some(ids::Id(workflow)), Some("in")) => Ok(Some(History::Running(workflow))),
            (Some(ids::Id(workflow)), Some("never")) => Ok(Some(History::Never(workflow))),
            (Some(ids::Id(workflow)), _) => Ok(Some(History::Been(workflow))),
        }
    }

    async fn label(&self, parts: &Parts, actor: &Actor) -> Result<Option<LabelId>, Problem> {
        let Some(name) = self.label.as_deref() else { return Ok(None) };
        let wanted = name.trim().to_lowercase();
        let known = parts.engine.labels(actor).await?.into_iter().find(|label| label.name.to_lowercase() == wanted);
        known.map(|label| Some(label.id)).ok_or_else(|| unclear(format!("there is no label {name:?}")))
    }

    /// Refuses what is not there: by a wrong name everybody would be found who has nothing to do with it.
    async fn known(&self, parts: &Parts, actor: &Actor) -> Result<(), Problem> {
        if let Some(ids::Id(import)) = self.import {
            match parts.engine.find_import(actor, import).await {
                Ok(_) => {}
                Err(ImportsError::Unknown) => return Err(unclear(format!("there is no import {import}"))),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(ids::Id(workflow)) = self.workflow {
            match parts.engine.workflow(actor, workflow).await {
                Ok(_) => {}
                Err(SaveError::Unknown) => return Err(unclear(format!("there is no workflow {workflow}"))),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(name) = &self.field {
            let (wanted, workspace) = (key(name), actor.workspace());
            let own = parts.engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
            let standard = STANDARD_FIELDS.iter().any(|field| *field != "Phone" && key(field) == wanted);
            if !standard && !own.iter().any(|(field, _)| *field == wanted) {
                return Err(unclear(format!("there is no field {name:?}; a phone is found by `search`")));
            }
        }
        Ok(())
    }

    /// What is asked beside the words.
    async fn filter(&self, parts: &Parts, actor: &Actor) -> Result<Filter, Problem> {
        let activity = match (self.active_since, self.quiet_since) {
            (Some(_), Some(_)) => {
                return Err(unclear("of `active_since` and `quiet_since` one can be asked at a time"));
            }
            (since, quiet) => since.map(Activity::Since).or(quiet.map(Activity::NotSince)),
        };
        self.known(parts, actor).await?;
        let standing = self.standing.as_ref().and_then(|word| Standing::from_word(word.as_str()));
        let (import, label) = (self.import.map(|ids::Id(import)| import), self.label(parts, actor).await?);
        let (history, field) = (self.history()?, self.wish()?);
        Ok(Filter { search: String::new(), standing, import, label, history, activity, field })
    }
}

/// List contacts
///
/// In the order of their making. With anything but `search` asked the newest come first, and a page may have fewer rows than `limit`, or none,
/// while `next` tells that there are more: at most 5,000 contacts are looked at for one.
#[utoipa::path(get, path = "/contacts", operation_id = "listContacts", tag = "Contacts", params(Search),
    responses((status = 200, description = "A page of contacts.", body = Page<Contact>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(asked): Asked<Search>,
) -> Result<Json<Page<Contact>>, Problem> {
    let page = Paging { limit: asked.limit, cursor: asked.cursor.clone() };
    let limit = u32::try_from(page.limit()?).unwrap_or(u32::MAX);
    let after: Option<ContactId> = page.after()?;
    let words = asked.search.as_deref().unwrap_or_default();
    let filter = asked.filter(&parts, &actor).await?;
    if filter == Filter::default() {
        let found = parts.engine.contacts(&actor, after, words, limit).await?;
        let next = found.next.map(|contact| contact.to_string());
        return Ok(Json(Page { data: found.contacts.iter().map(Contact::from).collect(), next }));
    }
    let filter = Filter { search: words.trim().chars().take(MAX_SEARCH).collect(), ..filter };
    let cursor = page.cursor.unwrap_or_default();
    let found = parts.engine.list_contacts(&actor, &filter, Sort::Newest, &cursor, limit).await?;
    Ok(Json(Page { data: found.contacts.iter().map(Contact::from).collect(), next: found.next }))
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
