//! A file of phones alone: the column with the phones, found by its name or by what it holds, with or without names above.

use std::collections::BTreeSet;
use std::io::Read;

use domain::phone::{Phone, PhoneError, Region};

use super::ImportError;
use super::columns;
use super::sheet::{Quotes, Row, Sheet};

/// A file of phones.
pub(crate) struct Phones {
    sheet: Sheet,
    region: Region,
    /// Which columns, from 0.
    columns: Vec<usize>,
    /// Rows that were read to find them.
    ahead: Vec<Row>,
    /// What of the last row is not given yet, the last first.
    given: Vec<Numbered>,
}

/// The number of a row, and its phone or why it has none.
pub(crate) type Numbered = (u64, Result<Phone, PhoneError>);

/// How many rows are looked at where no name says which column it is.
const LOOKED_AT: usize = 20;

impl Phones {
    /// Opens a file and finds its column.
    pub(crate) fn open(source: Box<dyn Read + Send>, region: Region) -> Result<Self, ImportError> {
        let (mut sheet, first) = Sheet::plain(source, None)?;
        let is_phone = |cell: &String| Phone::parse(cell, region).is_ok();
        let those = |row: &Row, is: &dyn Fn(&String) -> bool| -> Vec<usize> {
            row.cells.iter().enumerate().filter(|(_, cell)| is(cell)).map(|(place, _)| place).collect()
        };
        let given = Vec::new();
        let columns = those(&first, &is_phone);
        if !columns.is_empty() {
            // No names: the first row has phones already.
            return Ok(Self { sheet, region, columns, ahead: vec![first], given });
        }
        let columns = those(&first, &|name| columns::names_a_phone(name));
        if !columns.is_empty() {
            return Ok(Self { sheet, region, columns, ahead: Vec::new(), given });
        }
        let mut ahead = Vec::new();
        while ahead.len() < LOOKED_AT {
            let Some(row) = sheet.next()? else { break };
            ahead.push(row);
        }
        let columns: BTreeSet<usize> = ahead.iter().flat_map(|row| those(row, &is_phone)).collect();
        if columns.is_empty() {
            let headers = first.cells.iter().take(20).map(|cell| format!("{cell:?}")).collect::<Vec<_>>().join(", ");
            return Err(ImportError::NoPhoneColumn { headers });
        }
        ahead.reverse();
        Ok(Self { sheet, region, columns: columns.into_iter().collect(), ahead, given })
    }

    /// The next phone, or why there is none: each with the number of its row. Of a row with several columns of phones the empty ones are
    /// passed over, as long as one of them is filled.
    pub(crate) fn next(&mut self) -> Result<Option<Numbered>, ImportError> {
        if let Some(given) = self.given.pop() {
            return Ok(Some(given));
        }
        let row = match self.ahead.pop() {
            Some(row) => row,
            None => match self.sheet.next()? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        if let Quotes::Open { lines } = row.quotes {
            return Err(ImportError::QuoteOpen { row: row.row, lines });
        }
        let cell = |place: &usize| row.cells.get(*place).map(String::as_str).unwrap_or_default();
        let all = self.columns.iter().rev().map(|place| (row.row, Phone::parse(cell(place), self.region)));
        let filled: Vec<Numbered> = all.filter(|(_, phone)| !matches!(phone, Err(PhoneError::Empty))).collect();
        self.given = if filled.is_empty() { vec![(row.row, Err(PhoneError::Empty))] } else { filled };
        Ok(self.given.pop())
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
        assert_eq!(
            read("Name,Phone 1,Phone 2\nAnn,2125550134,2125550135\nBob,,2125550136\nCat,,\n"),
            ["2 +12125550134", "2 +12125550135", "3 +12125550136", "4 the cell is empty"]
        );
        let mut open = Phones::open(
            Box::new(Cursor::new(b"Phone\n2125550134\n2125550135,\"Ann\n2125550136\n".to_vec())),
            Region::US,
        )
        .unwrap();
        assert!(open.next().unwrap().is_some());
        assert!(
            matches!(open.next(), Err(ImportError::QuoteOpen { row: 3, .. })),
            "what is behind an open quote is not passed over"
        );
        assert_eq!(read("a,b\nc,d\n"), ["no column is a phone;"]);
    }
}
