//! Names that a list has in capitals, or all small, as people write them: `JOHN O'NEIL` as `John O'Neil`.
//!
//! Pure. A name with both kinds of letters is somebody's own spelling and is never touched. What it cannot know:
//!
//! | written | becomes | and might be |
//! |---|---|---|
//! | `MACDONALD`, `MACIAS` | `Macdonald`, `Macias` | `MacDonald`: only after `Mc` a capital is certain |
//! | `VAN DER BERG`, `JAN VAN DER BERG` | `Van der Berg`, `Jan van der Berg` | `Van Der Berg`, as families in the US often write it |
//! | `DEANDRE`, `LEROY` | `Deandre`, `Leroy` | `DeAndre`, `LeRoy` |
//! | `JP`, `CJ`, `NG` | `JP`, `CJ`, `Ng` | a short name without a vowel, which is taken for initials; `Ng` is known |
//! | `AL`, `ED`, `AJ` | `Al`, `Ed`, `Aj` | initials with a vowel |
//! | `TRAN VI` | `Tran VI` | `Tran Vi`: behind a name it is taken for a number |
//! | `KA'IULANI` | `Ka'Iulani` | `Ka'iulani`: whether a capital follows the mark |

/// Words of companies and of lists of owners, which are written in capitals.
const CAPITALS: [&str; 14] =
    ["LLC", "LLP", "LLLP", "LP", "PLLC", "PLC", "PC", "INC", "LTD", "CORP", "DBA", "USA", "HOA", "REO"];
/// Numbers of kings and grandsons, wherever they stand; and those that are also a name, and so not in front.
const NUMBERS: [&str; 5] = ["II", "III", "IV", "VII", "VIII"];
const NUMBERS_BEHIND: [&str; 2] = ["VI", "IX"];
/// Without a vowel, and yet no initials; and those that are initials in front of a name.
const NO_INITIALS: [&str; 6] = ["MR", "MRS", "MS", "DR", "ST", "NG"];
const NO_INITIALS_BEHIND: [&str; 2] = ["JR", "SR"];
/// Small between two other words.
#[rustfmt::skip]
const SMALL: [&str; 23] = [
    "VAN", "VON", "DER", "DEN", "DE", "DEL", "DELLA", "DELLO", "DI", "DA", "DOS", "DAS", "DU", "LA", "LAS", "LOS", "ZU", "ZUR",
    "TEN", "TER", "OF", "AND", "THE",
];
/// The longest word that is taken for initials where it has no vowel.
const MAX_INITIALS: usize = 3;

/// Where a word stands among those of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Between,
    Last,
}

/// The name with small and capital letters; nothing where it has both already, or would stay as it is.
#[must_use]
pub fn recased(name: &str) -> Option<String> {
    if name.chars().any(char::is_lowercase) && name.chars().any(char::is_uppercase) {
        return None;
    }
    let words: Vec<&str> = name.split_inclusive(char::is_whitespace).collect();
    let is_word = |word: &&str| word.chars().any(char::is_alphabetic);
    let (first, last) = (words.iter().position(&is_word), words.iter().rposition(is_word));
    let place = |at| match at {
        _ if Some(at) == first => Place::First,
        _ if Some(at) == last => Place::Last,
        _ => Place::Between,
    };
    let text: String = words.iter().enumerate().map(|(at, word)| written(word, place(at))).collect();
    (text != name).then_some(text)
}

/// One word with the marks and blanks around it.
fn written(word: &str, place: Place) -> String {
    if word.chars().any(|one| one.is_ascii_digit()) {
        // A number, or a word with one: how it is written is part of it.
        return word.to_owned();
    }
    let letters: String = word.chars().filter(|one| one.is_alphabetic()).map(upper).collect();
    let is = |list: &[&str]| list.contains(&letters.as_str());
    let behind = place != Place::First;
    let capitals = is(&CAPITALS) || is(&NUMBERS) || (behind && is(&NUMBERS_BEHIND)) || has_dots_between(word);
    if capitals || (is_initials(&letters) && !is(&NO_INITIALS) && !(behind && is(&NO_INITIALS_BEHIND))) {
        return word.chars().map(upper).collect();
    }
    if place == Place::Between && is(&SMALL) {
        return word.chars().map(lower).collect();
    }
    titled(word)
}

/// Whether a word is single letters with a point behind each.
fn has_dots_between(word: &str) -> bool {
    let mut parts = word.trim().split('.').filter(|part| !part.is_empty());
    word.contains('.') && parts.all(|part| part.chars().filter(|one| one.is_alphabetic()).count() == 1)
}

/// Whether a word of capitals is so short and without a vowel that it is said letter by letter.
fn is_initials(letters: &str) -> bool {
    letters.len() <= MAX_INITIALS && letters.chars().all(|one| one.is_ascii_alphabetic() && !"AEIOUY".contains(one))
}

/// A capital at the beginning of each part, and after `Mc`.
fn titled(word: &str) -> String {
    let all: Vec<char> = word.chars().collect();
    let run = |from: usize| all[from..].iter().take_while(|one| is_of_word(**one)).count();
    let (mut text, mut begun) = (String::with_capacity(word.len()), 0);
    for (at, one) in all.iter().enumerate() {
        if !is_of_word(*one) {
            begun = at + 1;
            text.push(*one);
            continue;
        }
        let previous = at.checked_sub(1).map(|before| all[before]);
        let after_mark = previous.is_some_and(is_apostrophe) && at > 1 && all[at - 2].is_alphabetic();
        let after_mc = at == begun + 2 && run(begun) >= 5 && upper(all[begun]) == 'M' && upper(all[begun + 1]) == 'C';
        let capital = if after_mark { run(at) > 1 } else { at == begun || after_mc };
        text.push(if capital { upper(*one) } else { lower(*one) });
    }
    text
}

fn is_apostrophe(one: char) -> bool {
    matches!(one, '\'' | '’' | 'ʻ' | '`')
}

/// Whether a character goes on with a word: a letter, or a mark above the letter before it.
fn is_of_word(one: char) -> bool {
    (one.is_alphabetic() && one != 'ʻ') || matches!(one, '\u{300}'..='\u{36f}')
}

/// The capital of a letter that has one, and that is small again as the same letter.
fn upper(one: char) -> char {
    let capital = only(one.to_uppercase());
    capital.filter(|capital| only(capital.to_lowercase()) == Some(one)).unwrap_or(one)
}

/// The small letter of a capital, under the same condition.
fn lower(one: char) -> char {
    let small = only(one.to_lowercase());
    small.filter(|small| only(small.to_uppercase()) == Some(one)).unwrap_or(one)
}

/// The character where there is one.
fn only(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let first = letters.next()?;
    letters.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to(name: &str) -> String {
        recased(name).unwrap_or_else(|| name.to_owned())
    }

    #[test]
    fn names_in_capitals_are_written_as_people_write_them() {
        for (capitals, name) in [
            ("JOHN O'NEIL", "John O'Neil"),
            ("MCDONALD", "McDonald"),
            ("JOHN MCGEE-SMITH", "John McGee-Smith"),
            ("MCA", "Mca"),
            ("VAN DER BERG", "Van der Berg"),
            ("JAN VAN DER BERG", "Jan van der Berg"),
            ("MARIA DE LA CRUZ", "Maria de la Cruz"),
            ("WEI DU", "Wei Du"),
            ("MARY-ANN", "Mary-Ann"),
            ("JOSÉ NÚÑEZ", "José Núñez"),
            ("JOSE\u{301}E", "Jose\u{301}e"),
            ("JOHN SMITH III", "John Smith III"),
            ("III", "III"),
            ("VI NGUYEN VI", "Vi Nguyen VI"),
            ("JOHN SMITH JR", "John Smith Jr"),
            ("SMITH, JR.", "Smith, Jr."),
            ("JR", "JR"),
            ("J.R. EWING", "J.R. Ewing"),
            ("JOHN F. KENNEDY", "John F. Kennedy"),
            ("JOHN E SMITH", "John E Smith"),
            ("AL", "Al"),
            ("ED LYNN", "Ed Lynn"),
            ("JP", "JP"),
            ("TJ MAXWELL", "TJ Maxwell"),
            ("TY NG", "Ty Ng"),
            ("DR. ST. JOHN", "Dr. St. John"),
            ("ACME HOMES LLC", "Acme Homes LLC"),
            ("SMITH & SONS, INC.", "Smith & Sons, INC."),
            ("ESTATE OF JOHN AND MARY SMITH", "Estate of John and Mary Smith"),
            ("D’ANGELO", "D’Angelo"),
            ("MIA'S", "Mia's"),
            ("SMITH/JONES", "Smith/Jones"),
            ("3M COMPANY", "3M Company"),
            ("1st bank", "1st Bank"),
            ("MACDONALD", "Macdonald"),
            ("STRAßE", "STRAßE"),
            ("  JOHN   SMITH ", "  John   Smith "),
            ("ИВАНОВ", "Иванов"),
            ("李 小龍", "李 小龍"),
            ("", ""),
        ] {
            assert_eq!(to(capitals), name);
        }
    }

    #[test]
    fn small_names_become_what_capitals_become_and_mixed_ones_stay() {
        for small in ["john o'neil", "mcdonald", "jan van der berg", "j.r. ewing", "jp", "acme homes llc", "smith iii"]
        {
            assert_eq!(to(small), to(&small.to_uppercase()), "{small}");
        }
        for own in ["DeAndre", "McDONALD", "JOHN Smith", "iPhone Bob", "bell Hooks", "LaToya", "Mc"] {
            assert_eq!(recased(own), None, "{own}");
        }
    }

    proptest! {
        #[test]
        fn it_changes_the_case_of_letters_alone_and_once(name in any::<String>()) {
            let once = to(&name);
            let fold = |text: &str| text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect::<String>();
            prop_assert_eq!(fold(&once), fold(&name));
            prop_assert_eq!(once.chars().count(), name.chars().count());
            prop_assert_eq!(to(&once), once);
        }

        #[test]
        fn it_does_so_with_what_names_are_made_of(
            name in "([A-ZÀ-Ý]{1,6}|VAN|DER|DE|LLC|III|JR|MC[A-Z]{3}|[A-Z]\\.[A-Z]\\.)([ '’.,/&-]{1,2}([A-ZÀ-Ý]{1,6}|VAN|DER|DE|LLC|III|JR|MC[A-Z]{3})){0,4}",
            small in any::<bool>(),
        ) {
            let name = if small { name.to_lowercase() } else { name };
            let once = to(&name);
            prop_assert_eq!(once.to_lowercase(), name.to_lowercase());
            prop_assert_eq!(to(&once), once);
        }
    }
}
