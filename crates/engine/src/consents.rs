//! Consent: recording it, reading what holds, and taking the records out.
//!
//! | recorded | by | it also |
//! |---|---|---|
//! | a consent | a user | lifts an opt-out, if that was asked for, the consent came after it, and the user may change settings |
//! | a revocation told otherwise than by text | a user | puts the phone on `opted_out`, as a STOP does |
//! | a revocation | the contact's STOP or wish, a wrong number, the carrier's word | is written by what suppresses |
//! | a consent | the contact's START, or YES to the confirmation | is written by what lifts |
//! | a consent | an import | lifts nothing |
//!
//! No record lifts `do_not_contact` or `compliance_blocked`. Records are kept under the phone's hash (decision 0015).

mod given;
mod taken;

use domain::access::Permission;
use domain::consent::{Evidence, Kind, Said, Standing, standing};
use domain::ids::{ConsentId, ContactId};
use domain::suppression::Suppression;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
pub use store::consents::{Consent, Exported};
use store::contacts::Contact;
use store::{DbError, Lane, Read, Tx, consents, suppressions};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
pub use given::{GivenError, MAX_TEXT, NewConsent};

/// Most records of one page.
pub const MAX_PAGE: i64 = 200;

/// Whether a consent shall lift the opt-out that stands against it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum OptOut {
    /// It stays.
    #[default]
    Keep,
    /// It is lifted: the person said yes after it.
    Lift,
}

/// What was recorded, and what that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The record.
    pub consent: Consent,
    /// Whether an opt-out was lifted by it.
    pub lifted: bool,
    /// The lists that the phone is still on, by their words.
    pub lists: Vec<String>,
}

/// What is known of a contact's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What holds.
    pub standing: Standing,
    /// The records, the newest first.
    pub records: Vec<Consent>,
}

/// Why nothing is recorded or read.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// The actor lacks the permission.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such contact, or it was deleted.
    #[error("there is no such contact")]
    Unknown,
    /// Something of the record cannot be.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// A taking back, or a consent that no longer holds, was to lift an opt-out.
    #[error("only a consent that holds can lift an opt-out; this one takes consent back, or has expired")]
    LiftsNothing,
    /// The contact opted out after it.
    #[error("the contact opted out on {0}, after this consent was given: it lifts nothing")]
    BeforeOptOut(Timestamp),
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The database or the books failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ConsentError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Records what a person agreed to or took back, told to a user otherwise than by text.
    ///
    /// # Errors
    /// See [`ConsentError`]; then nothing is recorded.
    pub async fn record_consent(
        &self,
        actor: &Actor,
        contact: ContactId,
        new: NewConsent,
        opt_out: OptOut,
    ) -> Result<Recorded, ConsentError> {
        actor.need(Permission::ContactsWrite)?;
        if opt_out == OptOut::Lift {
            actor.need(Permission::SettingsWrite)?;
        }
        let new = new.checked(self.now())?;
        let beat = self.beat(actor);
        let done = self
            .write(Lane::Normal, move |tx| {
                once(tx, &beat, &("record_consent", contact, &new, opt_out), |tx| {
                    record(tx, &beat, contact, &new, opt_out)
                })
            })
            .await?;
        self.wake();
        Ok(done)
    }

    /// What holds for a contact, and the newest records of its phone, those before the given one.
    ///
    /// # Errors
    /// See [`ConsentError`].
    pub async fn consents(
        &self,
        actor: &Actor,
        contact: ContactId,
        before: Option<ConsentId>,
        limit: i64,
    ) -> Result<History, ConsentError> {
        actor.need(Permission::Read)?;
        let (workspace, now) = (actor.workspace(), self.now());
        let before = before.unwrap_or(ConsentId(i64::MAX));
        self.read(move |db| {
            let found = store::contacts::find(db, workspace, contact)?;
            let found = found.filter(|found| found.deleted_at.is_none()).ok_or(ConsentError::Unknown)?;
            let records = consents::of(db, workspace, found.phone_hash, before, limit.clamp(1, MAX_PAGE))?;
            let standing = standing_of(db, workspace, found.phone_hash, now)?;
            Ok(History { standing, records })
        })
        .await
    }

    /// Records of all phones of the workspace, phone by phone, after the given place.
    ///
    /// # Errors
    /// See [`ConsentError`].
    pub async fn export_consents(
        &self,
        actor: &Actor,
        after: Option<(i64, ConsentId)>,
        limit: i64,
    ) -> Result<Vec<Exported>, ConsentError> {
        actor.need(Permission::Export)?;
        let workspace = actor.workspace();
        let after = after.unwrap_or((i64::MIN, ConsentId(0)));
        self.read(move |db| Ok(consents::page(db, workspace, after, limit.clamp(1, 1_000))?)).await
    }
}

/// What holds for one phone.
pub(crate) fn standing_of(
    db: &Read<'_>,
    workspace: domain::ids::WorkspaceId,
    hash: i64,
    now: Timestamp,
) -> Result<Standing, DbError> {
    let said = consents::said(db, workspace, &[hash])?;
    Ok(standing(said.into_iter().map(|(_, said): (i64, Said)| said), now))
}

fn record(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: ContactId,
    new: &NewConsent,
    opt_out: OptOut,
) -> Result<Recorded, ConsentError> {
    let workspace = beat.workspace;
    let contact = if new.kind == Kind::Revoked {
        taken::told(tx, beat, id)?.ok_or(ConsentError::Unknown)?
    } else {
        crate::contacts::lock(tx, beat, id)?.ok_or(ConsentError::Unknown)?
    };
    let zone = crate::facts::workspace_of(tx, workspace)?.row.zone;
    let consent = new.record(beat, &contact, &zone);
    if opt_out == OptOut::Lift && !lifts(&consent, beat.now) {
        return Err(ConsentError::LiftsNothing);
    }
    let lifted = opt_out == OptOut::Lift && lift(tx, beat, &contact, &consent)?;
    consents::insert(tx, workspace, std::slice::from_ref(&consent), beat.now)?;
    let note = json!({
        "consent": consent.id,
        "kind": consent.kind.word(),
        "source": consent.source,
        "lifted": lifted,
    });
    beat.note(tx, "consent.recorded", Some(id), &note)?;
    let mut lists: Vec<Suppression> =
        suppressions::of(tx, workspace, &[contact.phone_hash])?.into_iter().map(|(_, kind)| kind).collect();
    lists.sort_unstable();
    let lists = lists.into_iter().map(|kind| kind.word().to_owned()).collect();
    Ok(Recorded { consent, lifted, lists })
}

/// Whether a record can lift an opt-out at all: a consent that holds now.
fn lifts(consent: &Consent, now: Timestamp) -> bool {
    consent.kind != Kind::Revoked && consent.expires_at.is_none_or(|until| until > now)
}

/// Takes the phone off `opted_out` for a consent that came after it; false if it was not on it.
fn lift(tx: &mut Tx<'_>, beat: &Beat, contact: &Contact, consent: &Consent) -> Result<bool, ConsentError> {
    let kind = Suppression::OptedOut;
    let Some(since) = suppressions::since(tx, beat.workspace, contact.phone_hash, kind)? else { return Ok(false) };
    // The last word counts: a STOP that was written again, or a wish that was noted later.
    let said = consents::said(tx, beat.workspace, &[contact.phone_hash])?;
    let last = said.iter().filter(|(_, said)| said.kind == Kind::Revoked).map(|(_, said)| said.given_at).max();
    let since = last.map_or(since, |last| last.max(since));
    if consent.given_at <= since {
        return Err(ConsentError::BeforeOptOut(since));
    }
    suppressions::lift(tx, beat.workspace, contact.phone_hash, kind, beat.now)?;
    crate::conversations::listed(tx, beat.workspace, contact.id, kind, false)?;
    let note = json!({ "list": kind.word(), "source": "consent", "consent": consent.id });
    beat.note(tx, "contact.unsuppressed", Some(contact.id), &note)?;
    Ok(true)
}

/// A record of what the contact itself said, or the carrier for it, at this beat.
#[derive(Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) kind: Kind,
    pub(crate) source: &'a str,
    /// The person's own words, or the carrier's code.
    pub(crate) words: &'a str,
    pub(crate) message: Option<domain::ids::MessageId>,
}

/// Keeps what the contact said. The contact is locked.
pub(crate) fn keep(tx: &mut Tx<'_>, beat: &Beat, contact: &Contact, heard: &Heard<'_>) -> Result<(), Failure> {
    let words = heard.words.trim();
    let words = (!words.is_empty()).then(|| words.chars().take(given::MAX_WORDS).collect());
    let consent = Consent {
        id: ConsentId(beat.id()),
        phone_hash: contact.phone_hash,
        contact: Some(contact.id),
        kind: heard.kind,
        source: heard.source.to_owned(),
        text: None,
        given_at: beat.now,
        zone: "UTC".to_owned(),
        expires_at: None,
        message: heard.message,
        evidence: Evidence { words, ..Evidence::default() },
        actor: beat.actor.clone(),
        recorded_at: beat.now,
    };
    consents::insert(tx, beat.workspace, &[consent], beat.now)?;
    Ok(())
}
