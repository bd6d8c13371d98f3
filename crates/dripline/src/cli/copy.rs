//! `dripline copy`: a whole database into another, to leave SQLite or to come back.

use serde_json::json;
use store::Address;

use super::{Answer, Format, Stop, run};
use crate::wiring;

const EXAMPLES: &str = "\
Examples:
  dripline copy --from sqlite:data/dripline.db --to postgres://dripline@db.internal/dripline
  dripline copy --from postgres://dripline@db.internal/dripline --to sqlite:back.db

Stop the server first. The target is a fresh database; its schema is made. Rows go over in batches,
then rows and sums of every column are compared, and only then a server opens the target. Broken
off, the same command goes on where it was. The source is only read. Afterwards check the books
(`dripline ledger verify --database TARGET`) and start the server with the new --database; the
folder --data (uploads) and the master key stay what they are.";

/// Copy a whole database into another: from SQLite to PostgreSQL, or back
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Copy {
    /// The database that is copied, which nobody serves meanwhile
    #[arg(long, value_name = "ADDRESS")]
    from: Address,
    /// The fresh database, or one that this command was filling when it was broken off
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
}

impl Copy {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let bar = run::bar(0, "{bar:30} {pos}/{len} {msg}");
        let told = bar.clone();
        let progress = move |table: &str, rows: u64, all: u64| {
            told.set_length(all);
            told.set_position(rows);
            told.set_message(table.to_owned());
        };
        let copied = wiring::copy(&self.from, &self.to, progress).map_err(Stop::failed)?;
        bar.finish_and_clear();
        let (from, to) = (self.from.to_string(), self.to.to_string());
        let rows: i64 = copied.iter().map(|table| table.rows).sum();
        match answer.format() {
            Format::Json => {
                let tables: serde_json::Map<_, _> =
                    copied.into_iter().map(|table| (table.table, table.rows.into())).collect();
                answer.document(&json!({ "from": from, "to": to, "rows": rows, "tables": tables }))
            }
            Format::Text => {
                let tables = copied.len();
                answer.text(&format!("Copied {from} to {to}: {rows} rows of {tables} tables, all compared.\n"))
            }
        }
    }
}
