//! Labels and lists: made once, given to contacts and taken from them.

use axum::Json;
use axum::extract::State;
use domain::ids::ContactId;
use engine::labels::{COLOURS, Labelling};
use serde::{Deserialize, Serialize};
use store::{DbError, labels};
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Body, Caller};
use super::words::{ColourWord, LabelKindWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// A label, or a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Label {
    id: ids::Label,
    kind: LabelKindWord,
    #[schema(example = "Hot lead")]
    name: String,
    /// How a label looks; a list is shown without it.
    colour: ColourWord,
}

impl From<&labels::Label> for Label {
    fn from(label: &labels::Label) -> Self {
        let (kind, colour) = (Word::of(label.kind.word()), Word::of(label.colour.clone()));
        Self { id: label.id.into(), kind, name: label.name.clone(), colour }
    }
}

/// A label or a list that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLabel {
    /// A label if not given.
    kind: Option<LabelKindWord>,
    /// 1 to 40 characters, of a list 80; no other label or list of the workspace has it.
    #[schema(example = "Hot lead")]
    name: String,
    /// Of a label; grey if not given.
    colour: Option<ColourWord>,
}

/// A label or a list as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelBody {
    /// 1 to 40 characters, of a list 80; no other label or list of the workspace has it.
    #[schema(example = "Hot lead")]
    name: String,
    /// As it is if not given.
    colour: Option<ColourWord>,
}

/// Whom a label is given to, or taken from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelledBody {
    /// At most 500.
    contacts: Vec<ids::Contact>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Labelled {
    /// The contacts that did not have the label before, or had it.
    changed: Vec<ids::Contact>,
}

/// The label that is no more.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeletedLabel {
    deleted: ids::Label,
}

/// List labels and lists
///
/// By name; at most 200 labels and 1,000 lists.
#[utoipa::path(get, path = "/labels", operation_id = "listLabels", tag = "Labels",
    responses((status = 200, description = "All of them.", body = All<Label>)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<Label>>, Problem> {
    let all = parts.engine.labels(&actor).await?;
    Ok(Json(All { data: all.iter().map(Label::from).collect() }))
}

/// Make a label or a list
///
/// A label marks conversations in the Messenger. A list holds contacts together, such as those of one file, and is not shown there. Contacts
/// are found by either (`listContacts`), and by both at once.
#[utoipa::path(post, path = "/labels", operation_id = "createLabel", tag = "Labels", request_body = NewLabel,
    responses((status = 200, description = "The label or list.", body = Label)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["name_taken", "settings_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<NewLabel>,
) -> Result<Json<Label>, Problem> {
    let kind = body.kind.as_ref().and_then(|kind| labels::Kind::from_word(kind.as_str()));
    let made = match kind {
        Some(labels::Kind::List) => parts.engine.create_contact_list(&actor, &body.name).await?,
        _ => {
            let colour = body.colour.as_ref().map_or(COLOURS[0], Word::as_str);
            parts.engine.create_label(&actor, &body.name, colour).await?
        }
    };
    Ok(Json(Label::from(&made)))
}

/// Change a label or a list
///
/// Whoever has it keeps it.
#[utoipa::path(put, path = "/labels/{id}", operation_id = "changeLabel", tag = "Labels",
    params(("id" = ids::Label, Path, description = "The label or list.")), request_body = LabelBody,
    responses((status = 200, description = "The label or list.", body = Label)),
    extensions(("x-permission" = json!("contacts:write")),
        ("x-problems" = json!(["not_found", "name_taken", "settings_invalid"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Label,
    Body(body): Body<LabelBody>,
) -> Result<Json<Label>, Problem> {
    let colour = body.colour.as_ref().map(Word::as_str);
    Ok(Json(Label::from(&parts.engine.change_label(&actor, id, &body.name, colour).await?)))
}

/// Delete a label or a list
///
/// Every contact loses it.
#[utoipa::path(delete, path = "/labels/{id}", operation_id = "deleteLabel", tag = "Labels",
    params(("id" = ids::Label, Path, description = "The label or list.")),
    responses((status = 200, description = "It is deleted.", body = DeletedLabel)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Label,
) -> Result<Json<DeletedLabel>, Problem> {
    parts.engine.delete_label(&actor, id).await?;
    Ok(Json(DeletedLabel { deleted: id.into() }))
}

/// Give contacts a label, or put them on a list
///
/// One that has it keeps it. If one of the contacts does not exist, nobody gets it.
#[utoipa::path(post, path = "/labels/{id}/give", operation_id = "giveLabel", tag = "Labels",
    params(("id" = ids::Label, Path, description = "The label or list.")), request_body = LabelledBody,
    responses((status = 200, description = "Who did not have it.", body = Labelled)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn give(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Label,
    Body(body): Body<LabelledBody>,
) -> Result<Json<Labelled>, Problem> {
    let changed = parts.engine.label_contacts(&actor, id, body.contacts(), Labelling::Give).await?;
    Ok(Json(Labelled { changed: changed.into_iter().map(Into::into).collect() }))
}

/// Take a label from contacts, or take them off a list
///
/// One that does not have it stays as it is. If one of the contacts does not exist, nobody loses it.
#[utoipa::path(post, path = "/labels/{id}/take", operation_id = "takeLabel", tag = "Labels",
    params(("id" = ids::Label, Path, description = "The label or list.")), request_body = LabelledBody,
    responses((status = 200, description = "Who had it.", body = Labelled)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "selection"]))))]
pub(crate) async fn take(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Label,
    Body(body): Body<LabelledBody>,
) -> Result<Json<Labelled>, Problem> {
    let changed = parts.engine.label_contacts(&actor, id, body.contacts(), Labelling::Take).await?;
    Ok(Json(Labelled { changed: changed.into_iter().map(Into::into).collect() }))
}

impl LabelledBody {
    fn contacts(self) -> Vec<ContactId> {
        self.contacts.into_iter().map(|ids::Id(contact)| contact).collect()
    }
}

/// Show the labels and lists of a contact
#[utoipa::path(get, path = "/contacts/{id}/labels", operation_id = "showContactLabels", tag = "Labels",
    params(("id" = ids::Contact, Path, description = "The contact.")),
    responses((status = 200, description = "By name.", body = All<Label>)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn of_contact(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
) -> Result<Json<All<Label>>, Problem> {
    parts.engine.contact(&actor, id).await?;
    let workspace = actor.workspace();
    let of = parts.engine.read::<_, DbError, _>(move |db| labels::of_contacts(db, workspace, &[id])).await?;
    Ok(Json(All { data: of.iter().map(|(_, label)| Label::from(label)).collect() }))
}
