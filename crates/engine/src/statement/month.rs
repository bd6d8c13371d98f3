//! The statement of a month on the workspace's own calendar: what it began with, a line for each day and kind, what it ended with.
//!
//! Every line is a change of what is free to spend, so that opening + lines = closing, in credits and in money. What is held for
//! messages that were not sent yet stands beside it: it left the balance when it was charged.

use std::fmt;
use std::str::FromStr;

use domain::access::Permission;
use domain::ids::WorkspaceId;
use domain::ledger::{Amounts, Reason};
use domain::money::Micros;
use domain::tally::What;
use domain::zones::Zone;
use jiff::Timestamp;
use jiff::civil::Date;
use store::tallies::{self, Tally};
use store::workspaces::Workspace;
use store::{Read, ledger, workspaces};

use super::{StatementDay, gathered, minus, zone_named};
use crate::actor::Actor;
use crate::billing::BillingError;
use crate::engine::Engine;

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

/// A text that is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month: write it as 2026-11")]
pub struct NoMonth(String);

impl Month {
    /// The month of a day.
    #[must_use]
    pub fn of(day: Date) -> Self {
        Self(day.first_of_month())
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> Date {
        self.0
    }

    /// Its last day.
    #[must_use]
    pub fn last(self) -> Date {
        self.0.last_of_month()
    }

    /// The month before it.
    #[must_use]
    pub fn before(self) -> Self {
        Self::of(self.0.yesterday().unwrap_or(self.0))
    }

    /// Such as `November 2026`.
    #[must_use]
    pub fn name(self) -> String {
        self.0.strftime("%B %Y").to_string()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m"))
    }
}

impl FromStr for Month {
    type Err = NoMonth;

    /// Reads `2026-11`, and nothing else.
    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let error = || NoMonth(text.chars().take(40).collect());
        let whole =
            text.len() == 7 && text.bytes().enumerate().all(|(place, byte)| (place == 4) != byte.is_ascii_digit());
        let day: Date = if whole { format!("{text}-01").parse().map_err(|_| error())? } else { return Err(error()) };
        Ok(Self::of(day))
    }
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Contacts were added to workflows, and all their messages charged in advance.
    Added,
    /// Messages were written by hand.
    ByHand,
    /// Something came back.
    Refund,
    /// Money was paid in.
    TopUp,
    /// Credits were granted.
    Credits,
    /// Money was paid out.
    Withdrawal,
    /// Credits were taken back by hand.
    CreditsTaken,
    /// A payment by card is disputed: the bank holds it back, and keeps it where the dispute is lost.
    Disputed,
    /// The dispute was won, and it came back.
    DisputeReturned,
    /// A period of the plan began: its price.
    Plan,
    /// Its credits.
    PlanCredits,
    /// A period was over: the credits that were left.
    CreditsEnded,
}

impl LineKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Added,
        Self::ByHand,
        Self::Refund,
        Self::TopUp,
        Self::Credits,
        Self::Withdrawal,
        Self::CreditsTaken,
        Self::Disputed,
        Self::DisputeReturned,
        Self::Plan,
        Self::PlanCredits,
        Self::CreditsEnded,
    ];

    /// The word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "contacts_added",
            Self::ByHand => "messages_by_hand",
            Self::Refund => "refunds",
            Self::TopUp => "top_up",
            Self::Credits => "credits_granted",
            Self::Withdrawal => "withdrawal",
            Self::CreditsTaken => "credits_taken_back",
            Self::Disputed => "disputed",
            Self::DisputeReturned => "dispute_returned",
            Self::Plan => "plan",
            Self::PlanCredits => "plan_credits",
            Self::CreditsEnded => "credits_ended",
        }
    }
}

/// One kind of movement on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthLine {
    /// On which day.
    pub date: Date,
    /// What it is about.
    pub kind: LineKind,
    /// How many contacts, messages or refunds; nothing where nothing is counted.
    pub count: Option<i64>,
    /// The segments of the contacts that were added.
    pub segments: Option<i64>,
    /// By how much credits and wallet changed; below zero for what was taken.
    pub change: Amounts,
    /// Credits and wallet after it.
    pub after: Amounts,
}

/// The statement of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthStatement {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its name.
    pub workspace: String,
    /// The zone of its calendar.
    pub zone: String,
    /// Which month.
    pub month: Month,
    /// Until which day, if the month is not over.
    pub until: Option<Date>,
    /// Credits and wallet when it began.
    pub opening: Amounts,
    /// What happened, day by day.
    pub lines: Vec<MonthLine>,
    /// Credits and wallet when it was over, or now.
    pub closing: Amounts,
    /// What was held then for messages that were not sent yet.
    pub held: Amounts,
    /// When this was made.
    pub made_at: Timestamp,
}

impl MonthStatement {
    /// All lines together.
    #[must_use]
    pub fn change(&self) -> Amounts {
        minus(self.closing, self.opening)
    }
}

impl Engine {
    /// The statement of a month of the actor's workspace.
    ///
    /// # Errors
    /// See [`BillingError`]: also for a month that has not begun, and for one before the workspace was made.
    pub async fn month_statement(&self, actor: &Actor, month: Month) -> Result<MonthStatement, BillingError> {
        actor.need(Permission::Read)?;
        let (workspace, now) = (actor.workspace(), self.now());
        self.read(move |db| {
            let row = workspaces::find(db, workspace)?.ok_or(BillingError::Unknown)?;
            made(db, &row, month, now)
        })
        .await
    }

    /// The months of which there are statements, the newest first.
    ///
    /// # Errors
    /// See [`BillingError`].
    pub async fn statement_months(&self, actor: &Actor) -> Result<Vec<Month>, BillingError> {
        actor.need(Permission::Read)?;
        let (workspace, now) = (actor.workspace(), self.now());
        self.read(move |db| {
            let row = workspaces::find(db, workspace)?.ok_or(BillingError::Unknown)?;
            let (first, last) = span(&row, now);
            let mut months = vec![last];
            while let Some(month) = months.last().map(|month| month.before()).filter(|month| *month >= first) {
                months.push(month);
            }
            Ok(months)
        })
        .await
    }
}

fn zone_of(row: &Workspace) -> Zone {
    zone_named(&row.zone)
}

/// The first and the last month of a workspace.
fn span(row: &Workspace, now: Timestamp) -> (Month, Month) {
    let zone = zone_of(row);
    (Month::of(zone.local(row.created_at).date()), Month::of(zone.local(now).date()))
}

fn made(db: &Read<'_>, row: &Workspace, month: Month, now: Timestamp) -> Result<MonthStatement, BillingError> {
    let (first, last) = span(row, now);
    if month < first || month > last {
        return Err(BillingError::NoMonth { month, first, last });
    }
    let end = tallies::number_of(month.last());
    let (of_month, later): (Vec<Tally>, Vec<Tally>) =
        tallies::days(db, row.id, tallies::number_of(month.first()), i64::MAX)?
            .into_iter()
            .partition(|row| row.day <= end);
    let held_now = held(db, row.id)?;
    let (credits, micros) = ledger::read_available(db, row.id)?;
    let now_free = Amounts { credits, micros: Micros(micros) };
    let held = later.iter().fold(held_now, |sum, row| minus(sum, held_by(row)));
    let closing = gathered(later).iter().fold(now_free, |sum, day| minus(sum, day.net()));
    let days = gathered(of_month);
    let opening = days.iter().fold(closing, |sum, day| minus(sum, day.net()));
    let mut after = opening;
    let mut lines: Vec<MonthLine> = days.iter().flat_map(StatementDay::lines).collect();
    for line in &mut lines {
        after = after.plus(line.change);
        line.after = after;
    }
    Ok(MonthStatement {
        id: row.id,
        workspace: row.name.clone(),
        zone: row.zone.clone(),
        month,
        until: (month == last).then(|| zone_of(row).local(now).date()),
        opening,
        lines,
        closing,
        held,
        made_at: now,
    })
}

/// What is held for messages that were not sent yet.
fn held(db: &Read<'_>, workspace: WorkspaceId) -> Result<Amounts, BillingError> {
    let mut held = Amounts::ZERO;
    for row in ledger::balances(db, workspace)?.iter().filter(|row| row.account == "prepaid") {
        match row.unit.as_str() {
            "segments" => held.credits = row.amount,
            _ => held.micros = Micros(row.amount),
        }
    }
    Ok(held)
}

/// By how much a count changed what is held.
fn held_by(row: &Tally) -> Amounts {
    match row.what {
        What::Moved(Reason::Charge) => row.count.amounts,
        What::Moved(Reason::Earn | Reason::Refund | Reason::Return) => minus(Amounts::ZERO, row.count.amounts),
        _ => Amounts::ZERO,
    }
}

impl StatementDay {
    /// The day's lines, one for each kind of movement. What there is after each follows only from the day before.
    #[must_use]
    pub fn lines(&self) -> Vec<MonthLine> {
        let line = |kind, count, change| {
            let (date, after) = (self.date, Amounts::ZERO);
            MonthLine { date, kind, count, segments: None, change, after }
        };
        let credits = |amounts: Amounts| Amounts { micros: Micros::ZERO, ..amounts };
        let money = |amounts: Amounts| Amounts { credits: 0, ..amounts };
        let out = |amounts: Amounts| minus(Amounts::ZERO, amounts);
        let added = line(LineKind::Added, Some(self.added), out(self.charged));
        let mut lines = vec![
            line(LineKind::Credits, None, credits(self.paid_in)),
            line(LineKind::TopUp, None, money(self.paid_in)),
            line(LineKind::DisputeReturned, None, self.dispute_returned),
            MonthLine { segments: Some(self.added_segments), ..added },
            line(LineKind::ByHand, Some(self.manual).filter(|count| *count > 0), out(self.manual_charged)),
            line(LineKind::Refund, Some(self.refunds), self.refunded),
            line(LineKind::Withdrawal, None, out(money(self.paid_out))),
            line(LineKind::CreditsTaken, None, out(credits(self.paid_out))),
            line(LineKind::Disputed, None, out(self.disputed)),
            line(LineKind::CreditsEnded, None, out(self.expired)),
            line(LineKind::Plan, None, out(self.fees)),
            line(LineKind::PlanCredits, None, self.granted),
        ];
        lines.retain(|line| !line.change.is_zero() || line.count.is_some_and(|count| count > 0));
        // What came in before what went: of a day only sums are known, and nothing shall look as if it had been below zero.
        lines.sort_by_key(|line| line.change.credits < 0 || line.change.micros < Micros::ZERO);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_reads_back_and_nothing_else_is_one() {
        let month: Month = "2026-02".parse().unwrap();
        assert_eq!((month.to_string().as_str(), month.name().as_str()), ("2026-02", "February 2026"));
        assert_eq!((month.first().to_string(), month.last().to_string()), ("2026-02-01".into(), "2026-02-28".into()));
        assert_eq!("2026-01".parse::<Month>().unwrap().before().to_string(), "2025-12");
        for bad in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "+026-11", "2026/11", "２026-1"]
        {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
