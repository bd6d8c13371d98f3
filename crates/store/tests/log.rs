//! The log of an SQLite file: it has an end while many read and one writes without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use store::{Address, Lane, Store};

use crate::common::{add, count, table};

/// What a transaction adds to the log, and how many there are: 400 MB together.
const BYTES: usize = 1_000_000;
const TRANSACTIONS: i64 = 400;
/// It aims at 32 MiB, and grows on while that is moved.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

#[test]
fn the_log_begins_anew_while_one_writes_and_others_read_without_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("busy.db");
    let store = Store::open(&Address::file(path.clone())).unwrap();
    let log = path.with_extension("db-wal");
    table(&store);
    let ended = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, ended) = (store.clone(), Arc::clone(&ended));
            thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    count(&store);
                }
            })
        })
        .collect();
    let name = Arc::new("x".repeat(BYTES));
    let mut most = 0;
    for id in 0..TRANSACTIONS {
        let name = Arc::clone(&name);
        store.write_blocking(Lane::Normal, move |tx| add(tx, id, &name)).unwrap();
        most = most.max(std::fs::metadata(&log).unwrap().len());
    }
    ended.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert!(most <= MOST_BYTES, "the log had {most} bytes");
    assert_eq!(count(&store), TRANSACTIONS);
}
