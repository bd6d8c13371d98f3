//! Consent: what a person agreed to, what they took back, and what holds now.
//!
//! Records are only ever added. What holds is read from them in the order of the times at which the person spoke, not
//! of the times at which somebody wrote it down:
//!
//! | the records of a phone | standing |
//! |---|---|
//! | none, or nothing but revocations of nothing | none |
//! | a consent later than every revocation, not expired | valid |
//! | the same, but every such consent is past its date | expired |
//! | a revocation at or after the newest consent | revoked |
//!
//! Sources: 47 CFR 64.1200(f)(9) (what a written consent holds), (a)(10) (it may be revoked in any reasonable way).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The person agreed.
    Express,
    /// The person agreed in writing, as marketing by autodialer needs it: signed, with the disclosure shown.
    Written,
    /// The person wrote first, and is answered about that.
    Inbound,
    /// The person does business with the workspace already.
    Relationship,
    /// The person took it back.
    Revoked,
}

impl Kind {
    /// All of them, the consents first.
    pub const ALL: [Self; 5] = [Self::Express, Self::Written, Self::Inbound, Self::Relationship, Self::Revoked];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Written => "written",
            Self::Inbound => "inbound",
            Self::Relationship => "relationship",
            Self::Revoked => "revoked",
        }
    }

    /// What people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Express => "Express consent",
            Self::Written => "Express written consent",
            Self::Inbound => "The person wrote first",
            Self::Relationship => "Existing business relationship",
            Self::Revoked => "Revocation",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What proves a record, as far as it is known. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The version of the text that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The page on which it was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The identifier of a certificate or of a proof that is kept elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The address from which the person agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The browser in which they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The person's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The file or the import from which the record came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The hash of all of the above, where it was erased with the person: whoever has the original can still prove by it what was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
}

impl Evidence {
    /// What is left of it when the person is erased: the hash ([`text_hash`]) of its JSON as it was kept, `kept`; nothing of nothing.
    #[must_use]
    pub fn without_person(&self, kept: &str) -> Self {
        if *self == Self::default() || self.erased.is_some() {
            return self.clone();
        }
        Self { erased: Some(text_hash(kept)), ..Self::default() }
    }
}

/// The hash under which a text is kept: SHA-256 in hexadecimal letters.
#[must_use]
pub fn text_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What of a record its standing is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// What it says.
    pub kind: Kind,
    /// When the person said it.
    pub given_at: Timestamp,
    /// Until when it holds; a revocation always does.
    pub expires_at: Option<Timestamp>,
}

/// What holds for a phone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nobody recorded anything.
    #[default]
    None,
    /// There is a consent that holds.
    Valid {
        /// Of which kind the newest is.
        kind: Kind,
        /// When it was given.
        since: Timestamp,
        /// Until when one holds.
        until: Option<Timestamp>,
    },
    /// There was one, and it is past its date.
    Expired(Timestamp),
    /// It was taken back.
    Revoked(Timestamp),
}

impl Standing {
    /// Whether a consent holds.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// The word that the API holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Valid { .. } => "valid",
            Self::Expired(_) => "expired",
            Self::Revoked(_) => "revoked",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |at: &Timestamp| at.strftime("%Y-%m-%d").to_string();
        match self {
            Self::None => f.write_str("none is on record"),
            Self::Valid { since, .. } => write!(f, "given on {}", day(since)),
            Self::Expired(at) => write!(f, "it expired on {}", day(at)),
            Self::Revoked(at) => write!(f, "it was revoked on {}", day(at)),
        }
    }
}

/// Reads what holds from all records of a phone, in any order.
pub fn standing(records: impl IntoIterator<Item = Said>, now: Timestamp) -> Standing {
    let (mut revoked, mut given) = (None, Vec::new());
    for said in records {
        if said.kind == Kind::Revoked {
            revoked = revoked.max(Some(said.given_at));
        } else {
            given.push(said);
        }
    }
    given.retain(|said| revoked.is_none_or(|revoked| said.given_at > revoked));
    let holds = |said: &&Said| said.expires_at.is_none_or(|until| until > now);
    if let Some(newest) = given.iter().filter(holds).max_by_key(|said| said.given_at) {
        let forever = given.iter().filter(holds).any(|said| said.expires_at.is_none());
        let until = if forever { None } else { given.iter().filter_map(|said| said.expires_at).max() };
        return Standing::Valid { kind: newest.kind, since: newest.given_at, until };
    }
    match (given.iter().filter_map(|said| said.expires_at).max(), revoked) {
        (Some(until), _) => Standing::Expired(until),
        (None, Some(revoked)) => Standing::Revoked(revoked),
        (None, None) => Standing::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn said(kind: Kind, day: i64, until: Option<i64>) -> Said {
        Said { kind, given_at: at(day), expires_at: until.map(at) }
    }

    #[test]
    fn what_holds_follows_the_times_at_which_the_person_spoke() {
        let now = at(100);
        let valid =
            |day, until: Option<i64>| Standing::Valid { kind: Kind::Express, since: at(day), until: until.map(at) };
        let (yes, no) = (Kind::Express, Kind::Revoked);
        let table: [(&[Said], Standing); 9] = [
            (&[], Standing::None),
            (&[said(yes, 1, None)], valid(1, None)),
            (&[said(yes, 1, Some(100))], Standing::Expired(at(100))),
            (&[said(yes, 1, Some(101))], valid(1, Some(101))),
            (&[said(yes, 1, None), said(no, 2, None)], Standing::Revoked(at(2))),
            // Written down later, given before: the revocation stands.
            (&[said(no, 2, None), said(yes, 1, None)], Standing::Revoked(at(2))),
            (&[said(no, 2, None), said(yes, 2, None)], Standing::Revoked(at(2))),
            (&[said(no, 2, None), said(yes, 3, None)], valid(3, None)),
            (&[said(yes, 1, None), said(no, 2, None), said(yes, 3, Some(50))], Standing::Expired(at(50))),
        ];
        for (records, standing_now) in table {
            assert_eq!(standing(records.iter().copied(), now), standing_now, "{records:?}");
        }
    }

    #[test]
    fn words_read_back_and_a_text_has_one_hash() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(text_hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
