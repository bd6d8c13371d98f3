//! Where texts go: the nodes that serve the database, the carrier between them and the handsets, and the tape on which
//! everything that is handed over or heard has its place.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use carrier::{Capabilities, Carrier, CarrierEvent, Finding, Outcome, Simulator, Sought, Submission};
use domain::ids::AttemptId;
use engine::{Carriers, Clock, Engine};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::mishaps::{Mishap, Mishaps, Trouble, Turns};

use crate::simulation::model::Place;
use crate::story::dice::Dice;

/// How often something is asked for, or told, at most.
pub(crate) const ENOUGH: usize = 100;

/// A text that was handed to the carrier.
#[derive(Debug, Clone)]
pub(crate) struct Handed {
    /// Before which it was surely not claimed. Where the nodes take turns that is where it was handed over; where they
    /// race it is where the node's round began, because what was claimed before a stop may be handed over after it.
    pub(crate) since: Place,
    pub(crate) place: Place,
    pub(crate) at: Timestamp,
    pub(crate) attempt: AttemptId,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) arrived: bool,
    pub(crate) outcome: Outcome,
}

/// Something that a carrier told and that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) place: Place,
    pub(crate) event: CarrierEvent,
}

/// How often things happened, by name.
pub(crate) type Tally = BTreeMap<&'static str, usize>;

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    places: Place,
    pub(crate) handed: Vec<Handed>,
    pub(crate) told: Vec<Told>,
    pub(crate) tally: Tally,
}

impl Tape {
    pub(crate) fn place(&mut self) -> Place {
        self.places += 1;
        self.places
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }
}

/// A process that serves.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) mishaps: Arc<Mishaps>,
    /// Where its last round began.
    began: Arc<AtomicU64>,
}

impl Node {
    /// Renews its lease. Where its number is another's by now, or the database cannot be asked, it ends, as a server does.
    pub(crate) async fn renew(&self) -> bool {
        let renewed = matches!(self.engine.keep_node().await, Ok(true));
        if !renewed {
            self.mishaps.kill();
        }
        renewed
    }

    /// A round of its dispatcher begins here.
    pub(crate) fn begin_round(&self, place: Place) {
        self.began.store(place, Ordering::Relaxed);
    }
}

/// All of it. Nothing in here is held across an await.
pub(crate) struct Street {
    store: Store,
    pub(crate) clock: Clock,
    pub(crate) simulator: Arc<Simulator>,
    nodes: Mutex<Vec<Option<Node>>>,
    tape: Mutex<Tape>,
    dice: Mutex<Dice>,
    /// Of its own, because it is thrown on the database's thread.
    fate: Mutex<Dice>,
    /// On SQLite the nodes take turns, so that a seed gives the same world again.
    turns: Option<Turns>,
    /// How often a transaction meets a mishap, in a thousand; 0 once nothing goes wrong any more.
    roughness: Mutex<usize>,
    /// Whether handsets may answer before the carrier has.
    quick: Mutex<bool>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Street {
    pub(crate) fn open(
        store: Store,
        turns: Option<Turns>,
        clock: Clock,
        simulator: Simulator,
        nodes: usize,
        seed: u64,
    ) -> Arc<Self> {
        let street = Arc::new(Self {
            store,
            clock,
            simulator: Arc::new(simulator),
            nodes: Mutex::new(vec![None; nodes]),
            tape: Mutex::default(),
            fate: Mutex::new(Dice::new(seed)),
            dice: Mutex::new(Dice::new(!seed)),
            turns,
            roughness: Mutex::new(0),
            quick: Mutex::new(false),
        });
        (0..nodes).for_each(|nth| street.start(nth));
        street
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn tape(&self) -> MutexGuard<'_, Tape> {
        locked(&self.tape)
    }

    pub(crate) fn dice(&self) -> MutexGuard<'_, Dice> {
        locked(&self.dice)
    }

    /// How many processes there may be.
    pub(crate) fn places(&self) -> usize {
        locked(&self.nodes).len()
    }

    /// From here on so many of a thousand transactions meet a mishap.
    pub(crate) fn roughen(&self, rough: usize) {
        *locked(&self.roughness) = rough;
    }

    /// From here on nothing goes wrong.
    pub(crate) fn calm(&self) {
        self.roughen(0);
    }

    pub(crate) fn is_rough(&self) -> bool {
        self.roughness() > 0
    }

    /// Whether handsets may answer before the carrier has.
    pub(crate) fn quick(&self, quick: bool) {
        *locked(&self.quick) = quick;
    }

    fn roughness(&self) -> usize {
        *locked(&self.roughness)
    }

    /// Whether something goes wrong that is as likely as a mishap of a transaction, so many times over.
    fn strikes(&self, times: usize) -> bool {
        let rough = self.roughness() * times;
        rough > 0 && self.dice().below(1_000) < rough
    }

    fn mishap(&self) -> Mishap {
        let rough = self.roughness();
        let mut dice = locked(&self.fate);
        if rough == 0 || dice.below(1_000) >= rough {
            return Mishap::None;
        }
        let at = u32::try_from(dice.below(12)).unwrap();
        let troubles = [Trouble::Conflict, Trouble::DiskFull, Trouble::Unavailable, Trouble::Timeout];
        let trouble = dice.pick(&troubles).unwrap();
        let all = [
            ("a statement failed", Mishap::Fails(at, trouble)),
            ("an answer was lost", Mishap::AnswerLost),
            ("a commit was lost", Mishap::CommitLost),
            ("a process died at a statement", Mishap::DiesAt(at)),
            ("a process died after a commit", Mishap::DiesAfter),
        ];
        let (name, mishap) = dice.pick(&all).unwrap();
        drop(dice);
        self.tape().count(name);
        mishap
    }

    /// Starts a process in this place.
    pub(crate) fn start(self: &Arc<Self>, nth: usize) {
        let plan = Arc::downgrade(self);
        let mishaps =
            Mishaps::new(self.turns.clone(), move || plan.upgrade().map_or(Mishap::None, |street| street.mishap()));
        let began = Arc::<AtomicU64>::default();
        let line = Line { street: Arc::downgrade(self), mishaps: Arc::clone(&mishaps), began: Arc::clone(&began) };
        let carriers = Carriers::from([("simulator".to_owned(), Arc::new(line) as Arc<dyn Carrier>)]);
        let opened = Engine::open(self.store.with(Arc::clone(&mishaps)), self.clock.clone(), carriers);
        // So many may have died within two minutes that no number is free.
        locked(&self.nodes)[nth] = opened.ok().map(|engine| Node { engine, mishaps, began });
    }

    /// Ends the process in this place as a kill does, and starts another.
    pub(crate) fn restart(self: &Arc<Self>, nth: usize) {
        if let Some(node) = &locked(&self.nodes)[nth] {
            node.mishaps.kill();
        }
        self.start(nth);
    }

    /// The processes that live.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        locked(&self.nodes).iter().flatten().filter(|node| !node.mishaps.is_dead()).cloned().collect()
    }

    /// The places of those that do not.
    pub(crate) fn vacant(&self) -> Vec<usize> {
        let nodes = locked(&self.nodes);
        let dead = |node: &Option<Node>| node.as_ref().is_none_or(|node| node.mishaps.is_dead());
        (0..nodes.len()).filter(|nth| dead(&nodes[*nth])).collect()
    }

    /// One that lives, started if there is none.
    pub(crate) fn node(self: &Arc<Self>) -> Node {
        loop {
            let nodes = self.nodes();
            if let Some(node) = self.dice().pick(&nodes) {
                return node;
            }
            for nth in self.vacant() {
                self.start(nth);
            }
            if self.nodes().is_empty() {
                self.clock.move_to(self.clock.now() + SignedDuration::from_mins(3));
            }
        }
    }

    /// Tells what happened at the handsets, as a carrier does: again and again, until it is taken; sometimes once too often.
    pub(crate) async fn tell(self: &Arc<Self>, event: &CarrierEvent) {
        let (times, mut taken) = (if self.strikes(5) { 2 } else { 1 }, 0);
        for _ in 0..ENOUGH {
            let node = self.node();
            if node.engine.receive("simulator", event.clone()).await.is_err() {
                node.renew().await;
                continue;
            }
            let mut tape = self.tape();
            let place = tape.place();
            tape.told.push(Told { place, event: event.clone() });
            taken += 1;
            if taken == times {
                return;
            }
        }
        panic!("nobody takes {event:?}");
    }
}

/// The carrier as one process sees it.
struct Line {
    street: std::sync::Weak<Street>,
    mishaps: Arc<Mishaps>,
    began: Arc<AtomicU64>,
}

fn lost() -> Outcome {
    Outcome::InDoubt { reason: "the process has died".to_owned() }
}

impl Line {
    fn dies(&self, street: &Street, what: &'static str) -> bool {
        let dies = street.strikes(1);
        if dies {
            self.mishaps.kill();
            street.tape().count(what);
        }
        dies
    }

    async fn hand_over(&self, street: &Arc<Street>, submission: &Submission, now: Timestamp) -> Outcome {
        if self.mishaps.is_dead() || self.dies(street, "a process died before the carrier") {
            return lost();
        }
        let place = street.tape().place();
        let before = street.simulator.texts_of(submission.attempt).unwrap();
        let outcome = street.simulator.submit(submission, now).await;
        let arrived = street.simulator.texts_of(submission.attempt).unwrap() > before;
        let since = if street.turns.is_some() { place } else { self.began.load(Ordering::Relaxed) };
        street.tape().handed.push(Handed {
            since,
            place,
            at: now,
            attempt: submission.attempt,
            from: submission.from.clone(),
            to: submission.to.clone(),
            body: submission.body.clone(),
            arrived,
            outcome: outcome.clone(),
        });
        if self.dies(street, "a process died after the carrier") {
            return lost();
        }
        if *locked(&street.quick) && street.dice().happens(40) {
            for event in street.simulator.due_events(now) {
                street.tape().count("a callback came before the answer");
                street.tell(&event).await;
            }
        }
        outcome
    }
}

impl Carrier for Line {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.street.upgrade() {
                Some(street) => self.hand_over(&street, submission, now).await,
                None => lost(),
            }
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async move {
            match self.street.upgrade().filter(|_| !self.mishaps.is_dead()) {
                Some(street) => street.simulator.find(sought, now).await,
                None => Finding::Unavailable { reason: "the process has died".to_owned() },
            }
        })
    }

    fn capabilities(&self) -> Capabilities {
        self.street.upgrade().map(|street| street.simulator.capabilities()).unwrap()
    }
}
