//! Segments: what carriers bill. Counts a text exactly as it is given and says where each part ends.
//!
//! | encoding | when | alone | in several | never split |
//! |---|---|---|---|---|
//! | GSM-7 | every character is in GSM 03.38 | 160 septets | 153 | an escape pair |
//! | UCS-2 | any other text | 70 UTF-16 units | 67 | a surrogate pair, a grapheme |
//!
//! Some carriers keep graphemes (a flag, a family emoji) whole, some only surrogate pairs, so UCS-2 is filled
//! both ways and the larger count is quoted. A grapheme longer than a part starts a new one and is cut like
//! plain characters. Replacing look-alikes is in `smart`; the order of both steps is in `template::sendable`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::gsm;

/// Units of a GSM-7 text that goes alone (140 octets of 8 bits are 160 of 7).
pub const GSM7_ALONE: usize = 160;
/// Units of each part of a longer GSM-7 text (6 octets name the part).
pub const GSM7_PART: usize = 153;
/// Units of a UCS-2 text that goes alone.
pub const UCS2_ALONE: usize = 70;
/// Units of each part of a longer UCS-2 text.
pub const UCS2_PART: usize = 67;
/// How many characters that force UCS-2 are listed; the rest of them are not.
pub const MAX_CULPRITS: usize = 100;

/// How a text travels; one for the whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// GSM 03.38 with its extension table; a unit is a septet.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// UTF-16, which carriers call UCS-2; a unit is 16 bits.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        })
    }
}

/// One segment of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The byte of the text behind the part's last character.
    pub end_byte: usize,
    /// Its units, at most what a part holds.
    pub units: usize,
}

/// A character that GSM 03.38 lacks, so that the whole text is UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Culprit {
    /// The character.
    pub character: char,
    /// Its first byte in the text.
    pub byte: usize,
    /// Its number among the text's characters (Unicode scalar values), from 0.
    pub index: usize,
}

/// What a text costs and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How it travels.
    pub encoding: Encoding,
    /// Its units in that encoding.
    pub units: usize,
    /// How many segments are billed: as many as there are parts, at least 1, also for the empty text.
    pub segments: usize,
    /// The parts in order; the last one ends with the text.
    pub parts: Vec<Part>,
    /// The first `MAX_CULPRITS` characters that force UCS-2; none in GSM-7.
    pub culprits: Vec<Culprit>,
}

/// The text with every line break (CR LF, or a CR alone) as LF, which is how texts are stored, counted and sent.
#[must_use]
pub fn normalise(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}

/// Counts the text as it is (a CR LF that is still in it costs two units).
#[must_use]
pub fn count(text: &str) -> Counted {
    let culprits = culprits(text);
    let (encoding, parts) =
        if culprits.is_empty() { (Encoding::Gsm7, gsm7(text)) } else { (Encoding::Ucs2, ucs2(text)) };
    let units = parts.iter().map(|part| part.units).sum();
    Counted { encoding, units, segments: parts.len(), parts, culprits }
}

fn culprits(text: &str) -> Vec<Culprit> {
    let numbered = text.char_indices().enumerate();
    let missing = numbered.filter(|(_, (_, character))| gsm::units(*character).is_none());
    missing.map(|(index, (byte, character))| Culprit { character, byte, index }).take(MAX_CULPRITS).collect()
}

fn gsm7(text: &str) -> Vec<Part> {
    let septets = |character| gsm::units(character).unwrap_or_default();
    let units = text.chars().map(septets).sum();
    if units <= GSM7_ALONE {
        return alone(text, units);
    }
    let mut fill = Fill::new(GSM7_PART);
    for character in text.chars() {
        fill.add(character.len_utf8(), septets(character));
    }
    fill.parts
}

fn ucs2(text: &str) -> Vec<Part> {
    let units = text.encode_utf16().count();
    if units <= UCS2_ALONE {
        return alone(text, units);
    }
    let (by_unit, by_grapheme) = (by_unit(text), by_grapheme(text));
    if by_unit.len() > by_grapheme.len() { by_unit } else { by_grapheme }
}

fn by_unit(text: &str) -> Vec<Part> {
    let mut fill = Fill::new(UCS2_PART);
    for character in text.chars() {
        fill.add(character.len_utf8(), character.len_utf16());
    }
    fill.parts
}

fn by_grapheme(text: &str) -> Vec<Part> {
    let mut fill = Fill::new(UCS2_PART);
    for grapheme in text.graphemes(true) {
        let units = grapheme.encode_utf16().count();
        // CR LF is one grapheme to Unicode, but carriers part it.
        if grapheme == "\r\n" || units > UCS2_PART {
            if units > UCS2_PART {
                fill.close();
            }
            for character in grapheme.chars() {
                fill.add(character.len_utf8(), character.len_utf16());
            }
        } else {
            fill.add(grapheme.len(), units);
        }
    }
    fill.parts
}

fn alone(text: &str, units: usize) -> Vec<Part> {
    vec![Part { end_byte: text.len(), units }]
}

/// Fills parts in order; what is added at once stays together.
struct Fill {
    parts: Vec<Part>,
    room: usize,
    limit: usize,
}

impl Fill {
    fn new(limit: usize) -> Self {
        Self { parts: Vec::new(), room: 0, limit }
    }

    fn add(&mut self, bytes: usize, units: usize) {
        let start = self.parts.last().map_or(0, |part| part.end_byte);
        match self.parts.last_mut() {
            Some(part) if units <= self.room => {
                part.end_byte += bytes;
                part.units += units;
                self.room -= units;
            }
            _ => {
                self.parts.push(Part { end_byte: start + bytes, units });
                self.room = self.limit.saturating_sub(units);
            }
        }
    }

    /// What follows begins a new part.
    fn close(&mut self) {
        self.room = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str) -> Vec<usize> {
        count(text).parts.iter().map(|part| part.units).collect()
    }

    #[test]
    fn borders_are_where_the_standard_puts_them() {
        let a = |times: usize| "a".repeat(times);
        let cases = [
            (String::new(), vec![0]),
            (a(160), vec![160]),
            (a(161), vec![153, 8]),
            (a(159) + "€", vec![153, 8]),
            (a(152) + "€" + &a(7), vec![152, 9]),
            ("ł".repeat(70), vec![70]),
            ("ł".repeat(71), vec![67, 4]),
            ("😀".repeat(35), vec![70]),
            ("😀".repeat(67), vec![66, 66, 2]),
            ("ł".repeat(66) + "👩‍👩‍👧‍👦", vec![66, 11]),
            ("ł".repeat(66) + "\r\n" + "łłł", vec![67, 4]),
        ];
        for (text, expected) in cases {
            assert_eq!(units(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_grapheme_longer_than_a_part_is_cut_between_characters() {
        assert_eq!(units(&format!("abc Z{}", "\u{301}".repeat(68))), [4, 67, 2]);
        assert_eq!(units(&format!("Z{}", "\u{301}".repeat(100))), [67, 34]);
        assert_eq!(units(&format!("😀{}", "\u{200D}😀".repeat(40))), [66, 56]);
    }

    #[test]
    fn culprits_are_named_with_their_place() {
        let counted = count("Café ☕ at 5 – ok");
        assert_eq!(counted.encoding, Encoding::Ucs2);
        assert_eq!(
            counted.culprits,
            [Culprit { character: '☕', byte: 6, index: 5 }, Culprit { character: '–', byte: 15, index: 12 }]
        );
        assert_eq!(count(&"ł".repeat(5_000)).culprits.len(), MAX_CULPRITS);
        assert!(count("{€}").culprits.is_empty());
    }

    #[test]
    fn every_line_break_becomes_one_line_feed() {
        assert_eq!(normalise("a\r\nb\rc\n\r\nd"), "a\nb\nc\n\nd");
        assert!(matches!(normalise("a\nb"), Cow::Borrowed(_)));
    }

    #[test]
    fn encodings_read_as_carriers_name_them() {
        assert_eq!(format!("{} {}", Encoding::Gsm7, Encoding::Ucs2), "GSM-7 UCS-2");
        assert_eq!(serde_json::to_string(&Encoding::Ucs2).unwrap(), "\"UCS-2\"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn parts_cover_the_text_and_keep_their_limit(
            text in "\\PC{0,90}|[a-z€\\[\r\n]{0,400}|[ał😀\u{301}\u{200D}🇺🇸\r\n]{0,200}",
        ) {
            let counted = count(&text);
            let several = counted.parts.len() > 1;
            let limit = match counted.encoding {
                Encoding::Gsm7 => if several { GSM7_PART } else { GSM7_ALONE },
                Encoding::Ucs2 => if several { UCS2_PART } else { UCS2_ALONE },
            };
            prop_assert_eq!(counted.parts.len(), counted.segments);
            prop_assert_eq!(counted.parts.last().map(|part| part.end_byte), Some(text.len()));
            let mut start = 0;
            for part in &counted.parts {
                let slice = &text[start..part.end_byte];
                let units: usize = match counted.encoding {
                    Encoding::Gsm7 => slice.chars().filter_map(gsm::units).sum(),
                    Encoding::Ucs2 => slice.encode_utf16().count(),
                };
                prop_assert_eq!(units, part.units);
                prop_assert!(part.units <= limit && (part.units > 0 || text.is_empty()));
                start = part.end_byte;
            }
            if counted.encoding == Encoding::Ucs2 && several {
                prop_assert!(counted.segments >= by_unit(&text).len());
            }
        }
    }
}
