//! `dripline number`: adds the numbers that a workspace sends from, and lists them.

use clap::Subcommand;
use engine::numbers::NewNumber;
use serde_json::{Value, json};
use store::numbers::Number as Row;

use super::desk::{Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline number add +12125550100
  dripline number list

A simulated number sends to simulated phones: nothing leaves the machine.";

const ADD: &str = "\
Examples:
  dripline number add +12125550100
  dripline number add \"(305) 555-0101\" --per-minute 60 --per-day 2000";

const LIST: &str = "\
Examples:
  dripline number list
  dripline number list --workspace \"Acme Homes\" --json";

/// Add a sending number to a workspace, or list them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Number {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a live number
    #[command(after_help = ADD)]
    Add(Add),
    /// List the numbers of a workspace, lost ones too
    #[command(after_help = LIST)]
    List(List),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The phone number; without a + it is taken as North American
    #[arg(allow_hyphen_values = true)]
    phone: String,
    /// The carrier that sends for it
    #[arg(long, default_value = "simulator")]
    carrier: String,
    /// Most segments in a minute; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 60, allow_negative_numbers = true)]
    per_minute: i64,
    /// Most segments in 24 hours; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    per_day: i64,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    within: Within,
}

impl Number {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Add(command) => command.run(answer),
            Command::List(command) => command.run(answer),
        }
    }
}

fn document(row: &Row) -> Value {
    json!({
        "id": row.id, "phone": row.phone, "carrier": row.carrier, "state": row.state, "contacts": row.contacts,
        "per_minute": row.messages_per_minute, "per_day": row.messages_per_day,
    })
}

impl Add {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let Self { phone, carrier, per_minute, per_day, .. } = self;
        let new = NewNumber { phone, carrier, per_minute, per_day };
        let made = office.desk.run(office.engine().add_number(&office.actor, new))?;
        if answer.format() == Format::Json {
            return answer.document(&document(&made));
        }
        let of = &office.workspace.name;
        answer.text(&format!("Added {} ({}) to {of:?}: {}\n", made.phone, made.carrier, made.id))
    }
}

/// A pace in words.
fn pace(most: i64) -> String {
    if most == 0 { "no limit".to_owned() } else { most.to_string() }
}

impl List {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let rows = office.desk.run(office.engine().numbers(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "data": rows.iter().map(document).collect::<Vec<_>>() }));
        }
        let mut table = Table::new(["NUMBER", "PHONE", "CARRIER", "STATE", "CONTACTS", "A MINUTE", "A DAY"]);
        for row in rows {
            let (minute, day) = (pace(row.messages_per_minute), pace(row.messages_per_day));
            table.row([row.id.to_string(), row.phone, row.carrier, row.state, row.contacts.to_string(), minute, day]);
        }
        answer.text(&table.text())
    }
}
