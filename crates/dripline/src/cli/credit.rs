//! `dripline credit` and `dripline debit`: money or free segments for a workspace, or back from it, posted by hand.

use clap::ArgGroup;
use domain::ids::TopUpId;
use domain::money::Micros;
use engine::billing::Slip;
use serde_json::json;

use super::desk::{Office, Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline credit --usd 25 --note \"invoice 17\"
  dripline credit --credits 500 --note \"plan of November\" --idempotency-key nov-2026
  dripline credit --workspace \"Acme Homes\" --usd 25 --note \"invoice 17\" --json

Where the workspace has a plan, all credits end with its period; money does not. What is owed for the plan is paid first.
The same --idempotency-key again posts nothing and gives the first answer.";

/// Give a workspace money or free segments
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("amount").required(true).args(["credits", "usd"])))]
pub(crate) struct Credit {
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

const DEBIT: &str = "\
Examples:
  dripline debit --usd 25 --note \"paid out: account closed\"
  dripline debit --workspace \"Acme Homes\" --credits 500 --note \"granted twice by mistake\" --json

What is held for running workflows is not free and cannot be taken. The same --idempotency-key again takes nothing.";

/// Take money or free segments back from a workspace
#[derive(Debug, clap::Args)]
#[command(after_help = DEBIT, group(ArgGroup::new("amount").required(true).args(["credits", "usd"])))]
pub(crate) struct Debit {
    /// Free segments
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    credits: Option<i64>,
    /// Money, in dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    usd: Option<Micros>,
    /// Why, for the history; it may not be empty
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// A key of your own: a repeat under it takes nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    within: Within,
}

impl Debit {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let slip = Slip { note: self.note, idempotency_key: self.idempotency_key };
        let (engine, workspace) = (office.engine(), office.id());
        let (posted, what) = match (self.credits, self.usd) {
            (Some(credits), _) => {
                (office.desk.run(engine.revoke_credits(workspace, credits, slip))?, format!("{credits} free segments"))
            }
            (None, usd) => {
                let usd = usd.unwrap_or_default();
                (office.desk.run(engine.withdraw(workspace, usd, slip))?, usd.to_string())
            }
        };
        tell(answer, &office, &format!("Took {what} from {:?}", office.workspace.name), posted)
    }
}

/// What was posted, and what the workspace has now.
fn tell(answer: &mut Answer, office: &Office, done: &str, posted: TopUpId) -> Result<(), Stop> {
    let balances = office.desk.run(office.engine().balances(&office.actor))?;
    if answer.format() == Format::Json {
        return answer.document(&json!({ "top_up": posted, "balances": balances }));
    }
    let mut table = Table::new(Vec::<String>::new());
    table.row(["  free segments".to_owned(), balances.credits.to_string()]);
    table.row(["  wallet".to_owned(), balances.wallet.to_string()]);
    answer.text(&format!("{done}: {posted}\n{}", table.text()))
}

impl Credit {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let slip = Slip { note: self.note, idempotency_key: self.idempotency_key };
        let (engine, workspace) = (office.engine(), office.id());
        let (posted, what) = match (self.credits, self.usd) {
            (Some(credits), _) => {
                (office.desk.run(engine.grant_credits(workspace, credits, slip))?, format!("{credits} free segments"))
            }
            (None, usd) => {
                let usd = usd.unwrap_or_default();
                (office.desk.run(engine.top_up(workspace, usd, slip))?, usd.to_string())
            }
        };
        tell(answer, &office, &format!("Gave {:?} {what}", office.workspace.name), posted)
    }
}
