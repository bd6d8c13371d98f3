//! Smart encoding: look-alikes become GSM characters, so that a curly quote does not double a price.
//!
//! The 271 replacements are the ones that Twilio's calculator publishes (`data/smart.tsv`). They apply to
//! every text, also to one that an emoji keeps in UCS-2. A text can grow (a tab becomes 7 spaces), and a
//! text of nothing but zero-width characters becomes empty. Counting is in `segments`.

use std::borrow::Cow;
use std::sync::LazyLock;

static TABLE: LazyLock<Vec<(char, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../data/smart.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut table: Vec<_> =
        lines.map(|line| entry(line).expect("every line is code point, quoted text, name")).collect();
    table.sort_unstable_by_key(|(character, _)| *character);
    table
});

fn entry(line: &str) -> Option<(char, &str)> {
    let mut columns = line.split('\t');
    let character = char::from_u32(u32::from_str_radix(columns.next()?, 16).ok()?)?;
    let replacement = columns.next()?.strip_prefix('"')?.strip_suffix('"')?;
    Some((character, replacement))
}

/// What is sent instead of the character: up to 7 characters, perhaps none; nothing if it is sent as it is.
#[must_use]
pub fn replacement(character: char) -> Option<&'static str> {
    if matches!(character, '\n' | '\r' | ' '..='_' | 'a'..='~') {
        return None;
    }
    let place = TABLE.binary_search_by_key(&character, |(key, _)| *key).ok()?;
    Some(TABLE[place].1)
}

/// The text with all its look-alikes replaced; borrowed if there is none. Doing it twice changes nothing more.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    let Some(first) = text.char_indices().find(|(_, character)| replacement(*character).is_some()) else {
        return Cow::Borrowed(text);
    };
    let mut encoded = String::with_capacity(text.len());
    encoded.push_str(&text[..first.0]);
    for character in text[first.0..].chars() {
        match replacement(character) {
            Some(replacement) => encoded.push_str(replacement),
            None => encoded.push(character),
        }
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsm;
    use proptest::prelude::*;

    #[test]
    fn look_alikes_become_gsm_characters() {
        let cases = [
            ("“Hello” — it’s us…", "\"Hello\" - it's us..."),
            ("a\u{A0}b\tc", "a  b       c"),
            ("1\u{200B}2\u{FEFF}", "12"),
            ("¼ or ½", "1/4 or 1/2"),
            ("ＡＢ１！", "AB1!"),
            ("😀 “x”", "😀 \"x\""),
            ("é ñ € à", "é ñ € à"),
        ];
        for (text, expected) in cases {
            assert_eq!(encode(text), expected, "{text}");
        }
        assert!(matches!(encode("plain {text} ~"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_table_is_whole_and_only_gives_what_gsm_has() {
        assert_eq!(TABLE.len(), 271);
        for (character, replacement) in TABLE.iter() {
            assert_eq!(gsm::units(*character), None, "{character:?} needs no replacement");
            assert!(replacement.chars().all(|c| gsm::units(c).is_some() && super::replacement(c).is_none()));
            assert_eq!(super::replacement(*character), Some(*replacement), "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn replacing_twice_is_replacing_once(text in "\\PC{0,40}|[\u{0}-\u{FF}‐-―‘-‟]{0,40}") {
            let once = encode(&text).into_owned();
            prop_assert_eq!(encode(&once), once.as_str());
        }
    }
}
