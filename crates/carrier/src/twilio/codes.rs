//! Twilio's codes of failure. Source: Twilio, *Error and warning dictionary*, read for `docs/carriers.md`.

use crate::codes::Class::{BadNumber, Expired, Filtered, OptedOut, Sender, Unknown, Unreachable, Unregistered, Volume};
use crate::codes::{Code, code};

/// By code.
pub const CODES: &[Code] = &[
    code("20003", Sender, "Twilio does not take our credentials"),
    code("20429", Volume, "Twilio takes no more requests just now"),
    code("21211", BadNumber, "the number is not a phone number"),
    code("21212", Sender, "the sending number is not a phone number"),
    code("21214", BadNumber, "the number cannot be reached"),
    code("21408", Filtered, "our account may not text this country"),
    code("21606", Sender, "the sending number is not ours or cannot send texts"),
    code("21608", Sender, "a trial account texts verified numbers only"),
    code("21610", OptedOut, "the contact has opted out at Twilio"),
    code("21611", Volume, "the queue of the sending number is full"),
    code("21614", BadNumber, "the number is not a mobile phone"),
    code("21635", BadNumber, "the number is a landline"),
    code("21659", Sender, "the sending number is not one of Twilio's"),
    code("21660", Sender, "the sending number is of another account"),
    code("21661", Sender, "the sending number cannot send texts"),
    code("21703", Sender, "the messaging service has no number"),
    code("21705", Sender, "Twilio does not know the messaging service"),
    code("30001", Volume, "the text waited too long in Twilio's queue"),
    code("30002", Sender, "the account is suspended"),
    code("30003", Unreachable, "the phone is off or out of range"),
    code("30004", Filtered, "the phone's network blocked the text"),
    code("30005", BadNumber, "the number is not in use"),
    code("30006", BadNumber, "the number is a landline or its network takes no texts"),
    code("30007", Filtered, "the network took the text for spam"),
    code("30008", Unknown, "the network gives no reason"),
    code("30022", Volume, "the campaign sends more than the network allows"),
    code("30023", Volume, "the brand has sent all that the network allows in a day"),
    code("30032", Unregistered, "the toll-free number is not verified"),
    code("30034", Unregistered, "the number is not registered for 10DLC"),
    code("30035", Unregistered, "the number is still being registered"),
    code("30036", Expired, "Twilio did not deliver it in time"),
    code("63038", Sender, "the account has sent all that it may in a day"),
];
