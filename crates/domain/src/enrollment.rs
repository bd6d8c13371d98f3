//! One contact's run through one workflow: its states, its ends and what an end gives back.
//!
//! A state carries exactly its facts. What is not sent is refunded to where it came from; because
//! each step carries its own two amounts ([`StepPrice`]), a refund is a sum and needs no
//! arithmetic across steps.

use serde::{Deserialize, Serialize};

use crate::ledger::Amounts;
use crate::money::Micros;

/// Why an enrollment was stopped before its last message (SPEC §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The contact wrote anything at all.
    Replied,
    /// The contact asked not to be texted, by keyword, phrase or through the carrier.
    OptedOut,
    /// A user took the contact out of the workflow.
    Removed,
    /// The workflow was paused for editing.
    WorkflowPaused,
    /// The workflow was deleted.
    WorkflowDeleted,
    /// The contact was deleted.
    ContactDeleted,
    /// A user put the contact on the do-not-contact list.
    DoNotContact,
    /// An imported list blocks the contact.
    ComplianceBlocked,
    /// The carrier says that this number cannot be reached, for good.
    Undeliverable,
    /// The workspace's messaging plan ended.
    PlanEnded,
    /// The sending number was lost and no other can be assigned.
    NumberLost,
    /// Another contact of the same person replied or opted out.
    PersonReplied,
}

impl StopReason {
    /// All reasons.
    pub const ALL: [Self; 12] = [
        Self::Replied,
        Self::OptedOut,
        Self::Removed,
        Self::WorkflowPaused,
        Self::WorkflowDeleted,
        Self::ContactDeleted,
        Self::DoNotContact,
        Self::ComplianceBlocked,
        Self::Undeliverable,
        Self::PlanEnded,
        Self::NumberLost,
        Self::PersonReplied,
    ];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Replied => "replied",
            Self::OptedOut => "opted_out",
            Self::Removed => "removed",
            Self::WorkflowPaused => "workflow_paused",
            Self::WorkflowDeleted => "workflow_deleted",
            Self::ContactDeleted => "contact_deleted",
            Self::DoNotContact => "do_not_contact",
            Self::ComplianceBlocked => "compliance_blocked",
            Self::Undeliverable => "undeliverable",
            Self::PlanEnded => "plan_ended",
            Self::NumberLost => "number_lost",
            Self::PersonReplied => "person_replied",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// Where an enrollment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnrollmentState {
    /// Messages are still to come.
    Active,
    /// The last message was sent.
    Completed,
    /// Ended early; what was not sent has been refunded.
    Stopped(StopReason),
}

impl EnrollmentState {
    /// The two words that the database holds: state and reason.
    #[must_use]
    pub fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Active => ("active", None),
            Self::Completed => ("completed", None),
            Self::Stopped(reason) => ("stopped", Some(reason.word())),
        }
    }

    /// Reads the two words back.
    #[must_use]
    pub fn from_words(state: &str, reason: Option<&str>) -> Option<Self> {
        match (state, reason) {
            ("active", None) => Some(Self::Active),
            ("completed", None) => Some(Self::Completed),
            ("stopped", Some(reason)) => StopReason::from_word(reason).map(Self::Stopped),
            _ => None,
        }
    }
}

/// What one step took when the enrollment was charged: fixed for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, i64, i64)", into = "(u32, i64, i64)")]
pub struct StepPrice {
    /// Segments of the text as the contact will get it.
    pub segments: u32,
    /// How many of them were paid with credits.
    pub credits: i64,
    /// What the others cost.
    pub micros: Micros,
}

impl From<(u32, i64, i64)> for StepPrice {
    fn from((segments, credits, micros): (u32, i64, i64)) -> Self {
        Self { segments, credits, micros: Micros(micros) }
    }
}

impl From<StepPrice> for (u32, i64, i64) {
    fn from(price: StepPrice) -> Self {
        (price.segments, price.credits, price.micros.0)
    }
}

impl StepPrice {
    /// Of a step before the one with which the enrollment starts: nothing. A text has one segment at least, so
    /// zero segments say that the step is not part of the enrollment.
    pub const LEFT_OUT: Self = Self { segments: 0, credits: 0, micros: Micros::ZERO };

    /// Credits and money of this step.
    #[must_use]
    pub fn amounts(self) -> Amounts {
        Amounts { credits: self.credits, micros: self.micros }
    }
}

/// Prices steps in order of sending: credits first, then money at the rate.
/// Nothing if the cost does not fit 64 bits.
#[must_use]
pub fn price(segments: &[u32], credits: i64, rate: Micros) -> Option<Vec<StepPrice>> {
    let mut left = credits.max(0);
    let mut prices = Vec::with_capacity(segments.len());
    for &count in segments {
        let free = i64::from(count).min(left);
        left -= free;
        let micros = rate.checked_times(i64::from(count) - free)?;
        prices.push(StepPrice { segments: count, credits: free, micros });
    }
    Some(prices)
}

/// Credits and money of all steps.
#[must_use]
pub fn total(prices: &[StepPrice]) -> Amounts {
    prices.iter().fold(Amounts::ZERO, |sum, price| sum.plus(price.amounts()))
}

/// The step with which an enrollment starts, from 1: those before it have [`StepPrice::LEFT_OUT`].
#[must_use]
pub fn first_step(prices: &[StepPrice]) -> u8 {
    let before = prices.iter().take_while(|price| price.segments == 0).count();
    u8::try_from(before).map_or(1, |before| before.saturating_add(1))
}

/// The step from which an ended enrollment would go on: the first that was not tried. The first of all where each was.
#[must_use]
pub fn first_untried(prices: &[StepPrice], stopped_after: Option<u8>) -> u8 {
    let next = stopped_after.map_or(1, |last| last.saturating_add(1).max(first_step(prices)));
    if usize::from(next) > prices.len() { 1 } else { next }
}

/// What comes back when an enrollment ends: everything from `next_step` on (counted from 1).
///
/// A step whose message is in flight counts as sent: the caller passes the step after it.
#[must_use]
pub fn unsent(prices: &[StepPrice], next_step: u8) -> Amounts {
    total(prices.get(usize::from(next_step.saturating_sub(1))..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn states_read_back_and_halves_of_states_do_not() {
        let all = StopReason::ALL.map(EnrollmentState::Stopped);
        for state in all.into_iter().chain([EnrollmentState::Active, EnrollmentState::Completed]) {
            let (word, reason) = state.words();
            assert_eq!(EnrollmentState::from_words(word, reason), Some(state));
        }
        assert_eq!(EnrollmentState::from_words("stopped", None), None);
        assert_eq!(EnrollmentState::from_words("active", Some("replied")), None);
    }

    #[test]
    fn credits_are_taken_first_and_in_order_of_sending() {
        let prices = price(&[2, 1, 2], 3, Micros(15_000)).unwrap();
        let taken: Vec<_> = prices.iter().map(|price| (price.credits, price.micros.0)).collect();
        assert_eq!(taken, [(2, 0), (1, 0), (0, 30_000)]);
        assert_eq!(
            price(&[2, 2], 3, Micros(10)).unwrap()[1],
            StepPrice { segments: 2, credits: 1, micros: Micros(10) }
        );
    }

    #[test]
    fn an_end_gives_back_only_what_was_not_sent() {
        let prices = price(&[2, 1, 2], 3, Micros(15_000)).unwrap();
        assert_eq!(unsent(&prices, 1), total(&prices));
        assert_eq!(unsent(&prices, 2), Amounts { credits: 1, micros: Micros(30_000) });
        assert_eq!(unsent(&prices, 4), Amounts::ZERO);
        assert_eq!(unsent(&prices, 9), Amounts::ZERO);
    }

    #[test]
    fn what_is_left_out_tells_the_first_step_and_an_end_the_one_to_go_on_from() {
        let mut prices = vec![StepPrice::LEFT_OUT; 2];
        prices.extend(price(&[1, 2, 1], 0, Micros(10)).unwrap());
        assert_eq!((first_step(&prices), first_step(&prices[2..]), first_step(&[])), (3, 1, 1));
        let from = [(Some(0), 3), (Some(3), 4), (Some(4), 5), (Some(5), 1), (None, 1)];
        for (stopped_after, next) in from {
            assert_eq!(first_untried(&prices, stopped_after), next, "{stopped_after:?}");
        }
        assert_eq!(unsent(&prices, 3), total(&prices));
    }

    #[test]
    fn a_price_beyond_64_bits_is_no_price() {
        assert_eq!(price(&[2], 0, Micros(i64::MAX)), None);
    }

    proptest! {
        #[test]
        fn what_was_sent_and_what_comes_back_is_what_was_charged(
            segments in proptest::collection::vec(1u32..=2, 1..=9), credits in 0i64..30, rate in 0i64..100_000, at in 1u8..=10
        ) {
            let prices = price(&segments, credits, Micros(rate)).unwrap();
            let sent = total(&prices[..usize::from(at - 1).min(prices.len())]);
            prop_assert_eq!(sent.plus(unsent(&prices, at)), total(&prices));
        }

        #[test]
        fn the_cost_is_the_charged_segments_times_the_rate(
            segments in proptest::collection::vec(1u32..=2, 1..=9), credits in 0i64..30, rate in 0i64..100_000
        ) {
            let sum: i64 = segments.iter().map(|count| i64::from(*count)).sum();
            let all = total(&price(&segments, credits, Micros(rate)).unwrap());
            prop_assert_eq!(all.credits, sum.min(credits));
            prop_assert_eq!(all.micros.0, (sum - credits).max(0) * rate);
        }
    }
}
