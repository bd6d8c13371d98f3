//! A consistent copy of a running database. All pages are copied while one reading transaction is
//! open: the writer goes on, be it of this process or of another, and the copy is the state at the
//! moment it began. Nothing is locked but the log's end, which cannot be moved meanwhile.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::fault::fault;
use crate::db::DbError;

/// Pages between two words about progress: some mebibytes.
const PAGES_PER_STEP: i32 = 1024;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Pages that are copied.
    pub pages: u64,
    /// Pages that there are.
    pub all: u64,
}

/// Copies the database at `from` to the new file `to`, which appears only when it is complete.
pub(in crate::db) fn back_up(from: &Path, to: &Path, progress: &mut dyn FnMut(Copied)) -> Result<(), DbError> {
    if to.exists() {
        return Err(DbError::BackupExists { path: to.to_owned() });
    }
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    let partial = Path::new(&name);
    let refused = |error: Error| DbError::BackupTarget { path: to.to_owned(), source: error.into() };
    // A copy that was broken off leaves its part behind; it is of no use.
    OpenOptions::new().write(true).create(true).truncate(true).open(partial).map_err(refused)?;
    let result = copy(from, partial, progress).and_then(|()| settle(partial, to).map_err(refused));
    if result.is_err() {
        let _ = std::fs::remove_file(partial);
    }
    match result {
        // Nothing is written but the copy.
        Err(DbError::DiskFull(source)) => Err(DbError::BackupTarget { path: to.to_owned(), source }),
        result => result,
    }
}

fn copy(from: &Path, partial: &Path, progress: &mut dyn FnMut(Copied)) -> Result<(), DbError> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fault)?;
    source.busy_timeout(super::BUSY_LIMIT).map_err(fault)?;
    // Without the open transaction each commit of the writer would begin the copy anew.
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema").map_err(fault)?;
    let mut target = Connection::open(partial).map_err(fault)?;
    copy_pages(&source, &mut target, progress)?;
    // One plain file, which is also read where nothing can be written; a server turns its log on again.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(fault)
}

fn copy_pages(source: &Connection, target: &mut Connection, progress: &mut dyn FnMut(Copied)) -> Result<(), DbError> {
    let backup = Backup::new(source, target).map_err(fault)?;
    loop {
        let step = backup.step(PAGES_PER_STEP).map_err(fault)?;
        let counted = backup.progress();
        let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
        progress(Copied { pages: count(counted.pagecount - counted.remaining), all: count(counted.pagecount) });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(DbError::Busy("the database stayed locked while it was copied".into())),
        }
    }
}

fn settle(partial: &Path, to: &Path) -> Result<(), Error> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(partial)?.sync_all()?;
    if to.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(partial, to)?;
    File::open(folder)?.sync_all()
}
