//! What an SMSC's statuses and receipts mean. Source: SMPP 3.4, §5.1.3 and appendix B.
//!
//! Statuses of 0x400 and above are each vendor's own: none is known here, so they are final for the text and conclude nothing.

use crate::codes::Class::{BadNumber, Expired, Filtered, Sender, Unknown, Unreachable, Volume};
use crate::codes::{Code, code};

/// The words in which a receipt says that a text failed.
pub const STATES: &[Code] = &[
    code("EXPIRED", Expired, "the SMSC did not deliver it in time"),
    code("UNDELIV", Unknown, "the network could not deliver it"),
    code("DELETED", Unknown, "the SMSC deleted it"),
    code("REJECTD", Filtered, "the network refused it"),
];

/// Statuses of an answer.
pub const STATUSES: &[Code] = &[
    code("0x00000001", Unknown, "the SMSC says that the text is too long"),
    code("0x00000002", Unknown, "the SMSC cannot read the request"),
    code("0x00000003", Unknown, "the SMSC does not know the request"),
    code("0x00000004", Sender, "the SMSC does not let this link send"),
    code("0x00000006", Unknown, "the SMSC does not know the priority"),
    code("0x00000007", Unknown, "the SMSC does not know what the receipt is asked by"),
    code("0x00000008", Unreachable, "the SMSC is out of order"),
    code("0x0000000A", Sender, "the SMSC does not take our number as the sender"),
    code("0x0000000B", BadNumber, "the SMSC says that the number is not a phone number"),
    code("0x0000000D", Sender, "the SMSC does not take our system ID"),
    code("0x0000000E", Sender, "the SMSC does not take our password"),
    code("0x0000000F", Sender, "the SMSC does not take our system ID"),
    code("0x00000014", Volume, "the SMSC's queue is full"),
    code("0x00000015", Sender, "the SMSC does not know our service type"),
    code("0x00000045", Unknown, "the SMSC did not take the text and gives no reason"),
    code("0x00000048", Sender, "the SMSC does not take the kind of our number (TON)"),
    code("0x00000049", Sender, "the SMSC does not take the plan of our number (NPI)"),
    code("0x00000050", Sender, "the SMSC does not take the kind of the number (TON)"),
    code("0x00000051", Sender, "the SMSC does not take the plan of the number (NPI)"),
    code("0x00000058", Volume, "the SMSC takes fewer texts at once"),
    code("0x00000061", Unknown, "the SMSC does not take the time of delivery"),
    code("0x00000062", Sender, "the SMSC does not take the time of expiry"),
    code("0x00000064", Unreachable, "the SMSC cannot take it now"),
    code("0x00000065", Unknown, "the SMSC will never take it"),
    code("0x00000066", Filtered, "the SMSC refuses it"),
    code("0x000000FF", Unknown, "the SMSC gives no reason"),
];

/// Statuses of a bind.
pub const BINDS: &[Code] = &[
    code("0x00000005", Unknown, "the SMSC has a link of this account already and allows no other"),
    code("0x0000000D", Sender, "the SMSC does not let this account in"),
    code("0x0000000E", Sender, "the SMSC does not take the password"),
    code("0x0000000F", Sender, "the SMSC does not take the system ID"),
    code("0x00000053", Sender, "the SMSC does not take the system type"),
];

/// A status as the tables write it.
pub(crate) fn written(status: u32) -> String {
    format!("0x{status:08X}")
}
