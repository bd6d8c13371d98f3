//! `dripline backup`: a consistent copy of the SQLite database, while the server runs.

use std::path::PathBuf;

use serde_json::json;

use super::{Answer, Format, Stop, desk, run};
use crate::config::Base;
use crate::wiring;

const EXAMPLES: &str = "\
Examples:
  dripline backup backup-2026-11-24.db
  dripline backup /backups/today.db --database sqlite:/var/lib/dripline/dripline.db

The copy is one state of the database, whatever the server does meanwhile, and one plain file,
which appears when it is complete. To restore it, stop the server and put the copy in the place
of the database, removing the old one's files with -wal and -shm at their end. Check a copy with
`dripline ledger verify --database sqlite:COPY`. PostgreSQL has its own tools for this: pg_dump,
or its continuous archiving.";

/// Copy the SQLite database into a new file, also while the server runs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backup {
    /// The copy, a new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    base: Base,
}

impl Backup {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let settings = desk::settings(self.base)?;
        let bar = run::bar(0, "{bar:30} {percent:>3}%");
        let told = bar.clone();
        let progress = move |pages, all| {
            told.set_length(all);
            told.set_position(pages);
        };
        wiring::backup(&settings.database, &self.file, progress).map_err(Stop::failed)?;
        bar.finish_and_clear();
        let bytes = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        let database = settings.database.to_string();
        match answer.format() {
            Format::Json => answer.document(&json!({ "database": database, "file": self.file, "bytes": bytes })),
            Format::Text => answer.text(&format!("Copied {database} to {}: {bytes} bytes\n", self.file.display())),
        }
    }
}
