//! The database behind one face. This file and the folder `db` are the only places that name a
//! driver. Code inside a transaction is synchronous and runs on a thread of the store; callers
//! wait for it. See the crate's `README.md` for how it is used.

mod address;
mod error;
mod job;
mod later;
mod memo;
#[cfg(any(test, feature = "testing"))]
pub mod mishaps;
mod postgres;
mod queue;
mod row;
mod sql;
mod sqlite;
mod threads;
mod tx;
mod value;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

pub use address::Address;
use address::Place;
pub use error::{ConstraintKind, DbError};
use job::Work;
pub use later::Later;
pub use queue::Lane;
use queue::Queue;
pub use row::Row;
pub use sql::{Each, Sql};
pub use sqlite::Copied;
use threads::Threads;
pub use tx::{Read, Tx};
pub use value::Value;

use crate::migrations;

#[cfg(any(test, feature = "testing"))]
pub(crate) use postgres::admin;

/// How much memory and how many connections a store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// SQLite: the page cache of each reader, in mebibytes; the writer's too, which takes 16 at most (decision 0040).
    pub cache_mebibytes: u32,
    /// Threads that read, each with its connection; at least 1.
    pub readers: usize,
    /// PostgreSQL: threads that write, each with its connection; at least 3, because one is kept
    /// for inbound and one from bulk work.
    pub writers: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { cache_mebibytes: 64, readers: 3, writers: 8 }
    }
}

/// An open database. Clones share it; when the last is dropped, what is queued is run, and the
/// drop waits for it.
#[derive(Clone)]
pub struct Store {
    base: Arc<Base>,
    #[cfg(any(test, feature = "testing"))]
    mishaps: Option<Arc<mishaps::Mishaps>>,
}

struct Base {
    address: Address,
    threads: Threads,
    schema_version: i64,
}

impl Store {
    /// Opens the database with the default sizes, creates it if it is a file that does not exist,
    /// and applies the migrations that it lacks. Blocks meanwhile.
    ///
    /// # Errors
    /// [`DbError::InUse`], [`DbError::Newer`], [`DbError::MigrationChanged`],
    /// [`DbError::Migration`], and whatever keeps the database from being reached.
    pub fn open(address: &Address) -> Result<Self, DbError> {
        Self::open_sized(address, Sizes::default())
    }

    /// As [`Store::open`], with sizes.
    pub fn open_sized(address: &Address, sizes: Sizes) -> Result<Self, DbError> {
        let threads = match &address.0 {
            Place::File(path) => sqlite::open_file(path, &sizes)?,
            Place::Memory => sqlite::open_memory()?,
            Place::Server(config) => postgres::open(config, &sizes)?,
        };
        let migrated = submit(&threads.writes, Lane::Normal, migrations::apply);
        let schema_version = migrated.recv().unwrap_or(Err(DbError::Closed))?;
        Ok(Self::on(Base { address: address.clone(), threads, schema_version }))
    }

    /// Opens a database that is there for reading only, beside the process that serves it: no lock is taken and
    /// nothing is migrated. Whoever asks it to write is answered [`DbError::Closed`].
    ///
    /// # Errors
    /// [`DbError::Missing`], [`DbError::Older`], [`DbError::Newer`], [`DbError::MigrationChanged`], and
    /// whatever keeps the database from being reached. One in memory is nobody else's to read: `Missing`.
    pub fn open_to_read(address: &Address) -> Result<Self, DbError> {
        let sizes = Sizes::default();
        let threads = match &address.0 {
            Place::File(path) => sqlite::open_to_read(path, &sizes)?,
            Place::Memory => return Err(DbError::Missing { path: address.to_string().into() }),
            Place::Server(config) => postgres::open_to_read(config, &sizes)?,
        };
        let found = submit(&threads.reads, Lane::Normal, |tx| migrations::check(tx));
        let schema_version = found.recv().unwrap_or(Err(DbError::Closed))?;
        Ok(Self::on(Base { address: address.clone(), threads, schema_version }))
    }

    fn on(base: Base) -> Self {
        Self {
            base: Arc::new(base),
            #[cfg(any(test, feature = "testing"))]
            mishaps: None,
        }
    }

    /// The same database for another process, to which this happens. Calls that block are spared.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn with(&self, mishaps: Arc<mishaps::Mishaps>) -> Self {
        Self { mishaps: Some(mishaps), ..self.clone() }
    }

    /// Runs `work` in a transaction that commits when it returns `Ok` and rolls back when it
    /// returns `Err` or panics. It is queued by this call; the future resolves once the commit is
    /// durable. Dropping the future does not undo the call.
    ///
    /// `work` may run more than once (another transaction was in the way, a connection was lost,
    /// a neighbour's commit failed): what it does besides the database must bear that.
    pub fn write<T, E, F>(&self, lane: Lane, work: F) -> impl Future<Output = Result<T, E>> + Send + use<T, E, F>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.hand_in(&self.base.threads.writes, lane, work)
    }

    /// Runs `work` on one consistent state of the database, beside the transactions that write.
    /// It is queued by this call and may run more than once.
    pub fn read<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<T, E, F>
    where
        F: Fn(&Read<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.hand_in(&self.base.threads.reads, Lane::Normal, move |tx| work(tx))
    }

    fn hand_in<T, E, F>(
        &self,
        queue: &Arc<Queue>,
        lane: Lane,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + Send + use<T, E, F>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        #[cfg(any(test, feature = "testing"))]
        return mishaps::hand_in(self.mishaps.clone(), Arc::clone(queue), lane, work);
        #[cfg(not(any(test, feature = "testing")))]
        answer(submit(queue, lane, work))
    }

    /// As [`Store::write`], for code without a runtime (tests, the command line): blocks.
    /// Called inside `work` of the same store it may wait for itself for ever.
    pub fn write_blocking<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        submit(&self.base.threads.writes, lane, work).recv().unwrap_or_else(|_| Err(E::from(DbError::Closed)))
    }

    /// As [`Store::read`], for code without a runtime: blocks.
    pub fn read_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: Fn(&Read<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let answer = submit(&self.base.threads.reads, Lane::Normal, move |tx| work(tx));
        answer.recv().unwrap_or_else(|_| Err(E::from(DbError::Closed)))
    }

    /// The number of the newest migration that the database has.
    pub fn schema_version(&self) -> i64 {
        self.base.schema_version
    }

    /// Where the database lives.
    pub fn address(&self) -> &Address {
        &self.base.address
    }

    /// Copies the running SQLite database to the new file `to`, which appears when it is
    /// complete: the state at the moment the copy began. Blocks; transactions go on, also those
    /// of another process. `progress` is told now and then.
    ///
    /// # Errors
    /// [`DbError::BackupUnsupported`] on PostgreSQL and in memory, [`DbError::BackupExists`],
    /// [`DbError::BackupTarget`].
    pub fn backup(&self, to: &Path, progress: &mut dyn FnMut(Copied)) -> Result<(), DbError> {
        match &self.base.address.0 {
            Place::File(path) => sqlite::back_up(path, to, progress),
            Place::Memory | Place::Server(_) => Err(DbError::BackupUnsupported),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("address", &self.base.address).finish_non_exhaustive()
    }
}

fn submit<T, E, F>(queue: &Queue, lane: Lane, work: F) -> flume::Receiver<Result<T, E>>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    let (job, answer) = Work::new(work);
    queue.push(lane, Box::new(job));
    answer
}

async fn answer<T, E: From<DbError>>(answer: flume::Receiver<Result<T, E>>) -> Result<T, E> {
    answer.into_recv_async().await.unwrap_or_else(|_| Err(E::from(DbError::Closed)))
}
