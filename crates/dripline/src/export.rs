//! A whole workspace as one ZIP archive: every part as CSV, for spreadsheets, and as lines of JSON, for programs.
//!
//! The archive is made while it is read: each call of [`Archive::next`] gives some bytes of it, so that it needs neither memory nor
//! disk, however large the workspace is. A file that grows too large for a spreadsheet goes on in another.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::export::TakeError;
use engine::{Actor, Engine};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use store::export::{PARTS, Part, Place};
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};

use crate::problem::Problem;
use crate::web::csv::Csv;

/// Most rows of one file: a spreadsheet has 1,048,576.
const ROWS: u64 = 1_000_000;
/// About how many bytes one file has at most: from 4 GiB on, some programs cannot open it.
const BYTES: u64 = 2 * 1024 * 1024 * 1024;

const README: &str = "\
All data of a Dripline workspace.

csv/NAME.csv      for spreadsheets: UTF-8, a head with the names of the columns, every cell quoted. What a
                  spreadsheet would run as a formula begins with an apostrophe.
json/NAME.jsonl   for programs: one JSON object a line, nothing changed.
manifest.json     what each file holds, how many rows it has, and when it was read.

Both forms hold the same rows. A file of more than a million rows goes on in NAME-2, NAME-3 and so on.
Times are in UTC (RFC 3339). Columns that end in `micros`, prices and carrier costs are millionths of a
dollar or of the currency beside them; in `accounts` and `transfers` the column `unit` says what is
counted. The `subject` of a transfer is the identifier of the enrollment, the message, the payment or
the month that it is about, without the letters before it. A `phone_hash` ties what outlives a contact
to its phone.

Left out are passwords, secrets and their hashes, credentials at carriers, and what can be counted from
the rest. Rows were read one after another while the workspace was at work: each is whole, and two may
be of different instants between the times that manifest.json names.
";

/// Why an archive broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The data could not be read.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// The archive could not be written.
    #[error("the archive could not be written")]
    Zip(#[from] ZipError),
    /// A file of it could not be written.
    #[error("a file of the archive could not be written")]
    Io(#[from] io::Error),
}

impl From<TakeError> for Problem {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Forbidden(cause) => cause.into(),
            TakeError::Failure(cause) => cause.into(),
        }
    }
}

/// What the archive of a workspace is named: letters and digits of its name, and the day.
pub(crate) fn file_name(workspace: &str, at: Timestamp) -> String {
    let plain = workspace.chars().map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { ' ' });
    let words = plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join("-");
    let name = if words.is_empty() { "workspace" } else { &words };
    format!("{name}-{}.zip", at.strftime("%Y-%m-%d"))
}

/// What was written and not yet taken.
#[derive(Clone, Default)]
struct Drain(Arc<Mutex<Vec<u8>>>);

impl Drain {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Drain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The two forms of a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
}

/// A file of the archive that is being written.
struct Open {
    path: String,
    nth: u32,
    rows: u64,
    bytes: u64,
}

/// Where the archive is.
enum At {
    Start,
    /// In a part, which goes on behind a place.
    Part(usize, Form, Place, Open),
    /// Every part is in it.
    Parts,
}

/// An archive on its way.
pub(crate) struct Archive {
    engine: Engine,
    actor: Actor,
    zip: Option<ZipWriter<StreamWriter<Drain>>>,
    drain: Drain,
    at: At,
    began: Timestamp,
    files: Vec<Value>,
    rows: u64,
}

impl Archive {
    /// The archive of the actor's workspace.
    pub(crate) fn new(engine: &Engine, actor: &Actor) -> Self {
        let drain = Drain::default();
        Self {
            engine: engine.clone(),
            actor: actor.clone(),
            zip: Some(ZipWriter::new_stream(drain.clone())),
            drain,
            at: At::Start,
            began: engine.now(),
            files: Vec::new(),
            rows: 0,
        }
    }

    /// How many rows were written so far, in one form.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The next bytes of the archive; nothing when it is whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        while let Some(zip) = self.zip.take() {
            self.zip = self.step(zip).await?;
            let bytes = std::mem::take(&mut *self.drain.bytes());
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    async fn step(
        &mut self,
        mut zip: ZipWriter<StreamWriter<Drain>>,
    ) -> Result<Option<ZipWriter<StreamWriter<Drain>>>, ExportError> {
        match std::mem::replace(&mut self.at, At::Parts) {
            At::Start => {
                start(&mut zip, "README.txt")?;
                zip.write_all(README.as_bytes())?;
                self.at = part(&mut zip, 0, Form::Csv)?;
                Ok(Some(zip))
            }
            At::Part(nth, form, after, open) => {
                let page = self.engine.export_page(&self.actor, &PARTS[nth], after).await?;
                let count = page.rows.len() as u64;
                let text = text(&PARTS[nth], form, page.rows);
                zip.write_all(text.as_bytes())?;
                let open = Open { rows: open.rows + count, bytes: open.bytes + text.len() as u64, ..open };
                self.rows += if form == Form::Json { count } else { 0 };
                self.at = match page.next {
                    Some(next) if open.rows < ROWS && open.bytes < BYTES => At::Part(nth, form, next, open),
                    Some(next) => {
                        let further = begin(&mut zip, &PARTS[nth], form, open.nth + 1)?;
                        self.close(nth, &open);
                        At::Part(nth, form, next, further)
                    }
                    None => {
                        self.close(nth, &open);
                        match form {
                            Form::Csv => part(&mut zip, nth, Form::Json)?,
                            Form::Json if nth + 1 < PARTS.len() => part(&mut zip, nth + 1, Form::Csv)?,
                            Form::Json => At::Parts,
                        }
                    }
                };
                Ok(Some(zip))
            }
            At::Parts => {
                start(&mut zip, "manifest.json")?;
                serde_json::to_writer_pretty(&mut zip, &self.manifest()).map_err(io::Error::from)?;
                zip.finish()?;
                Ok(None)
            }
        }
    }

    fn close(&mut self, nth: usize, open: &Open) {
        let about = format!("each row: {}", PARTS[nth].about);
        self.files.push(json!({ "file": open.path, "about": about, "rows": open.rows }));
    }

    fn manifest(&self) -> Value {
        json!({
            "workspace": self.actor.workspace(), "made_by": concat!("Dripline ", env!("CARGO_PKG_VERSION")),
            "began_at": self.began, "ended_at": self.engine.now(), "files": self.files,
        })
    }
}

fn start(zip: &mut ZipWriter<StreamWriter<Drain>>, path: &str) -> Result<(), ZipError> {
    zip.start_file(path, SimpleFileOptions::default())
}

/// The beginning of a part.
fn part(zip: &mut ZipWriter<StreamWriter<Drain>>, nth: usize, form: Form) -> Result<At, ExportError> {
    let open = begin(zip, &PARTS[nth], form, 1)?;
    Ok(At::Part(nth, form, PARTS[nth].start(), open))
}

/// The beginning of a file of a part.
fn begin(zip: &mut ZipWriter<StreamWriter<Drain>>, part: &Part, form: Form, nth: u32) -> Result<Open, ExportError> {
    let name = if nth == 1 { part.name.to_owned() } else { format!("{}-{nth}", part.name) };
    let path = match form {
        Form::Csv => format!("csv/{name}.csv"),
        Form::Json => format!("json/{name}.jsonl"),
    };
    start(zip, &path)?;
    let head = match form {
        Form::Csv => Csv::new(&part.columns().collect::<Vec<_>>()).file(),
        Form::Json => String::new(),
    };
    zip.write_all(head.as_bytes())?;
    Ok(Open { path, nth, rows: 0, bytes: head.len() as u64 })
}

fn text(part: &Part, form: Form, rows: Vec<Vec<Value>>) -> String {
    match form {
        Form::Csv => {
            let mut file = Csv::default();
            for row in rows {
                file.row(&row.into_iter().map(cell).collect::<Vec<_>>());
            }
            file.take()
        }
        Form::Json => {
            let mut text = String::new();
            for row in rows {
                let object: Map<_, _> = part.columns().map(str::to_owned).zip(row).collect();
                text.push_str(&Value::Object(object).to_string());
                text.push('\n');
            }
            text
        }
    }
}

fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
