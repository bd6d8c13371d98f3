//! The bytes of a text: which alphabet an SMSC means by a data coding, written and read.
//!
//! | data coding | is read as |
//! |---|---|
//! | 0, and what is not known | the SMSC's default alphabet, which its account says |
//! | 1, 3 | Latin-1 (ASCII is part of it) |
//! | 8 | UTF-16, the high byte first |
//! | 2, 4 | data for a machine: no text |
//!
//! Reading is total: a byte that means nothing becomes U+FFFD.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::gsm;

/// Announces a character of the extension table.
const ESCAPE: u8 = 0x1B;

/// What an SMSC means by data coding 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alphabet {
    /// GSM 03.38, a septet in each byte.
    #[default]
    Gsm,
    /// ISO 8859-1.
    Latin1,
}

/// Both tables of GSM 03.38, by their bytes: made from the table that counts.
static GSM: LazyLock<BTreeMap<Vec<u8>, char>> = LazyLock::new(|| {
    let characters = (0..=0xFFFF).filter_map(char::from_u32);
    characters.filter_map(|one| gsm::encode(one.encode_utf8(&mut [0; 4])).map(|bytes| (bytes, one))).collect()
});

/// A text under a data coding; nothing if that is no text.
#[must_use]
pub fn read(bytes: &[u8], data_coding: u8, default: Alphabet) -> Option<String> {
    match (data_coding, default) {
        (2 | 4, _) => None,
        (8, _) => Some(utf16(bytes)),
        (1 | 3, _) | (_, Alphabet::Latin1) => Some(bytes.iter().copied().map(char::from).collect()),
        _ => Some(septets(bytes)),
    }
}

/// UTF-16, the high byte first; half a surrogate pair and a byte left over become U+FFFD.
#[must_use]
pub fn utf16(bytes: &[u8]) -> String {
    let pairs = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0xFFFD,
    });
    char::decode_utf16(pairs).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn septets(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, others @ ..] = rest {
        rest = others;
        // An unknown pair is shown as its second half, as the standard asks (3GPP TS 23.038 §6.2.1.1).
        let pair = (*first == ESCAPE).then(|| others.first()).flatten().and_then(|second| {
            let known = GSM.get([ESCAPE, *second].as_slice()).copied();
            known.inspect(|_| rest = &others[1..])
        });
        match pair.or_else(|| GSM.get([*first].as_slice()).copied()) {
            Some(character) => text.push(character),
            None if *first == ESCAPE => {}
            None => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    text
}

/// The data coding and the bytes in which a text goes out: the SMSC's default alphabet, or UTF-16 for what that lacks.
#[must_use]
pub fn write(text: &str, default: Alphabet) -> (u8, Vec<u8>) {
    let plain = match default {
        Alphabet::Gsm => gsm::encode(text),
        // A character outside GSM would turn the text into UCS-2 at the SMSC, which counts by parts of 70.
        Alphabet::Latin1 if text.chars().all(|one| gsm::units(one).is_some()) => {
            text.chars().map(|one| u8::try_from(u32::from(one)).ok()).collect()
        }
        Alphabet::Latin1 => None,
    };
    plain.map_or_else(|| (8, text.encode_utf16().flat_map(u16::to_be_bytes).collect()), |bytes| (0, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_again_in_either_alphabet() {
        for text in ["Hi {Ann} €5 @ Straße", "Ωμέγα 😀", "", "a|b~c", "Ñandú\nÄ"] {
            for default in [Alphabet::Gsm, Alphabet::Latin1] {
                let (coding, bytes) = write(text, default);
                assert_eq!(read(&bytes, coding, default).as_deref(), Some(text), "{default:?}");
            }
        }
        assert_eq!(write("@€", Alphabet::Gsm), (0, vec![0, 0x1B, 0x65]));
        assert_eq!(write("@é", Alphabet::Latin1), (0, vec![0x40, 0xE9]));
        assert_eq!(write("€", Alphabet::Latin1), (8, vec![0x20, 0xAC]));
        assert_eq!(write("ł", Alphabet::Gsm), (8, vec![0x01, 0x42]));
    }

    #[test]
    fn bytes_that_mean_nothing_lose_nothing_else() {
        assert_eq!(read(&[0x41, 0x1B, 0x41, 0xFF, 0x42, 0x1B], 0, Alphabet::Gsm).as_deref(), Some("AA\u{FFFD}B"));
        assert_eq!(utf16(&[0xD8, 0x3D, 0x00, 0x41, 0x42]), "\u{FFFD}A\u{FFFD}");
        assert_eq!(read(&[1, 2], 4, Alphabet::Gsm), None);
        assert_eq!(read(&[0xE9], 3, Alphabet::Gsm).as_deref(), Some("é"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, coding: u8) {
            for default in [Alphabet::Gsm, Alphabet::Latin1] {
                prop_assert_eq!(read(&bytes, coding, default).is_none(), matches!(coding, 2 | 4));
            }
        }

        #[test]
        fn any_text_is_read_as_it_was_written(text: String) {
            let (coding, bytes) = write(&text, Alphabet::Gsm);
            prop_assert_eq!(read(&bytes, coding, Alphabet::Gsm), Some(text));
        }
    }
}
