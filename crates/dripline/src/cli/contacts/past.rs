//! `dripline contacts imports` and `undo`: what came in by files, and its undoing.

use domain::ids::ImportId;
use engine::import::ImportProgress;
use engine::imports::{self, MAX_LISTED, Outcome};
use serde_json::json;

use crate::api;
use crate::cli::desk::{Purpose, Within};
use crate::cli::table::Table;
use crate::cli::{Answer, Format, Stop, ask};

pub(super) const IMPORTS: &str = "\
Examples:
  dripline contacts imports
  dripline contacts imports --workspace \"Acme Homes\" --json";

pub(super) const UNDO: &str = "\
Examples:
  dripline contacts undo imp_06b9zq4h8g000
  dripline contacts undo imp_06b9zq4h8g000 --yes

Contacts that the import made are deleted, but for those that were edited, texted, enrolled or
written about since. Contacts that it changed get their former values and person back, and lose
the label and the list that it gave, but for what somebody has changed since; what was before is
known for 30 days. Consents and the workspace's own fields stay.";

#[derive(Debug, clap::Args)]
pub(super) struct Imports {
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
pub(super) struct Undo {
    /// The import, as `contacts imports` lists it
    #[arg(value_name = "ID")]
    import: ImportId,
    /// Undo without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    within: Within,
}

/// Why nothing was undone.
#[derive(Debug, thiserror::Error)]
enum NotUndone {
    #[error("nobody is there to be asked: add --yes to undo the import")]
    NobodyToAsk,
    #[error("nothing was undone")]
    Declined,
}

impl Imports {
    pub(super) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let (mut rows, mut before) = (Vec::new(), ImportId(i64::MAX));
        loop {
            let page = office.desk.run(office.engine().imports(&office.actor, before, MAX_LISTED))?;
            let full = i64::try_from(page.len()).is_ok_and(|count| count == MAX_LISTED);
            before = page.last().map_or(before, |import| import.id);
            rows.extend(page);
            if !full {
                break;
            }
        }
        if answer.format() == Format::Json {
            let rows: Vec<_> = rows.iter().map(api::imports::Import::from).collect();
            return answer.document(&json!({ "imports": rows }));
        }
        if rows.is_empty() {
            return answer.text("Nothing was imported yet.\n");
        }
        let mut table = Table::new(["IMPORT", "FILE", "STATE", "NEW", "UPDATED", "REJECTED", "AT"]);
        for row in rows {
            let counts: ImportProgress = imports::read(&row.counts);
            table.row([
                row.id.to_string(),
                row.file_name,
                row.state,
                counts.created.to_string(),
                counts.updated.to_string(),
                counts.rejected.to_string(),
                row.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            ]);
        }
        answer.text(&table.text())
    }
}

impl Undo {
    pub(super) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        if !self.yes && !ask::is_somebody_there() {
            return Err(Stop::usage(NotUndone::NobodyToAsk));
        }
        let office = self.within.open(Purpose::Write)?;
        let (desk, engine, actor) = (&office.desk, office.engine(), &office.actor);
        let import = desk.run(engine.find_import(actor, self.import))?;
        if !self.yes && !ask::agreed(&format!("Undo the import of {:?}?", import.file_name))? {
            return Err(Stop::failed(NotUndone::Declined));
        }
        desk.run(engine.begin_undo(actor, self.import))?;
        let undone = desk.run(engine.run_undo(actor, self.import))?;
        if answer.format() == Format::Json {
            return answer.document(&json!(api::imports::Import::from(&undone)));
        }
        let outcome: Outcome = imports::read(&undone.outcome);
        let mut table = Table::new(Vec::<String>::new());
        for (what, count) in [
            ("contacts deleted", outcome.undone),
            ("contacts as they were before", outcome.restored),
            ("contacts that it made stay, since they were used", outcome.kept),
            ("contacts that it changed keep what was edited since", outcome.altered),
        ] {
            table.row([format!("  {what}"), count.to_string()]);
        }
        answer.text(&format!("Undone: {}\n{}", undone.file_name, table.text()))
    }
}
