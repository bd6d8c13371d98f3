//! A small table that the tests of the face share.
#![allow(dead_code, reason = "each test file uses a part")]

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
        .unwrap();
}

pub(crate) fn add(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<(), DbError> {
    tx.execute(&ADD, &[id.into(), name.into()]).map(drop)
}

pub(crate) fn names(store: &Store) -> Vec<String> {
    let rows = store.read_blocking(|read| read.query(&LIST, &[])).unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

pub(crate) fn count(store: &Store) -> i64 {
    store.read_blocking(|read| read.query_one(&Sql::Same("SELECT COUNT(*) FROM t"), &[])).unwrap().int(0).unwrap()
}
