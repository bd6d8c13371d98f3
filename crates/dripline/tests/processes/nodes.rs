//! Three processes on one PostgreSQL and one journal share the work; one of them is killed in the middle of it, several times.
//!
//! Each office starts its people at one of the nodes, as a balancer would spread them. Whoever has slots free claims, so that
//! the survivors go on with an office at once, and with a job that died with its node some seconds later. How long it took is
//! printed; on an idle machine it is less than five seconds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use engine::Clock;
use serde_json::json;
use store::{DbError, Sql, Store};

use crate::server::{Server, address_of};
use crate::world::{Office, Plan};
use crate::{books, handsets, world};

const NODES: usize = 3;
/// How often one is killed; another one is started in its place.
const ROUNDS: usize = 3;
/// The offices of one round.
const OFFICES: usize = 4;
const PEOPLE: usize = 400;
/// Each node must have claimed at least so many texts of a round, the killed one too.
const FAIR_PART: usize = OFFICES * PEOPLE / 40;
/// So many texts of a round have arrived when one node is killed: more than two of them have slots for at once, so the third had its turn.
const MIDDLE: usize = OFFICES * PEOPLE * 2 / 5;
/// For how long an office, or a job, may wait for a survivor here, on a machine that is busy with other tests.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// So long after a kill a commit that had been sent may still end.
const LAST_COMMIT: Duration = Duration::from_millis(300);
/// Contacts of one job that is killed in the middle: of several chunks, each a transaction.
const CROWD: usize = 4_000;
/// Jobs that are killed; one at least must have been at it still.
const CROWDS: usize = 3;
/// Longer than two searches for a text whose node died.
const DOUBT_SECONDS: i64 = 3_600;
/// How long the carrier takes, so that whoever was first does not have its slots again before the others have claimed too.
const LATENCY_MS: u64 = 250;
/// Looks at a job or at the claims before the test gives up.
const LOOKS: usize = 12_000;

static CLAIMS: Sql = Sql::Same(
    "SELECT message_id, claimed_at FROM messages WHERE workspace_id = $1 AND claimed_at IS NOT NULL
    UNION ALL SELECT message_id, claimed_at FROM enrollments WHERE workspace_id = $1 AND claimed_at IS NOT NULL",
);

/// Starts a node.
fn start(address: &str, data: &Path, key: &str) -> Server {
    let server = Server::start(address, data);
    server.client(key).slow_the_carrier_down(LATENCY_MS);
    server
}

/// Each office asks one of the nodes to start its people; the same key again is the same job. Answers the jobs.
fn start_everybody(servers: &[Server], offices: &[Office]) -> Vec<String> {
    let start = |(nth, office): (usize, &Office)| {
        let client = servers[nth % servers.len()].client(&office.key);
        let contacts: Vec<_> = office.people.iter().map(|(contact, _)| contact).collect();
        let body = json!({ "contacts": contacts, "workflow": office.workflow });
        let job = client.post_once("/enrollments/many", "everybody", &body).unwrap();
        job["id"].as_str().unwrap().to_owned()
    };
    offices.iter().enumerate().map(start).collect()
}

/// Waits until everybody has been started.
fn wait_for_jobs(server: &Server, offices: &[Office], jobs: &[String]) {
    for (office, job) in offices.iter().zip(jobs) {
        let (client, path) = (server.client(&office.key), format!("/jobs/{job}"));
        let done = (0..LOOKS).map(|_| client.get(&path).unwrap()).find(|job| job["state"] == "done");
        assert_eq!(done.expect("the job goes on")["started"], json!(PEOPLE));
    }
}

/// The claims of an office: by which node, and when, in microseconds.
fn claims(store: &Store, office: &Office) -> Vec<(i64, i64)> {
    let workspace = office.workspace.0;
    let read = move |db: &store::Read<'_>| db.query(&CLAIMS, &[workspace.into()]);
    let rows = store.read_blocking::<_, DbError, _>(read).unwrap();
    rows.iter().map(|row| (node_of(row.int(0).unwrap()), row.int(1).unwrap())).collect()
}

/// Waits until everybody of these offices has been claimed for; answers the claims of each.
fn wait_for_claims(store: &Store, offices: &[Office]) -> Vec<Vec<(i64, i64)>> {
    let (_silent, nothing) = mpsc::channel::<()>();
    for _ in 0..LOOKS {
        let found: Vec<_> = offices.iter().map(|office| claims(store, office)).collect();
        if found.iter().all(|claims| claims.len() >= PEOPLE) {
            return found;
        }
        // Between two looks at what others write.
        let _ = nothing.recv_timeout(Duration::from_millis(5));
    }
    panic!("somebody was forgotten");
}

/// The node whose number is in an identifier.
fn node_of(id: i64) -> i64 {
    (id >> 14) & 255
}

#[test]
fn heavy_three_processes_share_the_work_and_take_over_from_a_killed_one_without_a_double_send() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    let address = address_of(&database);
    let plan = Plan { offices: ROUNDS * OFFICES, people: PEOPLE, gaps: &[0], zone: &world::zone_at_noon() };
    let offices = world::make(&database.address, plan);
    let start = || start(&address, folder.path(), &offices[0].key);
    let mut servers: Vec<Server> = (0..NODES).map(|_| start()).collect();
    for part in offices.chunks(OFFICES) {
        let before = handsets::arrived(folder.path()).len();
        let jobs = start_everybody(&servers, part);
        handsets::wait_for(folder.path(), before + MIDDLE);
        servers.remove(0).kill();
        let killed_at = Clock::System.now().as_microsecond();
        // Nobody pushes a clock: what follows takes the time that it takes.
        wait_for_jobs(&servers[0], part, &jobs);
        check_takeover(&wait_for_claims(&database.store, part), killed_at);
        servers.push(start());
    }
    for _ in 0..3 {
        for server in &servers {
            server.client(&offices[0].key).push(DOUBT_SECONDS).unwrap();
        }
    }
    for office in &offices {
        let ledger = servers[0].client(&office.key).get("/ledger").unwrap();
        assert_eq!(ledger["clean"], true, "{ledger}");
    }
    servers.into_iter().for_each(Server::kill);
    check(&database.store, folder.path(), &offices);
}

#[test]
fn heavy_a_job_whose_process_is_killed_in_the_middle_of_it_is_ended_by_another_and_starts_nobody_twice() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    let address = address_of(&database);
    let plan = Plan { offices: CROWDS, people: CROWD, gaps: &[0], zone: &world::zone_at_noon() };
    let offices = world::make(&database.address, plan);
    let start = || start(&address, folder.path(), &offices[0].key);
    let (mut busy, survivor) = (start(), start());
    let mut waits = Vec::new();
    for office in &offices {
        let begun = start_everybody(std::slice::from_ref(&busy), std::slice::from_ref(office));
        let client = survivor.client(&office.key);
        let started = || client.get(&format!("/jobs/{}", begun[0])).unwrap()["started"].as_u64().unwrap();
        (0..LOOKS).find(|_| started() > 0).expect("the job begins");
        busy.kill();
        let killed_at = Clock::System.now().as_microsecond();
        let (_silent, nothing) = mpsc::channel::<()>();
        let _ = nothing.recv_timeout(LAST_COMMIT);
        let there = started();
        if usize::try_from(there).unwrap() < CROWD {
            (0..LOOKS).find(|_| started() > there).expect("the job goes on");
            waits.push(u128::try_from(Clock::System.now().as_microsecond() - killed_at).unwrap() / 1_000);
        }
        let done = (0..LOOKS).find(|_| usize::try_from(started()).unwrap() == CROWD);
        assert!(done.is_some(), "somebody was forgotten");
        busy = start();
    }
    println!("milliseconds from the kill to the next part of the job: {waits:?}");
    assert!(!waits.is_empty(), "every job was done before its process was killed");
    assert!(waits.iter().all(|wait| *wait < LONGEST_WAIT.as_millis()), "a job waited for {waits:?} ms");
    for office in &offices {
        let started = books::happened(&database.store, office.workspace, "enrollment.started");
        assert_eq!(started.len(), CROWD);
        assert!(started.values().all(|times| *times == 1), "somebody was started twice");
    }
    busy.kill();
    survivor.kill();
}

/// Every node had its part, and every office that still had work was claimed for by a survivor soon.
fn check_takeover(claims: &[Vec<(i64, i64)>], killed_at: i64) {
    let mut nodes = BTreeMap::<i64, usize>::new();
    claims.iter().flatten().for_each(|(node, _)| *nodes.entry(*node).or_default() += 1);
    let first = |claims: &Vec<(i64, i64)>| claims.iter().map(|(_, at)| at - killed_at).filter(|after| *after > 0).min();
    let mut waits: Vec<_> = claims.iter().filter_map(first).map(|micros| micros / 1_000).collect();
    waits.sort_unstable();
    println!("milliseconds from the kill to a survivor's claim, by office: {waits:?}; claims by node: {nodes:?}");
    let longest = waits.last().expect("there was work left");
    assert!(u128::try_from(*longest).unwrap() < LONGEST_WAIT.as_millis(), "an office waited for {longest} ms");
    assert_eq!(nodes.len(), NODES, "a node did nothing: {nodes:?}");
    assert!(nodes.values().all(|count| *count >= FAIR_PART), "no fair parts: {nodes:?}");
}

/// Nothing twice, nothing lost, the books in order.
fn check(store: &Store, data: &Path, offices: &[Office]) {
    let texts = handsets::arrived(data);
    handsets::check_once(&texts);
    let mut failed = 0;
    for office in offices {
        books::check(store, office.workspace, PEOPLE);
        // Refused by the carrier, or lost with the node between the claim and the carrier: given back.
        failed += books::messages(store, office.workspace).iter().filter(|message| message.state == "failed").count();
    }
    println!("{} texts arrived, {failed} failed", texts.len());
    assert_eq!(texts.len() + failed, offices.len() * PEOPLE, "a text is missing");
}
