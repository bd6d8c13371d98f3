//! The statement of a month as it is handed out: its words, as CSV and as a PDF. What stands in it is `engine::statement`'s.

mod paper;
mod pdf;
#[cfg(test)]
mod tests;

use domain::ledger::Amounts;
use engine::statement::{LineKind, MonthLine, MonthStatement};
use jiff::civil::Date;

pub(crate) use self::paper::Unprinted;
pub(crate) use self::pdf::pdf;
use crate::web::csv::Csv;
use crate::web::format::{count, counted};

/// The file's name without its ending: plain ASCII.
pub(crate) fn file_name(statement: &MonthStatement) -> String {
    format!("statement-{}", statement.month)
}

/// What a line is about: `12 contacts added, 84 segments`.
pub(crate) fn words(line: &MonthLine) -> String {
    let number = line.count.unwrap_or(0);
    match (line.kind, line.count) {
        (LineKind::Added, _) => {
            let added = counted(number, "contact added", "contacts added");
            format!("{added}, {}", counted(line.segments.unwrap_or(0), "segment", "segments"))
        }
        (LineKind::ByHand, Some(_)) => counted(number, "message by hand", "messages by hand"),
        (LineKind::ByHand, None) => "Messages by hand".to_owned(),
        (LineKind::Refund, _) => counted(number, "refund", "refunds"),
        (LineKind::TopUp, _) => "Top-up".to_owned(),
        (LineKind::Credits, _) => "Credits granted".to_owned(),
        (LineKind::Withdrawal, _) => "Paid out".to_owned(),
        (LineKind::CreditsTaken, _) => "Credits taken back".to_owned(),
        (LineKind::Disputed, _) => "Disputed payment".to_owned(),
        (LineKind::DisputeReturned, _) => "Disputed payment returned".to_owned(),
        (LineKind::Plan, _) => "Plan".to_owned(),
        (LineKind::PlanCredits, _) => "Credits of the plan".to_owned(),
        (LineKind::CreditsEnded, _) => "Credits ended with their period".to_owned(),
    }
}

/// The day until which the statement goes.
fn last_day(statement: &MonthStatement) -> Date {
    statement.until.unwrap_or_else(|| statement.month.last())
}

/// The statement as a CSV file: a row for each line, between the balances at both ends.
pub(crate) fn csv(statement: &MonthStatement) -> Csv {
    let mut file = Csv::new(&["date", "kind", "what", "count", "segments", "credits", "usd"]);
    let mut row =
        |date: Date, kind: &str, what: &str, (number, segments): (Option<i64>, Option<i64>), amounts: Amounts| {
            let figure = |figure: Option<i64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
            let (credits, usd) = (amounts.credits.to_string(), amounts.micros.to_string().replace('$', ""));
            file.row(&[&date.to_string(), kind, what, &figure(number), &figure(segments), &credits, &usd]);
        };
    let (first, last) = (statement.month.first(), last_day(statement));
    row(first, "opening_balance", "Opening balance", (None, None), statement.opening);
    for line in &statement.lines {
        row(line.date, line.kind.word(), &words(line), (line.count, line.segments), line.change);
    }
    row(last, "closing_balance", "Closing balance", (None, None), statement.closing);
    row(last, "held", "Held for messages not sent yet", (None, None), statement.held);
    file
}

/// Credits with a sign: `+1,000`, `−84`; nothing for nothing.
fn signed_credits(credits: i64) -> String {
    match credits {
        0 => String::new(),
        1.. => format!("+{}", count(credits)),
        _ => format!("−{}", count(credits.saturating_abs())),
    }
}
