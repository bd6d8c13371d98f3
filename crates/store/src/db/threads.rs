//! The threads under a store and the two queues before them. Dropping it runs what is queued,
//! then waits until every thread has ended.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::DbError;
use super::queue::Queue;
use super::sqlite::Lock;

pub(super) struct Threads {
    /// Transactions that may write.
    pub(super) writes: Arc<Queue>,
    /// Transactions that only read.
    pub(super) reads: Arc<Queue>,
    running: Vec<JoinHandle<()>>,
    lock: Option<Lock>,
}

impl Threads {
    pub(super) fn new() -> Self {
        Self { writes: Arc::default(), reads: Arc::default(), running: Vec::new(), lock: None }
    }

    /// Without any that writes: what is asked to write is answered [`DbError::Closed`].
    pub(super) fn reading() -> Self {
        let threads = Self::new();
        threads.writes.close();
        threads
    }

    pub(super) fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), DbError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        self.running.push(thread.map_err(|error| DbError::Other(error.into()))?);
        Ok(())
    }

    /// Holds the lock of the database file until the threads have ended.
    pub(super) fn keep(&mut self, lock: Lock) {
        self.lock = Some(lock);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        let this = thread::current().id();
        // The last handle may be dropped by a job, on a thread that cannot wait for itself.
        for thread in self.running.drain(..).filter(|thread| thread.thread().id() != this) {
            let _ = thread.join();
        }
    }
}
