//! A stop in good order in the middle of sending: what was with the carrier is settled before the process ends,
//! nothing is in doubt, and the next start sends the rest.

use std::path::Path;
use std::process::Command;

use dripline::config::{Flags, Settings};
use dripline::serve::{Started, serve};
use serde_json::json;
use store::{Address, Store};

use crate::server::{Server, address_of};
use crate::world::Plan;
use crate::{books, handsets, world};

const PEOPLE: usize = 700;
/// So many texts have arrived when the process is told to stop.
const SOME: usize = 20;
/// How long the carrier takes for each answer: a hundred texts and more are with it when the stop comes. Longer than a
/// stop would take that waited for none of them.
const LATENCY_MS: u64 = 2_000;

/// The signal goes to this very process, out of the word that it listens: nothing is between the two but the server's own steps.
#[test]
fn a_stop_right_after_the_start_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let environment = |name: &str| match name {
        "DRIPLINE_LISTEN" => Some("127.0.0.1:0".into()),
        "DRIPLINE_DATA" => Some(folder.path().into()),
        _ => None,
    };
    let settings = Settings::load(&Flags::default(), &environment).unwrap();
    let stop = |_: Started<'_>| {
        let pid = std::process::id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve(settings, stop)).unwrap();
}

/// The address as this process opens it, and as a server's command line takes it.
fn stop_and_go_on(database: &Address, address: &str, data: &Path) {
    let plan = Plan { offices: 1, people: PEOPLE, gaps: &[0], zone: &world::zone_at_noon() };
    let offices = world::make(database, plan);
    let office = &offices[0];
    let server = Server::start(address, data);
    let client = server.client(&office.key);
    client.slow_the_carrier_down(LATENCY_MS);
    client.post("/enrollments/many", &json!({ "workflow": office.workflow })).unwrap();
    handsets::wait_for(data, SOME);
    assert!(server.stop(), "it said that something was wrong");

    let before = handsets::arrived(data).len();
    let messages = books::messages(&Store::open(database).unwrap(), office.workspace);
    assert!((SOME..PEOPLE).contains(&before), "{before} of {PEOPLE} texts arrived before the stop");
    let open = messages.iter().filter(|message| message.state == "sending" || message.state == "in_doubt").count();
    assert_eq!(open, 0, "these were left with the carrier");

    let server = Server::start(address, data);
    let failed = messages.iter().filter(|message| message.state == "failed").count();
    handsets::wait_for(data, PEOPLE - failed - PEOPLE / 20);
    // Those that the carrier asked to repeat.
    let client = server.client(&office.key);
    client.push(3_600).unwrap();
    assert_eq!(client.get("/ledger").unwrap()["clean"], true);
    assert!(server.stop());
    handsets::check_once(&handsets::arrived(data));
    books::check(&Store::open(database).unwrap(), office.workspace, PEOPLE);
}

#[test]
fn heavy_a_stop_settles_what_is_with_the_carrier_and_the_next_start_sends_the_rest_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = Address::file(folder.path().join("stopped.db"));
    stop_and_go_on(&database, &database.to_string(), folder.path());
}

#[test]
fn heavy_a_stop_settles_what_is_with_the_carrier_and_the_next_start_sends_the_rest_on_postgres() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    stop_and_go_on(&database.address, &address_of(&database), folder.path());
}
