//! `kill -9` at any instant while enrolling, dispatching and receiving go on at once; then a restart. `traffic` says what must hold.
//!
//! `DRIPLINE_KILL_ROUNDS` says how often; `bench/kills` does it 500 times on each database.

use std::collections::BTreeSet;
use std::path::Path;

use store::{Address, Store};

use crate::handsets;
use crate::server::{Client, Server, address_of};
use crate::town::Town;
use crate::traffic::{self, Ack, Kept};
use crate::world::Office;

/// Kills, unless the environment says how many.
const ROUNDS: usize = 50;
/// So often is it lived again if by chance no kill came between a claim and its carrier.
const WORLDS: usize = 4;

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

/// Says how many texts were lost between a claim and its carrier.
fn be_killed(address: &str, data: &Path) -> usize {
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
    traffic::check_end(&Store::open(&address.parse().unwrap()).unwrap(), data, &office, &kept, rounds)
}

/// Of so many kills some must come between a claim and its carrier, or nothing is shown.
fn until_struck(mut live: impl FnMut(&Path) -> usize) {
    let is_struck = (0..WORLDS).any(|_| {
        let folder = tempfile::tempdir().unwrap();
        live(folder.path()) > 0 || rounds() < ROUNDS
    });
    assert!(is_struck, "no kill came while a text was on its way");
}

fn on_sqlite(be_killed: fn(&str, &Path) -> usize) {
    until_struck(|folder| be_killed(&format!("sqlite:{}", folder.join("killed.db").display()), folder));
}

fn on_postgres(be_killed: fn(&str, &Path) -> usize) {
    until_struck(|folder| be_killed(&address_of(&store::testing::postgres()), folder));
}

/// The same, with a carrier that lives on: it is called by HTTP, and calls with what happened.
fn be_killed_beside_a_carrier(address: &str, data: &Path) -> usize {
    let rounds = rounds();
    let place: Address = address.parse().unwrap();
    let mut office = traffic::office(&place, rounds);
    let town = Town::found(&place, &mut office);
    let mut kept = Kept::default();
    let mut server = town.serve(address, data, 0);
    // Whose replies were taken only after the restart: nothing may come to them from the next blow on.
    let mut late = BTreeSet::new();
    for round in 0..rounds {
        let client = server.client(&office.key);
        let began = client.clock().unwrap();
        let reply = |client: &Client, person| town.reply(client, &office, person);
        let mut acks = traffic::struck_by(&client, &office, round, &reply, || server.kill());
        kept.reached = traffic::reached(&acks, began);
        acks.extend(std::mem::take(&mut late).into_iter().map(Ack::Reply));
        town.settle();
        let arrived = town.arrived().len();
        server = town.serve(address, data, kept.reached);
        let client = server.client(&office.key);
        late = town.tell(&client).unwrap();
        traffic::check_round(&client, &office, round, acks, &mut kept, arrived);
    }
    let client = server.client(&office.key);
    traffic::play_to_the_end(&client);
    late.extend(town.tell(&client).unwrap());
    server.kill();
    town.settle();
    let (store, texts) = (Store::open(&place).unwrap(), town.arrived());
    kept.replies.extend(late.into_iter().map(|person| (person, texts.len())));
    traffic::check_texts(&store, &texts, &office, &kept, rounds)
}

#[test]
fn heavy_fifty_kills_beside_a_carrier_that_lives_on_lose_nothing_that_was_said_on_sqlite() {
    on_sqlite(be_killed_beside_a_carrier);
}

#[test]
fn heavy_fifty_kills_beside_a_carrier_that_lives_on_lose_nothing_that_was_said_on_postgres() {
    on_postgres(be_killed_beside_a_carrier);
}

#[test]
fn heavy_fifty_kills_charge_nobody_twice_and_text_nobody_twice_or_after_a_reply_on_sqlite() {
    on_sqlite(be_killed);
}

#[test]
fn heavy_fifty_kills_charge_nobody_twice_and_text_nobody_twice_or_after_a_reply_on_postgres() {
    on_postgres(be_killed);
}
