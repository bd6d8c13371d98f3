//! Moves what the log holds into the database file, on a connection of its own, so that the
//! writer never stops for it. Passive checkpoints disturb nobody, and so may never finish under
//! steady load: past a limit one is forced, for which the writer waits.

#![expect(clippy::disallowed_types, reason = "the face of the database owns the drivers")]

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// Past this size of the log a checkpoint is forced.
const LOG_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// How long a forced checkpoint waits for readers: the writer stands still meanwhile.
const FORCE_LIMIT: Duration = Duration::from_millis(200);
/// How many looks are skipped after a forced checkpoint found a reader in its way.
const FORCE_REST: u32 = 100;

/// The writer's end: dropping it ends the thread after a last checkpoint.
pub(super) struct Wrote {
    flag: Arc<AtomicBool>,
    _alive: Sender<()>,
}

impl Wrote {
    /// Says that the log has grown.
    pub(super) fn mark(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}

pub(super) fn start(threads: &mut Threads, connection: Connection, path: &Path) -> Result<Wrote, DbError> {
    connection.busy_timeout(FORCE_LIMIT).map_err(fault)?;
    let flag = Arc::new(AtomicBool::new(true));
    let (alive, ended) = mpsc::channel();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let wrote = Arc::clone(&flag);
    threads.spawn("sqlite-checkpoint", move || keep_short(&connection, &log, &wrote, &ended))?;
    Ok(Wrote { flag, _alive: alive })
}

fn keep_short(connection: &Connection, log: &OsString, wrote: &AtomicBool, ended: &Receiver<()>) {
    let mut rest = 0;
    let mut failing = false;
    while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        rest = u32::saturating_sub(rest, 1);
        if !wrote.swap(false, Ordering::Relaxed) {
            continue;
        }
        let mut result = checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)");
        let bytes = std::fs::metadata(log).map_or(0, |file| file.len());
        if result.is_ok() && rest == 0 && bytes > LOG_LIMIT_BYTES {
            rest = FORCE_REST;
            result = checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        // Said once: a full disk would otherwise fill the log of events too.
        if let (Err(error), false) = (&result, failing) {
            tracing::warn!(%error, "the database's log could not be moved into its file; trying again");
        }
        failing = result.is_err();
        if failing {
            wrote.store(true, Ordering::Relaxed);
        }
    }
}

fn checkpoint(connection: &Connection, text: &str) -> Result<(), DbError> {
    match connection.query_row(text, [], |_| Ok(())).map_err(fault) {
        // A reader or a backup was in the way: what is left is moved next time.
        Err(DbError::Busy(_)) => Ok(()),
        result => result,
    }
}
