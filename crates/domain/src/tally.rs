//! What is counted as it happens, so that a page need not count millions of rows.
//!
//! A [`What`] is counted twice: for the workspace by its local day, and, where it belongs to a workflow, for that
//! workflow by step without the day (its figures are shown whole). Each count can be taken again from the rows:
//!
//! | what | counted on the day of | step | the rows that say the same |
//! |---|---|---|---|
//! | `added` | the start | 0 | enrollments |
//! | `completed`, `end.…` | the end | the last message that was tried before the end | enrollments that ended |
//! | `sent`, `manual` | the send | the message's | outbound messages that the carrier took; those of them that a person wrote |
//! | `delivered`, `undelivered` | the **send** | the message's | messages in that state now: a late receipt corrects the day of its text |
//! | `failed` | the failure | the message's | messages that were never sent |
//! | `inbound` | the arrival | 0 | inbound messages |
//! | `opt_out` | the opt-out | 0 | events: an opt-out may be lifted and come again |
//! | `money.…` | the posting | the transfer's | transfers |
//! | `out.…`, `in.…` | the send, the arrival | 0 | what is `sent` and `inbound`, by country and account; of messages that know their country |

use crate::enrollment::{self, StepPrice, StopReason};
use crate::ids::CarrierId;
use crate::ledger::{Amounts, Reason};
use crate::message::{MessageKind, MessageState};
use crate::tariff::{Country, Way};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A contact was added to a workflow; its segments and amounts are those of all steps.
    Added,
    /// An enrollment sent its last message.
    Completed,
    /// An enrollment ended early.
    Ended(StopReason),
    /// A text was taken by the carrier.
    Sent,
    /// One of these that a person wrote.
    Manual,
    /// A text that was sent has arrived.
    Delivered,
    /// A text that was sent has not arrived.
    Undelivered,
    /// A text was not sent.
    Failed,
    /// A text came in.
    Inbound,
    /// A contact opted out.
    OptOut,
    /// Credits or money moved.
    Moved(Reason),
    /// A carrier took or brought a text: what it asks money for.
    Carried(Leg),
}

/// Over which account a text went, and to or from which country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leg {
    /// To or from the contact.
    pub way: Way,
    /// Where the contact's number belongs.
    pub country: Country,
    /// The account; none for the installation's own carrier.
    pub account: Option<CarrierId>,
}

impl Leg {
    /// What a message that ended up like this counts for, if a carrier asks money for it.
    #[must_use]
    pub fn way(state: MessageState) -> Option<Way> {
        match state {
            MessageState::Received => Some(Way::In),
            MessageState::Sent | MessageState::Delivered | MessageState::Undelivered => Some(Way::Out),
            _ => None,
        }
    }

    fn word(self) -> String {
        let way = if self.way == Way::Out { "out" } else { "in" };
        format!("{way}.{}.{}", self.country, self.account.map_or(0, |CarrierId(id)| id))
    }

    fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, '.');
        let way = match parts.next()? {
            "out" => Way::Out,
            "in" => Way::In,
            _ => return None,
        };
        let country = Country::read(parts.next()?)?;
        let account: i64 = parts.next()?.parse().ok()?;
        Some(Self { way, country, account: (account != 0).then_some(CarrierId(account)) })
    }
}

/// The words of [`What`] that the database holds, but for ends, movements and legs.
const WORDS: [(What, &str); 9] = [
    (What::Added, "added"),
    (What::Completed, "completed"),
    (What::Sent, "sent"),
    (What::Manual, "manual"),
    (What::Delivered, "delivered"),
    (What::Undelivered, "undelivered"),
    (What::Failed, "failed"),
    (What::Inbound, "inbound"),
    (What::OptOut, "opt_out"),
];

impl What {
    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Ended(reason) => format!("end.{}", reason.word()),
            Self::Moved(reason) => format!("money.{}", reason.word()),
            Self::Carried(leg) => leg.word(),
            plain => {
                let found = WORDS.iter().find(|(what, _)| *what == plain);
                found.map_or_else(String::new, |(_, word)| (*word).to_owned())
            }
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        if let Some(reason) = word.strip_prefix("end.") {
            return StopReason::from_word(reason).map(Self::Ended);
        }
        if let Some(reason) = word.strip_prefix("money.") {
            return Reason::from_word(reason).map(Self::Moved);
        }
        let plain = WORDS.iter().find(|(_, known)| *known == word).map(|(what, _)| *what);
        plain.or_else(|| Leg::from_word(word).map(Self::Carried))
    }

    /// Whether it is counted for its workflow too. Of money only what a message really cost.
    #[must_use]
    pub fn is_of_workflow(self) -> bool {
        match self {
            Self::Manual | Self::Inbound | Self::OptOut | Self::Carried(_) => false,
            Self::Moved(reason) => matches!(reason, Reason::Earn | Reason::Correction | Reason::Reversal),
            _ => true,
        }
    }
}

/// How much of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub count: i64,
    /// Their segments, where they have any.
    pub segments: i64,
    /// Credits and money, where they moved.
    pub amounts: Amounts,
}

impl Count {
    /// One, with its segments.
    #[must_use]
    pub fn one(segments: i64) -> Self {
        Self { count: 1, segments, amounts: Amounts::ZERO }
    }

    /// One contact that was added, at the price of its steps.
    #[must_use]
    pub fn added(prices: &[StepPrice]) -> Self {
        let segments = prices.iter().map(|price| i64::from(price.segments)).sum();
        Self { count: 1, segments, amounts: enrollment::total(prices) }
    }

    /// The same the other way.
    #[must_use]
    pub fn negated(self) -> Self {
        let Amounts { credits, micros } = self.amounts;
        let amounts = Amounts { credits: -credits, micros: crate::money::Micros(-micros.0) };
        Self { count: -self.count, segments: -self.segments, amounts }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            segments: self.segments + other.segments,
            amounts: self.amounts.plus(other.amounts),
        }
    }
}

/// As what a message in this state counts.
#[must_use]
pub fn of_message(kind: MessageKind, state: MessageState) -> &'static [What] {
    let manual = kind == MessageKind::Manual;
    match state {
        MessageState::Received => &[What::Inbound],
        MessageState::Failed => &[What::Failed],
        MessageState::Sent if manual => &[What::Sent, What::Manual],
        MessageState::Sent => &[What::Sent],
        MessageState::Delivered if manual => &[What::Sent, What::Manual, What::Delivered],
        MessageState::Delivered => &[What::Sent, What::Delivered],
        MessageState::Undelivered if manual => &[What::Sent, What::Manual, What::Undelivered],
        MessageState::Undelivered => &[What::Sent, What::Undelivered],
        MessageState::Queued | MessageState::Sending | MessageState::InDoubt | MessageState::Canceled => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        let ends = StopReason::ALL.map(What::Ended);
        let moves = Reason::ALL.map(What::Moved);
        let leg = |way, country, account: Option<i64>| {
            What::Carried(Leg { way, country: Country::read(country).unwrap(), account: account.map(CarrierId) })
        };
        let legs = [leg(Way::Out, "US", Some(i64::MAX)), leg(Way::In, "CA", Some(7)), leg(Way::Out, "ZZ", None)];
        for what in WORDS.iter().map(|(what, _)| *what).chain(ends).chain(moves).chain(legs) {
            assert_eq!(What::from_word(&what.word()), Some(what));
        }
        assert_eq!(legs[1].word(), "in.CA.7");
        for bad in ["out", "out.US", "out.US.x", "by.US.1", "out.USA.1", "in.U1.1"] {
            assert_eq!(What::from_word(bad), None, "{bad}");
        }
        assert_eq!(What::from_word("end.nonsense"), None);
        assert_eq!(What::from_word(""), None);
    }

    #[test]
    fn a_text_that_arrived_still_counts_as_sent() {
        for state in [MessageState::Sent, MessageState::Delivered, MessageState::Undelivered] {
            assert!(of_message(MessageKind::Workflow, state).contains(&What::Sent), "{state:?}");
            assert!(of_message(MessageKind::Manual, state).contains(&What::Manual), "{state:?}");
            assert!(!of_message(MessageKind::System, state).contains(&What::Manual), "{state:?}");
        }
        assert_eq!(of_message(MessageKind::Workflow, MessageState::InDoubt), &[]);
    }
}
