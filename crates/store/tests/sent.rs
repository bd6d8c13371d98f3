//! Statements whose answers nobody needs, or not yet: on PostgreSQL they go with the next one that is waited for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use store::{ConstraintKind, DbError, Each, Lane, Row, Sql, Value, testing};

use crate::common::{ADD, LIST, add, names, table};

const RENAME: Sql = Sql::Same("UPDATE t SET name = name || $2 WHERE id = $1");
const ADD_EACH: Each<2> = Each(Sql::Twin {
    sqlite: "INSERT INTO t (id, name) VALUES ($1, $2)",
    postgres: "INSERT INTO t (id, name) SELECT id, name FROM UNNEST($1::BIGINT[], $2::TEXT[]) AS t (id, name)",
});
/// Locks a row for a moment.
const SLOWLY: Sql = Sql::Same("SELECT pg_sleep(0.005) FROM (SELECT id FROM t WHERE id = $1 FOR UPDATE) AS one");
const MY_SESSION: Sql = Sql::Same("SELECT CAST(pg_backend_pid() AS BIGINT)");
const KILL: Sql = Sql::Same("SELECT pg_terminate_backend(CAST($1 AS INT))");

const NAME: Sql = Sql::Same("SELECT name FROM t WHERE id = $1");

fn first_name(rows: Vec<Row>) -> Result<Option<String>, DbError> {
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

fn is_unique<T>(result: &Result<T, DbError>) -> bool {
    matches!(result, Err(DbError::Constraint { kind: ConstraintKind::Unique, .. }))
}

#[test]
fn they_run_in_their_order_and_before_what_is_waited_for() {
    for db in testing::databases() {
        table(&db.store);
        let seen = db.store.write_blocking(Lane::Normal, |tx| {
            tx.run_each(&ADD_EACH, &[], [[1.into(), "a".into()], [2.into(), "b".into()]])?;
            tx.run(&RENAME, &[1.into(), "x".into()])?;
            let changed = tx.execute(&RENAME, &[1.into(), "y".into()])?;
            tx.run(&RENAME, &[1.into(), "z".into()])?;
            let seen = tx
                .query(&LIST, &[])?
                .iter()
                .map(|row| row.text(0).map(str::to_owned))
                .collect::<Result<Vec<_>, _>>()?;
            tx.run(&RENAME, &[2.into(), "last".into()])?;
            Ok::<_, DbError>((changed, seen))
        });
        assert_eq!(seen.unwrap(), (1, vec!["axyz".to_owned(), "b".to_owned()]), "{}", db.name);
        assert_eq!(names(&db.store), ["axyz", "blast"], "{}: with the commit", db.name);
    }
}

#[test]
fn what_is_asked_for_later_was_answered_in_its_turn() {
    for db in testing::databases() {
        table(&db.store);
        let seen = db.store.write_blocking(Lane::Normal, |tx| {
            add(tx, 1, "a")?;
            let before = tx.query_later(&NAME, &[1.into()], first_name)?;
            tx.run(&RENAME, &[1.into(), "x".into()])?;
            let behind = tx.query_later(&NAME, &[1.into()], first_name)?;
            tx.execute(&RENAME, &[1.into(), "y".into()])?;
            // Nothing behind this one is waited for.
            let last = tx.query_later(&NAME, &[1.into()], first_name)?;
            let none = tx.query_later(&NAME, &[2.into()], first_name)?;
            Ok::<_, DbError>([tx.heard(last)?, tx.heard(behind)?, tx.heard(before)?, tx.heard(none)?])
        });
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(seen.unwrap(), [name("axy"), name("ax"), name("a"), None], "{}", db.name);
    }
}

#[test]
fn how_many_rows_one_for_many_changed_is_known_later() {
    const ADD_NEW: Each<2> = Each(Sql::Twin {
        sqlite: "INSERT INTO t (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        postgres: "INSERT INTO t (id, name) SELECT id, name FROM UNNEST($1::BIGINT[], $2::TEXT[]) AS t (id, name)
            ON CONFLICT (id) DO NOTHING",
    });
    for db in testing::databases() {
        table(&db.store);
        let seen = db.store.write_blocking(Lane::Normal, |tx| {
            add(tx, 1, "a")?;
            let of_three = (1..=3).map(|id| [id.into(), "x".into()]);
            let two = tx.execute_each_later(&ADD_NEW, &[], of_three.clone())?;
            let none = tx.execute_each_later(&ADD_NEW, &[], of_three)?;
            let nothing = tx.execute_each_later(&ADD_NEW, &[], Vec::<[Value; 2]>::new())?;
            tx.execute(&RENAME, &[1.into(), "y".into()])?;
            Ok::<_, DbError>([tx.heard(none)?, tx.heard(two)?, tx.heard(nothing)?])
        });
        assert_eq!(seen.unwrap(), [0, 2, 0], "{}", db.name);
        assert_eq!(names(&db.store), ["ay", "x", "x"], "{}", db.name);
    }
}

#[test]
fn what_is_asked_for_later_and_fails_is_why_the_next_fails() {
    const ADDED: Sql = Sql::Same("INSERT INTO t (id, name) VALUES ($1, $2) RETURNING name");
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a")).unwrap();
        let is_sqlite = db.name == "sqlite";
        for is_waited_for in [true, false] {
            let failed = db.store.write_blocking(Lane::Normal, move |tx| {
                add(tx, 2, "b")?;
                let asked = tx.query_later(&ADDED, &[1.into(), "again".into()], first_name);
                let Ok(asked) = asked else {
                    assert!(is_sqlite && is_unique(&asked));
                    return Ok(());
                };
                if is_waited_for {
                    assert!(is_unique(&tx.query(&LIST, &[])));
                    assert!(matches!(tx.heard(asked), Err(DbError::Aborted)));
                } else {
                    assert!(is_unique(&tx.heard(asked)));
                }
                // Whoever swallows it commits nothing.
                Ok::<_, DbError>(())
            });
            assert!(failed.is_err(), "{}", db.name);
            // Nor who never hears it.
            let unheard = db.store.write_blocking(Lane::Normal, |tx| {
                add(tx, 2, "b")?;
                tx.query_later(&ADDED, &[1.into(), "again".into()], first_name).map(drop)
            });
            assert!(is_unique(&unheard), "{}: {unheard:?}", db.name);
            assert_eq!(names(&db.store), ["a"], "{}", db.name);
        }
    }
}

#[test]
fn one_that_fails_is_why_the_next_fails_and_nothing_stays() {
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a")).unwrap();
        let is_sqlite = db.name == "sqlite";
        let failed = db.store.write_blocking(Lane::Normal, move |tx| {
            add(tx, 2, "b")?;
            let sent = tx.run(&ADD, &[1.into(), "again".into()]);
            let waited = tx.query(&LIST, &[]);
            assert!(if is_sqlite { is_unique(&sent) } else { is_unique(&waited) }, "{sent:?}, {waited:?}");
            // Whoever swallows it commits nothing.
            Ok::<_, DbError>(())
        });
        assert!(failed.is_err(), "{}", db.name);
        assert_eq!(names(&db.store), ["a"], "{}", db.name);
    }
}

#[test]
fn where_nothing_more_is_waited_for_the_commit_fails_by_the_first_that_failed() {
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a")).unwrap();
        for waits_before in [false, true] {
            let failed = db.store.write_blocking(Lane::Normal, move |tx| {
                if waits_before {
                    tx.query(&LIST, &[])?;
                }
                tx.run(&ADD, &[2.into(), "b".into()])?;
                tx.run(&ADD, &[1.into(), "again".into()])?;
                // PostgreSQL refuses it for another reason: the transaction has failed.
                tx.run(&RENAME, &[2.into(), "c".into()])
            });
            assert!(is_unique(&failed), "{}: {failed:?}", db.name);
            assert_eq!(names(&db.store), ["a"], "{}", db.name);
        }
    }
}

#[test]
fn a_nul_in_one_is_refused_by_both() {
    for db in testing::databases() {
        table(&db.store);
        let refused = db.store.write_blocking(Lane::Normal, |tx| tx.run(&ADD, &[1.into(), "a\0b".into()]));
        assert!(matches!(refused, Err(DbError::Nul { index: 2 })), "{}: {refused:?}", db.name);
        let rows = || [[1.into(), "a".into()], [2.into(), "a\0b".into()]];
        let refused = db.store.write_blocking(Lane::Normal, move |tx| tx.run_each(&ADD_EACH, &[], rows()));
        assert!(matches!(refused, Err(DbError::Nul { index: 2 })), "{}: {refused:?}", db.name);
        assert!(names(&db.store).is_empty(), "{}", db.name);
    }
}

#[test]
fn one_statement_for_several_parameters_answers_for_each() {
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a").and_then(|()| add(tx, 3, "c"))).unwrap();
        let changed = db.store.write_blocking(Lane::Normal, |tx| {
            tx.run(&RENAME, &[1.into(), "x".into()])?;
            let each = [1, 2, 3].map(|id: i64| [id.into(), "+".into()]);
            tx.execute_all(&RENAME, &each)
        });
        assert_eq!(changed.unwrap(), [1, 0, 1], "{}", db.name);
        assert_eq!(names(&db.store), ["ax+", "c+"], "{}", db.name);
        let none: [[store::Value; 2]; 0] = [];
        let changed = db.store.write_blocking(Lane::Normal, move |tx| tx.execute_all(&RENAME, &none));
        assert_eq!(changed.unwrap(), Vec::<u64>::new(), "{}", db.name);
    }
}

#[test]
fn an_answer_of_many_rows_that_nobody_reads_keeps_nobody_waiting() {
    const MANY: Sql = Sql::Same("SELECT CAST(n AS BIGINT), REPEAT('x', 100) FROM generate_series(1, 20000) AS n");
    let db = testing::postgres();
    table(&db.store);
    let seen = db.store.write_blocking(Lane::Normal, |tx| {
        tx.run(&MANY, &[])?;
        tx.run(&ADD, &[1.into(), "a".into()])?;
        tx.run(&MANY, &[])?;
        tx.query(&LIST, &[])
    });
    assert_eq!(seen.unwrap().len(), 1);
}

#[test]
fn a_connection_that_was_lost_before_anything_was_heard_of_it_is_replaced() {
    const KILL_OTHERS: Sql = Sql::Same(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let db = testing::postgres();
    table(&db.store);
    let runs = Arc::new(AtomicU32::new(0));
    for id in 0..10_i64 {
        db.store.read_blocking(|read| read.query(&KILL_OTHERS, &[])).unwrap();
        let runs = Arc::clone(&runs);
        let written = db.store.write_blocking(Lane::Normal, move |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.run(&ADD, &[id.into(), "a".into()])
        });
        written.unwrap();
    }
    assert_eq!(names(&db.store).len(), 10, "each was kept once");
    assert!(runs.load(Ordering::Relaxed) > 10, "no lost connection was met");
}

#[test]
fn what_the_server_refused_before_the_commit_is_known_to_be_kept_by_nobody() {
    let db = testing::postgres();
    table(&db.store);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let written = db.store.write_blocking(Lane::Normal, move |tx| {
        let session = tx.query_one(&MY_SESSION, &[])?.int(0)?;
        tx.run(&ADD, &[1.into(), "a".into()])?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            tx.run(&KILL, &[session.into()])?;
        }
        Ok::<_, DbError>(())
    });
    written.expect("another run, on another connection");
    assert_eq!((names(&db.store).len(), runs.load(Ordering::Relaxed)), (1, 2));
}

/// Two transactions that rename each other's row; answers how often they ran.
fn deadlock(waits_for_the_first: bool) -> u32 {
    let db = testing::postgres();
    table(&db.store);
    db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "a").and_then(|()| add(tx, 2, "b"))).unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let rounds = if waits_for_the_first { 1 } else { 20 };
    let meeting = Arc::new(Barrier::new(2));
    let racers = [1_i64, 2].map(|racer| {
        let (store, meeting, runs) = (db.store.clone(), Arc::clone(&meeting), Arc::clone(&runs));
        std::thread::spawn(move || {
            let mut failed = Vec::new();
            for _ in 0..rounds {
                let (first, meeting, runs) = (AtomicU32::new(0), Arc::clone(&meeting), Arc::clone(&runs));
                meeting.wait();
                let written = store.write_blocking(Lane::Normal, move |tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    if waits_for_the_first {
                        tx.execute(&RENAME, &[racer.into(), "+".into()])?;
                        if first.fetch_add(1, Ordering::Relaxed) == 0 {
                            meeting.wait();
                        }
                    } else {
                        tx.run(&SLOWLY, &[racer.into()])?;
                    }
                    tx.run(&RENAME, &[(3 - racer).into(), "+".into()])
                });
                failed.extend(written.err().map(|error| error.to_string()));
            }
            failed
        })
    });
    for racer in racers {
        assert_eq!(racer.join().expect("no panic"), [] as [String; 0], "all committed in the end");
    }
    let pluses = names(&db.store).concat().matches('+').count();
    assert_eq!(pluses, if waits_for_the_first { 4 } else { 40 }, "each was kept once");
    runs.load(Ordering::Relaxed)
}

#[test]
fn a_deadlock_that_only_the_commit_shows_is_run_again() {
    assert!(deadlock(true) > 2, "nobody ran again");
}

#[test]
fn a_deadlock_of_what_was_never_waited_for_is_run_again() {
    assert!(deadlock(false) > 40, "nobody ran again");
}
