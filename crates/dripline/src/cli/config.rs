//! `dripline config`: the settings in force and where each was read, without secrets.

use serde::Serialize;

use super::table::Table;
use super::{Answer, Format, Stop};
use crate::config::{Flags, Settings};

const EXAMPLES: &str = "\
Examples:
  dripline config
  dripline config --config dripline.toml
  DRIPLINE_LISTEN=0.0.0.0:80 dripline config --json

Shows what `dripline serve` would run with, given the same flags, environment and file. A flag
goes before the environment, the environment before the file. Passwords are never shown.";

/// Print the settings in force and where each was read
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Config {
    #[command(flatten)]
    flags: Flags,
}

#[derive(Serialize)]
struct Line<'a> {
    setting: &'static str,
    value: &'a str,
    from: String,
}

impl Config {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let settings = Settings::load(&self.flags, &|name| std::env::var_os(name)).map_err(Stop::usage)?;
        let lines = settings.readings().iter().map(|reading| Line {
            setting: reading.key,
            value: &reading.shown,
            from: reading.origin.to_string(),
        });
        let lines: Vec<Line<'_>> = lines.collect();
        if answer.format() == Format::Json {
            return answer.document(&lines);
        }
        let mut table = Table::new(["SETTING", "VALUE", "FROM"]);
        for line in &lines {
            table.row([line.setting, line.value, &line.from]);
        }
        answer.text(&table.text())
    }
}
