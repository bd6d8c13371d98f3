//! A text cut into what the line carries: exactly where [`domain::segments`] counts the borders, so that what is priced is what is sent.
//!
//! Each part of several begins with a header of six bytes: reference, count, number (3GPP TS 23.040, §9.2.3.24.1).

use domain::segments::{self, UCS2_ALONE, UCS2_PART};

use super::alphabet::{self, Alphabet};

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The alphabet.
    pub data_coding: u8,
    /// Whether it begins with a header.
    pub headed: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Cuts a text; nothing if it takes more parts than a header can count. Parts with the same reference belong together.
#[must_use]
pub fn cut(text: &str, default: Alphabet, reference: u8) -> Option<Vec<Part>> {
    let (data_coding, whole) = alphabet::write(text, default);
    let borders = borders(text, data_coding);
    if borders.len() <= 1 {
        return Some(vec![Part { data_coding, headed: false, bytes: whole }]);
    }
    let count = u8::try_from(borders.len()).ok()?;
    let (mut parts, mut start) = (Vec::with_capacity(borders.len()), 0);
    for (number, end) in (1..=count).zip(borders) {
        let piece = &text[start..end];
        let written = if data_coding == 8 {
            piece.encode_utf16().flat_map(u16::to_be_bytes).collect()
        } else {
            alphabet::write(piece, default).1
        };
        let mut bytes = vec![5, 0, 3, reference, count, number];
        bytes.extend(written);
        parts.push(Part { data_coding, headed: true, bytes });
        start = end;
    }
    Some(parts)
}

/// The byte behind each part's last character.
fn borders(text: &str, data_coding: u8) -> Vec<usize> {
    let counted = segments::count(text);
    let is_gsm = counted.encoding == segments::Encoding::Gsm7;
    if !(is_gsm && data_coding == 8) {
        return counted.parts.iter().map(|part| part.end_byte).collect();
    }
    // A GSM text that the SMSC's alphabet lacks a character of: each of its characters is one unit.
    let ends: Vec<usize> = text.char_indices().map(|(place, one)| place + one.len_utf8()).collect();
    if ends.len() <= UCS2_ALONE {
        return vec![text.len()];
    }
    ends.chunks(UCS2_PART).filter_map(|part| part.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn together(parts: &[Part], default: Alphabet) -> String {
        let text = |part: &Part| {
            let body = if part.headed { &part.bytes[6..] } else { &part.bytes[..] };
            alphabet::read(body, part.data_coding, default).unwrap()
        };
        parts.iter().map(text).collect()
    }

    #[test]
    fn borders_are_where_the_price_puts_them() {
        let cases = [
            ("a".repeat(160), vec![160]),
            ("a".repeat(161), vec![159, 14]),
            ("a".repeat(152) + "€" + &"a".repeat(7), vec![158, 15]),
            ("ł".repeat(70), vec![140]),
            ("😀".repeat(67), vec![138, 138, 10]),
        ];
        for (text, expected) in cases {
            let parts = cut(&text, Alphabet::Gsm, 7).unwrap();
            assert_eq!(parts.iter().map(|part| part.bytes.len()).collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(together(&parts, Alphabet::Gsm), text);
        }
        let parts = cut(&("a".repeat(100) + "€"), Alphabet::Latin1, 7).unwrap();
        assert_eq!(parts.iter().map(|part| part.bytes.len()).collect::<Vec<_>>(), [140, 74]);
        assert_eq!(parts[1].bytes[..6], [5, 0, 3, 7, 2, 2]);
        assert_eq!(cut(&"a".repeat(153 * 255), Alphabet::Gsm, 7).map(|parts| parts.len()), Some(255));
        assert_eq!(cut(&"a".repeat(153 * 255 + 1), Alphabet::Gsm, 7), None);
    }

    proptest! {
        #[test]
        fn the_parts_of_any_text_are_as_many_as_are_priced_and_give_it_again(text in "[a-z€{}Ωéł😀👍🏽\n ]{0,400}") {
            let parts = cut(&text, Alphabet::Gsm, 0).unwrap();
            prop_assert_eq!(parts.len(), segments::count(&text).segments);
            prop_assert!(parts.iter().all(|part| part.bytes.len() <= 160 && (part.data_coding == 0 || part.bytes.len() <= 140)));
            prop_assert_eq!(together(&parts, Alphabet::Gsm), text.clone());
            let parts = cut(&text, Alphabet::Latin1, 0).unwrap();
            prop_assert_eq!(together(&parts, Alphabet::Latin1), text);
        }
    }
}
