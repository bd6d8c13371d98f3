//! One connection and the runtime that drives it, used from one thread. Nothing of it moves
//! while no statement runs: a lost connection shows at the next one.
//!
//! **What waits.** A statement whose answer nobody needs ([`Session::send`]) goes with the next one that is waited for, on one journey: the server
//! runs them in their order. Once one of a transaction has failed, the server runs none of those behind it, and the one that is waited for fails as that
//! one did. `BEGIN` itself goes with the first that reads; what writes waits for it, as without a transaction each statement would be kept by itself.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::{self, FutureExt, LocalBoxFuture};
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::cell::{Param, cell, encoded};
use super::fault::fault;
use crate::db::sql::only_reads;
use crate::db::tx::Intent;
use crate::db::{DbError, Row};

/// The server ends a statement after this time; a migration has none.
const STATEMENT_SECONDS: u64 = 60;
/// The server ends a session that idles this long inside a transaction that only reads.
pub(super) const READER_IDLE_SECONDS: u64 = 60;
/// The same where it may hold locks: a machine that lost its power closes no connection, and the others wait for its rows.
/// Whoever only stood still so long runs the transaction again, unless that shows in the commit alone.
pub(super) const WRITER_IDLE_SECONDS: u64 = 4;
/// The server answers within its own limit or is gone: past this the connection is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(STATEMENT_SECONDS + 15);
/// How many rows are fetched between two visits of a stream's reader.
const CHUNK_ROWS: usize = 256;

pub(in crate::db) struct Session {
    runtime: Rc<Runtime>,
    client: Rc<Client>,
    statements: RefCell<HashMap<&'static str, Known>>,
    /// What goes with the next statement that is waited for, in order.
    sent: RefCell<Vec<Sent>>,
    /// Whether a transaction was begun of which nothing was heard yet.
    begins: Cell<bool>,
    /// Whether the server answered with an error before what was waited for last.
    failed_before: Cell<bool>,
}

/// What a statement that was sent answers, once something behind it was waited for.
#[derive(Clone, Default)]
pub(in crate::db) struct Asked(Rc<Cell<Option<Result<Told, DbError>>>>);

/// What a statement told: its rows, and how many it changed.
pub(in crate::db) struct Told {
    pub(in crate::db) rows: Vec<Row>,
    pub(in crate::db) changed: u64,
}

/// A statement that nobody has waited for yet.
struct Sent {
    text: &'static str,
    answer: LocalBoxFuture<'static, Result<(), tokio_postgres::Error>>,
}

#[derive(Clone)]
struct Known {
    statement: Statement,
    only_reads: bool,
}

impl Session {
    pub(super) fn connect(runtime: &Rc<Runtime>, config: &Config, idle_seconds: u64) -> Result<Self, DbError> {
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await.map_err(fault)?;
            // It ends with the connection; each statement then fails by itself.
            tokio::spawn(connection);
            Ok::<_, DbError>(client)
        })?;
        let session = Self {
            runtime: Rc::clone(runtime),
            client: Rc::new(client),
            statements: RefCell::default(),
            sent: RefCell::default(),
            begins: Cell::new(false),
            failed_before: Cell::new(false),
        };
        session.control(&format!(
            "SET statement_timeout = '{STATEMENT_SECONDS}s';
             SET idle_in_transaction_session_timeout = '{idle_seconds}s'"
        ))?;
        // Only a superuser, or who was granted it, may; the default of 1 s also works.
        let _ = session.control("SET deadlock_timeout = '100ms'");
        Ok(session)
    }

    /// Statements that steer the session or a transaction.
    pub(super) fn control(&self, text: &str) -> Result<(), DbError> {
        self.answered(self.client.batch_execute(text))
    }

    /// Begins a transaction, with the first statement of it that is waited for.
    pub(super) fn begin(&self, text: &'static str) -> Result<(), DbError> {
        let client = Rc::clone(&self.client);
        self.begins.set(true);
        self.keep(text, async move { client.batch_execute(text).await })
    }

    /// Whether nothing was heard of the connection since then.
    pub(super) fn is_unheard(&self) -> bool {
        self.begins.get()
    }

    pub(in crate::db) fn batch(&self, text: &str) -> Result<(), DbError> {
        self.flush()?;
        // A migration may take longer than any statement of the program.
        self.runtime.block_on(self.client.batch_execute(text)).map_err(fault)
    }

    pub(in crate::db) fn query(
        &self,
        text: &'static str,
        params: &[Param<'_>],
        intent: Intent,
    ) -> Result<Vec<Row>, DbError> {
        let statement = self.known(text, params, intent)?;
        let rows = async { self.client.query_raw(&statement, params).await?.try_collect::<Vec<_>>().await };
        let rows = self.answered(rows).inspect_err(|_| self.forget(text))?;
        let names = names(&statement);
        rows.iter().map(|row| convert(&names, row)).collect()
    }

    pub(in crate::db) fn stream(
        &self,
        text: &'static str,
        params: &[Param<'_>],
        visit: &mut dyn FnMut(&Row) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let statement = self.known(text, params, Intent::Read)?;
        let names = names(&statement);
        let mut stream =
            pin!(self.answered(self.client.query_raw(&statement, params)).inspect_err(|_| self.forget(text))?);
        loop {
            let chunk = self.answered(async {
                let mut chunk = Vec::with_capacity(CHUNK_ROWS);
                while chunk.len() < CHUNK_ROWS
                    && let Some(row) = stream.try_next().await?
                {
                    chunk.push(row);
                }
                Ok(chunk)
            })?;
            let last = chunk.len() < CHUNK_ROWS;
            for row in &chunk {
                if visit(&convert(&names, row)?).is_break() {
                    return Ok(());
                }
            }
            if last {
                return Ok(());
            }
        }
    }

    pub(in crate::db) fn execute(&self, text: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        let statement = self.known(text, params, Intent::Write)?;
        self.answered(self.client.execute_raw(&statement, params)).inspect_err(|_| self.forget(text))
    }

    /// Has a statement run with the next one that is waited for; what it answers is not asked. See the module's head for where it fails.
    pub(in crate::db) fn send(&self, text: &'static str, params: &[Param<'_>]) -> Result<(), DbError> {
        let statement = self.known(text, params, Intent::Write)?;
        let (client, params) = (Rc::clone(&self.client), encoded(params)?);
        self.keep(text, async move { client.execute_raw(&statement, params).await.map(drop) })
    }

    /// The same for a statement whose answer is taken later, by [`Session::heard`].
    pub(in crate::db) fn ask(&self, text: &'static str, params: &[Param<'_>]) -> Result<Asked, DbError> {
        let statement = self.known(text, params, Intent::Write)?;
        let (client, params, asked) = (Rc::clone(&self.client), encoded(params)?, Asked::default());
        let Asked(told) = asked.clone();
        self.keep(text, async move {
            let mut stream = pin!(client.query_raw(&statement, params).await?);
            let (mut rows, names) = (Vec::new(), names(&statement));
            while let Some(row) = stream.try_next().await? {
                rows.push(convert(&names, &row));
            }
            let changed = stream.rows_affected().unwrap_or(0);
            told.set(Some(rows.into_iter().collect::<Result<_, _>>().map(|rows| Told { rows, changed })));
            Ok(())
        })?;
        Ok(asked)
    }

    /// What was asked for; waits for it, if nothing behind it was waited for.
    pub(in crate::db) fn heard(&self, Asked(told): &Asked) -> Result<Told, DbError> {
        if let Some(told) = told.take() {
            return told;
        }
        self.flush()?;
        told.take().unwrap_or(Err(DbError::Aborted))
    }

    /// Puts a request behind those before it, so that they go in the order in which they were made.
    ///
    /// # Errors
    /// If it could not be put there.
    fn keep(
        &self,
        text: &'static str,
        work: impl Future<Output = Result<(), tokio_postgres::Error>> + 'static,
    ) -> Result<(), DbError> {
        let mut answer = work.boxed_local();
        match (&mut answer).now_or_never() {
            Some(early) => early.map_err(fault),
            None => {
                self.sent.borrow_mut().push(Sent { text, answer });
                Ok(())
            }
        }
    }

    /// Runs a statement once for each of these, on one journey and in their order; answers how many rows each changed.
    pub(in crate::db) fn execute_all(&self, text: &'static str, all: &[Vec<Param<'_>>]) -> Result<Vec<u64>, DbError> {
        let Some(first) = all.first() else { return Ok(Vec::new()) };
        let types = |params: &[Param<'_>]| params.iter().map(Param::declared).collect::<Vec<_>>();
        if all.iter().any(|params| types(params) != types(first)) {
            return Err(DbError::Document("parameters of one statement are of different types".to_owned()));
        }
        let statement = self.known(text, first, Intent::Write)?;
        let each = all.iter().map(|params| self.client.execute_raw(&statement, params));
        self.answered(future::try_join_all(each)).inspect_err(|_| self.forget(text))
    }

    /// Whether it is known that what was waited for last did nothing: the server had refused something before it.
    pub(super) fn has_failed_before(&self) -> bool {
        self.failed_before.get()
    }

    /// Sends what waits, and waits for it.
    pub(super) fn flush(&self) -> Result<(), DbError> {
        self.answered(future::ready(Ok(())))
    }

    pub(in crate::db) fn prepare(&self, text: &str) -> Result<(), DbError> {
        self.answered(self.client.prepare(text)).map(drop)
    }

    /// The prepared statement, from the cache if its parameters had the same types before.
    fn known(&self, text: &'static str, params: &[Param<'_>], intent: Intent) -> Result<Statement, DbError> {
        let types: Vec<Type> = params.iter().map(Param::declared).collect();
        let cached = self.statements.borrow().get(text).filter(|known| known.statement.params() == types).cloned();
        let known = match cached {
            Some(known) => known,
            None => {
                let statement = self.answered(self.client.prepare_typed(text, &types))?;
                let wanted = statement.params().len();
                if wanted != params.len() {
                    return Err(DbError::Parameters { wanted, given: params.len() });
                }
                let known = Known { statement, only_reads: only_reads(text) };
                self.statements.borrow_mut().insert(text, known.clone());
                known
            }
        };
        if intent == Intent::Read && !known.only_reads {
            return Err(DbError::WriteThroughRead);
        }
        if !known.only_reads && self.is_unheard() {
            self.flush()?;
        }
        Ok(known.statement)
    }

    /// Prepares the statement anew next time: another program's migration may have changed what it answers.
    fn forget(&self, text: &str) {
        self.statements.borrow_mut().remove(text);
    }

    /// Waits for this and for whatever was sent before it; the first of all that failed is why the others did.
    fn answered<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, DbError> {
        let sent = self.sent.take();
        self.begins.set(false);
        self.failed_before.set(false);
        let each = Duration::from_secs(STATEMENT_SECONDS);
        let limit = ANSWER_LIMIT + each.saturating_mul(u32::try_from(sent.len()).unwrap_or(u32::MAX));
        let before = async {
            for Sent { text, answer } in sent {
                if let Err(error) = answer.await {
                    self.forget(text);
                    return Err(error);
                }
            }
            Ok(())
        };
        // Together: an answer that nobody takes keeps those behind it from being read.
        let both = future::join(work, before);
        let (result, before) = self
            .runtime
            .block_on(async { tokio::time::timeout(limit, both).await })
            .map_err(|late| DbError::Unavailable(late.into()))?;
        // A pooler that lost the server says so itself, in the words of a connection (class 08): what came of the rest is not known.
        let is_of_the_server =
            |error: &tokio_postgres::Error| error.code().is_some_and(|code| !code.code().starts_with("08"));
        self.failed_before.set(before.as_ref().is_err_and(is_of_the_server));
        before.map_err(fault)?;
        result.map_err(fault)
    }
}

fn names(statement: &Statement) -> Arc<[String]> {
    statement.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn convert(names: &Arc<[String]>, row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let cells = (0..row.len()).map(|place| cell(row, place)).collect::<Result<_, _>>()?;
    Ok(Row::new(Arc::clone(names), cells))
}
