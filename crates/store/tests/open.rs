//! Opening, refusing to open, copying.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{Address, DbError, Lane, Sql, Store, testing};

use crate::common::{add, count, names, table};

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
        .args(["--exact", "open::child_opens_the_file", "--ignored", "--nocapture"])
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
fn beside_the_process_that_serves_it_a_database_is_read_and_never_written() {
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "served")).unwrap();
        let beside = Store::open_to_read(&db.address).unwrap();
        assert_eq!(names(&beside), ["served"], "{}", db.name);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 2, "later")).unwrap();
        assert_eq!(names(&beside), ["served", "later"], "{}", db.name);
        let written = beside.write_blocking(Lane::Normal, |tx| add(tx, 3, "never"));
        assert!(matches!(written, Err(DbError::Closed)), "{}: {written:?}", db.name);
        let through = beside.read_blocking(|read| read.query(&Sql::Same("DELETE FROM t RETURNING id"), &[]).map(drop));
        assert!(through.is_err(), "{}", db.name);
        assert_eq!(count(&db.store), 2, "{}", db.name);
    }
}

#[test]
fn a_copy_of_many_pages_is_one_state_although_another_store_serves_the_file() {
    const FILL: Sql = Sql::Same("INSERT INTO t (id, name) SELECT value, hex(randomblob(4000)) FROM json_each($1)");
    let db = testing::sqlite();
    table(&db.store);
    let ids = format!("{:?}", (0..3_000).collect::<Vec<_>>());
    db.store.write_blocking(Lane::Bulk, move |tx| tx.execute(&FILL, &[ids.as_str().into()])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let beside = Store::open_to_read(&db.address).unwrap();
    let mut next = 10_000;
    let mut steps = 0;
    // The writer commits between any two steps of the copy.
    let mut write = |_| {
        steps += 1;
        next += 1;
        let id = next;
        db.store.write_blocking(Lane::Normal, move |tx| add(tx, id, "later")).unwrap();
    };
    beside.backup(&copy, &mut write).unwrap();
    assert!((3..100).contains(&steps), "{steps} steps");
    assert_eq!(count(&Store::open(&Address::file(&copy)).unwrap()), 3_000);
}

#[test]
fn a_copy_is_one_plain_file_and_stays_so_when_it_is_read() {
    let db = testing::sqlite();
    table(&db.store);
    let folder = tempfile::tempdir().unwrap();
    let copy = Address::file(folder.path().join("copy.db"));
    db.store.backup(&folder.path().join("copy.db"), &mut |_| {}).unwrap();
    let read = Store::open_to_read(&copy).unwrap();
    assert_eq!(count(&read), 0);
    drop(read);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let served = Store::open(&copy).unwrap();
    served.write_blocking(Lane::Normal, |tx| add(tx, 1, "more")).unwrap();
    assert!(folder.path().join("copy.db-wal").exists(), "a server keeps its log");
}

#[test]
fn what_cannot_be_read_beside_a_server_says_why() {
    const OLDER: Sql = Sql::Same("DELETE FROM schema_migrations");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let opened = |name: &str| Store::open_to_read(&Address::file(path(name))).unwrap_err();
    assert!(matches!(opened("none.db"), DbError::Missing { .. }) && !path("none.db").exists());
    assert!(matches!(opened(""), DbError::NotAFile { .. }));
    std::fs::write(path("letter.txt"), "Dear reader, this is not a database. ".repeat(200)).unwrap();
    assert!(matches!(opened("letter.txt"), DbError::Corrupt(_)));
    std::fs::write(path("empty.db"), "").unwrap();
    assert!(matches!(opened("empty.db"), DbError::Older { database: 0, .. }));
    assert!(matches!(Store::open_to_read(&Address::memory()), Err(DbError::Missing { .. })));
    for db in testing::databases() {
        db.store.write_blocking(Lane::Normal, |tx| tx.execute(&OLDER, &[])).unwrap();
        let error = Store::open_to_read(&db.address).unwrap_err();
        assert!(matches!(error, DbError::Older { database: 0, .. }), "{}: {error:?}", db.name);
    }
}

#[test]
fn a_path_that_can_hold_no_database_says_why_and_gets_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(&Address::file(folder.path())).unwrap_err();
    assert!(matches!(error, DbError::NotAFile { .. }), "{error:?}");
    let error = Store::open(&Address::file(folder.path().join("none/x.db"))).unwrap_err();
    assert!(matches!(&error, DbError::NoFolder { folder } if folder.ends_with("none")), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_copy_that_cannot_be_written_says_so_and_leaves_nothing() {
    let db = testing::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let error = db.store.backup(&folder.path().join("none/copy.db"), &mut |_| {}).unwrap_err();
    assert!(matches!(error, DbError::BackupTarget { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
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
    let mut steps = Vec::new();
    db.store.backup(&copy, &mut |copied| steps.push(copied)).unwrap();
    assert!(steps.last().is_some_and(|last| last.pages == last.all && last.all > 0), "{steps:?}");
    assert!(matches!(db.store.backup(&copy, &mut |_| {}), Err(DbError::BackupExists { .. })));
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
    let error = testing::postgres().store.backup(Path::new("/nowhere"), &mut |_| {}).unwrap_err();
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
