//! `dripline segments`: what carriers bill for a text, where its parts end, and what makes it dear.

use std::borrow::Cow;
use std::fmt::Write;
use std::io::{self, IsTerminal, Read};

use domain::segments::{self, Counted, Culprit, Encoding, MAX_CULPRITS};
use domain::smart;
use domain::template::{Smart, sendable};
use serde::{Deserialize, Serialize};

use super::batch::{self, Lines};
use super::table::Table;
use super::{Answer, Format, Stop};

/// The longest text that is read from standard input, in bytes.
const MAX_TEXT: u64 = 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  dripline segments \"See you at 5 – bring the keys\"
  dripline segments --smart \"It’s open\"
  dripline segments < draft.txt
  dripline segments --jsonl < texts.jsonl

A text is counted as it is sent: every line break as one LF, and without the last
line break of standard input. A text that begins with a dash goes behind `--`.

With --jsonl each text is counted exactly as it is written:
  in   {\"text\": \"See you at 5\", \"smart\": false}
  out  {\"encoding\":\"GSM-7\",\"units\":12,\"segments\":1}
`smart` may be absent; then --smart decides. A bad line gives {\"error\": \"line 3: …\"},
and the exit code is 1 at the end.";

/// Count the segments of a text: what carriers bill, and why
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Segments {
    /// The text; read from standard input where it is absent
    #[arg(conflicts_with = "jsonl")]
    text: Option<String>,
    /// Replace look-alikes (curly quotes, dashes, odd spaces) with GSM characters first
    #[arg(long)]
    smart: bool,
    #[command(flatten)]
    lines: Lines,
}

#[derive(Debug, thiserror::Error)]
enum TextError {
    #[error("the text cannot be read from standard input")]
    Read(#[source] io::Error),
    #[error("the text is longer than {MAX_TEXT} bytes; no message is")]
    TooLong,
}

#[derive(Deserialize)]
struct Question {
    text: String,
    smart: Option<bool>,
}

#[derive(Serialize)]
struct Short {
    encoding: Encoding,
    units: usize,
    segments: usize,
}

impl From<&Counted> for Short {
    fn from(counted: &Counted) -> Self {
        Self { encoding: counted.encoding, units: counted.units, segments: counted.segments }
    }
}

/// The whole answer on one text.
#[derive(Serialize)]
struct Full<'a> {
    #[serde(flatten)]
    counted: &'a Counted,
    text: &'a str,
    smart: Change,
}

/// What smart encoding changes in the text as it was written.
#[derive(Serialize)]
struct Change {
    /// Whether the answer counts the text after it.
    applied: bool,
    replaced: Vec<Replaced>,
    #[serde(flatten)]
    after: Short,
    saved_segments: usize,
}

#[derive(Serialize)]
struct Replaced {
    character: char,
    with: &'static str,
    times: usize,
}

impl Segments {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        if self.lines.jsonl {
            return batch::answer(answer, |question: Question| Ok::<_, String>(self.short(&question)));
        }
        let raw = match &self.text {
            Some(text) => Cow::Borrowed(text.as_str()),
            None => Cow::Owned(read_text().map_err(Stop::failed)?),
        };
        let plain = sendable(&raw, Smart::Off);
        let encoded = sendable(&raw, Smart::On);
        let text = if self.smart { &encoded } else { &plain };
        let counted = segments::count(text);
        let full = Full { counted: &counted, text, smart: change(&plain, &encoded, self.smart()) };
        match answer.format() {
            Format::Json => answer.document(&full),
            Format::Text => answer.text(&full.words()),
        }
    }

    fn smart(&self) -> Smart {
        if self.smart { Smart::On } else { Smart::Off }
    }

    fn short(&self, question: &Question) -> Short {
        let text = if question.smart.unwrap_or(self.smart) {
            smart::encode(&question.text)
        } else {
            Cow::Borrowed(question.text.as_str())
        };
        Short::from(&segments::count(&text))
    }
}

/// The text on standard input without its last line break, which editors and `echo` add.
fn read_text() -> Result<String, TextError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        // A hint only; where it cannot be written, the text can still be read.
        let _ = io::Write::write_all(&mut io::stderr(), b"type the text, then end it with Ctrl-D on a new line\n");
    }
    let mut text = String::new();
    let size = stdin.lock().take(MAX_TEXT + 1).read_to_string(&mut text).map_err(TextError::Read)?;
    if u64::try_from(size).is_ok_and(|size| size > MAX_TEXT) {
        return Err(TextError::TooLong);
    }
    let end = text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(end);
    Ok(text)
}

fn change(plain: &str, encoded: &str, applied: Smart) -> Change {
    let mut replaced: Vec<Replaced> = Vec::new();
    for (character, with) in plain.chars().filter_map(|character| Some((character, smart::replacement(character)?))) {
        match replaced.iter_mut().find(|seen| seen.character == character) {
            Some(seen) => seen.times += 1,
            None => replaced.push(Replaced { character, with, times: 1 }),
        }
    }
    let after = Short::from(&segments::count(encoded));
    let saved_segments = segments::count(plain).segments.saturating_sub(after.segments);
    Change { applied: applied == Smart::On, replaced, after, saved_segments }
}

impl Full<'_> {
    fn words(&self) -> String {
        let counted = self.counted;
        let mut table = Table::new::<String>([]);
        table.row(["encoding".to_owned(), counted.encoding.to_string()]);
        table.row(["units".to_owned(), counted.units.to_string()]);
        table.row(["segments".to_owned(), counted.segments.to_string()]);
        let mut words = table.text();
        for block in [parts(self.text, counted), culprits(&counted.culprits), self.smart.words()] {
            if !block.is_empty() {
                words.push('\n');
                words.push_str(&block);
            }
        }
        words
    }
}

/// Each part with what is in it.
fn parts(text: &str, counted: &Counted) -> String {
    let mut table = Table::new(["PART", "UNITS", "TEXT"]);
    let mut start = 0;
    for (number, part) in (1..).zip(&counted.parts) {
        table.row([number.to_string(), part.units.to_string(), quoted(&text[start..part.end_byte])]);
        start = part.end_byte;
    }
    table.text()
}

/// In quotes on one line; what cannot be seen is written as its code.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            character if is_unseen(character) => {
                write!(quoted, "\\u{{{:04X}}}", u32::from(character)).expect("a String takes all text");
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Controls (which could also move a terminal's cursor) and blanks of no or odd width.
fn is_unseen(character: char) -> bool {
    let blank = character.is_whitespace() && character != ' ';
    character.is_control()
        || blank
        || matches!(character, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// How many places of one character are told.
const MAX_PLACES: usize = 10;

/// The characters that force UCS-2, each once with its places, counted from 1.
fn culprits(culprits: &[Culprit]) -> String {
    if culprits.is_empty() {
        return String::new();
    }
    let mut seen: Vec<(char, Vec<usize>)> = Vec::new();
    for culprit in culprits {
        match seen.iter_mut().find(|(character, _)| *character == culprit.character) {
            Some((_, places)) => places.push(culprit.index + 1),
            None => seen.push((culprit.character, vec![culprit.index + 1])),
        }
    }
    let mut table = Table::new(["FORCES UCS-2", "CODE", "AT CHARACTER"]);
    for (character, places) in seen {
        let mut told: Vec<String> = places.iter().take(MAX_PLACES).map(ToString::to_string).collect();
        if places.len() > MAX_PLACES {
            told.push(format!("and {} more", places.len() - MAX_PLACES));
        }
        table.row([shown(character), format!("U+{:04X}", u32::from(character)), told.join(", ")]);
    }
    let note = if culprits.len() == MAX_CULPRITS { format!("(the first {MAX_CULPRITS})\n") } else { String::new() };
    table.text() + &note
}

fn shown(character: char) -> String {
    if is_unseen(character) { "(unseen)".into() } else { character.into() }
}

impl Change {
    fn words(&self) -> String {
        if self.replaced.is_empty() {
            return "Smart encoding finds nothing to replace.\n".into();
        }
        let mut table = Table::new(["REPLACED", "CODE", "WITH", "TIMES"]);
        for replaced in &self.replaced {
            let with = if replaced.with.is_empty() { "nothing".into() } else { format!("\"{}\"", replaced.with) };
            let code = format!("U+{:04X}", u32::from(replaced.character));
            table.row([shown(replaced.character), code, with, replaced.times.to_string()]);
        }
        let Short { encoding, units, segments } = self.after;
        let saves = match self.saved_segments {
            0 => "which saves no segment".into(),
            saved => format!("which saves {}", counted(saved)),
        };
        let sentence = if self.applied {
            format!("Smart encoding replaced these, {saves}.\n")
        } else {
            format!("Smart encoding (--smart) would give {encoding}, {units} units, {}, {saves}:\n", counted(segments))
        };
        sentence + &table.text()
    }
}

fn counted(segments: usize) -> String {
    if segments == 1 { "1 segment".into() } else { format!("{segments} segments") }
}
