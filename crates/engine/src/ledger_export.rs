//! The ledger taken out, transfer by transfer, with what it adds up to: for bookkeepers and for whoever leaves.
//!
//! Transfers, sums and balances are of one instant. The caller says where each transfer goes; that must not be a slow place,
//! because the database waits meanwhile: write to a file of one's own, and pass that on afterwards.

use std::io;

use domain::ids::{EnrollmentId, MessageId, PaymentId, PeriodId, TopUpId, WorkspaceId};
use domain::ledger::{Account, Reason, Unit};
use jiff::Timestamp;
use jiff::civil::Date;
use store::ledger::export::{self, Exported};
use store::ledger::{self, Balance, Flow};
use store::{DbError, Read, tallies};

use crate::engine::Engine;
use crate::failure::Failure;

/// A transfer as it is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// What caused it: the identifier of an enrollment, a message or a payment.
    pub reference: String,
    /// The step of the enrollment, from 1; 0 where it is about the whole.
    pub step: i64,
    /// From which account.
    pub from: String,
    /// To which account.
    pub to: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// How much.
    pub amount: i64,
}

impl From<Exported> for Movement {
    fn from(row: Exported) -> Self {
        let posted = row.posted;
        let reference = match Reason::from_word(&posted.reason) {
            _ if row.is_payment => PaymentId(row.subject).to_string(),
            Some(Reason::TopUp | Reason::Withdrawal) => TopUpId(row.subject).to_string(),
            Some(Reason::Grant | Reason::Fee | Reason::Expiry) => PeriodId(row.subject).to_string(),
            _ if row.is_enrollment => EnrollmentId(row.subject).to_string(),
            _ => MessageId(row.subject).to_string(),
        };
        Self {
            at: posted.at,
            reason: posted.reason,
            reference,
            step: posted.step,
            from: posted.debit,
            to: posted.credit,
            unit: posted.unit,
            amount: posted.amount,
        }
    }
}

/// Which days of the workspace, the first and the last included; without them from the beginning and until the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Option<Date>,
    /// The last.
    pub to: Option<Date>,
}

impl Days {
    fn first(self) -> i64 {
        self.from.map_or(i64::MIN, tallies::number_of)
    }

    fn last(self) -> i64 {
        self.to.map_or(i64::MAX, tallies::number_of)
    }
}

/// What an account held before the days, what they changed, what came after them, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Which account.
    pub account: Account,
    /// In which unit.
    pub unit: Unit,
    /// What the transfers before the days add up to.
    pub before: i64,
    /// What those that were taken out add up to.
    pub change: i64,
    /// What those after the days add up to.
    pub later: i64,
    /// What the account holds.
    pub balance: i64,
}

impl Total {
    /// What it held when the days were over.
    #[must_use]
    pub fn after(&self) -> i64 {
        self.before.saturating_add(self.change)
    }

    /// Whether all transfers add up to what it holds.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.after().checked_add(self.later) == Some(self.balance)
    }
}

/// What was taken out.
#[derive(Debug)]
pub struct Taken<W> {
    /// Where the transfers went.
    pub out: W,
    /// How many.
    pub count: u64,
    /// Every account in every unit.
    pub totals: Vec<Total>,
}

/// Why the ledger was not taken out.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The last day is before the first.
    #[error("there is no day from {from} to {to}")]
    NoDay {
        /// The first.
        from: Date,
        /// The last.
        to: Date,
    },
    /// It could not be written.
    #[error("the transfers could not be written")]
    Io(#[from] io::Error),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ExportError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Gives every transfer of some days of a workspace to `each`, oldest first. For the operator. Where it has to begin anew,
    /// it does so with another `open`.
    pub async fn export_ledger<W: Send + 'static>(
        &self,
        workspace: WorkspaceId,
        days: Days,
        open: impl Fn() -> io::Result<W> + Send + 'static,
        each: impl Fn(&mut W, &Movement) -> io::Result<()> + Send + 'static,
    ) -> Result<Taken<W>, ExportError> {
        if let (Some(from), Some(to)) = (days.from, days.to)
            && from > to
        {
            return Err(ExportError::NoDay { from, to });
        }
        self.read(move |db| {
            let (mut out, mut count, mut change) = (open()?, 0, Vec::new());
            export::transfers(db, workspace, (days.first(), days.last()), |row| {
                let movement = Movement::from(row);
                each(&mut out, &movement)?;
                count += 1;
                add(&mut change, &movement);
                Ok::<_, ExportError>(())
            })?;
            Ok(Taken { out, count, totals: totals(db, workspace, days, &change)? })
        })
        .await
    }
}

/// Adds what was really taken out to the flows; there are few kinds of them.
fn add(flows: &mut Vec<Flow>, movement: &Movement) {
    let same =
        |flow: &&mut Flow| flow.debit == movement.from && flow.credit == movement.to && flow.unit == movement.unit;
    if let Some(flow) = flows.iter_mut().find(same) {
        flow.amount = flow.amount.saturating_add(movement.amount);
        return;
    }
    flows.push(Flow {
        debit: movement.from.clone(),
        credit: movement.to.clone(),
        unit: movement.unit.clone(),
        amount: movement.amount,
        count: 1,
    });
}

fn totals(db: &Read<'_>, workspace: WorkspaceId, days: Days, change: &[Flow]) -> Result<Vec<Total>, DbError> {
    let flows = |first: i64, last: i64| {
        if first > last { Ok(Vec::new()) } else { export::flows(db, workspace, (first, last)) }
    };
    let before = if days.from.is_some() { flows(i64::MIN, days.first() - 1)? } else { Vec::new() };
    let later = if days.to.is_some() { flows(days.last() + 1, i64::MAX)? } else { Vec::new() };
    let balances = ledger::balances(db, workspace)?;
    let total = |account: Account, unit: Unit| Total {
        account,
        unit,
        before: net(&before, account, unit),
        change: net(change, account, unit),
        later: net(&later, account, unit),
        balance: balance(&balances, account, unit),
    };
    Ok(Unit::ALL.into_iter().flat_map(|unit| Account::ALL.map(|account| total(account, unit))).collect())
}

fn net(flows: &[Flow], account: Account, unit: Unit) -> i64 {
    let of_unit = flows.iter().filter(|flow| flow.unit == unit.word());
    of_unit.fold(0_i64, |sum, flow| {
        let more = if flow.credit == account.word() { flow.amount } else { 0 };
        let less = if flow.debit == account.word() { flow.amount } else { 0 };
        sum.saturating_add(more).saturating_sub(less)
    })
}

fn balance(balances: &[Balance], account: Account, unit: Unit) -> i64 {
    let found = balances.iter().find(|row| row.account == account.word() && row.unit == unit.word());
    found.map_or(0, |row| row.amount)
}
