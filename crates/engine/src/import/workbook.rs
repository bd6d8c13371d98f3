//! An Excel workbook (XLSX) as the rows of its first visible sheet that has any, for whoever reads rows of text.
//!
//! A workbook is a ZIP archive whose parts are read in an order of their own, so it is spooled to a temporary file, and its
//! rows to another. What separates their cells is [`SEPARATOR`], which no text has, so that nothing has to be guessed of them.
//! Empty rows between others are kept, those above the first are not: from there on rows have the numbers that the spreadsheet
//! shows. How large a sheet says that it is counts for nothing: a border around the last cell of a sheet makes it a million rows.
//!
//! | cell | read as |
//! |---|---|
//! | text | the text |
//! | number | its digits, without a point where it is whole: a phone that is a number stays one |
//! | date, time | `2026-11-27`, `2026-11-27 14:30:00`; a length of time as hours, minutes and seconds |
//! | true, false | `TRUE`, `FALSE` |
//! | error (`#N/A`) | nothing |
//!
//! Memory is bounded by the workbook's table of shared texts ([`MAX_SHARED_BYTES`]), which has to be held as a whole. What an
//! archive unpacks to is counted before anything of it is believed, and so is what its rows become: one text may stand in many cells.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};

use calamine::{DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use super::ImportError;

/// What separates the cells: the unit separator of ASCII, which neither a spreadsheet nor a person writes.
pub(super) const SEPARATOR: u8 = 0x1f;
/// What an archive begins with.
pub(super) const MARK: &[u8] = b"PK\x03\x04";
/// The largest table of shared texts, unpacked, in bytes.
pub const MAX_SHARED_BYTES: u64 = 256 * 1024 * 1024;
/// The largest sheet, unpacked, in bytes: a million rows of twenty cells.
const MAX_SHEET_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// The largest of the other parts, unpacked, in bytes.
const MAX_PART_BYTES: u64 = 64 * 1024 * 1024;
/// All parts together, unpacked, in bytes.
const MAX_WHOLE_BYTES: u64 = 6 * 1024 * 1024 * 1024;
/// The most that the rows may become, in bytes: two thousand for each of a million.
const MAX_ROWS_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// The longest text of a cell with its markup, in bytes. Excel itself takes 32,767 characters.
const MAX_CELL_BYTES: u64 = 1024 * 1024;
/// The rows and the columns of a sheet, as Excel has them.
const MAX_PLACE: (u32, u32) = (1_048_576, 16_384);

/// Why a workbook is not read.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// A part unpacks to more than is taken.
    #[error("its part {part} unpacks to more than {most} bytes")]
    TooLarge {
        /// Which.
        part: String,
        /// The most that is taken.
        most: u64,
    },
    /// The rows become more than is taken.
    #[error("its rows have more than {MAX_ROWS_BYTES} bytes")]
    RowsTooLarge,
    /// A cell is where no sheet has one.
    #[error("it has a cell in row {row}, column {column}, where no sheet has one")]
    Beyond {
        /// Its row, from 1.
        row: u64,
        /// Its column, from 1.
        column: u64,
    },
    /// A cell is longer than is taken.
    #[error("a text in its part {part} is longer than {MAX_CELL_BYTES} bytes")]
    CellTooLong {
        /// Where.
        part: String,
    },
    /// No visible sheet has a row.
    #[error("none of its visible sheets has a row")]
    NoRows,
    /// The archive is damaged.
    #[error("it is damaged")]
    Archive(#[from] zip::result::ZipError),
    /// What is in it is damaged.
    #[error("it is damaged")]
    Parts(#[from] calamine::XlsxError),
}

/// The rows of a workbook as a stream of text. Blocks.
///
/// # Errors
/// [`ImportError::Binary`] for an archive that is none, [`ImportError::Workbook`] for one that cannot be read.
pub(super) fn rows(source: impl Read) -> Result<File, ImportError> {
    let spooled = spool(source).map_err(ImportError::Read)?;
    let copy = spooled.try_clone().map_err(ImportError::Read)?;
    let damaged = |_| ImportError::Binary { what: "a damaged Excel workbook or ZIP archive" };
    is_sound(ZipArchive::new(BufReader::new(copy)).map_err(damaged)?)?;
    let workbook = Xlsx::new(BufReader::new(spooled)).map_err(WorkbookError::Parts)?;
    let mut file = written(workbook)?;
    file.seek(SeekFrom::Start(0)).map_err(ImportError::Read)?;
    Ok(file)
}

fn spool(mut source: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut source, &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Unpacks everything to nowhere, and counts it: which parts are sheets says the archive itself.
fn is_sound(mut archive: ZipArchive<BufReader<File>>) -> Result<(), ImportError> {
    let (mut is_workbook, mut left) = (false, MAX_WHOLE_BYTES);
    for place in 0..archive.len() {
        let entry = archive.by_index(place).map_err(WorkbookError::Archive)?;
        let part = entry.name().map_err(WorkbookError::Archive)?.to_ascii_lowercase();
        is_workbook |= part == "xl/workbook.xml";
        let limits = Limits::of(&part, left);
        left -= limits.measure(entry.take(limits.bytes + 1), &part)?;
    }
    if is_workbook { Ok(()) } else { Err(ImportError::Binary { what: "a ZIP archive" }) }
}

/// What a part may unpack to.
struct Limits {
    bytes: u64,
    /// The longest run without markup.
    run: u64,
}

impl Limits {
    /// Of a part, where so many bytes may still come in all.
    fn of(part: &str, left: u64) -> Self {
        let is_text = part.ends_with(".xml") || part.ends_with(".rels");
        let bytes = match part {
            _ if part.ends_with("sharedstrings.xml") => MAX_SHARED_BYTES,
            _ if part.starts_with("xl/worksheets/") && is_text => MAX_SHEET_BYTES,
            _ => MAX_PART_BYTES,
        };
        Self { bytes: bytes.min(left), run: if is_text { MAX_CELL_BYTES } else { bytes } }
    }

    /// How many bytes the part has.
    fn measure(&self, mut part: impl Read, name: &str) -> Result<u64, ImportError> {
        let (mut total, mut run) = (0u64, 0u64);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = part.read(&mut buffer).map_err(|error| WorkbookError::Archive(error.into()))?;
            if count == 0 {
                return Ok(total);
            }
            total += count as u64;
            if total > self.bytes {
                return Err(WorkbookError::TooLarge { part: name.to_owned(), most: self.bytes }.into());
            }
            for byte in &buffer[..count] {
                run = if *byte == b'<' { 0 } else { run + 1 };
                if run > self.run {
                    return Err(WorkbookError::CellTooLong { part: name.to_owned() }.into());
                }
            }
        }
    }
}

/// Writes the rows of the first visible sheet that has any.
fn written(mut workbook: Xlsx<BufReader<File>>) -> Result<File, ImportError> {
    let sheets = workbook.sheets_metadata().iter();
    let seen = sheets.filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = seen.map(|sheet| sheet.name.clone()).collect();
    for name in names {
        let mut cells = workbook.worksheet_cells_reader(&name).map_err(WorkbookError::Parts)?;
        let mut rows = Rows::new()?;
        while let Some(cell) = cells.next_cell().map_err(WorkbookError::Parts)? {
            let (row, column) = cell.get_position();
            rows.put(row, column, &text(cell.get_value()))?;
        }
        if let Some(file) = rows.end()? {
            return Ok(file);
        }
    }
    Err(WorkbookError::NoRows.into())
}

/// Rows on their way into a file.
struct Rows {
    writer: csv::Writer<BufWriter<File>>,
    /// The row that is being written, from 0.
    row: u32,
    /// Its cells so far.
    cells: u32,
    /// How many cells the first row has; 0 before it. The others have at least as many.
    width: u32,
    /// Bytes so far, separators among them.
    bytes: u64,
}

impl Rows {
    /// In every row stands a separator, also in one that is empty.
    const LEAST: u32 = 2;

    fn new() -> Result<Self, ImportError> {
        let file = tempfile::tempfile().map_err(ImportError::Read)?;
        let mut builder = csv::WriterBuilder::new();
        let writer = builder.delimiter(SEPARATOR).flexible(true).from_writer(BufWriter::new(file));
        Ok(Self { writer, row: 0, cells: 0, width: 0, bytes: 0 })
    }

    fn field(&mut self, text: &str) -> Result<(), ImportError> {
        self.cells += 1;
        self.bytes += text.len() as u64 + 1;
        if self.bytes > MAX_ROWS_BYTES {
            return Err(WorkbookError::RowsTooLarge.into());
        }
        self.writer.write_field(text).map_err(failed)
    }

    /// A cell, which comes after those that were put before it. What is empty is filled in where something follows.
    fn put(&mut self, row: u32, column: u32, text: &str) -> Result<(), ImportError> {
        if text.is_empty() {
            return Ok(());
        }
        if row >= MAX_PLACE.0 || column >= MAX_PLACE.1 {
            return Err(WorkbookError::Beyond { row: u64::from(row) + 1, column: u64::from(column) + 1 }.into());
        }
        if self.width == 0 && self.cells == 0 {
            self.row = row;
        }
        while self.row < row {
            self.close()?;
        }
        while self.cells < column {
            self.field("")?;
        }
        self.field(text)
    }

    fn close(&mut self) -> Result<(), ImportError> {
        if self.width == 0 {
            self.width = self.cells.max(Self::LEAST);
        }
        let least = if self.cells == 0 { Self::LEAST } else { self.width };
        while self.cells < least {
            self.field("")?;
        }
        (self.row, self.cells) = (self.row + 1, 0);
        self.writer.write_record(None::<&[u8]>).map_err(failed)
    }

    /// The file; nothing if no cell held anything.
    fn end(mut self) -> Result<Option<File>, ImportError> {
        if self.width == 0 && self.cells == 0 {
            return Ok(None);
        }
        self.close()?;
        let mut buffer = self.writer.into_inner().map_err(|error| ImportError::Read(error.into_error()))?;
        buffer.flush().map_err(ImportError::Read)?;
        buffer.into_inner().map(Some).map_err(|error| ImportError::Read(error.into_error()))
    }
}

fn failed(error: csv::Error) -> ImportError {
    ImportError::Read(io::Error::other(error))
}

fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) => plain(text),
        DataRef::SharedString(text) => plain(text),
        DataRef::Bool(true) => "TRUE".to_owned(),
        DataRef::Bool(false) => "FALSE".to_owned(),
        DataRef::DateTime(at) => moment(at),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => plain(text),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// A text without what separates.
fn plain(text: &str) -> String {
    text.replace(char::from(SEPARATOR), " ")
}

fn moment(at: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    if at.is_duration() {
        // Seconds in whole: a day is one in the sheet's arithmetic.
        let seconds = (at.as_f64() * 86_400.0).round().clamp(0.0, 1e12);
        return format!(
            "{:.0}:{:02.0}:{:02.0}",
            (seconds / 3_600.0).floor(),
            (seconds / 60.0).floor() % 60.0,
            seconds % 60.0
        );
    }
    if at.as_f64() < 1.0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let midnight = (hour, minute, second) == (0, 0, 0);
    if midnight { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
}

#[cfg(test)]
mod tests;
