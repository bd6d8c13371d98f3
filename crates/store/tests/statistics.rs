//! What PostgreSQL's planner knows of a table that has just grown.

use store::{Lane, Sql, statistics, testing};

const FILL: Sql = Sql::Twin {
    sqlite: "
        WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 2000)
        INSERT INTO contacts (workspace_id, contact_id, phone, phone_hash, name, name_key, fields, created_at, updated_at)
        SELECT 1, n, '+1' || n, n, '', '', '[]', 0, 0 FROM g",
    postgres: "
        INSERT INTO contacts (workspace_id, contact_id, phone, phone_hash, name, name_key, fields, created_at, updated_at)
        SELECT 1, n, '+1' || n, n, '', '', '[]', 0, 0 FROM generate_series(1, 2000) AS n",
};
/// PostgreSQL tells the others what a session has changed once a second; the test does not wait.
const TELL: Sql =
    Sql::Twin { sqlite: "SELECT 1", postgres: "SELECT CASE WHEN pg_stat_force_next_flush() IS NULL THEN 0 ELSE 1 END" };

#[test]
fn a_table_that_has_grown_is_looked_at_once() {
    for db in testing::databases() {
        let fill = db.store.write_blocking(Lane::Normal, |tx| {
            tx.execute(&FILL, &[])?;
            tx.query(&TELL, &[]).map(drop)
        });
        fill.unwrap();
        let stale = || db.store.read_blocking(statistics::stale).unwrap();
        let found: Vec<_> = stale().iter().map(|stale| (stale.table, stale.small)).collect();
        let grown: &[(&str, bool)] = if db.name == "postgres" { &[("contacts", true)] } else { &[] };
        assert_eq!(found, grown, "{}", db.name);
        for table in stale() {
            db.store.write_blocking(Lane::Bulk, move |tx| statistics::refresh(tx, table)).unwrap();
        }
        assert!(stale().is_empty(), "{}", db.name);
    }
}
