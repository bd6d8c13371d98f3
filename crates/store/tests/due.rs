//! What the search for due work reads on PostgreSQL, whose plans depend on the rows: a few of them, however many are due.

#![allow(clippy::unwrap_used, reason = "tests")]

use store::{DbError, Lane, Sql, Tx, claims, testing};

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
        SELECT 1, n, n, 7, 1, 'active', 5, '{}', '{}', '[]', 0, 1, n, '', 0 FROM generate_series(1, 20000) AS n",
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

#[test]
fn the_search_for_due_work_reads_a_few_rows_however_many_are_due() {
    let db = testing::postgres();
    let run =
        |sql: &'static Sql| db.store.write_blocking(Lane::Normal, move |tx| tx.execute(sql, &[]).map(drop)).unwrap();
    [&WORKSPACE, &NUMBER, &FILL].into_iter().for_each(run);
    for known in ["unknown to the planner", "known to the planner"] {
        // More often than it takes until one plan is kept for all values.
        for nth in 0..8 {
            let (found, read) = db
                .store
                .write_blocking(Lane::Normal, |tx| {
                    let before = rows_read(tx)?;
                    let found = claims::due_workspaces(tx, "2026-11-26T00:00:00Z".parse().unwrap(), 10)?.len();
                    Ok::<_, DbError>((found, rows_read(tx)? - before))
                })
                .unwrap();
            assert_eq!(found, 1);
            assert!(read <= FEW, "{read} rows were read in search {nth}, the table {known}");
        }
        run(&ANALYZE);
    }
}
