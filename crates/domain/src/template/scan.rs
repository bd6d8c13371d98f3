//! Tells variables from text.
//!
//! | written | read as |
//! |---|---|
//! | `{name}`, `{name\|fallback}`, no braces inside, name of a field | variable |
//! | the same, name of no field but it looks like a name: a letter in it, else only letters, digits, blanks and `_-'.&/#` | refused |
//! | any other brace: `{`, `}`, `{}`, `{3}`, `{:)}`, `{see below, or call}` | text |
//! | `<name>`, `<name\|fallback>`, name of a field | variable |
//! | any other angle: `<3`, `x < y and y > z`, `<b>` | text |
//!
//! Braces that enclose a variable pair by pair belong to it (`{{name}}`, `{{{name}}}`); what is left over on
//! one side is text. So the saved form reads back as the same template. A fallback may be empty, which says
//! "or nothing". One pass; every character is looked at a fixed number of times.

use super::fields::{self, Fields, key};
use super::{Piece, Place, TemplateError};
use crate::segments;

pub(super) fn pieces(text: &str, known: &Fields) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let (mut literal, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['{', '<']) {
        let open = at + found;
        let Some((group, close)) = group(text, open) else {
            at = open + 1;
            continue;
        };
        let angle = text.as_bytes()[open] == b'<';
        let Some(variable) = variable(group, known) else {
            if !angle && looks_like_a_name(name(group)) {
                let name = name(group).trim().to_owned();
                return Err(TemplateError::Unknown { name, at: Place::of(text, open) });
            }
            at = open + 1;
            continue;
        };
        let pairs = pairs(&text[literal..open], &text[close..]);
        push_text(&mut pieces, &text[literal..open - pairs]);
        pieces.push(variable);
        at = close + pairs;
        literal = at;
    }
    push_text(&mut pieces, &text[literal..]);
    Ok(pieces)
}

/// What the bracket at `open` encloses, and the byte behind the one that closes it. No bracket may be inside.
fn group(text: &str, open: usize) -> Option<(&str, usize)> {
    let (closing, rest) =
        if text.as_bytes()[open] == b'{' { ('}', &text[open + 1..]) } else { ('>', &text[open + 1..]) };
    let stops: &[char] = if closing == '}' { &['{', '}'] } else { &['<', '>', '{', '}'] };
    let end = rest.find(stops)?;
    rest[end..].starts_with(closing).then(|| (&rest[..end], open + 1 + end + 1))
}

fn name(group: &str) -> &str {
    group.split_once('|').map_or(group, |(name, _)| name)
}

fn variable(group: &str, known: &Fields) -> Option<Piece> {
    let field = known.display(name(group))?.to_owned();
    let fallback = group.split_once('|').map(|(_, fallback)| segments::normalise(fallback.trim()).into_owned());
    Some(Piece::Variable { key: key(&field), field, fallback })
}

fn looks_like_a_name(name: &str) -> bool {
    let fits = |character: char| {
        character.is_alphanumeric() || matches!(character, ' ' | '_' | '-' | '\'' | '’' | '.' | '&' | '/' | '#')
    };
    fields::is_writable(name) && name.chars().any(char::is_alphabetic) && name.chars().all(fits)
}

/// How many braces before and behind enclose the variable pair by pair.
fn pairs(before: &str, behind: &str) -> usize {
    let opened = before.bytes().rev().take_while(|byte| *byte == b'{').count();
    opened.min(behind.bytes().take_while(|byte| *byte == b'}').count())
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(segments::normalise(text).into_owned()));
    }
}
