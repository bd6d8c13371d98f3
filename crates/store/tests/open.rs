//! Opening, refusing to open, copying.

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{add, count, names, table};
use store::{Address, DbError, Lane, Sql, Store, testing};

const CHILD_FILE: &str = "DRIPLINE_TEST_CHILD_FILE";

#[test]
fn a_database_is_migrated_once_and_opens_again() {
    for mut db in testing::databases() {
        table(&db.store);
        let version = db.store.schema_version();
        assert!(version >= 1);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "kept")).unwrap();
        db.reopen().unwrap();
        assert_eq!(db.store.schema_version(), version);
        assert_eq!(names(&db.store), ["kept"], "{}", db.name);
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    const NEWER: Sql =
        Sql::Same("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, '9999_future', '')");
    for mut db in testing::databases() {
        db.store.write_blocking(Lane::Normal, |tx| tx.execute(&NEWER, &[])).unwrap();
        let error = db.reopen().unwrap_err();
        assert!(matches!(error, DbError::Newer { database: 9999, .. }), "{}: {error:?}", db.name);
    }
}

#[test]
fn a_migration_changed_after_it_was_applied_is_refused() {
    const CHANGE: Sql = Sql::Same("UPDATE schema_migrations SET checksum = 'another' WHERE number = 1");
    for mut db in testing::databases() {
        db.store.write_blocking(Lane::Normal, |tx| tx.execute(&CHANGE, &[])).unwrap();
        let error = db.reopen().unwrap_err();
        assert!(matches!(error, DbError::MigrationChanged { .. }), "{}: {error:?}", db.name);
    }
}

#[test]
fn programs_that_start_together_migrate_once() {
    let db = testing::postgres();
    db.store.write_blocking(Lane::Normal, |tx| tx.execute(&Sql::Same("DROP SCHEMA public CASCADE"), &[])).unwrap();
    db.store.write_blocking(Lane::Normal, |tx| tx.execute(&Sql::Same("CREATE SCHEMA public"), &[])).unwrap();
    let starts = [0; 4].map(|_| {
        let address = db.address.clone();
        std::thread::spawn(move || Store::open(&address).map(|store| store.schema_version()))
    });
    for start in starts {
        assert_eq!(start.join().unwrap().unwrap(), db.store.schema_version());
    }
}

#[test]
fn a_second_process_is_refused_and_the_next_is_not() {
    let mut db = testing::sqlite();
    let Err(DbError::InUse { path }) = Store::open(&db.address) else { panic!("two stores on one file") };
    assert!(path.ends_with("test.db"));
    let file = db.address.to_string();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_opens_the_file", "--ignored", "--nocapture"])
        .env(CHILD_FILE, &file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("is in use by another process"), "{said}");
    db.reopen().unwrap();
}

#[test]
#[ignore = "runs as the second process of another test"]
fn child_opens_the_file() {
    let address: Address = std::env::var(CHILD_FILE).unwrap().parse().unwrap();
    println!("{}", Store::open(&address).unwrap_err());
}

#[test]
fn a_file_that_is_no_database_is_refused_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear reader, this is not a database. ".repeat(200)).unwrap();
    let error = Store::open(&Address::file(&path)).unwrap_err();
    assert!(matches!(error, DbError::Corrupt(_)), "{error:?}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("Dear reader"));
}

#[test]
fn a_backup_of_a_busy_database_opens_and_holds_whole_transactions() {
    let db = testing::sqlite();
    table(&db.store);
    let stop = Arc::new(AtomicBool::new(false));
    let (store, ended) = (db.store.clone(), Arc::clone(&stop));
    let writing = std::thread::spawn(move || {
        let mut id = 0;
        while !ended.load(Ordering::Relaxed) {
            store
                .write_blocking(Lane::Normal, move |tx| add(tx, id, "one").and_then(|()| add(tx, id + 1, "two")))
                .unwrap();
            id += 2;
        }
    });
    while count(&db.store) < 200 {
        std::thread::yield_now();
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let before = count(&db.store);
    db.store.backup(&copy).unwrap();
    assert!(matches!(db.store.backup(&copy), Err(DbError::BackupExists { .. })));
    stop.store(true, Ordering::Relaxed);
    writing.join().unwrap();

    let copied = Store::open(&Address::file(&copy)).unwrap();
    let rows = count(&copied);
    assert!(rows >= before && rows % 2 == 0, "{before} rows before, {rows} in the copy");
    let check = copied.read_blocking(|read| read.query_one(&Sql::Same("PRAGMA integrity_check"), &[])).unwrap();
    assert_eq!(check.text(0).unwrap(), "ok");
    assert!(!folder.path().join("copy.db.partial").exists());
}

#[test]
fn a_server_is_not_backed_up_but_says_what_does() {
    let error = testing::postgres().store.backup(Path::new("/nowhere")).unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}

#[test]
fn a_server_that_cannot_be_reached_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().display().to_string().replace('/', "%2F");
    let address: Address = format!("postgres://nobody@{host}/nothing").parse().unwrap();
    let error = Store::open(&address).unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
}
