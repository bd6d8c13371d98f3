//! The proof of the books: every balance is computed again from the transfers, and every charge is
//! followed to where it went.
//!
//! | checked | against |
//! |---|---|
//! | each balance | the sum of its transfers; below zero only outside |
//! | each transfer | its reason's two accounts; the enrollment or message that caused it |
//! | charge of an enrollment or message | its price |
//! | what came in of a payment by card, and what went of it | its amount, if it is paid; what its row says is gone |
//! | fee and grant of a period | its price and credits, if it was paid; else nothing |
//! | charge − earned − refunded − returned | what is still held: nothing but unsent or in-flight steps |
//! | earned + returned of a step | at most its price; corrections and reversals at most what was earned |
//! | prepaid | the sum of all that is still held |
//! | each tally | what the rows say, counted again (`tallies`) |
//! | who is in which workflow, by which a reply ends it | the enrollments that run |
//! | each step that is on its way for the first time | that it has no message, and that every other has one |
//!
//! Rows are streamed. Nothing is changed or repaired.

mod fault;
mod tallies;

use std::collections::{BTreeMap, BTreeSet};

use domain::enrollment::{self, StepPrice};
use domain::ids::{EnrollmentId, MessageId, WorkspaceId};
use domain::ledger::{Account, Amounts, Reason, Unit};
use domain::message::MessageState;
use domain::payment::State;
use store::ledger::audit::{
    self, AuditedEnrollment, AuditedMessage, AuditedPayment, AuditedPeriod, Kind, Moved, Stray,
};
use store::ledger::{self, Balance, Flow};
use store::{DbError, Read, on_the_way, runs};

pub use self::fault::Fault;
use crate::engine::Engine;
use crate::failure::Failure;

/// Most faults that one report lists; the others are counted.
pub const MAX_LISTED: usize = 10_000;

/// What an audit saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerReport {
    /// How many transfers.
    pub transfers: i64,
    /// How many enrollments.
    pub enrollments: i64,
    /// How many messages that were charged by themselves.
    pub messages: i64,
    /// What is wrong, at most [`MAX_LISTED`].
    pub faults: Vec<Fault>,
    /// How many more faults there are.
    pub unlisted: usize,
    held: Amounts,
}

impl LedgerReport {
    /// Whether the books are right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, fault: Fault) {
        if self.faults.len() < MAX_LISTED { self.faults.push(fault) } else { self.unlisted += 1 }
    }
}

impl Engine {
    /// Audits the books of a workspace, as of one instant. For the operator.
    pub async fn verify_ledger(&self, workspace: WorkspaceId) -> Result<LedgerReport, Failure> {
        self.read(move |read| Ok(verify(read, workspace)?)).await
    }
}

fn verify(read: &Read<'_>, workspace: WorkspaceId) -> Result<LedgerReport, DbError> {
    let mut report = LedgerReport::default();
    let balances = ledger::balances(read, workspace)?;
    check_balances(&mut report, &balances, &ledger::flows(read, workspace)?);
    for kind in audit::kinds(read, workspace)? {
        check_kind(&mut report, kind);
    }
    audit::strays(read, workspace, |stray| report.add(stray_fault(stray)))?;
    audit::periods(read, workspace, |row| check_period(&mut report, &row))?;
    audit::payments(read, workspace, |row| check_payment(&mut report, &row))?;
    audit::enrollments(read, workspace, |row| check_enrollment(&mut report, &row))?;
    audit::messages(read, workspace, |row| check_message(&mut report, &row))?;
    for unit in Unit::ALL {
        let (stored, held) = (balance(&balances, Account::Prepaid, unit).unwrap_or(0), part(report.held, unit));
        if stored != held {
            report.add(Fault::Prepaid { unit: unit.word(), stored, held });
        }
    }
    tallies::check(&mut report, read, workspace)?;
    for enrollment in runs::drifted(read, workspace)? {
        report.add(Fault::Run { enrollment });
    }
    for enrollment in on_the_way::drifted(read, workspace)? {
        report.add(Fault::OnTheWay { enrollment });
    }
    Ok(report)
}

fn part(amounts: Amounts, unit: Unit) -> i64 {
    match unit {
        Unit::Segments => amounts.credits,
        Unit::Micros => amounts.micros.0,
    }
}

fn balance(balances: &[Balance], account: Account, unit: Unit) -> Option<i64> {
    let found = balances.iter().find(|row| row.account == account.word() && row.unit == unit.word());
    found.map(|row| row.amount)
}

fn check_balances(report: &mut LedgerReport, balances: &[Balance], flows: &[Flow]) {
    let mut computed = BTreeMap::<(&str, &str), i64>::new();
    for flow in flows {
        report.transfers += flow.count;
        *computed.entry((&flow.debit, &flow.unit)).or_default() -= flow.amount;
        *computed.entry((&flow.credit, &flow.unit)).or_default() += flow.amount;
    }
    for unit in Unit::ALL {
        for account in Account::ALL {
            if balance(balances, account, unit).is_none() {
                report.add(Fault::NoAccount { account: account.word(), unit: unit.word() });
            }
        }
        let sum: i64 = balances.iter().filter(|row| row.unit == unit.word()).map(|row| row.amount).sum();
        if sum != 0 {
            report.add(Fault::Sum { unit: unit.word(), sum });
        }
    }
    for row in balances {
        let computed = computed.get(&(row.account.as_str(), row.unit.as_str())).copied().unwrap_or(0);
        let (account, unit) = (row.account.clone(), row.unit.clone());
        if row.amount < 0 && row.account != Account::Outside.word() {
            report.add(Fault::BelowZero { account: account.clone(), unit: unit.clone(), amount: row.amount });
        }
        if row.amount != computed {
            report.add(Fault::Balance { account, unit, stored: row.amount, computed });
        }
    }
}

fn check_kind(report: &mut LedgerReport, kind: Kind) {
    let reason = Reason::from_word(&kind.reason);
    let fits = reason.is_some_and(|reason| {
        let (debit, credit) = reason.accounts();
        debit.word() == kind.debit && credit.word() == kind.credit
    });
    if !fits || !Unit::ALL.into_iter().any(|unit| unit.word() == kind.unit) {
        let Kind { reason, debit, credit, unit, count } = kind;
        report.add(Fault::Kind { reason, debit, credit, unit, count });
    }
}

fn stray_fault(stray: Stray) -> Fault {
    let Stray { subject, reason, unit, amount } = stray;
    Fault::Stray { subject: EnrollmentId(subject), reason, unit, amount }
}

/// A period that was paid took its price and granted its credits; one that was not, neither.
fn check_period(report: &mut LedgerReport, row: &AuditedPeriod) {
    let due = if row.paid { row.terms } else { Amounts::ZERO };
    let expected = [
        (Reason::Fee, Unit::Micros, due.micros.0),
        (Reason::Grant, Unit::Segments, due.credits),
        (Reason::Fee, Unit::Segments, 0),
        (Reason::Grant, Unit::Micros, 0),
        (Reason::Expiry, Unit::Micros, 0),
    ];
    for (reason, unit, price) in expected {
        let of = |moved: &&Moved| moved.reason == reason.word() && moved.unit == unit.word();
        let moved = row.moved.iter().filter(of).map(|moved| moved.amount).sum();
        if moved != price {
            let (subject, reason, unit) = (row.id.to_string(), reason.word(), unit.word());
            report.add(Fault::Period { subject, reason, unit, moved, price });
        }
    }
}

/// A payment that was paid came in whole, and what is gone of it went; of any other nothing moved.
fn check_payment(report: &mut LedgerReport, row: &AuditedPayment) {
    let paid = row.state == State::Paid.word();
    let sum = |reason: Reason, unit: Unit| -> i64 {
        let of = |moved: &&Moved| moved.reason == reason.word() && moved.unit == unit.word();
        row.moved.iter().filter(of).map(|moved| moved.amount).sum()
    };
    let micros = |reason| sum(reason, Unit::Micros);
    let checks = [
        (Reason::TopUp, micros(Reason::TopUp), if paid { row.amount.0 } else { 0 }),
        (Reason::Repayment, micros(Reason::Repayment), row.refunded.0),
        (Reason::Dispute, micros(Reason::Dispute) - micros(Reason::DisputeWon), row.disputed.0),
    ];
    for (reason, moved, wanted) in checks {
        if moved != wanted || sum(reason, Unit::Segments) != 0 {
            report.add(Fault::Payment { subject: row.id.to_string(), reason: reason.word(), moved, wanted });
        }
    }
}

fn is_in_flight(word: Option<&str>) -> bool {
    word.and_then(MessageState::from_word).is_some_and(MessageState::is_in_flight)
}

fn check_enrollment(report: &mut LedgerReport, row: &AuditedEnrollment) {
    report.enrollments += 1;
    let subject = row.id.to_string();
    let Ok(prices) = serde_json::from_str::<Vec<StepPrice>>(&row.prices) else {
        return report.add(Fault::Unreadable { subject, what: "its prices" });
    };
    let next = u8::try_from(row.next_step).unwrap_or(u8::MAX);
    let held = match row.state.as_str() {
        "active" => enrollment::unsent(&prices, next),
        // What was with the carrier when the enrollment ended is held until that is settled.
        "stopped" if is_in_flight(row.message.as_deref()) => usize::from(next)
            .checked_sub(1)
            .and_then(|at| prices.get(at))
            .map_or(Amounts::ZERO, |price| price.amounts()),
        "stopped" | "completed" => Amounts::ZERO,
        _ => return report.add(Fault::Unreadable { subject, what: "its state" }),
    };
    let steps = prices.iter().map(|price| price.amounts()).collect();
    Followed { subject, price: enrollment::total(&prices), steps, held, moved: &row.moved }.check(report);
}

fn check_message(report: &mut LedgerReport, row: &AuditedMessage) {
    report.messages += 1;
    let subject: MessageId = row.id;
    let held = match MessageState::from_word(&row.state) {
        None => return report.add(Fault::Unreadable { subject: subject.to_string(), what: "its state" }),
        Some(MessageState::Queued | MessageState::Sending | MessageState::InDoubt) => row.amounts,
        Some(_) => Amounts::ZERO,
    };
    let subject = subject.to_string();
    Followed { subject, price: row.amounts, steps: Vec::new(), held, moved: &row.moved }.check(report);
}

/// A charge that is followed to where it went.
struct Followed<'a> {
    subject: String,
    price: Amounts,
    /// The price of each step; none for a message, whose movements are all about the whole.
    steps: Vec<Amounts>,
    /// What should be held.
    held: Amounts,
    moved: &'a [Moved],
}

impl Followed<'_> {
    fn check(&self, report: &mut LedgerReport) {
        report.held = report.held.plus(self.held);
        for unit in Unit::ALL {
            self.check_whole(report, unit);
            self.check_steps(report, unit);
        }
    }

    fn sum(&self, unit: Unit, reason: Reason, step: Option<i64>) -> i64 {
        let of = |moved: &&Moved| {
            moved.unit == unit.word() && moved.reason == reason.word() && step.is_none_or(|step| moved.step == step)
        };
        self.moved.iter().filter(of).map(|moved| moved.amount).sum()
    }

    fn check_whole(&self, report: &mut LedgerReport, unit: Unit) {
        let sum = |reason| self.sum(unit, reason, None);
        let (charged, price, held) = (sum(Reason::Charge), part(self.price, unit), part(self.held, unit));
        let (earned, refunded, returned) = (sum(Reason::Earn), sum(Reason::Refund), sum(Reason::Return));
        let (subject, unit) = (self.subject.clone(), unit.word());
        if charged != price {
            report.add(Fault::Charge { subject: subject.clone(), unit, charged, price });
        }
        if charged - earned - refunded - returned != held {
            report.add(Fault::Held { subject, unit, charged, earned, refunded, returned, held });
        }
    }

    fn check_steps(&self, report: &mut LedgerReport, unit: Unit) {
        let steps: BTreeSet<i64> = self.moved.iter().map(|moved| moved.step).collect();
        for step in steps {
            let earned = self.sum(unit, Reason::Earn, Some(step));
            let gone = earned + self.sum(unit, Reason::Return, Some(step));
            let of_step = usize::try_from(step - 1).ok().and_then(|at| self.steps.get(at));
            let whole = if step == 0 && self.steps.is_empty() { self.price } else { Amounts::ZERO };
            let price = part(of_step.copied().unwrap_or(whole), unit);
            if gone > price {
                report.add(Fault::Step { subject: self.subject.clone(), step, unit: unit.word(), gone, price });
            }
            let corrected =
                self.sum(unit, Reason::Correction, Some(step)) + self.sum(unit, Reason::Reversal, Some(step));
            if corrected > earned {
                let (subject, unit) = (self.subject.clone(), unit.word());
                report.add(Fault::Correction { subject, step, unit, corrected, earned });
            }
        }
    }
}
