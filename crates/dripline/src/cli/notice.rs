//! `dripline notice`: below which balance a workspace is told, and whether by e-mail.

use clap::Subcommand;
use domain::balance;
use domain::money::Micros;
use serde_json::{Value, json};

use super::desk::{Purpose, Within};
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline notice show
  dripline notice set --below 25 --email
  dripline notice set --below 25 --no-email
  dripline notice set --off

Below that balance of the wallet the event `balance.low` comes once, webhooks carry it, and owners and
admins get an e-mail, where the operator has a mail server (`smtp_url`).";

const SHOW: &str = "\
Examples:
  dripline notice show
  dripline notice show --workspace \"Acme Homes\" --json";

const SET: &str = "\
Examples:
  dripline notice set --below 25 --email
  dripline notice set --below 25 --no-email
  dripline notice set --off";

/// Show or set below which balance a workspace is told
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Notice {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show below which balance the workspace is told
    #[command(after_help = SHOW)]
    Show(Show),
    /// Set it, or tell nothing any more
    #[command(after_help = SET)]
    Set(Set),
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("mark").required(true).args(["below", "off"]))]
struct Set {
    /// Below which balance of the wallet, in dollars
    #[arg(long, value_name = "AMOUNT")]
    below: Option<Micros>,
    /// Tell nothing any more
    #[arg(long)]
    off: bool,
    /// E-mail owners and admins too; the same as saying nothing
    #[arg(long, conflicts_with = "no_email")]
    email: bool,
    /// No e-mail: the event and webhooks only
    #[arg(long)]
    no_email: bool,
    #[command(flatten)]
    within: Within,
}

impl Notice {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Show(Show { within }) => {
                let office = within.open(Purpose::Read)?;
                tell(office.desk.run(office.engine().balance_notice(&office.actor))?, answer)
            }
            Command::Set(Set { below, no_email, within, .. }) => {
                let office = within.open(Purpose::Write)?;
                tell(office.desk.run(office.engine().set_balance_notice(&office.actor, below, !no_email))?, answer)
            }
        }
    }
}

fn document(row: &balance::Notice) -> Value {
    json!({ "below_micros": row.below, "email": row.mails })
}

fn tell(row: balance::Notice, answer: &mut Answer) -> Result<(), Stop> {
    match (answer.format(), row.below) {
        (Format::Json, _) => answer.document(&document(&row)),
        (Format::Text, None) => answer.text("Nobody is told of a low balance.\n"),
        (Format::Text, Some(below)) => {
            let how = if row.mails { "by event, webhook and e-mail" } else { "by event and webhook" };
            answer.text(&format!("A balance below {below} is told {how}.\n"))
        }
    }
}
