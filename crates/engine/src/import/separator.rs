//! Which character separates the cells: guessed from the beginning of the file, by how evenly each
//! candidate cuts its rows. Excel's line `sep=;` is believed.

use super::workbook;

/// What may separate cells.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many rows are looked at.
const ROWS: usize = 30;

/// The separator, and how many bytes of the file only name it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Separator {
    pub(super) byte: u8,
    pub(super) skip: usize,
}

/// Guesses. A file of one column has commas.
pub(super) fn guess(head: &[u8]) -> Separator {
    if let Some(named) = named(head) {
        return named;
    }
    if head.contains(&workbook::SEPARATOR) {
        return Separator { byte: workbook::SEPARATOR, skip: 0 };
    }
    let best = CANDIDATES.into_iter().map(|byte| (evenness(head, byte), byte)).filter(|((_, width), _)| *width > 1);
    // The first of equals stays: `max_by_key` would take the last.
    let best = best.fold(None, |best: Option<((usize, usize), u8)>, one| match best {
        Some(best) if best.0 >= one.0 => Some(best),
        _ => Some(one),
    });
    Separator { byte: best.map_or(b',', |(_, byte)| byte), skip: 0 }
}

/// The line `sep=;`.
fn named(head: &[u8]) -> Option<Separator> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    let [mark @ .., byte] = text else { return None };
    let is_named = mark.eq_ignore_ascii_case(b"sep=") && CANDIDATES.contains(byte);
    is_named.then_some(Separator { byte: *byte, skip: (line.len() + 1).min(head.len()) })
}

/// How many rows in a thousand have as many cells as the first, and how many those are.
fn evenness(head: &[u8], separator: u8) -> (usize, usize) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(head);
    let mut widths = Vec::new();
    let mut row = csv::ByteRecord::new();
    while widths.len() < ROWS && reader.read_byte_record(&mut row).unwrap_or(false) {
        widths.push(row.len());
    }
    // The last row may be cut in the middle.
    if widths.len() > 2 {
        widths.pop();
    }
    let first = widths.first().copied().unwrap_or(0);
    let even = widths.iter().filter(|width| **width == first).count();
    (even * 1_000 / widths.len().max(1), first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_cuts_evenly() {
        for (head, byte) in [
            ("Phone,Name\n1,a\n2,b\n", b','),
            ("Phone;Name\n1;Lee, Ann\n2;Roe, Bob\n", b';'),
            ("Phone\tName\n1\ta,b;c\n", b'\t'),
            ("Phone|Name|City\n1|a|x,y\n", b'|'),
            ("Name;\"a,b,c,d\";Phone\n\"x\";\"1,2\";3\n", b';'),
            ("Phone\n2125550134\n", b','),
            ("", b','),
            ("a,b;c,d;e\n1,2;3,4;5\n", b','),
        ] {
            assert_eq!(guess(head.as_bytes()), Separator { byte, skip: 0 }, "{head:?}");
        }
    }

    #[test]
    fn the_line_of_excel_is_believed_and_skipped() {
        assert_eq!(guess(b"SEP=;\r\na,b,c;d\r\n"), Separator { byte: b';', skip: 7 });
        assert_eq!(guess(b"sep=|"), Separator { byte: b'|', skip: 5 });
        assert_eq!(guess(b"sep=x\na,b\n").skip, 0);
    }
}
