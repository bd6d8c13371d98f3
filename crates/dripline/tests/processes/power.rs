//! Power fails under SQLite while enrolling, dispatching and receiving go on; `traffic` says what must hold.
//!
//! What a disk may show afterwards is made from the files of a process that stands still (`SIGSTOP`), and the next server goes on from it:
//!
//! | file | what it holds | why a disk may show it |
//! |---|---|---|
//! | log | all of it up to the last commit; after it nothing, noise, or a part of a frame | every commit up to an answer was synced; what came later was not |
//! | database | each page as it is now, or as it was some milliseconds ago, as long as the log was not begun anew meanwhile | a checkpoint syncs the pages when it has written all of them; until then they are in the log too |
//!
//! It rests on SQLite's syncing what it says that it syncs: a copy of files cannot show whether it does.

use std::path::{Path, PathBuf};
use std::process::Command;

use store::{Address, DbError, Read, Sql, Store};

use crate::handsets;
use crate::server::{PROGRAM, Server};
use crate::traffic::{self, Kept, wait};
use crate::world::Office;

const ROUNDS: usize = 24;
/// Between two looks at the files.
const BETWEEN_MILLIS: u64 = 4;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

static INTEGRITY: Sql = Sql::Same("PRAGMA integrity_check");

/// The two files of a database as they stood at one instant.
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
}

/// The database that a folder holds.
fn database_in(folder: &Path) -> PathBuf {
    folder.join("power.db")
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("power.db-wal")
}

impl Files {
    /// Reads them while no thread of the server moves.
    fn of(server: &Server, folder: &Path) -> Self {
        stand_still(server);
        Self {
            database: std::fs::read(database_in(folder)).unwrap(),
            log: std::fs::read(log_in(folder)).unwrap_or_default(),
        }
    }

    fn page_bytes(&self) -> usize {
        let bytes = usize::from(u16::from_be_bytes([self.database[16], self.database[17]]));
        if bytes == 1 { 65_536 } else { bytes }
    }

    /// What the log's frames of now bear: it is another one each time the log is begun anew.
    fn salt(&self) -> &[u8] {
        self.log.get(16..24).unwrap_or_default()
    }

    /// Where the last commit ends in the log.
    fn committed(&self) -> usize {
        let frame = FRAME_HEADER + self.page_bytes();
        let frames = self.log.get(LOG_HEADER..).unwrap_or_default().chunks_exact(frame);
        let now = frames.enumerate().take_while(|(_, frame)| frame[8..16] == *self.salt());
        let last = now.filter(|(_, frame)| frame[4..8] != [0; 4]).last();
        last.map_or(LOG_HEADER, |(nth, _)| LOG_HEADER + (nth + 1) * frame).min(self.log.len())
    }
}

fn signal(server: &Server, name: &str) {
    let sent = Command::new("kill").args([name, &server.pid().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Stops every thread, and waits until each has stopped: what one was writing is written.
fn stand_still(server: &Server) {
    signal(server, "-STOP");
    let is_stopped = |thread: std::fs::DirEntry| {
        let line = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        line.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    };
    let threads = format!("/proc/{}/task", server.pid());
    while !std::fs::read_dir(&threads).unwrap().map_while(Result::ok).all(is_stopped) {
        std::thread::yield_now();
    }
}

/// Even draws that depend on the round alone.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }
}

/// What the disk shows: see the table above. Answers whether pages of the database are older than others.
fn shown(before: &Files, now: &Files, round: usize, folder: &Path) -> bool {
    let mut dice = Dice(u64::try_from(round).unwrap() + 1);
    let mut log = now.log[..now.committed()].to_vec();
    let frame = FRAME_HEADER + now.page_bytes();
    match round % 4 {
        0 => log.clone_from(&now.log),
        1 => {}
        2 => log.extend((0..dice.below(3 * frame)).map(|nth| (nth * 31 % 251) as u8)),
        // A frame of this log at a place that is not its own, torn.
        _ => {
            let part = dice.below(2 * frame);
            let torn = now.log[LOG_HEADER.min(now.log.len())..].iter().take(part).copied().collect::<Vec<u8>>();
            log.extend(torn);
        }
    }
    let mut database = now.database.clone();
    let same_log = !now.salt().is_empty() && before.salt() == now.salt();
    let mut mixed = false;
    if same_log {
        let old = before.database.chunks(now.page_bytes());
        for (page, old) in database.chunks_mut(now.page_bytes()).zip(old) {
            if page != old && dice.below(2) == 0 {
                page.copy_from_slice(old);
                mixed = true;
            }
        }
    }
    std::fs::write(database_in(folder), database).unwrap();
    std::fs::write(log_in(folder), log).unwrap();
    mixed
}

/// The copy is whole, its books are right, and whatever reached a handset is in it: no text left before its claim was kept.
fn check_copy(folder: &Path, data: &Path, office: &Office) {
    let store = Store::open(&Address::file(database_in(folder))).unwrap();
    let integrity =
        store.read_blocking(|read: &Read<'_>| Ok::<_, DbError>(read.query_one(&INTEGRITY, &[])?.text(0)?.to_owned()));
    assert_eq!(integrity.unwrap(), "ok");
    traffic::check_known(&store, &handsets::arrived(data), office);
    drop(store);
    let address = Address::file(database_in(folder)).to_string();
    let verified = Command::new(PROGRAM).args(["ledger", "verify", "--database", &address]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn heavy_power_fails_at_any_instant_and_the_files_hold_all_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let mut folder = tempfile::tempdir().unwrap();
    let address = |folder: &Path| Address::file(database_in(folder)).to_string();
    let office = traffic::office(&Address::file(database_in(folder.path())), ROUNDS);
    let (mut kept, mut mixed, mut grown) = (Kept::default(), 0, 0);
    let mut server = Server::start(&address(folder.path()), data.path());
    for round in 0..ROUNDS {
        let client = server.client(&office.key);
        let began = client.clock().unwrap();
        let next = tempfile::tempdir().unwrap();
        let acks = traffic::struck(&client, &office, round, || {
            let before = Files::of(&server, folder.path());
            signal(&server, "-CONT");
            wait(BETWEEN_MILLIS);
            let now = Files::of(&server, folder.path());
            grown += usize::from(now.log.len() > now.committed());
            mixed += usize::from(shown(&before, &now, round, next.path()));
            server.kill_now();
        });
        server.kill();
        folder = next;
        kept.reached = traffic::reached(&acks, began);
        let arrived = handsets::arrived(data.path()).len();
        check_copy(folder.path(), data.path(), &office);
        server = Server::start(&address(folder.path()), data.path());
        let client = server.client(&office.key);
        let behind = kept.reached - client.clock().unwrap();
        if behind > 0 {
            client.push(behind).unwrap();
        }
        traffic::check_round(&client, &office, round, acks, &mut kept, arrived);
    }
    traffic::play_to_the_end(&server.client(&office.key));
    server.kill();
    println!("{mixed} databases of pages of two times, {grown} logs that went on after their last commit");
    let store = Store::open(&Address::file(database_in(folder.path()))).unwrap();
    traffic::check_end(&store, data.path(), &office, &kept, ROUNDS);
    assert!(mixed > 0, "no checkpoint was ever under way");
}
