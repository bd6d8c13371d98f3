//! Telnyx's codes of failure. Source: Telnyx, *Messaging error codes*, read for `docs/carriers.md`.

use crate::codes::Class::{BadNumber, Filtered, OptedOut, Sender, Unknown, Unreachable, Unregistered, Volume};
use crate::codes::{Code, code};

/// By code.
pub const CODES: &[Code] = &[
    code("10002", BadNumber, "the number is not a phone number"),
    code("10009", Sender, "Telnyx does not take our credentials"),
    code("10010", Sender, "our account may not send"),
    code("10011", Volume, "Telnyx takes no more requests just now"),
    code("40001", BadNumber, "the number cannot receive texts"),
    code("40002", Filtered, "the network took the text for spam, for now"),
    code("40003", Filtered, "the network took the text for spam"),
    code("40004", Unknown, "the phone's network refused the text"),
    code("40005", Unreachable, "the text could not be delivered in time"),
    code("40006", Unreachable, "the phone's network could not be reached"),
    code("40008", Unknown, "the text could not be delivered"),
    code("40010", Unregistered, "the number is not registered for 10DLC"),
    code("40011", Volume, "the campaign sends more than the network allows"),
    code("40300", OptedOut, "the contact has opted out at Telnyx"),
];
