//! A thread that reads: each job sees one state of the database from its first statement on.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use rusqlite::Connection;

use super::fault::fault;
use crate::db::DbError;
use crate::db::job::Job;
use crate::db::queue::Lane;
use crate::db::threads::Threads;
use crate::db::tx::{On, Tx};

pub(super) fn start(threads: &mut Threads, connection: Connection) -> Result<(), DbError> {
    let queue = threads.reads.clone();
    threads.spawn("sqlite-reader", move || {
        while let Some(waiting) = queue.take(Lane::Bulk) {
            serve(&connection, waiting.job);
        }
    })
}

fn serve(connection: &Connection, mut job: Box<dyn Job>) {
    let outcome = connection.execute_batch("BEGIN").map_err(fault);
    if outcome.is_ok() {
        job.run(&mut Tx::new(On::Sqlite(connection)));
        // Nothing was written: a failure to end the transaction shows at the next BEGIN.
        let _ = connection.execute_batch("ROLLBACK");
    }
    job.answer(outcome);
}
