//! Bandwidth's codes of failure. Source: Bandwidth, *Messaging errors*, read for `docs/carriers.md`.

use crate::codes::Class::{BadNumber, Expired, Filtered, OptedOut, Sender, Unknown, Unreachable, Unregistered, Volume};
use crate::codes::{Code, code};

/// By code; the words of a refused request are codes too.
pub const CODES: &[Code] = &[
    code("4303", BadNumber, "the number takes no texts"),
    code("4360", Expired, "Bandwidth did not deliver it in time"),
    code("4403", Sender, "our account may not send from this number"),
    code("4404", BadNumber, "no network carries the number"),
    code("4405", Sender, "the sending number is not ours"),
    code("4406", BadNumber, "the number is not a phone number"),
    code("4407", Sender, "our account may not text this network"),
    code("4451", Sender, "our account has no credit"),
    code("4470", Filtered, "the text was taken for spam"),
    code("4493", Sender, "the sending number may not send texts"),
    code("4701", Unreachable, "the phone's network could not be reached"),
    code("4702", Unreachable, "the phone is off or out of range"),
    code("4720", BadNumber, "the number is not in use"),
    code("4721", BadNumber, "the number is a landline"),
    code("4770", Filtered, "the phone's network took the text for spam"),
    code("4771", Filtered, "the phone's network blocked an address in the text"),
    code("4773", Unregistered, "the number is not registered for 10DLC"),
    code("4774", Unregistered, "the campaign is not active"),
    code("4775", OptedOut, "the contact has opted out at the network"),
    code("4780", Volume, "the brand has sent all that T-Mobile allows in a day"),
    code("4781", Volume, "the campaign sends more than AT&T allows"),
    code("4785", Volume, "too many texts at once"),
    code("4794", Expired, "the phone's network did not deliver it in time"),
    code("4795", Unregistered, "the toll-free number is not verified"),
    code("9999", Unknown, "the network gives no reason"),
    code("max-message-queue-size-exceeded", Volume, "Bandwidth's queue of our texts is full"),
];

/// A receipt that never came: not a failure, the text was sent as far as anybody knows.
pub const RECEIPT_TIMED_OUT: &str = "9902";
