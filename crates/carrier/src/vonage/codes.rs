//! Vonage's codes of failure. Source: Vonage, *API errors: Messages and SMS*, read for `docs/carriers.md`.
//!
//! At the submission the Messages API writes codes of its own from 1000 on; a status carries those of the SMS network, of one or two digits.

use crate::codes::Class::{BadNumber, Filtered, OptedOut, Sender, Unknown, Unreachable, Volume};
use crate::codes::{Code, code};

/// At the submission.
pub const CODES: &[Code] = &[
    code("1000", Volume, "too many texts at once"),
    code("1010", Unknown, "Vonage misses something in the request"),
    code("1020", Unknown, "Vonage does not take a value in the request"),
    code("1060", Filtered, "the text was taken for spam"),
    code("1070", Sender, "our account may not text this network"),
    code("1080", Sender, "our account has no credit"),
    code("1100", Sender, "Vonage does not take our credentials"),
    code("1150", BadNumber, "the number is not a phone number"),
];

/// In a status.
pub const STATUS_CODES: &[Code] = &[
    code("1", Unknown, "the network gives no reason"),
    code("2", Unreachable, "the phone is off or out of range"),
    code("3", BadNumber, "the number is not in use"),
    code("4", Sender, "our account may not send"),
    code("5", Unknown, "the network gives no reason"),
    code("6", Filtered, "the text was taken for spam"),
    code("7", Filtered, "the phone takes no texts from us"),
    code("8", Sender, "our account may not send to this number"),
    code("9", OptedOut, "the contact has opted out at the network"),
    code("11", BadNumber, "the number is of no network"),
    code("12", Unreachable, "the network is busy"),
];
