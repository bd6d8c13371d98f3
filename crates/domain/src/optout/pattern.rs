//! Phrases as patterns of words.
//!
//! A pattern is a row of elements: `a|b` one of these words, `[a|b]` perhaps one of them, `..3` up to three
//! words whatever they are, `^` the clause begins, `$` it ends. `@name` inside an element stands for a class of words.

use super::table::CLASSES;

/// A pattern, read.
pub(crate) struct Pattern {
    elements: Vec<Element>,
}

enum Element {
    One(Vec<&'static str>),
    Perhaps(Vec<&'static str>),
    Any(usize),
    Begin,
    End,
}

/// Where a pattern stands in a clause: the numbers of its first word and of the first one behind it.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Pattern {
    pub(crate) fn read(pattern: &'static str) -> Self {
        Self { elements: pattern.split_whitespace().map(Element::read).collect() }
    }

    /// Every place where it stands, one for each first word.
    pub(crate) fn find(&self, words: &[String]) -> impl Iterator<Item = Found> {
        (0..words.len()).filter_map(|start| ends(&self.elements, words, start).map(|end| Found { start, end }))
    }
}

impl Element {
    fn read(element: &'static str) -> Self {
        let list = |words: &'static str| {
            let each = words.split('|').flat_map(|word| word.strip_prefix('@').map_or(word, class).split('|'));
            each.collect()
        };
        match (element, element.strip_prefix(".."), element.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))) {
            ("^", ..) => Self::Begin,
            ("$", ..) => Self::End,
            (_, Some(count), _) => Self::Any(count.parse().expect("a gap names its words")),
            (_, _, Some(words)) => Self::Perhaps(list(words)),
            _ => Self::One(list(element)),
        }
    }
}

fn class(name: &str) -> &'static str {
    CLASSES.iter().find(|(class, _)| *class == name).expect("a pattern names a class that exists").1
}

fn ends(elements: &[Element], words: &[String], at: usize) -> Option<usize> {
    let Some((element, rest)) = elements.split_first() else { return Some(at) };
    let is = |list: &[&str]| words.get(at).is_some_and(|word| list.contains(&word.as_str()));
    match element {
        Element::One(list) => is(list).then(|| ends(rest, words, at + 1)).flatten(),
        Element::Perhaps(list) => {
            is(list).then(|| ends(rest, words, at + 1)).flatten().or_else(|| ends(rest, words, at))
        }
        Element::Any(count) => {
            (at..=at.saturating_add(*count).min(words.len())).find_map(|next| ends(rest, words, next))
        }
        Element::Begin => (at == 0).then(|| ends(rest, words, at)).flatten(),
        Element::End => (at == words.len()).then(|| ends(rest, words, at)).flatten(),
    }
}
