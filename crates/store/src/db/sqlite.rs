//! SQLite: one thread that writes, a few that read beside it, one that checkpoints.
//! This file opens the connections and runs statements; `writer` has the group commit.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

mod backup;
mod checkpoint;
mod fault;
mod lock;
mod reader;
mod writer;

use std::borrow::Borrow;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{Value as Bound, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, Statement};

use super::row::Cell;
use super::threads::Threads;
use super::tx::Intent;
use super::{DbError, Row, Sizes, Value};
use crate::json;
pub use backup::Copied;
pub(super) use backup::back_up;
use fault::fault;
pub(super) use lock::Lock;

/// How long a statement waits for another connection's lock: a checkpoint that empties the log.
const BUSY_LIMIT: Duration = Duration::from_secs(10);
/// The writer's page cache. SQLite walks through all of it at nearly every commit into a file of less than 1 GiB: a page that is split borrows
/// a number behind the file's end for a moment, and what lies behind the end is looked for when the transaction ends. With 64 MiB that was
/// a tenth of the writer's time (decision 0040).
const WRITER_CACHE_MEBIBYTES: u32 = 16;
/// How many prepared statements a connection keeps.
const STATEMENT_LIMIT: usize = 512;

/// The threads over a database file. The file is locked until they have ended.
pub(super) fn open_file(path: &Path, sizes: &Sizes) -> Result<Threads, DbError> {
    let lock = lock::take(path)?;
    let writer = connect_writer(path, sizes)?;
    let checkpoint = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, 2)?;
    let reader = || connect_reader(path, OpenFlags::SQLITE_OPEN_READ_WRITE, sizes);
    let readers = (0..sizes.readers.max(1)).map(|_| reader()).collect::<Result<Vec<_>, _>>()?;

    let mut threads = Threads::new();
    let wrote = checkpoint::start(&mut threads, checkpoint)?;
    writer::start(&mut threads, writer, Some(wrote))?;
    for reader in readers {
        reader::start(&mut threads, reader)?;
    }
    threads.keep(lock);
    Ok(threads)
}

/// Threads that only read a file which another process may have open: no lock is taken.
pub(super) fn open_to_read(path: &Path, sizes: &Sizes) -> Result<Threads, DbError> {
    if path.is_dir() {
        return Err(DbError::NotAFile { path: path.to_owned() });
    }
    if !path.exists() {
        return Err(DbError::Missing { path: path.to_owned() });
    }
    let mut threads = Threads::reading();
    // Whoever reads keeps a place in an index beside the log, so the folder must be writable even for that.
    let probe = connect_reader(path, OpenFlags::SQLITE_OPEN_READ_ONLY, sizes)
        .and_then(|probe| probe.query_row("PRAGMA schema_version", [], |_| Ok(())).map_err(fault));
    match probe {
        Err(DbError::Unavailable(cause)) if File::open(path).is_ok() => return Err(DbError::ReadOnly(cause)),
        probe => probe?,
    }
    for _ in 0..sizes.readers.max(1) {
        let reader = connect_reader(path, OpenFlags::SQLITE_OPEN_READ_ONLY, sizes)?;
        reader::start(&mut threads, reader)?;
    }
    Ok(threads)
}

/// One thread over a database in memory; reads wait in the line of the writes.
pub(super) fn open_memory() -> Result<Threads, DbError> {
    let connection = Connection::open_in_memory().map_err(fault)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fault)?;
    keep_plans(&connection)?;
    let mut threads = Threads::new();
    threads.reads = Arc::clone(&threads.writes);
    writer::start(&mut threads, connection, None)?;
    Ok(threads)
}

fn connect_writer(path: &Path, sizes: &Sizes) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = connect(path, flags, sizes.cache_mebibytes.min(WRITER_CACHE_MEBIBYTES))?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(fault)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(DbError::Other(format!("the file's journal mode is {mode}, not WAL").into()));
    }
    Ok(connection)
}

fn connect_reader(path: &Path, flags: OpenFlags, sizes: &Sizes) -> Result<Connection, DbError> {
    let connection = connect(path, flags, sizes.cache_mebibytes)?;
    connection.pragma_update(None, "query_only", true).map_err(fault)?;
    Ok(connection)
}

/// A connection with the settings that all share. Memory mapping stays off: with it a failing
/// disk would end the process instead of answering with an error.
fn connect(path: &Path, flags: OpenFlags, cache_mebibytes: u32) -> Result<Connection, DbError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(fault)?;
    connection.busy_timeout(BUSY_LIMIT).map_err(fault)?;
    keep_plans(&connection)?;
    let cache_kibibytes = i64::from(cache_mebibytes) * 1024;
    let settings = [
        ("cache_size", -cache_kibibytes),
        ("foreign_keys", 1),
        ("mmap_size", 0),
        ("synchronous", 2),
        ("temp_store", 2),
        ("trusted_schema", 0),
        ("wal_autocheckpoint", 0),
    ];
    for (name, value) in settings {
        connection.pragma_update(None, name, value).map_err(fault)?;
    }
    Ok(connection)
}

/// Statements are prepared once. Without the planner's stability guarantee SQLite looks at the parameters of some
/// (a batch in `json_each`) and prepares them anew at every call.
fn keep_plans(connection: &Connection) -> Result<(), DbError> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_LIMIT);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(fault)
}

pub(super) fn query(
    connection: &Connection,
    text: &str,
    params: &[Value],
    intent: Intent,
) -> Result<Vec<Row>, DbError> {
    let mut found = Vec::new();
    rows(connection, text, params, intent, &mut |row| {
        found.push(row.take());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Gives each row of the answer to `visit` until it breaks off: one row in memory, filled again for each.
pub(super) fn rows(
    connection: &Connection,
    text: &str,
    params: &[Value],
    intent: Intent,
    visit: &mut dyn FnMut(&mut Row) -> ControlFlow<()>,
) -> Result<(), DbError> {
    let mut statement = bound(connection, text, params)?;
    if intent == Intent::Read && !statement.readonly() {
        return Err(DbError::WriteThroughRead);
    }
    let mut visited = Row::new(statement.column_names().map(str::to_owned).collect(), Vec::new());
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(fault)? {
        for (place, cell) in visited.cells_mut().iter_mut().enumerate() {
            fill(cell, row.get_ref(place).map_err(fault)?);
        }
        if visit(&mut visited).is_break() {
            break;
        }
    }
    Ok(())
}

pub(super) fn execute(connection: &Connection, text: &str, params: &[Value]) -> Result<u64, DbError> {
    count(bound(connection, text, params)?.raw_execute())
}

fn count(changed: rusqlite::Result<usize>) -> Result<u64, DbError> {
    Ok(u64::try_from(changed.map_err(fault)?).expect("a count of rows"))
}

/// Runs a statement once for each row, whose values follow the shared parameters; tells `changed` of each how many rows it changed.
pub(super) fn execute_each<const N: usize>(
    connection: &Connection,
    text: &str,
    shared: &[Value],
    rows: impl IntoIterator<Item = impl Borrow<[Value; N]>>,
    mut changed: impl FnMut(&[Value; N], u64),
) -> Result<(), DbError> {
    let mut statement = connection.prepare_cached(text).map_err(fault)?;
    let (mut wanted, mut own) = (0, Vec::with_capacity(N));
    for place in 1..=statement.parameter_count() {
        let number = parameter_number(&statement, place)?;
        wanted = wanted.max(number);
        match shared.get(number - 1) {
            Some(value) => bind(&mut statement, place, value)?,
            None => own.push((place, number - 1 - shared.len())),
        }
    }
    if wanted != shared.len() + N {
        return Err(DbError::Parameters { wanted, given: shared.len() + N });
    }
    for row in rows {
        let row = row.borrow();
        if let Some(column) = row.iter().position(Value::has_nul) {
            return Err(DbError::Nul { index: shared.len() + column + 1 });
        }
        for (place, column) in &own {
            bind(&mut statement, *place, &row[*column])?;
        }
        changed(row, count(statement.raw_execute())?);
    }
    Ok(())
}

pub(super) fn batch(connection: &Connection, text: &str) -> Result<(), DbError> {
    connection.execute_batch(text).map_err(fault)
}

pub(super) fn prepare(connection: &Connection, text: &str) -> Result<(), DbError> {
    connection.prepare(text).map(drop).map_err(fault)
}

/// How it will be run: the planner's lines, from the outside in.
pub(super) fn plan(connection: &Connection, text: &str) -> Result<Vec<String>, DbError> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).map_err(fault)?;
    // Nothing is bound: the planner does not look at values.
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(fault)? {
        lines.push(row.get(3).map_err(fault)?);
    }
    Ok(lines)
}

/// The prepared statement with its parameters. SQLite takes `$1` for a name and counts names as
/// they appear, so each is bound by the number in its name.
fn bound<'c>(connection: &'c Connection, text: &str, params: &[Value]) -> Result<CachedStatement<'c>, DbError> {
    let mut statement = connection.prepare_cached(text).map_err(fault)?;
    let mut wanted = 0;
    for place in 1..=statement.parameter_count() {
        let number = parameter_number(&statement, place)?;
        wanted = wanted.max(number);
        if let Some(value) = params.get(number - 1) {
            bind(&mut statement, place, value)?;
        }
    }
    if wanted != params.len() {
        return Err(DbError::Parameters { wanted, given: params.len() });
    }
    Ok(statement)
}

fn parameter_number(statement: &Statement<'_>, place: usize) -> Result<usize, DbError> {
    let number = statement.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse().ok());
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| DbError::Other("a parameter is not written as $1, $2 and so on".into()))
}

fn bind(statement: &mut Statement<'_>, place: usize, value: &Value) -> Result<(), DbError> {
    match value {
        Value::Int(value) => statement.raw_bind_parameter(place, value),
        Value::Text(value) => statement.raw_bind_parameter(place, value),
        Value::Word(value) => statement.raw_bind_parameter(place, value),
        Value::Bytes(value) => statement.raw_bind_parameter(place, value),
        Value::Ints(list) => statement.raw_bind_parameter(place, json::text(list)?),
        Value::Texts(list) => statement.raw_bind_parameter(place, json::text(list)?),
        Value::NullInt | Value::NullText | Value::NullBytes => statement.raw_bind_parameter(place, Bound::Null),
    }
    .map_err(fault)
}

/// Puts a value into a cell; a text into the room of the one that was there.
fn fill(cell: &mut Cell, value: ValueRef<'_>) {
    *cell = match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(_) => Cell::Foreign("a floating-point number".to_owned()),
        ValueRef::Text(text) => match (str::from_utf8(text), &mut *cell) {
            (Ok(text), Cell::Text(room)) => {
                room.clear();
                room.push_str(text);
                return;
            }
            (Ok(text), _) => Cell::Text(text.to_owned()),
            (Err(_), _) => Cell::Foreign("text that is not UTF-8".to_owned()),
        },
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    };
}
