//! A statement held against the ledger: every kind of line is summed once more, from the transfers, by a table of its own.

use std::collections::BTreeMap;

use engine::ledger_export::{Days, Movement, Total};
use engine::statement::MonthStatement;
use engine::{Actor, Engine};

/// Credits and micro-dollars by the word of a line's kind.
pub(crate) type Sums = BTreeMap<&'static str, (i64, i64)>;

/// Under which kind of line a transfer counts, and with which sign.
fn kind(row: &Movement) -> Option<(&'static str, i64)> {
    let is_money = row.unit == "micros";
    Some(match row.reason.as_str() {
        "charge" if row.reference.starts_with("enr_") => ("contacts_added", -1),
        "charge" => ("messages_by_hand", -1),
        "refund" | "return" | "correction" | "reversal" => ("refunds", 1),
        "topup" if is_money => ("top_up", 1),
        "topup" => ("credits_granted", 1),
        "withdrawal" | "repayment" if is_money => ("withdrawal", -1),
        "withdrawal" => ("credits_taken_back", -1),
        "dispute" => ("disputed", -1),
        "dispute_won" => ("dispute_returned", 1),
        "fee" => ("plan", -1),
        "grant" => ("plan_credits", 1),
        "expiry" => ("credits_ended", -1),
        "earn" => return None,
        other => panic!("no line tells of {other}"),
    })
}

/// What the lines of a statement come to.
pub(crate) fn of_lines<'w>(lines: impl Iterator<Item = (&'w str, i64, i64)>) -> BTreeMap<&'w str, (i64, i64)> {
    let mut sums = BTreeMap::new();
    for (word, credits, micros) in lines {
        let sum: &mut (i64, i64) = sums.entry(word).or_default();
        *sum = (sum.0 + credits, sum.1 + micros);
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// What the ledger has of the days of a month, by kind; what an account held before them and after them.
pub(crate) struct Ledgers {
    pub(crate) sums: Sums,
    pub(crate) count: u64,
    totals: Vec<Total>,
}

impl Ledgers {
    /// Reads it.
    pub(crate) async fn of(engine: &Engine, actor: &Actor, statement: &MonthStatement) -> Self {
        let days = Days { from: Some(statement.month.first()), to: Some(statement.month.last()) };
        let each = |rows: &mut Vec<(&'static str, i64, i64)>, row: &Movement| {
            if let Some((word, sign)) = kind(row) {
                let amount = sign * row.amount;
                rows.push(if row.unit == "micros" { (word, 0, amount) } else { (word, amount, 0) });
            }
            Ok(())
        };
        let taken = engine.export_ledger(actor.workspace(), days, || Ok(Vec::new()), each).await.unwrap();
        assert!(taken.totals.iter().all(Total::is_right), "{:?}", taken.totals);
        Self { sums: of_lines(taken.out.into_iter()), count: taken.count, totals: taken.totals }
    }

    /// Credits and micro-dollars of an account.
    fn held(&self, account: &str, when: fn(&Total) -> i64) -> (i64, i64) {
        let of = |unit| self.totals.iter().find(|row| (row.account.word(), row.unit.word()) == (account, unit));
        (of("segments").map_or(0, when), of("micros").map_or(0, when))
    }
}

/// All that a statement says is what the ledger has: each kind of line, both balances, what is held.
pub(crate) async fn is_the_ledgers(engine: &Engine, actor: &Actor, statement: &MonthStatement) -> Ledgers {
    let ledger = Ledgers::of(engine, actor, statement).await;
    let lines = statement.lines.iter().map(|line| (line.kind.word(), line.change.credits, line.change.micros.0));
    assert_eq!(of_lines(lines), ledger.sums, "{}", statement.month);
    let pair = |amounts: domain::ledger::Amounts| (amounts.credits, amounts.micros.0);
    assert_eq!(pair(statement.opening), ledger.held("available", |row| row.before), "{}", statement.month);
    assert_eq!(pair(statement.closing), ledger.held("available", Total::after), "{}", statement.month);
    assert_eq!(pair(statement.held), ledger.held("prepaid", Total::after), "{}", statement.month);
    ledger
}
