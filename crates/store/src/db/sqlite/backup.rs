//! A consistent copy of a running database. All pages are copied in one reading transaction:
//! the writer goes on, and the copy is the state at the moment it began.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::fs::File;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::fault::fault;
use crate::db::DbError;

/// All pages in one step, so that the writer's commits never start the copy anew.
const ALL_PAGES: i32 = -1;

/// Copies the database at `from` to the new file `to`, which appears only when it is complete.
pub(in crate::db) fn back_up(from: &Path, to: &Path) -> Result<(), DbError> {
    if to.exists() {
        return Err(DbError::BackupExists { path: to.to_owned() });
    }
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    let partial = Path::new(&name);
    let result = copy(from, partial).and_then(|()| settle(partial, to));
    if result.is_err() {
        let _ = std::fs::remove_file(partial);
    }
    result
}

fn copy(from: &Path, partial: &Path) -> Result<(), DbError> {
    // A copy that was broken off leaves its part behind; it is of no use.
    let _ = std::fs::remove_file(partial);
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fault)?;
    source.busy_timeout(super::BUSY_LIMIT).map_err(fault)?;
    let mut target = Connection::open(partial).map_err(fault)?;
    let step = Backup::new(&source, &mut target).and_then(|backup| backup.step(ALL_PAGES)).map_err(fault)?;
    match step {
        StepResult::Done => Ok(()),
        _ => Err(DbError::Busy("the database stayed locked while it was copied".into())),
    }
}

fn settle(partial: &Path, to: &Path) -> Result<(), DbError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(partial)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(partial, to))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| DbError::Unavailable(error.into()))
}
