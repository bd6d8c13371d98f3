//! Identifiers: 64-bit, time-ordered integers inside, prefixed text outside (`ctc_01hq…`).
//!
//! The number is made by `engine::ids`, which alone draws chance; this file only knows how an
//! identifier is written and read. Thirteen Crockford base-32 digits hold the 64 bits, so the
//! text sorts as the number does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The Crockford alphabet in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 13;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an identifier of the form {prefix}_ and 13 letters or digits")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, id: i64) -> fmt::Result {
    let bits = id.cast_unsigned();
    let mut text = [0u8; DIGITS];
    for (place, digit) in text.iter_mut().enumerate() {
        let shift = 5 * (DIGITS - 1 - place);
        *digit = ALPHABET[usize::try_from((bits >> shift) & 31).expect("five bits")];
    }
    write!(f, "{prefix}_{}", std::str::from_utf8(&text).expect("ascii"))
}

fn read_id(text: &str, prefix: &'static str) -> Result<i64, IdError> {
    let error = || IdError { text: text.chars().take(64).collect(), prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    let digits = digits.filter(|digits| digits.len() == DIGITS).ok_or_else(error)?;
    let mut bits: u128 = 0;
    for byte in digits.bytes() {
        let lower = byte.to_ascii_lowercase();
        let value = ALPHABET.iter().position(|digit| *digit == lower).ok_or_else(error)?;
        bits = (bits << 5) | value as u128;
    }
    u64::try_from(bits).map(u64::cast_signed).map_err(|_| error())
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            /// The letters before the underscore in the text form.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                read_id(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

identifiers! {
    /// One paying customer.
    WorkspaceId = "wsp";
    /// A person with a login.
    UserId = "usr";
    /// One browser in which somebody is signed in.
    SessionId = "ses";
    /// A link by which somebody joins or sets their password.
    InvitationId = "inv";
    /// A text that is written often.
    ReplyId = "rpl";
    /// A key for the JSON API.
    KeyId = "key";
    /// One phone number of one person, in a workspace.
    ContactId = "ctc";
    /// What contacts from one row with several numbers share.
    PersonId = "per";
    /// A phone number of ours.
    NumberId = "num";
    /// A sequence of messages.
    WorkflowId = "wfl";
    /// One contact's run through one workflow.
    EnrollmentId = "enr";
    /// One text, inbound or outbound.
    MessageId = "msg";
    /// One try to hand a message to a carrier.
    AttemptId = "att";
    /// An account at a carrier.
    CarrierId = "car";
    /// A business that is registered to send.
    BrandId = "brd";
    /// What a brand is registered to send.
    CampaignId = "cmp";
    /// An exact price and timeline, before it starts.
    QuoteId = "quo";
    /// One row of the history.
    EventId = "evt";
    /// A file of contacts on its way in.
    ImportId = "imp";
    /// A bulk job (import, enrolling many).
    JobId = "job";
    /// A short name in a colour that contacts get.
    LabelId = "lbl";
    /// A record of a consent, or of its taking back.
    ConsentId = "cns";
    /// A file of phones that must not be texted.
    ListId = "spl";
    /// What a user wrote about a contact.
    NoteId = "nte";
    /// A filter of the Messenger under a name.
    ViewId = "viw";
    /// An address of a customer's own that is told what happens.
    WebhookId = "whk";
    /// A payment into the wallet, or a grant of credits.
    TopUpId = "top";
    /// A payment by card.
    PaymentId = "pay";
    /// What a workspace can subscribe to.
    PlanId = "pln";
    /// A month of a workspace's plan, or its trial.
    PeriodId = "prd";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_identifier_of_another_kind_is_refused() {
        let contact = ContactId(42).to_string();
        assert_eq!(contact, "ctc_000000000001a");
        assert_eq!(contact.parse::<ContactId>(), Ok(ContactId(42)));
        assert!(contact.parse::<EnrollmentId>().is_err());
        for bad in ["", "ctc", "ctc_", "ctc_1a", "ctc_00000000000ia", "ctc_zzzzzzzzzzzzz", "ctc_é00000000001a"] {
            assert!(bad.parse::<ContactId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn text_reads_back_and_sorts_as_the_number(a in 0..=i64::MAX, b in 0..=i64::MAX) {
            prop_assert_eq!(MessageId(a).to_string().parse::<MessageId>(), Ok(MessageId(a)));
            prop_assert_eq!(MessageId(a).to_string().cmp(&MessageId(b).to_string()), a.cmp(&b));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = text.parse::<ContactId>();
        }
    }
}
