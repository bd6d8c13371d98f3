//! Plivo's codes of failure. Source: Plivo, *Messaging error codes*, read for `docs/carriers.md`.

use crate::codes::Class::{BadNumber, Expired, Filtered, OptedOut, Sender, Unknown, Unreachable, Unregistered};
use crate::codes::{Code, code};

/// By code.
pub const CODES: &[Code] = &[
    code("10", Unknown, "the text could not be read"),
    code("20", Unreachable, "the network is busy"),
    code("30", Filtered, "the text was taken for spam"),
    code("40", Sender, "the sending number may not send texts"),
    code("50", BadNumber, "the number is not a phone number"),
    code("70", BadNumber, "the number is not a mobile phone"),
    code("80", Unreachable, "the phone is off or out of range"),
    code("90", BadNumber, "the number is not in use"),
    code("100", Filtered, "the phone's network blocked the text"),
    code("200", OptedOut, "the contact has opted out at Plivo"),
    code("300", Unknown, "the network gives no reason"),
    code("420", Expired, "Plivo did not deliver it in time"),
    code("900", Sender, "our account has no credit"),
    code("910", Sender, "our account is blocked"),
    code("950", Unregistered, "the number is not registered for 10DLC"),
    code("1000", Unknown, "the network gives no reason"),
];
