//! One process per database file. The lock lies beside the file, is the operating system's, and
//! ends with the process however it ends; the empty file that carries it stays.
//! Being the first to touch the path, it also says what is wrong with the path.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind};
use std::path::Path;

use crate::db::DbError;

/// Held for as long as it lives.
pub(in crate::db) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started shares the open file for a moment.
        let _ = self.0.unlock();
    }
}

/// Locks the database at `path` for as long as the answer lives.
pub(super) fn take(path: &Path) -> Result<Lock, DbError> {
    if path.is_dir() {
        return Err(DbError::NotAFile { path: path.to_owned() });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        return Err(DbError::NoFolder { folder: folder.to_owned() });
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(name).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(DbError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

fn refused(error: Error) -> DbError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => DbError::ReadOnly(error.into()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DbError::DiskFull(error.into()),
        _ => DbError::Unavailable(error.into()),
    }
}
