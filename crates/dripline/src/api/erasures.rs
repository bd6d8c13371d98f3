//! Erasing a person, by a contact of theirs or by a phone.

use axum::Json;
use axum::extract::State;
use engine::Actor;
use engine::erasing::{Erasure, Person};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ids;
use super::jobs::{Job, go_on};
use super::request::{Body, Caller, KeyHeader};
use crate::problem::Problem;
use crate::wiring::Parts;

/// How to erase.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureBody {
    /// Whether the phones go on the do-not-contact list, by their hashes. Without it a file that still has them makes new contacts of them.
    do_not_contact: bool,
}

/// Whom to erase by a phone, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PhoneErasureBody {
    /// As people write it; without a country code it is taken as North American.
    #[schema(example = "(212) 555-0123")]
    phone: String,
    /// Whether the phones go on the do-not-contact list, by their hashes. Without it a file that still has them makes new contacts of them.
    do_not_contact: bool,
}

/// Erase the person of a contact
///
/// For good: all contacts of the person, those that were deleted too, lose phone, name, fields, notes and texts; what runs ends with its refund.
/// Ledger, figures and history stay, which hold identifiers only. Lists that forbid texting and consents stay under the hash of the phone.
/// Nothing finds or texts the person from the answer on; the job takes out the texts behind it.
#[utoipa::path(post, path = "/contacts/{id}/erase", operation_id = "eraseContact", tag = "Contacts",
    params(("id" = ids::Contact, Path, description = "A contact of the person, deleted or not."), KeyHeader),
    request_body = ErasureBody,
    responses((status = 200, description = "The job that takes out the texts.", body = Job)),
    extensions(("x-permission" = json!("contacts:erase")),
        ("x-problems" = json!(["not_found", "texts_on_the_way", "contact_arriving", "selection"]))))]
pub(crate) async fn by_contact(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
    Body(body): Body<ErasureBody>,
) -> Result<Json<Job>, Problem> {
    let erasure = Erasure { person: Person::Contact(id), do_not_contact: body.do_not_contact };
    erase(parts, actor, erasure).await
}

/// Erase whoever has or had a phone
///
/// As `eraseContact`; also finds those who were deleted.
#[utoipa::path(post, path = "/contacts/erase", operation_id = "erasePhone", tag = "Contacts", params(KeyHeader),
    request_body = PhoneErasureBody,
    responses((status = 200, description = "The job that takes out the texts.", body = Job)),
    extensions(("x-permission" = json!("contacts:erase")),
        ("x-problems" = json!(["not_found", "phone", "texts_on_the_way", "contact_arriving", "selection"]))))]
pub(crate) async fn by_phone(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<PhoneErasureBody>,
) -> Result<Json<Job>, Problem> {
    let erasure = Erasure { person: Person::Phone(body.phone), do_not_contact: body.do_not_contact };
    erase(parts, actor, erasure).await
}

async fn erase(parts: Parts, actor: Actor, erasure: Erasure) -> Result<Json<Job>, Problem> {
    let job = parts.engine.erase(&actor, erasure, None).await?;
    let answer = Job::from(&job);
    go_on(parts, actor, &job);
    Ok(Json(answer))
}
