//! `kill -9` at any instant while enrolling, dispatching and receiving go on at once; then a restart. `traffic` says what must hold.
//!
//! `DRIPLINE_KILL_ROUNDS` says how often; `bench/kills` does it 500 times on each database.

use std::path::Path;

use store::Store;

use crate::handsets;
use crate::server::{Client, Server, address_of};
use crate::traffic::{self, Kept};
use crate::world::Office;

/// Kills, unless the environment says how many.
const ROUNDS: usize = 50;

pub(crate) fn rounds() -> usize {
    std::env::var("DRIPLINE_KILL_ROUNDS").map_or(ROUNDS, |text| {
        text.parse().unwrap_or_else(|_| panic!("DRIPLINE_KILL_ROUNDS is {text:?} and not a number"))
    })
}

/// Starts anew; the clock goes on where it may have been.
fn restart(address: &str, data: &Path, office: &Office, reached: i64) -> (Server, Client) {
    let server = Server::start(address, data);
    let client = server.client(&office.key);
    let behind = reached - client.clock().unwrap();
    if behind > 0 {
        client.push(behind).unwrap();
    }
    (server, client)
}

fn be_killed(address: &str, data: &Path) {
    let rounds = rounds();
    let office = traffic::office(&address.parse().unwrap(), rounds);
    let mut kept = Kept::default();
    let (mut server, mut client) = restart(address, data, &office, 0);
    for round in 0..rounds {
        let began = client.clock().unwrap();
        let acks = traffic::struck(&client, &office, round, || server.kill());
        kept.reached = traffic::reached(&acks, began);
        let arrived = handsets::arrived(data).len();
        (server, client) = restart(address, data, &office, kept.reached);
        traffic::check_round(&client, &office, round, acks, &mut kept, arrived);
    }
    traffic::play_to_the_end(&client);
    server.kill();
    traffic::check_end(&Store::open(&address.parse().unwrap()).unwrap(), data, &office, &kept, rounds);
}

#[test]
fn heavy_fifty_kills_charge_nobody_twice_and_text_nobody_twice_or_after_a_reply_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    be_killed(&format!("sqlite:{}", folder.path().join("killed.db").display()), folder.path());
}

#[test]
fn heavy_fifty_kills_charge_nobody_twice_and_text_nobody_twice_or_after_a_reply_on_postgres() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    be_killed(&address_of(&database), folder.path());
}
