//! Where the money and the credits went, followed from what the carrier took.
//!
//! | a step of an ended enrollment | its price |
//! |---|---|
//! | taken | earned; what the carrier counted less came back, and the rest if it gave the text up and the customer's setting says so |
//! | refused for good by the carrier | earned, or came back where the customer's setting says so |
//! | anything else | came back, once, to where it had come from |

use std::collections::{BTreeMap, HashMap, HashSet};

use carrier::Outcome;

use crate::rows::{Enrollment, Message, Price, Transfer};
use crate::story::cast::Customer;
use crate::story::texts::Tag;

/// What the receiving end knows.
pub(crate) struct Truth<'a> {
    /// The texts that the carrier took, whether or not they arrived.
    pub(crate) taken: &'a HashSet<Tag>,
    /// Those of them of which it said that it gave them up.
    pub(crate) given_up: &'a HashSet<Tag>,
    pub(crate) answers: &'a HashMap<Tag, Outcome>,
    /// The carrier's count of segments, where its news told it and its answer did not.
    pub(crate) counts: &'a HashMap<Tag, u32>,
    /// Whether an answer may have ended with its link unread: then the text was in doubt, and a person gave the money of a refused one back.
    pub(crate) may_be_unread: bool,
}

/// Credits and micro-dollars.
type Both = (i64, i64);

fn plus(a: Both, b: Both) -> Both {
    (a.0 + b.0, a.1 + b.1)
}

/// The movements of one enrollment, message or top-up.
#[derive(Default)]
pub(crate) struct Moves<'a>(Vec<&'a Transfer>);

impl Moves<'_> {
    fn sum(&self, reasons: &[&str], step: Option<i64>) -> Both {
        let of = |row: &&&Transfer| reasons.contains(&row.reason.as_str()) && step.is_none_or(|step| row.step == step);
        self.0.iter().filter(of).fold((0, 0), |sum, row| match row.unit.as_str() {
            "segments" => plus(sum, (row.amount, 0)),
            _ => plus(sum, (0, row.amount)),
        })
    }
}

pub(crate) fn by_subject(transfers: &[Transfer]) -> HashMap<i64, Moves<'_>> {
    let mut all = HashMap::<i64, Moves<'_>>::new();
    for row in transfers {
        all.entry(row.subject).or_default().0.push(row);
    }
    all
}

/// Every account is the sum of its movements, all of them together are zero, and nothing is held any more.
pub(crate) fn check_books(accounts: &BTreeMap<(String, String), i64>, transfers: &[Transfer]) {
    let mut computed = BTreeMap::<(String, String), i64>::new();
    for row in transfers {
        assert!(row.amount > 0, "{row:?}");
        *computed.entry((row.debit.clone(), row.unit.clone())).or_default() -= row.amount;
        *computed.entry((row.credit.clone(), row.unit.clone())).or_default() += row.amount;
    }
    for (account, balance) in accounts {
        assert_eq!(computed.get(account).copied().unwrap_or(0), *balance, "{account:?}");
        assert!(*balance >= 0 || account.0 == "outside", "{account:?} is at {balance}");
    }
    for unit in ["segments", "micros"] {
        let all = accounts.iter().filter(|((_, of), _)| of == unit);
        assert_eq!(all.map(|(_, balance)| balance).sum::<i64>(), 0, "the books in {unit} do not balance");
        assert_eq!(accounts[&("prepaid".to_owned(), unit.to_owned())], 0, "{unit} are still held");
    }
}

/// Follows the price of each step of an ended enrollment.
pub(crate) fn check_enrollment(customer: &Customer, row: &Enrollment, moves: &Moves<'_>, truth: &Truth<'_>) {
    let charged = row.prices.iter().fold((0, 0), |sum, price| plus(sum, (price.1, price.2)));
    assert_eq!(moves.sum(&["charge"], None), charged, "{row:?} was charged another price");
    let mut back = (0, 0);
    for (step, price) in (1u8..).zip(&row.prices) {
        let tag = Tag::Step { run: row.run.unwrap(), step };
        let taken = truth.taken.contains(&tag);
        let refused = matches!(truth.answers.get(&tag), Some(Outcome::Permanent { .. } | Outcome::OptedOut { .. }));
        let moved = moves.sum(&["earn"], Some(step.into()));
        let is_unread = truth.may_be_unread && moved == (0, 0);
        let is_earned = taken || (refused && customer.refused_is_earned && !is_unread);
        let earned = if is_earned { (price.1, price.2) } else { (0, 0) };
        if !is_earned {
            back = plus(back, (price.1, price.2));
        }
        assert_eq!(moved, earned, "step {step} of {row:?}: taken {taken}, refused {refused}");
        check_correction(row, step, *price, moves, truth);
        if truth.given_up.contains(&tag) {
            let corrected = moves.sum(&["correction"], Some(step.into()));
            let rest = (earned.0 - corrected.0, earned.1 - corrected.1);
            let back = if customer.refused_is_earned { (0, 0) } else { rest };
            assert_eq!(moves.sum(&["reversal"], Some(step.into())), back, "step {step} of {row:?} was given up");
        }
    }
    assert_eq!(moves.sum(&["refund", "return"], None), back, "{row:?} got back something else");
    assert_eq!(moves.sum(&["topup", "withdrawal"], None), (0, 0));
}

/// What the carrier counted less comes back: money first. After a lost answer its count may have stayed unknown.
fn check_correction(row: &Enrollment, step: u8, price: Price, moves: &Moves<'_>, truth: &Truth<'_>) {
    let (segments, credits, _) = price;
    let tag = Tag::Step { run: row.run.unwrap(), step };
    let fewer = |count: i64| {
        let money = (segments - count).min(segments - credits);
        (segments - count - money, money * row.rate)
    };
    let corrected = moves.sum(&["correction"], Some(step.into()));
    match truth.answers.get(&tag) {
        Some(Outcome::Accepted { segments: Some(count), .. }) => {
            assert_eq!(corrected, fewer(i64::from(*count)), "step {step} of {row:?}: the carrier counted {count}");
        }
        Some(Outcome::Accepted { segments: None, .. }) => {
            let told = truth.counts.get(&tag).map_or((0, 0), |count| fewer(i64::from(*count)));
            assert_eq!(
                corrected,
                told,
                "step {step} of {row:?}: the carrier's news counted {:?}",
                truth.counts.get(&tag)
            );
        }
        Some(Outcome::InDoubt { .. }) if truth.taken.contains(&tag) => {
            assert!([(0, 0), fewer((segments - 1).max(1))].contains(&corrected), "step {step} of {row:?}");
        }
        _ => assert_eq!(corrected, (0, 0), "step {step} of {row:?} was not counted by the carrier"),
    }
}

/// A message by hand is earned if the carrier took it, and costs nothing if it did not.
pub(crate) fn check_manual(message: &Message, moves: &Moves<'_>, is_taken: bool) {
    let price = (message.credits, message.micros);
    let (earned, back) = if is_taken { (price, (0, 0)) } else { ((0, 0), price) };
    assert_eq!(moves.sum(&["charge"], None), price, "{message:?}");
    assert_eq!(moves.sum(&["earn"], None), earned, "{message:?}");
    assert_eq!(moves.sum(&["return"], None), back, "{message:?}");
    assert!(!is_taken || price != (0, 0), "{message:?} was sent for nothing");
}
