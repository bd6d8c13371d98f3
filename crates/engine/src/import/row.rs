//! The decision about one row: its cells become phones with fields, or a reason why not.
//!
//! Pure. A row whose cells do not match the columns is refused as a whole, since its values may stand
//! under wrong names; a bad phone beside a good one is left out and told.

use std::fmt;

use domain::phone::{Phone, PhoneError, Region};

use super::agreed::{self, Agreed, NoRecord, Premise};
use super::columns::{Column, Meaning};
use crate::contacts::{self, FieldError, FieldWarning};

/// What a row gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decided {
    /// One or more, each once, in the order of the columns.
    pub(super) phones: Vec<Phone>,
    /// Clean values by key, sorted by key.
    pub(super) fields: Vec<(String, String)>,
    /// Names of these that the file has in capitals, or all small: by key, as they stand there.
    pub(super) recased: Vec<(String, String)>,
    pub(super) consent: Option<Agreed>,
    pub(super) warnings: Vec<RowWarning>,
}

/// A phone cell that holds no phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPhone {
    /// The column.
    pub column: String,
    /// Why.
    pub error: PhoneError,
}

impl fmt::Display for BadPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.column, self.error)
    }
}

/// Why a row is rejected. The text is for the person who uploads the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Cells beyond the last column.
    #[error(
        "the row has {cells} cells and the file {columns} columns; a separator inside of a value needs quotes around it"
    )]
    TooManyCells {
        /// How many it has.
        cells: usize,
        /// How many it should have.
        columns: usize,
    },
    /// Columns without cells.
    #[error("the row has {} only and the file {columns} columns", count(*cells))]
    TooFewCells {
        /// How many it has.
        cells: usize,
        /// How many it should have.
        columns: usize,
    },
    /// The last value has no closing quotation mark, and all that follows in the file is in it.
    #[error(
        "a quotation mark is never closed: the {lines} lines from here to the end of the file were read as one value"
    )]
    QuoteOpen {
        /// How many lines.
        lines: usize,
    },
    /// Every phone cell is blank.
    #[error("the row has no phone")]
    NoPhone,
    /// No phone cell holds a phone.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Phones(Vec<BadPhone>),
    /// The person took the consent back.
    #[error("the row says that the consent was taken back; put such phones on a list that forbids texting")]
    Revoked,
    /// A value cannot be kept.
    #[error("{column:?}: {}", told(error))]
    Field {
        /// The column.
        column: String,
        /// Why.
        #[source]
        error: FieldError,
    },
}

fn count(cells: usize) -> String {
    if cells == 1 { "1 cell".to_owned() } else { format!("{cells} cells") }
}

/// The value that a zone should have had helps more than the bare rule.
fn told(error: &FieldError) -> String {
    match error {
        FieldError::Zone(cause) => format!("{cause}; write a name such as \"America/New_York\""),
        other => other.to_string(),
    }
}

/// What a person should look at in a row that was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowWarning {
    /// A phone that was left out; the row has a good one.
    #[error("left out {0}")]
    PhoneLeftOut(BadPhone),
    /// Its consent is not recorded.
    #[error(transparent)]
    Consent(NoRecord),
    /// An odd value that was kept.
    #[error(transparent)]
    Field(FieldWarning),
    /// The row is not UTF-8 and was read as Windows-1252.
    #[error("the row is not UTF-8 and was read as Windows-1252; look at its accents")]
    Windows1252,
}

/// Decides. Nothing for a blank row.
pub(super) fn decide<S: AsRef<str>>(
    cells: &[S],
    columns: &[Column],
    premise: &Premise,
) -> Result<Option<Decided>, RowError> {
    let used = cells.iter().rposition(|cell| !cell.as_ref().trim().is_empty()).map_or(0, |last| last + 1);
    if used == 0 {
        return Ok(None);
    }
    if used > columns.len() {
        return Err(RowError::TooManyCells { cells: cells.len(), columns: columns.len() });
    }
    if cells.len() < columns.len() {
        return Err(RowError::TooFewCells { cells: cells.len(), columns: columns.len() });
    }
    let pairs = || columns.iter().zip(cells.iter().map(AsRef::as_ref));
    if agreed::is_revoked(cells, columns) {
        return Err(RowError::Revoked);
    }
    let (phones, bad) = phones(pairs(), premise.region);
    if phones.is_empty() {
        return Err(if bad.is_empty() { RowError::NoPhone } else { RowError::Phones(bad) });
    }
    let mut fields = fields(pairs())?;
    let recased = if premise.recase { recase(&mut fields) } else { Vec::new() };
    let odd = contacts::warnings(&fields).into_iter().map(RowWarning::Field);
    let (consent, no_record) = match agreed::read(cells, columns, premise).transpose() {
        Ok(consent) => (consent, None),
        Err(why) => (None, Some(RowWarning::Consent(why))),
    };
    let warnings = bad.into_iter().map(RowWarning::PhoneLeftOut).chain(odd).chain(no_record).collect();
    Ok(Some(Decided { phones, fields, recased, consent, warnings }))
}

fn phones<'c>(pairs: impl Iterator<Item = (&'c Column, &'c str)>, region: Region) -> (Vec<Phone>, Vec<BadPhone>) {
    let (mut phones, mut bad) = (Vec::new(), Vec::new());
    for (column, cell) in pairs.filter(|(column, _)| column.meaning == Meaning::Phone) {
        match Phone::parse(cell, region) {
            Ok(phone) if phones.contains(&phone) => {}
            Ok(phone) => phones.push(phone),
            Err(PhoneError::Empty) => {}
            Err(error) => bad.push(BadPhone { column: column.header.clone(), error }),
        }
    }
    (phones, bad)
}

fn fields<'c>(pairs: impl Iterator<Item = (&'c Column, &'c str)>) -> Result<Vec<(String, String)>, RowError> {
    let mut fields = Vec::new();
    for (column, cell) in pairs {
        if let Meaning::Field { key, name } = &column.meaning {
            let value = contacts::value(key, name, cell);
            let value = value.map_err(|error| RowError::Field { column: column.header.clone(), error })?;
            fields.extend(value.map(|value| (key.clone(), value)));
        }
    }
    fields.sort_unstable();
    Ok(fields)
}

/// The fields that are names of people.
const NAMES: [&str; 3] = ["firstname", "fullname", "lastname"];

/// Writes names as people write them; answers those that it changed, as they were.
fn recase(fields: &mut [(String, String)]) -> Vec<(String, String)> {
    let mut recased = Vec::new();
    for (key, value) in fields.iter_mut().filter(|(key, _)| NAMES.contains(&key.as_str())) {
        if let Some(name) = domain::capitals::recased(value) {
            recased.push((key.clone(), std::mem::replace(value, name)));
        }
    }
    recased
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::MAX_VALUE_CHARACTERS;
    use crate::import::FileConsent;
    use crate::import::columns::columns;

    /// Decides about a row of `Phone`, `Mobile`, `First Name`, `State`, `Time Zone`.
    fn decided(row: &str) -> Result<Option<Decided>, String> {
        let headers = ["Phone", "Mobile", "First Name", "State", "Time Zone"].map(str::to_owned);
        let columns = columns(&headers, &[], &[]).unwrap();
        let cells: Vec<&str> = row.split('|').collect();
        let premise = agreed::premise(FileConsent::default());
        decide(&cells, &columns, &premise).map_err(|error| error.to_string())
    }

    #[test]
    fn good_rows_give_phones_and_fields() {
        for (row, phones, fields) in [
            ("2125550134||Ann||", &["+12125550134"][..], &[("firstname", "Ann")][..]),
            ("(212) 555-0134|+1 305 555 0177|||", &["+12125550134", "+13055550177"], &[]),
            ("212.555.0134|2125550134|||", &["+12125550134"], &[]),
            (
                "|2125550134| Ann |FL|america/denver",
                &["+12125550134"],
                &[("firstname", "Ann"), ("state", "FL"), ("timezone", "America/Denver")],
            ),
            ("2125550134|||||||", &["+12125550134"], &[]),
        ] {
            let decided = decided(row).unwrap().unwrap();
            let got: Vec<String> = decided.phones.iter().map(ToString::to_string).collect();
            assert_eq!(got, phones, "{row}");
            let got: Vec<_> = decided.fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(got, fields, "{row}");
            assert!(decided.warnings.is_empty(), "{row}");
        }
        assert_eq!(decided("||  |\u{a0}|").unwrap(), None);
        assert_eq!(decided("").unwrap(), None);
    }

    #[test]
    fn bad_rows_give_the_reason() {
        let long = format!("2125550134||{}||", "x".repeat(MAX_VALUE_CHARACTERS + 1));
        for (row, reason) in [
            ("||Ann||", "the row has no phone"),
            ("212555|x|Ann||", "\"Phone\": the number is too short; \"Mobile\": this is not a phone number"),
            (
                "2125550134 DNC||Ann||",
                "\"Phone\": there are words beside the number; what they mean must be decided by a person",
            ),
            (
                "2125550134||Lee|FL||Ann",
                "the row has 6 cells and the file 5 columns; a separator inside of a value needs quotes around it",
            ),
            ("2125550134||Ann", "the row has 3 cells only and the file 5 columns"),
            (
                "2125550134||||Eastern",
                "\"Time Zone\": there is no time zone named \"Eastern\"; write a name such as \"America/New_York\"",
            ),
            (&long, "\"First Name\": \"First Name\" has 2001 characters; 2000 is the most"),
        ] {
            assert_eq!(decided(row).unwrap_err(), reason, "{row}");
        }
    }

    #[test]
    fn only_names_are_written_as_people_write_them_and_only_if_that_was_chosen() {
        let headers = ["Phone", "First Name", "Last Name", "Full Name", "Company", "City"].map(str::to_owned);
        let columns = columns(&headers, &[], &[]).unwrap();
        let cells = ["2125550134", "JOHN", "McNeil", "john o'neil", "ACME HOMES", "MIAMI"];
        let premise = agreed::Premise { recase: true, ..agreed::premise(FileConsent::default()) };
        let decided = decide(&cells, &columns, &premise).unwrap().unwrap();
        let pairs =
            |all: &[(String, String)]| all.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        let wanted = ["city=MIAMI", "company=ACME HOMES", "firstname=John", "fullname=John O'Neil", "lastname=McNeil"];
        assert_eq!(pairs(&decided.fields), wanted);
        assert_eq!(pairs(&decided.recased), ["firstname=JOHN", "fullname=john o'neil"]);
        let as_they_are = decide(&cells, &columns, &agreed::premise(FileConsent::default())).unwrap().unwrap();
        assert!(as_they_are.recased.is_empty() && pairs(&as_they_are.fields)[2] == "firstname=JOHN");
    }

    #[test]
    fn a_bad_phone_beside_a_good_one_is_left_out_and_told() {
        let decided = decided("2125550134|12||Narnia|").unwrap().unwrap();
        assert_eq!(decided.phones.len(), 1);
        let said: Vec<String> = decided.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(said[0], "left out \"Mobile\": the number is too short");
        assert!(said[1].starts_with("\"Narnia\""), "{said:?}");
    }
}
