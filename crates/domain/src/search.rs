//! What contacts and texts are found by: text folded to plain words, and the keys under which they are kept.
//!
//! | kept | under |
//! |---|---|
//! | a name | each of its words with all others behind it (`^ann lee`, `lee ann`): any order, any beginning of a word. The whole, after a `^`, is its place in the order of names as well: [`order_key`] |
//! | a phone | its last seven and its last four digits, after a `#`; its beginning is found by the phone itself |
//! | an address | the whole, and the street with the house's number behind it |
//! | an e-mail address, a company | the whole |
//! | a text that a person wrote | each word once |
//! | what a field holds, where contacts are kept by it | see [`value_keys`] |
//!
//! Pure: how keys are stored and looked up says `store::search`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest key but that of a whole name, in bytes.
const MAX_KEY: usize = 64;
/// Most words of a name that begin a key.
const MAX_NAME_WORDS: usize = 5;
/// Most different words of one text that are kept.
const MAX_TEXT_WORDS: usize = 64;
/// The shortest word of a text that is kept, in characters.
const MIN_WORD: usize = 2;
/// Most words of a question that count.
pub const MAX_ASKED: usize = 4;
/// The fewest digits that are taken for a part of a phone.
const MIN_DIGITS: usize = 3;

/// Text as it is compared: lower case, no accents, words of letters and digits with one blank between them. An
/// apostrophe joins (`O'Brien` is `obrien`), everything else that is no letter or digit parts.
#[must_use]
pub fn fold(text: &str) -> String {
    // ASCII has no accents and is its own plainest form, so the tables need not be asked: most text, in a third of the time.
    if text.is_ascii() {
        folded(text.chars(), text.len())
    } else {
        folded(text.nfkd().filter(|character| !is_combining_mark(*character)), text.len())
    }
}

fn folded(characters: impl Iterator<Item = char>, about: usize) -> String {
    let mut folded = String::with_capacity(about);
    let mut gap = false;
    for character in characters {
        if matches!(character, '\'' | '\u{2019}' | '\u{2bc}') {
            continue;
        }
        if !character.is_alphanumeric() {
            gap = true;
            continue;
        }
        if gap && !folded.is_empty() {
            folded.push(' ');
        }
        gap = false;
        if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
        } else {
            folded.extend(character.to_lowercase());
        }
    }
    folded
}

/// With this the key of a whole name begins. No folded word does.
const ORDER: char = '^';
/// The first character behind it: no key of a whole name comes after what begins so.
pub const ORDER_END: &str = "_";
/// As many characters of a name are in its key; of names that begin alike that of the older contact comes first.
const ORDER_CHARACTERS: usize = 63;

/// As much of a folded name as decides its place in the order of names: its first 63 characters.
#[must_use]
pub fn in_order(folded: &str) -> &str {
    folded.char_indices().nth(ORDER_CHARACTERS).map_or(folded, |(end, _)| &folded[..end])
}

/// The key of a whole name, folded, by which its contact stands in the order of names, and how keys of names begin that begin so. Every contact
/// has one, also without a name.
#[must_use]
pub fn order_key(folded: &str) -> String {
    format!("{ORDER}{}", in_order(folded))
}

/// The keys of a contact.
#[must_use]
pub fn contact_keys<'f>(name: &str, phone: &str, field: impl Fn(&str) -> Option<&'f str>) -> Vec<String> {
    let mut keys = Vec::new();
    let name = fold(name);
    let words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
    for first in 1..words.len().min(MAX_NAME_WORDS) {
        let (behind, ahead) = words.split_at(first);
        keys.push([ahead, behind].concat().join(" "));
    }
    for whole in ["email", "company", "address"] {
        keys.extend(field(whole).map(fold));
    }
    let address = field("address").map(fold);
    let parts = address.as_deref().and_then(|address| address.split_once(' '));
    let street = parts.filter(|(number, _)| number.starts_with(|c: char| c.is_ascii_digit()));
    keys.extend(street.map(|(number, street)| format!("{street} {number}")));
    let digits = phone.trim_start_matches('+');
    for last in [7, 4] {
        let end = digits.len().checked_sub(last).and_then(|from| digits.get(from..));
        keys.extend(end.map(|end| format!("#{end}")));
    }
    let mut keys = finished(keys);
    keys.push(order_key(&name));
    keys
}

/// The key that a whole name was kept under before it had one that begins with a `^`; nothing of a name without words.
#[must_use]
pub fn plain_key(folded: &str) -> Option<String> {
    Some(cut(folded.to_owned())).filter(|key| !key.is_empty())
}

/// The words of a text, each once.
#[must_use]
pub fn text_words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut words: Vec<String> = folded
        .split(' ')
        .filter(|word| word.chars().count() >= MIN_WORD)
        .take(MAX_TEXT_WORDS)
        .map(str::to_owned)
        .collect();
    words.sort_unstable();
    finished(words)
}

/// Under this key are contacts whose field is empty.
pub const EMPTY: &str = "-";
/// Under this key are contacts whose field holds anything.
pub const FILLED: &str = "+";
/// Under this key are contacts whose field holds more words than there are keys for.
pub const LONG: &str = "~";
/// Most words of a value that begin a key.
const MAX_VALUE_WORDS: usize = 12;

/// The keys of what a field of a contact holds: [`EMPTY`], or [`FILLED`] with the whole value and, for each of its first 12 words, the
/// value from there on; [`LONG`] where it has more.
#[must_use]
pub fn value_keys(value: &str) -> Vec<String> {
    let value = value.trim();
    if value.is_empty() {
        return vec![EMPTY.to_owned()];
    }
    let folded = fold(value);
    let mut keys = vec![FILLED.to_owned(), whole_key(value)];
    let mut rest = Some(folded.as_str()).filter(|folded| !folded.is_empty());
    for _ in 0..MAX_VALUE_WORDS {
        let Some(from) = rest else { break };
        keys.push(beginning_key(from));
        rest = from.split_once(' ').map(|(_, behind)| behind);
    }
    keys.extend(rest.map(|_| LONG.to_owned()));
    finished(keys)
}

/// The key of a field that holds just this; what has neither letter nor digit is kept as it is written.
#[must_use]
pub fn whole_key(value: &str) -> String {
    let folded = fold(value);
    cut(format!("={}", if folded.is_empty() { value.trim() } else { &folded }))
}

/// How the key of a field begins that has these words in it, the last of them perhaps as a beginning.
#[must_use]
pub fn beginning_key(folded: &str) -> String {
    cut(format!(" {folded}"))
}

/// Where the keys end that begin like this.
#[must_use]
pub fn after_all(beginning: &str) -> String {
    format!("{beginning}\u{10ffff}")
}

/// Cut to the length of a key, which that of a whole name may exceed.
fn cut(mut key: String) -> String {
    let mut end = key.len().min(MAX_KEY);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key.truncate(end);
    key
}

/// Cut to length, none empty, each once.
fn finished(keys: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(keys.len());
    for key in keys {
        let key = cut(key);
        if !key.is_empty() && !kept.contains(&key) {
            kept.push(key);
        }
    }
    kept
}

/// What a person looks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Its words, folded, the longest first; at most [`MAX_ASKED`].
    pub words: Vec<String>,
    /// The word that stands first.
    pub first: String,
    /// Its digits, if it may be a phone or a part of one.
    pub digits: Option<String>,
}

impl Asked {
    /// Reads what was typed.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let folded = fold(text);
        let mut words: Vec<String> = folded.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        words.truncate(MAX_ASKED);
        let first = words.first().cloned().unwrap_or_default();
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        words.dedup();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_phone = text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-().".contains(c));
        Self { words, first, digits: (is_phone && digits.len() >= MIN_DIGITS).then_some(digits) }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.digits.is_none()
    }

    /// The beginnings of the E.164 forms that the digits may mean: North America's, and any country's if all of it was typed.
    #[must_use]
    pub fn phone_beginnings(&self) -> Vec<String> {
        let Some(digits) = &self.digits else { return Vec::new() };
        let national = digits.strip_prefix('1').filter(|rest| rest.len() >= MIN_DIGITS).unwrap_or(digits);
        let mut beginnings = vec![format!("+1{national}")];
        if !digits.starts_with('1') {
            beginnings.push(format!("+{digits}"));
        }
        beginnings
    }

    /// Whether a text holds each word, or a word that begins with it.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let folded = fold(text);
        self.words.iter().all(|asked| folded.split(' ').any(|word| word.starts_with(asked.as_str())))
    }

    /// Where in a text the first of its words stands that begins with one of those asked: from and to, in bytes.
    #[must_use]
    pub fn place_in(&self, text: &str) -> Option<(usize, usize)> {
        let mut from = None;
        for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
            let inside =
                character.is_alphanumeric() || is_combining_mark(character) || matches!(character, '\'' | '\u{2019}');
            match (from, inside) {
                (None, true) => from = Some(at),
                (Some(start), false) => {
                    let word = fold(&text[start..at]);
                    if self.words.iter().any(|asked| word.starts_with(asked.as_str())) {
                        return Some((start, at));
                    }
                    from = None;
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(name: &str, phone: &str, fields: &[(&str, &'static str)]) -> Vec<String> {
        contact_keys(name, phone, |key| fields.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
    }

    #[test]
    fn what_a_field_holds_is_kept_whole_and_from_each_word_on() {
        assert_eq!(value_keys("  "), ["-"]);
        assert_eq!(value_keys(" São Paulo"), ["+", "=sao paulo", " sao paulo", " paulo"]);
        assert_eq!(value_keys("***"), ["+", "=***"]);
        let long = value_keys(&"word ".repeat(13));
        assert_eq!(long.last().map(String::as_str), Some(LONG), "{long:?}");
        assert!(!value_keys(&"word ".repeat(12)).contains(&LONG.to_owned()));
        assert!(value_keys(&"é".repeat(200)).iter().all(|key| key.len() <= MAX_KEY));
    }

    #[test]
    fn text_is_folded_to_plain_words() {
        for (text, folded) in [
            ("  Ann   Lee ", "ann lee"),
            ("José Müller-Núñez", "jose muller nunez"),
            ("O’Brien, Pat", "obrien pat"),
            ("ann@x.example", "ann x example"),
            ("ÅNGSTRÖM ﬁn", "angstrom fin"),
            ("🎉 ", ""),
            ("Łódź", "łodz"),
            ("12 Oak St., Apt. 3", "12 oak st apt 3"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn a_contact_is_kept_under_each_word_of_its_name_and_the_end_of_its_phone() {
        let got = keys("Ann Mae Lee", "+13055550177", &[("address", "12 Oak Street"), ("email", "ann@x.example")]);
        let expected = [
            "mae lee ann",
            "lee ann mae",
            "ann x example",
            "12 oak street",
            "oak street 12",
            "#5550177",
            "#0177",
            "^ann mae lee",
        ];
        assert_eq!(got, expected);
        assert_eq!(keys("", "+1", &[]), ["^"]);
    }

    #[test]
    fn so_many_characters_of_a_name_decide_its_place_by_name() {
        let long = "é".repeat(70);
        assert_eq!(in_order(&long), "é".repeat(63));
        assert_eq!(in_order("ann lee"), "ann lee");
        assert_eq!(order_key(&long), format!("^{}", "é".repeat(63)));
        // The widest character: what keeps keys in memory has one byte for the length of one.
        assert!(order_key(&"𐐨".repeat(70)).len() <= usize::from(u8::MAX));
    }

    proptest! {
        #[test]
        fn names_lie_together_and_in_their_order(one in ".{0,70}", other in ".{0,70}") {
            let [one, other] = [one, other].map(|name| fold(&name));
            for name in [&one, &other] {
                prop_assert!(order_key("").as_str() <= order_key(name).as_str() && order_key(name).as_str() < ORDER_END);
                prop_assert!(!Asked::read(name).words.iter().any(|word| order_key(name).starts_with(word.as_str())));
            }
            if one.chars().zip(other.chars()).take(ORDER_CHARACTERS).any(|(mine, theirs)| mine != theirs) {
                prop_assert_eq!(order_key(&one).cmp(&order_key(&other)), one.cmp(&other));
            }
        }
    }

    #[test]
    fn a_question_is_words_and_perhaps_a_phone() {
        let asked = Asked::read("(305) 555-01");
        assert_eq!(asked.digits.as_deref(), Some("30555501"));
        assert_eq!(asked.phone_beginnings(), ["+130555501", "+30555501"]);
        assert_eq!(Asked::read("+1 305 555").phone_beginnings(), ["+1305555"]);
        assert_eq!(Asked::read("12 oak").digits, None);
        assert_eq!(Asked::read("12").digits, None);
        assert_eq!(Asked::read("Al Johnson").words, ["johnson", "al"]);
        assert!(Asked::read(" … ").is_empty());
    }

    #[test]
    fn words_are_found_in_a_text_by_their_beginnings() {
        let text = "Is José’s house still available?";
        for (asked, found) in [("avail", true), ("jose house", true), ("ouse", false), ("avail sold", false)] {
            assert_eq!(Asked::read(asked).is_in(text), found, "{asked}");
        }
        let (from, to) = Asked::read("avail").place_in(text).unwrap();
        assert_eq!(&text[from..to], "available");
        assert_eq!(Asked::read("sold").place_in(text), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_word_is_found_again(text in "\\PC{0,200}") {
            let words = text_words(&text);
            prop_assert!(words.iter().all(|word| word.len() <= MAX_KEY && !word.contains(' ')));
            for word in &words {
                let asked = Asked { words: vec![word.clone()], ..Asked::default() };
                prop_assert!(asked.is_in(&text));
                let _ = asked.place_in(&text);
            }
            let _ = keys(&text, &text, &[]);
        }
    }
}
