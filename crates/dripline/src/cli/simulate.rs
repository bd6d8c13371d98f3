//! `dripline simulate`: the price and the course of a campaign before it is dared.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use domain::money::Micros;
use engine::Clock;
use engine::import::{ImportOptions, ImportOutlets};
use engine::simulation::{self, Simulation, SimulationReport};
use jiff::Timestamp;
use serde_json::json;

use super::parse;
use super::run::{self, FileFault, block_on};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline simulate --contacts leads.csv --workflow spring.toml
  dripline simulate --contacts leads.csv --workflow spring.toml --reply-rate 0.2 --credits 500
  dripline simulate --contacts leads.csv --workflow spring.toml --wallet 25 --rate 0.015 --json

Runs the whole engine on a clock of its own and a database in memory: nothing is sent and nothing is
stored. Without --wallet the wallet holds just what everybody costs. The same seed gives the same
replies.";

/// Price a campaign and watch it run, before you dare
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// The contacts, a CSV file with a phone column
    #[arg(long, value_name = "FILE.csv")]
    contacts: PathBuf,
    /// The workflow, a TOML file with name and steps
    #[arg(long, value_name = "FILE.toml")]
    workflow: PathBuf,
    /// When it starts [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    start: Option<Timestamp>,
    /// The share of texts that are answered, from 0 to 1
    #[arg(long, value_name = "F", default_value_t = 0.0)]
    reply_rate: f64,
    /// Which of them: any number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Free segments of the plan
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000))]
    credits: i64,
    /// Money in the wallet, in dollars [default: what everybody costs]
    #[arg(long, value_name = "USD")]
    wallet: Option<Micros>,
    /// Price of a segment beyond the credits, in dollars
    #[arg(long, value_name = "USD", default_value = "0.015")]
    rate: Micros,
    /// The time zone for contacts of whom nothing better is known
    #[arg(long, value_name = "ZONE", default_value = "America/New_York")]
    zone: String,
}

impl Simulate {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let (workflow, _) = run::workflow(&self.workflow)?;
        let contacts = File::open(&self.contacts).map_err(|error| FileFault::stop(&self.contacts, error))?;
        let simulation = Simulation {
            start: self.start.unwrap_or_else(|| Clock::System.now()),
            zone: self.zone,
            reply_rate: self.reply_rate,
            seed: self.seed,
            credits: self.credits,
            wallet: self.wallet,
            rate: self.rate,
            import: ImportOptions::default(),
            workflow,
        };
        let bar = run::spinner();
        let told = bar.clone();
        let progress = Box::new(move |at: Timestamp, sent: usize| {
            told.set_message(format!("{}: {sent} messages", at.strftime("%Y-%m-%d")));
            told.tick();
        });
        let simulated = simulation::simulate(simulation, contacts, ImportOutlets::default(), progress);
        let report = block_on(simulated)?.map_err(Stop::failed)?;
        bar.finish_and_clear();
        if answer.format() == Format::Json {
            answer.document(&document(&report))?
        } else {
            tell(answer, &report)?
        }
        if report.ledger.is_clean() { Ok(()) } else { Err(Stop::Told) }
    }
}

/// Rejected rows by their reason.
fn rejected(report: &SimulationReport) -> BTreeMap<String, i64> {
    let mut reasons = BTreeMap::new();
    for reject in &report.import.rejects {
        *reasons.entry(reject.reason.to_string()).or_default() += 1;
    }
    reasons
}

fn document(report: &SimulationReport) -> serde_json::Value {
    let amounts = |credits: i64, micros: Micros| json!({ "credits": credits, "micros": micros.0 });
    let days = report
        .days
        .iter()
        .map(|(date, day)| json!({ "date": date, "messages": day.messages, "segments": day.segments }));
    let rejects = report.import.rejects.iter();
    let rejects =
        rejects.map(|reject| json!({ "row": reject.row, "line": reject.line, "reason": reject.reason.to_string() }));
    json!({
        "import": report.import.counts,
        "rejected_rows": rejects.collect::<Vec<_>>(),
        "started": report.started,
        "refused": report.refused,
        "refused_by_code": report.preview.by_code,
        "segments": report.preview.segments,
        "charged": amounts(report.preview.amounts.credits, report.preview.amounts.micros),
        "last_planned": report.preview.last_at,
        "days": days.collect::<Vec<_>>(),
        "ends": report.ends,
        "replies": report.replies,
        "refunded": amounts(report.refunded.credits, report.refunded.micros),
        "before": report.before,
        "after": report.after,
        "ledger": { "transfers": report.ledger.transfers, "clean": report.ledger.is_clean(), "faults": report.ledger.faults.iter().map(ToString::to_string).collect::<Vec<_>>() },
        "end": report.end,
    })
}

fn tell(answer: &mut Answer, report: &SimulationReport) -> Result<(), Stop> {
    answer.text(&people(report))?;
    answer.text(&money(report))?;
    answer.text("\nMessages by the contacts' local date\n")?;
    let mut table = Table::new(["  DATE", "MESSAGES", "SEGMENTS"]);
    for (date, day) in &report.days {
        table.row([format!("  {date}"), day.messages.to_string(), day.segments.to_string()]);
    }
    let (messages, segments) =
        report.days.values().fold((0, 0), |sum, day| (sum.0 + day.messages, sum.1 + day.segments));
    table.row(["  all".to_owned(), messages.to_string(), segments.to_string()]);
    answer.text(&table.text())?;
    answer.text("\nEnds\n")?;
    let mut table = Table::new(Vec::<String>::new());
    for (end, count) in &report.ends {
        table.row([format!("  {}", end.replace('_', " ")), count.to_string()]);
    }
    table.row(["  texts that came in".to_owned(), report.replies.to_string()]);
    answer.text(&table.text())?;
    answer.text(&balances(report))
}

fn people(report: &SimulationReport) -> String {
    let counts = &report.import.counts;
    let mut table = Table::new(Vec::<String>::new());
    table.row(["  rows in the file".to_owned(), counts.rows.to_string()]);
    table.row(["  contacts".to_owned(), counts.created.to_string()]);
    table.row(["  rows rejected".to_owned(), counts.rejected.to_string()]);
    for (reason, count) in rejected(report) {
        table.row([format!("    {reason}"), count.to_string()]);
    }
    table.row(["  started".to_owned(), report.started.to_string()]);
    table.row(["  refused".to_owned(), report.refused.to_string()]);
    for (code, count) in &report.preview.by_code {
        table.row([format!("    {code}"), count.to_string()]);
    }
    format!("Contacts\n{}", table.text())
}

fn money(report: &SimulationReport) -> String {
    let preview = &report.preview;
    let mut table = Table::new(Vec::<String>::new());
    table.row(["  segments".to_owned(), preview.segments.to_string()]);
    table.row(["  paid with credits".to_owned(), preview.amounts.credits.to_string()]);
    table.row(["  charged to the wallet".to_owned(), preview.amounts.micros.to_string()]);
    if let Some(last) = preview.last_at {
        table.row(["  last message planned".to_owned(), last.strftime("%Y-%m-%d %H:%M UTC").to_string()]);
    }
    format!("\nPrice at the start\n{}", table.text())
}

fn balances(report: &SimulationReport) -> String {
    let mut table = Table::new(["  ", "CREDITS", "MONEY"]);
    let row = |name: &str, credits: i64, money: Micros| [format!("  {name}"), credits.to_string(), money.to_string()];
    table.row(row("before", report.before.credits, report.before.wallet));
    table.row(row("used by messages sent", report.after.earned_credits, report.after.earned_micros));
    table.row(row("refunded", report.refunded.credits, report.refunded.micros));
    table.row(row("still held", report.after.held_credits, report.after.held_micros));
    table.row(row("after", report.after.credits, report.after.wallet));
    let verdict = if report.ledger.is_clean() {
        format!("The ledger balances: {} transfers, every sum is zero.\n", report.ledger.transfers)
    } else {
        let faults: String = report.ledger.faults.iter().map(|fault| format!("  {fault}\n")).collect();
        format!("THE LEDGER DOES NOT BALANCE:\n{faults}")
    };
    format!("\nMoney\n{}\n{verdict}", table.text())
}
