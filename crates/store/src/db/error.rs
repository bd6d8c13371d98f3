//! What can go wrong with the database, in words that name what to do. The driver's own error is
//! the `source` and never part of the text.

use std::error::Error;
use std::path::PathBuf;

type Cause = Box<dyn Error + Send + Sync>;

/// Which kind of rule of the schema a write broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A unique index or a primary key.
    Unique,
    /// A foreign key.
    ForeignKey,
    /// A check.
    Check,
    /// A column that must not be null.
    NotNull,
}

/// Why the database did not do what it was asked. Nothing of the transaction is kept, except
/// possibly for [`DbError::CommitUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The disk (or the database's size limit) is full; earlier commits are safe.
    #[error("the disk of the database is full: free some space, nothing that was saved is lost")]
    DiskFull(#[source] Cause),
    /// The database or its file may not be written.
    #[error("the database is read-only: let this program's user write the file and its folder")]
    ReadOnly(#[source] Cause),
    /// The file is damaged or is no database: restore the last backup.
    #[error("the database is damaged or is not a database: restore the last backup, or name another file")]
    Corrupt(#[source] Cause),
    /// Something else held a lock for too long; may be tried again later.
    #[error("the database is busy")]
    Busy(#[source] Cause),
    /// More work waits than the store accepts; may be tried again later.
    #[error("the database is overloaded: more than {limit} transactions wait")]
    Overloaded {
        /// How many transactions may wait in one lane.
        limit: usize,
    },
    /// The server cannot be reached, or the disk answers with errors.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// The server ended a statement that took too long.
    #[error("a statement took too long and was ended")]
    Timeout(#[source] Cause),
    /// The connection was lost while the commit was under way: it may or may not have happened.
    #[error("the connection was lost during the commit, whose outcome is unknown")]
    CommitUnknown(#[source] Cause),
    /// A rule of the schema refused the write.
    #[error("a {kind:?} constraint refused the write")]
    Constraint {
        /// The kind of rule.
        kind: ConstraintKind,
        /// The driver's error, which names the constraint.
        #[source]
        source: Cause,
    },
    /// Other transactions were in the way each time it was tried.
    #[error("the transaction met others each time it was tried")]
    Conflict(#[source] Cause),
    /// An earlier statement of the transaction failed, so nothing more may be done in it.
    #[error("an earlier statement of the transaction failed")]
    Aborted,
    /// A statement that writes was given to a handle that reads.
    #[error("a statement that writes was given to a handle that only reads")]
    WriteThroughRead,
    /// A statement was run while `for_each` was still reading rows.
    #[error("a statement was run inside for_each, which was still reading rows")]
    Streaming,
    /// The code inside the transaction panicked; it was rolled back.
    #[error("the code inside the transaction panicked")]
    Panicked,
    /// The store was closed before the transaction ran.
    #[error("the store is closed")]
    Closed,
    /// A column holds another type than was asked for.
    #[error("column {name:?} should hold {wanted} and holds {found}")]
    Column {
        /// The column's name in the answer.
        name: String,
        /// What was asked for.
        wanted: &'static str,
        /// What it holds.
        found: String,
    },
    /// The answer has no such column.
    #[error("the answer has {columns} columns and none at {index}")]
    NoColumn {
        /// The position that was asked for, from 0.
        index: usize,
        /// How many columns there are.
        columns: usize,
    },
    /// One row was expected.
    #[error("one row was expected and {found} were found")]
    Rows {
        /// How many rows were found.
        found: usize,
    },
    /// The statement wants another number of parameters.
    #[error("the statement takes {wanted} parameters and was given {given}")]
    Parameters {
        /// How many it takes.
        wanted: usize,
        /// How many it was given.
        given: usize,
    },
    /// A stored document or number that this program cannot read or write.
    #[error("a stored value cannot be read: {0}")]
    Document(String),
    /// A text parameter holds a NUL character, which PostgreSQL cannot store.
    #[error("parameter ${index} holds a NUL character")]
    Nul {
        /// The parameter's number, from 1.
        index: usize,
    },
    /// Another process has the database file open.
    #[error("{} is in use by another process: only one may open it", path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The path of the database file is a folder's.
    #[error("{} is a folder: name a file in it", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the database file is not there.
    #[error("the folder {} does not exist: make it first", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The database that is to be read is not there.
    #[error("there is no database {}: check its name, or make it with `dripline migrate`", path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// The database that is to be read waits for migrations.
    #[error("the database has schema {database}, older than {program}: bring it up to date with `dripline migrate`")]
    Older {
        /// The schema version that the database has; 0 if none.
        database: i64,
        /// The newest that this program knows.
        program: i64,
    },
    /// A newer version of the program has been here.
    #[error("the database has schema {database}, newer than {program}, the newest this program knows: upgrade it")]
    Newer {
        /// The schema version that the database has.
        database: i64,
        /// The newest that this program knows.
        program: i64,
    },
    /// An applied migration differs from the one in this program.
    #[error("migration {name} was changed after it was applied: restore its text and write a new one")]
    MigrationChanged {
        /// The migration's name.
        name: String,
    },
    /// A migration failed; none of those that waited was applied.
    #[error("migration {name} failed")]
    Migration {
        /// The migration's name.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<DbError>,
    },
    /// The address is none that the store knows.
    #[error("the database address is not of the form sqlite:PATH, sqlite::memory: or postgres://…")]
    Address(#[source] Option<Cause>),
    /// The backup's target exists already.
    #[error("{} exists already: name a new file", path.display())]
    BackupExists {
        /// The target.
        path: PathBuf,
    },
    /// The backup's target cannot be written: its folder is missing, full or not ours.
    #[error("the copy {} cannot be written", path.display())]
    BackupTarget {
        /// The target.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// This database is not backed up by the program.
    #[error("only an SQLite file is backed up by this program: for PostgreSQL use pg_dump or its continuous archiving")]
    BackupUnsupported,
    /// Anything else; the source says what.
    #[error("the database refused")]
    Other(#[source] Cause),
}

/// What a failed statement means for its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may be run again from its beginning: others were in the way.
    Conflict,
    /// It may be run again on a new connection.
    Unavailable,
    /// It failed for good.
    Final,
}

impl DbError {
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Conflict(_) => Failure::Conflict,
            Self::Unavailable(_) => Failure::Unavailable,
            _ => Failure::Final,
        }
    }
}
