//! PostgreSQL transactions that meet, and connections that break. SQLite has one writer, whose
//! transactions never meet.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use store::{DbError, Lane, Sql, Tx, testing};

use crate::common::{add, names, table};

const RENAME: Sql = Sql::Same("UPDATE t SET name = name || $2 WHERE id = $1");
const KILL_ME: Sql = Sql::Same("SELECT pg_terminate_backend(pg_backend_pid())");

/// A transaction, the number of its racer, and where it meets the other.
type Race = fn(&mut Tx<'_>, i64, &dyn Fn()) -> Result<(), DbError>;

/// Runs `work` in two transactions at once, which meet in their first runs only; answers the
/// names afterwards and how often `work` ran.
fn race(work: Race) -> (Vec<String>, u32) {
    let db = testing::postgres();
    table(&db.store);
    db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a").and_then(|()| add(tx, 2, "b"))).expect("two rows");
    let barrier = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicU32::new(0));
    let racers = [1, 2].map(|racer| {
        let (store, barrier, runs) = (db.store.clone(), Arc::clone(&barrier), Arc::clone(&runs));
        let first = AtomicU32::new(0);
        std::thread::spawn(move || {
            store.write_blocking(Lane::Normal, move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                let is_first = first.fetch_add(1, Ordering::Relaxed) == 0;
                work(tx, racer, &|| {
                    if is_first {
                        barrier.wait();
                    }
                })
            })
        })
    });
    for racer in racers {
        racer.join().expect("no panic").expect("a commit in the end");
    }
    (names(&db.store), runs.load(Ordering::Relaxed))
}

#[test]
fn of_two_in_a_deadlock_one_runs_again() {
    let (names, runs) = race(|tx, racer, meet| {
        tx.execute(&RENAME, &[racer.into(), "+".into()])?;
        meet();
        tx.execute(&RENAME, &[(3 - racer).into(), "+".into()])?;
        Ok(())
    });
    assert_eq!(names, ["a++", "b++"]);
    assert!(runs > 2, "nobody ran again");
}

#[test]
fn of_two_that_cannot_be_put_in_order_one_runs_again() {
    const SERIALIZABLE: Sql = Sql::Same("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    const COUNT: Sql = Sql::Same("SELECT COUNT(*) FROM t WHERE name <> 'taken'");
    const TAKE: Sql = Sql::Same("UPDATE t SET name = 'taken' WHERE id = $1");
    let (names, runs) = race(|tx, racer, meet| {
        tx.execute(&SERIALIZABLE, &[])?;
        // Each may take its own only while the other's is free: together they would take both.
        let free = tx.query_one(&COUNT, &[])?.int(0)?;
        meet();
        if free == 2 {
            tx.execute(&TAKE, &[racer.into()])?;
        }
        Ok(())
    });
    assert_eq!(names.iter().filter(|name| *name == "taken").count(), 1, "{names:?}");
    assert!(runs > 2, "nobody ran again");
}

#[test]
fn work_that_lost_its_connection_runs_again_on_a_new_one() {
    let db = testing::postgres();
    table(&db.store);
    let runs = AtomicU32::new(0);
    let result = db.store.write_blocking(Lane::Normal, move |tx| {
        add(tx, 1, "once")?;
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            tx.query(&KILL_ME, &[])?;
        }
        Ok::<_, DbError>(runs.load(Ordering::Relaxed))
    });
    assert_eq!(result.unwrap(), 2);
    assert_eq!(names(&db.store), ["once"]);
}

#[test]
fn connections_that_broke_while_idle_are_replaced_unnoticed() {
    const KILL_OTHERS: Sql = Sql::Same(
        "SELECT pg_terminate_backend(pid)
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let db = testing::postgres();
    table(&db.store);
    for id in 0..10 {
        db.store.read_blocking(|read| read.query(&KILL_OTHERS, &[])).unwrap();
        db.store.write_blocking(Lane::Normal, move |tx| add(tx, id, "written")).unwrap();
    }
    assert_eq!(names(&db.store).len(), 10);
}

#[test]
fn a_connection_lost_in_the_commit_leaves_the_outcome_unknown() {
    const FUNCTION: Sql = Sql::Same(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
    );
    const TRIGGER: Sql = Sql::Same(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t
        DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION die()",
    );
    let db = testing::postgres();
    table(&db.store);
    db.store
        .write_blocking(Lane::Normal, |tx| tx.execute(&FUNCTION, &[]).and_then(|_| tx.execute(&TRIGGER, &[])))
        .unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let error = db.store.write_blocking(Lane::Normal, move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        add(tx, 1, "perhaps")
    });
    let error = error.unwrap_err();
    assert!(matches!(error, DbError::CommitUnknown(_)), "{error:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1, "what may have been committed must not run again");
}

#[test]
fn a_statement_whose_table_was_migrated_by_another_program_is_prepared_anew() {
    const ALL: Sql = Sql::Same("SELECT * FROM t");
    let db = testing::postgres();
    table(&db.store);
    db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a")).unwrap();
    // Often enough for each of the connections that read to have prepared it.
    let read_often = || {
        let read = || db.store.read_blocking(|read| read.query_one(&ALL, &[])).unwrap();
        (0..50).map(|_| read()).collect::<Vec<_>>()
    };
    assert!(read_often().iter().all(|row| row.opt_int(2).is_err()));
    db.store
        .write_blocking(Lane::Normal, |tx| tx.execute(&Sql::Same("ALTER TABLE t ADD COLUMN more BIGINT"), &[]))
        .unwrap();
    assert!(read_often().iter().all(|row| row.opt_int(2).unwrap().is_none()));
}
