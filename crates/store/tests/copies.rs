//! A database is copied whole, into either kind; broken off, it goes on; what does not fit is refused.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use store::copies::{self, CopyError, Side};
use store::testing::{self, TestDatabase};
use store::{DbError, Lane, Sql, Store, Tx};

/// Rows of a table; and of one that needs several batches.
const ROWS: i64 = 30;
const MANY: i64 = 5_001;
const LARGE: [&str; 2] = ["contact_words", "transfers"];

const COLUMNS: Sql = Sql::Same(
    "SELECT t.name, c.name, LOWER(c.type), c.\"notnull\"
    FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY t.name, c.cid",
);

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn made(text: String) -> Sql {
    Sql::Same(text.leak())
}

/// Columns of the tables that are copied: name, type, whether required.
fn schema(store: &Store) -> BTreeMap<String, Vec<(String, String, bool)>> {
    let mut tables = BTreeMap::<String, Vec<_>>::new();
    for row in store.read_blocking(|read| read.query(&COLUMNS, &[])).unwrap() {
        let column = (row.text(1).unwrap().to_owned(), row.text(2).unwrap().to_owned(), row.flag(3).unwrap());
        tables.entry(row.text(0).unwrap().to_owned()).or_default().push(column);
    }
    tables.remove("schema_migrations");
    tables.remove("copies");
    tables
}

/// A value of a row as SQL: the largest and the smallest, what needs escapes, and nothing where that may be.
fn value(row: i64, place: usize, (name, of, required): &(String, String, bool)) -> String {
    let seed = row * 97 + i64::try_from(place).unwrap();
    match of.as_str() {
        _ if !required && row % 3 == 0 => "NULL".to_owned(),
        "bigint" if name == "lease_until" => "0".to_owned(),
        "bigint" if ["amount", "balance"].contains(&name.as_str()) => seed.to_string(),
        "bigint" if row % 7 == 1 => format!("{}", i64::MAX - seed),
        "bigint" if row % 7 == 2 => format!("{}", i64::MIN + 1 + seed),
        "bigint" => seed.to_string(),
        "blob" => format!("x'00ff{seed:08x}'"),
        // Upper and lower case, which collations put in other orders than bytes do.
        _ => format!("'{}{seed} ''\"\\ žluť 📮 {{}}'", ["A", "b", "É", "_"][usize::try_from(row % 4).unwrap()]),
    }
}

/// A database with rows in every table.
fn full() -> TestDatabase {
    let db = testing::sqlite();
    for (table, columns) in schema(&db.store) {
        let names: Vec<&str> = columns.iter().map(|(name, _, _)| name.as_str()).collect();
        let rows = if LARGE.contains(&table.as_str()) { MANY } else { ROWS };
        let row = |row| {
            let values = columns.iter().enumerate().map(|(place, column)| value(row, place, column));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        };
        let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        let insert = made(format!("INSERT INTO {table} ({}) VALUES {rows}", names.join(", ")));
        let write = move |tx: &mut Tx<'_>| tx.execute(&insert, &[]);
        db.store
            .write_blocking::<_, DbError, _>(Lane::Normal, write)
            .unwrap_or_else(|error| panic!("{table}: {error:?}"));
    }
    db
}

/// Every row of every table, as text.
fn contents(store: &Store, schema: &BTreeMap<String, Vec<(String, String, bool)>>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for (table, columns) in schema {
        let cells: Vec<String> = columns
            .iter()
            .map(|(name, of, _)| match of.as_str() {
                "blob" => format!("COALESCE(LOWER(HEX({name})), '-')"),
                _ => format!("COALESCE(CAST({name} AS TEXT), '-')"),
            })
            .collect();
        let sqlite = format!("SELECT {} FROM {table}", cells.join(" || '|' || "));
        let postgres = sqlite.replace("LOWER(HEX(", "(encode(").replace(")), '-')", ", 'hex')), '-')");
        let sql = Sql::Twin { sqlite: sqlite.leak(), postgres: postgres.leak() };
        let rows = store.read_blocking(move |read| read.query(&sql, &[])).unwrap();
        let mut rows: Vec<String> = rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
        rows.sort();
        all.insert(table.clone(), rows);
    }
    all
}

#[test]
fn every_row_of_every_table_comes_over_and_back() {
    let (from, over, back) = (full(), testing::postgres(), testing::sqlite());
    let schema = schema(&from.store);
    let copied = copies::copy(&from.store, &over.store, now(), &mut |_| {}).unwrap();
    assert_eq!(copied.len(), schema.len());
    assert!(copied.iter().all(|table| table.rows == if LARGE.contains(&table.table.as_str()) { MANY } else { ROWS }));
    let whole = contents(&from.store, &schema);
    assert_eq!(contents(&over.store, &schema), whole);
    copies::copy(&over.store, &back.store, now(), &mut |_| {}).unwrap();
    assert_eq!(contents(&back.store, &schema), whole);
}

#[test]
fn a_copy_that_was_broken_off_goes_on_where_it_was() {
    let from = full();
    let schema = schema(&from.store);
    for to in testing::databases() {
        // Broken off after each so many batches, until it gets through.
        let (mut breaks, mut most) = (0, 1);
        let copied = loop {
            let mut batches = 0;
            let mut progress = |_: &copies::Progress<'_>| {
                batches += 1;
                assert!(batches <= most, "broken off");
            };
            let copy = AssertUnwindSafe(|| copies::copy(&from.store, &to.store, now(), &mut progress));
            match catch_unwind(copy) {
                Ok(copied) => break copied.unwrap(),
                Err(_) => {
                    assert!(to.store.read_blocking(copies::unfinished).unwrap().is_some(), "{}", to.name);
                    (breaks, most) = (breaks + 1, most * 2);
                }
            }
        };
        assert!(breaks > 5, "{breaks}");
        assert_eq!(copied.len(), schema.len());
        assert_eq!(to.store.read_blocking(copies::unfinished).unwrap(), None);
        assert_eq!(contents(&to.store, &schema), contents(&from.store, &schema), "{}", to.name);
    }
}

fn run(store: &Store, text: &'static str) {
    store.write_blocking::<_, DbError, _>(Lane::Normal, move |tx| tx.execute(&Sql::Same(text), &[])).unwrap();
}

#[test]
fn what_is_no_fresh_target_is_refused_and_stays_as_it_is() {
    let from = full();
    for to in testing::databases() {
        run(&to.store, "INSERT INTO sign_ins (email_key, workspace_id, user_id) VALUES ('a', 1, 2)");
        let refused = copies::copy(&from.store, &to.store, now(), &mut |_| {}).unwrap_err();
        assert!(matches!(&refused, CopyError::NotEmpty { table } if table == "sign_ins"), "{refused}");
        run(&to.store, "DELETE FROM sign_ins");
        run(&to.store, "INSERT INTO copies (source, started_at, finished_at) VALUES ('sqlite:another.db', 1, NULL)");
        let refused = copies::copy(&from.store, &to.store, now(), &mut |_| {}).unwrap_err();
        assert!(refused.to_string().contains("sqlite:another.db"), "{refused}");
    }
}

#[test]
fn a_database_that_is_served_is_not_copied() {
    let (from, server, back) = (full(), testing::postgres(), testing::sqlite());
    copies::copy(&from.store, &server.store, now(), &mut |_| {}).unwrap();
    run(&server.store, "UPDATE nodes SET lease_until = 9000000000000000 WHERE node = (SELECT MIN(node) FROM nodes)");
    let refused = copies::copy(&server.store, &back.store, now(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, CopyError::Served(Side::Source)), "{refused}");
    let refused = copies::copy(&from.store, &server.store, now(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, CopyError::Served(Side::Target)), "{refused}");
}

#[test]
fn a_target_that_was_changed_under_the_copy_is_found_out() {
    let (from, to) = (full(), testing::sqlite());
    let change = |progress: &copies::Progress<'_>| {
        if progress.table == "contacts" && progress.rows > 0 {
            run(
                &to.store,
                "UPDATE contacts SET name = name || '!' WHERE contact_id = (SELECT MAX(contact_id) FROM contacts)",
            );
        }
    };
    let refused = copies::copy(&from.store, &to.store, now(), &mut { change }).unwrap_err();
    assert!(matches!(&refused, CopyError::Differs { table, .. } if table == "contacts"), "{refused}");
    assert!(to.store.read_blocking(copies::unfinished).unwrap().is_some(), "no server opens it");
}
