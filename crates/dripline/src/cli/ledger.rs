//! `dripline ledger verify`: the proof that the books are right, or the faults by name; `dripline ledger export`: all of them.

mod export;

use clap::Subcommand;
use engine::audit::LedgerReport;
use serde_json::{Value, json};
use store::workspaces::Workspace;

use super::desk::{Desk, Purpose};
use super::run;
use super::table::Table;
use super::{Answer, Format, Stop};
use crate::config::Base;

const EXAMPLES: &str = "\
Examples:
  dripline ledger verify
  dripline ledger verify --workspace \"Acme Homes\" --json
  dripline ledger export > ledger.csv

Every balance is computed again from its transfers, and every charge is followed to where it
went. It may run beside the server. Exit code 1 if anything is wrong.";

const VERIFY: &str = "\
Examples:
  dripline ledger verify
  dripline ledger verify --workspace \"Acme Homes\"
  dripline ledger verify --database sqlite:copy.db --json";

/// Prove that the books are right, or take them out
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ledger {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Audit one workspace, or all of them
    #[command(after_help = VERIFY)]
    Verify(Verify),
    /// Write every transfer of one workspace, or of all
    #[command(after_help = export::EXAMPLES)]
    Export(export::Export),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The workspace: its name or identifier [default: all of them]
    #[arg(long, value_name = "NAME|ID")]
    workspace: Option<String>,
    #[command(flatten)]
    base: Base,
}

impl Ledger {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Verify(command) => command.run(answer),
            Command::Export(command) => command.run(answer),
        }
    }
}

impl Verify {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let desk = Desk::open(self.base, Purpose::Read)?;
        let workspaces = match &self.workspace {
            None => desk.run(desk.engine().all_workspaces())?,
            Some(wanted) => vec![desk.pick(desk.engine().pick_workspace(Some(wanted)))?],
        };
        let parts = u64::try_from(workspaces.len()).unwrap_or(u64::MAX);
        let bar = run::bar(parts, "{bar:30} {pos} of {len} workspaces");
        let mut audited = Vec::new();
        for workspace in workspaces {
            let report = desk.run(desk.engine().verify_ledger(workspace.id))?;
            audited.push((workspace, report));
            bar.inc(1);
        }
        bar.finish_and_clear();
        match answer.format() {
            Format::Json => answer.document(&document(&audited))?,
            Format::Text => answer.text(&words(&audited))?,
        }
        if audited.iter().all(|(_, report)| report.is_clean()) { Ok(()) } else { Err(Stop::Told) }
    }
}

fn document(audited: &[(Workspace, LedgerReport)]) -> Value {
    let one = |(workspace, report): &(Workspace, LedgerReport)| {
        json!({
            "workspace": workspace.id, "name": workspace.name, "clean": report.is_clean(),
            "transfers": report.transfers, "enrollments": report.enrollments, "messages": report.messages,
            "faults": report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), "unlisted": report.unlisted,
        })
    };
    let clean = audited.iter().all(|(_, report)| report.is_clean());
    json!({ "clean": clean, "data": audited.iter().map(one).collect::<Vec<_>>() })
}

fn words(audited: &[(Workspace, LedgerReport)]) -> String {
    let mut table = Table::new(["WORKSPACE", "NAME", "TRANSFERS", "ENROLLMENTS", "VERDICT"]);
    let mut faults = String::new();
    for (workspace, report) in audited {
        let verdict = match report.faults.len() + report.unlisted {
            0 => "balances".to_owned(),
            1 => "1 FAULT".to_owned(),
            count => format!("{count} FAULTS"),
        };
        let (transfers, enrollments) = (report.transfers.to_string(), report.enrollments.to_string());
        table.row([workspace.id.to_string(), workspace.name.clone(), transfers, enrollments, verdict]);
        faults.extend(report.faults.iter().map(|fault| format!("  {}: {fault}\n", workspace.id)));
        if report.unlisted > 0 {
            faults.push_str(&format!("  {}: {} more faults\n", workspace.id, report.unlisted));
        }
    }
    if faults.is_empty() { table.text() } else { format!("{}\nThe books are wrong:\n{faults}", table.text()) }
}
