//! Splits Rust source into code and comments, so that no rule trips over a text or a doc line.
//!
//! Both layers keep the length and the line breaks of the source; whatever does not belong to a
//! layer is blank in it, and the inside of strings is blank in both. It knows nested comments,
//! raw strings and lifetimes; it does not know macros that make up tokens, which we do not write.

/// The two layers of one source text.
pub(crate) struct Layers {
    pub(crate) code: String,
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Code,
    Comment,
    Text,
}

/// Splits a source text.
pub(crate) fn split(source: &str) -> Layers {
    let chars: Vec<char> = source.chars().collect();
    let mut layers = Layers { code: String::new(), comments: String::new() };
    let mut place = 0;
    while place < chars.len() {
        let (layer, length) = token(&chars[place..], place.checked_sub(1).map(|before| chars[before]));
        for char in &chars[place..place + length] {
            let keep = |wanted| if layer == wanted || *char == '\n' { *char } else { ' ' };
            layers.code.push(keep(Layer::Code));
            layers.comments.push(keep(Layer::Comment));
        }
        place += length;
    }
    layers
}

/// The layer of what begins here, and how many characters it has.
fn token(rest: &[char], before: Option<char>) -> (Layer, usize) {
    let in_word = before.is_some_and(|char| char.is_alphanumeric() || char == '_');
    match rest {
        ['/', '/', ..] => (Layer::Comment, rest.iter().position(|char| *char == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => (Layer::Comment, block_comment(rest)),
        ['"', ..] => (Layer::Text, quoted(rest, '"')),
        ['r', '"' | '#', ..] if !in_word => raw_string(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !in_word => raw_string(rest, 2),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Layer::Text, quoted(rest, '\'')),
        _ => (Layer::Code, 1),
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut place) = (0, 0);
    while place < rest.len() {
        match rest[place..] {
            ['/', '*', ..] => (depth, place) = (depth + 1, place + 2),
            ['*', '/', ..] => (depth, place) = (depth - 1, place + 2),
            _ => place += 1,
        }
        if depth == 0 {
            break;
        }
    }
    place
}

/// The length of a string or character with escapes, its quotes included.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut place = 1;
    while place < rest.len() && rest[place] != quote {
        place += if rest[place] == '\\' { 2 } else { 1 };
    }
    (place + 1).min(rest.len())
}

/// A raw string whose hashes begin after so many characters; `r#type` is a plain word.
fn raw_string(rest: &[char], prefix: usize) -> (Layer, usize) {
    let hashes = rest[prefix..].iter().take_while(|char| **char == '#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&'"') {
        return (Layer::Code, 1);
    }
    let closes = |place: &usize| {
        rest[*place] == '"' && rest.len() > place + hashes && rest[place + 1..=place + hashes].iter().all(|c| *c == '#')
    };
    let length = (open + 1..rest.len()).find(closes).map_or(rest.len(), |place| place + hashes + 1);
    (Layer::Text, length)
}

/// The lines (from 0) on which one of the paths or words stands by itself, not within a longer word.
pub(crate) fn lines_naming<'a>(code: &str, words: &[&'a str]) -> Vec<(usize, &'a str)> {
    let lines = code.lines().enumerate();
    lines.filter_map(|(line, text)| words.iter().find(|word| names(text, word)).map(|word| (line, *word))).collect()
}

/// Whether the word stands by itself in this line.
pub(crate) fn names(line: &str, word: &str) -> bool {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(word).any(|(place, _)| {
        let before = line[..place].chars().next_back();
        let after = line[place + word.len()..].chars().next();
        let open_end = word.ends_with(|char| !is_word(char));
        !before.is_some_and(is_word) && (open_end || !after.is_some_and(is_word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_texts_are_told_apart() {
        let cases = [
            ("let a = 1; // note", "let a = 1;", "// note"),
            ("let a = \"// \\\" no\"; b", "let a =           ; b", ""),
            ("a /* x /* y */ z */ b", "a                   b", "/* x /* y */ z */"),
            ("r#\"say \"hi\" \"# + c", "+ c", ""),
            ("br\"x\" + c", "+ c", ""),
            ("fn f<'a>(x: &'a str) { '\"' }", "fn f<'a>(x: &'a str) {     }", ""),
            ("let q = '\\''; d", "let q =     ; d", ""),
            ("r#type + c", "r#type + c", ""),
        ];
        for (source, code, comment) in cases {
            let layers = split(source);
            assert_eq!(layers.code.trim(), code, "{source}");
            assert_eq!(layers.comments.trim(), comment, "{source}");
            assert_eq!(layers.code.chars().count(), source.chars().count(), "{source}");
        }
    }

    #[test]
    fn a_word_inside_a_longer_one_is_not_it() {
        assert!(names("let x = rusqlite::open();", "rusqlite"));
        assert!(!names("let x = my_rusqlite_x;", "rusqlite"));
        assert!(names("x = rand::rng();", "rand::rng"));
        assert!(!names("x = rand::rngs::StdRng;", "rand::rng"));
    }
}
