//! The words between the engine and any carrier: what we hand over, what they answer, what they
//! tell later. No carrier's own format and no rule of the product is in here.

use domain::ids::AttemptId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A phone number in E.164 (`+12125550134`). Whoever makes one has checked it: the engine converts
/// from its own phone type, an adapter checks what a carrier sends. ITU-T E.164, at most 15 digits.
pub type E164 = String;

/// One text for one handset, exactly as it shall arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Our id of this try, given to the carrier as reference.
    pub attempt: AttemptId,
    /// The number of ours that sends.
    pub from: E164,
    /// The contact's number.
    pub to: E164,
    /// The text, already rendered and smart-encoded; the carrier must not change it.
    pub body: String,
    /// How many segments we counted and charged.
    pub segments: u32,
    /// Until when the carrier may still try to hand it to the handset. A text that was not delivered by then must not be any more; the
    /// adapter tells the carrier so, where that takes such a word, and hands over nothing whose time is over.
    pub deliver_by: Timestamp,
}

/// An attempt whose outcome is unknown, with what a carrier's search needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sought {
    /// What was handed over.
    pub submission: Submission,
    /// When it was handed over; searches at carriers go by day or minute around it.
    pub submitted_at: Timestamp,
}

/// What became of a submission, in the classes that the engine acts on. `code` is the carrier's
/// own code, for display; `reason` is plain words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The carrier has it and will try to deliver.
    Accepted {
        /// The carrier's id of the text.
        carrier_id: String,
        /// The carrier's own count, where the answer holds one; it settles the price.
        segments: Option<u32>,
    },
    /// Surely not sent, and worth another attempt later: refused connection, 429, busy.
    Temporary {
        /// The carrier's code.
        code: String,
        /// Plain words.
        reason: String,
        /// How long the carrier asks to wait, where it says so.
        retry_after: Option<SignedDuration>,
    },
    /// Surely not sent and never will be to this handset: invalid, landline, blocked.
    Permanent {
        /// The carrier's code.
        code: String,
        /// Plain words.
        reason: String,
    },
    /// Surely not sent, and this text will not be; nothing is concluded about the contact: taken for spam, or a code that nobody knows.
    Rejected {
        /// The carrier's code.
        code: String,
        /// Plain words.
        reason: String,
    },
    /// Not sent because the carrier knows the contact as opted out; becomes an opt-out of ours.
    OptedOut {
        /// The carrier's code.
        code: String,
        /// Plain words.
        reason: String,
    },
    /// Not sent because of our number, campaign or account; the contact is not to blame.
    SenderProblem {
        /// The carrier's code.
        code: String,
        /// Plain words.
        reason: String,
    },
    /// The request may have left and no clear answer came. Never sent again blindly.
    InDoubt {
        /// Plain words.
        reason: String,
    },
}

/// The answer to a search for an attempt in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// The carrier has it.
    Sent {
        /// The carrier's id of the text.
        carrier_id: String,
    },
    /// The carrier does not know it, as yet: its lists may lag behind.
    NotFound,
    /// This carrier cannot be asked.
    Unsupported,
    /// It could not be asked now.
    Unavailable {
        /// Plain words.
        reason: String,
    },
}

/// Whether an account at a carrier works, as far as that can be known without sending anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The carrier knows it and takes our credentials.
    Works,
    /// The carrier does not take our credentials, or does not know what they are for.
    Refused {
        /// Plain words.
        reason: String,
    },
    /// The carrier could not be asked now.
    Unavailable {
        /// Plain words.
        reason: String,
    },
    /// There is nothing that could be asked.
    Unsupported,
}

/// Which numbers an account has, as far as its carrier tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// These, which can text; those that cannot be read as numbers are left out.
    Numbers(Vec<E164>),
    /// They could not be asked for, or not be read.
    Unavailable {
        /// Plain words.
        reason: String,
    },
    /// This carrier has no list that these credentials open.
    Unsupported,
}

/// What a carrier tells us unasked. May come twice, late, or in any order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CarrierEvent {
    /// A text from a handset.
    Inbound(Inbound),
    /// News of a text of ours.
    Receipt(Receipt),
}

impl CarrierEvent {
    /// The carrier's id of the event: the same id again is the same event.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match self {
            Self::Inbound(inbound) => &inbound.event_id,
            Self::Receipt(receipt) => &receipt.event_id,
        }
    }

    /// When it happened, by the carrier's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Inbound(inbound) => inbound.at,
            Self::Receipt(receipt) => receipt.at,
        }
    }
}

/// A text from a handset to a number of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The carrier's id, unique for each carrier; repeated when the carrier repeats itself.
    pub event_id: String,
    /// The handset.
    pub from: E164,
    /// The number of ours.
    pub to: E164,
    /// The text as it came; may be empty.
    pub body: String,
    /// How many pictures or other media came along.
    pub media: u32,
    /// What the carrier itself has taken the text for, where it acts on keywords of its own.
    #[serde(default)]
    pub signal: Option<Signal>,
    /// When it was sent.
    pub at: Timestamp,
}

/// What a carrier that acts on keywords took an inbound text for. It has acted already: after a stop it blocks our texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// An opt-out.
    Stop,
    /// The end of an opt-out.
    Start,
    /// A question for help.
    Help,
}

/// News of a text that we submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The carrier's id of this piece of news, or one made from text and state.
    pub event_id: String,
    /// The carrier's id of the text.
    pub carrier_id: String,
    /// The number of ours from which the text went: it tells whose it is.
    pub from: E164,
    /// Our attempt, where the carrier echoes it.
    pub attempt: Option<AttemptId>,
    /// What happened.
    pub state: ReceiptState,
    /// The carrier's code of the failure.
    pub code: Option<String>,
    /// What kind of failure the code is, where the text failed and the adapter knows the code.
    #[serde(default)]
    pub failure: Option<FailureClass>,
    /// The carrier's own count of segments, where it is told.
    pub segments: Option<u32>,
    /// What the carrier charges us for the text, where it is told.
    #[serde(default)]
    pub cost: Option<Cost>,
    /// When it happened.
    pub at: Timestamp,
}

/// A carrier's price in its own currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Millionths of the currency, never below zero.
    pub micros: i64,
    /// ISO 4217: `USD`.
    pub currency: String,
}

impl Cost {
    /// Reads a price as carriers write it: a decimal, with or without a sign (some show charges as negative). Nothing for what is none, or
    /// for a currency that is not three letters. What is beyond a millionth is rounded up.
    #[must_use]
    pub fn read(amount: &str, currency: &str) -> Option<Self> {
        let amount = amount.trim().trim_start_matches(['+', '-']);
        let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + part.len() == 0 || !digits(whole) || !digits(part) || part.len() > 30 {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let kept: i64 = format!("{:0<6}", part.get(..6).unwrap_or(part)).parse().ok()?;
        let beyond = i64::from(part.bytes().skip(6).any(|byte| byte != b'0'));
        let micros = whole.checked_mul(1_000_000)?.checked_add(kept)?.checked_add(beyond)?;
        let currency = currency.trim().to_ascii_uppercase();
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code.then_some(Self { micros, currency })
    }
}

/// Why a text that the carrier had taken failed, in the classes that the engine acts on. A code that an
/// adapter does not know has no class: the text failed, and nothing is concluded from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The handset could not be reached for now: off, out of range, the network busy.
    Temporary,
    /// The carrier did not hand it over in the time that it had, and will not any more.
    Expired,
    /// The number is invalid, dead, or a landline.
    BadNumber,
    /// The contact is opted out at the carrier.
    OptedOut,
    /// The handset or its network blocks our texts.
    Blocked,
    /// The text was taken for spam; the contact is not to blame.
    Filtered,
    /// Our number, campaign or account may not send.
    SenderProblem,
}

/// How far a text has come, in the carrier's words made common.
///
/// Only the order is defined here. The rule that a state never goes backwards, and that a late
/// `delivered` may follow `undelivered` but never the reverse, belongs to `domain::message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// The carrier has it.
    Accepted,
    /// It waits for its turn.
    Queued,
    /// It is on its way to the network.
    Sending,
    /// The network has it.
    Sent,
    /// The handset has it, as far as the network knows.
    Delivered,
    /// The network gave up.
    Undelivered,
    /// The carrier gave up.
    Failed,
}

impl ReceiptState {
    /// The place in the order accepted < queued < sending < sent < the three final states.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Queued => 1,
            Self::Sending => 2,
            Self::Sent => 3,
            Self::Delivered | Self::Undelivered | Self::Failed => 4,
        }
    }

    /// Whether the carrier has said its last word, as far as it knows.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.rank() == 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_to_the_millionth_and_what_is_none_is_nothing() {
        for (amount, currency, micros) in [
            ("0.0075", "USD", Some(7_500)),
            ("-0.00750", "usd", Some(7_500)),
            ("12", "EUR", Some(12_000_000)),
            (".5", "EUR", Some(500_000)),
            ("0.0000001", "USD", Some(1)),
            ("0.0333000000", "EUR", Some(33_300)),
            ("", "USD", None),
            (".", "USD", None),
            ("0,5", "USD", None),
            ("1e3", "USD", None),
            ("0.5", "dollars", None),
            ("99999999999999999999", "USD", None),
        ] {
            let read = Cost::read(amount, currency);
            assert_eq!(read.as_ref().map(|cost| cost.micros), micros, "{amount} {currency}");
            assert!(read.is_none_or(|cost| cost.currency == currency.to_ascii_uppercase()));
        }
    }
}
