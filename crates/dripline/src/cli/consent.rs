//! `dripline consent`: what contacts agreed to and took back: shown, recorded, taken out as a file.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use domain::consent::{Evidence, Kind};
use engine::consents::{Consent as Row, NewConsent, OptOut};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::desk::{Purpose, Within};
use super::table::Table;
use super::{Answer, Format, Stop, parse, run};
use crate::consent_rows;
use crate::web::csv::Csv;

const EXAMPLES: &str = "\
Examples:
  dripline consent show +12125550123
  dripline consent record +12125550123 --kind written --source \"web form\" --text \"I agree to …\"
  dripline consent export consents.csv

Records belong to the phone: they are never changed, and stay when the contact is deleted.";

const SHOW: &str = "\
Examples:
  dripline consent show +12125550123
  dripline consent show ctc_06b9zq4h8g000 --json";

const RECORD: &str = "\
Examples:
  dripline consent record +12125550123 --kind written --source \"web form\" --text \"I agree to …\"
  dripline consent record +12125550123 --kind express --source \"phone call\" --text \"Yes, text me\" --lift-opt-out
  dripline consent record +12125550123 --kind revoked --source \"phone call\" --words \"leave me alone\"

A revocation stops everything at once, as the contact's own STOP does. A consent lifts an opt-out only with
--lift-opt-out and if it was given after it; it never lifts what users or imported lists forbid.";

const EXPORT: &str = "\
Examples:
  dripline consent export consents.csv
  dripline consent export consents.csv --workspace \"Acme Homes\"";

/// Show and record what contacts agreed to, or export all of it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Consent {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what holds for a contact, and its records
    #[command(after_help = SHOW)]
    Show(Show),
    /// Record a consent or its revocation
    #[command(after_help = RECORD)]
    Record(Box<Record>),
    /// Write all records of the workspace to a new CSV file
    #[command(after_help = EXPORT)]
    Export(Export),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The contact: phone, name or identifier
    contact: String,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Record {
    /// The contact: phone, name or identifier
    contact: String,
    /// What they said: express, written, inbound, relationship or revoked
    #[arg(long, value_parser = kind)]
    kind: Kind,
    /// How it came about, such as "web form"
    #[arg(long)]
    source: String,
    /// The text that they agreed to, word for word
    #[arg(long)]
    text: Option<String>,
    /// Their own words
    #[arg(long)]
    words: Option<String>,
    /// When they said it [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    given_at: Option<Timestamp>,
    /// Until when it holds [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    expires_at: Option<Timestamp>,
    /// The page on which it was shown
    #[arg(long)]
    url: Option<String>,
    /// The identifier of a certificate or proof
    #[arg(long)]
    certificate: Option<String>,
    /// Lift the opt-out: this was given after it
    #[arg(long)]
    lift_opt_out: bool,
    #[command(flatten)]
    within: Within,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// The file, which must be new
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    #[command(flatten)]
    within: Within,
}

/// A word that is no kind of consent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("write express, written, inbound, relationship or revoked")]
pub(crate) struct NoKind;

/// A kind of consent by its word.
pub(crate) fn kind(text: &str) -> Result<Kind, NoKind> {
    Kind::from_word(text.trim()).ok_or(NoKind)
}

fn document(row: &Row) -> Value {
    json!({
        "id": row.id, "kind": row.kind, "source": row.source, "text": row.text, "given_at": row.given_at,
        "zone": row.zone, "expires_at": row.expires_at, "message": row.message, "evidence": row.evidence,
        "actor": row.actor, "recorded_at": row.recorded_at,
    })
}

impl Consent {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Show(command) => command.run(answer),
            Command::Record(command) => command.run(answer),
            Command::Export(command) => command.run(answer),
        }
    }
}

impl Show {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Read)?;
        let contact = office.desk.pick(office.engine().pick_contact(&office.actor, &self.contact))?;
        let most = engine::consents::MAX_PAGE;
        let history = office.desk.run(office.engine().consents(&office.actor, contact, None, most))?;
        if answer.format() == Format::Json {
            let records: Vec<Value> = history.records.iter().map(document).collect();
            return answer.document(&json!({ "standing": history.standing.word(), "data": records }));
        }
        let mut table = Table::new(["GIVEN", "KIND", "HOW", "HOLDS UNTIL", "RECORDED BY"]);
        for row in &history.records {
            let until = row.expires_at.map_or_else(|| "-".to_owned(), |until| until.to_string());
            let kind = row.kind.word().to_owned();
            table.row([row.given_at.to_string(), kind, row.source.clone(), until, row.actor.clone()]);
        }
        answer.text(&format!("Consent: {}\n{}", history.standing, table.text()))
    }
}

impl Record {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let office = self.within.open(Purpose::Write)?;
        let contact = office.desk.pick(office.engine().pick_contact(&office.actor, &self.contact))?;
        let evidence =
            Evidence { words: self.words, url: self.url, certificate: self.certificate, ..Evidence::default() };
        let new = NewConsent {
            kind: self.kind,
            source: self.source,
            text: self.text,
            given_at: self.given_at,
            zone: None,
            expires_at: self.expires_at,
            evidence,
        };
        let opt_out = if self.lift_opt_out { OptOut::Lift } else { OptOut::Keep };
        let done = office.desk.run(office.engine().record_consent(&office.actor, contact, new, opt_out))?;
        if answer.format() == Format::Json {
            return answer.document(&json!({
                "consent": document(&done.consent), "lifted_opt_out": done.lifted, "suppressions": done.lists,
            }));
        }
        let lifted = if done.lifted { "; the opt-out is lifted" } else { "" };
        let still = match done.lists.as_slice() {
            [] => String::new(),
            lists => format!("; still on {}", lists.join(", ")),
        };
        answer.text(&format!("Recorded {}{lifted}{still}\n", done.consent.id))
    }
}

impl Export {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        const CHUNK: i64 = 1_000;
        let office = self.within.open(Purpose::Read)?;
        let mut file = run::new_file(&self.file)?;
        let (mut csv, mut after, mut count) = (Csv::new(&consent_rows::COLUMNS), None, 0usize);
        loop {
            let rows = office.desk.run(office.engine().export_consents(&office.actor, after, CHUNK))?;
            rows.iter().for_each(|row| csv.row(&consent_rows::cells(row)));
            file.write_all(csv.take().as_bytes())?;
            count += rows.len();
            after = rows.last().map(|row| (row.consent.phone_hash, row.consent.id)).or(after);
            if i64::try_from(rows.len()).unwrap_or(0) < CHUNK {
                break;
            }
        }
        match answer.format() {
            Format::Json => answer.document(&json!({ "file": self.file, "records": count })),
            Format::Text => answer.text(&format!("Wrote {count} records to {}\n", self.file.display())),
        }
    }
}
