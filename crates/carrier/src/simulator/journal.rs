//! The journal: an append-only file of JSON lines that stands for the other side of the carrier.
//!
//! What is in it has happened, whatever becomes of our process: a line is written before the
//! answer. Several processes share one file: each takes its turn under the file's lock, reads what
//! the others wrote, then writes by one `write` with `O_APPEND`. The lock dies with its process, so
//! a last line without an end is from a dead one: it is closed with [`TORN_MARK`], which makes it
//! unreadable for everybody alike, and counted. There is no fsync: it outlives a kill, not a
//! power cut.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use domain::ids::AttemptId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::handsets::HandsetText;
use crate::wire::E164;

/// What closes a line whose writer died.
const TORN_MARK: &[u8] = b"#torn\n";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// A text reached a handset. One that waited was taken before it arrived.
    Text {
        to: E164,
        text: HandsetText,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken_at: Option<Timestamp>,
    },
    /// A text was taken, and its time was over before its turn came.
    Expired { attempt: AttemptId, taken_at: Timestamp },
    /// A person wrote by hand.
    Reply { from: E164, to: E164, body: String, at: Timestamp },
}

/// An open journal and how far we have read it.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    read_to: u64,
    torn: u64,
}

impl Journal {
    /// Opens or makes the file; reads nothing yet.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        Ok(Self { file, read_to: 0, torn: 0 })
    }

    /// Takes the turn: from here until the turn is dropped no other process reads or writes.
    pub(super) fn turn(&mut self) -> io::Result<Turn<'_>> {
        self.file.lock()?;
        Ok(Turn { journal: self })
    }

    /// Lines that could not be read so far.
    pub(super) fn torn(&self) -> u64 {
        self.torn
    }
}

/// The sole use of the journal.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    journal: &'a mut Journal,
}

impl Turn<'_> {
    /// Reads what was written since the last time, by whomever.
    pub(super) fn read(&mut self, mut each: impl FnMut(Record)) -> io::Result<()> {
        let journal = &mut *self.journal;
        let length = journal.file.metadata()?.len();
        if length <= journal.read_to {
            return Ok(());
        }
        if !ends_in_newline(&journal.file, length)? {
            write_whole(&mut &journal.file, TORN_MARK)?;
        }
        let mut reader = BufReader::new(&journal.file);
        reader.seek(SeekFrom::Start(journal.read_to))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let bytes = reader.read_until(b'\n', &mut line)?;
            if bytes == 0 {
                return Ok(());
            }
            match serde_json::from_slice(&line) {
                Ok(record) => each(record),
                Err(_) => {
                    journal.torn += 1;
                    tracing::warn!(offset = journal.read_to, bytes, "skipped an unreadable line of the journal");
                }
            }
            journal.read_to += bytes as u64;
        }
    }

    /// Appends one line. After an error nothing readable was written. [`Self::read`] comes first.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        write_whole(&mut &self.journal.file, &line)?;
        self.journal.read_to += line.len() as u64;
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.journal.file.unlock() {
            tracing::error!(%error, "could not give up the journal's lock");
        }
    }
}

/// One `write`; a short one leaves a torn line for the next reader to close.
fn write_whole(file: &mut &File, bytes: &[u8]) -> io::Result<()> {
    match file.write(bytes)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

fn ends_in_newline(mut file: &File, length: u64) -> io::Result<bool> {
    let mut last = [0u8];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
