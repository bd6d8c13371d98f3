//! `dripline version`: the program and the tables inside it, each with its version or date.

use domain::{rules, zones};
use serde::Serialize;

use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline version
  dripline version --json";

/// The numbering plans of all countries come with this crate; a test compares it with `Cargo.lock`.
const PHONE_NUMBERS: &str = "rlibphonenumber 2.2.15";

/// Print the versions of the program and of the tables inside it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Version {}

#[derive(Serialize)]
struct Versions {
    dripline: &'static str,
    time_zones: &'static str,
    phone_numbers: &'static str,
    quiet_hours: &'static str,
}

impl Version {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let versions = Versions {
            dripline: env!("CARGO_PKG_VERSION"),
            time_zones: zones::tzdb_version(),
            phone_numbers: PHONE_NUMBERS,
            quiet_hours: rules::as_of(),
        };
        match answer.format() {
            Format::Json => answer.document(&versions),
            Format::Text => {
                let mut table = Table::new::<&str>([]);
                table.row(["dripline", versions.dripline]);
                table.row(["time zones", versions.time_zones]);
                table.row(["phone numbers", versions.phone_numbers]);
                table.row(["quiet-hours rules", versions.quiet_hours]);
                answer.text(&table.text())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_numbering_plans_is_the_locked_one() {
        let (name, version) = PHONE_NUMBERS.split_once(' ').unwrap();
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(include_str!("../../../../Cargo.lock").contains(&locked), "say the new version in PHONE_NUMBERS");
    }
}
