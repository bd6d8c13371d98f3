//! Texts that come to one number at once are taken together, on PostgreSQL.
//!
//! A text there costs several journeys to the server and a commit, and each that brings money back waits for the row of a balance. So one
//! transaction at a time takes what has come to a number by one carrier since the one before began ([`crate::inbound`]): beside a thousand replies
//! a second a handful each (`docs/decisions/0050`). Where nothing runs, a text is taken at once, and alone; so is one that comes with a word that counts once, as Plivo's do.
//! Each node has lines of its own.
//!
//! **Order.** No two texts of one phone are taken together, so that the second finds what the first did. If a transaction fails, each of its texts is
//! taken alone: what is wrong with one is not the others' matter. What would fail whatever they are fails all.
//!
//! **What goes out gives way.** While texts are taken, the dispatcher waits a little before it looks for due work and before it settles
//! ([`Gathering::give_way`]): the server's processors are the replies' then.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrier::Inbound;
use domain::phone::Phone;
use futures_util::future::join_all;
use jiff::SignedDuration;
use rustc_hash::FxHashSet;
use store::DbError;
use tokio::sync::{Notify, oneshot};

use crate::clock;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::receive::Received;

/// Most texts that one transaction takes.
const MOST: usize = 64;
/// Most texts that one look passes over because another of their phone is taken; whoever is behind more of them waits.
const MOST_PASSED: usize = 256;
/// Most texts that wait for one number; a carrier comes again with what is more.
const MOST_WAITING: usize = 10_000;

/// A carrier, and a number of ours.
type Key = (String, String);
type Answer = Result<Received, Failure>;

struct Waiting {
    text: Inbound,
    answer: oneshot::Sender<Answer>,
}

type Lines = HashMap<Key, VecDeque<Waiting>>;

/// What has come to each number for which a transaction runs.
#[derive(Default)]
pub(crate) struct Gathering {
    lines: Mutex<Lines>,
    over: Notify,
}

impl Gathering {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a text behind those that wait; whether nobody takes them, so that somebody has to come.
    fn push(&self, key: &Key, waiting: Waiting) -> Result<bool, DbError> {
        let mut lines = self.lines();
        if let Some(line) = lines.get_mut(key) {
            if line.len() >= MOST_WAITING {
                return Err(DbError::Overloaded { limit: MOST_WAITING });
            }
            line.push_back(waiting);
            return Ok(false);
        }
        lines.insert(key.clone(), VecDeque::from([waiting]));
        Ok(true)
    }

    fn end(&self, lines: &mut Lines, key: &Key) {
        lines.remove(key);
        if lines.is_empty() {
            self.over.notify_waiters();
        }
    }

    /// Waits until no text is being taken, but at most so long.
    pub(crate) async fn give_way(&self, at_most: SignedDuration) {
        let mut limit = pin!(clock::breathe(at_most));
        loop {
            let over = self.over.notified();
            if self.lines().is_empty() {
                return;
            }
            tokio::select! {
                () = over => {}
                () = &mut limit => return,
            }
        }
    }
}

/// Somebody who takes what comes to a number until nothing waits. If they cannot go on, whoever waits is let go, and the next text begins anew.
struct Taker {
    gathering: Arc<Gathering>,
    key: Key,
    has_gone: bool,
}

impl Taker {
    fn new(gathering: &Arc<Gathering>, key: Key) -> Self {
        Self { gathering: Arc::clone(gathering), key, has_gone: false }
    }

    /// What is taken next, none of the same phone as another, whose turn is the next time. Nothing if nothing waits: what comes from now on is another's.
    fn next(&mut self) -> Vec<Waiting> {
        let mut lines = self.gathering.lines();
        let Some(line) = lines.get_mut(&self.key) else { return Vec::new() };
        let (mut taken, mut passed, mut phones) = (Vec::new(), Vec::new(), FxHashSet::default());
        while taken.len() < MOST
            && passed.len() < MOST_PASSED
            && let Some(waiting) = line.pop_front()
        {
            let is_new = Phone::stored(&waiting.text.from).is_none_or(|phone| phones.insert(phone));
            if is_new { taken.push(waiting) } else { passed.push(waiting) }
        }
        passed.into_iter().rev().for_each(|waiting| line.push_front(waiting));
        if taken.is_empty() {
            self.has_gone = true;
            self.gathering.end(&mut lines, &self.key);
        }
        taken
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        if !self.has_gone {
            self.gathering.end(&mut self.gathering.lines(), &self.key);
        }
    }
}

impl Engine {
    /// Takes a text with those that come to its number meanwhile.
    pub(crate) async fn take_with_others(&self, carrier: &str, text: Inbound) -> Answer {
        let key = (carrier.to_owned(), text.to.clone());
        let (answer, answered) = oneshot::channel();
        if self.gathering().push(&key, Waiting { text, answer })? {
            let (engine, taker) = (self.clone(), Taker::new(self.gathering(), key));
            // Not by the caller, who may go away while others wait.
            tokio::spawn(async move { engine.take_all_of(taker).await });
        }
        answered.await.unwrap_or_else(|_| Err(DbError::Panicked.into()))
    }

    async fn take_all_of(&self, mut taker: Taker) {
        loop {
            let waiting = taker.next();
            if waiting.is_empty() {
                return;
            }
            self.take_gathered(&taker.key.0, waiting).await;
        }
    }

    /// Takes texts together and answers whoever brought them.
    async fn take_gathered(&self, carrier: &str, waiting: Vec<Waiting>) {
        let (texts, askers): (Vec<Inbound>, Vec<_>) =
            waiting.into_iter().map(|Waiting { text, answer }| (text, answer)).unzip();
        let texts: Arc<[Inbound]> = texts.into();
        let answers: Vec<Answer> = match self.take_texts(carrier, Arc::clone(&texts), None).await {
            Ok(received) => received.into_iter().map(Ok).collect(),
            Err(failure) if texts.len() == 1 => vec![Err(failure)],
            Err(Failure::Db(error)) if again(&error).is_some() => {
                texts.iter().filter_map(|_| again(&error)).map(|error| Err(error.into())).collect()
            }
            Err(failure) => {
                tracing::warn!(error = %failure, cause = failure.causes(), "texts are not taken together, so each alone");
                // They are of different phones.
                let alone = texts.iter().zip(askers).map(async |(text, asker)| {
                    tell(asker, self.take_text(carrier, text.clone(), None).await);
                });
                join_all(alone).await;
                return;
            }
        };
        askers.into_iter().zip(answers).for_each(|(asker, answer)| tell(asker, answer));
    }
}

/// Who has gone away is not told.
fn tell(asker: oneshot::Sender<Answer>, answer: Answer) {
    let _ = asker.send(answer);
}

/// The same error once more, if it would have met any texts.
fn again(error: &DbError) -> Option<DbError> {
    match error {
        DbError::Unavailable(cause) => Some(DbError::Unavailable(cause.to_string().into())),
        DbError::DiskFull(cause) => Some(DbError::DiskFull(cause.to_string().into())),
        DbError::ReadOnly(cause) => Some(DbError::ReadOnly(cause.to_string().into())),
        DbError::Overloaded { limit } => Some(DbError::Overloaded { limit: *limit }),
        DbError::Closed => Some(DbError::Closed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn key() -> Key {
        ("carrier".to_owned(), "+12125550100".to_owned())
    }

    fn waiting(from: &str) -> (Waiting, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let (event_id, from, to) = (from.to_owned(), from.to_owned(), key().1);
        let text = Inbound {
            event_id,
            from,
            to,
            body: String::new(),
            media: 0,
            signal: None,
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        (Waiting { text, answer }, answered)
    }

    fn phone(n: usize) -> String {
        format!("+1212600{n:04}")
    }

    #[test]
    fn a_text_is_taken_with_others_but_not_with_one_of_its_phone_nor_with_more_than_64() {
        let gathering = Arc::<Gathering>::default();
        let phones =
            (0..70).map(phone).chain([phone(69), phone(1), "nobody".to_owned(), "nobody".to_owned(), phone(1)]);
        let comes = phones.map(|from| gathering.push(&key(), waiting(&from).0).unwrap()).filter(|comes| *comes).count();
        assert_eq!(comes, 1);
        let mut taker = Taker::new(&gathering, key());
        let mut taken = || taker.next().iter().map(|waiting| waiting.text.from.clone()).collect::<Vec<_>>();
        assert_eq!(taken(), (0..64).map(phone).collect::<Vec<_>>());
        // A phone's second text keeps nobody waiting who is behind it.
        let rest = (64..70).map(phone).chain([phone(1), "nobody".to_owned(), "nobody".to_owned()]);
        assert_eq!(taken(), rest.collect::<Vec<_>>());
        assert_eq!(taken(), [phone(69), phone(1)]);
        assert!(taken().is_empty());
        assert!(gathering.lines().is_empty());
    }

    #[test]
    fn a_line_that_is_full_takes_no_more() {
        let gathering = Arc::<Gathering>::default();
        let push = || gathering.push(&key(), waiting(&phone(0)).0);
        assert!((0..MOST_WAITING).all(|nth| push().unwrap() == (nth == 0)));
        assert!(matches!(push(), Err(DbError::Overloaded { limit: MOST_WAITING })));
    }

    #[test]
    fn whoever_waits_for_a_taker_that_failed_is_let_go_and_the_next_brings_another() {
        let gathering = Arc::<Gathering>::default();
        let (first, mut answer) = waiting(&phone(0));
        assert!(gathering.push(&key(), first).unwrap());
        let taker = Taker::new(&gathering, key());
        drop(taker);
        assert_eq!(answer.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        assert!(gathering.push(&key(), waiting(&phone(1)).0).unwrap());
    }

    #[tokio::test]
    async fn what_goes_out_waits_while_texts_are_taken_and_no_longer_than_it_has_to() {
        let gathering = Arc::<Gathering>::default();
        let (long, short) = (SignedDuration::from_hours(1), SignedDuration::from_millis(1));
        gathering.give_way(long).await;
        gathering.push(&key(), waiting(&phone(0)).0).unwrap();
        gathering.give_way(short).await;
        let mut gives_way = pin!(gathering.give_way(long));
        assert!((&mut gives_way).now_or_never().is_none());
        let mut taker = Taker::new(&gathering, key());
        assert_eq!(taker.next().len(), 1);
        assert!((&mut gives_way).now_or_never().is_none());
        assert!(taker.next().is_empty());
        gives_way.await;
    }

    /// Whoever leaves and whoever comes meet at one lock: nobody is left standing.
    #[test]
    fn of_texts_that_come_while_a_taker_leaves_each_is_answered() {
        let gathering = Arc::<Gathering>::default();
        let come = || {
            for nth in 0..20_000 {
                let (text, answered) = waiting(&phone(nth % 100));
                if gathering.push(&key(), text).unwrap() {
                    let mut taker = Taker::new(&gathering, key());
                    loop {
                        let taken = taker.next();
                        if taken.is_empty() {
                            break;
                        }
                        taken.into_iter().for_each(|one| one.answer.send(Ok(Received::Nothing)).unwrap());
                    }
                }
                answered.blocking_recv().expect("an answer").unwrap();
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(come))));
        assert!(gathering.lines().is_empty());
    }
}
