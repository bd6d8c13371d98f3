//! A small table that the tests of the face share.

use std::sync::{Mutex, mpsc};

use store::{DbError, Lane, Sql, Store, Tx};

const CREATE: Sql = Sql::Same("CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY CHECK (id >= 0), name TEXT NOT NULL)");
const CREATE_OTHER: Sql =
    Sql::Same("CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY, t_id BIGINT NOT NULL REFERENCES t (id))");
pub(crate) const ADD: Sql = Sql::Same("INSERT INTO t (id, name) VALUES ($1, $2)");
pub(crate) const LIST: Sql = Sql::Same("SELECT name, id FROM t ORDER BY id");

/// Makes the tables `t` and `u`.
pub(crate) fn table(store: &Store) {
    store
        .write_blocking(Lane::Normal, |tx| {
            tx.execute(&CREATE, &[])?;
            tx.execute(&CREATE_OTHER, &[])
        })
        .expect("two new tables");
}

pub(crate) fn add(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<(), DbError> {
    tx.execute(&ADD, &[id.into(), name.into()]).map(drop)
}

pub(crate) fn names(store: &Store) -> Vec<String> {
    let rows = store.read_blocking(|read| read.query(&LIST, &[])).expect("the rows");
    rows.iter().map(|row| row.text(0).expect("a name").to_owned()).collect()
}

pub(crate) fn count(store: &Store) -> i64 {
    let row = store.read_blocking(|read| read.query_one(&Sql::Same("SELECT COUNT(*) FROM t"), &[]));
    row.and_then(|row| row.int(0)).expect("a count")
}

/// A job that keeps its thread until the answer is dropped; returns once it has begun.
pub(crate) fn hold(store: &Store, lane: Lane) -> mpsc::Sender<()> {
    let (begun, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    drop(store.write(lane, move |_| {
        let _ = begun.send(());
        let _ = released.lock().expect("one holder").recv();
        Ok::<_, DbError>(())
    }));
    has_begun.recv().expect("the holder runs");
    release
}
