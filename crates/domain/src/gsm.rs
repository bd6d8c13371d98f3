//! The GSM 03.38 alphabet (3GPP TS 23.038 §6.2.1): which characters it has, what each costs, its codes.
//!
//! The default alphabet and its extension table only; national language tables are never used, because
//! no carrier here documents them and a phone without them shows wrong letters.

/// The default alphabet in the order of its codes 0 to 127; code 27 (escape) stands as U+FFFF, which is no character.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{FFFF}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table: each is sent as the escape code and this code, two units that are never parted.
const EXTENSION: [(char, u8); 10] = [
    ('\u{C}', 0x0A),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2F),
    ('[', 0x3C),
    ('~', 0x3D),
    (']', 0x3E),
    ('|', 0x40),
    ('€', 0x65),
];

/// Announces a character of the extension table.
const ESCAPE: u8 = 0x1B;

/// The septets that the character costs: 1 or 2, or nothing if the alphabet lacks it.
#[must_use]
pub fn units(character: char) -> Option<usize> {
    match character {
        '\u{C}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        '\n' | '\r' | ' '..='_' | 'a'..='z' => Some(1),
        '¡' | '£' | '¤' | '¥' | '§' | '¿' | 'Ä' | 'Å' | 'Æ' | 'Ç' | 'É' | 'Ñ' | 'Ö' | 'Ø' | 'Ü' | 'ß' => {
            Some(1)
        }
        'à' | 'ä' | 'å' | 'æ' | 'è' | 'é' | 'ì' | 'ñ' | 'ò' | 'ö' | 'ø' | 'ù' | 'ü' => Some(1),
        'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' => Some(1),
        _ => None,
    }
}

/// The text in unpacked septets, one a byte (what SMPP sends under data coding 0), or nothing if a character is missing.
#[must_use]
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        if units(character)? == 2 {
            let (_, code) = EXTENSION.iter().find(|(extension, _)| *extension == character)?;
            septets.extend([ESCAPE, *code]);
        } else {
            let code = BASIC.chars().position(|basic| basic == character)?;
            septets.push(u8::try_from(code).ok()?);
        }
    }
    Some(septets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_128_codes_and_ten_extensions() {
        assert_eq!(BASIC.chars().count(), 128);
        let basic: String = BASIC.chars().filter(|character| *character != '\u{FFFF}').collect();
        let cost =
            |wanted: usize| (0..=0x10FFFF).filter_map(char::from_u32).filter(|c| units(*c) == Some(wanted)).count();
        assert_eq!((cost(1), cost(2)), (127, EXTENSION.len()));
        assert!(basic.chars().all(|character| units(character) == Some(1)));
        assert!(EXTENSION.iter().all(|(character, _)| units(*character) == Some(2)));
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        assert_eq!(encode("@Az à_§"), Some(vec![0x00, 0x41, 0x7A, 0x20, 0x7F, 0x11, 0x5F]));
        assert_eq!(encode("€["), Some(vec![0x1B, 0x65, 0x1B, 0x3C]));
        for missing in ["ç", "á", "`", "\t", "\u{1B}", "\u{FFFF}", "Α"] {
            assert_eq!(encode(missing), None, "{missing:?}");
        }
    }
}
