//! The carrier that needs no network: virtual handsets with scripted or seeded behaviour.
//!
//! Nothing is left to the order in which things run. Every draw is a hash of the seed, the
//! handset, the body and how many times that body was submitted to that handset before; so the
//! same texts meet the same fates whatever the threads do, whatever ids the attempts have, and a
//! retry draws anew. Scripts, which are taken in turn for each handset, come before chance.
//!
//! Receipts and replies wait until someone asks for [`Simulator::due_events`]; time is always an
//! argument. They live in memory and die with the process; what reached a handset outlives it if
//! there is a journal ([`Simulator::with_journal`]).

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ids::AttemptId;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::wire::{CarrierEvent, Finding, Outcome, Sought, Submission};
use crate::{Capabilities, Carrier};

pub mod behaviour;
mod chance;
mod handsets;
mod journal;
mod queue;
mod reaction;
mod world;

pub use behaviour::{Backlog, Behaviour, BehaviourError, Delay, Faults, Receipts, Replies, ReplyText};
pub use handsets::{HandsetSummary, HandsetText, KEPT_TEXTS, Stats};
pub use queue::PENDING_LIMIT;
pub use reaction::{Answer, COPIES_LIMIT, Reaction, ReceiptStep, ReplyStep};

use world::World;

/// The most events that one call of [`Simulator::due_events`] hands out.
pub const EVENTS_PER_CALL: usize = 1_000;
/// The most lines of one page of handsets or texts.
pub const PAGE_LIMIT: usize = 1_000;

/// Why the simulator cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The behaviour cannot be played.
    #[error("the behaviour cannot be played")]
    Behaviour(#[from] BehaviourError),
    /// The journal cannot be read or written.
    #[error("the simulator's journal cannot be used")]
    Journal(#[from] io::Error),
}

/// The simulated carrier. One value serves all threads; a call holds its lock for microseconds
/// (with a journal: for one small write, and for the turns of the other processes).
#[derive(Debug)]
pub struct Simulator {
    world: Mutex<World>,
}

impl Simulator {
    /// A simulator in memory.
    ///
    /// # Errors
    /// If the behaviour is not valid.
    pub fn new(behaviour: Behaviour, seed: u64) -> Result<Self, BehaviourError> {
        behaviour.validate()?;
        Ok(Self { world: Mutex::new(World::new(behaviour, seed)) })
    }

    /// A simulator whose handsets live in a journal, made if it is not there. Several processes
    /// may share it. A torn line is skipped and counted in [`Stats::torn_lines`].
    ///
    /// # Errors
    /// If the behaviour is not valid or the journal cannot be used.
    pub fn with_journal(behaviour: Behaviour, seed: u64, path: &Path) -> Result<Self, SimulatorError> {
        behaviour.validate()?;
        let mut world = World::new(behaviour, seed);
        world.open_journal(path)?;
        Ok(Self { world: Mutex::new(world) })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is played for handsets without a script.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        self.world().behaviour.clone()
    }

    /// Plays something else from the next text on.
    ///
    /// # Errors
    /// If the behaviour is not valid; the old one stays.
    pub fn set_behaviour(&self, behaviour: Behaviour) -> Result<(), BehaviourError> {
        behaviour.validate()?;
        self.world().behaviour = behaviour;
        Ok(())
    }

    /// Lays down what follows from the next submissions to this handset, one reaction each, in
    /// place of an earlier script. When it is used up, the behaviour is back.
    pub fn script(&self, phone: &str, reactions: Vec<Reaction>) {
        self.world().script(phone, reactions);
    }

    /// Takes the events due at `now` or before, oldest first, at most [`EVENTS_PER_CALL`]; an
    /// empty answer means that nothing is due.
    pub fn due_events(&self, now: Timestamp) -> Vec<CarrierEvent> {
        self.world().take_due(now, EVENTS_PER_CALL)
    }

    /// When the next event is due: as far as a manual clock may jump.
    #[must_use]
    pub fn next_event_at(&self) -> Option<Timestamp> {
        self.world().queue.next_at()
    }

    /// The person with the handset writes to a number of ours. The event is due at once and comes
    /// by [`Self::due_events`]; it is returned for display, not to be recorded a second time.
    ///
    /// # Errors
    /// If the journal cannot be written; then nothing was written by the person.
    pub fn reply(&self, handset: &str, to: &str, body: &str, now: Timestamp) -> Result<CarrierEvent, SimulatorError> {
        Ok(self.world().reply(handset, to, (body, 0), now)?)
    }

    /// The person sends a picture without a word; else like [`Self::reply`].
    ///
    /// # Errors
    /// If the journal cannot be written; then nothing was sent by the person.
    pub fn send_picture(&self, handset: &str, to: &str, now: Timestamp) -> Result<CarrierEvent, SimulatorError> {
        Ok(self.world().reply(handset, to, ("", 1), now)?)
    }

    /// The handsets in order of their numbers, after `after`, at most `limit` and [`PAGE_LIMIT`].
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn handsets(&self, after: Option<&str>, limit: usize) -> Result<Vec<HandsetSummary>, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.handsets.list(after, limit.min(PAGE_LIMIT)))
    }

    /// The texts that a handset received and still keeps, oldest first, without the first `skip`,
    /// at most `limit` and [`PAGE_LIMIT`].
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn inbox(&self, phone: &str, skip: usize, limit: usize) -> Result<Vec<HandsetText>, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.handsets.inbox(phone, skip, limit.min(PAGE_LIMIT)))
    }

    /// The texts that a handset got from these numbers and still keeps, newest first, at most `limit` and [`PAGE_LIMIT`].
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn newest(&self, phone: &str, senders: &[String], limit: usize) -> Result<Vec<HandsetText>, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.handsets.newest(phone, senders, limit.min(PAGE_LIMIT)))
    }

    /// How many texts of this attempt reached a handset.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn texts_of(&self, attempt: AttemptId) -> Result<u32, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.handsets.taken(attempt).map_or(0, |taken| taken.arrived))
    }

    /// How many texts of this attempt the carrier took and never delivered, because their time was over before their turn came.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn expired_of(&self, attempt: AttemptId) -> Result<u32, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.handsets.taken(attempt).map_or(0, |taken| taken.expired))
    }

    /// How many texts with exactly this body reached this handset.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn texts_to(&self, phone: &str, body: &str) -> Result<u32, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.handsets.count_of(world.text_digest(phone, body)))
    }

    /// The counts at the receiving end.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn stats(&self) -> Result<Stats, SimulatorError> {
        let mut world = self.world();
        world.catch_up()?;
        Ok(world.stats())
    }

    /// Waits as long as the behaviour says, in real time. Without latency no timer is touched, so
    /// no runtime is needed.
    #[expect(clippy::disallowed_methods, reason = "a load test waits for real")]
    async fn wait(&self) {
        let latency_ms = self.world().behaviour.latency_ms;
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
    }
}

impl Carrier for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    /// The text arrives before the latency passes, so a caller that gives up is in doubt.
    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = self.world().submit(submission, now);
            self.wait().await;
            outcome
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async move {
            let finding = self.world().find(sought, now);
            self.wait().await;
            finding
        })
    }

    fn capabilities(&self) -> Capabilities {
        let world = self.world();
        let Behaviour { stop_answer, idempotency, find, echo, expiry, .. } = world.behaviour;
        Capabilities { stop_answer, own_words: &["stop"], idempotency, find, expiry, echo }
    }
}
