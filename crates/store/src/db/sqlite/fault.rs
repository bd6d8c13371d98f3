//! SQLite's result codes in the words of the face.

use rusqlite::{Error, ErrorCode, ffi};

use crate::db::{ConstraintKind, DbError};

pub(super) fn fault(error: Error) -> DbError {
    let Error::SqliteFailure(failure, _) = &error else {
        return DbError::Other(error.into());
    };
    match failure.code {
        ErrorCode::DiskFull => DbError::DiskFull(error.into()),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => DbError::ReadOnly(error.into()),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DbError::Corrupt(error.into()),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DbError::Busy(error.into()),
        ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed => {
            DbError::Unavailable(error.into())
        }
        ErrorCode::ConstraintViolation => match constraint(failure.extended_code) {
            Some(kind) => DbError::Constraint { kind, source: error.into() },
            None => DbError::Other(error.into()),
        },
        _ => DbError::Other(error.into()),
    }
}

fn constraint(code: i32) -> Option<ConstraintKind> {
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Some(ConstraintKind::Unique)
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some(ConstraintKind::ForeignKey),
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_DATATYPE => Some(ConstraintKind::Check),
        ffi::SQLITE_CONSTRAINT_NOTNULL => Some(ConstraintKind::NotNull),
        _ => None,
    }
}
