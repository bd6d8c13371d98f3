//! `dripline migrate`: makes the database, or brings its schema up to date.

use serde_json::json;

use super::{Answer, Format, Stop, desk};
use crate::config::Base;
use crate::wiring;

const EXAMPLES: &str = "\
Examples:
  dripline migrate
  dripline migrate --database postgres://dripline@%2Frun%2Fpostgresql/dripline

Every command that writes does this by itself; this one does nothing else. It changes all or
nothing. A database of a newer program is refused.";

/// Make the database, or bring its schema up to date
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Migrate {
    #[command(flatten)]
    base: Base,
}

impl Migrate {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let settings = desk::settings(self.base)?;
        let schema = wiring::migrate(&settings.database, &settings.data).map_err(Stop::failed)?;
        let database = settings.database.to_string();
        match answer.format() {
            Format::Json => answer.document(&json!({ "database": database, "schema": schema })),
            Format::Text => answer.text(&format!("{database} has schema {schema}, the newest of this program.\n")),
        }
    }
}
