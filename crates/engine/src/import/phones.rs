//! A file of phones alone: the column with the phones, found by its name or by what it holds, with or without names above.

use std::io::Read;

use domain::phone::{Phone, PhoneError, Region};

use super::ImportError;
use super::columns;
use super::sheet::{Row, Sheet};

/// A file of phones.
pub(crate) struct Phones {
    sheet: Sheet,
    region: Region,
    /// Which column, from 0.
    column: usize,
    /// Rows that were read to find it.
    ahead: Vec<Row>,
}

/// The number of a row, and its phone or why it has none.
pub(crate) type Numbered = (u64, Result<Phone, PhoneError>);

/// How many rows are looked at where no name says which column it is.
const LOOKED_AT: usize = 20;

impl Phones {
    /// Opens a file and finds its column.
    pub(crate) fn open(source: Box<dyn Read + Send>, region: Region) -> Result<Self, ImportError> {
        let (mut sheet, first) = Sheet::plain(source)?;
        let is_phone = |cell: &String| Phone::parse(cell, region).is_ok();
        if let Some(column) = first.cells.iter().position(is_phone) {
            // No names: the first row is a phone already.
            return Ok(Self { sheet, region, column, ahead: vec![first] });
        }
        if let Some(column) = first.cells.iter().position(|name| columns::names_a_phone(name)) {
            return Ok(Self { sheet, region, column, ahead: Vec::new() });
        }
        let mut ahead = Vec::new();
        while ahead.len() < LOOKED_AT {
            let Some(row) = sheet.next()? else { break };
            ahead.push(row);
        }
        let column = ahead.iter().find_map(|row| row.cells.iter().position(is_phone));
        let headers = || first.cells.iter().take(20).map(|cell| format!("{cell:?}")).collect::<Vec<_>>().join(", ");
        let column = column.ok_or_else(|| ImportError::NoPhoneColumn { headers: headers() })?;
        ahead.reverse();
        Ok(Self { sheet, region, column, ahead })
    }

    /// The next row: its number, and its phone or why it has none.
    pub(crate) fn next(&mut self) -> Result<Option<Numbered>, ImportError> {
        let row = match self.ahead.pop() {
            Some(row) => row,
            None => match self.sheet.next()? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        let cell = row.cells.get(self.column).map(String::as_str).unwrap_or_default();
        Ok(Some((row.row, Phone::parse(cell, self.region))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(file: &str) -> Vec<String> {
        let source = Box::new(Cursor::new(file.as_bytes().to_vec()));
        let mut phones = match Phones::open(source, Region::US) {
            Ok(phones) => phones,
            Err(error) => return vec![error.to_string().chars().take(21).collect()],
        };
        let mut all = Vec::new();
        while let Some((row, phone)) = phones.next().unwrap() {
            all.push(format!("{row} {}", phone.map_or_else(|error| error.to_string(), |phone| phone.to_string())));
        }
        all
    }

    #[test]
    fn the_column_is_found_by_its_name_or_by_what_it_holds() {
        assert_eq!(read("2125550134\n2125550135\n"), ["1 +12125550134", "2 +12125550135"]);
        assert_eq!(read("Phone\n2125550134\n12\n"), ["2 +12125550134", "3 the number is too short"]);
        assert_eq!(read("Name;Mobile\nAnn;2125550134\n"), ["2 +12125550134"]);
        assert_eq!(read("Plaintiff,Line\nAnn,x\nBob,2125550134\n"), ["2 this is not a phone number", "3 +12125550134"]);
        assert_eq!(read("a,b\nc,d\n"), ["no column is a phone;"]);
    }
}
