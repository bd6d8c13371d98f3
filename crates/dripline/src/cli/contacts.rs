//! `dripline contacts`: a file of contacts into a workspace, row by row; two of one person made one; and a person out of it, for good.

mod check;
mod erase;
mod merge;
mod past;
mod report;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Subcommand;
use domain::consent::Kind;
use domain::phone::Region;
use engine::import::{
    FileConsent, ImportError, ImportOptions, ImportOutlets, ImportProgress, OnDuplicate, Part, Target,
};
use indicatif::ProgressBar;

use super::desk::{Purpose, Within};
use super::run::{self, FileFault};
use super::{Answer, Format, Stop, parse};

const EXAMPLES: &str = "\
Examples:
  dripline contacts import leads.csv --no-consent
  dripline contacts import leads.xlsx --no-consent --workspace \"Acme Homes\" --rejected rejected.csv
  dripline contacts import kunden.csv --no-consent --region DE --overwrite
  dripline contacts imports
  dripline contacts undo imp_06b9zq4h8g000

The first row names the columns; one of them is the phone. Comma, semicolon, tab or |, UTF-8,
UTF-16 or Windows-1252: what the file has is found out. A million rows need no more memory than
one. A contact that is there already gets its empty fields filled.";

const IMPORT: &str = "\
Examples:
  dripline contacts import leads.csv --consent-kind written --consent-source \"web form\" --consent-date 2026-03-03
  dripline contacts import leads.csv --no-consent --workspace \"Acme Homes\" --rejected rejected.csv
  dripline contacts import kunden.csv --no-consent --region DE --overwrite
  dripline contacts import leads.csv --no-consent --map \"Tel 1=Phone\" --map \"Owner=Full Name\" --map Junk=
  gunzip -c leads.csv.gz | dripline contacts import - --no-consent
  dripline contacts import leads.csv --no-consent --dry-run

Every file says how its people agreed to be texted: of everybody with --consent-kind, of each row in
columns (Consent, Consent Source, Consent Date), or --no-consent, that nothing is recorded.
--dry-run reads the whole file by the same rules and says what would be made, changed and rejected,
with some of it; it stores nothing and may run beside the server. Each row is taken or rejected with
its reason; --rejected keeps the rejected ones as they came, to be mended and imported again. To go
on after an interruption import the file again: nothing is done twice. `contacts undo` undoes it.";

/// Import contacts from a CSV file or an Excel workbook, undo an import, merge two, or erase a person
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Contacts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Import a CSV file or an Excel workbook (.xlsx) into a workspace
    #[command(after_help = IMPORT)]
    Import(Import),
    /// List the imports of a workspace, the newest first
    #[command(after_help = past::IMPORTS)]
    Imports(past::Imports),
    /// Undo an import: what it made goes, what it changed is changed back
    #[command(after_help = past::UNDO)]
    Undo(past::Undo),
    /// Erase a person for good: name, phone, fields, notes and texts
    #[command(after_help = erase::EXAMPLES)]
    Erase(erase::Erase),
    /// Merge two contacts that are one person; both numbers stay
    #[command(after_help = merge::EXAMPLES)]
    Merge(merge::Merge),
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The country of phones without a +, in two letters
    #[arg(long, value_name = "COUNTRY", default_value = "US", value_parser = parse::region)]
    region: Region,
    /// Overwrite the fields of contacts that are there already
    #[arg(long)]
    overwrite: bool,
    /// What a column means, where it is not guessed right: Phone, a field, or nothing; several times
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = mapped)]
    map: Vec<(String, Target)>,
    /// Say that no consent of these people is recorded
    #[arg(long, conflicts_with_all = ["consent_kind", "consent_source", "consent_date", "consent_text"])]
    no_consent: bool,
    /// The consent of everybody in the file: express, written, inbound or relationship; columns of a row go before it
    #[arg(long, value_name = "KIND", value_parser = super::consent::kind)]
    consent_kind: Option<Kind>,
    /// How that consent came about, such as "web form"
    #[arg(long, value_name = "HOW", default_value = "", hide_default_value = true)]
    consent_source: String,
    /// When it was given, such as 2026-03-03
    #[arg(long, value_name = "DATE", default_value = "", hide_default_value = true)]
    consent_date: String,
    /// The text that they agreed to, word for word
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    consent_text: String,
    /// The list that all contacts of the file are put on; a name that is not there yet makes a new one
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
    /// Where to write the rejected rows with their reasons, a new file
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Write names that are in capitals, or all small, as people write them: JOHN O'NEIL as John O'Neil
    #[arg(long)]
    recase_names: bool,
    /// Read the whole file and say what the import would do; nothing is stored
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    within: Within,
}

/// A mapping without an equals sign.
#[derive(Debug, Clone, thiserror::Error)]
#[error("write COLUMN=FIELD, such as \"Tel 1=Phone\", or COLUMN= to leave a column out")]
struct NoMapping;

fn mapped(text: &str) -> Result<(String, Target), NoMapping> {
    let (column, field) = text.rsplit_once('=').ok_or(NoMapping)?;
    let target = match field.trim() {
        "" => Target::Ignore,
        phone if phone.eq_ignore_ascii_case("phone") => Target::Phone,
        field => Part::named(field).map_or_else(|| Target::Field(field.to_owned()), Target::Consent),
    };
    Ok((column.trim().to_owned(), target))
}

/// Nobody says how the people agreed.
#[derive(Debug, thiserror::Error)]
#[error("{0}; add --consent-kind with --consent-source and --consent-date, or --no-consent")]
struct Untold(ImportError);

/// The file was not imported, or not to its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{file} is not imported")]
    Whole {
        file: String,
        #[source]
        source: ImportError,
    },
    #[error(
        "{file} is not imported to its end: {rows} rows of it are done and stay; mend what is wrong and import it again, \
         nothing is done twice"
    )]
    Part {
        file: String,
        rows: u64,
        #[source]
        source: ImportError,
    },
}

impl Contacts {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Import(command) => command.run(answer),
            Command::Imports(command) => command.run(answer),
            Command::Undo(command) => command.run(answer),
            Command::Erase(command) => command.run(answer),
            Command::Merge(command) => command.run(answer),
        }
    }
}

impl Import {
    fn options(&self, bytes: Option<u64>) -> ImportOptions {
        let on_duplicate = if self.overwrite { OnDuplicate::Overwrite } else { OnDuplicate::FillEmpty };
        let consent = FileConsent {
            kind: self.consent_kind.filter(|kind| *kind != Kind::Revoked),
            source: self.consent_source.clone(),
            date: self.consent_date.clone(),
            text: self.consent_text.clone(),
        };
        let piped = self.file == Path::new("-");
        let file = self.file.file_name().map(|name| name.to_string_lossy().into_owned());
        let file = if piped { Some("standard input".to_owned()) } else { file };
        let (region, mapping, recase) = (self.region, self.map.clone(), self.recase_names);
        let no_consent = self.no_consent;
        ImportOptions {
            region,
            on_duplicate,
            mapping,
            consent,
            no_consent,
            file,
            bytes,
            recase,
            list: self.list.clone().unwrap_or_default(),
            ..ImportOptions::default()
        }
    }

    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let (source, size) = open(&self.file)?;
        let options = self.options(size);
        // What only reads stands beside the server.
        let office = self.within.open(if self.dry_run { Purpose::Read } else { Purpose::Write })?;
        let rejected = self.rejected.as_deref().map(|path| run::new_file(path).map(|file| (path, file))).transpose()?;
        let bar = match size {
            Some(size) => run::bar(size, "{bar:30} {percent:>3}%  {msg}"),
            None => run::spinner(),
        };
        let done = Arc::new(Mutex::new(ImportProgress::default()));
        let mut outlets = outlets(&bar, &done);
        if let Some((_, file)) = &rejected {
            outlets.rejects = Box::new(file.try_clone()?);
        }
        let (engine, actor, path) = (office.engine(), &office.actor, self.file.as_path());
        let kept = || rejected.as_ref().filter(|(path, file)| keep_or_remove(path, file)).map(|(path, _)| *path);
        if self.dry_run {
            let found = office.desk.work(engine.check_import(actor, source, options, outlets));
            bar.finish_and_clear();
            let kept = kept();
            let found = found.map_err(|source| broken(path, ImportProgress::default(), source))?;
            return match answer.format() {
                Format::Json => answer.document(&check::document(&found, kept)),
                Format::Text => answer.text(&check::words(path, &found, kept)),
            };
        }
        let imported = office.desk.work(engine.import_file(actor, source, options, outlets));
        bar.finish_and_clear();
        let done = *done.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept();
        let (import, report) = imported.map_err(|source| broken(path, done, source))?;
        match answer.format() {
            Format::Json => answer.document(&report::document(Some(import.id), &report, kept)),
            Format::Text => answer.text(&report::words(path, import.id, &report, kept)),
        }
    }
}

/// The file and its size, which is not known of standard input.
fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Stop> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path).map_err(|error| FileFault::stop(path, error))?;
    let size = file.metadata().ok().filter(fs::Metadata::is_file).map(|file| file.len());
    Ok((Box::new(file), size))
}

fn outlets(bar: &ProgressBar, done: &Arc<Mutex<ImportProgress>>) -> ImportOutlets {
    let (bar, done) = (bar.clone(), Arc::clone(done));
    let progress = move |counts: &ImportProgress| {
        if let Some(all) = counts.pace.of_bytes {
            // A workbook has other bytes once it is unpacked.
            bar.set_length(all);
        }
        bar.set_position(counts.pace.bytes);
        bar.set_message(under_way(counts));
        *done.lock().unwrap_or_else(PoisonError::into_inner) = *counts;
    };
    ImportOutlets { progress: Box::new(progress), ..ImportOutlets::default() }
}

/// What is told beside the bar: of the rate and the rest as much as is known.
fn under_way(counts: &ImportProgress) -> String {
    let mut text = format!("{} rows, {} new, {} rejected", counts.rows, counts.created, counts.rejected);
    if let Some(rate) = counts.pace.rows_per_second {
        text.push_str(&format!(", {rate} rows/s"));
    }
    if let Some(seconds) = counts.pace.seconds_left {
        text.push_str(&format!(", {}:{:02} left", seconds / 60, seconds % 60));
    }
    text
}

/// Whether the file of rejected rows holds any; an empty one goes.
fn keep_or_remove(path: &Path, file: &File) -> bool {
    let holds = file.metadata().is_ok_and(|file| file.len() > 0);
    if !holds {
        // It was made by us a moment ago.
        let _ = fs::remove_file(path);
    }
    holds
}

fn broken(path: &Path, done: ImportProgress, source: ImportError) -> Stop {
    if matches!(source, ImportError::Untold) {
        return Stop::usage(Untold(source));
    }
    let file = path.display().to_string();
    Stop::failed(match done.rows {
        0 => Broken::Whole { file, source },
        rows => Broken::Part { file, rows, source },
    })
}
