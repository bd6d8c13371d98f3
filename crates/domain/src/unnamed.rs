//! Texts of others that go into the history, without what names a person.
//!
//! The history is sealed (decision 0024) and outlives the person whom it tells of (decision 0029), so it holds identifiers and no values. What a
//! carrier says in words is the one text of others in it, and the phone is what carriers name there.

use std::borrow::Cow;

/// So many digits in a row are a phone: the shortest of E.164 with its country has 7 (Niue, Saint Helena), a carrier's code has up to 6.
const LEAST_DIGITS: usize = 7;
/// What stands in place of a phone.
const GONE: &str = "…";

/// The text with `…` for whatever reads as a phone: digits in a row, also in the groups in which people write them.
///
/// ```
/// # use domain::unnamed::without_phones;
/// assert_eq!(without_phones("the number +1 (212) 555-0134 is a landline (30006)"), "the number … is a landline (30006)");
/// ```
#[must_use]
pub fn without_phones(text: &str) -> Cow<'_, str> {
    let (mut out, mut rest, mut found) = (String::new(), text, false);
    while let Some(start) = rest.find(|first: char| first.is_ascii_digit()) {
        let (digits, length) = run(&rest[start..]);
        if digits < LEAST_DIGITS {
            out.push_str(&rest[..start + length]);
        } else {
            found = true;
            out.push_str(rest[..start].trim_end_matches(['+', '(']));
            out.push_str(GONE);
        }
        rest = &rest[start + length..];
    }
    if !found {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// How many digits stand at the beginning, three separators between them at most, and how many bytes they take.
fn run(text: &str) -> (usize, usize) {
    let (mut digits, mut end, mut between) = (0, 0, 0);
    for (at, next) in text.char_indices() {
        if next.is_ascii_digit() {
            (digits, end, between) = (digits + 1, at + 1, 0);
        } else if " -.()/".contains(next) && between < 3 {
            between += 1;
        } else {
            break;
        }
    }
    (digits, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_phone_goes_and_a_code_stays() {
        for (text, without) in [
            ("", ""),
            ("landline", "landline"),
            ("30003: unreachable", "30003: unreachable"),
            ("123456 is a code", "123456 is a code"),
            ("The 'To' number +12125550134 is not valid", "The 'To' number … is not valid"),
            ("to:12125550134,from:+442071838750", "to:…,from:…"),
            ("+1 (212) 555-0134", "…"),
            ("(212) 555.0134 is off", "… is off"),
            ("+49 30 / 1234 567 é", "… é"),
            ("error 21211: 2125550134", "error 21211: …"),
            ("code 30006 30007", "code …"),
        ] {
            assert_eq!(without_phones(text), without, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_seven_digits_are_left(text in "[0-9a-z +().:é-]{0,60}") {
            let left = without_phones(&text).into_owned();
            let most = left.split(|one: char| !one.is_ascii_digit()).map(str::len).max().unwrap_or(0);
            prop_assert!(most < LEAST_DIGITS, "{left}");
            prop_assert_eq!(without_phones(&left).into_owned(), left.clone(), "what is done is done");
        }
    }
}
