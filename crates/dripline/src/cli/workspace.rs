//! `dripline workspace`: opens workspaces, lists them, and takes all data of one away.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use domain::money::Micros;
use engine::Operator;
use engine::workspaces::NewWorkspace;
use serde_json::{Value, json};
use store::workspaces::Workspace as Row;

use super::desk::{Desk, Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop, run};
use crate::config::Base;
use crate::export::{self, Archive, ExportError};

const EXAMPLES: &str = "\
Examples:
  dripline workspace create \"Acme Homes\" --zone America/New_York
  dripline workspace create \"Acme Homes\" --zone America/Denver --rate 0.02 --credits 500
  dripline workspace list --json
  dripline workspace export \"Acme Homes\"
  dripline workspace suspend \"Acme Homes\" --reason \"complaints\"

A workspace is one paying customer: everything else belongs to one.";

const CREATE: &str = "\
Examples:
  dripline workspace create \"Acme Homes\" --zone America/New_York
  dripline workspace create \"Acme Homes\" --zone America/Denver --rate 0.02 --credits 500";

const LIST: &str = "\
Examples:
  dripline workspace list
  dripline workspace list --json";

const EXPORT: &str = "\
Examples:
  dripline workspace export
  dripline workspace export \"Acme Homes\" --out acme.zip

One ZIP archive with everything of the workspace, each table as CSV and as lines of JSON; README.txt in it says
what is where. Passwords, secrets and credentials are left out. It may run beside the server, and needs no memory
for what is large.";

const SUSPEND: &str = "\
Examples:
  dripline workspace suspend \"Acme Homes\" --reason \"complaints about texts\"

It sends nothing from then on; its people are told the reason. Replies and opt-outs are still taken, what runs waits, money
stays.";

const RESUME: &str = "\
Examples:
  dripline workspace resume \"Acme Homes\"
  dripline workspace resume \"Acme Homes\" --reason \"consent was shown\"

What has become late meanwhile goes paced, the oldest first, in the hours of each contact.";

/// Open a workspace, list them, suspend one, or take all data of one away
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Workspace {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a workspace with an active plan
    #[command(after_help = CREATE)]
    Create(Create),
    /// List all workspaces, oldest first
    #[command(after_help = LIST)]
    List(List),
    /// Take all data of a workspace away, as one ZIP archive
    #[command(after_help = EXPORT)]
    Export(Export),
    /// Have a workspace send nothing
    #[command(after_help = SUSPEND)]
    Suspend(Suspend),
    /// Let a suspended workspace go on
    #[command(after_help = RESUME)]
    Resume(Resume),
}

#[derive(Debug, clap::Args)]
struct Suspend {
    /// The workspace: its name or identifier [default: the only one there is]
    #[arg(value_name = "NAME|ID")]
    name: Option<String>,
    /// Why, for its people and the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct Resume {
    /// The workspace: its name or identifier [default: the only one there is]
    #[arg(value_name = "NAME|ID")]
    name: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Its name
    name: String,
    /// Its time zone, for contacts of whom nothing better is known
    #[arg(long, value_name = "ZONE")]
    zone: String,
    /// Price of a segment beyond the credits, in dollars
    #[arg(long, value_name = "USD", default_value = "0.015", allow_negative_numbers = true)]
    rate: Micros,
    /// Free segments that it begins with
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    credits: i64,
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// The workspace: its name or identifier [default: the only one there is]
    #[arg(value_name = "NAME|ID")]
    name: Option<String>,
    /// A new file [default: the workspace's name and the day, here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    base: Base,
}

impl Workspace {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Create(command) => command.run(answer),
            Command::List(command) => command.run(answer),
            Command::Export(command) => command.run(answer),
            Command::Suspend(command) => command.run(answer),
            Command::Resume(command) => command.run(answer),
        }
    }
}

fn document(row: &Row) -> Value {
    json!({
        "id": row.id, "name": row.name, "zone": row.zone, "plan": row.plan, "rate_micros": row.rate,
        "created_at": row.created_at, "suspended_at": row.suspended.as_ref().map(|one| one.at),
        "suspended_because": row.suspended.as_ref().map(|one| one.reason.as_str()),
    })
}

impl Create {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let desk = Desk::open(self.base, Purpose::Write)?;
        let new = NewWorkspace { name: self.name, zone: self.zone, rate: self.rate, plan_credits: self.credits };
        let made = desk.run(desk.engine().create_workspace(new))?.workspace;
        if answer.format() == Format::Json {
            return answer.document(&document(&made));
        }
        let mut table = Table::new(Vec::<String>::new());
        table.row(["  time zone", &made.zone]);
        table.row(["  price of a segment", &made.rate.to_string()]);
        table.row(["  free segments", &self.credits.to_string()]);
        answer.text(&format!("Opened the workspace {:?}: {}\n{}", made.name, made.id, table.text()))
    }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let desk = Desk::open(self.base, Purpose::Read)?;
        let rows = desk.run(desk.engine().all_workspaces())?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(document).collect::<Vec<_>>() }));
        }
        let mut table = Table::new(["WORKSPACE", "NAME", "ZONE", "PLAN", "SEGMENT"]);
        for row in rows {
            let plan = if row.suspended.is_some() { format!("{}, suspended", row.plan) } else { row.plan };
            table.row([row.id.to_string(), row.name, row.zone, plan, row.rate.to_string()]);
        }
        answer.text(&table.text())
    }
}

impl Suspend {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = Within { workspace: self.name, base: self.base }.open(Purpose::Write)?;
        let by = Operator::at_command_line();
        let suspended = office.desk.run(office.engine().suspend_workspace(&by, office.id(), &self.reason))?;
        let row = Row { suspended: Some(suspended), ..office.workspace.clone() };
        if answer.format() == Format::Json {
            return answer.document(&document(&row));
        }
        answer.text(&format!("{:?} is suspended: it sends nothing\n", row.name))
    }
}

impl Resume {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = Within { workspace: self.name, base: self.base }.open(Purpose::Write)?;
        office.desk.run(office.engine().resume_workspace(&Operator::at_command_line(), office.id(), &self.reason))?;
        let row = Row { suspended: None, ..office.workspace.clone() };
        if answer.format() == Format::Json {
            return answer.document(&document(&row));
        }
        answer.text(&format!("{:?} goes on\n", row.name))
    }
}

impl Export {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = Within { workspace: self.name, base: self.base }.open(Purpose::Read)?;
        let engine = office.engine();
        let path = self.out.unwrap_or_else(|| export::file_name(&office.workspace.name, engine.now()).into());
        let mut file = run::new_file(&path)?;
        let bar = run::bar(0, "{spinner} {msg}");
        let mut archive = Archive::new(engine, &office.actor);
        let written = office.desk.work(async {
            let mut bytes = 0u64;
            while let Some(piece) = archive.next().await? {
                file.write_all(&piece)?;
                bytes += piece.len() as u64;
                bar.set_message(format!("{} rows, {bytes} bytes", archive.rows()));
            }
            file.sync_all()?;
            Ok::<_, ExportError>(bytes)
        });
        bar.finish_and_clear();
        let bytes = written.map_err(|error| {
            // Half an archive is none.
            let _ = std::fs::remove_file(&path);
            Stop::failed(error)
        })?;
        let (rows, path) = (archive.rows(), path.display().to_string());
        if answer.format() == Format::Json {
            return answer.document(&json!({ "workspace": office.id(), "file": path, "rows": rows, "bytes": bytes }));
        }
        answer.text(&format!("Wrote {path}: {rows} rows of {:?}, {bytes} bytes\n", office.workspace.name))
    }
}
