//! PostgreSQL: threads with one connection each, all before the same queues as SQLite's.
//! `worker` runs transactions, `session` is one connection, `cell` has the types.

#[cfg(any(test, feature = "testing"))]
pub(crate) mod admin;
mod cell;
mod fault;
mod session;
mod worker;

use tokio_postgres::Config;

use super::queue::Lane;
use super::threads::Threads;
use super::{DbError, Sizes};
pub(super) use cell::{Param, columns};
pub(super) use session::{Asked, Session, Told};
use worker::{Access, Worker};

/// Fewer would leave a lane without a thread.
const LEAST_WRITERS: usize = 3;

/// The threads over a server's database. Each connects when it gets its first job.
pub(super) fn open(config: &Config, sizes: &Sizes) -> Result<Threads, DbError> {
    let mut threads = Threads::new();
    for number in 0..sizes.writers.max(LEAST_WRITERS) {
        // One thread is always free of bulk work and one of everything but inbound.
        let lowest = match number {
            0 => Lane::Inbound,
            1 => Lane::Normal,
            _ => Lane::Bulk,
        };
        let worker = Worker::new(config, number, Access::Write)?;
        let queue = threads.writes.clone();
        threads.spawn("postgres-writer", move || worker.serve(&queue, lowest))?;
    }
    start_readers(&mut threads, config, sizes)?;
    Ok(threads)
}

/// Threads that only read.
pub(super) fn open_to_read(config: &Config, sizes: &Sizes) -> Result<Threads, DbError> {
    let mut threads = Threads::reading();
    start_readers(&mut threads, config, sizes)?;
    Ok(threads)
}

fn start_readers(threads: &mut Threads, config: &Config, sizes: &Sizes) -> Result<(), DbError> {
    for number in 0..sizes.readers.max(1) {
        let worker = Worker::new(config, number, Access::Read)?;
        let queue = threads.reads.clone();
        threads.spawn("postgres-reader", move || worker.serve(&queue, Lane::Bulk))?;
    }
    Ok(())
}
