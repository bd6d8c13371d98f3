//! What an audit of the ledger reads: every transfer beside the enrollment or message that caused it.
//!
//! The answers are streamed, so the books of a workspace need not fit into memory. Nothing is
//! judged here, and what is stored is given as it is, readable or not: that is the audit's matter.

use domain::ids::{EnrollmentId, MessageId, PaymentId, PeriodId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;

use crate::{DbError, Read, Row, Sql};

pub(super) static ENROLLMENTS: Sql = Sql::Same(
    "
    SELECT e.enrollment_id, e.prices, e.state, e.next_step, CASE WHEN e.claimed_at IS NULL THEN m.state ELSE 'sending' END, t.step, t.reason, t.unit, t.amount
    FROM enrollments e
    LEFT JOIN transfers t ON t.workspace_id = e.workspace_id AND t.subject = e.enrollment_id
    LEFT JOIN messages m ON m.workspace_id = e.workspace_id AND m.message_id = e.message_id
    WHERE e.workspace_id = $1
    ORDER BY e.enrollment_id, t.step, t.reason, t.unit",
);

pub(super) static MESSAGES: Sql = Sql::Same(
    "
    SELECT m.message_id, m.state, m.credits, m.micros, 0, t.step, t.reason, t.unit, t.amount
    FROM messages m
    LEFT JOIN transfers t ON t.workspace_id = m.workspace_id AND t.subject = m.message_id
    WHERE m.workspace_id = $1 AND (m.credits <> 0 OR m.micros <> 0)
    ORDER BY m.message_id, t.step, t.reason, t.unit",
);

pub(super) static PERIODS: Sql = Sql::Same(
    "
    SELECT p.period_id, p.price, p.credits, p.paid_at, 0, t.step, t.reason, t.unit, t.amount
    FROM periods p
    LEFT JOIN transfers t ON t.workspace_id = p.workspace_id AND t.subject = p.period_id
    WHERE p.workspace_id = $1
    ORDER BY p.period_id, t.step, t.reason, t.unit",
);

pub(super) static PAYMENTS: Sql = Sql::Same(
    "
    SELECT p.payment_id, p.amount, p.refund_taken, p.dispute_taken, p.state, t.step, t.reason, t.unit, t.amount
    FROM payments p
    LEFT JOIN transfers t ON t.workspace_id = p.workspace_id AND t.subject = p.payment_id
    WHERE p.workspace_id = $1
    ORDER BY p.payment_id, t.step, t.reason, t.unit",
);

pub(super) static STRAYS: Sql = Sql::Same(
    "
    SELECT t.subject, t.reason, t.unit, t.amount
    FROM transfers t
    WHERE t.workspace_id = $1 AND t.reason NOT IN ('topup', 'withdrawal')
      AND NOT EXISTS (SELECT 1 FROM periods p WHERE p.workspace_id = t.workspace_id AND p.period_id = t.subject)
      AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.workspace_id = t.workspace_id AND p.payment_id = t.subject)
      AND NOT EXISTS (
        SELECT 1 FROM enrollments e WHERE e.workspace_id = t.workspace_id AND e.enrollment_id = t.subject)
      AND NOT EXISTS (
        SELECT 1 FROM messages m
        WHERE m.workspace_id = t.workspace_id AND m.message_id = t.subject AND (m.credits <> 0 OR m.micros <> 0))
    ORDER BY t.subject, t.step, t.reason, t.unit",
);

pub(super) static KINDS: Sql = Sql::Same(
    "
    SELECT reason, debit, credit, unit, COUNT(*) FROM transfers
    WHERE workspace_id = $1 GROUP BY reason, debit, credit, unit ORDER BY reason, debit, credit, unit",
);

/// One transfer of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The step, from 1; 0 for the whole.
    pub step: i64,
    /// Why.
    pub reason: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// How much.
    pub amount: i64,
}

/// An enrollment and all its transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedEnrollment {
    /// Which.
    pub id: EnrollmentId,
    /// The document with the price of each step.
    pub prices: String,
    /// The word of its state.
    pub state: String,
    /// The step that comes next, from 1.
    pub next_step: i64,
    /// The word of the state of that step's message, if there is one.
    pub message: Option<String>,
    /// Its transfers, by step.
    pub moved: Vec<Moved>,
}

/// A message that was charged by itself, and all its transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedMessage {
    /// Which.
    pub id: MessageId,
    /// The word of its state.
    pub state: String,
    /// What it took.
    pub amounts: Amounts,
    /// Its transfers.
    pub moved: Vec<Moved>,
}

/// A period of the workspace's plan, and all its transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedPeriod {
    /// Which.
    pub id: PeriodId,
    /// Its price and its credits.
    pub terms: Amounts,
    /// Whether it was paid, which is when its credits are granted.
    pub paid: bool,
    /// Its transfers.
    pub moved: Vec<Moved>,
}

/// A payment by card, and all its transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedPayment {
    /// Which.
    pub id: PaymentId,
    /// What came in, if it is paid.
    pub amount: Micros,
    /// What was given back.
    pub refunded: Micros,
    /// What a bank holds back, or has taken.
    pub disputed: Micros,
    /// The word of its state.
    pub state: String,
    /// Its transfers.
    pub moved: Vec<Moved>,
}

/// The transfer in the last columns of a row, if the subject has any.
fn moved(row: &Row) -> Result<Option<Moved>, DbError> {
    let Some(step) = row.opt_int(5)? else { return Ok(None) };
    let (reason, unit) = (row.text(6)?.to_owned(), row.text(7)?.to_owned());
    Ok(Some(Moved { step, reason, unit, amount: row.int(8)? }))
}

/// Gathers the rows of each subject, which follow each other, and gives each subject to `each`.
fn gather<S>(
    read: &Read<'_>,
    sql: &Sql,
    workspace: WorkspaceId,
    subject: impl Fn(&Row) -> Result<S, DbError>,
    mut each: impl FnMut(S, Vec<Moved>),
) -> Result<(), DbError> {
    let mut last: Option<(i64, S, Vec<Moved>)> = None;
    read.for_each(sql, &[workspace.0.into()], |row| {
        let id = row.int(0)?;
        match &mut last {
            Some((known, _, rows)) if *known == id => rows.extend(moved(row)?),
            _ => {
                let next = (id, subject(row)?, moved(row)?.into_iter().collect());
                if let Some((_, subject, rows)) = last.replace(next) {
                    each(subject, rows);
                }
            }
        }
        Ok::<_, DbError>(())
    })?;
    if let Some((_, subject, rows)) = last {
        each(subject, rows);
    }
    Ok(())
}

/// Gives each enrollment of a workspace to `each`, oldest first. No statement may run in it.
pub fn enrollments(
    read: &Read<'_>,
    workspace: WorkspaceId,
    mut each: impl FnMut(AuditedEnrollment),
) -> Result<(), DbError> {
    let subject = |row: &Row| {
        Ok(AuditedEnrollment {
            id: EnrollmentId(row.int(0)?),
            prices: row.text(1)?.to_owned(),
            state: row.text(2)?.to_owned(),
            next_step: row.int(3)?,
            message: row.opt_text(4)?.map(str::to_owned),
            moved: Vec::new(),
        })
    };
    gather(read, &ENROLLMENTS, workspace, subject, |found, moved| each(AuditedEnrollment { moved, ..found }))
}

/// Gives each message that was charged by itself to `each`, oldest first. No statement may run in it.
pub fn messages(read: &Read<'_>, workspace: WorkspaceId, mut each: impl FnMut(AuditedMessage)) -> Result<(), DbError> {
    let subject = |row: &Row| {
        Ok(AuditedMessage {
            id: MessageId(row.int(0)?),
            state: row.text(1)?.to_owned(),
            amounts: Amounts { credits: row.int(2)?, micros: Micros(row.int(3)?) },
            moved: Vec::new(),
        })
    };
    gather(read, &MESSAGES, workspace, subject, |found, moved| each(AuditedMessage { moved, ..found }))
}

/// Gives each period of the workspace's plan to `each`, oldest first. No statement may run in it.
pub fn periods(read: &Read<'_>, workspace: WorkspaceId, mut each: impl FnMut(AuditedPeriod)) -> Result<(), DbError> {
    let subject = |row: &Row| {
        Ok(AuditedPeriod {
            id: PeriodId(row.int(0)?),
            terms: Amounts { credits: row.int(2)?, micros: Micros(row.int(1)?) },
            paid: row.opt_int(3)?.is_some(),
            moved: Vec::new(),
        })
    };
    gather(read, &PERIODS, workspace, subject, |found, moved| each(AuditedPeriod { moved, ..found }))
}

/// Gives each payment by card to `each`, oldest first. No statement may run in it.
pub fn payments(read: &Read<'_>, workspace: WorkspaceId, mut each: impl FnMut(AuditedPayment)) -> Result<(), DbError> {
    let subject = |row: &Row| {
        Ok(AuditedPayment {
            id: PaymentId(row.int(0)?),
            amount: Micros(row.int(1)?),
            refunded: Micros(row.int(2)?),
            disputed: Micros(row.int(3)?),
            state: row.text(4)?.to_owned(),
            moved: Vec::new(),
        })
    };
    gather(read, &PAYMENTS, workspace, subject, |found, moved| each(AuditedPayment { moved, ..found }))
}

/// A transfer whose subject is neither an enrollment, a charged message, a period nor a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The identifier that it names.
    pub subject: i64,
    /// Why.
    pub reason: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// How much.
    pub amount: i64,
}

/// Gives each transfer without its subject to `each`. No statement may run in it.
pub fn strays(read: &Read<'_>, workspace: WorkspaceId, mut each: impl FnMut(Stray)) -> Result<(), DbError> {
    read.for_each(&STRAYS, &[workspace.0.into()], |row| {
        let (reason, unit) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        each(Stray { subject: row.int(0)?, reason, unit, amount: row.int(3)? });
        Ok(())
    })
}

/// How many transfers have a reason between two accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Why.
    pub reason: String,
    /// From which account.
    pub debit: String,
    /// To which account.
    pub credit: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// How many.
    pub count: i64,
}

/// All reasons with the accounts that their transfers name.
pub fn kinds(read: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Kind>, DbError> {
    let kind = |row: &Row| {
        Ok(Kind {
            reason: row.text(0)?.to_owned(),
            debit: row.text(1)?.to_owned(),
            credit: row.text(2)?.to_owned(),
            unit: row.text(3)?.to_owned(),
            count: row.int(4)?,
        })
    };
    read.query(&KINDS, &[workspace.0.into()])?.iter().map(kind).collect()
}
