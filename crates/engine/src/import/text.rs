//! From the bytes of an upload to bytes that `csv` can read: byte order marks, UTF-16, workbooks, binary files.
//!
//! UTF-8 and Windows-1252 agree on ASCII, and so on separators and quotes: cells of the two are told
//! apart one by one (see [`cell`]), which needs no look at the whole file. Memory is bounded by
//! [`HEAD`] and by the limit of one row.

use std::borrow::Cow;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{ImportError, workbook};

/// How much of a file is looked at to guess its encoding and its separator, in bytes.
pub(super) const HEAD: usize = 64 * 1024;
/// The longest row, in bytes. A quotation mark that is never closed would swallow the whole file.
pub const MAX_ROW_BYTES: u64 = 1024 * 1024;

/// In which encoding a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a mark; cells that are not UTF-8 are read as Windows-1252.
    Utf8,
    /// UTF-16, little end first, by its mark.
    Utf16Le,
    /// UTF-16, big end first, by its mark.
    Utf16Be,
    /// An Excel workbook.
    Workbook,
}

/// The beginning of a file, and all of it to read.
pub(super) struct Opened {
    pub(super) encoding: Encoding,
    pub(super) head: Vec<u8>,
    pub(super) rest: Box<dyn Read + Send>,
    pub(super) extent: Extent,
}

/// How many bytes of a file are read, and how many there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Extent {
    read: Arc<AtomicU64>,
    /// Nothing of a source that does not tell.
    all: Option<u64>,
}

impl Extent {
    /// What is read, of how much. A source that gives more than it told does not tell.
    pub(super) fn told(&self) -> (u64, Option<u64>) {
        let read = self.read.load(Ordering::Relaxed);
        (read, self.all.filter(|all| *all >= read))
    }
}

/// A source whose bytes are counted as they are read.
struct Metered {
    source: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads the beginning and says what the file is, which has so many bytes, if that is known. What is counted of a workbook are its rows.
pub(super) fn open(source: Box<dyn Read + Send>, bytes: Option<u64>) -> Result<Opened, ImportError> {
    let extent = Extent { read: Arc::default(), all: bytes };
    let mut source: Box<dyn Read + Send> = Box::new(Metered { source, read: Arc::clone(&extent.read) });
    let raw = peek(&mut source)?;
    if raw.starts_with(workbook::MARK) {
        let rows = workbook::rows(Cursor::new(raw).chain(source))?;
        let bytes = rows.metadata().map_err(ImportError::Read)?.len();
        return open(Box::new(BufReader::new(rows)), Some(bytes));
    }
    let (encoding, mark) = match raw.as_slice() {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
        _ => (Encoding::Utf8, 0),
    };
    let body = raw.get(mark..).unwrap_or_default().to_vec();
    let decoder = match encoding {
        Encoding::Utf8 | Encoding::Workbook => {
            if let Some(what) = binary(&body) {
                return Err(ImportError::Binary { what });
            }
            let encoding = if body.contains(&workbook::SEPARATOR) { Encoding::Workbook } else { encoding };
            return Ok(Opened { encoding, head: body, rest: source, extent });
        }
        Encoding::Utf16Le => UTF_16LE.new_decoder_without_bom_handling(),
        Encoding::Utf16Be => UTF_16BE.new_decoder_without_bom_handling(),
    };
    let mut rest: Box<dyn Read + Send> = Box::new(Utf16 {
        decoder,
        source: Box::new(Cursor::new(body).chain(source)),
        raw: vec![0; 8 * 1024],
        text: Cursor::new(Vec::new()),
        end: false,
    });
    let head = peek(&mut rest)?;
    if let Some(what) = binary(&head) {
        return Err(ImportError::Binary { what });
    }
    Ok(Opened { encoding, head, rest, extent })
}

fn peek(source: &mut Box<dyn Read + Send>) -> Result<Vec<u8>, ImportError> {
    let mut head = Vec::new();
    source.take(HEAD as u64).read_to_end(&mut head).map_err(ImportError::Read)?;
    Ok(head)
}

/// What a file is that is no text.
fn binary(head: &[u8]) -> Option<&'static str> {
    let magic: [(&[u8], &str); 5] = [
        (b"\xd0\xcf\x11\xe0", "an Excel workbook of the old form, or one with a password"),
        (b"%PDF", "a PDF"),
        (b"\x1f\x8b", "a compressed file"),
        (b"\x89PNG", "an image"),
        (b"\xff\xd8\xff", "an image"),
    ];
    if let Some((_, what)) = magic.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    // Text has no NUL and next to no control characters; a stray one is stripped from its cell.
    let plain = |byte: &u8| *byte >= 0x20 || matches!(*byte, b'\t' | b'\n' | b'\r' | 0x1a | workbook::SEPARATOR);
    let odd = head.iter().filter(|byte| !plain(byte)).count();
    (head.contains(&0) || odd * 20 > head.len()).then_some("no text")
}

/// UTF-16 as UTF-8, in pieces.
struct Utf16 {
    decoder: Decoder,
    source: Box<dyn Read + Send>,
    raw: Vec<u8>,
    text: Cursor<Vec<u8>>,
    end: bool,
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(buffer)?;
            if count > 0 || self.end || buffer.is_empty() {
                return Ok(count);
            }
            let read = match self.source.read(&mut self.raw) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            self.end = read == 0;
            let room = self.decoder.max_utf8_buffer_length(read).unwrap_or(4 * read + 16);
            let mut text = vec![0; room];
            let (_, _, written, _) = self.decoder.decode_to_utf8(&self.raw[..read], &mut text, self.end);
            text.truncate(written);
            self.text = Cursor::new(text);
        }
    }
}

/// How a cell came to be text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Utf8,
    Windows1252,
}

/// The text of a cell: UTF-8 if it is, else Windows-1252 (which Latin-1 is a part of).
pub(super) fn cell(bytes: &[u8]) -> (Cow<'_, str>, Reading) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), Reading::Utf8),
        Err(_) => (WINDOWS_1252.decode_without_bom_handling(bytes).0, Reading::Windows1252),
    }
}

/// A source that fails once a row has taken more than [`MAX_ROW_BYTES`].
pub(super) struct Capped {
    source: Box<dyn Read + Send>,
    gauge: Arc<Gauge>,
}

/// What a source has given, for whoever asks for its rows.
pub(super) struct Gauge {
    /// Bytes that the row may still take.
    left: AtomicU64,
    /// Whether the source has come to its end.
    ended: AtomicBool,
    /// The last byte that ends no line.
    last: AtomicU8,
}

/// The one row was too long.
#[derive(Debug, thiserror::Error)]
#[error("a row of more than {MAX_ROW_BYTES} bytes")]
pub(super) struct RowTooLong;

impl Capped {
    /// With its gauge, which must be renewed before each row.
    pub(super) fn new(source: Box<dyn Read + Send>) -> (Self, Arc<Gauge>) {
        let gauge =
            Gauge { left: AtomicU64::new(MAX_ROW_BYTES), ended: AtomicBool::new(false), last: AtomicU8::new(0) };
        let gauge = Arc::new(gauge);
        (Self { source, gauge: Arc::clone(&gauge) }, gauge)
    }
}

impl Gauge {
    /// Lets the next row have its bytes.
    pub(super) fn renew(&self) {
        self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
    }

    /// Whether the source has ended, and not with a quotation mark: a value of several lines at its end
    /// was then never closed.
    pub(super) fn ends_unquoted(&self) -> bool {
        self.ended.load(Ordering::Relaxed) && self.last.load(Ordering::Relaxed) != b'"'
    }
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.gauge.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::other(RowTooLong));
        }
        let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.source.read(&mut buffer[..room])?;
        self.gauge.left.store(left.saturating_sub(count as u64), Ordering::Relaxed);
        if count == 0 && room > 0 {
            self.gauge.ended.store(true, Ordering::Relaxed);
        }
        if let Some(last) = buffer[..count].iter().rfind(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.gauge.last.store(*last, Ordering::Relaxed);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Encoding, String), ImportError> {
        let opened = open(Box::new(Cursor::new(bytes.to_vec())), None)?;
        let mut all = opened.head;
        let mut rest = opened.rest;
        rest.read_to_end(&mut all).unwrap();
        Ok((opened.encoding, String::from_utf8_lossy(&all).into_owned()))
    }

    #[test]
    fn marks_are_taken_off_and_utf_16_is_decoded_across_any_cut() {
        let long: String = "Phone;Müller 🚒\r\n".repeat(20_000);
        let le: Vec<u8> = [0xff, 0xfe].into_iter().chain(long.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let be: Vec<u8> = [0xfe, 0xff].into_iter().chain(long.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        assert_eq!(read(&le).unwrap(), (Encoding::Utf16Le, long.clone()));
        assert_eq!(read(&be).unwrap(), (Encoding::Utf16Be, long.clone()));
        let marked: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(long.bytes()).collect();
        assert_eq!(read(&marked).unwrap(), (Encoding::Utf8, long));
    }

    #[test]
    fn binary_files_are_named_for_what_they_are() {
        for (bytes, what) in [
            (&b"%PDF-1.7"[..], "a PDF"),
            (b"PK\x03\x04rest", "a damaged Excel workbook or ZIP archive"),
            (b"Phone\n\0\x01", "no text"),
            (b"\xff\xfeP\0\0\0\0\0", "no text"),
        ] {
            assert!(matches!(read(bytes), Err(ImportError::Binary { what: named }) if named == what), "{what}");
        }
        assert!(read(b"").is_ok());
    }

    #[test]
    fn a_cell_is_utf_8_if_it_can_be() {
        assert_eq!(cell("é".as_bytes()), ("é".into(), Reading::Utf8));
        assert_eq!(cell(b"caf\xe9 \x80"), ("café €".into(), Reading::Windows1252));
    }
}
