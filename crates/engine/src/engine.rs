//! The engine: a store, a clock, identifiers and the carriers. Cheap to clone; clones are one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use carrier::Carrier;
use domain::ids::WorkspaceId;
use jiff::{SignedDuration, Timestamp};
use store::claims::Node;
use store::{DbError, Lane, Store, carriers, copies, seals, workspaces};
use tokio::sync::{Mutex, MutexGuard, Notify, OwnedRwLockReadGuard, RwLock, RwLockWriteGuard};

use crate::actor::Actor;
use crate::beat::Beat;
use crate::claim::later;
use crate::clock::{Clock, Mark};
use crate::counts::{Counters, Counts};
use crate::drafts::LongestValues;
use crate::facts::Steps;
use crate::failure::Failure;
use crate::gathering::Gathering;
use crate::guesses::Guesses;
use crate::ids::{Ids, secret};
use crate::import::runs::Runs;
use crate::live::Live;
use crate::mails::Postbox;
use crate::payments::Till;
use crate::roll::{Outfit, Roll};
use crate::seals::LONGEST_RUN;

/// How long a node keeps its number without renewing it.
pub(crate) const NODE_LEASE: SignedDuration = SignedDuration::from_mins(2);

/// How long before its end a lease is prolonged by whoever writes: a server has renewed it long before.
const SOON: SignedDuration = SignedDuration::from_secs(60);
/// How long the number of a node that has left stays taken: whoever takes it next is past the identifiers
/// that were made in its last instant.
const LEAVING: SignedDuration = SignedDuration::from_secs(1);
/// What identifiers tell apart in time.
const TICK: SignedDuration = SignedDuration::from_millis(1);
/// In place of the number, for an engine that only reads.
const NO_NODE: i64 = -1;

/// The carriers by their names in the configuration.
pub type Carriers = BTreeMap<String, Arc<dyn Carrier>>;

/// All that use cases need.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// The engine, without keeping it alive.
pub(crate) struct Faint(Weak<Inner>);

impl Faint {
    /// The engine, if there still is one.
    pub(crate) fn wake(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

struct Inner {
    store: Store,
    clock: Clock,
    ids: Ids,
    node: Node,
    taken: Mark,
    roll: Roll,
    steps: Steps,
    longest: LongestValues,
    wake: Notify,
    hands: Arc<RwLock<()>>,
    counters: Counters,
    gathering: Arc<Gathering>,
    guesses: Guesses,
    runs: Runs,
    words: Mutex<()>,
    live: Live,
    till: OnceLock<Till>,
    postbox: OnceLock<Postbox>,
}

/// Something is in hand that must be over before the clock is pushed on: a claim until it is settled, a
/// callback until it is taken.
pub(crate) type InHand = OwnedRwLockReadGuard<()>;

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// As many nodes as there are numbers serve the database.
    #[error("{} nodes serve this database already; wait two minutes for one that was killed", workspaces::MAX_NODES)]
    NoNodeFree,
    /// It is filled from another just now, or that was broken off.
    #[error("the database is an unfinished copy of {source_name}: run `dripline copy` again, which goes on with it")]
    Copying {
        /// What it is a copy of.
        source_name: String,
    },
    /// The database failed.
    #[error("the database cannot be used")]
    Db(#[from] DbError),
}

impl Engine {
    /// Takes a node number from the database and starts. Blocks.
    pub fn open(store: Store, clock: Clock, carriers: Carriers) -> Result<Self, OpenError> {
        Self::open_with(store, clock, carriers, None)
    }

    /// The same, with what it takes to open accounts at carriers; those that there are, are opened. Blocks.
    pub fn open_with(
        store: Store,
        clock: Clock,
        carriers: Carriers,
        outfit: Option<Outfit>,
    ) -> Result<Self, OpenError> {
        if let Some(source_name) = store.read_blocking(copies::unfinished)? {
            return Err(OpenError::Copying { source_name });
        }
        let (now, marked) = (clock.now(), clock.mark());
        let until = later(now, NODE_LEASE);
        // If the clock was set back, nothing new may lie among what is sealed.
        let sealed = store.read_blocking(seals::highest)?.map_or(now, |event| later(Ids::instant(event.0), TICK));
        let owner = secret();
        let taken = {
            let owner = owner.clone();
            store.write_blocking(Lane::Normal, move |tx| workspaces::take_node(tx, &owner, until, now))?
        };
        let node = taken.ok_or(OpenError::NoNodeFree)?;
        let roll = Roll::new(carriers, outfit);
        if roll.outfit().is_some() {
            let (version, stored) =
                store.read_blocking(|db| Ok::<_, DbError>((carriers::version(db)?, carriers::all(db)?)))?;
            roll.take(version, &stored);
        }
        Ok(Self::with(
            store,
            clock,
            Node { number: node, owner },
            marked,
            Ids::leased(node, now.max(sealed), until),
            roll,
        ))
    }

    /// An engine that only reads, on a store that was opened for that: it takes no node number, so it may
    /// stand beside any number of others. What writes fails.
    #[must_use]
    pub fn reader(store: Store, clock: Clock, outfit: Option<Outfit>) -> Self {
        let (node, taken) = (Node { number: NO_NODE, owner: String::new() }, clock.mark());
        Self::with(store, clock, node, taken, Ids::new(NO_NODE), Roll::new(Carriers::new(), outfit))
    }

    fn with(store: Store, clock: Clock, node: Node, taken: Mark, ids: Ids, roll: Roll) -> Self {
        let (steps, wake, hands, counters) = (Steps::default(), Notify::new(), Arc::default(), Counters::default());
        let (guesses, live, longest) = (Guesses::default(), Live::default(), LongestValues::default());
        Self(Arc::new(Inner {
            store,
            clock,
            ids,
            node,
            taken,
            roll,
            steps,
            longest,
            wake,
            hands,
            counters,
            gathering: Arc::default(),
            guesses,
            runs: Runs::default(),
            words: Mutex::default(),
            live,
            till: OnceLock::new(),
            postbox: OnceLock::new(),
        }))
    }

    /// Gives the node number back before its lease ends, so that short-lived processes do not use them up.
    /// Nothing may be written by this engine afterwards.
    pub async fn leave_node(&self) -> Result<(), Failure> {
        let until = later(self.now(), LEAVING).max(self.0.ids.unused());
        self.0.ids.end_at(until);
        Ok(self.lease_until(until).await.map(drop)?)
    }

    /// Renews the lease on the node number; false if another node has taken it, after which this one must stop.
    pub async fn keep_node(&self) -> Result<bool, Failure> {
        Ok(self.prolong().await?)
    }

    /// A lease only ever grows, even if the clock was set back: what was made until its old end stays inside it.
    async fn prolong(&self) -> Result<bool, DbError> {
        let until = later(self.now().max(self.0.ids.unused()), NODE_LEASE).max(self.0.ids.until());
        let is_ours = self.lease_until(until).await?;
        if is_ours {
            self.0.ids.end_at(until);
        }
        Ok(is_ours)
    }

    async fn lease_until(&self, until: Timestamp) -> Result<bool, DbError> {
        let Node { number, owner } = self.0.node.clone();
        self.0.store.write(Lane::Inbound, move |tx| workspaces::keep_node(tx, number, &owner, until)).await
    }

    /// Prolongs the lease if it has ended, because the clock was pushed or the machine slept, or soon will: a command that
    /// works for long has nobody who renews it.
    async fn have_node(&self) -> Result<(), DbError> {
        let (left, proven) = (self.0.ids.until().duration_since(self.now()), self.0.ids.prove().is_ok());
        if proven && left > SOON {
            return Ok(());
        }
        match self.prolong().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(DbError::Unavailable("another process has taken the node's number".into())),
            Err(_) if proven && left.is_positive() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The number of this node.
    #[must_use]
    pub fn node(&self) -> i64 {
        self.0.node.number
    }

    /// This node and its owner, as a claim proves them.
    pub(crate) fn node_owned(&self) -> Node {
        self.0.node.clone()
    }

    /// When the node's number was taken.
    pub(crate) fn taken(&self) -> Mark {
        self.0.taken
    }

    /// Takes something in hand: until it is dropped no clock is pushed. Never taken twice by one task, which
    /// would wait for a push that waits for it.
    pub(crate) async fn take_in_hand(&self) -> InHand {
        Arc::clone(&self.0.hands).read_owned().await
    }

    /// Waits until nothing is in hand; until it is dropped nothing is taken.
    pub(crate) async fn hands_off(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.hands.write().await
    }

    /// The carriers that the installation itself has.
    #[must_use]
    pub fn carriers(&self) -> &Carriers {
        self.0.roll.fixed()
    }

    /// The address under which carriers reach us, where accounts at carriers can be opened.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.0.roll.outfit().map(|outfit| outfit.public_url.as_str())
    }

    /// Takes cards from now on. Said once, when the parts are put together; whatever is said later changes nothing.
    pub fn take_cards(&self, till: Till) {
        drop(self.0.till.set(till));
    }

    /// Who takes payments by card; nobody where the operator has set up none.
    pub(crate) fn till(&self) -> Option<&Till> {
        self.0.till.get()
    }

    /// Sends e-mails from now on. Said once, as [`Self::take_cards`].
    pub fn send_mails_by(&self, postbox: Postbox) {
        drop(self.0.postbox.set(postbox));
    }

    /// Who takes e-mails; nobody where the operator has set up none.
    pub(crate) fn postbox(&self) -> Option<&Postbox> {
        self.0.postbox.get()
    }

    /// This engine, without keeping it alive.
    pub(crate) fn faint(&self) -> Faint {
        Faint(Arc::downgrade(&self.0))
    }

    pub(crate) fn roll(&self) -> &Roll {
        &self.0.roll
    }

    /// The store, for reads that need no use case.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The longest values of the workspaces that somebody writes in.
    pub(crate) fn longest_values(&self) -> LongestValues {
        self.0.longest.clone()
    }

    pub(crate) fn steps(&self) -> Steps {
        self.0.steps.clone()
    }

    pub(crate) fn carrier(&self, name: &str) -> Option<Arc<dyn Carrier>> {
        self.0.roll.ready(name)
    }

    /// What this process has done since it began.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counters.now()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// What was wrong when somebody signed in.
    pub(crate) fn guesses(&self) -> &Guesses {
        &self.0.guesses
    }

    /// Waits for the turn of this process to write what contacts are found by: one batch at a time, for they are large.
    pub(crate) async fn words(&self) -> MutexGuard<'_, ()> {
        self.0.words.lock().await
    }

    /// The imports that run in this process.
    pub(crate) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// The texts that are being taken.
    pub(crate) fn gathering(&self) -> &Arc<Gathering> {
        &self.0.gathering
    }

    /// Whoever watches what happens.
    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// Tells the dispatcher that there may be work.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Waits until somebody says that there may be work.
    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// A beat of an actor.
    pub(crate) fn beat(&self, actor: &Actor) -> Beat {
        Beat { key: actor.idempotency_key().cloned(), ..self.beat_as(actor.workspace(), actor.name()) }
    }

    /// A beat of somebody who is no actor: the contact, the carrier, the product itself.
    pub(crate) fn beat_as(&self, workspace: WorkspaceId, actor: &str) -> Beat {
        Beat { workspace, now: self.now(), ids: self.0.ids.clone(), actor: actor.to_owned(), key: None }
    }

    /// Makes beats of somebody who is no actor, where the workspace is only found inside the transaction.
    pub(crate) fn beats(&self, actor: &'static str) -> impl Fn(WorkspaceId) -> Beat + Send + 'static {
        let (now, ids) = (self.now(), self.0.ids.clone());
        move |workspace| Beat { workspace, now, ids: ids.clone(), actor: actor.to_owned(), key: None }
    }

    /// One transaction, whose identifiers are this node's alone.
    pub(crate) async fn write<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut store::Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        loop {
            self.have_node().await?;
            let (work, ids, too_late) = (Arc::clone(&work), self.0.ids.clone(), Arc::new(AtomicBool::new(false)));
            let (clock, late) = (self.0.clock.clone(), Arc::clone(&too_late));
            let proven = move |tx: &mut store::Tx<'_>| {
                late.store(false, Ordering::Relaxed);
                let (begun, mark) = (clock.now(), clock.mark());
                ids.not_before(begun);
                let done = work(tx)?;
                let ran = clock.now().duration_since(begun).max(clock.since(&mark));
                ids.prove().and_then(|()| in_time(ran)).inspect_err(|_| late.store(true, Ordering::Relaxed))?;
                Ok(done)
            };
            let done = self.0.store.write(lane, proven).await;
            // The clock was pushed, or the machine slept, while it ran: it is rolled back and runs under the next lease.
            if done.is_err() && too_late.load(Ordering::Relaxed) {
                continue;
            }
            self.0.live.stir();
            return done;
        }
    }

    /// One consistent read.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&store::Read<'_>) -> Result<T, E> + Send + 'static,
    {
        self.0.store.read(work).await
    }
}

/// That a transaction did not run so long that what it made belongs among what is sealed.
fn in_time(ran: SignedDuration) -> Result<(), DbError> {
    if ran <= LONGEST_RUN {
        return Ok(());
    }
    Err(DbError::Unavailable("the transaction ran for too long".into()))
}
