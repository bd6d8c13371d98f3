//! The face, the same on both databases: values, rows, what a handle may do.

use store::{ConstraintKind, DbError, Each, Lane, Row, Sql, Value, testing};

use crate::common::{ADD, LIST, add, names, table};

const VALUES: Sql = Sql::Twin {
    sqlite: "SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f",
    postgres: "SELECT $1::bigint AS a, $2::text AS b, $3::bytea AS c, $4::bigint AS d, $5::text AS e, $6::bytea AS f",
};

#[test]
fn values_come_back_as_they_were_given() {
    for db in testing::databases() {
        let row = db.store.read_blocking(|read| {
            let bytes: &[u8] = &[0, 255, 7];
            let params =
                [i64::MIN.into(), "žluť 📮".into(), bytes.into(), Value::NullInt, Value::NullText, Value::NullBytes];
            read.query_one(&VALUES, &params)
        });
        let row = row.unwrap();
        assert_eq!(row.int(0).unwrap(), i64::MIN, "{}", db.name);
        assert_eq!(row.text(1).unwrap(), "žluť 📮");
        assert_eq!(row.bytes(2).unwrap(), [0, 255, 7]);
        assert_eq!(row.opt_int(3).unwrap(), None);
        assert_eq!(row.opt_text(4).unwrap(), None);
        assert_eq!(row.opt_bytes(5).unwrap(), None);
    }
}

#[test]
fn a_wrong_type_names_the_column() {
    for db in testing::databases() {
        let row = db.store.read_blocking(|read| {
            read.query_one(
                &VALUES,
                &[1.into(), "two".into(), vec![3].into(), Value::NullInt, Value::NullText, Value::NullBytes],
            )
        });
        let row = row.unwrap();
        assert_eq!(row.int(1).unwrap_err().to_string(), "column \"b\" should hold an integer and holds a text");
        assert_eq!(row.text(3).unwrap_err().to_string(), "column \"d\" should hold a text and holds null");
        assert!(matches!(row.bytes(9), Err(DbError::NoColumn { index: 9, columns: 6 })));
        assert!(row.flag(0).unwrap());
        assert!(row.flag(1).is_err());
    }
}

#[test]
fn parameters_are_bound_by_number_not_by_place() {
    const TURNED: Sql = Sql::Twin { sqlite: "SELECT $2, $1, $2", postgres: "SELECT $2::text, $1::bigint, $2::text" };
    for db in testing::databases() {
        let row = db.store.read_blocking(|read| read.query_one(&TURNED, &[1.into(), "b".into()])).unwrap();
        assert_eq!((row.text(0).unwrap(), row.int(1).unwrap(), row.text(2).unwrap()), ("b", 1, "b"), "{}", db.name);
    }
}

#[test]
fn a_wrong_number_of_parameters_is_an_error() {
    for db in testing::databases() {
        let error = db.store.read_blocking(|read| read.query(&VALUES, &[1.into()])).unwrap_err();
        assert!(matches!(error, DbError::Parameters { wanted: 6, given: 1 }), "{}: {error:?}", db.name);
    }
}

#[test]
fn a_text_with_a_nul_is_refused_by_both() {
    for db in testing::databases() {
        table(&db.store);
        let error =
            db.store.write_blocking(Lane::Normal, |tx| tx.execute(&ADD, &[1.into(), "a\0b".into()])).unwrap_err();
        assert!(matches!(error, DbError::Nul { index: 2 }), "{}: {error:?}", db.name);
    }
}

#[test]
fn a_row_of_many_with_a_nul_is_refused_by_both_and_nothing_of_them_stays() {
    const ADD_EACH: Each<2> = Each(Sql::Twin {
        sqlite: "INSERT INTO t (id, name) VALUES ($1, $2)",
        postgres: "INSERT INTO t (id, name) SELECT id, name FROM UNNEST($1::BIGINT[], $2::TEXT[]) AS t (id, name)",
    });
    for db in testing::databases() {
        table(&db.store);
        for goes_on in [false, true] {
            let error = db.store.write_blocking(Lane::Normal, move |tx| {
                let rows = [[1.into(), "a".into()], [2.into(), "a\0b".into()]];
                let refused = tx.execute_each(&ADD_EACH, &[], rows);
                assert!(matches!(refused, Err(DbError::Nul { index: 2 })), "{refused:?}");
                if goes_on { Ok(()) } else { refused.map(drop) }
            });
            assert!(matches!(error, Err(DbError::Nul { .. } | DbError::Aborted)), "{}: {error:?}", db.name);
        }
        assert!(names(&db.store).is_empty(), "{}", db.name);
    }
}

#[test]
fn a_row_keeps_nothing_of_the_one_before_it() {
    const ROWS: Sql = Sql::Same(
        "SELECT 'long before' AS a, 7 AS b, 1 AS place UNION ALL SELECT NULL, NULL, 2 UNION ALL SELECT 'now', 8, 3 ORDER BY place",
    );
    let read = |row: &Row| Ok((row.opt_text(0)?.map(str::to_owned), row.opt_int(1)?));
    for db in testing::databases() {
        let (kept, mapped) = db
            .store
            .read_blocking(move |db| {
                let kept = db.query(&ROWS, &[])?.iter().map(read).collect::<Result<Vec<_>, DbError>>()?;
                Ok::<_, DbError>((kept, db.query_map(&ROWS, &[], read)?))
            })
            .unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(kept, [(text("long before"), Some(7)), (None, None), (text("now"), Some(8))], "{}", db.name);
        assert_eq!(mapped, kept, "{}", db.name);
    }
}

#[test]
fn an_error_rolls_back_and_a_panic_too() {
    for db in testing::databases() {
        table(&db.store);
        let error = db.store.write_blocking(Lane::Normal, |tx| {
            add(tx, 1, "undone")?;
            Err::<(), _>(DbError::Closed)
        });
        assert!(matches!(error, Err(DbError::Closed)));
        let error = db.store.write_blocking(Lane::Normal, |tx| -> Result<(), DbError> {
            add(tx, 2, "undone")?;
            panic!("on purpose");
        });
        assert!(matches!(error, Err(DbError::Panicked)), "{}", db.name);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 3, "kept")).unwrap();
        assert_eq!(names(&db.store), ["kept"], "{}", db.name);
    }
}

#[test]
fn a_write_through_a_handle_that_reads_is_refused() {
    const GONE: Sql = Sql::Same("DELETE FROM t RETURNING id");
    const HIDDEN: Sql = Sql::Twin {
        sqlite: "DELETE FROM t WHERE id IN (SELECT 1) RETURNING id",
        postgres: "WITH gone AS (DELETE FROM t RETURNING id) SELECT id FROM gone",
    };
    for db in testing::databases() {
        table(&db.store);
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "kept")).unwrap();
        for sql in [GONE, HIDDEN] {
            let read = db.store.read_blocking(move |read| read.query(&sql, &[]));
            assert!(matches!(read, Err(DbError::WriteThroughRead)), "{}: {read:?}", db.name);
            let tx = db.store.write_blocking(Lane::Normal, move |tx| tx.query(&sql, &[]));
            assert!(matches!(tx, Err(DbError::WriteThroughRead)), "{}: {tx:?}", db.name);
        }
        assert_eq!(names(&db.store), ["kept"], "{}", db.name);
    }
}

#[test]
fn rows_that_were_written_are_answered() {
    const RENAME: Sql = Sql::Same("UPDATE t SET name = $2 WHERE id = $1 RETURNING id, name");
    for db in testing::databases() {
        table(&db.store);
        let rows = db.store.write_blocking(Lane::Normal, |tx| {
            add(tx, 1, "before")?;
            tx.query_write(&RENAME, &[1.into(), "after".into()])
        });
        assert_eq!(rows.unwrap()[0].text(1).unwrap(), "after", "{}", db.name);
        let count = db.store.write_blocking(Lane::Normal, |tx| tx.execute(&Sql::Same("DELETE FROM t"), &[]));
        assert_eq!(count.unwrap(), 1);
    }
}

#[test]
fn a_failed_statement_ends_its_transaction_even_if_its_error_is_swallowed() {
    for db in testing::databases() {
        table(&db.store);
        let result = db.store.write_blocking(Lane::Normal, |tx| {
            add(tx, 1, "first")?;
            let twice = add(tx, 1, "again").unwrap_err();
            assert!(matches!(twice, DbError::Constraint { kind: ConstraintKind::Unique, .. }), "{twice:?}");
            assert!(matches!(add(tx, 2, "more"), Err(DbError::Aborted)));
            Ok::<_, DbError>(())
        });
        assert!(matches!(result, Err(DbError::Aborted)), "{}: {result:?}", db.name);
        assert!(names(&db.store).is_empty(), "{}", db.name);
    }
}

#[test]
fn constraints_are_told_apart() {
    const NULL: Sql = Sql::Same("INSERT INTO t (id, name) VALUES (1, NULL)");
    const CHECK: Sql = Sql::Same("INSERT INTO t (id, name) VALUES (-1, 'a')");
    const FOREIGN: Sql = Sql::Same("INSERT INTO u (id, t_id) VALUES (1, 99)");
    let cases =
        [(NULL, ConstraintKind::NotNull), (CHECK, ConstraintKind::Check), (FOREIGN, ConstraintKind::ForeignKey)];
    for db in testing::databases() {
        table(&db.store);
        for (sql, expected) in cases {
            let error = db.store.write_blocking(Lane::Normal, move |tx| tx.execute(&sql, &[])).unwrap_err();
            assert!(matches!(error, DbError::Constraint { kind, .. } if kind == expected), "{}: {error:?}", db.name);
        }
    }
}

#[test]
fn a_stream_gives_every_row_and_stops_when_told() {
    const FILL: Sql = Sql::Twin {
        sqlite: "INSERT INTO t (id, name) SELECT value, 'n' || value FROM json_each($1)",
        postgres: "INSERT INTO t (id, name)
            SELECT value::bigint, 'n' || value FROM jsonb_array_elements_text($1::text::jsonb)",
    };
    for db in testing::databases() {
        table(&db.store);
        let ids = format!("{:?}", (1..=1000).collect::<Vec<_>>());
        db.store.write_blocking(Lane::Bulk, move |tx| tx.execute(&FILL, &[ids.as_str().into()])).unwrap();
        let (all, some, nested) = db
            .store
            .read_blocking(|read| {
                let mut all = 0;
                read.for_each(&LIST, &[], |row| {
                    assert!(row.text(0)?.starts_with('n'));
                    all += 1;
                    Ok::<_, DbError>(())
                })?;
                let mut some = 0;
                let stopped = read.for_each(&LIST, &[], |_| {
                    some += 1;
                    if some == 300 { Err(DbError::Closed) } else { Ok(()) }
                });
                assert!(matches!(stopped, Err(DbError::Closed)));
                let nested = read.for_each(&LIST, &[], |_| read.query(&LIST, &[]).map(drop));
                read.query(&LIST, &[])?;
                Ok::<_, DbError>((all, some, nested))
            })
            .unwrap();
        assert_eq!((all, some), (1000, 300), "{}", db.name);
        assert!(matches!(nested, Err(DbError::Streaming)), "{}", db.name);
    }
}

#[test]
fn a_read_sees_one_state_while_others_write() {
    for db in testing::databases() {
        table(&db.store);
        let (seen, go_on) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let reader = db.store.clone();
        let go_on_receiver = std::sync::Mutex::new(go_on.1);
        let reading = std::thread::spawn(move || {
            reader.read_blocking(move |read| {
                let before = read.query(&LIST, &[])?.len();
                seen.0.send(()).unwrap();
                go_on_receiver.lock().unwrap().recv().unwrap();
                Ok::<_, DbError>((before, read.query(&LIST, &[])?.len()))
            })
        });
        seen.1.recv().unwrap();
        db.store.write_blocking(Lane::Normal, |tx| add(tx, 1, "new")).unwrap();
        go_on.0.send(()).unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), (0, 0), "{}", db.name);
        assert_eq!(names(&db.store), ["new"], "{}", db.name);
    }
}
