//! JSON lines: one question a line on standard input, one answer a line on standard output, in order.
//!
//! A bad line is answered with an `error` that names it, and the work goes on. Lines are answered as
//! they come, so a million need no more memory than one, and a program may ask and wait.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, Stop};

/// The longest line that is read, in bytes; a longer one is a bad line.
const MAX_LINE: usize = 1024 * 1024;

/// How the lines are asked for; shared by the commands that answer them.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Lines {
    /// Answer one JSON object per line of standard input, in the same order
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
}

/// Why the lines were not all answered.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error("standard input cannot be read after line {after}")]
    Read { after: u64, source: io::Error },
    #[error("{bad} of {lines} lines could not be answered; each of them has its `error` in the output")]
    BadLines { bad: u64, lines: u64 },
}

#[derive(Serialize)]
struct Fault {
    error: String,
}

/// Answers each line of standard input.
///
/// Fails at the end if any line was bad, or at once if input or output end in an error.
pub(crate) fn answer<Q, A, E>(out: &mut Answer, each: impl FnMut(Q) -> Result<A, E>) -> Result<(), Stop>
where
    Q: DeserializeOwned,
    A: Serialize,
    E: Display,
{
    answer_from(BufReader::with_capacity(64 * 1024, io::stdin().lock()), out, each)
}

fn answer_from<R, Q, A, E>(
    input: BufReader<R>,
    out: &mut Answer,
    mut each: impl FnMut(Q) -> Result<A, E>,
) -> Result<(), Stop>
where
    R: Read,
    Q: DeserializeOwned,
    A: Serialize,
    E: Display,
{
    let mut input = input;
    let (mut lines, mut bad) = (0, 0);
    let mut line = Vec::new();
    loop {
        // Whoever asks line by line waits for the answer before the next question.
        if input.buffer().is_empty() {
            out.flush()?;
        }
        let size =
            next(&mut input, &mut line).map_err(|source| Stop::failed(BatchError::Read { after: lines, source }))?;
        if size == 0 {
            break;
        }
        lines += 1;
        let answered = question(&line).and_then(|question| each(question).map_err(|error| format!(": {error}")));
        match answered {
            Ok(answer) => out.line(&answer)?,
            Err(error) => {
                bad += 1;
                out.line(&Fault { error: format!("line {lines}{error}") })?;
            }
        }
    }
    if bad > 0 { Err(Stop::failed(BatchError::BadLines { bad, lines })) } else { Ok(()) }
}

/// Reads a line, but no more than one byte over the limit of it; gives how long it was, 0 at the end.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX) + 1;
    let size = input.take(limit).read_until(b'\n', line)?;
    if size > MAX_LINE && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(size)
}

/// The question of a line, or what to say behind its number.
fn question<Q: DeserializeOwned>(line: &[u8]) -> Result<Q, String> {
    if line.len() > MAX_LINE {
        return Err(format!(": longer than {MAX_LINE} bytes"));
    }
    // Some programs begin a file with a byte order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    // serde would take an array for an object, its items in order.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(": not a JSON object".into());
    }
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        format!(", column {}: {text}", error.column())
    })
}
