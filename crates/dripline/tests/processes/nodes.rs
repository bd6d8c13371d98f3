//! Three processes on one PostgreSQL and one journal share the work; one is killed in the middle of it.
//!
//! A workspace is dispatched by one node at a time, under a lease. So each office starts its people at
//! one of the nodes, as a balancer would spread them, and the survivors take over what the dead one held
//! when its lease has run out.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::server::{Server, address_of};
use crate::world::{Office, Plan};
use crate::{books, handsets, world};

const NODES: usize = 3;
const OFFICES: usize = 12;
const PEOPLE: usize = 180;
/// Each node must have sent at least so many texts, the killed one too.
const FAIR_PART: usize = OFFICES * PEOPLE / 20;
/// The middle: so many texts have arrived when one node is killed.
const MIDDLE: usize = OFFICES * PEOPLE * 2 / 5;
/// A node's lease on a workspace, and a little more.
const LEASE_SECONDS: i64 = 35;
/// A job has stood still for so long when it is taken over, and a little more.
const JOB_SECONDS: i64 = 95;
/// Longer than two searches for a text whose node died.
const DOUBT_SECONDS: i64 = 3_600;
/// Looks at a job before the test gives up.
const LOOKS: usize = 12_000;

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

/// The node whose number is in an identifier.
fn node_of(id: i64) -> i64 {
    (id >> 14) & 255
}

#[test]
fn heavy_three_processes_share_the_work_and_take_over_from_a_killed_one_without_a_double_send() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    let address = address_of(&database);
    let plan = Plan { offices: OFFICES, people: PEOPLE, gaps: &[0], zone: &world::zone_at_noon() };
    let offices = world::make(&database.address, plan);
    let mut servers: Vec<Server> = (0..NODES).map(|_| Server::start(&address, folder.path())).collect();
    let jobs = start_everybody(&servers, &offices);
    handsets::wait_for(folder.path(), MIDDLE);
    servers.remove(0).kill();
    // A job that died with its node is taken over by those that live.
    for server in &servers {
        server.client(&offices[0].key).push(JOB_SECONDS).unwrap();
    }
    wait_for_jobs(&servers[0], &offices, &jobs);
    for seconds in [LEASE_SECONDS, LEASE_SECONDS, DOUBT_SECONDS, DOUBT_SECONDS] {
        for server in &servers {
            server.client(&offices[0].key).push(seconds).unwrap();
        }
    }
    for office in &offices {
        let ledger = servers[0].client(&office.key).get("/ledger").unwrap();
        assert_eq!(ledger["clean"], true, "{ledger}");
    }
    servers.into_iter().for_each(Server::kill);
    check(&database.store, folder.path(), &offices);
}

fn check(store: &store::Store, data: &Path, offices: &[Office]) {
    let texts = handsets::arrived(data);
    handsets::check_once(&texts);
    let (mut failed, mut nodes) = (0, BTreeMap::<i64, usize>::new());
    for office in offices {
        books::check(store, office.workspace, PEOPLE);
        for message in books::messages(store, office.workspace) {
            // Refused by the carrier, or lost with the node between the claim and the carrier: given back.
            failed += usize::from(message.state == "failed");
            *nodes.entry(node_of(message.id)).or_default() += 1;
        }
    }
    println!("{} texts arrived, {failed} failed; by node: {nodes:?}", texts.len());
    assert_eq!(texts.len() + failed, OFFICES * PEOPLE, "a text is missing");
    assert_eq!(nodes.len(), NODES, "a node did nothing");
    assert!(nodes.values().all(|count| *count >= FAIR_PART), "no fair parts: {nodes:?}");
}
