//! What the search for due work reads on PostgreSQL, whose plans depend on the rows: a few of them, however many are due, at
//! the same instant too.

use domain::ids::MessageId;
use jiff::{SignedDuration, Timestamp};
use store::claims::{self, Backlog};
use store::{DbError, Lane, Read, Sql, Tx, testing};

const WORKSPACE: Sql = Sql::Same(
    "INSERT INTO workspaces (workspace_id, name, zone, plan, rate_micros, settings, messages_per_minute, paced_until, dispatched_at, created_at)
     VALUES (1, '', '', 'active', 0, '{}', 0, 0, 0, 0)",
);
const NUMBER: Sql = Sql::Same(
    "INSERT INTO numbers (workspace_id, number_id, phone, carrier, state, region, messages_per_minute, messages_per_day, paced_until,
                          day_start, day_count, contacts, created_at)
     VALUES (1, 5, '', '', 'live', '', 0, 0, 0, 0, 0, 0, 0)",
);
const FILL: Sql = Sql::Twin {
    sqlite: "SELECT 1",
    postgres: "
        INSERT INTO enrollments (workspace_id, enrollment_id, contact_id, workflow_id, version, state, number_id, place, field_values, prices,
                                 rate_micros, next_step, due_at, started_by, started_at)
        SELECT 1, n, n, 7, 1, 'active', 5, '{}', '{}', '[]', 0, 1, 1, '', 0 FROM generate_series(1, 20000) AS n",
};
/// What is on its way for the first time, and not overdue.
const FLYING: Sql = Sql::Twin {
    sqlite: "SELECT 1",
    postgres: "
        INSERT INTO enrollments (workspace_id, enrollment_id, contact_id, workflow_id, version, state, number_id, place, field_values, prices,
                                 rate_micros, next_step, message_id, claimed_at, started_by, started_at)
        SELECT 1, n, n, 7, 1, 'active', 5, '{}', '{}', '[]', 0, 1, n, 2, '', 0 FROM generate_series(20001, 21000) AS n",
};
const ANALYZE: Sql = Sql::Twin { sqlite: "SELECT 1", postgres: "ANALYZE" };
/// The rows that this transaction has read.
const READ: Sql = Sql::Twin {
    sqlite: "SELECT 0",
    postgres: "SELECT CAST(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) AS BIGINT) FROM pg_stat_xact_user_tables
               WHERE relname IN ('enrollments', 'messages')",
};
/// Many times what a probe of an index for one number and one workspace reads.
const FEW: i64 = 20;

fn rows_read(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one(&READ, &[])?.int(0)
}

type Search = fn(&Read<'_>) -> Result<(), DbError>;
/// Each finds what was filled in.
const SEARCHES: [(&str, Search); 3] = [
    ("due_workspaces", |db| {
        assert_eq!(claims::due_workspaces(db, now(), OLDEST, 10)?.len(), 1);
        Ok(())
    }),
    ("next_due", |db| {
        assert_eq!(claims::next_due(db)?, (Some(DUE), Some(OLDEST)));
        Ok(())
    }),
    ("backlog", |db| {
        let backlog = claims::backlog(db, now(), OLDEST, SignedDuration::ZERO)?;
        assert_eq!(backlog, Backlog { workspaces: 1, oldest: Some(DUE), in_doubt: 0 });
        Ok(())
    }),
];
const DUE: Timestamp = Timestamp::constant(0, 1_000);
/// The oldest message that is on its way for the first time; none is before it.
const OLDEST: MessageId = MessageId(20_001);

fn now() -> Timestamp {
    "2026-11-26T00:00:00Z".parse().unwrap()
}

#[test]
fn the_searches_for_due_work_read_a_few_rows_however_many_are_due() {
    let db = testing::postgres();
    let run =
        |sql: &'static Sql| db.store.write_blocking(Lane::Normal, move |tx| tx.execute(sql, &[]).map(drop)).unwrap();
    [&WORKSPACE, &NUMBER, &FILL, &FLYING].into_iter().for_each(run);
    for known in ["unknown to the planner", "known to the planner"] {
        // More often than it takes until one plan is kept for all values.
        for nth in 0..8 {
            for (name, search) in SEARCHES {
                let read = db.store.write_blocking(Lane::Normal, move |tx| {
                    let before = rows_read(tx)?;
                    search(tx)?;
                    Ok::<_, DbError>(rows_read(tx)? - before)
                });
                let read = read.unwrap();
                assert!(read <= FEW, "{read} rows were read by {name}, search {nth}, the table {known}");
            }
        }
        run(&ANALYZE);
    }
}
