//! Phone numbers: what a person typed becomes one valid E.164 number or a plain reason why not.
//!
//! `cell` cleans what spreadsheets and contact cards do to a number; libphonenumber (its Rust port)
//! is the judge of the rest. A `Phone` is valid by construction; nothing here says whether a number
//! is a mobile one, in use, or may be texted.

mod cell;

use std::fmt;

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use rlibphonenumber::Region;

/// The most digits of an E.164 number, country code included (ITU-T E.164, 6.1).
pub const MAX_DIGITS: usize = 15;
/// The fewest digits of a number that is stored: the shortest national plans with their country code.
pub const MIN_DIGITS: usize = 5;
/// The longest cell that is looked at, in bytes; a longer one is not a phone number.
pub const MAX_CELL: usize = 250;

/// A valid E.164 number. Its text form is `+` and digits; it sorts by the number, not by the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(u64);

/// A number as it stood in a cell: the phone and the extension typed after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The number itself.
    pub phone: Phone,
    /// The digits of an extension; a text cannot reach it, it goes to the number itself.
    pub extension: Option<String>,
}

/// Why a cell holds no phone number. The text is for the person who uploads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing but blanks and marks.
    #[error("the cell is empty")]
    Empty,
    /// `2.12E+09`: digits may be lost for good.
    #[error("the spreadsheet turned the number into scientific notation; format the column as text")]
    ScientificNotation,
    /// Two numbers in one cell.
    #[error("the cell holds more than one number; give each number its own column")]
    TwoNumbers,
    /// A number with words beside it, such as a label or a do-not-contact mark.
    #[error("there are words beside the number; what they mean must be decided by a person")]
    Words,
    /// libphonenumber sees no number in it.
    #[error("this is not a phone number")]
    NotANumber,
    /// A `+` with a country code that does not exist, or a number without one in an unknown region.
    #[error("there is no such country code")]
    CountryCode,
    /// Fewer digits than any number of that country has.
    #[error("the number is too short")]
    TooShort,
    /// More digits than any number of that country has, or than E.164 allows.
    #[error("the number is too long")]
    TooLong,
    /// The length fits, the area code or the beginning does not exist.
    #[error("no number of that country begins like this")]
    NotValid,
}

impl PhoneError {
    /// The stable word for programs: in reject files, the API and the CLI.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::ScientificNotation => "scientific_notation",
            Self::TwoNumbers => "two_numbers",
            Self::Words => "words",
            Self::NotANumber => "not_a_number",
            Self::CountryCode => "country_code",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::NotValid => "not_valid",
        }
    }
}

impl Phone {
    /// Reads what a person typed. `region` decides about numbers without a `+`.
    ///
    /// # Errors
    /// Says why the cell is no valid number; see [`PhoneError`].
    pub fn parse(raw: &str, region: Region) -> Result<Self, PhoneError> {
        Self::read(raw, region).map(|cell| cell.phone)
    }

    /// Like [`Phone::parse`], and keeps the extension.
    ///
    /// # Errors
    /// Says why the cell is no valid number; see [`PhoneError`].
    pub fn read(raw: &str, region: Region) -> Result<Cell, PhoneError> {
        if raw.len() > MAX_CELL {
            return Err(PhoneError::NotANumber);
        }
        let text = cell::clean(raw)?;
        let parsed = PHONE_NUMBER_UTIL.parse(&text, Some(region));
        let extension = parsed.as_ref().ok().and_then(|number| number.extension.as_deref());
        if cell::has_words(&text, region, extension.filter(|extension| !extension.is_empty())) {
            return Err(PhoneError::Words);
        }
        let number = parsed.map_err(reason)?;
        check(&number)?;
        let e164 = number.format_as(PhoneNumberFormat::E164);
        let phone = Self::stored(&e164).ok_or(PhoneError::TooLong)?;
        Ok(Cell { phone, extension: number.extension.filter(|extension| !extension.is_empty()) })
    }

    /// Takes text that the database holds. Checks the shape only: `+`, no leading zero, 5 to 15 digits.
    pub fn stored(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let sized = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len());
        let clean = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        if sized && clean { digits.parse().ok().map(Self) } else { None }
    }

    /// The three digits after `+1`; none for other countries.
    pub fn area_code(self) -> Option<u16> {
        let national = self.0.checked_sub(10_000_000_000).filter(|national| *national < 10_000_000_000)?;
        u16::try_from(national / 10_000_000).ok()
    }

    /// The country or territory that the number belongs to, as libphonenumber knows it.
    ///
    /// None for international services (`+800`) and for numbers that have become invalid since.
    pub fn region(self) -> Option<Region> {
        let number = PHONE_NUMBER_UTIL.parse(self.to_string(), None).ok()?;
        number.get_region_code()
    }
}

/// Whether numbers of a country exist, told by its two letters.
pub(crate) fn has_numbers(country: &str) -> bool {
    Region::from_code(country).is_ok_and(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some())
}

/// Translates libphonenumber's refusal to parse.
fn reason(error: ParseError) -> PhoneError {
    match error {
        ParseError::InvalidCountryCode => PhoneError::CountryCode,
        ParseError::NotANumber(_) => PhoneError::NotANumber,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => PhoneError::TooShort,
        ParseError::TooLongNsn => PhoneError::TooLong,
    }
}

/// Possible by its length, then valid by its beginning.
fn check(number: &PhoneNumber) -> Result<(), PhoneError> {
    use rlibphonenumber::ValidationError;
    match number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible | NumberLengthType::IsPossibleLocalOnly) if number.is_valid() => Ok(()),
        Ok(_) | Err(ValidationError::InvalidLength) => Err(PhoneError::NotValid),
        Err(ValidationError::InvalidCountryCode) => Err(PhoneError::CountryCode),
        Err(ValidationError::TooShort) => Err(PhoneError::TooShort),
        Err(ValidationError::TooLong) => Err(PhoneError::TooLong),
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// Keeps the last two digits only, so that a log line or a failed assertion tells no number.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone(+…{:02})", self.0 % 100)
    }
}

impl Serialize for Phone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads the stored form only; what people type goes through [`Phone::parse`].
impl<'de> Deserialize<'de> for Phone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::stored(&text).ok_or_else(|| serde::de::Error::custom("not a number of the form +12125550134"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(raw: &str) -> Result<String, &'static str> {
        Phone::parse(raw, Region::US).map(|phone| phone.to_string()).map_err(PhoneError::code)
    }

    #[test]
    fn what_spreadsheets_do_to_numbers_is_undone_or_named() {
        for good in [
            "2125550134",
            "2125550134.0",
            "12125550134.00",
            "'2125550134",
            "'+12125550134",
            "\u{2018}2125550134",
            "\u{a0}212\u{a0}555\u{2011}0134\u{200e}",
            "\u{feff}212\u{2014}555\u{2014}0134",
            "\"(212) 555-0134\"",
            "TEL:+1-212-555-0134",
            "\u{ff0b}1\u{ff12}12 555 0134",
            "212\u{ad}5550134",
            "=\"2125550134\"",
            "212\u{2212}555\u{2212}0134",
        ] {
            assert_eq!(parse(good), Ok("+12125550134".into()), "{good:?}");
        }
        for (bad, code) in [
            ("2.12E+09", "scientific_notation"),
            ("2,12E+09", "scientific_notation"),
            ("2.125550134E9", "scientific_notation"),
            ("1.2125550134e+10", "scientific_notation"),
            ("212-555-0134 / 646-555-0135", "two_numbers"),
            ("212-555-0134\n646-555-0135", "two_numbers"),
            ("2125550134 or 6465550135", "two_numbers"),
            ("2125550134 6465550135", "two_numbers"),
            ("212-555-0134, 646-555-0135 x3", "two_numbers"),
            ("", "empty"),
            (" \u{200b}\u{a0}", "empty"),
            ("'", "empty"),
            ("-", "empty"),
            ("cell 2125550134", "words"),
            ("2125550134 DNC", "words"),
            ("2125550134 do not call", "words"),
            ("212-555-0134 нет", "words"),
            ("2125550134 h", "words"),
            ("n/a", "not_a_number"),
            ("212555013", "too_short"),
            ("2125550134.5", "too_long"),
        ] {
            assert_eq!(parse(bad), Err(code), "{bad:?}");
        }
    }

    #[test]
    fn letters_that_are_the_number_or_its_extension_are_no_words() {
        assert_eq!(parse("1-888-GO-FEDEX"), Ok("+18884633339".into()));
        assert_eq!(parse("1-800-FLOWERS"), Ok("+18003569377".into()));
        for raw in ["415-555-0134 x12", "415-555-0134 ext. 12", "415-555-0134 extension 12", "(415) 555-0134,12"] {
            let cell = Phone::read(raw, Region::US).unwrap();
            assert_eq!(
                (cell.phone.to_string().as_str(), cell.extension.as_deref()),
                ("+14155550134", Some("12")),
                "{raw}"
            );
        }
    }

    #[test]
    fn stored_text_is_checked_by_shape_and_areas_are_read_from_plus_one_only() {
        let phone = Phone::stored("+12125550134").unwrap();
        assert_eq!((phone.area_code(), phone.region()), (Some(212), Some(Region::US)));
        assert_eq!(Phone::stored("+447400123456").unwrap().area_code(), None);
        assert_eq!(Phone::stored("+12345678").unwrap().area_code(), None);
        for bad in
            ["", "+", "12125550134", "+0125550134", "+1212555013a", "+1234", "+1234567890123456", "+1 2125550134"]
        {
            assert_eq!(Phone::stored(bad), None, "{bad:?}");
        }
        assert_eq!(serde_json::to_string(&phone).unwrap(), "\"+12125550134\"");
        assert_eq!(serde_json::from_str::<Phone>("\"+12125550134\"").unwrap(), phone);
        assert_eq!(format!("{phone:?}"), "Phone(+…34)");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_accepted_reads_back(text in "[0-9a-zA-Z+() .,;/x#*'\u{a0}\u{200e}-]{0,30}") {
            if let Ok(phone) = Phone::parse(&text, Region::US) {
                prop_assert_eq!(Phone::stored(&phone.to_string()), Some(phone));
                prop_assert_eq!(Phone::parse(&phone.to_string(), Region::GB), Ok(phone));
            }
        }

        #[test]
        fn no_unicode_panics(text in "\\PC*") {
            let _ = Phone::parse(&text, Region::US);
        }
    }
}
