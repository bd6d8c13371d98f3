//! The life of one text, and what a delivery receipt may change.
//!
//! ```text
//! queued ──claim──► sending ──accepted──► sent ──receipt──► delivered
//!   ▲                 │  │                  └────────────► undelivered ─► delivered (late good news)
//!   └──retry later────┘  ├──refused───────► failed
//!                        └──no answer─────► in_doubt ──found──► sent, or lost: failed
//! ```
//! A state never goes backwards. `canceled` is a message that waited for its retry when its
//! enrollment ended. Inbound texts are `received` and stay so.
//!
//! A message may be tried several times, and a receipt tells of one try. A text that was sent is sent,
//! whichever try it was; that a try did not arrive says nothing of another one (decision 0008):
//!
//! | receipt | of the newest try | of an earlier try |
//! |---|---|---|
//! | taken, delivered | proves the send: `queued`, `sending`, `in_doubt` → `sent`, `delivered` | the same: it counts as sent once, and is not tried again |
//! | delivered, the message is `sent` or `undelivered` | `delivered` | `delivered` |
//! | undelivered, the message is `sending`, `in_doubt` or `sent` | `undelivered` | nothing |
//! | undelivered, the message is `queued` | nothing: it waits for its retry | nothing |
//! | anything, the message is `failed` or `canceled` | nothing: its money has come back | nothing |

use serde::{Deserialize, Serialize};

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waits for its turn, its window or its retry.
    Queued,
    /// Claimed; the carrier may have it.
    Sending,
    /// The outcome of the attempt is not known: never sent again by itself.
    InDoubt,
    /// The carrier has taken it.
    Sent,
    /// The carrier says that it arrived.
    Delivered,
    /// The carrier says that it did not arrive.
    Undelivered,
    /// Not sent: refused, given up or lost.
    Failed,
    /// Not sent: its enrollment ended while it waited.
    Canceled,
    /// An inbound text.
    Received,
}

impl MessageState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::InDoubt,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Canceled,
        Self::Received,
    ];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::InDoubt => "in_doubt",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Received => "received",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the carrier may still have it without our knowing: what was claimed counts as sent.
    #[must_use]
    pub fn is_in_flight(self) -> bool {
        matches!(self, Self::Sending | Self::InDoubt)
    }
}

/// Who wrote a message, and why it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A step of a workflow.
    Workflow,
    /// By a person, in the Messenger.
    Manual,
    /// By the product: the opt-out confirmation, the help text.
    System,
    /// From the contact.
    Inbound,
}

impl MessageKind {
    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Manual => "manual",
            Self::System => "system",
            Self::Inbound => "inbound",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Workflow, Self::Manual, Self::System, Self::Inbound].into_iter().find(|kind| kind.word() == word)
    }
}

/// What a carrier's callback says of a text, in the order in which a text lives through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// The carrier has it: accepted, queued, sending or sent at the carrier's side.
    Taken,
    /// It arrived at the handset, as far as the carrier knows.
    Delivered,
    /// It did not arrive.
    Undelivered,
}

/// Of which try of a message a callback tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Try {
    /// The newest, or the only one that the carrier can mean.
    Newest,
    /// One before it.
    Earlier,
}

/// What a callback changes: the new state, or nothing because it tells nothing new.
///
/// The first callback that arrives proves the send even if the answer of the submit was lost.
/// Between two final states the first one stays, but a late `delivered` corrects `undelivered`.
#[must_use]
pub fn advance(state: MessageState, of: Try, delivery: Delivery) -> Option<MessageState> {
    use MessageState as S;
    match (state, of, delivery) {
        (S::Queued | S::Sending | S::InDoubt, _, Delivery::Taken) => Some(S::Sent),
        (S::Queued | S::Sending | S::InDoubt | S::Sent | S::Undelivered, _, Delivery::Delivered) => Some(S::Delivered),
        (S::Sending | S::InDoubt | S::Sent, Try::Newest, Delivery::Undelivered) => Some(S::Undelivered),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_read_back() {
        for state in MessageState::ALL {
            assert_eq!(MessageState::from_word(state.word()), Some(state));
        }
        assert_eq!(MessageState::from_word("nonsense"), None);
    }

    const TRIES: [Try; 2] = [Try::Newest, Try::Earlier];
    const DELIVERIES: [Delivery; 3] = [Delivery::Taken, Delivery::Delivered, Delivery::Undelivered];

    #[test]
    fn a_late_delivered_corrects_undelivered_and_never_the_reverse() {
        for of in TRIES {
            let corrected = advance(MessageState::Undelivered, of, Delivery::Delivered);
            assert_eq!(corrected, Some(MessageState::Delivered));
            assert_eq!(advance(MessageState::Delivered, of, Delivery::Undelivered), None);
        }
    }

    #[test]
    fn a_callback_of_any_try_proves_a_send_whose_answer_was_lost_or_wrong() {
        for state in [MessageState::Queued, MessageState::Sending, MessageState::InDoubt] {
            for of in TRIES {
                assert_eq!(advance(state, of, Delivery::Taken), Some(MessageState::Sent));
                assert_eq!(advance(state, of, Delivery::Delivered), Some(MessageState::Delivered));
            }
        }
    }

    #[test]
    fn bad_news_of_an_earlier_try_changes_nothing() {
        for state in MessageState::ALL {
            assert_eq!(advance(state, Try::Earlier, Delivery::Undelivered), None);
        }
        for state in [MessageState::Sending, MessageState::InDoubt, MessageState::Sent] {
            let news = advance(state, Try::Newest, Delivery::Undelivered);
            assert_eq!(news, Some(MessageState::Undelivered));
        }
    }

    #[test]
    fn what_was_given_back_is_changed_by_no_callback_and_what_waits_by_no_bad_news() {
        for state in [MessageState::Failed, MessageState::Canceled, MessageState::Received] {
            for delivery in DELIVERIES {
                assert_eq!(TRIES.map(|of| advance(state, of, delivery)), [None, None]);
            }
        }
        assert_eq!(advance(MessageState::Queued, Try::Newest, Delivery::Undelivered), None);
    }

    fn rank(state: MessageState) -> u8 {
        match state {
            MessageState::Queued => 0,
            MessageState::Sending => 1,
            MessageState::InDoubt => 2,
            MessageState::Sent => 3,
            MessageState::Undelivered => 4,
            _ => 5,
        }
    }

    proptest! {
        #[test]
        fn callbacks_in_any_order_and_number_never_go_backwards(
            callbacks in proptest::collection::vec((0usize..2, 0usize..3), 0..20)
        ) {
            let mut state = MessageState::Queued;
            for (of, delivery) in callbacks {
                if let Some(next) = advance(state, TRIES[of], DELIVERIES[delivery]) {
                    prop_assert!(rank(next) > rank(state));
                    state = next;
                }
            }
        }
    }
}
