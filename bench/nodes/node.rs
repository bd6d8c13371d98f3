//! A node: a process that does nothing but dispatch, and its carrier, which takes its time for each text.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission};
use engine::{Carriers, Clock, Engine};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::{Address, Store};
use tokio::sync::watch;

/// Names the database to a node.
const DATABASE: &str = "DRIPLINE_NODES_DATABASE";
/// How long its carrier takes, in milliseconds.
const WAIT: &str = "DRIPLINE_NODES_NODE_WAIT";
/// How many accounts there are.
const ACCOUNTS: &str = "DRIPLINE_NODES_NODE_ACCOUNTS";
/// How often it says how many texts were answered.
const PACE: Duration = Duration::from_millis(100);

/// The account of a workspace, which is built in and reaches no network.
pub(crate) fn account(nth: usize) -> String {
    format!("slow-{nth}")
}

/// A process, as the one that measures holds it. It is killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    answered: Arc<AtomicU64>,
}

impl Node {
    pub(crate) fn start(accounts: usize, wait: usize, database: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .envs([(DATABASE, database), (WAIT, &wait.to_string()), (ACCOUNTS, &accounts.to_string())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (output, answered) = (BufReader::new(child.stdout.take().unwrap()), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&answered);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Ok(count) = line.parse() {
                    counted.store(count, Ordering::Relaxed);
                }
            }
        });
        Self { child, answered }
    }

    /// How many texts its carrier has answered.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes every text, after a while.
struct Slow {
    name: String,
    wait: Duration,
    answered: Arc<AtomicU64>,
    inner: Arc<Simulator>,
}

impl Carrier for Slow {
    fn name(&self) -> &str {
        &self.name
    }

    fn submit<'a>(&'a self, submission: &'a Submission, _: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            tokio::time::sleep(self.wait).await;
            self.answered.fetch_add(1, Ordering::Relaxed);
            Outcome::Accepted { carrier_id: submission.attempt.to_string(), segments: None }
        })
    }

    fn find<'a>(&'a self, _: &'a Sought, _: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async { Finding::Unsupported })
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// As many accounts; `answered` counts what all of them have taken.
pub(crate) fn carriers(accounts: usize, wait: Duration, answered: &Arc<AtomicU64>) -> Carriers {
    let inner = Arc::new(Simulator::new(carrier::simulator::Behaviour::default(), 1).unwrap());
    let slow = |nth: usize| {
        let (answered, inner) = (Arc::clone(answered), Arc::clone(&inner));
        (account(nth), Arc::new(Slow { name: account(nth), wait, answered, inner }) as Arc<dyn Carrier>)
    };
    (0..accounts).map(slow).collect()
}

/// Whether this process is a node.
pub(crate) fn is_one() -> bool {
    std::env::var_os(DATABASE).is_some()
}

/// Dispatches until it is killed.
pub(crate) fn run() {
    let told = |name: &str| std::env::var(name).unwrap();
    let (wait, accounts) = (told(WAIT).parse().unwrap(), told(ACCOUNTS).parse().unwrap());
    let address: Address = told(DATABASE).parse().unwrap();
    let answered = Arc::new(AtomicU64::new(0));
    let carriers = carriers(accounts, Duration::from_millis(wait), &answered);
    let engine = Engine::open(Store::open(&address).unwrap(), Clock::System, carriers).unwrap();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async move {
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn({
            let (engine, stopped) = (engine.clone(), stopped.clone());
            async move { engine.hold_node(stopped).await }
        });
        tokio::spawn(async move { engine.dispatch(stopped, SignedDuration::ZERO).await });
        loop {
            tokio::time::sleep(PACE).await;
            println!("{}", answered.load(Ordering::Relaxed));
        }
    });
}
