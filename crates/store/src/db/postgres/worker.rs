//! A thread that runs transactions on its own connection.
//!
//! | what happened | what follows |
//! |---|---|
//! | serialization failure or deadlock (40001, 40P01), also at `COMMIT` | rolled back, run again after a pause |
//! | connection lost before `COMMIT` was sent | nothing was kept: run again on a new connection |
//! | connection lost after `COMMIT` was sent, and what went with it | `CommitUnknown`: only the caller can find out |
//! | an error before `COMMIT` in what went with it | nothing was kept: as if it had come before |
//! | no connection to be had | tried again for some seconds, then `Unavailable` |

use std::rc::Rc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio_postgres::Config;

use super::session::{READER_IDLE_SECONDS, Session, WRITER_IDLE_SECONDS};
use crate::db::DbError;
use crate::db::error::Failure;
use crate::db::job::{Job, Verdict};
use crate::db::queue::{Lane, Queue, Waiting};
use crate::db::tx::{On, Tx};

/// How often a transaction is run before its conflict goes to the caller.
const RUN_LIMIT: u32 = 10;
/// How often a connection is tried before the caller is told; about 6 s with the pauses.
const CONNECT_LIMIT: u32 = 8;
const CONNECT_PAUSE: Duration = Duration::from_millis(50);
const CONNECT_TIME: Duration = Duration::from_secs(5);
const CONFLICT_PAUSE: Duration = Duration::from_millis(2);
/// A pause doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Each statement for texts that come in finds few rows by an index, whatever it is given. For lists as short as theirs the server would make a plan
/// each time, which takes it longer than the statement (`docs/decisions/0050`).
const BEGIN_INBOUND: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL plan_cache_mode = force_generic_plan";

/// What the transactions of a worker may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

pub(super) struct Worker {
    config: Config,
    number: usize,
    access: Access,
}

/// How one run of a job ended.
enum End {
    /// Committed, or rolled back as its code asked.
    Done,
    /// Nothing was kept and it may be run again.
    Again(DbError),
    /// It failed for good.
    Failed(DbError),
}

impl Worker {
    /// # Errors
    /// [`DbError::Address`] if the address asks for TLS, which is not offered.
    pub(super) fn new(config: &Config, number: usize, access: Access) -> Result<Self, DbError> {
        if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
            return Err(DbError::Address(Some("sslmode=require is not offered".into())));
        }
        let mut config = config.clone();
        config.connect_timeout(CONNECT_TIME).tcp_user_timeout(Duration::from_secs(30));
        if config.get_application_name().is_none() {
            config.application_name("dripline");
        }
        Ok(Self { config, number, access })
    }

    /// Serves the queue until it is closed.
    pub(super) fn serve(self, queue: &Queue, lowest: Lane) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = Rc::new(runtime.expect("a runtime of one thread needs only a file handle"));
        let mut session = None;
        while let Some(Waiting { mut job, lane }) = queue.take(lowest) {
            let outcome = self.complete(&runtime, &mut session, self.begin(lane), job.as_mut());
            job.answer(outcome);
        }
    }

    fn begin(&self, lane: Lane) -> &'static str {
        match self.access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Write if lane == Lane::Inbound => BEGIN_INBOUND,
            Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }

    /// Runs a job until it has an end.
    fn complete(
        &self,
        runtime: &Rc<Runtime>,
        slot: &mut Option<Session>,
        begin: &'static str,
        job: &mut dyn Job,
    ) -> Result<(), DbError> {
        let mut runs = 0;
        loop {
            let session = match slot.take() {
                Some(session) => session,
                None => self.connect(runtime)?,
            };
            let end = self.run(&session, begin, job);
            runs += 1;
            match end {
                End::Done => {
                    *slot = Some(session);
                    return Ok(());
                }
                End::Again(error) if runs < RUN_LIMIT => {
                    if error.failure() == Failure::Conflict {
                        *slot = Some(session);
                        thread::sleep(self.pause(CONFLICT_PAUSE, runs));
                    }
                }
                // The connection may be in any state: the next job gets a new one.
                End::Again(error) | End::Failed(error) => return Err(error),
            }
        }
    }

    fn run(&self, session: &Session, begin: &'static str, job: &mut dyn Job) -> End {
        if let Err(error) = session.begin(begin) {
            return again_or_failed(error);
        }
        let mut tx = Tx::new(On::Postgres(session));
        let verdict = job.run(&mut tx);
        match tx.failure() {
            Some(Failure::Unavailable) => return End::Again(DbError::Unavailable("the connection was lost".into())),
            Some(Failure::Conflict) => {
                let rolled_back = session.control("ROLLBACK");
                return End::Again(rolled_back.err().unwrap_or(DbError::Conflict("other transactions".into())));
            }
            Some(Failure::Final) | None => {}
        }
        // Nothing was done in this transaction: if the connection is lost, nothing was kept.
        if verdict == Verdict::Commit
            && session.is_unheard()
            && let Err(error) = session.flush()
        {
            return again_or_failed(error);
        }
        match (verdict, self.access) {
            (Verdict::Commit, Access::Write) => match session.control("COMMIT") {
                Ok(()) => End::Done,
                Err(DbError::Unavailable(cause)) if !session.has_failed_before() => {
                    End::Failed(DbError::CommitUnknown(cause))
                }
                Err(error) => again_or_failed(error),
            },
            // The job has its answer; a connection that cannot even roll back keeps nothing.
            _ => match session.control("ROLLBACK") {
                Ok(()) => End::Done,
                Err(error) if verdict == Verdict::Commit => again_or_failed(error),
                Err(_) => End::Done,
            },
        }
    }

    fn connect(&self, runtime: &Rc<Runtime>) -> Result<Session, DbError> {
        let idle_seconds = match self.access {
            Access::Read => READER_IDLE_SECONDS,
            Access::Write => WRITER_IDLE_SECONDS,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match Session::connect(runtime, &self.config, idle_seconds) {
                Err(DbError::Unavailable(cause)) if tries < CONNECT_LIMIT => {
                    if tries == 1 {
                        tracing::warn!(error = %cause, "the database cannot be reached; trying again");
                    }
                    thread::sleep(self.pause(CONNECT_PAUSE, tries));
                }
                result => return result,
            }
        }
    }

    /// A pause that doubles with each try and differs between the threads, so that those which
    /// met do not meet again.
    fn pause(&self, base: Duration, tries: u32) -> Duration {
        let doubled = base.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE);
        doubled.mul_f64(0.5 + 0.1 * f64::from(u32::try_from(self.number % 8).unwrap_or(0)))
    }
}

fn again_or_failed(error: DbError) -> End {
    match error.failure() {
        Failure::Conflict | Failure::Unavailable => End::Again(error),
        Failure::Final => End::Failed(error),
    }
}
