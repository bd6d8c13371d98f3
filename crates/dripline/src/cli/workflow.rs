//! `dripline workflow`: workflows from files, into files, and in a list.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use engine::workflow_file::{self, Places};
use engine::workflows::{SaveError, StepInput, WorkflowInput, WorkflowSummary, WorkflowView};
use serde_json::{Value, json};

use super::desk::{Purpose, Within};
use super::run::{self, FileFault};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline workflow import spring.toml
  dripline workflow export \"Spring leads\" --out spring.toml
  dripline workflow list

A file has a name and 1 to 9 steps:

  name = \"Spring leads\"

  [[steps]]
  after_days = 0
  text = \"Hi {First Name|there}, is {Address|your house} still for sale?\"

  [[steps]]
  after_days = 3
  text = \"Hi {First Name|there}, just checking in.\"";

const IMPORT: &str = "\
Examples:
  dripline workflow import spring.toml
  dripline workflow import spring.toml --workspace \"Acme Homes\" --json

All that is wrong with the file is told with its line and column.";

const EXPORT: &str = "\
Examples:
  dripline workflow export \"Spring leads\"
  dripline workflow export \"Spring leads\" --out spring.toml

What is exported is imported as the same workflow.";

const LIST: &str = "\
Examples:
  dripline workflow list
  dripline workflow list --workspace \"Acme Homes\" --json";

/// Import, export and list workflows
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Workflow {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a workflow of a TOML file
    #[command(after_help = IMPORT)]
    Import(Import),
    /// Write a workflow as a TOML file
    #[command(after_help = EXPORT)]
    Export(Export),
    /// List the workflows in the workspace's order
    #[command(after_help = LIST)]
    List(List),
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The file
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// The workflow: its name or identifier
    #[arg(value_name = "NAME|ID")]
    workflow: String,
    /// A new file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    within: Within,
}

impl Workflow {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Import(command) => command.run(answer),
            Command::Export(command) => command.run(answer),
            Command::List(command) => command.run(answer),
        }
    }
}

fn summary(row: &WorkflowSummary) -> Value {
    json!({
        "id": row.workflow.id, "name": row.workflow.name, "position": row.workflow.position,
        "version": row.workflow.version, "status": row.status().word(), "active_contacts": row.active_contacts,
        "messages": row.messages, "total_days": row.total_days, "updated_at": row.workflow.updated_at,
    })
}

fn document(view: &WorkflowView) -> Value {
    let mut answer = summary(&view.summary);
    let steps = view.steps.iter().map(|step| json!({ "after_days": step.gap_days, "text": step.template }));
    answer["steps"] = steps.collect();
    answer
}

impl Import {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let (input, places) = run::workflow(&self.file)?;
        let office = self.within.open(Purpose::Write)?;
        let made = office.desk.work(office.engine().create_workflow(&office.actor, input));
        let made = made.map_err(|error| refused(&self.file, &places, error))?;
        if answer.format() == Format::Json {
            return answer.document(&document(&made));
        }
        let row = &made.summary;
        let (name, id) = (&row.workflow.name, row.workflow.id);
        let (messages, days) = (counted(row.messages, "message"), counted(row.total_days, "day"));
        answer.text(&format!("Made the workflow {name:?}, {messages} over {days}: {id}\n"))
    }
}

fn counted(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What is wrong with a file, each fault at its place.
fn refused(path: &Path, places: &Places, error: SaveError) -> Stop {
    match error {
        SaveError::Invalid(faults) => {
            let mut faults: Vec<_> = faults.iter().map(|fault| places.locate(fault)).collect();
            faults.sort();
            FileFault::listed(path, &faults)
        }
        SaveError::NameTaken { .. } => {
            FileFault::listed(path, &[format!("{error}; give the one in the file another name")])
        }
        other => Stop::failed(other),
    }
}

impl Export {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let id = office.desk.pick(office.engine().pick_workflow(&office.actor, &self.workflow))?;
        let view = office.desk.run(office.engine().workflow(&office.actor, id))?;
        let step =
            |step: &store::workflows::StepRow| StepInput { gap_days: step.gap_days, text: step.template.clone() };
        let name = view.summary.workflow.name.clone();
        let input = WorkflowInput { name: name.clone(), steps: view.steps.iter().map(step).collect() };
        let text = workflow_file::write(&input);
        let Some(path) = self.out else {
            return match answer.format() {
                Format::Json => answer.document(&document(&view)),
                Format::Text => answer.text(&text),
            };
        };
        let mut file = run::new_file(&path)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| FileFault::stop(&path, error))?;
        match answer.format() {
            Format::Json => answer.document(&json!({ "workflow": id, "file": path })),
            Format::Text => answer.text(&format!("Wrote the workflow {name:?} to {}\n", path.display())),
        }
    }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let rows = office.desk.run(office.engine().workflows(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(summary).collect::<Vec<_>>() }));
        }
        let mut table = Table::new(["WORKFLOW", "NAME", "STATUS", "CONTACTS", "MESSAGES", "DAYS"]);
        for row in rows {
            let (status, contacts) = (row.status().word().to_owned(), row.active_contacts.to_string());
            let (messages, days) = (row.messages.to_string(), row.total_days.to_string());
            table.row([row.workflow.id.to_string(), row.workflow.name, status, contacts, messages, days]);
        }
        answer.text(&table.text())
    }
}
