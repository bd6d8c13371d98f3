//! `dripline credit` and `dripline debit`: money or free segments for a workspace, or back from it, posted by hand.

use clap::ArgGroup;
use domain::money::Micros;
use engine::billing::Slip;
use serde_json::json;

use super::desk::{Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline credit --usd 25 --note \"invoice 17\"
  dripline credit --credits 500 --note \"plan of November\" --idempotency-key nov-2026
  dripline credit --workspace \"Acme Homes\" --usd 25 --note \"invoice 17\" --json

Where the workspace has a plan, all credits end with its period; money does not. What is owed for the plan is paid first.
The same --idempotency-key again posts nothing and gives the first answer.";

const DEBIT: &str = "\
Examples:
  dripline debit --usd 25 --note \"paid out: account closed\"
  dripline debit --workspace \"Acme Homes\" --credits 500 --note \"granted twice by mistake\" --json

What is held for running workflows is not free and cannot be taken; the note may not be empty. The same --idempotency-key
again takes nothing.";

/// Give a workspace money or free segments
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Credit {
    #[command(flatten)]
    posting: Posting,
}

/// Take money or free segments back from a workspace
#[derive(Debug, clap::Args)]
#[command(after_help = DEBIT)]
pub(crate) struct Debit {
    #[command(flatten)]
    posting: Posting,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("amount").required(true).args(["credits", "usd"])))]
struct Posting {
    /// Free segments
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    credits: Option<i64>,
    /// Money, in dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    usd: Option<Micros>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// A key of your own: a repeat under it posts nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// In which direction it goes.
#[derive(Clone, Copy)]
enum Way {
    Given,
    Taken,
}

impl Credit {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        self.posting.run(answer, Way::Given)
    }
}

impl Debit {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        self.posting.run(answer, Way::Taken)
    }
}

impl Posting {
    fn run(self, answer: &mut Answer, way: Way) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let slip = Slip { note: self.note, idempotency_key: self.idempotency_key };
        let (engine, desk, id, usd) = (office.engine(), &office.desk, office.id(), self.usd.unwrap_or_default());
        let posted = match (way, self.credits) {
            (Way::Given, Some(credits)) => desk.run(engine.grant_credits(id, credits, slip))?,
            (Way::Given, None) => desk.run(engine.top_up(id, usd, slip))?,
            (Way::Taken, Some(credits)) => desk.run(engine.revoke_credits(id, credits, slip))?,
            (Way::Taken, None) => desk.run(engine.withdraw(id, usd, slip))?,
        };
        let balances = desk.run(engine.balances(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "top_up": posted, "balances": balances }));
        }
        let what = self.credits.map_or_else(|| usd.to_string(), |credits| format!("{credits} free segments"));
        let name = &office.workspace.name;
        let done = match way {
            Way::Given => format!("Gave {name:?} {what}"),
            Way::Taken => format!("Took {what} from {name:?}"),
        };
        let mut table = Table::new(Vec::<String>::new());
        table.row(["  free segments".to_owned(), balances.credits.to_string()]);
        table.row(["  wallet".to_owned(), balances.wallet.to_string()]);
        answer.text(&format!("{done}: {posted}\n{}", table.text()))
    }
}
