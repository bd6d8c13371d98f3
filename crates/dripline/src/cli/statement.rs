//! `dripline statement`: the statement of a month, as a PDF or a CSV file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use engine::statement::{Month, MonthStatement};
use serde_json::json;

use super::desk::{Purpose, Within};
use super::run::{self, FileFault};
use super::table::Table;
use super::{Answer, Format, Stop};
use crate::statement::{self, words};

const EXAMPLES: &str = "\
Examples:
  dripline statement --workspace \"Acme Homes\" --month 2026-11
  dripline statement --workspace \"Acme Homes\" --month 2026-11 --pdf november.pdf
  dripline statement --workspace \"Acme Homes\" --month 2026-11 --csv november.csv

The month is one of the workspace's own calendar. It may run beside the server.";

/// Show the statement of a month, or write it to a new file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Statement {
    /// Which month, such as 2026-11
    #[arg(long, value_name = "MONTH")]
    month: Month,
    /// A new PDF file
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// A new CSV file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    within: Within,
}

impl Statement {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let statement = office.desk.run(office.engine().month_statement(&office.actor, self.month))?;
        let mut files = Vec::new();
        if let Some(path) = &self.pdf {
            let pdf = statement::pdf(&statement).map_err(Stop::failed)?;
            write(path, &pdf)?;
            files.push(path.clone());
        }
        if let Some(path) = &self.csv {
            write(path, statement::csv(&statement).file().as_bytes())?;
            files.push(path.clone());
        }
        match answer.format() {
            Format::Json => answer.document(&json!({
                "statement": crate::api::statements::Statement::from(&statement), "files": files,
            })),
            Format::Text if files.is_empty() => answer.text(&shown(&statement)),
            Format::Text => {
                let written = files.iter().map(|path| format!("Wrote {}\n", path.display()));
                answer.text(&written.collect::<String>())
            }
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let mut file = run::new_file(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| FileFault::stop(path, error))
}

fn shown(statement: &MonthStatement) -> String {
    let mut table = Table::new(["DAY", "WHAT", "CREDITS", "AMOUNT"]);
    let mut row = |day: String, what: &str, amounts: domain::ledger::Amounts| {
        table.row([day, what.to_owned(), amounts.credits.to_string(), amounts.micros.to_string()]);
    };
    row(statement.month.first().to_string(), "Opening balance", statement.opening);
    for line in &statement.lines {
        row(line.date.to_string(), &words(line), line.change);
    }
    let last = statement.until.unwrap_or_else(|| statement.month.last()).to_string();
    row(last.clone(), "Closing balance", statement.closing);
    row(last, "Held for messages not sent yet", statement.held);
    format!(
        "{}, {}, on the calendar of {}\n{}",
        statement.workspace,
        statement.month.name(),
        statement.zone,
        table.text()
    )
}
