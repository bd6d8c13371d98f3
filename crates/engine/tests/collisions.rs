//! Replies against claims, as many as there is time for: two nodes claim, and contacts whose turn is about to come answer.
//!
//! `race.rs` looks at each reply right when it was taken; this one counts at the end of a wave, so that a collision is cheap.
//! Each contact has three steps, the first of which is due. A reply says how many were refunded; the carrier counts what it was handed.
//! Nothing is tried again, so **handed + refunded = 3** for each contact that answered, exactly when no step was claimed after its reply
//! and none that was claimed was refunded.
//!
//! Every end draws a number from one counter, which tells what was under way at once:
//!
//! | | the reply came first | the claim came first |
//! |---|---|---|
//! | a collision | some claim of the workspace was under way while the reply was | the very claim of its step was |
//! | none | the rest | the rest |
//!
//! A claim is under way at most from the beginning of its round to the first text that the round hands over.
//! `DRIPLINE_RACE_WAVES` says how many waves; `bench/race` goes on for as long as it is told.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use carrier::{Capabilities, Carrier, CarrierEvent, Finding, Inbound, Outcome, Simulator, Sought, Submission};
use domain::ids::WorkflowId;
use domain::money::Micros;
use engine::bulk::Selection;
use engine::receive::Received;
use engine::{Carriers, Engine};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::world::{Plan, World, on_both};

/// Waves, unless the environment says how many.
const WAVES: u64 = 2;
const CONTACTS: usize = 2_000;
const STEPS: i64 = 3;
const RATE: i64 = 15_000;
/// How many contacts answer at once.
const REPLIERS: usize = 128;
/// So far ahead of the last text that was handed over the contacts answer: about what two claims take.
const AHEAD: usize = 200;
/// Waves between two audits of the books.
const AUDIT_EVERY: u64 = 10;

/// From when to when something was under way.
type Span = (u64, u64);

/// What is seen of one wave.
#[derive(Default)]
struct Sight {
    counter: AtomicU64,
    /// Texts that were handed over, by contact.
    handed: Vec<AtomicUsize>,
    /// The claim of each contact's step.
    claimed: Mutex<Vec<Option<Span>>>,
    /// Every claim.
    claims: Mutex<Vec<Span>>,
    /// The contact after the last one whose text was handed over.
    front: AtomicUsize,
    /// The contact that answers next.
    next: AtomicUsize,
    over: AtomicBool,
}

impl Sight {
    fn new() -> Self {
        let handed = (0..CONTACTS).map(|_| AtomicUsize::new(0)).collect();
        Self { handed, claimed: Mutex::new(vec![None; CONTACTS]), ..Self::default() }
    }

    fn now(&self) -> u64 {
        self.counter.fetch_add(1, SeqCst)
    }

    /// Whose turn it is to answer: somebody whose step is claimed just now or soon.
    fn turn(&self) -> Option<usize> {
        let front = self.front.load(SeqCst);
        let next =
            |at: usize| (at < front + AHEAD || at >= CONTACTS).then_some(at.max(front.saturating_sub(AHEAD)) + 1);
        self.next.fetch_update(SeqCst, SeqCst, next).ok().map(|at| at.max(front.saturating_sub(AHEAD)))
    }
}

/// A node's way to the carrier, which takes everything.
struct Line {
    like: Arc<Simulator>,
    sight: Arc<Mutex<Arc<Sight>>>,
    /// When the node's round began; whether its claim is known to have ended.
    round: Mutex<(u64, Option<u64>)>,
}

impl Carrier for Line {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, _now: Timestamp) -> BoxFuture<'a, Outcome> {
        let sight = Arc::clone(&self.sight.lock().unwrap());
        let n: usize = submission.to[5..].parse::<usize>().unwrap() - 6_000_000;
        let mut round = self.round.lock().unwrap();
        let ended = *round.1.get_or_insert_with(|| sight.now());
        let span = (round.0, ended);
        drop(round);
        sight.handed[n].fetch_add(1, SeqCst);
        sight.claimed.lock().unwrap()[n] = Some(span);
        sight.front.fetch_max(n + 1, SeqCst);
        let id = submission.attempt.to_string();
        Box::pin(async move { Outcome::Accepted { carrier_id: id, segments: None } })
    }

    fn find<'a>(&'a self, _sought: &'a Sought, _now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async { Finding::NotFound })
    }

    fn capabilities(&self) -> Capabilities {
        self.like.capabilities()
    }
}

struct Node {
    engine: Engine,
    line: Arc<Line>,
}

async fn node(world: &World, sight: &Arc<Mutex<Arc<Sight>>>) -> Node {
    let line = Arc::new(Line { like: Arc::clone(&world.simulator), sight: Arc::clone(sight), round: Mutex::default() });
    let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&line) as Arc<dyn Carrier>)]);
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    let opened = tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap());
    Node { engine: opened.await.unwrap(), line }
}

fn phone(n: usize) -> String {
    format!("+1212{:07}", 6_000_000 + n)
}

/// Rounds until the wave is over. A round that hands nothing over claimed nothing that a reply could meet.
async fn dispatch(node: Arc<Node>, sight: Arc<Sight>) {
    while !sight.over.load(SeqCst) {
        *node.line.round.lock().unwrap() = (sight.now(), None);
        node.engine.round().await.unwrap();
        let (began, ended) = *node.line.round.lock().unwrap();
        if let Some(ended) = ended {
            sight.claims.lock().unwrap().push((began, ended));
        }
        tokio::task::yield_now().await;
    }
}

/// A contact that answered: from when to when it was taken, and how many steps came back.
struct Answered {
    n: usize,
    span: Span,
    refunded: i64,
}

/// One contact after the other answers, each when its step is about to be claimed.
async fn answer(world: Arc<World>, node: Arc<Node>, sight: Arc<Sight>, wave: u64) -> Vec<Answered> {
    let mut answered = Vec::new();
    loop {
        let n = match sight.turn() {
            Some(n) if n < CONTACTS => n,
            Some(_) => return answered,
            None => {
                tokio::task::yield_now().await;
                continue;
            }
        };
        let (event_id, from, to) = (format!("{wave}-{n}"), phone(n), world.number.clone());
        let (body, at) = ("who is this?".to_owned(), world.engine.now());
        let event = CarrierEvent::Inbound(Inbound { event_id, from, to, body, media: 0, signal: None, at });
        let began = sight.now();
        let received = node.engine.receive("simulator", event).await.unwrap();
        let Received::Stored { ended, .. } = received else { panic!("a reply was not stored: {received:?}") };
        let [ended] = ended.as_slice() else { panic!("the reply of {n} ended {}", ended.len()) };
        answered.push(Answered { n, span: (began, sight.now()), refunded: ended.refunded.micros.0 / RATE });
    }
}

/// What all waves came to.
#[derive(Debug, Default)]
struct Count {
    replies: u64,
    reply_first: u64,
    claim_first: u64,
}

fn meet(one: Span, other: Span) -> bool {
    one.0 < other.1 && other.0 < one.1
}

impl Count {
    /// Holds what came back against what was handed over, and counts what was under way at once.
    fn add(&mut self, sight: &Sight, answered: &[Answered]) {
        let (claimed, mut claims) = (sight.claimed.lock().unwrap(), sight.claims.lock().unwrap());
        claims.sort_unstable();
        for Answered { n, span, refunded } in answered {
            let handed = i64::try_from(sight.handed[*n].load(SeqCst)).unwrap();
            assert_eq!(handed + refunded, STEPS, "contact {n}: {handed} handed over, {refunded} refunded by its reply");
            self.replies += 1;
            match claimed[*n] {
                Some(claim) => self.claim_first += u64::from(meet(claim, *span)),
                None => self.reply_first += u64::from(claims.iter().any(|claim| meet(*claim, *span))),
            }
        }
    }
}

async fn wave(world: &Arc<World>, nodes: &[Arc<Node>], workflow: WorkflowId, nth: u64) -> (Arc<Sight>, Vec<Answered>) {
    let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
    let done = world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
    assert_eq!(usize::try_from(done.started).unwrap(), CONTACTS);
    let sight = Arc::new(Sight::new());
    *nodes[0].line.sight.lock().unwrap() = Arc::clone(&sight);
    let busy: Vec<_> = nodes.iter().map(|node| tokio::spawn(dispatch(Arc::clone(node), Arc::clone(&sight)))).collect();
    let repliers = (0..REPLIERS).map(|replier| {
        let node = Arc::clone(&nodes[replier % nodes.len()]);
        tokio::spawn(answer(Arc::clone(world), node, Arc::clone(&sight), nth))
    });
    let mut answered = Vec::new();
    for replier in repliers.collect::<Vec<_>>() {
        answered.extend(replier.await.unwrap());
    }
    sight.over.store(true, SeqCst);
    for node in busy {
        node.await.unwrap();
    }
    // What is still due goes now; who has not answered is let go.
    while nodes[0].engine.round().await.unwrap().touched > 0 {}
    world.engine.pause_workflow(&world.actor, workflow).await.unwrap();
    (sight, answered)
}

#[test]
fn heavy_of_replies_and_claims_that_collide_the_first_counts_and_nothing_is_claimed_after_a_reply() {
    let waves = std::env::var("DRIPLINE_RACE_WAVES").map_or(WAVES, |text| text.parse().unwrap());
    let plan = || Plan { credits: 0, wallet: Micros(1_000_000_000_000_000), rate: Micros(RATE), ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&[(0, "One"), (1, "Two"), (1, "Three")]).await;
        for n in 0..CONTACTS {
            world.contact(i64::try_from(n).unwrap(), &phone(n), &[]).await;
        }
        let sight = Arc::new(Mutex::new(Arc::new(Sight::new())));
        let nodes = [Arc::new(node(&world, &sight).await), Arc::new(node(&world, &sight).await)];
        let (world, start, mut count) = (Arc::new(world), world_start(&nodes), Count::default());
        for nth in 0..waves {
            let (sight, answered) = wave(&world, &nodes, workflow, nth).await;
            count.add(&sight, &answered);
            if nth % AUDIT_EVERY == 0 || nth + 1 == waves {
                let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
                assert!(report.is_clean(), "{report:?}");
            }
            // The same morning hour, two days on.
            let hours = 48 * (i64::try_from(nth).unwrap() + 1);
            world.engine.clock().move_to(start + SignedDuration::from_hours(hours));
        }
        let Count { replies, reply_first, claim_first } = count;
        println!(
            "collisions: {waves} waves, {replies} replies, {reply_first} first against a claim, {claim_first} second"
        );
        // Which of the two comes first is the machine's matter: on SQLite, where replies go before claims, it may always be the reply.
        assert!(reply_first + claim_first > 0, "no race: {replies} replies met no claim");
        assert_eq!(world.balance("prepaid").await, (0, 0));
        Arc::into_inner(world).unwrap().end().await;
    });
}

fn world_start(nodes: &[Arc<Node>]) -> Timestamp {
    nodes[0].engine.now()
}
