//! The two handles inside a transaction: `Read`, which has no method that writes, and `Tx`.
//! After a statement has failed nothing more runs and nothing commits, on either database: that
//! is PostgreSQL's rule, and SQLite may have rolled the whole transaction back.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::borrow::Borrow;
use std::cell::Cell;
use std::ops::{ControlFlow, Deref};

use super::error::Failure;
use super::later::{Answer, Later};
use super::memo::Memo;
use super::postgres::{Param, Session, columns};
use super::{DbError, Each, Row, Sql, Value, sqlite};
use crate::tallies::Pending;

/// The connection that a handle works on.
pub(super) enum On<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a Session),
}

/// What the caller of a statement means to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Read,
    Write,
}

/// A handle that reads one consistent state of the database. A statement that writes is refused.
pub struct Read<'a> {
    on: On<'a>,
    failure: Cell<Option<Failure>>,
    streaming: Cell<bool>,
    #[cfg(any(test, feature = "testing"))]
    struck: super::mishaps::Struck,
}

/// How many things are done between two questions whether something inbound waits: about a millisecond of claims or settlings.
const STRIDE: usize = 32;

/// A handle on a transaction that may write. It commits when its code returns `Ok`.
pub struct Tx<'a> {
    read: Read<'a>,
    pending: Pending,
    memo: Option<&'a Memo>,
    awaited: Option<&'a dyn Fn() -> bool>,
}

impl<'a> Deref for Tx<'a> {
    type Target = Read<'a>;

    fn deref(&self) -> &Self::Target {
        &self.read
    }
}

impl Read<'_> {
    /// All rows of the answer. For more than a few thousand use [`Read::for_each`] or pages.
    pub fn query(&self, sql: &Sql, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.collect(sql, params, Intent::Read)
    }

    /// The only row of the answer; none or several are [`DbError::Rows`].
    pub fn query_one(&self, sql: &Sql, params: &[Value]) -> Result<Row, DbError> {
        self.query_optional(sql, params)?.ok_or(DbError::Rows { found: 0 })
    }

    /// The only row of the answer or `None`; several are [`DbError::Rows`].
    pub fn query_optional(&self, sql: &Sql, params: &[Value]) -> Result<Option<Row>, DbError> {
        let mut rows = self.query(sql, params)?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            found => Err(DbError::Rows { found }),
        }
    }

    /// What `read` makes of each row of the answer, of which no row is kept. No statement may run inside `read` ([`DbError::Streaming`]).
    pub fn query_map<T>(
        &self,
        sql: &Sql,
        params: &[Value],
        mut read: impl FnMut(&Row) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let mut all = Vec::new();
        self.for_each(sql, params, |row| {
            all.push(read(row)?);
            Ok::<_, DbError>(())
        })?;
        Ok(all)
    }

    /// Gives each row to `each` without holding all of them; its first error ends the reading.
    /// No statement may run inside `each` ([`DbError::Streaming`]).
    pub fn for_each<E: From<DbError>>(
        &self,
        sql: &Sql,
        params: &[Value],
        mut each: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check(params)?;
        let mut stopped = None;
        let mut visit = |row: &Row| match each(row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        };
        self.streaming.set(true);
        let result = match &self.on {
            On::Sqlite(connection) => {
                sqlite::rows(connection, sql.sqlite(), params, Intent::Read, &mut |row| visit(row))
            }
            On::Postgres(session) => session.stream(sql.postgres(), &Param::each(params), &mut visit),
        };
        self.streaming.set(false);
        self.note(result)?;
        stopped.map_or(Ok(()), Err)
    }

    /// Checks on this database that a statement is well formed and names what exists, and runs nothing.
    pub fn prepare(&self, sql: &Sql) -> Result<(), DbError> {
        self.check(&[])?;
        self.note(match &self.on {
            On::Sqlite(connection) => sqlite::prepare(connection, sql.sqlite()),
            On::Postgres(session) => session.prepare(sql.postgres()),
        })
    }

    /// How SQLite will run a statement, line by line of its planner; nothing on PostgreSQL, whose plan depends on the rows.
    pub fn plan(&self, sql: &Sql) -> Result<Vec<String>, DbError> {
        self.check(&[])?;
        self.note(match &self.on {
            On::Sqlite(connection) => sqlite::plan(connection, sql.sqlite()),
            On::Postgres(_) => Ok(Vec::new()),
        })
    }

    /// Whether it is SQLite, where a statement is no journey and [`Each`] runs once for each row.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        matches!(self.on, On::Sqlite(_))
    }

    /// The text that this database runs.
    pub(crate) fn text(&self, sql: &Sql) -> &'static str {
        match &self.on {
            On::Sqlite(_) => sql.sqlite(),
            On::Postgres(_) => sql.postgres(),
        }
    }

    /// The first failure of a statement in this transaction.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.get()
    }

    fn collect(&self, sql: &Sql, params: &[Value], intent: Intent) -> Result<Vec<Row>, DbError> {
        self.check(params)?;
        self.note(match &self.on {
            On::Sqlite(connection) => sqlite::query(connection, sql.sqlite(), params, intent),
            On::Postgres(session) => session.query(sql.postgres(), &Param::each(params), intent),
        })
    }

    fn check(&self, params: &[Value]) -> Result<(), DbError> {
        if self.failure.get().is_some() {
            return Err(DbError::Aborted);
        }
        if self.streaming.get() {
            return Err(DbError::Streaming);
        }
        #[cfg(any(test, feature = "testing"))]
        if let Some(error) = self.struck.statement() {
            return self.note(Err(error));
        }
        let nul = params.iter().position(Value::has_nul);
        nul.map_or(Ok(()), |place| Err(DbError::Nul { index: place + 1 }))
    }

    fn note<T>(&self, result: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &result {
            self.failure.set(Some(error.failure()));
        }
        result
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(on: On<'a>) -> Self {
        let read = Read {
            on,
            failure: Cell::new(None),
            streaming: Cell::new(false),
            #[cfg(any(test, feature = "testing"))]
            struck: super::mishaps::Struck::default(),
        };
        Self { read, pending: Pending::default(), memo: None, awaited: None }
    }

    /// The same transaction, on a writer that remembers.
    pub(super) fn remembering(self, memo: &'a Memo) -> Self {
        Self { memo: Some(memo), ..self }
    }

    /// The same transaction, on a writer for which something inbound may wait: `awaited` says whether it does.
    pub(super) fn awaited_if(self, awaited: &'a dyn Fn() -> bool) -> Self {
        Self { awaited: Some(awaited), ..self }
    }

    /// Whether this transaction is to end as soon as it has done something whole, because something inbound waits for its end. Never on
    /// PostgreSQL, where no thread waits for another's transaction, and who needs its rows is not known.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited.is_some_and(|awaited| awaited())
    }

    /// How many of so many things to do before [`Tx::is_awaited`] is asked: few where it may be so; all where it never is, because there
    /// each statement is a journey. At least 1.
    #[must_use]
    pub fn stride(&self, whole: usize) -> usize {
        let most = if self.awaited.is_some() { STRIDE } else { usize::MAX };
        whole.clamp(1, most)
    }

    /// What the writer remembers of a workspace, if it does ([`Memo`]).
    pub(crate) fn remembered(&self, workspace: i64) -> Option<bool> {
        self.memo?.get(workspace)
    }

    /// Has the writer remember it.
    pub(crate) fn remember(&mut self, workspace: i64, answer: bool) {
        if let Some(memo) = self.memo {
            memo.keep(workspace, answer);
        }
    }

    /// Has the writer ask again.
    pub(crate) fn forget(&mut self, workspace: i64) {
        if let Some(memo) = self.memo {
            memo.forget(workspace);
        }
    }

    /// The same transaction, one of whose statements meets a mishap.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn struck(&mut self, by: super::mishaps::Struck) -> &mut Self {
        self.read.struck = by;
        self
    }

    /// What was counted so far; the transaction's last statement writes it.
    pub(crate) fn pending(&mut self) -> &mut Pending {
        &mut self.pending
    }

    /// Runs a statement that writes; answers how many rows it changed.
    pub fn execute(&mut self, sql: &Sql, params: &[Value]) -> Result<u64, DbError> {
        self.check(params)?;
        self.note(match &self.on {
            On::Sqlite(connection) => sqlite::execute(connection, sql.sqlite(), params),
            On::Postgres(session) => session.execute(sql.postgres(), &Param::each(params)),
        })
    }

    /// Runs a statement that writes once for each of these parameters, in their order; answers how many rows each changed.
    pub fn execute_all(&mut self, sql: &Sql, all: &[impl AsRef<[Value]>]) -> Result<Vec<u64>, DbError> {
        all.iter().try_for_each(|params| self.check(params.as_ref()))?;
        self.note(match &self.on {
            On::Sqlite(connection) => {
                all.iter().map(|params| sqlite::execute(connection, sql.sqlite(), params.as_ref())).collect()
            }
            On::Postgres(session) => {
                let all: Vec<_> = all.iter().map(|params| Param::each(params.as_ref())).collect();
                session.execute_all(sql.postgres(), &all)
            }
        })
    }

    /// Runs a statement that writes, of which nobody needs the answer. On PostgreSQL it goes with the next statement that is waited for, or
    /// with the commit, on the same journey; if it fails, that one fails as it did. Not for what may fail by a constraint that the caller looks for.
    pub fn run(&mut self, sql: &Sql, params: &[Value]) -> Result<(), DbError> {
        match &self.on {
            On::Sqlite(_) => self.execute(sql, params).map(|_| ()),
            On::Postgres(session) => {
                self.check(params)?;
                self.note(session.send(sql.postgres(), &Param::each(params)))
            }
        }
    }

    /// Runs a statement for many rows, as [`Each`] says, of which nobody needs the answer: see [`Tx::run`].
    pub fn run_each<const N: usize>(
        &mut self,
        each: &Each<N>,
        shared: &[Value],
        rows: impl IntoIterator<Item = impl Borrow<[Value; N]>>,
    ) -> Result<(), DbError> {
        match &self.on {
            On::Sqlite(_) => self.execute_each(each, shared, rows).map(|_| ()),
            On::Postgres(session) => {
                self.check(shared)?;
                let rows: Vec<_> = rows.into_iter().collect();
                self.note(
                    columns(shared, &rows)
                        .and_then(|params| params.map_or(Ok(()), |params| session.send(each.0.postgres(), &params))),
                )
            }
        }
    }

    /// Runs a statement that writes and answers rows (`RETURNING`), in no order that one may rely on.
    pub fn query_write(&mut self, sql: &Sql, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.collect(sql, params, Intent::Write)
    }

    /// Runs a statement whose answer, as `read` makes it, is taken by [`Tx::heard`]. On PostgreSQL it goes with the next statement that is waited for, on
    /// the same journey; if it fails, that one fails as it did.
    pub fn query_later<T>(
        &mut self,
        sql: &Sql,
        params: &[Value],
        read: impl FnOnce(Vec<Row>) -> Result<T, DbError> + 'static,
    ) -> Result<Later<T>, DbError> {
        match &self.on {
            On::Sqlite(_) => self.query_write(sql, params).and_then(read).map(|answer| Later(Answer::Here(answer))),
            On::Postgres(session) => {
                self.check(params)?;
                let asked = self.note(session.ask(sql.postgres(), &Param::each(params)))?;
                Ok(Later(Answer::Asked(asked, Box::new(|told| read(told.rows)))))
            }
        }
    }

    /// The same for a statement for many rows, as [`Each`] says: how many it changed.
    pub fn execute_each_later<const N: usize>(
        &mut self,
        each: &Each<N>,
        shared: &[Value],
        rows: impl IntoIterator<Item = impl Borrow<[Value; N]>>,
    ) -> Result<Later<u64>, DbError> {
        match &self.on {
            On::Sqlite(_) => self.execute_each(each, shared, rows).map(|changed| Later(Answer::Here(changed))),
            On::Postgres(session) => {
                self.check(shared)?;
                let rows: Vec<_> = rows.into_iter().collect();
                let ask = |params: Option<Vec<_>>| {
                    let Some(params) = params else { return Ok(Later(Answer::Here(0))) };
                    let asked = session.ask(each.0.postgres(), &params)?;
                    Ok(Later(Answer::Asked(asked, Box::new(|told| Ok(told.changed)))))
                };
                self.note(columns(shared, &rows).and_then(ask))
            }
        }
    }

    /// What a statement answered; waits for it, if nothing behind it was waited for.
    pub fn heard<T>(&mut self, later: Later<T>) -> Result<T, DbError> {
        if self.read.failure.get().is_some() {
            return Err(DbError::Aborted);
        }
        match (later.0, &self.on) {
            (Answer::Here(answer), _) => Ok(answer),
            (Answer::Asked(asked, read), On::Postgres(session)) => self.note(session.heard(&asked).and_then(read)),
            (Answer::Asked(..), On::Sqlite(_)) => Err(DbError::Aborted),
        }
    }

    /// Runs a statement for many rows, as [`Each`] says; answers how many it changed.
    pub fn execute_each<const N: usize>(
        &mut self,
        each: &Each<N>,
        shared: &[Value],
        rows: impl IntoIterator<Item = impl Borrow<[Value; N]>>,
    ) -> Result<u64, DbError> {
        self.check(shared)?;
        self.note(match &self.on {
            On::Sqlite(connection) => {
                let mut changed = 0;
                sqlite::execute_each(connection, each.0.sqlite(), shared, rows, |_, count| changed += count)
                    .map(|()| changed)
            }
            On::Postgres(session) => {
                let rows: Vec<_> = rows.into_iter().collect();
                columns(shared, &rows)
                    .and_then(|params| params.map_or(Ok(0), |params| session.execute(each.0.postgres(), &params)))
            }
        })
    }

    /// The same; answers the values of the column `key` of those rows that changed something. On PostgreSQL the statement answers
    /// them itself (`RETURNING`); SQLite is asked after each row, because there `RETURNING` makes a table for every row.
    pub fn changed_each<const N: usize>(
        &mut self,
        each: &Each<N>,
        shared: &[Value],
        rows: impl IntoIterator<Item = impl Borrow<[Value; N]>>,
        key: usize,
    ) -> Result<Vec<i64>, DbError> {
        self.check(shared)?;
        self.note(match &self.on {
            On::Sqlite(connection) => {
                let mut keys = Vec::new();
                let note = |row: &[Value; N], count| keys.extend(row[key].as_int().filter(|_| count > 0));
                sqlite::execute_each(connection, each.0.sqlite(), shared, rows, note).map(|()| keys)
            }
            On::Postgres(session) => {
                let rows: Vec<_> = rows.into_iter().collect();
                let query = |params: Vec<_>| session.query(each.0.postgres(), &params, Intent::Write);
                columns(shared, &rows)
                    .and_then(|params| params.map_or(Ok(Vec::new()), query))
                    .and_then(|found| found.iter().map(|row| row.int(0)).collect())
            }
        })
    }

    /// Runs several statements without parameters, parted by semicolons: migrations and test tables.
    pub(crate) fn batch(&mut self, sql: &Sql) -> Result<(), DbError> {
        self.check(&[])?;
        self.note(match &self.on {
            On::Sqlite(connection) => sqlite::batch(connection, sql.sqlite()),
            On::Postgres(session) => session.batch(sql.postgres()),
        })
    }
}
