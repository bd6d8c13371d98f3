//! Importing contacts from CSV or an Excel workbook: a stream of rows, each taken or rejected with a reason.
//!
//! ```text
//! source ─ text ─ separator ─ sheet ─ columns ─ row ─ chunk ──flume──► change set ─ merge (some in one transaction, lane of bulk work)
//!          └ workbook ┘                                                           └ check (one read each: nothing is changed)
//!          └──────────── one blocking thread ────────────┘
//! ```
//!
//! A file may have a million rows: in memory are one row, the few chunks that wait, eight bytes for
//! each phone seen, and the first [`MAX_KEPT`] rejects and warnings. What a chunk has saved stays
//! saved, and how far its import is with it (`run`): a run that was broken off is gone on with behind it.

mod agreed;
mod behind;
mod change_set;
pub mod check;
mod chunk;
mod columns;
mod heirs;
mod merge;
mod pace;
pub(crate) mod phones;
pub mod preview;
mod reading;
mod row;
mod run;
pub(crate) mod runs;
mod saving;
mod separator;
mod sheet;
mod text;
mod trace;
pub(crate) mod undo;
mod workbook;

use std::fmt;
use std::io::{self, Read, Write};

use domain::access::Permission;
use domain::ids::{ImportId, LabelId, WorkspaceId};
use domain::phone::Region;
use serde::{Deserialize, Serialize};
use store::imports::Import;
use store::{DbError, Lane};

use crate::actor::{Actor, Forbidden};
use crate::contacts::{ContactError, DEFAULT_REGION, FieldError};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::labels::LabelError;
pub use agreed::{FileConsent, NoRecord, Part};
use behind::Behind;
use change_set::Tally;
pub use columns::{Column, MAX_COLUMNS, MAX_PHONES, Meaning, Target};
use merge::Rule;
pub use pace::Pace;
use reading::Reading;
pub use row::{BadPhone, RowError, RowWarning};
use run::Held;
pub use text::{Encoding, MAX_ROW_BYTES};
pub use workbook::{MAX_SHARED_BYTES, WorkbookError};

/// How many rejects and how many warnings the report keeps; all rejects go to their file.
pub const MAX_KEPT: usize = 100;

/// What happens to a contact that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDuplicate {
    /// Its empty fields are filled.
    #[default]
    FillEmpty,
    /// Its fields are overwritten by what the file has; a blank cell overwrites nothing.
    Overwrite,
}

/// How a file is imported.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Decides about phones without a country code.
    pub region: Region,
    /// What happens to contacts that are there already.
    pub on_duplicate: OnDuplicate,
    /// Headers, in any spelling, and what they shall mean; the others are guessed.
    pub mapping: Vec<(String, Target)>,
    /// The import that the contacts it makes are marked with.
    pub import: Option<ImportId>,
    /// The label that all its contacts get, also those that are there already.
    pub label: Option<LabelId>,
    /// The name of the list that they are put on; it is made if there is none. Empty for none.
    pub list: String,
    /// What is said of the consent of all its rows.
    pub consent: FileConsent,
    /// Whether somebody said that none is recorded.
    pub no_consent: bool,
    /// The name of the file, which records of consent keep.
    pub file: Option<String>,
    /// How many bytes the source has, if that is known.
    pub bytes: Option<u64>,
    /// Whether names in capitals, or all small, are written as people write them ([`domain::capitals`]).
    pub recase: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            region: DEFAULT_REGION,
            on_duplicate: OnDuplicate::default(),
            mapping: Vec::new(),
            import: None,
            label: None,
            list: String::new(),
            consent: FileConsent::default(),
            no_consent: false,
            file: None,
            bytes: None,
            recase: false,
        }
    }
}

/// What is told after each transaction.
type Progress = Box<dyn FnMut(&ImportProgress) + Send>;

/// Where an import tells what it does while it runs.
pub struct ImportOutlets {
    /// Gets the rejected rows as CSV: their cells, row, line and reason. Nothing if none is rejected.
    pub rejects: Box<dyn Write + Send>,
    /// Is called after each transaction.
    pub progress: Progress,
}

impl Default for ImportOutlets {
    fn default() -> Self {
        Self { rejects: Box::new(io::sink()), progress: Box::new(|_| {}) }
    }
}

impl fmt::Debug for ImportOutlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImportOutlets")
    }
}

/// A run of an import: how far it is, who is told, and the import that it has in hand, where one is on file.
struct Run {
    counts: ImportProgress,
    held: Option<Held>,
    progress: Progress,
    behind: Behind,
}

impl Run {
    /// Behind what the import says that is done.
    fn of(engine: &Engine, workspace: WorkspaceId, import: &Import) -> Self {
        let counts: ImportProgress = crate::imports::read(&import.counts);
        let behind = Behind::new(engine.clone(), workspace, counts.created);
        Self { counts, held: Some(Held::of(import)), progress: Box::new(|_| {}), behind }
    }
}

/// How far an import is. Rows are rows of the file; contacts are phones, each counted where it stands
/// in the file for the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportProgress {
    /// Rows read, without blank ones and the column names.
    pub rows: u64,
    /// Rows without any value.
    pub blank: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Warnings about rows that were taken.
    pub warned: u64,
    /// Names that were in capitals, or all small, and are written as people write them.
    pub recased: u64,
    /// Rows that were taken and of which no consent could be recorded; nothing in imports from before it was counted.
    pub without_consent: Option<u64>,
    /// Phones that stood further up in the file; they fill empty fields at most.
    pub duplicates: u64,
    /// Contacts made.
    pub created: u64,
    /// Contacts that were there and got new values.
    pub updated: u64,
    /// Contacts that were there and had all of it.
    pub unchanged: u64,
    /// Records of consent that were added.
    pub consents: u64,
    /// How far and how fast it is, while it runs.
    #[serde(skip_serializing_if = "Pace::is_unknown")]
    pub pace: Pace,
}

impl ImportProgress {
    /// After one more chunk.
    fn with(self, read: &chunk::Read, contacts: Tally, consents: u64) -> Self {
        Self {
            rows: read.rows,
            blank: read.blank,
            rejected: read.rejected,
            warned: read.warned,
            recased: read.recased,
            without_consent: Some(read.without_consent),
            duplicates: read.duplicates,
            created: self.created + contacts.created,
            updated: self.updated + contacts.updated,
            unchanged: self.unchanged + contacts.unchanged,
            consents: self.consents + consents,
            pace: self.pace,
        }
    }
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Its number, as a spreadsheet counts if the file has no blank lines; the column names are row 1.
    pub row: u64,
    /// The line of the file that it begins on, from 1; the first of the blank lines before it, if any.
    pub line: u64,
    /// Why.
    pub reason: RowError,
}

/// A row that was taken, and what a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warned {
    /// Its number, as [`Reject::row`].
    pub row: u64,
    /// The line of the file that it begins on, from 1; the first of the blank lines before it, if any.
    pub line: u64,
    /// What.
    pub warning: RowWarning,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// The counts.
    pub counts: ImportProgress,
    /// How the file was read.
    pub encoding: Encoding,
    /// What separated its cells.
    pub separator: char,
    /// What its columns meant.
    pub columns: Vec<Column>,
    /// The first [`MAX_KEPT`] rejected rows.
    pub rejects: Vec<Reject>,
    /// The first [`MAX_KEPT`] warnings.
    pub warnings: Vec<Warned>,
}

/// Why a file is not imported, or not to its end: what was saved before stays saved.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The actor lacks the permission.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A quotation mark that is never closed.
    #[error("row {row}: a quotation mark is never closed, so the {lines} lines from there on were read as one value")]
    QuoteOpen {
        /// The row, from 1.
        row: u64,
        /// How many lines.
        lines: usize,
    },
    /// Somebody canceled it. What was saved stays.
    #[error("the import was canceled")]
    Canceled,
    /// It did not move for a minute, so somebody else has gone on with it or ended it. What was saved stays.
    #[error("the import did not move for a minute, so it was taken for broken off; its page says what became of it")]
    Taken,
    /// No bytes, or no column names in the first row.
    #[error("the file is empty, or its first row has no column names")]
    Empty,
    /// Column names and nothing below.
    #[error("the file has column names and no rows below them")]
    NoRows,
    /// Not text.
    #[error("the file is {what}; save it as CSV (UTF-8) and import that")]
    Binary {
        /// What it is.
        what: &'static str,
    },
    /// A workbook that cannot be read.
    #[error("the Excel workbook cannot be read; save it as CSV (UTF-8) and import that")]
    Workbook(#[from] WorkbookError),
    /// Whoever brings people in says how they agreed, or that nobody knows.
    #[error("nobody says how the people in the file agreed to be texted, nor that no consent is recorded")]
    Untold,
    /// It cannot be both.
    #[error("it is said how the people in the file agreed, and that no consent is recorded: say one of the two")]
    ToldTwice,
    /// What is said of the consent of all rows makes no record.
    #[error("of the consent of everybody in the file: {0}")]
    Consent(NoRecord),
    /// There cannot be such a list.
    #[error(transparent)]
    List(#[from] LabelError),
    /// No column is a phone.
    #[error("no column is a phone; the first row has {headers}; name the column with the phones \"Phone\", or map it")]
    NoPhoneColumn {
        /// The headers.
        headers: String,
    },
    /// Two columns mean the same field.
    #[error("the column {name:?} is there twice, as column {first} and as column {second}; rename or remove one")]
    ColumnTwice {
        /// Its name.
        name: String,
        /// Where first, from 1.
        first: usize,
        /// Where again.
        second: usize,
    },
    /// More columns than a contact has fields.
    #[error("the file has {columns} columns; {MAX_COLUMNS} is the most")]
    TooManyColumns {
        /// How many.
        columns: usize,
    },
    /// The mapping names a column that the file does not have.
    #[error("the mapping names the column {header:?}, which the file does not have")]
    MappingUnknown {
        /// The column.
        header: String,
    },
    /// The mapping names a field that cannot be.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The columns need more fields of the workspace's own than it may have.
    #[error("a column cannot become a field; map it to another field or to nothing")]
    Column(#[source] ContactError),
    /// A row is longer than [`MAX_ROW_BYTES`].
    #[error("the row on line {line} is longer than {MAX_ROW_BYTES} bytes; a quotation mark is probably never closed")]
    RowTooLong {
        /// Where it begins, from 1.
        line: u64,
    },
    /// The source failed.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// The file of rejected rows failed.
    #[error("the rejected rows cannot be written")]
    Rejects(#[source] io::Error),
    /// Somebody else imports the same contacts again and again.
    #[error("others make the same contacts at the same time; import the file again")]
    Raced,
    /// The program ends.
    #[error("the program is ending; import the file again")]
    Ending,
    /// The database failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ImportError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Imports contacts. `source` is read on a blocking thread, some chunks ahead. What people get goes through [`Engine::import_file`] or
    /// [`Engine::run_import`], which keep the import.
    ///
    /// # Errors
    /// See [`ImportError`]. A bad row is no error: it is rejected, and the report says why.
    pub async fn import_contacts(
        &self,
        actor: &Actor,
        source: impl Read + Send + 'static,
        options: ImportOptions,
        outlets: ImportOutlets,
    ) -> Result<ImportReport, ImportError> {
        actor.need(Permission::ContactsWrite)?;
        let reading = self.read_file(actor.workspace(), source, &options, outlets.rejects).await?;
        let (counts, behind) = (ImportProgress::default(), Behind::new(self.clone(), actor.workspace(), 0));
        let mut run = Run { counts, held: None, progress: outlets.progress, behind };
        let done = self.take_in(actor, reading, Rule::of(&options), &mut run).await;
        run.behind.ended().await;
        done
    }

    /// Imports a file that is being read, behind the rows that are done.
    async fn take_in(
        &self,
        actor: &Actor,
        reading: Reading,
        rule: Rule,
        run: &mut Run,
    ) -> Result<ImportReport, ImportError> {
        let _running = run.held.map(|held| self.runs().begin(held.id));
        let watched = self.watch_growth();
        let counts = self.merge_all(actor, &reading, rule, run).await?;
        let report = reading.ended(counts).await?;
        let beat = self.beat(actor);
        self.write(Lane::Bulk, move |tx| beat.note(tx, "contacts.imported", None, &counts)).await?;
        drop(watched);
        self.refresh_statistics().await;
        Ok(report)
    }
}

/// The rows of a workbook as a stream of text, which an import reads as it reads any other; nothing for what is no workbook. For
/// whoever reads a file more than once: it is unpacked once. Blocks.
///
/// # Errors
/// See [`ImportError`].
pub fn unpacked(mut source: impl Read + io::Seek) -> Result<Option<std::fs::File>, ImportError> {
    let mut mark = Vec::new();
    source.by_ref().take(workbook::MARK.len() as u64).read_to_end(&mut mark).map_err(ImportError::Read)?;
    source.seek(io::SeekFrom::Start(0)).map_err(ImportError::Read)?;
    if mark == workbook::MARK { workbook::rows(source).map(Some) } else { Ok(None) }
}

/// Runs on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
) -> Result<T, ImportError> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// The result of a thread; its panic goes on here.
fn joined<T>(result: Result<Result<T, ImportError>, tokio::task::JoinError>) -> Result<T, ImportError> {
    match result {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ImportError::Ending),
        },
    }
}
