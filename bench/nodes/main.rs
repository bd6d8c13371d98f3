//! How much more several nodes send than one, where a slow carrier is the limit: `bench/several` runs it, in a release build.
//!
//! | part | what it does |
//! |---|---|
//! | `node` | a process of its own that dispatches from the database, through a carrier that takes its time for each text |
//! | `town` | workspaces with accounts of their own, whose texts are all due |
//!
//! For each number of nodes a fresh database is filled, the nodes are started, and the texts that the carrier has answered are
//! counted over some seconds after all have come up to speed. Then, where there are several, one is killed: how long each
//! workspace waited for the claim of another is read from the database.

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is wrong")]
#![expect(clippy::disallowed_methods, reason = "it measures, and decides nothing by it")]

mod node;
mod town;

use std::process::Command;
use std::time::{Duration, Instant};

use engine::Clock;
use store::testing::TestDatabase;
use store::{DbError, Sql};

use crate::node::Node;

/// The texts that one node has with carriers at most: see `engine::slots`.
const SLOTS: usize = 768;
/// Time to come up to speed.
const WARM: Duration = Duration::from_secs(4);

/// When each workspace was claimed for first after a time.
static AFTER: Sql = Sql::Same(
    "
    SELECT t.workspace_id, MIN(t.claimed_at) FROM (
        SELECT workspace_id, claimed_at FROM messages
        UNION ALL SELECT workspace_id, claimed_at FROM enrollments) AS t
    WHERE t.claimed_at > $1 GROUP BY t.workspace_id",
);

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn main() {
    if node::is_one() {
        return node::run();
    }
    let seconds = setting("DRIPLINE_NODES_SECONDS", 15);
    let workspaces = setting("DRIPLINE_NODES_WORKSPACES", 24);
    for wait in [setting("DRIPLINE_NODES_WAIT", 1_000), setting("DRIPLINE_NODES_SHORT_WAIT", 250)] {
        println!("a carrier that takes {wait} ms for a text; {workspaces} workspaces; {seconds} s");
        println!("| nodes | texts/s | to one node | of what the slots allow | work of all processes |");
        println!("|---|---|---|---|---|");
        let (mut one, mut takeovers) = (None, Vec::new());
        for nodes in [1, 2, 4] {
            let allowed = nodes * SLOTS * 1_000 / wait;
            let texts = allowed * (seconds + 8) + SLOTS * nodes;
            let database = store::testing::postgres();
            town::found(&database.address, workspaces, texts);
            let run = measure(&database, nodes, workspaces, wait, seconds);
            let one = *one.get_or_insert(run.rate);
            let share = run.rate / f64::from(u32::try_from(allowed).unwrap());
            println!(
                "| {nodes} | {:.0} | {:.2} | {:.0} % | {:.0} % of the machine |",
                run.rate,
                run.rate / one,
                share * 100.0,
                run.busy * 100.0
            );
            takeovers.extend(run.takeover.map(|takeover| format!("{nodes} nodes, one killed: {takeover}")));
        }
        println!("{}\n", takeovers.join("\n"));
    }
}

struct Run {
    /// Texts in a second.
    rate: f64,
    /// How much of the machine's processors was at work.
    busy: f64,
    /// What came of a kill, in words; nothing with one node.
    takeover: Option<String>,
}

fn measure(database: &TestDatabase, nodes: usize, workspaces: usize, wait: usize, seconds: usize) -> Run {
    let mut nodes: Vec<Node> = (0..nodes).map(|_| Node::start(workspaces, wait, &town::server(database))).collect();
    std::thread::sleep(WARM);
    let count = |nodes: &[Node]| nodes.iter().map(Node::answered).sum::<u64>();
    let (before, started, work) = (count(&nodes), Instant::now(), processors());
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let (sent, took, work) = (count(&nodes) - before, started.elapsed(), processors().since(&work));
    let takeover = (nodes.len() > 1).then(|| takeover(database, &mut nodes));
    Run { rate: sent as f64 / took.as_secs_f64(), busy: work, takeover }
}

/// Kills one and says how long each workspace waited for another's claim.
fn takeover(database: &TestDatabase, nodes: &mut Vec<Node>) -> String {
    drop(nodes.pop());
    let killed = Clock::System.now().as_microsecond();
    std::thread::sleep(Duration::from_secs(3));
    nodes.clear();
    let read = move |db: &store::Read<'_>| db.query(&AFTER, &[killed.into()]);
    let rows = database.store.read_blocking::<_, DbError, _>(read).unwrap();
    let mut waits: Vec<i64> = rows.iter().map(|row| (row.int(1).unwrap() - killed) / 1_000).collect();
    waits.sort_unstable();
    let (Some(most), count) = (waits.last(), waits.len()) else { return "nothing was left to take over".to_owned() };
    format!("the others claimed for {count} workspaces after {} ms in the middle, {most} ms at most", waits[count / 2])
}

/// What the kernel says of the processors' time: at work, and in all.
struct Processors {
    busy: f64,
    all: f64,
}

impl Processors {
    fn since(&self, before: &Self) -> f64 {
        (self.busy - before.busy) / (self.all - before.all)
    }
}

fn processors() -> Processors {
    let shown = Command::new("head").args(["-n", "1", "/proc/stat"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let ticks: Vec<f64> = shown.split_whitespace().skip(1).map(|text| text.parse().unwrap()).collect();
    let all = ticks.iter().sum();
    // Idle, and waiting for a disk.
    Processors { busy: all - ticks.get(3).unwrap_or(&0.0) - ticks.get(4).unwrap_or(&0.0), all }
}
