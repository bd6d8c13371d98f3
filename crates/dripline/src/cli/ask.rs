//! Questions to the person at the terminal. They go to standard error, so that answers stay apart.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use console::Term;

use super::Stop;

/// More than any password may have.
const MAX_LINE: u64 = 64 * 1024;

/// What a person did not answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("standard input cannot be read")]
    Read(#[source] io::Error),
    #[error("the password is not UTF-8 text")]
    NotText,
    #[error("there is no password on standard input: write it there, as in `… < password.txt`")]
    NoPassword,
    #[error("the two passwords differ; ask again")]
    Differ,
}

/// Whether a person is there to be asked.
pub(crate) fn is_somebody_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that only `y` or `yes` affirms.
pub(crate) fn agreed(question: &str) -> Result<bool, Stop> {
    let mut out = io::stderr();
    let asked = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    let mut line = String::new();
    let read = asked.and_then(|()| io::stdin().lock().take(MAX_LINE).read_line(&mut line));
    read.map_err(|error| Stop::failed(AskError::Read(error)))?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A password: asked for twice without echo, or the first line of standard input where nobody is there.
pub(crate) fn password(of: &str) -> Result<String, Stop> {
    if !io::stdin().is_terminal() {
        return first_line();
    }
    let ask = |prompt: String| -> io::Result<String> {
        let term = Term::stderr();
        term.write_str(&prompt)?;
        term.flush()?;
        term.read_secure_line()
    };
    let failed = |error| Stop::failed(AskError::Read(error));
    let first = ask(format!("Password of {of}: ")).map_err(failed)?;
    let again = ask("The same again: ".to_owned()).map_err(failed)?;
    if first == again { Ok(first) } else { Err(Stop::failed(AskError::Differ)) }
}

fn first_line() -> Result<String, Stop> {
    let mut line = Vec::new();
    let read = io::stdin().lock().take(MAX_LINE).read_until(b'\n', &mut line);
    read.map_err(|error| Stop::failed(AskError::Read(error)))?;
    let line = String::from_utf8(line).map_err(|_| Stop::failed(AskError::NotText))?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() { Err(Stop::usage(AskError::NoPassword)) } else { Ok(line.to_owned()) }
}
