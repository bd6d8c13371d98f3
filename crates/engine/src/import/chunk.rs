//! What the reading thread hands to the database: some hundred phones that were decided, with the
//! counts so far. Rejected rows go to their file here and no further.

use std::collections::HashSet;
use std::io::Write;

use domain::ids::WorkspaceId;
use domain::phone::Phone;

use super::agreed::{Agreed, Premise};
use super::columns::REJECT_COLUMNS;
use super::row::{self, Decided, RowError, RowWarning};
use super::sheet::{Quotes, Row, Sheet};
use super::text::Reading;
use super::{ImportError, MAX_KEPT, Reject, Warned};
use crate::contacts::phone_hash;

/// Most phones of a chunk: also where all of them are there and change, it keeps the database for less than 50 ms.
const CHUNK_PHONES: usize = 500;
/// About as many bytes of values a chunk may have.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Most phones of a file that are remembered to tell repeats, eight bytes each. Beyond it a repeat is
/// merged like any contact that is there already.
pub(super) const MAX_REMEMBERED: usize = 4_000_000;

/// Whether a phone stood further up in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    First,
    Again,
}

/// A phone of a row.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) phone: Phone,
    pub(super) hash: i64,
    pub(super) turn: Turn,
}

/// One row that was taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// Its number, as a spreadsheet counts.
    pub(super) row: u64,
    pub(super) entries: Vec<Entry>,
    pub(super) fields: Vec<(String, String)>,
    /// Names of these that the file has in capitals, as they stand there.
    pub(super) recased: Vec<(String, String)>,
    /// The consent that is recorded for each of its phones.
    pub(super) consent: Option<Agreed>,
}

/// Rows that are saved whole, and how far the file is read with them.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Taken>,
    pub(super) read: Read,
}

impl Chunk {
    /// The phones of its rows in E.164, each once and in order.
    pub(super) fn phones(&self) -> Vec<String> {
        let mut texts: Vec<String> =
            self.rows.iter().flat_map(|row| &row.entries).map(|one| one.phone.to_string()).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}

/// What the reading thread has counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Read {
    pub(super) rows: u64,
    pub(super) blank: u64,
    pub(super) rejected: u64,
    pub(super) warned: u64,
    pub(super) recased: u64,
    pub(super) without_consent: u64,
    pub(super) duplicates: u64,
    /// Bytes of the file, and how many it has.
    pub(super) bytes: (u64, Option<u64>),
}

/// What the reading thread keeps for the report.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) read: Read,
    pub(super) rejects: Vec<Reject>,
    pub(super) warnings: Vec<Warned>,
}

/// The reading thread.
pub(super) struct Reader {
    sheet: Sheet,
    premise: Premise,
    workspace: WorkspaceId,
    rejects: csv::Writer<Box<dyn Write + Send>>,
    seen: HashSet<i64>,
    summary: Summary,
}

impl Reader {
    pub(super) fn new(sheet: Sheet, premise: Premise, workspace: WorkspaceId, rejects: Box<dyn Write + Send>) -> Self {
        let rejects = csv::WriterBuilder::new().flexible(true).from_writer(rejects);
        Self { sheet, premise, workspace, rejects, seen: HashSet::new(), summary: Summary::default() }
    }

    /// Reads the file to its end. Stops early, without an error, if nobody wants the chunks any more.
    pub(super) fn run(mut self, out: &flume::Sender<Chunk>) -> Result<Summary, ImportError> {
        let (mut chunk, mut phones, mut bytes) = (Chunk::default(), 0, 0);
        while let Some(row) = self.sheet.next()? {
            if let Some(taken) = self.take(&row)? {
                phones += taken.entries.len();
                bytes += row.cells.iter().map(String::len).sum::<usize>() * taken.entries.len();
                chunk.rows.push(taken);
            }
            if phones >= CHUNK_PHONES || bytes >= CHUNK_BYTES {
                let full = Chunk { read: self.read(), ..std::mem::take(&mut chunk) };
                if out.send(full).is_err() {
                    return Ok(self.summary);
                }
                (phones, bytes) = (0, 0);
            }
        }
        self.rejects.flush().map_err(ImportError::Rejects)?;
        if self.summary.read.rows == 0 {
            return Err(ImportError::NoRows);
        }
        let _ = out.send(Chunk { read: self.read(), ..chunk });
        Ok(self.summary)
    }

    /// How far it is.
    fn read(&self) -> Read {
        Read { bytes: self.sheet.extent.told(), ..self.summary.read.clone() }
    }

    /// Decides about a row, counts it, and writes it to the rejected ones if it is.
    fn take(&mut self, row: &Row) -> Result<Option<Taken>, ImportError> {
        let decided = match row.quotes {
            Quotes::Open { lines } => Err(RowError::QuoteOpen { lines }),
            Quotes::Closed => row::decide(&row.cells, &self.sheet.columns, &self.premise),
        };
        let decided = match decided {
            Ok(Some(decided)) => decided,
            Ok(None) => {
                self.summary.read.blank += 1;
                return Ok(None);
            }
            Err(reason) => {
                self.summary.read.rows += 1;
                self.reject(row, &Reject { row: row.row, line: row.line, reason })?;
                return Ok(None);
            }
        };
        self.summary.read.rows += 1;
        let encoding = (row.reading == Reading::Windows1252).then_some(RowWarning::Windows1252);
        let Decided { phones, fields, recased, consent, warnings } = decided;
        self.summary.read.recased += recased.len() as u64;
        self.summary.read.without_consent += u64::from(consent.is_none());
        for warning in encoding.into_iter().chain(warnings) {
            self.summary.read.warned += 1;
            if self.summary.warnings.len() < MAX_KEPT {
                self.summary.warnings.push(Warned { row: row.row, line: row.line, warning });
            }
        }
        let entries = phones.into_iter().map(|phone| self.entry(phone)).collect();
        Ok(Some(Taken { row: row.row, entries, fields, recased, consent }))
    }

    fn entry(&mut self, phone: Phone) -> Entry {
        let hash = phone_hash(self.workspace, phone);
        let is_new = if self.seen.len() < MAX_REMEMBERED { self.seen.insert(hash) } else { !self.seen.contains(&hash) };
        if !is_new {
            self.summary.read.duplicates += 1;
        }
        Entry { phone, hash, turn: if is_new { Turn::First } else { Turn::Again } }
    }

    /// The row as it came, with its place and the reason after its cells.
    fn reject(&mut self, row: &Row, reject: &Reject) -> Result<(), ImportError> {
        let columns = self.sheet.columns.len();
        let failed = |error: csv::Error| ImportError::Rejects(std::io::Error::other(error));
        if self.summary.read.rejected == 0 {
            let headers = self.sheet.columns.iter().map(|column| column.header.as_str());
            self.rejects.write_record(headers.chain(REJECT_COLUMNS)).map_err(failed)?;
        }
        self.summary.read.rejected += 1;
        let place = [row.row.to_string(), row.line.to_string(), reject.reason.to_string()];
        let blank = std::iter::repeat_n("", columns.saturating_sub(row.cells.len()));
        let (inside, beyond) = row.cells.split_at(columns.min(row.cells.len()));
        let cells = inside.iter().map(String::as_str).chain(blank);
        let all = cells.chain(place.iter().map(String::as_str)).chain(beyond.iter().map(String::as_str));
        self.rejects.write_record(all).map_err(failed)?;
        if self.summary.rejects.len() < MAX_KEPT {
            self.summary.rejects.push(reject.clone());
        }
        Ok(())
    }
}
