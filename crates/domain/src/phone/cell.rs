//! What spreadsheets, contact cards and people put around a phone number, undone where nothing can
//! be lost and refused where something could: `2.12E+09`, two numbers, words.
//!
//! Never judges the number itself; that is libphonenumber's part.

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, Region};

use super::PhoneError;

/// As many digits as a part must have to be a number of its own.
const DIGITS_OF_A_NUMBER: usize = 7;
/// As many digits as each of two numbers must have that only a blank parts.
const DIGITS_OF_A_FULL_NUMBER: usize = 10;

/// The text for libphonenumber: visible characters only, plain blanks and dashes, no quotes, no `.0`.
pub(super) fn clean(raw: &str) -> Result<String, PhoneError> {
    let visible: String = raw.chars().filter(|char| !is_invisible(*char)).map(plain).collect();
    let text = unquoted(visible.trim());
    let text = text.get(..4).filter(|head| head.eq_ignore_ascii_case("tel:")).map_or(text, |_| text[4..].trim());
    if !text.chars().any(char::is_alphanumeric) && !text.contains(['+', '#', '*']) {
        return Err(PhoneError::Empty);
    }
    if is_scientific(text) {
        return Err(PhoneError::ScientificNotation);
    }
    let text = without_float_zeros(text);
    if is_two_numbers(text) { Err(PhoneError::TwoNumbers) } else { Ok(text.to_owned()) }
}

/// Bidi marks, joiners, soft hyphens, byte order marks: copied along, never meant.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Odd blanks and dashes become plain ones; a line break stays, for it may part two numbers.
fn plain(char: char) -> char {
    match char {
        '\n' | '\r' => '\n',
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{2e3a}'
        | '\u{2e3b}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}' => '-',
        other if other.is_whitespace() => ' ',
        other => other,
    }
}

/// Without the apostrophe that forces text, formula quotes (`="…"`) and quotes around the whole.
fn unquoted(text: &str) -> &str {
    let quote =
        ['\'', '"', '`', '\u{b4}', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}', '\u{201c}', '\u{201d}', '\u{2032}'];
    let bare = text.strip_prefix('=').filter(|rest| rest.starts_with('"')).unwrap_or(text);
    bare.trim_matches(quote).trim()
}

/// `2.12E+09`, `2,12e9`: even when all digits are there, the next row's may not be.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let mantissa = mantissa.trim_start_matches(['+', '-']);
    let (whole, part) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let exponent = exponent.trim_start_matches(['+', '-']);
    whole.len() == 1 && [whole, part, exponent].iter().all(|digits| is_digits(digits)) && exponent.len() <= 3
}

/// A column of floats shows `2125550134.0`: the part after the point is not the number's.
fn without_float_zeros(text: &str) -> &str {
    let Some((whole, part)) = text.split_once('.') else { return text };
    let digits = whole.strip_prefix('+').unwrap_or(whole);
    let is_float = is_digits(digits) && digits.len() >= DIGITS_OF_A_NUMBER && !part.is_empty();
    if is_float && part.bytes().all(|byte| byte == b'0') { whole } else { text }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(text: &str) -> usize {
    text.chars().filter(|char| char.is_numeric()).count()
}

fn is_two_numbers(text: &str) -> bool {
    let lower = text.to_lowercase().replace(" or ", ";").replace(" and ", ";");
    let parted = |split: &dyn Fn(char) -> bool, least: usize| {
        lower.split(split).filter(|part| digits(part) >= least).count() > 1
    };
    parted(&|char| matches!(char, ',' | ';' | '/' | '|' | '&' | '\n' | '\\'), DIGITS_OF_A_NUMBER)
        || parted(&char::is_whitespace, DIGITS_OF_A_FULL_NUMBER)
        || (digits(text) >= DIGITS_OF_A_NUMBER && lower.trim_start_matches('+').contains(" +"))
}

/// Whether letters stand beside a number that is complete without them.
///
/// Letters that spell the number (`1-888-GO-FEDEX`) are part of it, and so is the mark of an
/// extension where libphonenumber found one.
pub(super) fn has_words(text: &str, region: Region, extension: Option<&str>) -> bool {
    let mut runs = text.split(|char: char| !char.is_alphabetic()).filter(|run| !run.is_empty());
    if !runs.any(|run| extension.is_none() || !is_extension_mark(run)) {
        return false;
    }
    let bare: String = text.chars().map(|char| if char.is_alphabetic() { ' ' } else { char }).collect();
    let number = PHONE_NUMBER_UTIL.parse(&bare, Some(region));
    number.is_ok_and(|number| number.is_possible_with_reason() == Ok(NumberLengthType::IsPossible))
}

fn is_extension_mark(run: &str) -> bool {
    ["x", "ext", "extn", "extension", "e", "int", "anexo"].contains(&run.to_lowercase().as_str())
}
