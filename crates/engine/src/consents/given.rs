//! What a user gives of a record, and what of it can be.

use domain::consent::{Evidence, Kind};
use domain::ids::ConsentId;
use jiff::Timestamp;
use serde::Serialize;
use store::consents::Consent;
use store::contacts::Contact;

use crate::beat::Beat;

/// Most characters of the text that was shown.
pub const MAX_TEXT: usize = 10_000;
/// Most characters of the person's own words.
pub(super) const MAX_WORDS: usize = 2_000;
/// Most characters of every other value.
const MAX_VALUE: usize = 1_000;
/// Most characters of a source.
const MAX_SOURCE: usize = 200;

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewConsent {
    /// What the person said.
    pub kind: Kind,
    /// How it came about: `web form`, `phone call`, `paper`.
    pub source: String,
    /// The text that the person agreed to, as it was shown; needed for every consent.
    pub text: Option<String>,
    /// When the person said it; now, if nobody says.
    pub given_at: Option<Timestamp>,
    /// The zone in which that time was told; the workspace's, if nobody says.
    pub zone: Option<String>,
    /// Until when it holds; for ever, if nobody says.
    pub expires_at: Option<Timestamp>,
    /// What proves it.
    pub evidence: Evidence,
}

/// What of a record cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// Nobody says how it came about.
    #[error("say how the consent came about, for example \"web form\" or \"phone call\"")]
    NoSource,
    /// A consent to nothing.
    #[error("give the text that the person agreed to, word for word")]
    NoText,
    /// A revocation without a word of it.
    #[error("give what the person said, or a word of how it was told")]
    NoWords,
    /// Something is too long.
    #[error("the {what} has {characters} characters; at most {most} are allowed")]
    TooLong {
        /// What.
        what: &'static str,
        /// How many it has.
        characters: usize,
        /// How many it may have.
        most: usize,
    },
    /// It has not happened yet.
    #[error("the consent is dated {0}, which is still to come")]
    InFuture(Timestamp),
    /// It never held.
    #[error("the consent expires on {0}, before it was given")]
    ExpiresFirst(Timestamp),
    /// There is no such zone.
    #[error("{0:?} is no time zone; write a name such as \"America/New_York\"")]
    Zone(String),
}

/// A value without control characters and outer blanks; nothing if that is all.
fn tidy(value: Option<String>) -> Option<String> {
    let value = value?.replace("\r\n", "\n").replace(|letter: char| letter.is_control() && letter != '\n', "");
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn short(value: Option<&String>, what: &'static str, most: usize) -> Result<(), GivenError> {
    let characters = value.map_or(0, |value| value.chars().count());
    if characters > most { Err(GivenError::TooLong { what, characters, most }) } else { Ok(()) }
}

impl NewConsent {
    /// A consent with nothing but how it came about and the text.
    #[must_use]
    pub fn new(kind: Kind, source: &str, text: &str) -> Self {
        Self {
            kind,
            source: source.to_owned(),
            text: Some(text.to_owned()),
            given_at: None,
            zone: None,
            expires_at: None,
            evidence: Evidence::default(),
        }
    }

    /// The same, cleaned, if it can be recorded now.
    pub(crate) fn checked(self, now: Timestamp) -> Result<Self, GivenError> {
        let evidence = self.evidence;
        let evidence = Evidence {
            version: tidy(evidence.version),
            language: tidy(evidence.language),
            url: tidy(evidence.url),
            certificate: tidy(evidence.certificate),
            ip: tidy(evidence.ip),
            user_agent: tidy(evidence.user_agent),
            words: tidy(evidence.words),
            file: tidy(evidence.file),
            erased: None,
        };
        let source = tidy(Some(self.source)).ok_or(GivenError::NoSource)?;
        let new = Self { source, text: tidy(self.text), zone: tidy(self.zone), evidence, ..self };
        new.fits()?;
        if new.kind == Kind::Revoked && new.evidence.words.is_none() && new.text.is_none() {
            return Err(GivenError::NoWords);
        }
        if new.kind != Kind::Revoked && new.text.is_none() {
            return Err(GivenError::NoText);
        }
        let given = new.given_at.unwrap_or(now);
        if given > now {
            return Err(GivenError::InFuture(given));
        }
        match (new.expires_at, &new.zone) {
            (Some(until), _) if until <= given => Err(GivenError::ExpiresFirst(until)),
            (_, Some(zone)) if domain::zones::Zone::named(zone).is_err() => Err(GivenError::Zone(zone.clone())),
            _ => Ok(new),
        }
    }

    fn fits(&self) -> Result<(), GivenError> {
        let evidence = &self.evidence;
        short(Some(&self.source), "source", MAX_SOURCE)?;
        short(self.text.as_ref(), "text", MAX_TEXT)?;
        short(evidence.words.as_ref(), "wording", MAX_WORDS)?;
        let others = [
            (&evidence.version, "version"),
            (&evidence.language, "language"),
            (&evidence.url, "address of the page"),
            (&evidence.certificate, "certificate"),
            (&evidence.ip, "network address"),
            (&evidence.user_agent, "browser"),
            (&evidence.file, "file name"),
        ];
        others.into_iter().try_for_each(|(value, what)| short(value.as_ref(), what, MAX_VALUE))
    }

    /// The record for a contact.
    pub(crate) fn record(&self, beat: &Beat, contact: &Contact, zone: &str) -> Consent {
        Consent {
            id: ConsentId(beat.id()),
            phone_hash: contact.phone_hash,
            contact: Some(contact.id),
            kind: self.kind,
            source: self.source.clone(),
            text: self.text.clone(),
            given_at: self.given_at.unwrap_or(beat.now),
            zone: self.zone.clone().unwrap_or_else(|| zone.to_owned()),
            expires_at: self.expires_at,
            message: None,
            evidence: self.evidence.clone(),
            actor: beat.actor.clone(),
            recorded_at: beat.now,
        }
    }
}
