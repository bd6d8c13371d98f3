//! Vonage's codes of failure. Source: Vonage, *API errors: Messages API*, and its list of asynchronous errors, read for `docs/carriers.md`.
//!
//! The Messages API writes codes of its own, from 1000 on, at the submission and in a status alike. Those of the older SMS API, of one or
//! two digits, mean other things at the submission than in a receipt; here they are read as a receipt's.

use crate::codes::Class::{BadNumber, Filtered, OptedOut, Sender, Unknown, Unreachable, Volume};
use crate::codes::{Code, code};

/// By code.
pub const CODES: &[Code] = &[
    code("1000", Volume, "too many texts at once"),
    code("1010", Unknown, "Vonage misses something in the request"),
    code("1020", Unknown, "Vonage does not take a value in the request"),
    code("1030", Unknown, "Vonage could not process the request"),
    code("1040", Unknown, "Vonage could not process the text, perhaps for the number's prefix"),
    code("1050", BadNumber, "the number is barred from receiving texts"),
    code("1060", Sender, "our account is barred from sending"),
    code("1070", Sender, "our account has no credit"),
    code("1080", Sender, "our account may not send over this API"),
    code("1090", Unknown, "the text is too long"),
    code("1100", Unreachable, "Vonage could not hand the text on"),
    code("1110", Sender, "Vonage does not take our signature"),
    code("1120", Sender, "the sending number is not allowed in the phone's country"),
    code("1130", Sender, "Vonage does not take the time that we give it to deliver the text"),
    code("1140", Sender, "our account may not do this"),
    code("1160", Sender, "a trial account texts listed numbers only"),
    code("1170", BadNumber, "the number is not a phone number"),
    code("1180", Unreachable, "the phone is off or out of range"),
    code("1190", BadNumber, "the number is not in use any more"),
    code("1200", Unknown, "the number has moved to another network, which does not know it"),
    code("1210", Filtered, "the network took the text for spam"),
    code("1220", Unreachable, "the phone was busy"),
    code("1230", Unreachable, "the network is out of order"),
    code("1240", OptedOut, "the contact has opted out at Vonage"),
    code("1241", Volume, "too many texts to these numbers"),
    code("1250", Unknown, "Vonage has no way to the phone's network"),
    code("1260", Unknown, "the text could not be delivered to the number"),
    code("1270", Filtered, "the phone's network blocked the text for its age limit"),
    code("1280", Filtered, "the phone's network blocked the text"),
    code("1290", Unreachable, "the phone has no credit to receive texts"),
    code("1330", Unknown, "the network gives no reason"),
    code("1420", Sender, "the sending number is not ours or cannot send texts"),
    code("1430", BadNumber, "the number is not a phone number"),
    // The older SMS API, in a receipt.
    code("1", Unknown, "the network gives no reason"),
    code("2", Unreachable, "the phone is off or out of range"),
    code("3", BadNumber, "the number is not in use any more"),
    code("4", BadNumber, "the number is barred from receiving texts"),
    code("5", Unknown, "the number has moved to another network, which does not know it"),
    code("6", Filtered, "the network took the text for spam"),
    code("7", Unreachable, "the phone was busy"),
    code("8", Unreachable, "the network is out of order"),
    code("9", OptedOut, "the contact has opted out at the network"),
    code("11", Unknown, "Vonage has no way to the phone's network"),
    code("12", Unknown, "the text could not be delivered to the number"),
    code("13", Filtered, "the phone's network blocked the text for its age limit"),
    code("14", Filtered, "the phone's network blocked the text"),
    code("15", Unreachable, "the phone has no credit to receive texts"),
];
