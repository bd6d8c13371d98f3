//! One connection and the runtime that drives it, used from one thread. Nothing of it moves
//! while no statement runs: a lost connection shows at the next one.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::cell::{Param, cell};
use super::fault::fault;
use crate::db::sql::only_reads;
use crate::db::tx::Intent;
use crate::db::{DbError, Row};

/// The server ends a statement after this time; a migration has none.
const STATEMENT_SECONDS: u64 = 60;
/// The server ends a session that idles this long inside a transaction that only reads.
pub(super) const READER_IDLE_SECONDS: u64 = 60;
/// The same where it may hold locks: a machine that lost its power closes no connection, and the others wait for its rows.
/// Whoever only stood still so long runs the transaction again.
pub(super) const WRITER_IDLE_SECONDS: u64 = 4;
/// The server answers within its own limit or is gone: past this the connection is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(STATEMENT_SECONDS + 15);
/// How many rows are fetched between two visits of a stream's reader.
const CHUNK_ROWS: usize = 256;

pub(in crate::db) struct Session {
    runtime: Rc<Runtime>,
    client: Client,
    statements: RefCell<HashMap<&'static str, Known>>,
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
        let session = Self { runtime: Rc::clone(runtime), client, statements: RefCell::default() };
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

    pub(in crate::db) fn batch(&self, text: &str) -> Result<(), DbError> {
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
        Ok(known.statement)
    }

    /// Prepares the statement anew next time: another program's migration may have changed what it answers.
    fn forget(&self, text: &str) {
        self.statements.borrow_mut().remove(text);
    }

    fn answered<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, DbError> {
        self.runtime.block_on(async {
            match tokio::time::timeout(ANSWER_LIMIT, work).await {
                Ok(result) => result.map_err(fault),
                Err(late) => Err(DbError::Unavailable(late.into())),
            }
        })
    }
}

fn names(statement: &Statement) -> Arc<[String]> {
    statement.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn convert(names: &Arc<[String]>, row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let cells = (0..row.len()).map(|place| cell(row, place)).collect::<Result<_, _>>()?;
    Ok(Row::new(Arc::clone(names), cells))
}
