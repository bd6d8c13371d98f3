//! Where an answer goes: standard output, buffered, as a text for people or as JSON for programs.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::Stop;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The answer of a command, written as it comes.
pub(crate) struct Answer {
    writer: Box<dyn Write>,
    format: Format,
}

impl Answer {
    pub(crate) fn to_stdout(format: Format) -> Self {
        // Not the handle's own buffer: that one flushes at every line.
        Self { writer: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout().lock())), format }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Writes one JSON document over several lines.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        serde_json::to_writer_pretty(&mut self.writer, value).map_err(io::Error::from)?;
        Ok(self.writer.write_all(b"\n")?)
    }

    /// Writes one JSON document on a line of its own.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        serde_json::to_writer(&mut self.writer, value).map_err(io::Error::from)?;
        Ok(self.writer.write_all(b"\n")?)
    }

    /// Writes text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Stop> {
        Ok(self.writer.write_all(text.as_bytes())?)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        Ok(self.writer.flush()?)
    }
}
