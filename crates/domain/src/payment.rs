//! Payments by card: what is known of one, and what a provider's report makes of it. No report is older or newer than another
//! here: applying them in any order, any number of times, ends in the same place.
//!
//! | what is known | grows only |
//! |---|---|
//! | the state | `open` → `failed` or `expired` → `paid`: money that came counts, whatever was heard before |
//! | what was refunded | upwards |
//! | the dispute | to the one opened last; of one dispute `open` → `lost` → `won` |
//!
//! Amounts are whole cents, as those who move the money count.

use crate::money::Micros;

/// Micro-dollars in a cent.
pub const CENT: Micros = Micros(10_000);
/// The smallest payment that a person makes: below it the fees eat it up.
pub const LEAST: Micros = Micros(5_000_000);
/// The largest payment: a slip of the keyboard must not be a fortune.
pub const MOST: Micros = Micros(10_000_000_000);

/// Who began a payment, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person, on the provider's page.
    Checkout,
    /// Nobody: the wallet fell below its mark.
    Recharge,
    /// Nobody: the wallet does not cover the plan's month.
    Plan,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Checkout, Self::Recharge, Self::Plan];

    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Recharge => "recharge",
            Self::Plan => "plan",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Where a payment is. The order is that in which it may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It may still be paid, or nobody knows yet.
    Open,
    /// The time to pay is over.
    Expired,
    /// The card was declined, or the payment was not carried out.
    Failed,
    /// The money came, and is in the wallet.
    Paid,
}

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Open, Self::Expired, Self::Failed, Self::Paid];

    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Paid => "paid",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// How far a dispute is. The order is that in which it may move: a bank may give in after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The bank holds the money back until it is settled.
    Open,
    /// The money is gone.
    Lost,
    /// The money came back.
    Won,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 3] = [Self::Open, Self::Lost, Self::Won];

    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Lost => "lost",
            Self::Won => "won",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.word() == word)
    }
}

/// A dispute of a payment: somebody tells their bank that they did not want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dispute {
    /// When it was opened, in seconds since 1970: of two, the later one counts.
    pub opened: i64,
    /// How far it is.
    pub verdict: Verdict,
    /// How much of the payment is disputed.
    pub amount: Micros,
}

/// What a provider says of a payment, or what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Where it is.
    pub state: State,
    /// How much of it was given back, all in all.
    pub refunded: Micros,
    /// The dispute opened last.
    pub dispute: Option<Dispute>,
}

impl Report {
    /// Of a payment of which nothing was heard yet.
    pub const OPEN: Self = Self { state: State::Open, refunded: Micros::ZERO, dispute: None };

    /// What is known after another report.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            state: self.state.max(other.state),
            refunded: self.refunded.max(other.refunded),
            dispute: self.dispute.max(other.dispute),
        }
    }

    /// What has to be out of the wallet of a payment of this amount: what is refunded, and what is disputed of the rest.
    #[must_use]
    pub fn gone(&self, amount: Micros) -> Gone {
        if self.state != State::Paid {
            return Gone { refunded: Micros::ZERO, disputed: Micros::ZERO };
        }
        let refunded = self.refunded.min(amount);
        let held = self.dispute.filter(|dispute| dispute.verdict != Verdict::Won);
        let disputed = held.map_or(Micros::ZERO, |dispute| dispute.amount);
        Gone { refunded, disputed: disputed.min(Micros(amount.0 - refunded.0)) }
    }
}

/// What is not the workspace's any more of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gone {
    /// Given back.
    pub refunded: Micros,
    /// Held back by the bank, or lost to it.
    pub disputed: Micros,
}

/// Whether a person may pay this much at once.
#[must_use]
pub fn may_pay(amount: Micros) -> bool {
    (LEAST..=MOST).contains(&amount) && amount.0 % CENT.0 == 0
}

/// The amount in whole cents, upwards.
#[must_use]
pub fn whole_cents(amount: Micros) -> Micros {
    let over = amount.0.rem_euclid(CENT.0);
    if over == 0 { amount } else { Micros(amount.0.saturating_add(CENT.0 - over)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dispute(opened: i64, verdict: Verdict) -> Dispute {
        Dispute { opened, verdict, amount: Micros(6_000_000) }
    }

    #[test]
    fn money_that_came_counts_whatever_was_heard_before() {
        let report = |state| Report { state, ..Report::OPEN };
        assert_eq!(report(State::Failed).joined(report(State::Paid)).state, State::Paid);
        assert_eq!(report(State::Paid).joined(report(State::Expired)).state, State::Paid);
        assert_eq!(report(State::Failed).joined(report(State::Open)).state, State::Failed);
    }

    #[test]
    fn what_is_disputed_is_gone_until_it_is_won() {
        let paid = Report { state: State::Paid, ..Report::OPEN };
        let with = |verdict| Report { dispute: Some(dispute(1, verdict)), ..paid };
        let amount = Micros(10_000_000);
        assert_eq!(with(Verdict::Open).gone(amount).disputed, Micros(6_000_000));
        assert_eq!(with(Verdict::Lost).gone(amount).disputed, Micros(6_000_000));
        assert_eq!(with(Verdict::Won).gone(amount).disputed, Micros::ZERO);
        // What was refunded before cannot be lost a second time.
        let both = Report { refunded: Micros(7_000_000), ..with(Verdict::Open) };
        assert_eq!(both.gone(amount), Gone { refunded: Micros(7_000_000), disputed: Micros(3_000_000) });
        // A second dispute counts for itself, and an old report of the first does not bring that back.
        let second = Report { dispute: Some(dispute(2, Verdict::Open)), ..paid };
        assert_eq!(with(Verdict::Won).joined(second).joined(with(Verdict::Won)), second);
    }

    #[test]
    fn amounts_are_whole_cents_within_limits() {
        for (amount, good) in [(4_990_000, false), (5_000_000, true), (5_005_000, false), (10_000_000_001, false)] {
            assert_eq!(may_pay(Micros(amount)), good, "{amount}");
        }
        assert_eq!(whole_cents(Micros(10_001)), Micros(20_000));
        assert_eq!(whole_cents(Micros(20_000)), Micros(20_000));
    }

    fn any_report() -> impl Strategy<Value = Report> {
        let dispute = (0i64..3, 0usize..3, 1i64..4).prop_map(|(opened, verdict, amount)| Dispute {
            opened,
            verdict: Verdict::ALL[verdict],
            amount: Micros(amount),
        });
        (0usize..4, 0i64..4, proptest::option::of(dispute)).prop_map(|(state, refunded, dispute)| Report {
            state: State::ALL[state],
            refunded: Micros(refunded),
            dispute,
        })
    }

    proptest! {
        #[test]
        fn reports_end_in_one_place_in_any_order(a in any_report(), b in any_report(), c in any_report()) {
            prop_assert_eq!(a.joined(b), b.joined(a));
            prop_assert_eq!(a.joined(b).joined(c), a.joined(b.joined(c)));
            prop_assert_eq!(a.joined(b).joined(b), a.joined(b));
        }
    }
}
