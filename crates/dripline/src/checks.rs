//! The checks of uploaded files that are under way or were made, kept in this process alone: a check changes nothing, so one that is lost
//! with the process is asked for again.
//!
//! | a check | ends |
//! |---|---|
//! | that nobody looks at for three minutes | by itself: whoever left does not want it |
//! | of other choices than those on the page | when these are looked at |
//! | of a file whose import starts | at that moment |

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::ImportId;
use engine::Clock;
use engine::import::ImportProgress;
use engine::import::check::ImportCheck;
use engine::imports::Choices;
use futures_util::future::{Either, select};
use jiff::SignedDuration;
use tokio::sync::oneshot;

/// How many are under way at most.
const MAX_RUNNING: usize = 4;
/// How many are kept at most.
const MAX_KEPT: usize = 64;
/// How long one waits for a look, this many times: a browser asks rarely for a page that is not in front.
const WAIT: SignedDuration = SignedDuration::from_secs(30);
const WAITS: usize = 6;

/// How a check stands.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// It reads.
    Running(ImportProgress),
    /// What it found.
    Done(Arc<ImportCheck>),
    /// Why the file cannot be imported.
    Failed(String),
}

#[derive(Debug)]
struct Check {
    nth: u64,
    choices: Choices,
    standing: Standing,
    looks: u64,
    /// Ends the check when it is dropped.
    _stop: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Book {
    checks: BTreeMap<ImportId, Check>,
    begun: u64,
}

/// All checks of the process.
#[derive(Debug, Clone, Default)]
pub struct Checks(Arc<Mutex<Book>>);

/// The right to work on a check, until it is forgotten or begun anew.
#[derive(Debug)]
pub(crate) struct Ticket {
    checks: Checks,
    import: ImportId,
    nth: u64,
    stop: oneshot::Receiver<()>,
}

impl Checks {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a check, in place of an earlier one of the same file; nothing if too many are under way.
    pub(crate) fn begin(&self, import: ImportId, choices: Choices) -> Option<Ticket> {
        let mut book = self.book();
        book.checks.remove(&import);
        let is_running = |check: &Check| matches!(check.standing, Standing::Running(_));
        if book.checks.values().filter(|check| is_running(check)).count() >= MAX_RUNNING {
            return None;
        }
        if book.checks.len() >= MAX_KEPT {
            let oldest = book.checks.iter().find(|(_, check)| !is_running(check)).map(|(import, _)| *import);
            oldest.map(|import| book.checks.remove(&import));
        }
        book.begun += 1;
        let (nth, (stop, stopped)) = (book.begun, oneshot::channel());
        let standing = Standing::Running(ImportProgress::default());
        book.checks.insert(import, Check { nth, choices, standing, looks: 0, _stop: stop });
        Some(Ticket { checks: self.clone(), import, nth, stop: stopped })
    }

    /// What was chosen for a check, and how it stands. Whoever looks keeps it going.
    pub(crate) fn look(&self, import: ImportId) -> Option<(Choices, Standing)> {
        let mut book = self.book();
        let check = book.checks.get_mut(&import)?;
        check.looks += 1;
        Some((check.choices.clone(), check.standing.clone()))
    }

    /// Ends a check, or lets it go.
    pub(crate) fn forget(&self, import: ImportId) {
        self.book().checks.remove(&import);
    }

    fn with<T>(&self, import: ImportId, nth: u64, act: impl FnOnce(&mut Check) -> T) -> Option<T> {
        self.book().checks.get_mut(&import).filter(|check| check.nth == nth).map(act)
    }
}

/// Tells of the progress of one check.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    checks: Checks,
    import: ImportId,
    nth: u64,
}

impl Teller {
    /// Says how it stands, if anybody still wants to know.
    pub(crate) fn tell(&self, standing: Standing) {
        self.checks.with(self.import, self.nth, |check| check.standing = standing);
    }
}

impl Ticket {
    pub(crate) fn teller(&self) -> Teller {
        Teller { checks: self.checks.clone(), import: self.import, nth: self.nth }
    }

    /// Does the work, unless it is ended before or nobody looks.
    pub(crate) async fn work(self, clock: &Clock, work: impl Future<Output = Standing>) {
        let Self { checks, import, nth, stop } = self;
        let ended = async {
            let _ = select(stop, pin!(unseen(&checks, import, nth, clock))).await;
        };
        let done = match select(pin!(work), pin!(ended)).await {
            Either::Left((standing, _)) => Some(standing),
            Either::Right(_) => None,
        };
        if let Some(standing) = done {
            checks.with(import, nth, |check| check.standing = standing);
            return;
        }
        let mut book = checks.book();
        if book.checks.get(&import).is_some_and(|check| check.nth == nth) {
            book.checks.remove(&import);
        }
    }
}

/// Waits until nobody has looked for so long.
async fn unseen(checks: &Checks, import: ImportId, nth: u64, clock: &Clock) {
    let looks = || checks.with(import, nth, |check| check.looks);
    let (mut before, mut waits) = (looks(), 0);
    while waits < WAITS {
        clock.sleep_for(WAIT).await;
        let now = looks();
        waits = if now == before { waits + 1 } else { 0 };
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(text: &str) -> Standing {
        Standing::Failed(text.to_owned())
    }

    fn text(checks: &Checks, import: i64) -> String {
        match checks.look(ImportId(import)) {
            None => "none".to_owned(),
            Some((_, Standing::Failed(text))) => text,
            Some(_) => "running".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_check_that_is_begun_anew_or_forgotten_tells_no_more() {
        let (checks, clock) = (Checks::default(), Clock::manual("2026-11-27T12:00:00Z".parse().unwrap()));
        let first = checks.begin(ImportId(1), Choices::default()).unwrap();
        let teller = first.teller();
        let second = checks.begin(ImportId(1), Choices::default()).unwrap();
        teller.tell(failed("the first"));
        // Its work never ends by itself.
        first.work(&clock, std::future::pending()).await;
        assert_eq!(text(&checks, 1), "running");
        second.work(&clock, async { failed("the second") }).await;
        assert_eq!(text(&checks, 1), "the second");
        checks.forget(ImportId(1));
        assert_eq!(text(&checks, 1), "none");
    }

    #[tokio::test]
    async fn a_check_that_nobody_looks_at_ends() {
        let (checks, clock) = (Checks::default(), Clock::manual("2026-11-27T12:00:00Z".parse().unwrap()));
        let ticket = checks.begin(ImportId(1), Choices::default()).unwrap();
        let ended = Arc::new(Mutex::new(false));
        let (flag, its) = (Arc::clone(&ended), clock.clone());
        let work = tokio::spawn(async move {
            ticket.work(&its, std::future::pending()).await;
            *flag.lock().unwrap() = true;
        });
        let wait = async || {
            tokio::task::yield_now().await;
            assert!(clock.move_to(clock.now() + WAIT));
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        for _ in 0..3 * WAITS {
            assert_eq!(text(&checks, 1), "running");
            wait().await;
        }
        for _ in 0..WAITS {
            assert!(!*ended.lock().unwrap());
            wait().await;
        }
        work.await.unwrap();
        assert_eq!(text(&checks, 1), "none");
    }

    #[test]
    fn only_so_many_are_under_way_and_kept() {
        let checks = Checks::default();
        let running: Vec<Ticket> =
            (0..4).map(|import| checks.begin(ImportId(import), Choices::default()).unwrap()).collect();
        assert!(checks.begin(ImportId(9), Choices::default()).is_none());
        running.iter().for_each(|ticket| ticket.teller().tell(failed("done")));
        for import in 10..200 {
            let ticket = checks.begin(ImportId(import), Choices::default()).unwrap();
            ticket.teller().tell(failed("done"));
        }
        assert_eq!(checks.book().checks.len(), MAX_KEPT);
        assert_eq!((text(&checks, 0).as_str(), text(&checks, 199).as_str()), ("none", "done"));
    }
}
