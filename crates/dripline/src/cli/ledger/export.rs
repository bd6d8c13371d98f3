//! `dripline ledger export`: every transfer as CSV or as lines of JSON, and on standard error what it all adds up to.
//!
//! The transfers go into a temporary file first: the database never waits for whoever reads the answer, and there is no half
//! answer. Where the books do not add up, what there is is given all the same, and the exit code is 1.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write};
use std::path::PathBuf;

use domain::ids::WorkspaceId;
use domain::ledger::Unit;
use domain::money::Micros;
use engine::ledger_export::{Days, ExportError, Movement, Taken, Total};
use jiff::civil::Date;
use serde_json::json;
use store::workspaces::Workspace;

use super::super::desk::{Desk, Purpose};
use super::super::run::FileFault;
use super::super::table::Table;
use super::super::{Answer, Format, Stop, run};
use crate::config::Base;
use crate::web::csv::Csv;

pub(super) const EXAMPLES: &str = "\
Examples:
  dripline ledger export > ledger.csv
  dripline ledger export --workspace \"Acme Homes\" --from 2026-11-01 --to 2026-11-30 --out november.csv
  dripline ledger export --format jsonl | gzip > ledger.jsonl.gz

One line for each transfer, oldest first: from which account to which, how much, why, and what caused it.
Amounts are whole segments, or millionths of a dollar (micros). It may run beside the server. Standard error
tells what the lines add up to; exit code 1 if that is not what the accounts hold.";

const COLUMNS: [&str; 11] =
    ["workspace", "time", "reason", "reference", "step", "from", "to", "unit", "amount", "usd", "workspace name"];

/// How a transfer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lines {
    /// A table with a head
    Csv,
    /// One JSON document a line
    Jsonl,
}

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The workspace: its name or identifier [default: all of them]
    #[arg(long, value_name = "NAME|ID")]
    workspace: Option<String>,
    /// The first day, on the workspace's own calendar [default: the first of all]
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The last day [default: today]
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// How it is written [default: csv, or jsonl with --json]
    #[arg(long, value_enum)]
    format: Option<Lines>,
    /// A new file, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    base: Base,
}

/// A file that is written through a buffer.
type Spool = BufWriter<File>;

impl Export {
    pub(super) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let lines = self.format.unwrap_or(match answer.format() {
            Format::Json => Lines::Jsonl,
            Format::Text => Lines::Csv,
        });
        let days = Days { from: self.from, to: self.to };
        let desk = Desk::open(self.base, Purpose::Read)?;
        let workspaces = match &self.workspace {
            None => desk.run(desk.engine().all_workspaces())?,
            Some(wanted) => vec![desk.pick(desk.engine().pick_workspace(Some(wanted)))?],
        };
        let mut file = self.out.as_deref().map(run::new_file).transpose()?.map(BufWriter::new);
        if lines == Lines::Csv {
            put(answer, file.as_mut(), &Csv::new(&COLUMNS).take())?;
        }
        let mut are_right = true;
        for workspace in workspaces {
            let taken = take(&desk, &workspace, days, lines)?;
            are_right &= taken.totals.iter().all(Total::is_right);
            let told = told(&workspace, &taken);
            pass_on(taken.out, answer, file.as_mut())?;
            answer.flush()?;
            io::stderr().write_all(told.as_bytes())?;
        }
        if let (Some(mut file), Some(path)) = (file, &self.out) {
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|error| FileFault::stop(path, error))?;
        }
        if are_right { Ok(()) } else { Err(Stop::Told) }
    }
}

fn take(desk: &Desk, workspace: &Workspace, days: Days, lines: Lines) -> Result<Taken<Spool>, Stop> {
    let (id, name) = (workspace.id, workspace.name.clone());
    let open = || tempfile::tempfile().map(BufWriter::new);
    let each = move |out: &mut Spool, movement: &Movement| out.write_all(line(id, &name, movement, lines).as_bytes());
    desk.work(desk.engine().export_ledger(id, days, open, each)).map_err(|error| match error {
        ExportError::NoDay { .. } => Stop::usage(error),
        error => Stop::failed(error),
    })
}

fn line(workspace: WorkspaceId, name: &str, movement: &Movement, lines: Lines) -> String {
    let Movement { at, reason, reference, step, from, to, unit, amount } = movement;
    match lines {
        Lines::Jsonl => {
            let document = json!({
                "workspace": workspace, "time": at, "reason": reason, "reference": reference, "step": step,
                "from": from, "to": to, "unit": unit, "amount": amount, "workspace_name": name,
            });
            format!("{document}\n")
        }
        Lines::Csv => {
            let is_money = *unit == Unit::Micros.word();
            let usd = if is_money { Micros(*amount).to_string().replace('$', "") } else { String::new() };
            let mut csv = Csv::new(&[
                workspace.to_string().as_str(),
                &at.to_string(),
                reason,
                reference,
                &step.to_string(),
                from,
                to,
                unit,
                &amount.to_string(),
                &usd,
                name,
            ]);
            csv.take()
        }
    }
}

fn put(answer: &mut Answer, file: Option<&mut Spool>, text: &str) -> Result<(), Stop> {
    match file {
        Some(file) => Ok(file.write_all(text.as_bytes())?),
        None => answer.text(text),
    }
}

/// Passes on what was written, some of it at a time.
fn pass_on(spool: Spool, answer: &mut Answer, mut file: Option<&mut Spool>) -> Result<(), Stop> {
    let mut spool = spool.into_inner().map_err(io::IntoInnerError::into_error)?;
    spool.rewind()?;
    let (mut lines, mut line) = (BufReader::with_capacity(64 * 1024, spool), String::new());
    while lines.read_line(&mut line)? > 0 {
        put(answer, file.as_deref_mut(), &line)?;
        line.clear();
    }
    Ok(())
}

fn told(workspace: &Workspace, taken: &Taken<Spool>) -> String {
    let mut table = Table::new(["ACCOUNT", "UNIT", "BEFORE", "CHANGE", "AFTER", "LATER", "BALANCE", ""]);
    for total in &taken.totals {
        let (account, unit) = (total.account.word().to_owned(), total.unit.word().to_owned());
        let figures = [total.before, total.change, total.after(), total.later, total.balance].map(|n| n.to_string());
        let [before, change, after, later, balance] = figures;
        let verdict = if total.is_right() { "" } else { "WRONG: the transfers do not add up to the balance" };
        table.row([account, unit, before, change, after, later, balance, verdict.to_owned()]);
    }
    format!("{} {}: {} transfers\n{}", workspace.id, workspace.name, taken.count, table.text())
}
