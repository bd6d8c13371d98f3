//! What was acknowledged stays: killed processes and full disks.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use store::{Address, DbError, Lane, Sql, Store, testing};

use crate::common::{add, count, table};

const CHILD_FILE: &str = "DRIPLINE_TEST_CHILD_FILE";
const LIST_IDS: Sql = Sql::Same("SELECT id FROM t");
const ADD_LARGE: Sql = Sql::Same("INSERT INTO t (id, name) VALUES ($1, hex(zeroblob(5000)))");

#[test]
fn every_acknowledged_write_survives_the_kill_of_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::file(folder.path().join("killed.db"));
    table(&Store::open(&address).unwrap());
    let mut acknowledged = Vec::new();
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CHILD_FILE, address.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ids = |line: String| line.strip_prefix("kept ").and_then(|id| id.parse::<i64>().ok());
        acknowledged.extend(lines.by_ref().filter_map(ids).take(40 * round));
        child.kill().unwrap();
        acknowledged.extend(lines.filter_map(ids));
        child.wait().unwrap();

        let store = Store::open(&address).unwrap();
        let rows = store.read_blocking(|read| read.query(&LIST_IDS, &[])).unwrap();
        let kept: std::collections::HashSet<i64> = rows.iter().map(|row| row.int(0).unwrap()).collect();
        assert!(acknowledged.iter().all(|id| kept.contains(id)), "round {round}");
    }
    assert!(acknowledged.len() >= 40 * (1 + 2 + 3 + 4 + 5), "only {} were acknowledged", acknowledged.len());
}

#[test]
#[ignore = "runs as the process that another test kills"]
fn child_writes_until_it_is_killed() {
    let address: Address = std::env::var(CHILD_FILE).unwrap().parse().unwrap();
    let store = Store::open(&address).unwrap();
    let first = count(&store) * 1000;
    let writers = [0, 1, 2, 3].map(|writer| {
        let store = store.clone();
        std::thread::spawn(move || {
            for id in (first + writer..).step_by(4) {
                store.write_blocking(Lane::Normal, move |tx| add(tx, id, "written")).unwrap();
                // One call, so that no line is cut by the kill.
                std::io::stdout().write_all(format!("kept {id}\n").as_bytes()).unwrap();
            }
        })
    });
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

/// Fills the database; answers how many large rows were acknowledged.
fn fill(store: &Store) -> i64 {
    for id in 0..10_000 {
        let small = store.write(Lane::Normal, move |tx| add(tx, 100_000 + id, "small"));
        drop(small);
        match store.write_blocking(Lane::Normal, move |tx| tx.execute(&ADD_LARGE, &[id.into()])) {
            Ok(_) => {}
            Err(DbError::DiskFull(_)) => return id,
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the disk was never full");
}

fn large_rows(store: &Store) -> i64 {
    let large = Sql::Same("SELECT COUNT(*) FROM t WHERE id < 100000");
    store.read_blocking(move |read| read.query_one(&large, &[])?.int(0)).expect("a count")
}

#[test]
fn a_full_database_says_so_and_loses_nothing_that_came_before() {
    const LIMIT: Sql = Sql::Same("PRAGMA max_page_count = 400");
    const FREE: Sql = Sql::Same("PRAGMA max_page_count = 100000");
    let mut db = testing::sqlite();
    table(&db.store);
    db.store.write_blocking(Lane::Normal, |tx| tx.query_write(&LIMIT, &[])).unwrap();
    let acknowledged = fill(&db.store);
    assert!(acknowledged > 10);
    assert_eq!(large_rows(&db.store), acknowledged);
    // With room again, the same store goes on.
    db.store.write_blocking(Lane::Normal, |tx| tx.query_write(&FREE, &[])).unwrap();
    db.store.write_blocking(Lane::Normal, |tx| tx.execute(&ADD_LARGE, &[50_000.into()])).unwrap();
    db.reopen().unwrap();
    assert_eq!(large_rows(&db.store), acknowledged + 1);
}

/// A real file system of a few mebibytes, where the test may mount one; elsewhere the test above,
/// which bounds the database's pages, has to do.
#[test]
fn a_full_disk_says_so_and_loses_nothing_that_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else { return };
    let ballast = folder.path().join("ballast");
    // More than the log holds when the disk is full: what gets free is the file's first, into which the log is moved in the background.
    std::fs::write(&ballast, vec![7; 6 * 1024 * 1024]).unwrap();
    let address = Address::file(folder.path().join("full.db"));
    let store = Store::open(&address).unwrap();
    table(&store);
    let acknowledged = fill(&store);
    assert_eq!(large_rows(&store), acknowledged);
    std::fs::remove_file(ballast).unwrap();
    store.write_blocking(Lane::Normal, |tx| tx.execute(&ADD_LARGE, &[50_000.into()])).unwrap();
    drop(store);
    assert_eq!(large_rows(&Store::open(&address).unwrap()), acknowledged + 1);
}

struct SmallDisk<'a>(&'a std::path::Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a std::path::Path) -> Option<Self> {
        let options = ["-t", "tmpfs", "-o", "size=11m", "tmpfs"];
        let mounted = std::process::Command::new("mount").args(options).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
