//! What a gateway says when it refuses, and what a receipt's words mean. Source: the texts in Kannel 1.4.5's smsbox, which have no numbers.
//!
//! In a receipt Kannel hands on what the SMSC wrote: the text of an SMPP receipt, or `NACK/` with the SMSC's status and words.

use crate::codes::Class::{Expired, Filtered, Sender, Unknown};
use crate::codes::{Code, code};

/// The words of an answer, as far as they tell one refusal from another.
pub const WORDS: &[Code] = &[
    code("Authorization failed", Sender, "the gateway does not take our user name and password"),
    code("Not routable", Filtered, "the gateway has no SMSC for this number"),
    code("denied by white- and/or black-lists", Filtered, "the gateway's own list refuses this number"),
    code("Sender missing", Sender, "the gateway wants a sender of its own (faked-sender or default-sender)"),
    code("Tried to change SMSC", Sender, "the gateway does not let our user name the SMSC"),
    code("Tried to change sender", Sender, "the gateway does not let our user name the sender"),
    code("rejected", Unknown, "the gateway misses something in the request"),
];

/// What the gateway writes of a text that it gave up before any SMSC had it.
pub const GIVEN_UP: &[Code] = &[code("validity expired", Expired, "the gateway did not deliver it in time")];

/// The row whose words stand in an answer.
pub(super) fn of_words(body: &str) -> Option<&'static Code> {
    WORDS.iter().find(|row| body.contains(row.code))
}

/// Whether the gateway itself says that it did not take the text, and may later.
pub(super) fn is_temporal(body: &str) -> bool {
    body.starts_with("Temporal failure")
}
