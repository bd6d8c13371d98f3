//! Moves what the log holds into the database file, on a connection of its own, so that the
//! writer never stops for it.
//!
//! | when | checkpoint | who waits |
//! |---|---|---|
//! | something was written | passive: a small portion is moved | nobody |
//! | the log is past [`LOG_AIM_BYTES`] | restart: the rest is moved, and the log begins anew in the same file | the writer, for the rest of a portion |
//! | nothing was written for a while | truncate: the file of the log is emptied | nobody |
//!
//! Under steady load passive ones alone may never reach the end of the log, which then grows without a limit. The writer does
//! the second itself, between two groups, when this thread asks: SQLite's locks have no line, and a checkpoint that waits for
//! the writer's lock beside a busy writer does not get it. The file is not emptied under load: to give 256 MiB back to the file
//! system held up everything for 240 ms, and a commit into a log that has its blocks already waits for its bytes alone.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use rusqlite::Connection;

use super::fault::fault;
use crate::db::DbError;
use crate::db::threads::Threads;

/// How often the log is looked at. Small portions: while a large one is written out, commits wait for the same disk. With 1,000 small
/// transactions a second, all but one in a hundred were answered within 62 ms with 100 ms here, and within 3 ms with 20
/// (`DRIPLINE_ACKS_BACKLOG=10 bench/webhooks`).
const PAUSE: Duration = Duration::from_millis(20);
/// Past this size of the log it is begun anew.
const LOG_AIM_BYTES: u64 = 32 * 1024 * 1024;
/// How long that waits for readers, as the writer stands still meanwhile.
const PATIENCE: Duration = Duration::from_millis(10);
/// Past this size it waits longer, so that the log has an end whoever reads.
const LOG_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
const LAST_PATIENCE: Duration = Duration::from_millis(200);
/// After so many looks the writer is asked again, if a reader was in its way.
const REST: u32 = 25;
/// After so many looks that found nothing written the file of the log is emptied.
const QUIET: u32 = 250;

/// Before each page in the log. Source: SQLite, *WAL-mode File Format*, 2.2.
const FRAME_HEADER_BYTES: u64 = 24;

/// The writer's end: dropping it ends the thread.
pub(super) struct Wrote {
    shared: Arc<Shared>,
    _alive: Sender<()>,
}

#[derive(Default)]
struct Shared {
    /// Something was written since the last look.
    wrote: AtomicBool,
    /// The log shall begin anew; for how many milliseconds the writer may wait for readers.
    anew: AtomicU64,
}

impl Wrote {
    /// Says that the log has grown.
    pub(super) fn mark(&self) {
        self.shared.wrote.store(true, Ordering::Relaxed);
    }

    /// Begins the log anew if that is asked for. For the writer's connection, between two transactions.
    pub(super) fn begin_anew_if_asked(&self, connection: &Connection) {
        let patience = self.shared.anew.swap(0, Ordering::Relaxed);
        if patience == 0 {
            return;
        }
        let begun = checkpoint(connection, "RESTART", Duration::from_millis(patience));
        if let Err(error) = begun.and(connection.busy_timeout(super::BUSY_LIMIT).map_err(fault)) {
            tracing::warn!(%error, "the database's log could not begin anew; trying again");
        }
    }
}

pub(super) fn start(threads: &mut Threads, connection: Connection) -> Result<Wrote, DbError> {
    let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(fault)?;
    let frame_bytes = u64::from(page_bytes) + FRAME_HEADER_BYTES;
    let shared = Arc::new(Shared { wrote: AtomicBool::new(true), ..Shared::default() });
    let (alive, ended) = mpsc::channel();
    let mut log = Log { connection, frame_bytes, shared: Arc::clone(&shared), rest: 0 };
    threads.spawn("sqlite-checkpoint", move || log.keep_short(&ended))?;
    Ok(Wrote { shared, _alive: alive })
}

/// The log, seen from a connection that does nothing else.
struct Log {
    connection: Connection,
    /// What a page takes in it.
    frame_bytes: u64,
    shared: Arc<Shared>,
    /// Looks until the writer is asked again.
    rest: u32,
}

impl Log {
    fn keep_short(&mut self, ended: &Receiver<()>) {
        let mut quiet: u32 = 0;
        let mut failing = false;
        while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            let result = if self.shared.wrote.swap(false, Ordering::Relaxed) {
                quiet = 0;
                self.move_portion()
            } else {
                quiet = quiet.saturating_add(1);
                if quiet == QUIET { checkpoint(&self.connection, "TRUNCATE", PATIENCE).map(drop) } else { continue }
            };
            // Said once: a full disk would otherwise fill the log of events too.
            if let (Err(error), false) = (&result, failing) {
                tracing::warn!(%error, "the database's log could not be moved into its file; trying again");
            }
            failing = result.is_err();
            if failing {
                self.shared.wrote.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Moves what can be moved; if the log is long, asks the writer to begin it anew.
    fn move_portion(&mut self) -> Result<(), DbError> {
        let bytes = checkpoint(&self.connection, "PASSIVE", Duration::ZERO)?.saturating_mul(self.frame_bytes);
        self.rest = if bytes <= LOG_AIM_BYTES { 0 } else { self.rest.saturating_sub(1) };
        if bytes > LOG_AIM_BYTES && self.rest == 0 {
            let patience = if bytes > LOG_LIMIT_BYTES { LAST_PATIENCE } else { PATIENCE };
            self.shared.anew.store(u64::try_from(patience.as_millis()).unwrap_or(1), Ordering::Relaxed);
            self.rest = REST;
        }
        Ok(())
    }
}

/// How many frames the log has then. A reader or a backup in the way is no error: what is left is moved next time.
fn checkpoint(connection: &Connection, mode: &str, patience: Duration) -> Result<u64, DbError> {
    connection.busy_timeout(patience).map_err(fault)?;
    let frames = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(1));
    match frames.map_err(fault) {
        Err(DbError::Busy(_)) => Ok(0),
        frames => Ok(u64::try_from(frames?).unwrap_or(0)),
    }
}
