//! Templates: the text of a step with variables, parsed once and filled for each contact.
//!
//! `{First Name}`, `<First Name>` and `{{first_name}}` are the same variable, with a fallback after a bar:
//! `{First Name|there}`. It is saved in the first form. Names match without regard to case, spaces,
//! underscores and hyphens (`fields::key`). What is a variable and what is text is in `template/scan.rs`.
//! Values are inserted as they are and never parsed. Which fields a workspace has is in `template/fields.rs`;
//! the rendering that costs most is in `template/worst.rs`, a cheap bound of it in `template/longest.rs`.

mod fields;
mod longest;
mod scan;
mod worst;

use std::fmt;

use serde::Serialize;

pub use self::fields::{Fields, MAX_FIELD_NAME, STANDARD_FIELDS, key};
pub use self::longest::{Bound, Longest};
pub use self::worst::{Rendering, WorstCase};
use crate::segments::{self, Counted};
use crate::smart;

/// How many segments a message may have, counted on the text as the contact gets it.
pub const MAX_SEGMENTS_PER_MESSAGE: usize = 2;
/// How many characters a template may have in its saved form (what the carriers' strictest API takes as a body).
pub const MAX_TEMPLATE_CHARACTERS: usize = 1_600;

/// Where something is in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The byte, from 0.
    pub byte: usize,
    /// The character (Unicode scalar value), from 0.
    pub index: usize,
    /// The line, from 1.
    pub line: usize,
    /// The character in its line, from 1.
    pub column: usize,
}

impl Place {
    fn of(text: &str, byte: usize) -> Self {
        let before = &text[..byte];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        Self { byte, index: before.chars().count(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, character {}", self.line, self.column)
    }
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A variable names no field of the workspace.
    #[error("there is no field {name:?} ({at})")]
    Unknown {
        /// The name as it was written.
        name: String,
        /// Where its bracket opens in the text that was parsed.
        at: Place,
    },
    /// The saved form is too long.
    #[error("the text has {characters} characters, more than {MAX_TEMPLATE_CHARACTERS}")]
    TooLong {
        /// Its characters.
        characters: usize,
    },
    /// There is nothing but blanks, and carriers refuse a message without text.
    #[error("the text is empty")]
    Empty,
}

/// A variable that has no value for the contact and no fallback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field} has no value and no fallback ({at})")]
pub struct MissingField {
    /// The field's name as the workspace writes it.
    pub field: String,
    /// Where it first stands without a fallback in the template's saved form.
    pub at: Place,
}

/// A rendered message that may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message has {segments} segments, more than {MAX_SEGMENTS_PER_MESSAGE}")]
pub struct TooManySegments {
    /// Its segments.
    pub segments: usize,
}

/// Whether a contact must have a value for a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Somewhere it stands without a fallback.
    Value,
    /// It has a fallback everywhere.
    Nothing,
}

/// A variable of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// The field's name as the workspace writes it.
    pub field: String,
    /// The name as `key` makes it; values are asked for by this.
    pub key: String,
    /// Whether a contact must have a value.
    pub need: Need,
}

/// Whether look-alikes are replaced before a text is counted and sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Smart {
    /// They are.
    #[default]
    On,
    /// The text goes as it is.
    Off,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable { field: String, key: String, fallback: Option<String> },
}

/// A text whose variables are all fields of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads a text as a person writes it.
    ///
    /// # Errors
    /// The first variable that is no field of `known`, a text over `MAX_TEMPLATE_CHARACTERS`, or no text at all.
    pub fn parse(text: &str, known: &Fields) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let template = Self { pieces: scan::pieces(text, known)? };
        let characters = template.source().chars().count();
        if characters > MAX_TEMPLATE_CHARACTERS { Err(TemplateError::TooLong { characters }) } else { Ok(template) }
    }

    /// The text in its saved form: every variable as `{Name}` or `{Name|fallback}`, every line break as LF.
    #[must_use]
    pub fn source(&self) -> String {
        self.pieces.iter().map(Piece::source).collect()
    }

    /// The variables in the order of their first place, each once.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let mut variables: Vec<Variable> = Vec::new();
        for piece in &self.pieces {
            let Piece::Variable { field, key, fallback } = piece else { continue };
            let need = if fallback.is_none() { Need::Value } else { Need::Nothing };
            match variables.iter_mut().find(|variable| variable.key == *key) {
                Some(variable) if need == Need::Value => variable.need = need,
                Some(_) => {}
                None => variables.push(Variable { field: field.clone(), key: key.clone(), need }),
            }
        }
        variables
    }

    /// The text for one contact; `value` answers a variable's `key`. An empty or blank value is no value.
    ///
    /// # Errors
    /// Every field that has neither value nor fallback, each once.
    pub fn render<'v>(&self, value: &dyn Fn(&str) -> Option<&'v str>) -> Result<String, Vec<MissingField>> {
        let mut rendered = String::new();
        for piece in &self.pieces {
            match piece.render(value) {
                Some(part) => rendered.push_str(part),
                None => return Err(self.missing(value)),
            }
        }
        Ok(rendered)
    }

    fn missing<'v>(&self, value: &dyn Fn(&str) -> Option<&'v str>) -> Vec<MissingField> {
        let source = self.source();
        let mut missing: Vec<MissingField> = Vec::new();
        let mut byte = 0;
        for piece in &self.pieces {
            if let Piece::Variable { field, .. } = piece
                && piece.render(value).is_none()
                && missing.iter().all(|seen| seen.field != *field)
            {
                missing.push(MissingField { field: field.clone(), at: Place::of(&source, byte) });
            }
            byte += piece.source().len();
        }
        missing
    }

    /// The fewest segments that any contact's message can have: those of the text around the variables, with
    /// look-alikes replaced or not, whichever is shorter.
    #[must_use]
    pub fn least_segments(&self) -> usize {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable { .. } => String::new(),
        };
        let around: String = self.pieces.iter().map(text).collect();
        let count = |smart| segments::count(&sendable(&around, smart)).segments;
        count(Smart::On).min(count(Smart::Off))
    }

    /// An empty search for the contact whose message costs most; contacts are added to it one by one.
    #[must_use]
    pub fn worst_case(&self, smart: Smart) -> WorstCase<'_> {
        WorstCase::of(self, smart)
    }
}

impl Piece {
    fn source(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Variable { field, fallback: None, .. } => format!("{{{field}}}"),
            Self::Variable { field, fallback: Some(fallback), .. } => format!("{{{field}|{fallback}}}"),
        }
    }

    fn render<'r, 'v: 'r>(&'r self, value: &dyn Fn(&str) -> Option<&'v str>) -> Option<&'r str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Variable { key, fallback, .. } => {
                let given: Option<&'r str> = value(key).filter(|value| !value.trim().is_empty());
                given.or(fallback.as_deref())
            }
        }
    }
}

/// The text as it is counted, shown and sent: line breaks as LF, then look-alikes replaced if that is on.
#[must_use]
pub fn sendable(rendered: &str, smart: Smart) -> String {
    let normal = segments::normalise(rendered);
    match smart {
        Smart::On => smart::encode(&normal).into_owned(),
        Smart::Off => normal.into_owned(),
    }
}

/// The count of a sendable text that is within the limit.
///
/// # Errors
/// The text has more than `MAX_SEGMENTS_PER_MESSAGE` segments.
pub fn fitted(sendable: &str) -> Result<Counted, TooManySegments> {
    let counted = segments::count(sendable);
    let segments = counted.segments;
    if segments > MAX_SEGMENTS_PER_MESSAGE { Err(TooManySegments { segments }) } else { Ok(counted) }
}

#[cfg(test)]
mod tests;
