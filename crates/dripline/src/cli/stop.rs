//! Why a command ends before its work is done, how that is told, and with which exit code.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It was asked wrongly: exit code 2.
    Usage(Box<dyn Error + Send + Sync>),
    /// It could not be done: exit code 1.
    Failed(Box<dyn Error + Send + Sync>),
    /// The answer, which is written, says no more than that it failed: exit code 1, and nothing to add.
    Told,
    /// Nobody reads the answer any more: exit code 0.
    Closed,
}

/// The answer could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the answer cannot be written to standard output")]
struct Unwritten(#[source] io::Error);

/// An error of writing the answer; errors of reading become [`Stop::Failed`] by [`Stop::failed`].
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::failed(Unwritten(error)) }
    }
}

impl Stop {
    pub(crate) fn usage(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Usage(Box::new(error))
    }

    pub(crate) fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Box::new(error))
    }

    /// Writes the error with its causes, one a line, and gives the exit code.
    pub(crate) fn tell(&self, to: &mut dyn Write) -> ExitCode {
        // Where not even the error can be written, the exit code still tells it.
        match self {
            Self::Usage(error) => {
                let _ = to.write_all(chain(error.as_ref()).as_bytes());
                ExitCode::from(2)
            }
            Self::Failed(error) => {
                let _ = to.write_all(chain(error.as_ref()).as_bytes());
                ExitCode::from(1)
            }
            Self::Told => ExitCode::from(1),
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut last = error.to_string();
    let mut text = format!("error: {last}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some drivers say the same again below, with a number before it.
        if !words.contains(&last) {
            text.push_str(&format!("  because: {words}\n"));
            last = words;
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_one_a_line() {
        let error = Unwritten(io::Error::other("the disk is full"));
        let expected = "error: the answer cannot be written to standard output\n  because: the disk is full\n";
        assert_eq!(chain(&error), expected);
        let again =
            Unwritten(io::Error::other(Unwritten(io::Error::other("the answer cannot be written to standard output"))));
        assert_eq!(chain(&again), "error: the answer cannot be written to standard output\n", "once is enough");
    }
}
