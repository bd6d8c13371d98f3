//! What goes wrong between one process and its database, on purpose. Behind the feature `testing`.
//!
//! Several processes share a database as clones of one store, each with mishaps of its own ([`Store::with`](crate::Store::with)).
//! Before each transaction the plan says what happens to it:
//!
//! | mishap | what is kept | what the caller hears | the process |
//! |---|---|---|---|
//! | a statement fails | nothing | the error | goes on |
//! | the answer is lost | everything | [`DbError::CommitUnknown`] | goes on |
//! | the commit is lost | nothing | [`DbError::CommitUnknown`] | goes on |
//! | it dies at a statement | nothing | [`DbError::Closed`] | is dead |
//! | it dies after the commit | everything | [`DbError::Closed`] | is dead |
//!
//! A process that is dead reads and writes nothing any more; what its code does elsewhere is for the test to prevent.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::Queue;
use super::{DbError, Lane, Tx, answer, submit};

/// An error that a statement may meet, and after which the transaction is rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Other transactions were in the way each time.
    Conflict,
    /// The disk is full.
    DiskFull,
    /// The database cannot be reached.
    Unavailable,
    /// The statement took too long.
    Timeout,
}

/// What happens to one transaction. Statements are counted from 0; a transaction with fewer goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// A statement fails.
    Fails(u32, Trouble),
    /// It commits, and the connection breaks before the answer.
    AnswerLost,
    /// The connection breaks before it has committed.
    CommitLost,
    /// The process dies at a statement.
    DiesAt(u32),
    /// The process dies when it has committed.
    DiesAfter,
}

/// Says what happens to the next transaction.
type Plan = Box<dyn FnMut() -> Mishap + Send>;

/// The turns of several processes: one transaction at a time, in the order in which they were asked for. With it the same
/// program runs in the same order again.
pub type Turns = Arc<tokio::sync::Mutex<()>>;

/// The mishaps of one process.
pub struct Mishaps {
    plan: Mutex<Plan>,
    /// It dies as soon as the transaction that killed it is over.
    dying: AtomicBool,
    dead: AtomicBool,
    turns: Option<Turns>,
}

impl fmt::Debug for Mishaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mishaps").field("dead", &self.is_dead()).finish_non_exhaustive()
    }
}

impl Mishaps {
    /// Mishaps after a plan, which is asked on the database's thread before each transaction runs.
    pub fn new(turns: Option<Turns>, plan: impl FnMut() -> Mishap + Send + 'static) -> Arc<Self> {
        let (plan, dying, dead) = (Mutex::new(Box::new(plan) as Plan), AtomicBool::default(), AtomicBool::default());
        Arc::new(Self { plan, dying, dead, turns })
    }

    /// The process dies here and now.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn next(&self) -> Mishap {
        (self.plan.lock().unwrap_or_else(PoisonError::into_inner))()
    }
}

/// What is to befall a statement of a transaction that runs.
struct Strike {
    left: u32,
    trouble: Trouble,
    /// Who dies of it.
    victim: Option<Arc<Mishaps>>,
}

/// The place of a strike in a transaction's handle.
#[derive(Default)]
pub(super) struct Struck(RefCell<Option<Strike>>);

impl Struck {
    /// Counts a statement; the error that it meets.
    pub(super) fn statement(&self) -> Option<DbError> {
        let mut place = self.0.borrow_mut();
        let strike = place.as_mut()?;
        if strike.left > 0 {
            strike.left -= 1;
            return None;
        }
        if let Some(victim) = &strike.victim {
            victim.dying.store(true, Ordering::SeqCst);
            return Some(DbError::Closed);
        }
        let cause = "on purpose".into();
        Some(match strike.trouble {
            Trouble::Conflict => DbError::Conflict(cause),
            Trouble::DiskFull => DbError::DiskFull(cause),
            Trouble::Unavailable => DbError::Unavailable(cause),
            Trouble::Timeout => DbError::Timeout(cause),
        })
    }
}

/// Queues a transaction with what befalls it.
pub(super) fn hand_in<T, E, F>(
    mishaps: Option<Arc<Mishaps>>,
    queue: Arc<Queue>,
    lane: Lane,
    work: F,
) -> impl Future<Output = Result<T, E>> + Send + use<T, E, F>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    let lost = Arc::new(AtomicBool::new(false));
    let turns = mishaps.as_ref().and_then(|mishaps| mishaps.turns.clone());
    let work = {
        let (mishaps, lost) = (mishaps.clone(), Arc::clone(&lost));
        move |tx: &mut Tx<'_>| match &mishaps {
            None => work(tx),
            Some(mishaps) => befall(mishaps, &lost, tx, &work),
        }
    };
    // Whoever takes turns waits for one first; anybody else is in the queue from now on.
    let (queued, waits) = match turns {
        None => (Some(submit(&queue, lane, work)), None),
        Some(turns) => (None, Some((turns, work))),
    };
    async move {
        let answered = match (queued, waits) {
            (Some(queued), _) => answer(queued).await,
            (None, Some((turns, work))) => {
                // Even if the last answer came at once, the others ask for their turn before this one has another.
                tokio::task::yield_now().await;
                let _turn = turns.lock_owned().await;
                answer(submit(&queue, lane, work)).await
            }
            (None, None) => Err(E::from(DbError::Closed)),
        };
        if let Some(mishaps) = mishaps {
            if mishaps.dying.load(Ordering::SeqCst) {
                mishaps.kill();
            }
            if mishaps.is_dead() {
                return Err(E::from(DbError::Closed));
            }
        }
        if lost.load(Ordering::SeqCst) {
            return Err(E::from(broken()));
        }
        answered
    }
}

fn broken() -> DbError {
    DbError::CommitUnknown("on purpose".into())
}

/// Runs a transaction's code, and what the plan says.
fn befall<T, E: From<DbError>>(
    mishaps: &Arc<Mishaps>,
    lost: &AtomicBool,
    tx: &mut Tx<'_>,
    work: &impl Fn(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    if mishaps.is_dead() || mishaps.dying.load(Ordering::SeqCst) {
        return Err(E::from(DbError::Closed));
    }
    let strike = |left, trouble, victim| Struck(RefCell::new(Some(Strike { left, trouble, victim })));
    match mishaps.next() {
        Mishap::None => work(tx),
        Mishap::Fails(at, trouble) => work(tx.struck(strike(at, trouble, None))),
        Mishap::DiesAt(at) => work(tx.struck(strike(at, Trouble::Unavailable, Some(Arc::clone(mishaps))))),
        Mishap::CommitLost => work(tx).and_then(|_| Err(E::from(broken()))),
        Mishap::AnswerLost => work(tx).inspect(|_| lost.store(true, Ordering::SeqCst)),
        Mishap::DiesAfter => work(tx).inspect(|_| mishaps.dying.store(true, Ordering::SeqCst)),
    }
}
