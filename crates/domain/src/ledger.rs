//! The ledger's rules: what a transfer is and which movements exist.
//!
//! A [`Transfer`] has one debit account, one credit account, one amount and one unit, so it cannot
//! be unbalanced. Its [`Cause`] is its identity: the same cause posted twice is one transfer. All
//! accounts of a workspace add up to zero in each unit; every account but [`Account::Outside`]
//! has a floor of zero.
//!
//! | movement | debit (from) | credit (to) | cause |
//! |---|---|---|---|
//! | money or credits come in | outside | available | `topup` |
//! | money is paid out, credits are taken back by hand | available | outside | `withdrawal` |
//! | a bank holds a payment back that is disputed | available | outside | `dispute` |
//! | it gives it free after all | outside | available | `dispute_won` |
//! | a payment was given back where it came from | available | outside | `repayment` |
//! | a period of the plan begins: its credits | outside | available | `grant` |
//! | its price | available | outside | `fee` |
//! | it is over: the credits that are left | available | outside | `expiry` |
//! | an enrollment starts, a manual message is claimed | available | prepaid | `charge` |
//! | a message was sent | prepaid | earned | `earn` |
//! | an enrollment ends early | prepaid | available | `refund` |
//! | one message was not sent after all | prepaid | available | `return` |
//! | the carrier billed fewer segments than were quoted | earned | available | `correction` |
//! | the carrier refused for good what it had taken, and the workspace wants that back | earned | available | `reversal` |

use serde::{Deserialize, Serialize};

use crate::ids::{EnrollmentId, MessageId, PaymentId, PeriodId, TopUpId};
use crate::money::Micros;

/// What is counted: free segments of the plan, or micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Credits: one credit is one segment. Never priced.
    Segments,
    /// Money in millionths of a dollar.
    Micros,
}

impl Unit {
    /// Both units.
    pub const ALL: [Self; 2] = [Self::Segments, Self::Micros];

    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::Micros => "micros",
        }
    }
}

/// Where an amount can be, in each unit of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The world beyond the books: where top-ups come from. May be negative.
    Outside,
    /// Free to spend: the plan's credits, the wallet's money.
    Available,
    /// Charged for messages that have not been sent.
    Prepaid,
    /// Charged for messages that were sent.
    Earned,
}

impl Account {
    /// All accounts.
    pub const ALL: [Self; 4] = [Self::Outside, Self::Available, Self::Prepaid, Self::Earned];

    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Available => "available",
            Self::Prepaid => "prepaid",
            Self::Earned => "earned",
        }
    }
}

/// Why an amount moved. With the subject, the step and the unit it is the transfer's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Money or credits came in.
    TopUp,
    /// Money was paid out, or credits were taken back, by hand.
    Withdrawal,
    /// A bank holds a payment back that somebody disputes.
    Dispute,
    /// The dispute was won.
    DisputeWon,
    /// A payment was given back to the card that it came from.
    Repayment,
    /// A period of the plan began, with its credits.
    Grant,
    /// The price of a period of the plan.
    Fee,
    /// A period was over, and the credits that were left ended.
    Expiry,
    /// A whole enrollment, or one manual message, was paid in advance.
    Charge,
    /// A message was sent.
    Earn,
    /// An enrollment ended before its last message.
    Refund,
    /// A charged message was not sent after all.
    Return,
    /// The carrier counted fewer segments than were charged.
    Correction,
    /// The carrier had taken a message and refused it for good afterwards.
    Reversal,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 14] = [
        Self::TopUp,
        Self::Withdrawal,
        Self::Dispute,
        Self::DisputeWon,
        Self::Repayment,
        Self::Grant,
        Self::Fee,
        Self::Expiry,
        Self::Charge,
        Self::Earn,
        Self::Refund,
        Self::Return,
        Self::Correction,
        Self::Reversal,
    ];

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::TopUp => "topup",
            Self::Withdrawal => "withdrawal",
            Self::Dispute => "dispute",
            Self::DisputeWon => "dispute_won",
            Self::Repayment => "repayment",
            Self::Grant => "grant",
            Self::Fee => "fee",
            Self::Expiry => "expiry",
            Self::Charge => "charge",
            Self::Earn => "earn",
            Self::Refund => "refund",
            Self::Return => "return",
            Self::Correction => "correction",
            Self::Reversal => "reversal",
        }
    }

    /// From which account to which account.
    #[must_use]
    pub fn accounts(self) -> (Account, Account) {
        match self {
            Self::TopUp | Self::Grant | Self::DisputeWon => (Account::Outside, Account::Available),
            Self::Withdrawal | Self::Fee | Self::Expiry | Self::Dispute | Self::Repayment => {
                (Account::Available, Account::Outside)
            }
            Self::Charge => (Account::Available, Account::Prepaid),
            Self::Earn => (Account::Prepaid, Account::Earned),
            Self::Refund | Self::Return => (Account::Prepaid, Account::Available),
            Self::Correction | Self::Reversal => (Account::Earned, Account::Available),
        }
    }
}

/// What caused a movement: the thing and, for one message of an enrollment, its step (from 1; 0 for the whole).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// The identifier of the enrollment, manual message, top-up, payment or period.
    pub subject: i64,
    /// The step, from 1; 0 where the movement is about the whole. What goes of a payment is counted here, from 1.
    pub step: u8,
}

impl Cause {
    /// The whole enrollment.
    #[must_use]
    pub fn enrollment(id: EnrollmentId) -> Self {
        Self { subject: id.0, step: 0 }
    }

    /// One step of an enrollment, counted from 1.
    #[must_use]
    pub fn step(id: EnrollmentId, step: u8) -> Self {
        Self { subject: id.0, step }
    }

    /// A message that belongs to no enrollment.
    #[must_use]
    pub fn message(id: MessageId) -> Self {
        Self { subject: id.0, step: 0 }
    }

    /// A top-up, grant or payment by hand.
    #[must_use]
    pub fn top_up(id: TopUpId) -> Self {
        Self { subject: id.0, step: 0 }
    }

    /// A payment by card, which comes in.
    #[must_use]
    pub fn payment(id: PaymentId) -> Self {
        Self { subject: id.0, step: 0 }
    }

    /// What goes of a payment, or comes back, for the nth time.
    #[must_use]
    pub fn after_payment(id: PaymentId, nth: u8) -> Self {
        Self { subject: id.0, step: nth }
    }

    /// A period of a plan.
    #[must_use]
    pub fn period(id: PeriodId) -> Self {
        Self { subject: id.0, step: 0 }
    }
}

/// Credits and money together: what one message, or several, took and from where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Segments paid with credits.
    pub credits: i64,
    /// Money for the segments that no credit covered.
    pub micros: Micros,
}

impl Amounts {
    /// Nothing.
    pub const ZERO: Self = Self { credits: 0, micros: Micros::ZERO };

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// What is left when the other is taken away; never below nothing.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        let micros = self.micros.0.saturating_sub(other.micros.0).max(0);
        Self { credits: self.credits.saturating_sub(other.credits).max(0), micros: Micros(micros) }
    }

    /// Both together; saturates at the ends of 64 bits, which the limits of a workflow keep far away.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            credits: self.credits.saturating_add(other.credits),
            micros: Micros(self.micros.0.saturating_add(other.micros.0)),
        }
    }
}

/// One movement. Never changed after it is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// What caused it.
    pub cause: Cause,
    /// Why; decides the two accounts.
    pub reason: Reason,
    /// What is counted.
    pub unit: Unit,
    /// How much; always above zero.
    pub amount: i64,
}

/// The transfers of one movement: one for each unit that has something in it.
#[must_use]
pub fn transfers(cause: Cause, reason: Reason, amounts: Amounts) -> Vec<Transfer> {
    let parts = [(Unit::Segments, amounts.credits), (Unit::Micros, amounts.micros.0)];
    let posted = parts.into_iter().filter(|(_, amount)| *amount > 0);
    posted.map(|(unit, amount)| Transfer { cause, reason, unit, amount }).collect()
}

/// How the balances change by these transfers: one entry for each account and unit that moves, in a fixed
/// order, so that every writer locks the accounts in the same order.
#[must_use]
pub fn changes(transfers: &[Transfer]) -> Vec<(Account, Unit, i64)> {
    let mut sums = std::collections::BTreeMap::<(Account, Unit), i64>::new();
    for transfer in transfers {
        let (debit, credit) = transfer.reason.accounts();
        let less = sums.entry((debit, transfer.unit)).or_default();
        *less = less.saturating_sub(transfer.amount);
        let more = sums.entry((credit, transfer.unit)).or_default();
        *more = more.saturating_add(transfer.amount);
    }
    sums.into_iter().filter(|(_, sum)| *sum != 0).map(|((account, unit), sum)| (account, unit, sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_movement_of_nothing_posts_nothing() {
        assert_eq!(transfers(Cause::enrollment(EnrollmentId(1)), Reason::Charge, Amounts::ZERO), vec![]);
    }

    #[test]
    fn credits_and_money_move_in_transfers_of_their_own() {
        let amounts = Amounts { credits: 3, micros: Micros(15_000) };
        let posted = transfers(Cause::step(EnrollmentId(7), 2), Reason::Earn, amounts);
        assert_eq!(
            posted.iter().map(|t| (t.unit, t.amount)).collect::<Vec<_>>(),
            [(Unit::Segments, 3), (Unit::Micros, 15_000)]
        );
        let moved = changes(&posted);
        assert!(moved.contains(&(Account::Prepaid, Unit::Micros, -15_000)));
        assert!(moved.contains(&(Account::Earned, Unit::Segments, 3)));
    }

    proptest! {
        #[test]
        fn every_set_of_transfers_sums_to_zero_in_each_unit(
            rows in proptest::collection::vec((0usize..14, 1i64..1_000_000, 0i64..1_000_000_000), 0..50)
        ) {
            let all: Vec<Transfer> = rows.iter().enumerate().flat_map(|(n, (reason, credits, micros))| {
                let cause = Cause { subject: i64::try_from(n).expect("small"), step: 0 };
                transfers(cause, Reason::ALL[*reason], Amounts { credits: *credits, micros: Micros(*micros) })
            }).collect();
            for unit in Unit::ALL {
                let sum: i64 = changes(&all).iter().filter(|change| change.1 == unit).map(|change| change.2).sum();
                prop_assert_eq!(sum, 0);
            }
        }
    }
}
