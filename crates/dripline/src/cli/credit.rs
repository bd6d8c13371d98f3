//! `dripline credit`: money or free segments for a workspace, posted by hand.

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
        let balances = office.desk.run(engine.balances(&office.actor))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({ "top_up": posted, "balances": balances }));
        }
        let mut table = Table::new(Vec::<String>::new());
        table.row(["  free segments".to_owned(), balances.credits.to_string()]);
        table.row(["  wallet".to_owned(), balances.wallet.to_string()]);
        answer.text(&format!("Gave {:?} {what}: {posted}\n{}", office.workspace.name, table.text()))
    }
}
