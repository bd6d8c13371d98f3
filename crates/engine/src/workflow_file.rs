//! Workflows as TOML files: read with all faults and their places, written so that people can edit them.
//!
//! ```toml
//! name = "Spring leads"
//!
//! [[steps]]
//! after_days = 0
//! text = "Hi {First Name|there}, are you still looking for a place?"
//! ```
//! Unknown keys are refused. What a workspace's own fields decide (a variable that does not exist) is
//! not known here: [`Places::locate`] finds the place of such a fault when saving reports it.

use domain::template::{Fields, TemplateError};
use domain::workflow::{self, WorkflowError};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::workflows::{StepInput, WorkflowInput};

/// Most bytes in a file: nine texts of 1,600 characters fit several times.
pub const MAX_FILE_BYTES: usize = 262_144;

/// A fault of a file and its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct FileError {
    /// From 1.
    pub line: usize,
    /// The character in its line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Where the parts of a file stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    name: Place,
    steps: Vec<StepPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StepPlace {
    whole: Place,
    after_days: Place,
    text: Place,
}

impl Place {
    fn of(source: &str, byte: usize) -> Self {
        let mut end = byte.min(source.len());
        while !source.is_char_boundary(end) {
            end -= 1;
        }
        let before = &source[..end];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }

    fn error(self, message: impl Into<String>) -> FileError {
        FileError { line: self.line, column: self.column, message: message.into() }
    }
}

impl Places {
    /// The place of a fault that was found when the file's workflow was to be saved.
    #[must_use]
    pub fn locate(&self, fault: &WorkflowError) -> FileError {
        let step = |step: usize| self.steps.get(step.saturating_sub(1));
        match fault {
            WorkflowError::Gap { step: at, .. } => step(*at).map_or(self.name, |step| step.after_days),
            WorkflowError::TextTooLong { step: at, .. } => step(*at).map_or(self.name, |step| step.text),
            WorkflowError::Text { step: at, source } => {
                return step(*at).map_or(self.name, |step| step.text).error(format!("step {at}: {source}"));
            }
            WorkflowError::TooManySteps { .. } => step(workflow::MAX_STEPS + 1).map_or(self.name, |step| step.whole),
            WorkflowError::NameEmpty | WorkflowError::NameTooLong { .. } | WorkflowError::NameControl => self.name,
        }
        .error(fault.to_string())
    }
}

/// Reads a file from bytes, which must be UTF-8.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8]) -> Result<(WorkflowInput, Places), Vec<FileError>> {
    match std::str::from_utf8(bytes) {
        Ok(source) => read(source),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Err(vec![Place::of(&valid, valid.len()).error("the file is no UTF-8 text")])
        }
    }
}

/// Reads a file.
///
/// # Errors
/// All that is wrong, in order of place: first of the form, and if that is right, of the workflow.
pub fn read(source: &str) -> Result<(WorkflowInput, Places), Vec<FileError>> {
    if source.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_FILE_BYTES} are allowed", source.len());
        return Err(vec![Place { line: 1, column: 1 }.error(message)]);
    }
    let (table, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        let place = |error: &toml::de::Error| Place::of(source, error.span().map_or(0, |span| span.start));
        return Err(sorted(errors.iter().map(|error| place(error).error(error.message().trim_end())).collect()));
    }
    let mut reading = Reading { source, errors: Vec::new() };
    let found = reading.workflow(table.get_ref());
    match found {
        Some(found) if reading.errors.is_empty() => judged(found),
        _ => Err(sorted(reading.errors)),
    }
}

fn sorted(mut errors: Vec<FileError>) -> Vec<FileError> {
    errors.sort();
    errors.dedup();
    errors
}

/// Holds the workflow against the rules that need no workspace.
fn judged((input, places): (WorkflowInput, Places)) -> Result<(WorkflowInput, Places), Vec<FileError>> {
    let steps: Vec<_> = input.steps.iter().map(|step| (step.gap_days, step.text.clone())).collect();
    let faults = workflow::draft(&input.name, &steps, &Fields::standard()).err().unwrap_or_default();
    let own_field =
        |fault: &&WorkflowError| !matches!(fault, WorkflowError::Text { source: TemplateError::Unknown { .. }, .. });
    let mut errors: Vec<_> = faults.iter().filter(own_field).map(|fault| places.locate(fault)).collect();
    let nul = |(step, place): (&StepInput, &StepPlace)| {
        step.text.contains('\0').then(|| place.text.error("the text has a NUL character"))
    };
    errors.extend(input.steps.iter().zip(&places.steps).filter_map(nul));
    if errors.is_empty() { Ok((input, places)) } else { Err(sorted(errors)) }
}

struct Reading<'a> {
    source: &'a str,
    errors: Vec<FileError>,
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl<'a> Reading<'a> {
    fn place<T>(&self, at: &Spanned<T>) -> Place {
        Place::of(self.source, at.span().start)
    }

    fn refuse<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        self.errors.push(self.place(at).error(message));
    }

    fn unknown(&mut self, key: &Key<'a>, known: &str) {
        let name: String = key.get_ref().chars().take(40).collect();
        self.refuse(key, format!("there is no key {name:?} here; the keys are {known}"));
    }

    fn workflow(&mut self, table: &DeTable<'a>) -> Option<(WorkflowInput, Places)> {
        let (mut name, mut steps) = (None, Some((Vec::new(), Vec::new())));
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "name" => name = Some((self.text(value), self.place(value))),
                "steps" => steps = self.steps(value),
                _ => self.unknown(key, "name and steps"),
            }
        }
        let Some((name, place)) = name else {
            self.errors.push(Place { line: 1, column: 1 }.error("the key name is missing"));
            return None;
        };
        let (steps, places) = steps?;
        Some((WorkflowInput { name: name?, steps }, Places { name: place, steps: places }))
    }

    fn steps(&mut self, value: &Spanned<DeValue<'a>>) -> Option<(Vec<StepInput>, Vec<StepPlace>)> {
        let DeValue::Array(array) = value.get_ref() else {
            self.refuse(value, "steps must be tables that begin with [[steps]]");
            return None;
        };
        let rows: Vec<_> = array.iter().map(|step| self.step(step)).collect();
        rows.into_iter().collect::<Option<Vec<_>>>().map(|rows| rows.into_iter().unzip())
    }

    fn step(&mut self, value: &Spanned<DeValue<'a>>) -> Option<(StepInput, StepPlace)> {
        let DeValue::Table(table) = value.get_ref() else {
            self.refuse(value, "a step must be a table that begins with [[steps]]");
            return None;
        };
        let whole = self.place(value);
        let (mut days, mut text) = (None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "after_days" => days = Some((self.days(value), self.place(value))),
                "text" => text = Some((self.text(value), self.place(value))),
                _ => self.unknown(key, "after_days and text"),
            }
        }
        for (missing, key) in [(days.is_none(), "after_days"), (text.is_none(), "text")] {
            if missing {
                self.errors.push(whole.error(format!("the step has no {key}")));
            }
        }
        let ((days, after_days), (text, text_place)) = (days?, text?);
        let input = StepInput { gap_days: days?, text: text? };
        Some((input, StepPlace { whole, after_days, text: text_place }))
    }

    fn text(&mut self, value: &Spanned<DeValue<'a>>) -> Option<String> {
        let DeValue::String(text) = value.get_ref() else {
            self.refuse(value, "this must be a text in quotes");
            return None;
        };
        Some(text.clone().into_owned())
    }

    fn days(&mut self, value: &Spanned<DeValue<'a>>) -> Option<i64> {
        let days = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if days.is_none() {
            self.refuse(value, "this must be a whole number of days");
        }
        days
    }
}

/// Writes a file that [`read`] reads back as the same workflow. Texts of several lines stay so.
#[must_use]
pub fn write(input: &WorkflowInput) -> String {
    let mut file = format!("name = \"{}\"\n", escaped(&input.name, Lines::One));
    for step in &input.steps {
        file.push_str(&format!("\n[[steps]]\nafter_days = {}\n", step.gap_days));
        if step.text.contains('\n') {
            // The line break behind the opening quotes is no part of the text.
            file.push_str(&format!("text = \"\"\"\n{}\"\"\"\n", escaped(&step.text, Lines::Many)));
        } else {
            file.push_str(&format!("text = \"{}\"\n", escaped(&step.text, Lines::One)));
        }
    }
    file
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

/// A text as it stands between the quotes of a basic string (TOML 1.0, String).
fn escaped(text: &str, lines: Lines) -> String {
    let mut written = String::with_capacity(text.len());
    let mut quotes = 0;
    for character in text.chars() {
        quotes = if character == '"' { quotes + 1 } else { 0 };
        match character {
            '\n' if lines == Lines::Many => written.push('\n'),
            // Up to two quotes in a row may stand in a text of several lines, but not before its end.
            '"' if lines == Lines::Many && quotes == 1 && !text.ends_with('"') => written.push('"'),
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push('\t'),
            '\r' => written.push_str("\\r"),
            _ if character.is_control() => written.push_str(&format!("\\u{:04X}", u32::from(character))),
            _ => written.push(character),
        }
    }
    written
}
