//! PostgreSQL's error codes in the words of the face.
//! Source of the codes: PostgreSQL documentation, appendix A.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::db::{ConstraintKind, DbError};

pub(super) fn fault(error: Error) -> DbError {
    let Some(code) = error.code().cloned() else {
        // No answer of the server: the connection failed, or the driver refused what it was given.
        let lost =
            error.is_closed() || std::error::Error::source(&error).is_some_and(|cause| cause.is::<std::io::Error>());
        return if lost { DbError::Unavailable(error.into()) } else { DbError::Other(error.into()) };
    };
    // A prepared statement's columns changed under it (a migration): prepared anew, it works.
    let stale = error.as_db_error().is_some_and(|answer| answer.routine() == Some("RevalidateCachedQuery"));
    let cause = error.into();
    if stale {
        return DbError::Conflict(cause);
    }
    let constraint = |kind, source| DbError::Constraint { kind, source };
    match code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => DbError::Conflict(cause),
        SqlState::UNIQUE_VIOLATION => constraint(ConstraintKind::Unique, cause),
        SqlState::FOREIGN_KEY_VIOLATION => constraint(ConstraintKind::ForeignKey, cause),
        SqlState::CHECK_VIOLATION => constraint(ConstraintKind::Check, cause),
        SqlState::NOT_NULL_VIOLATION => constraint(ConstraintKind::NotNull, cause),
        SqlState::DISK_FULL => DbError::DiskFull(cause),
        SqlState::READ_ONLY_SQL_TRANSACTION => DbError::ReadOnly(cause),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => DbError::Corrupt(cause),
        SqlState::LOCK_NOT_AVAILABLE => DbError::Busy(cause),
        SqlState::QUERY_CANCELED => DbError::Timeout(cause),
        code if is_lost(code.code()) => DbError::Unavailable(cause),
        _ => DbError::Other(cause),
    }
}

/// Connection exceptions, too many connections, a server that stops or starts, a session that was
/// idle for too long inside its transaction.
fn is_lost(code: &str) -> bool {
    code.starts_with("08")
        || matches!(code, "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "58000" | "58030")
}
