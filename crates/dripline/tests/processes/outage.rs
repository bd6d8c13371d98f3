//! PostgreSQL goes away and comes back while a server enrolls, dispatches and receives; `traffic` says what must hold.
//!
//! | blow | what the server meets |
//! |---|---|
//! | its connections are ended | each transaction under way is gone, or its commit is unknown; a new connection is there at once |
//! | PostgreSQL crashes and starts again | the same, and nothing to connect to for a while |
//! | PostgreSQL crashes for good and its replica takes over | the same, and the next host of the address is the database |

use std::path::Path;

use store::{DbError, Read, Sql, Store};

use crate::cluster::Cluster;
use crate::handsets;
use crate::server::Server;
use crate::traffic::{self, Kept, wait};
use crate::world::Office;

/// Rounds with crashes and ended connections.
const CRASHES: usize = 18;
/// Rounds with failovers.
const FAILOVERS: usize = 5;
/// How often the connections are ended in a round.
const ENDINGS: u64 = 6;
/// A job has stood still for so long when it is taken over, and a little more.
const JOB_SECONDS: i64 = 95;

static END_OTHERS: Sql = Sql::Same(
    "SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity
    WHERE application_name = 'dripline' AND pid <> pg_backend_pid()",
);

fn end_connections(beside: &Store) -> usize {
    let end = |read: &Read<'_>| Ok::<_, DbError>(read.query(&END_OTHERS, &[])?.len());
    beside.read_blocking(end).unwrap()
}

fn live_through(address: &str, data: &Path, rounds: usize, blow: impl FnMut(usize)) {
    let office = traffic::office(&address.parse().unwrap(), rounds);
    let server = Server::start(address, data);
    let kept = struck_alive(&server, &office, data, rounds, blow);
    assert!(server.stop(), "the server said that something was wrong");
    traffic::check_end(&Store::open(&address.parse().unwrap()).unwrap(), data, &office, &kept, rounds);
}

/// So many rounds, each with a blow to the database; the server lives through all of them, and the rest of the time.
pub(crate) fn struck_alive(
    server: &Server,
    office: &Office,
    data: &Path,
    rounds: usize,
    mut blow: impl FnMut(usize),
) -> Kept {
    let mut kept = Kept::default();
    let client = server.client(&office.key).bearing_outages();
    for round in 0..rounds {
        let acks = traffic::struck(&client, office, round, || blow(round));
        // The database is there again. A job that broke off is taken over once it has stood still; the clock moves when nothing is under way.
        client.push(JOB_SECONDS).unwrap();
        let arrived = handsets::arrived(data).len();
        traffic::check_round(&client, office, round, acks, &mut kept, arrived);
    }
    traffic::play_to_the_end(&client);
    kept
}

#[test]
fn heavy_postgres_crashes_and_ends_connections_and_nothing_is_lost_or_done_twice() {
    let (cluster, folder) = (Cluster::make(), tempfile::tempdir().unwrap());
    let address = cluster.address();
    drop(Store::open(&address.parse().unwrap()).unwrap());
    let beside = Store::open_to_read(&address.parse().unwrap()).unwrap();
    let mut ended = 0;
    live_through(&address, folder.path(), CRASHES, |round| {
        if round % 3 != 0 {
            for nth in 0..ENDINGS {
                ended += end_connections(&beside);
                wait(nth * 11 % 40);
            }
        }
        if round % 3 != 1 {
            cluster.crash();
            wait(u64::try_from(round).unwrap() * 37 % 300);
            cluster.start();
        }
    });
    println!("{ended} connections were ended");
    assert!(ended > CRASHES, "only {ended} connections were ended");
}

#[test]
fn heavy_a_replica_takes_over_from_a_dead_primary_and_nothing_is_lost_or_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut primary = Cluster::make();
    let mut replica = Cluster::replica_of(&primary);
    let address = primary.address_with(&replica);
    live_through(&address, folder.path(), FAILOVERS, |_| {
        primary.crash();
        replica.promote();
        // The dead one comes back as the other's replica, for the next round.
        primary.follow(&replica);
        std::mem::swap(&mut primary, &mut replica);
    });
}
