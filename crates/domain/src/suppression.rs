//! The lists that forbid texting a phone, for all numbers of a workspace.
//!
//! | kind | put there by | lifted by |
//! |---|---|---|
//! | `opted_out` | the contact's STOP or wish, or the carrier's word for it | the contact's START, or recorded new consent |
//! | `do_not_contact` | a user | a user |
//! | `compliance_blocked` | an imported list | a user who may change settings |
//! | `undeliverable` | the carrier's permanent refusal | a user |

use crate::enrollment::StopReason;

/// Why a phone must not be texted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suppression {
    /// The person asked for it.
    OptedOut,
    /// A user asked for it.
    DoNotContact,
    /// An imported list asks for it.
    ComplianceBlocked,
    /// Nothing arrives there.
    Undeliverable,
}

impl Suppression {
    /// All kinds, the weightiest first.
    pub const ALL: [Self; 4] = [Self::OptedOut, Self::DoNotContact, Self::ComplianceBlocked, Self::Undeliverable];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::DoNotContact => "do_not_contact",
            Self::ComplianceBlocked => "compliance_blocked",
            Self::Undeliverable => "undeliverable",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// How an enrollment ends that meets this suppression.
    #[must_use]
    pub fn stop_reason(self) -> StopReason {
        match self {
            Self::OptedOut => StopReason::OptedOut,
            Self::DoNotContact => StopReason::DoNotContact,
            Self::ComplianceBlocked => StopReason::ComplianceBlocked,
            Self::Undeliverable => StopReason::Undeliverable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_name_the_same_end() {
        for kind in Suppression::ALL {
            assert_eq!(Suppression::from_word(kind.word()), Some(kind));
            assert_eq!(kind.stop_reason().word(), kind.word());
        }
    }
}
