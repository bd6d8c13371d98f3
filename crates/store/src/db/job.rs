//! One transaction's code on its way through a queue: run, perhaps run again, answered once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{DbError, Tx};
use crate::tallies;

/// What the code asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Commit,
    RollBack,
}

/// The code of a transaction without its types.
pub(super) trait Job: Send {
    /// Runs the code and keeps its result; a later run replaces an earlier one.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;

    /// Gives the caller the kept result, or the error that took its place.
    fn answer(self: Box<Self>, outcome: Result<(), DbError>);
}

/// A closure, its last result and the way back to its caller.
pub(super) struct Work<F, T, E> {
    code: F,
    result: Option<Result<T, E>>,
    reply: flume::Sender<Result<T, E>>,
}

impl<F, T, E> Work<F, T, E> {
    pub(super) fn new(code: F) -> (Self, flume::Receiver<Result<T, E>>) {
        let (reply, answer) = flume::bounded(1);
        (Self { code, result: None, reply }, answer)
    }
}

impl<F, T, E> Job for Work<F, T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        // The code owns nothing that outlives a panic but its captures, which a second run may see.
        let result = match catch_unwind(AssertUnwindSafe(|| (self.code)(tx))) {
            // A statement failed and the code went on: PostgreSQL would turn its commit into a
            // rollback without a word, so neither database may commit.
            Ok(Ok(_)) if tx.failure().is_some() => Err(E::from(DbError::Aborted)),
            // What was counted is written last, so that nobody waits for it while holding anything else.
            Ok(Ok(result)) => tallies::write(tx).map(|()| result).map_err(E::from),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(E::from(DbError::Panicked)),
        };
        let verdict = if result.is_ok() { Verdict::Commit } else { Verdict::RollBack };
        self.result = Some(result);
        verdict
    }

    fn answer(self: Box<Self>, outcome: Result<(), DbError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(E::from(DbError::Closed)),
            (Err(error), _) => Err(E::from(error)),
        };
        // The caller may have stopped waiting; the transaction stands all the same.
        let _ = self.reply.send(result);
    }
}
