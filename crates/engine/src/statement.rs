//! The statement of a workspace: its days, what a day opens to, and what became of each charge.
//!
//! A day's line is made of tallies, so that a year of them is read at once. What it opens to comes from the transfers
//! of that very day; both are written by the same transactions, and the audit compares them.

mod month;

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::ids::{EnrollmentId, WorkspaceId};
use domain::ledger::{Amounts, Reason};
use domain::money::Micros;
use domain::tally::{Count, What};
use domain::zones::Zone;
use jiff::civil::Date;
use store::enrollments::{self, Enrollment};
use store::ledger::statement::{self, Line, Subject, Text};
use store::ledger::{self, Posted};
use store::tallies::{self, Tally};
use store::{Read, contacts, workflows, workspaces};

pub use self::month::{LineKind, Month, MonthLine, MonthStatement, NoMonth};
use crate::actor::Actor;
use crate::billing::BillingError;
use crate::engine::Engine;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::on_the_way;

/// Most days or lines on one page.
pub const MAX_PAGE: i64 = 500;

/// What moved the balance on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementDay {
    /// Which day, on the workspace's calendar.
    pub date: Date,
    /// Contacts that were added to workflows.
    pub added: i64,
    /// The segments of all their messages.
    pub added_segments: i64,
    /// What was charged for them, in advance.
    pub charged: Amounts,
    /// Messages written by hand that were sent.
    pub manual: i64,
    /// What was charged for messages written by hand, sent or not.
    pub manual_charged: Amounts,
    /// How many times something came back.
    pub refunds: i64,
    /// What came back.
    pub refunded: Amounts,
    /// What was paid in or granted by hand.
    pub paid_in: Amounts,
    /// What was paid out, given back to a card or taken back by hand.
    pub paid_out: Amounts,
    /// What banks hold back, or took, of payments that are disputed.
    pub disputed: Amounts,
    /// What they let go of as disputes were won.
    pub dispute_returned: Amounts,
    /// The credits of periods of the plan that began.
    pub granted: Amounts,
    /// The price of these periods.
    pub fees: Amounts,
    /// The credits that were left of periods that were over.
    pub expired: Amounts,
    /// Credits and wallet when the day was over.
    pub after: Amounts,
}

/// Days of the statement, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPage {
    /// The days on which anything moved or anybody was added.
    pub days: Vec<StatementDay>,
    /// Where the next page goes on: before this day.
    pub next: Option<Date>,
}

/// What one day opens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLines {
    /// The day's sums; nothing if nothing moved.
    pub day: Option<StatementDay>,
    /// What moved, newest subjects first.
    pub lines: Vec<Line>,
    /// Why each payment among them moved on that day, by the line's identifier, in the order in which it did.
    pub reasons: BTreeMap<i64, Vec<Reason>>,
    /// Where the next page goes on.
    pub next: Option<i64>,
}

/// A charge that is followed to where it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    /// The enrollment, with the price of each step.
    pub enrollment: Enrollment,
    /// The contact's name.
    pub contact: String,
    /// The workflow's name.
    pub workflow: String,
    /// Its messages so far.
    pub texts: Vec<Text>,
    /// Every movement, oldest first.
    pub moves: Vec<Posted>,
}

impl Engine {
    /// Days of the statement before the given one, newest first.
    ///
    /// # Errors
    /// See [`BillingError`].
    pub async fn statement(
        &self,
        actor: &Actor,
        before: Option<Date>,
        limit: i64,
    ) -> Result<StatementPage, BillingError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let (before, limit) = (before.map_or(i64::MAX, tallies::number_of), limit.clamp(1, MAX_PAGE));
        self.read(move |db| {
            let balances = ledger::balances(db, workspace)?;
            if balances.is_empty() {
                return Err(BillingError::Unknown);
            }
            let (credits, micros) = ledger::read_available(db, workspace)?;
            let now = Amounts { credits, micros: Micros(micros) };
            let later = gathered(tallies::days(db, workspace, before, i64::MAX)?);
            let mut after = later.iter().fold(now, |sum, day| minus(sum, day.net()));
            // One more than the page tells whether there is another.
            let mut days = gathered(tallies::statement_days(db, workspace, before, limit + 1)?);
            let more = days.len() > usize::try_from(limit).unwrap_or(usize::MAX);
            days.reverse();
            if more {
                days.pop();
            }
            for day in &mut days {
                day.after = after;
                after = minus(after, day.net());
            }
            Ok(StatementPage { next: days.last().filter(|_| more).map(|day| day.date), days })
        })
        .await
    }

    /// What moved on one day, newest subjects first, before the given one.
    ///
    /// # Errors
    /// See [`BillingError`].
    pub async fn statement_day(
        &self,
        actor: &Actor,
        date: Date,
        before: Option<i64>,
        limit: i64,
    ) -> Result<DayLines, BillingError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let (day, before, limit) = (tallies::number_of(date), before.unwrap_or(i64::MAX), limit.clamp(1, MAX_PAGE));
        self.read(move |db| {
            let sums = gathered(tallies::days(db, workspace, day, day)?).pop();
            let mut lines = statement::lines(db, workspace, day, before, limit + 1)?;
            let more = lines.len() > usize::try_from(limit).unwrap_or(usize::MAX);
            if more {
                lines.pop();
            }
            let next = lines.last().filter(|_| more).map(|line| line.id);
            Ok(DayLines { day: sums, next, reasons: reasons(db, workspace, date, &lines)?, lines })
        })
        .await
    }

    /// What became of the charge of one enrollment, message by message. Nothing if there is no such enrollment.
    ///
    /// # Errors
    /// See [`BillingError`].
    pub async fn charge(&self, actor: &Actor, id: EnrollmentId) -> Result<Option<Charge>, BillingError> {
        actor.need(Permission::Read)?;
        let (workspace, steps) = (actor.workspace(), self.steps());
        self.read(move |db| {
            let Some(row) = enrollments::find(db, workspace, id)? else { return Ok(None) };
            Ok(Some(follow(db, row, workspace, &steps)?))
        })
        .await
    }
}

/// Why the payments of these lines moved on the day: a line says how much, and a dispute is no withdrawal.
fn reasons(
    db: &Read<'_>,
    workspace: WorkspaceId,
    date: Date,
    lines: &[Line],
) -> Result<BTreeMap<i64, Vec<Reason>>, BillingError> {
    let zone = workspaces::find(db, workspace)?.map(|row| zone_named(&row.zone)).ok_or(BillingError::Unknown)?;
    let mut reasons = BTreeMap::new();
    for line in lines.iter().filter(|line| matches!(line.subject, Subject::Payment(_))) {
        let moves = ledger::of_subject(db, workspace, line.id)?;
        let of_day = moves.iter().filter(|row| zone.local(row.at).date() == date);
        let mut why: Vec<Reason> = of_day.filter_map(|row| Reason::from_word(&row.reason)).collect();
        why.dedup();
        reasons.insert(line.id, why);
    }
    Ok(reasons)
}

/// The zone of a workspace's calendar.
fn zone_named(name: &str) -> Zone {
    Zone::named(name).or_else(|_| Zone::named("UTC")).expect("the database has UTC")
}

fn follow(db: &Read<'_>, row: Enrollment, workspace: WorkspaceId, steps: &Steps) -> Result<Charge, Failure> {
    let contact = contacts::find(db, workspace, row.contact)?.map(|contact| contact.name);
    let workflow = workflows::find(db, workspace, row.workflow)?.map(|workflow| workflow.name);
    let mut texts = statement::texts(db, workspace, row.contact, row.id)?;
    texts.extend(on_the_way::message(db, workspace, steps, &row)?.map(|message| Text {
        id: message.id,
        step: row.next_step,
        state: message.state,
        segments: message.segments,
        body: message.body,
        sent_at: None,
        state_at: message.state_at,
    }));
    Ok(Charge {
        contact: contact.unwrap_or_default(),
        workflow: workflow.unwrap_or_default(),
        texts,
        moves: ledger::of_subject(db, workspace, row.id.0)?,
        enrollment: row,
    })
}

fn minus(sum: Amounts, other: Amounts) -> Amounts {
    Amounts { credits: sum.credits - other.credits, micros: Micros(sum.micros.0 - other.micros.0) }
}

impl StatementDay {
    fn new(date: Date) -> Self {
        Self {
            date,
            added: 0,
            added_segments: 0,
            charged: Amounts::ZERO,
            manual: 0,
            manual_charged: Amounts::ZERO,
            refunds: 0,
            refunded: Amounts::ZERO,
            paid_in: Amounts::ZERO,
            paid_out: Amounts::ZERO,
            disputed: Amounts::ZERO,
            dispute_returned: Amounts::ZERO,
            granted: Amounts::ZERO,
            fees: Amounts::ZERO,
            expired: Amounts::ZERO,
            after: Amounts::ZERO,
        }
    }

    /// By how much the day changed credits and wallet.
    #[must_use]
    pub fn net(&self) -> Amounts {
        let more = self.refunded.plus(self.paid_in).plus(self.granted).plus(self.dispute_returned);
        let spent = self.charged.plus(self.manual_charged);
        minus(more, spent.plus(self.paid_out).plus(self.disputed).plus(self.fees).plus(self.expired))
    }

    fn add(&mut self, what: What, count: Count) {
        match what {
            What::Added => {
                self.added += count.count;
                self.added_segments += count.segments;
                self.charged = self.charged.plus(count.amounts);
                // All charges together are counted too; what is not an enrollment's is a manual message's.
                self.manual_charged = minus(self.manual_charged, count.amounts);
            }
            What::Manual => self.manual += count.count,
            What::Moved(Reason::Charge) => self.manual_charged = self.manual_charged.plus(count.amounts),
            What::Moved(Reason::Refund | Reason::Return | Reason::Correction | Reason::Reversal) => {
                self.refunds += count.count;
                self.refunded = self.refunded.plus(count.amounts);
            }
            What::Moved(Reason::TopUp) => self.paid_in = self.paid_in.plus(count.amounts),
            What::Moved(Reason::Withdrawal | Reason::Repayment) => self.paid_out = self.paid_out.plus(count.amounts),
            What::Moved(Reason::Dispute) => self.disputed = self.disputed.plus(count.amounts),
            What::Moved(Reason::DisputeWon) => self.dispute_returned = self.dispute_returned.plus(count.amounts),
            What::Moved(Reason::Grant) => self.granted = self.granted.plus(count.amounts),
            What::Moved(Reason::Fee) => self.fees = self.fees.plus(count.amounts),
            What::Moved(Reason::Expiry) => self.expired = self.expired.plus(count.amounts),
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.added == 0 && *self == Self::new(self.date)
    }
}

/// Tallies as days, oldest first; only those that are on the statement.
fn gathered(rows: Vec<Tally>) -> Vec<StatementDay> {
    let mut days = std::collections::BTreeMap::<i64, StatementDay>::new();
    for row in rows {
        let day = days.entry(row.day).or_insert_with(|| StatementDay::new(tallies::date_of(row.day)));
        day.add(row.what, row.count);
    }
    days.into_values().filter(|day| !day.is_empty()).collect()
}
