//! `dripline suppression`: lists of phones that must not be texted, from files: imported, listed, removed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::ids::ListId;
use domain::phone::Region;
use domain::suppression::Suppression;
use engine::suppression_lists::{List as Row, ListCounts, NewList};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::desk::{Purpose, Within};
use super::run::{self, FileFault};
use super::table::Table;
use super::{Answer, Format, Stop, parse};

const EXAMPLES: &str = "\
Examples:
  dripline suppression import litigators.csv --name Litigators --source \"Blacklist Alliance\" --dated 2026-11-01
  dripline suppression list
  dripline suppression remove spl_06b9zq4h8g000

Phones on a list are never texted, whether they are contacts or become some later.";

const IMPORT: &str = "\
Examples:
  dripline suppression import litigators.csv --name Litigators --source \"Blacklist Alliance\" --dated 2026-11-01
  dripline suppression import ours.csv --name \"Asked us not to\" --source office --kind do_not_contact
  dripline suppression import litigators.csv --into spl_06b9zq4h8g000

The file has columns of phones, with or without names above. A million rows need no more memory than one. What runs to a
listed phone ends with its refund. After an interruption read the file again --into its list: nothing counts twice.";

const LIST: &str = "\
Examples:
  dripline suppression list
  dripline suppression list --json";

const REMOVE: &str = "\
Examples:
  dripline suppression remove spl_06b9zq4h8g000

Phones that another list of the kind holds, or that a user put there, stay forbidden.";

/// Import, list and remove lists of phones that must not be texted
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SuppressionLists {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a file of phones into a new list, or go on with one
    #[command(after_help = IMPORT)]
    Import(Import),
    /// List the lists of a workspace, removed ones too
    #[command(after_help = LIST)]
    List(List),
    /// Remove a list
    #[command(after_help = REMOVE)]
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The name of the new list
    #[arg(long, required_unless_present = "into")]
    name: Option<String>,
    /// Where it comes from
    #[arg(long, required_unless_present = "into")]
    source: Option<String>,
    /// What it forbids: compliance_blocked or do_not_contact
    #[arg(long, default_value = "compliance_blocked", value_parser = kind)]
    kind: Suppression,
    /// The day on which it was drawn up, such as 2026-11-01
    #[arg(long, value_name = "DATE")]
    dated: Option<Date>,
    /// The list that is gone on with
    #[arg(long, value_name = "LIST", conflicts_with_all = ["name", "source", "dated"])]
    into: Option<ListId>,
    /// The country of phones without a +, in two letters
    #[arg(long, value_name = "COUNTRY", default_value = "US", value_parser = parse::region)]
    region: Region,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// The list
    list: ListId,
    #[command(flatten)]
    within: Within,
}

/// A word that is no kind of list.
#[derive(Debug, Clone, thiserror::Error)]
#[error("write compliance_blocked or do_not_contact")]
struct NoKind;

fn kind(text: &str) -> Result<Suppression, NoKind> {
    let kinds = [Suppression::ComplianceBlocked, Suppression::DoNotContact];
    kinds.into_iter().find(|kind| kind.word() == text.trim()).ok_or(NoKind)
}

fn document(row: &Row) -> Value {
    let counts = ListCounts::of(row);
    json!({
        "id": row.id, "name": row.name, "kind": row.kind, "source": row.source, "file": row.file_name, "dated": row.dated,
        "state": row.state, "counts": counts, "actor": row.actor, "created_at": row.created_at,
        "removed_at": row.removed_at,
    })
}

impl SuppressionLists {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Import(command) => command.run(answer),
            Command::List(command) => command.run(answer),
            Command::Remove(command) => command.run(answer),
        }
    }
}

impl Import {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let source: Box<dyn Read + Send> = if self.file == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&self.file).map_err(|error| FileFault::stop(&self.file, error))?)
        };
        let file_name = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let office = self.within.open(Purpose::Write)?;
        let id = match self.into {
            Some(id) => id,
            None => {
                let (name, source) = (self.name.unwrap_or_default(), self.source.unwrap_or_default());
                let new = NewList { name, kind: self.kind, source, file_name, dated: self.dated };
                office.desk.run(office.engine().create_list(&office.actor, new))?.id
            }
        };
        let bar = run::spinner();
        let tell = {
            let bar = bar.clone();
            move |rows: u64| bar.set_message(format!("{rows} rows"))
        };
        let done = office.desk.run(office.engine().fill_list(&office.actor, id, source, self.region, tell));
        bar.finish_and_clear();
        let list = done?;
        if answer.format() == Format::Json {
            return answer.document(&document(&list));
        }
        let counts = ListCounts::of(&list);
        let mut text = format!(
            "{:?} ({}) holds {} phones; {} rows read, {} rejected, {} workflows ended\n",
            list.name, list.id, counts.phones, counts.rows, counts.rejected, counts.ended
        );
        text.extend(counts.rejects.iter().take(10).map(|one| format!("  row {}: {}\n", one.row, one.reason)));
        answer.text(&text)
    }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let rows = office.desk.run(office.engine().suppression_lists(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(document).collect::<Vec<_>>() }));
        }
        let mut table = Table::new(["LIST", "NAME", "KIND", "SOURCE", "DATED", "STATE", "PHONES", "BY"]);
        for row in rows {
            let counts = ListCounts::of(&row);
            let dated = row.dated.unwrap_or_else(|| "-".to_owned());
            let phones = counts.phones.to_string();
            table.row([row.id.to_string(), row.name, row.kind, row.source, dated, row.state, phones, row.actor]);
        }
        answer.text(&table.text())
    }
}

impl Remove {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let list = office.desk.run(office.engine().remove_list(&office.actor, self.list))?;
        if answer.format() == Format::Json {
            return answer.document(&document(&list));
        }
        let freed = ListCounts::of(&list).freed;
        answer.text(&format!("Removed {:?}: {freed} phones may be texted again\n", list.name))
    }
}
