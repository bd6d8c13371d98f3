//! Records of consent: what a contact agreed to and took back. They are added and read, never changed.

use axum::Json;
use axum::extract::State;
use domain::consent::{Evidence, Kind, text_hash};
use domain::ids::ConsentId;
use engine::consents::{self, NewConsent, OptOut};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{Asked, Body, Caller, KeyHeader, Page, Paging, wrong_cursor};
use super::words::{ConsentKindWord, ConsentStandingWord, SuppressionWord, Word};
use crate::problem::Problem;
use crate::wiring::Parts;

/// One record.
#[derive(Serialize, ToSchema)]
pub(crate) struct Consent {
    id: ids::Consent,
    kind: ConsentKindWord,
    /// How it came about.
    #[schema(example = "web form")]
    source: String,
    /// The text that the person agreed to, word for word.
    text: Option<String>,
    /// SHA-256 of that text, in hexadecimal letters.
    text_sha256: Option<String>,
    /// When the person said it.
    given_at: Timestamp,
    /// The zone in which that time was told.
    zone: String,
    /// Until when it holds; nothing if for ever.
    expires_at: Option<Timestamp>,
    /// The inbound message in which the person said it, or the outbound one for which a carrier did.
    message: Option<ids::Message>,
    evidence: ConsentEvidence,
    /// The SHA-256 of the evidence as it was kept, where it was erased with the person.
    evidence_sha256: Option<String>,
    /// Who recorded it: a user, a key, `operator`, `contact`, `carrier`.
    actor: String,
    recorded_at: Timestamp,
}

/// What proves a record, as far as it is known.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConsentEvidence {
    /// The version of the text.
    version: Option<String>,
    /// Its language.
    #[schema(example = "en-US")]
    language: Option<String>,
    /// The page on which it was shown.
    url: Option<String>,
    /// The identifier of a certificate or of a proof that is kept elsewhere.
    certificate: Option<String>,
    /// The address from which the person agreed.
    ip: Option<String>,
    /// The browser in which they did.
    user_agent: Option<String>,
    /// The person's own words; a revocation needs them.
    words: Option<String>,
    /// The file from which it came.
    file: Option<String>,
}

impl From<ConsentEvidence> for Evidence {
    fn from(given: ConsentEvidence) -> Self {
        let ConsentEvidence { version, language, url, certificate, ip, user_agent, words, file } = given;
        Self { version, language, url, certificate, ip, user_agent, words, file, erased: None }
    }
}

impl From<&store::consents::Consent> for Consent {
    fn from(row: &store::consents::Consent) -> Self {
        let Evidence { version, language, url, certificate, ip, user_agent, words, file, erased } =
            row.evidence.clone();
        Self {
            id: row.id.into(),
            kind: Word::of(row.kind.word()),
            source: row.source.clone(),
            text_sha256: row.text.as_deref().map(text_hash),
            text: row.text.clone(),
            given_at: row.given_at,
            zone: row.zone.clone(),
            expires_at: row.expires_at,
            message: row.message.map(Into::into),
            evidence: ConsentEvidence { version, language, url, certificate, ip, user_agent, words, file },
            evidence_sha256: erased,
            actor: row.actor.clone(),
            recorded_at: row.recorded_at,
        }
    }
}

/// What holds for a contact, and a page of its records.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentHistory {
    standing: ConsentStandingWord,
    /// The newest first.
    data: Vec<Consent>,
    /// The cursor of the next page; nothing on the last one.
    next: Option<String>,
}

/// Show a contact's consent
///
/// Records belong to the phone: they outlive the contact, and are there again when it comes back.
#[utoipa::path(get, path = "/contacts/{id}/consents", operation_id = "listConsents", tag = "Consent",
    params(("id" = ids::Contact, Path, description = "The contact."), Paging),
    responses((status = 200, description = "What holds, and the records.", body = ConsentHistory)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["query", "limit", "cursor", "not_found"]))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
    Asked(page): Asked<Paging>,
) -> Result<Json<ConsentHistory>, Problem> {
    let limit = page.limit()?;
    let history = parts.engine.consents(&actor, id, page.after()?, limit).await?;
    let Page { data, next } = Page::of(&history.records, limit, |record| record.id.to_string());
    Ok(Json(ConsentHistory { standing: Word::of(history.standing.word()), data, next }))
}

/// What is to be recorded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConsentBody {
    kind: ConsentKindWord,
    /// How it came about.
    #[schema(example = "web form")]
    source: String,
    /// The text that the person agreed to, word for word. Every kind but `revoked` needs it.
    text: Option<String>,
    /// When the person said it; now, if it is left out.
    #[schema(example = "2025-03-03T16:30:00Z")]
    given_at: Option<Timestamp>,
    /// The zone in which that time was told; the workspace's, if it is left out.
    #[schema(example = "America/New_York")]
    zone: Option<String>,
    /// Until when it holds; for ever, if it is left out.
    #[schema(example = "2035-03-03T16:30:00Z")]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    evidence: ConsentEvidence,
    /// Whether it lifts the opt-out that stands against it: it must have been given after it, and the key needs
    /// `settings:write`. Lists that users or files put the phone on stay.
    #[serde(default)]
    #[schema(example = false)]
    lift_opt_out: bool,
}

/// What was recorded, and what that changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordedConsent {
    consent: Consent,
    /// Whether an opt-out was lifted.
    lifted_opt_out: bool,
    /// The lists that still forbid texting the contact.
    suppressions: Vec<SuppressionWord>,
}

/// Record a consent, or its revocation
///
/// A revocation opts the contact out as its own STOP does: what runs ends and what was not sent comes back.
#[utoipa::path(post, path = "/contacts/{id}/consents", operation_id = "recordConsent", tag = "Consent",
    params(("id" = ids::Contact, Path, description = "The contact."), KeyHeader), request_body = NewConsentBody,
    responses((status = 200, description = "The record.", body = RecordedConsent)),
    extensions(("x-permission" = json!("contacts:write")), ("x-problems" = json!(["not_found", "consent_invalid"]))))]
pub(crate) async fn record(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Contact,
    Body(body): Body<NewConsentBody>,
) -> Result<Json<RecordedConsent>, Problem> {
    let kind = Kind::from_word(body.kind.as_str()).ok_or_else(|| Problem::not_found("this kind of consent"))?;
    let NewConsentBody { source, text, given_at, zone, expires_at, evidence, lift_opt_out, .. } = body;
    let new = NewConsent { kind, source, text, given_at, zone, expires_at, evidence: evidence.into() };
    let opt_out = if lift_opt_out { OptOut::Lift } else { OptOut::Keep };
    let done = parts.engine.record_consent(&actor, id, new, opt_out).await?;
    Ok(Json(RecordedConsent {
        consent: Consent::from(&done.consent),
        lifted_opt_out: done.lifted,
        suppressions: done.lists.into_iter().map(Word::of).collect(),
    }))
}

/// A record and who has its phone now.
#[derive(Serialize, ToSchema)]
pub(crate) struct PhoneConsent {
    /// The contact that has the phone; nothing if it was deleted.
    contact: Option<ids::Contact>,
    /// Its phone.
    phone: Option<String>,
    /// What stands for the phone when the contact is gone: records of one phone have the same.
    phone_hash: String,
    consent: Consent,
}

impl From<&consents::Exported> for PhoneConsent {
    fn from(row: &consents::Exported) -> Self {
        Self {
            contact: row.owner.as_ref().map(|owner| owner.0.into()),
            phone: row.owner.as_ref().map(|owner| owner.2.clone()),
            phone_hash: format!("{:016x}", row.consent.phone_hash),
            consent: Consent::from(&row.consent),
        }
    }
}

/// The place after a record, as a cursor.
fn place(row: &consents::Exported) -> String {
    format!("{:016x}.{}", row.consent.phone_hash, row.consent.id)
}

fn placed(text: &str) -> Option<(i64, ConsentId)> {
    let (hash, id) = text.split_once('.')?;
    Some((u64::from_str_radix(hash, 16).ok()?.cast_signed(), id.parse().ok()?))
}

/// List all records of consent
///
/// Phone by phone, each in the order of recording: also of phones whose contact was deleted.
#[utoipa::path(get, path = "/consents", operation_id = "exportConsents", tag = "Consent", params(Paging),
    responses((status = 200, description = "A page of records.", body = Page<PhoneConsent>)),
    extensions(("x-permission" = json!("export")), ("x-problems" = json!(["query", "limit", "cursor"]))))]
pub(crate) async fn export(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Asked(page): Asked<Paging>,
) -> Result<Json<Page<PhoneConsent>>, Problem> {
    let limit = page.limit()?;
    let after = page.cursor.as_deref().map(|text| placed(text).ok_or_else(wrong_cursor)).transpose()?;
    let rows = parts.engine.export_consents(&actor, after, limit).await?;
    Ok(Json(Page::of(&rows, limit, place)))
}
