//! Telnyx's codes of failure. Source: Telnyx, *Messaging error codes*, read for `docs/carriers.md`.

use crate::codes::Class::{BadNumber, Expired, Filtered, OptedOut, Sender, Unknown, Unreachable, Unregistered, Volume};
use crate::codes::{Code, code};

/// By code.
pub const CODES: &[Code] = &[
    code("10002", BadNumber, "the number is not a phone number"),
    code("10006", Sender, "Telnyx does not know the messaging profile"),
    code("10009", Sender, "Telnyx does not take our credentials"),
    code("10010", Sender, "our account may not send"),
    code("10011", Volume, "Telnyx takes no more requests just now"),
    code("40001", BadNumber, "the number cannot receive texts"),
    code("40002", Filtered, "the network took the text for spam, for now"),
    code("40003", Filtered, "the network took the text for spam"),
    code("40004", Unknown, "the phone's network refused the text"),
    code("40005", Expired, "the phone's network did not deliver it in time"),
    code("40006", Unreachable, "the phone's network could not be reached"),
    code("40008", Unknown, "the text could not be delivered"),
    code("40010", Unregistered, "the number is not registered for 10DLC"),
    code("40011", Volume, "the campaign sends more than the network allows"),
    code("40012", BadNumber, "the phone's network does not know the number"),
    code("40013", Sender, "the phone's network does not take the sending number"),
    code("40014", Expired, "Telnyx did not deliver it in time"),
    code("40015", Filtered, "Telnyx took the text for spam"),
    code("40100", Sender, "the sending number is not enabled for texts"),
    code("40300", OptedOut, "the contact has opted out at Telnyx"),
    code("40305", Sender, "the sending number is not of the messaging profile"),
    code("40309", Filtered, "the messaging profile may not text this country"),
    code("40310", BadNumber, "the number is not a phone number"),
    code("40312", Sender, "the messaging profile is disabled"),
    code("40314", Sender, "our account may not send texts"),
    code("40315", Sender, "too many texts of the sending number fail or are taken for spam"),
    code("40318", Volume, "Telnyx's queue of our texts is full"),
    code("40320", Sender, "the sending number cannot be used yet"),
    code("40321", Sender, "the messaging profile has no number that can be used"),
    code("40322", Filtered, "Telnyx blocked what the text says"),
    code("40329", Unregistered, "the toll-free number is not verified"),
    code("40330", Unregistered, "the number is not registered for 10DLC"),
    code("40331", Sender, "the messaging profile may text no country"),
    code("40333", Sender, "the messaging profile has spent all that it may"),
];
