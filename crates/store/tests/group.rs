//! Many transactions at once: shared commits, lanes, neighbours that fail.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use store::{Address, ConstraintKind, DbError, Lane, Sql, Store, testing};

use crate::common::{add, count, hold, names, table};

#[tokio::test]
async fn many_small_writes_are_all_kept_and_those_that_fail_harm_nobody() {
    for mut db in testing::databases() {
        table(&db.store);
        let writes: Vec<_> = (0..300)
            .map(|id| {
                db.store.write(Lane::Normal, move |tx| {
                    add(tx, id, "small")?;
                    match id % 10 {
                        3 => Err(DbError::Closed),
                        5 => add(tx, id, "twice"),
                        7 => panic!("on purpose"),
                        _ => Ok(()),
                    }
                })
            })
            .collect();
        let mut kept = 0;
        for (id, write) in writes.into_iter().enumerate() {
            match (id % 10, write.await) {
                (3, Err(DbError::Closed)) | (7, Err(DbError::Panicked)) => {}
                (5, Err(DbError::Constraint { kind: ConstraintKind::Unique, .. })) => {}
                (0 | 1 | 2 | 4 | 6 | 8 | 9, Ok(())) => kept += 1,
                (_, other) => panic!("{} {id}: {other:?}", db.name),
            }
        }
        db.reopen().unwrap();
        assert_eq!(count(&db.store), kept, "{}", db.name);
    }
}

#[test]
fn a_bulk_job_that_fails_leaves_nothing_and_the_next_is_kept() {
    for mut db in testing::databases() {
        table(&db.store);
        let refused = db.store.write_blocking(Lane::Bulk, |tx| {
            add(tx, 1, "refused")?;
            Err::<(), _>(DbError::Closed)
        });
        assert!(matches!(refused, Err(DbError::Closed)), "{}: {refused:?}", db.name);
        let panicked = db.store.write_blocking(Lane::Bulk, |tx| -> Result<(), DbError> {
            add(tx, 2, "panicked")?;
            panic!("on purpose")
        });
        assert!(matches!(panicked, Err(DbError::Panicked)), "{}: {panicked:?}", db.name);
        db.store.write_blocking(Lane::Bulk, |tx| add(tx, 3, "kept")).unwrap();
        db.reopen().unwrap();
        assert_eq!(names(&db.store), ["kept"], "{}", db.name);
    }
}

#[test]
fn a_neighbour_that_fails_at_the_commit_fails_alone() {
    const LATE: Sql = Sql::Same(
        "CREATE TABLE late (
            id BIGINT NOT NULL PRIMARY KEY,
            t_id BIGINT NOT NULL REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED
        )",
    );
    const ADD_LATE: Sql = Sql::Same("INSERT INTO late (id, t_id) VALUES (1, 99)");
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| tx.execute(&LATE, &[])).unwrap();
        let runs = Arc::new(AtomicU32::new(0));
        let holder = hold(&db.store, Lane::Normal);
        let neighbour = |id: i64| {
            let runs = Arc::clone(&runs);
            spawn_write(&db.store, move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                add(tx, id, "neighbour")
            })
        };
        let before = neighbour(1);
        let culprit = spawn_write(&db.store, |tx| tx.execute(&ADD_LATE, &[]).map(drop));
        let after = neighbour(2);
        drop(holder);
        let error = culprit.join().unwrap().unwrap_err();
        assert!(
            matches!(error, DbError::Constraint { kind: ConstraintKind::ForeignKey, .. }),
            "{}: {error:?}",
            db.name
        );
        before.join().unwrap().unwrap();
        after.join().unwrap().unwrap();
        assert_eq!(names(&db.store), ["neighbour", "neighbour"], "{}", db.name);
    }
}

/// Queues the work at once and waits for it on a thread.
fn spawn_write<F>(store: &Store, work: F) -> std::thread::JoinHandle<Result<(), DbError>>
where
    F: Fn(&mut store::Tx<'_>) -> Result<(), DbError> + Send + 'static,
{
    let write = store.write(Lane::Normal, work);
    std::thread::spawn(move || runtime().block_on(write))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

#[test]
fn inbound_goes_before_normal_and_normal_before_bulk() {
    for store in [testing::sqlite().store.clone(), Store::open(&Address::memory()).unwrap()] {
        let order = Arc::new(Mutex::new(Vec::new()));
        let holder = hold(&store, Lane::Normal);
        let queued: Vec<_> = [Lane::Bulk, Lane::Normal, Lane::Inbound, Lane::Normal, Lane::Inbound]
            .into_iter()
            .map(|lane| {
                let order = Arc::clone(&order);
                store.write(lane, move |_| {
                    order.lock().unwrap().push(lane);
                    Ok::<_, DbError>(())
                })
            })
            .collect();
        drop(holder);
        queued.into_iter().for_each(|write| runtime().block_on(write).unwrap());
        let expected = [Lane::Inbound, Lane::Inbound, Lane::Normal, Lane::Normal, Lane::Bulk];
        assert_eq!(*order.lock().unwrap(), expected);
    }
}

/// Something inbound, which is followed by two more as long as fewer than a thousand have run.
fn never_ending(store: &Store, ran: &Arc<AtomicU32>) {
    let (more, counted) = (store.clone(), Arc::clone(ran));
    // It is run though nobody waits for it.
    drop(store.write(Lane::Inbound, move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) < 1_000 {
            never_ending(&more, &counted);
            never_ending(&more, &counted);
        }
        Ok::<_, DbError>(())
    }));
}

#[test]
fn what_is_normal_has_its_turn_however_much_is_inbound() {
    for store in [testing::sqlite().store.clone(), Store::open(&Address::memory()).unwrap()] {
        let ran = Arc::new(AtomicU32::new(0));
        let holder = hold(&store, Lane::Normal);
        never_ending(&store, &ran);
        let seen = Arc::clone(&ran);
        let normal = store.write(Lane::Normal, move |_| Ok::<_, DbError>(seen.load(Ordering::Relaxed)));
        drop(holder);
        let before = runtime().block_on(normal).unwrap();
        assert!((1..300).contains(&before), "{before} inbound went before it");
    }
    let db = testing::postgres();
    let ran = Arc::new(AtomicU32::new(0));
    // More than there are connections, so that something inbound waits at all times.
    for _ in 0..8 {
        never_ending(&db.store, &ran);
    }
    let seen = Arc::clone(&ran);
    let normal = db.store.write(Lane::Normal, move |_| Ok::<_, DbError>(seen.load(Ordering::Relaxed)));
    let before = runtime().block_on(normal).unwrap();
    assert!(before < 300, "{before} inbound went before it");
}

#[test]
fn a_large_job_is_told_that_something_inbound_waits_when_it_has_had_its_time() {
    for store in [testing::sqlite().store.clone(), Store::open(&Address::memory()).unwrap()] {
        // In the turn of what is normal too.
        for lane in [Lane::Normal, Lane::Inbound] {
            let early = (0..50).filter(|_| is_told_early(&store, lane)).count();
            assert!(early < 50, "after {lane:?} each of them was to end before it had begun");
        }
    }
    let db = testing::postgres();
    let inbound = db.store.clone();
    let ask = move |tx: &mut store::Tx<'_>| {
        // The other three connections are taken by the first of these, for which the rest waits.
        let holders = [(); 3].map(|()| hold(&inbound, Lane::Inbound));
        let waiting = inbound.write(Lane::Inbound, |_| Ok::<_, DbError>(()));
        let said = (tx.is_awaited(), tx.stride(1_000));
        drop(holders);
        drop(waiting);
        Ok::<_, DbError>(said)
    };
    let said = db.store.write_blocking(Lane::Normal, ask).unwrap();
    assert_eq!(said, (false, 1_000), "nobody waits for another's transaction");
}

/// Whatever was written last, the next has no turn.
fn without_a_turn(store: &Store) {
    store.write_blocking(Lane::Normal, |_| Ok::<_, DbError>(())).unwrap();
}

/// A job after one of this lane, during which something inbound comes, and which goes on until it is told so; says whether it was
/// at once.
fn is_told_early(store: &Store, after: Lane) -> bool {
    without_a_turn(store);
    let holder = hold(store, after);
    let other = store.clone();
    let large = store.write(Lane::Normal, move |tx| {
        assert!(!tx.is_awaited(), "nothing waits");
        assert_eq!([0, 5, 1_000].map(|whole| tx.stride(whole)), [1, 5, 32]);
        drop(other.write(Lane::Inbound, |_| Ok::<_, DbError>(())));
        let early = tx.is_awaited();
        let told = (0..10_000_000).any(|_| {
            std::thread::yield_now();
            tx.is_awaited()
        });
        assert!(told, "it was never told");
        Ok::<_, DbError>(early)
    });
    drop(holder);
    runtime().block_on(large).unwrap()
}

#[test]
fn what_is_normal_goes_before_what_is_inbound_only_at_the_beginning_of_its_turn() {
    for store in [testing::sqlite().store.clone(), Store::open(&Address::memory()).unwrap()] {
        let inbound_first = |after| (0..50).filter(|_| goes_before_the_second(&store, after)).count();
        assert_eq!(inbound_first(Lane::Normal), 50, "it had no turn");
        assert!(inbound_first(Lane::Inbound) < 50, "it never had its turn");
    }
}

/// Two that are normal after one of this lane, and something inbound that comes during the first: whether it goes before the second.
fn goes_before_the_second(store: &Store, after: Lane) -> bool {
    without_a_turn(store);
    let order = Arc::new(Mutex::new(Vec::new()));
    let holder = hold(store, after);
    let (other, seen) = (store.clone(), Arc::clone(&order));
    let first = store.write(Lane::Normal, move |_| {
        let seen = Arc::clone(&seen);
        drop(other.write(Lane::Inbound, move |_| {
            seen.lock().unwrap().push(Lane::Inbound);
            Ok::<_, DbError>(())
        }));
        Ok::<_, DbError>(())
    });
    let seen = Arc::clone(&order);
    let second = store.write(Lane::Normal, move |_| {
        seen.lock().unwrap().push(Lane::Normal);
        Ok::<_, DbError>(())
    });
    drop(holder);
    runtime().block_on(first).unwrap();
    runtime().block_on(second).unwrap();
    // What is inbound may be last.
    store.write_blocking(Lane::Inbound, |_| Ok::<_, DbError>(())).unwrap();
    order.lock().unwrap().first() == Some(&Lane::Inbound)
}

#[test]
fn nothing_joins_behind_a_claim_but_what_is_inbound() {
    let db = testing::sqlite();
    table(&db.store);
    let committed = |place: i64, after, lane| is_committed_before(&db.store, place, after, lane);
    let all = (0..20).all(|place| committed(place, Lane::Normal, Lane::Normal));
    assert!(all, "what the claim took waited for what came behind it");
    let all = (20..70).all(|place| committed(place, Lane::Normal, Lane::Inbound));
    assert!(!all, "what was inbound never shared its commit");
    let all = (70..120).all(|place| committed(place, Lane::Inbound, Lane::Normal));
    assert!(!all, "the claim ended the turn of what is normal");
}

/// Whether a claim after a job of one lane, which writes this row, is committed before another job begins that comes while it runs.
fn is_committed_before(store: &Store, row: i64, after: Lane, lane: Lane) -> bool {
    without_a_turn(store);
    let holder = hold(store, after);
    let (other, (tell, told)) = (store.clone(), std::sync::mpsc::channel());
    let claim = store.write(Lane::Claim, move |tx| {
        let (reader, tell) = (other.clone(), tell.clone());
        // It is run though nobody waits for it.
        drop(other.write(lane, move |_| {
            // By a reader's thread, which waits for nobody: what is not committed it does not see.
            let _ = tell.send(names(&reader).contains(&row.to_string()));
            Ok::<_, DbError>(())
        }));
        add(tx, row, &row.to_string())
    });
    drop(holder);
    runtime().block_on(claim).unwrap();
    told.recv().unwrap()
}

#[test]
fn inbound_finds_a_connection_while_other_work_takes_all_it_may() {
    let db = testing::postgres();
    table(&db.store);
    // Four writers: two may serve bulk, a third normal, the last inbound alone.
    let holders = [hold(&db.store, Lane::Bulk), hold(&db.store, Lane::Bulk), hold(&db.store, Lane::Normal)];
    let waiting = db.store.write(Lane::Normal, |tx| add(tx, 2, "normal"));
    db.store.write_blocking(Lane::Inbound, |tx| add(tx, 1, "inbound")).unwrap();
    assert_eq!(names(&db.store), ["inbound"]);
    drop(holders);
    runtime().block_on(waiting).unwrap();
    assert_eq!(names(&db.store), ["inbound", "normal"]);
}

#[test]
fn a_caller_that_stops_waiting_does_not_undo_its_transaction() {
    for mut db in testing::databases() {
        table(&db.store);
        let holder = hold(&db.store, Lane::Normal);
        drop(db.store.write(Lane::Normal, |tx| add(tx, 1, "kept")));
        drop(holder);
        // Closing runs what is queued.
        db.reopen().unwrap();
        assert_eq!(names(&db.store), ["kept"], "{}", db.name);
    }
}

#[test]
fn work_may_drop_the_last_handle_on_its_store() {
    let store = Store::open(&Address::memory()).unwrap();
    let inner = store.clone();
    let write = store.write(Lane::Normal, move |_| Ok::<_, DbError>(inner.schema_version()));
    drop(store);
    assert!(runtime().block_on(write).is_ok());
}
