//! A file that is open: its separator and columns are known, its rows are read one by one.
//!
//! Runs on a blocking thread and holds one row at a time. Says nothing to the database.

use std::io::{Cursor, Read};
use std::sync::Arc;

use super::columns::{self, Column};
use super::text::{self, Capped, Encoding, Extent, Gauge, HEAD, Reading, RowTooLong};
use super::{ImportError, ImportOptions, separator};

/// An open file, after its first row.
pub(super) struct Sheet {
    reader: csv::Reader<Capped>,
    gauge: Arc<Gauge>,
    record: csv::ByteRecord,
    pub(super) encoding: Encoding,
    pub(super) separator: u8,
    pub(super) columns: Vec<Column>,
    /// How much of the file is read: somewhat more than its rows so far, which are read ahead.
    pub(super) extent: Extent,
    /// The rows read so far: the one with the column names is the first.
    row: u64,
    /// Lines of the file before those that the reader counts.
    lines_before: u64,
    /// Whether lines end in CR LF.
    ends: Ends,
}

/// How lines end. The reader counts LF, and sees that of a CR LF as the beginning of the next row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    CrLf,
    Lf,
}

impl Ends {
    /// Those of the first line.
    fn of(head: &[u8]) -> Self {
        let first = head.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        if first > 0 && head[first - 1] == b'\r' { Self::CrLf } else { Self::Lf }
    }
}

/// One row as it stands in the file.
pub(super) struct Row {
    /// Its number, as a spreadsheet counts; the column names are row 1.
    pub(super) row: u64,
    /// The line of the file that it begins on, from 1; the first of the blank lines before it, if any.
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
    pub(super) reading: Reading,
    pub(super) quotes: Quotes,
}

/// Whether the quotation marks of a row come in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    Closed,
    /// The last value goes on to the end of the file, over so many lines.
    Open {
        lines: usize,
    },
}

impl Sheet {
    /// Opens a file, guesses its form and decides about its columns.
    pub(super) fn open(
        source: Box<dyn Read + Send>,
        custom: &[(String, String)],
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        let (mut sheet, headers) = Self::begun(source, options.bytes)?;
        sheet.columns = columns::columns(&headers, custom, &options.mapping)?;
        Ok(sheet)
    }

    /// The column names alone.
    pub(super) fn headers(source: Box<dyn Read + Send>) -> Result<Vec<String>, ImportError> {
        Ok(Self::begun(source, None)?.1)
    }

    /// An open file, past its column names, which are still to be decided about.
    fn begun(source: Box<dyn Read + Send>, bytes: Option<u64>) -> Result<(Self, Vec<String>), ImportError> {
        let (sheet, first) = Self::plain(source, bytes)?;
        let mut headers: Vec<String> = first.cells.iter().map(|cell| crate::contacts::cleaned(cell)).collect();
        let used = headers.iter().rposition(|header| !header.is_empty()).ok_or(ImportError::Empty)?;
        headers.truncate(used + 1);
        Ok((sheet, headers))
    }

    /// An open file and its first row, whatever that is. Of so many bytes, if that is known.
    pub(super) fn plain(source: Box<dyn Read + Send>, bytes: Option<u64>) -> Result<(Self, Row), ImportError> {
        let opened = text::open(source, bytes)?;
        let guess = separator::guess(&opened.head);
        let ends = Ends::of(opened.head.get(guess.skip..).unwrap_or_default());
        let mut head = Cursor::new(opened.head);
        head.set_position(guess.skip as u64);
        let (capped, gauge) = Capped::new(Box::new(head.chain(opened.rest)));
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(guess.byte).buffer_capacity(HEAD);
        let mut sheet = Self {
            reader: builder.from_reader(capped),
            gauge,
            record: csv::ByteRecord::new(),
            encoding: opened.encoding,
            separator: guess.byte,
            columns: Vec::new(),
            extent: opened.extent,
            row: 0,
            lines_before: u64::from(guess.skip > 0),
            ends,
        };
        let first = sheet.next()?.ok_or(ImportError::Empty)?;
        Ok((sheet, first))
    }

    /// The next row; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ImportError> {
        self.gauge.renew();
        let behind = u64::from(self.ends == Ends::CrLf && self.row > 0);
        let line = self.reader.position().line() + self.lines_before + behind;
        let there = self.reader.read_byte_record(&mut self.record).map_err(|error| broken(error, line))?;
        if !there {
            return Ok(None);
        }
        self.row += 1;
        let mut reading = Reading::Utf8;
        let cell = |bytes| {
            let (text, read) = text::cell(bytes);
            if read == Reading::Windows1252 {
                reading = read;
            }
            text.into_owned()
        };
        let cells: Vec<String> = self.record.iter().map(cell).collect();
        let breaks = cells.last().map_or(0, |cell| cell.trim_end().matches('\n').count());
        let is_open = breaks > 0 && self.gauge.ends_unquoted();
        let quotes = if is_open { Quotes::Open { lines: breaks + 1 } } else { Quotes::Closed };
        Ok(Some(Row { row: self.row, line, cells, reading, quotes }))
    }
}

fn broken(error: csv::Error, line: u64) -> ImportError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<RowTooLong>()) => {
            ImportError::RowTooLong { line }
        }
        csv::ErrorKind::Io(error) => ImportError::Read(error),
        // The reader is flexible and reads bytes: it has no other way to fail.
        other => ImportError::Read(std::io::Error::other(csv_text(&other))),
    }
}

fn csv_text(kind: &csv::ErrorKind) -> String {
    format!("{kind:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::text::MAX_ROW_BYTES;
    use proptest::prelude::*;

    fn open(bytes: &[u8]) -> Result<Sheet, ImportError> {
        Sheet::open(Box::new(Cursor::new(bytes.to_vec())), &[], &ImportOptions::default())
    }

    fn rows(bytes: &[u8]) -> Result<Vec<(u64, u64, Vec<String>)>, ImportError> {
        let mut sheet = open(bytes)?;
        let mut rows = Vec::new();
        while let Some(row) = sheet.next()? {
            rows.push((row.row, row.line, row.cells));
        }
        Ok(rows)
    }

    #[test]
    fn rows_have_the_numbers_of_the_spreadsheet_and_the_lines_of_the_file() {
        let got = rows(b"sep=;\r\nPhone;Note\r\n1;\"a\r\nb\"\r\n2;c\r\n").unwrap();
        let cells = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(got, [(2, 3, cells(["1", "a\r\nb"])), (3, 5, cells(["2", "c"]))]);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_found_in_bounded_memory() {
        let mut file = b"Phone,Note\n2125550134,fine\n2125550135,\"open\n".to_vec();
        file.resize(file.len() + 2 * usize::try_from(MAX_ROW_BYTES).unwrap(), b'x');
        assert!(matches!(rows(&file), Err(ImportError::RowTooLong { line: 3 })));
    }

    #[test]
    fn a_value_that_swallows_the_rest_of_a_file_is_told_from_one_of_several_lines() {
        let last = |bytes: &[u8]| {
            let mut sheet = open(bytes).unwrap();
            let mut quotes = Vec::new();
            while let Some(row) = sheet.next().unwrap() {
                quotes.push(row.quotes);
            }
            quotes.pop().unwrap()
        };
        assert_eq!(last(b"Phone,Note\n1,\"open\n2,x\n3,y\n"), Quotes::Open { lines: 3 });
        assert_eq!(last(b"Phone,Note\r\n1,\"open\r\n2,x"), Quotes::Open { lines: 2 });
        for closed in [
            &b"Phone,Note\n1,\"two\nlines\""[..],
            b"Phone,Note\n1,\"two\nlines\"\r\n\r\n",
            b"Phone,Note\n1,\"two\nlines\"\n2,z",
            b"Phone,Note\n1,\"one line",
        ] {
            assert_eq!(last(closed), Quotes::Closed, "{}", String::from_utf8_lossy(closed));
        }
    }

    #[test]
    fn files_without_rows_or_names_say_so() {
        for empty in [&b""[..], b"\xef\xbb\xbf", b"\r\n\r\n", b"\xff\xfe", b",,,\n1,2,3\n"] {
            assert!(matches!(open(empty), Err(ImportError::Empty)), "{empty:?}");
        }
        assert!(matches!(open(b"2125550134,Ann\n"), Err(ImportError::NoPhoneColumn { .. })));
        assert!(rows(b"Phone,Name,,\n").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = rows(&bytes);
        }

        #[test]
        fn no_bytes_below_good_names_panic(
            mark in proptest::sample::select(vec![&b""[..], b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"sep=;\n"]),
            bytes in proptest::collection::vec(proptest::sample::select(b"\"\"\n\r,;|\tPhone1 \x00\xe9\xc3\xa9".to_vec()), 0..400),
        ) {
            let file: Vec<u8> = mark.iter().copied().chain(*b"Phone,Name\n").chain(bytes).collect();
            if let Ok(mut sheet) = open(&file) {
                while let Ok(Some(row)) = sheet.next() {
                    let _ = crate::import::row::decide(&row.cells, &sheet.columns, &crate::import::agreed::premise(crate::import::FileConsent::default()));
                }
            }
        }
    }
}
