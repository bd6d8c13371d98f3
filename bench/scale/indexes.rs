//! The indexes of the large tables: dropped before rows are filled in, and made again in one pass each.

use store::{Lane, Sql, Store};

static INDEXES: Sql = Sql::Same(
    "SELECT i.name, i.sql, i.tbl_name, s.stat
    FROM sqlite_schema AS i
    LEFT JOIN sqlite_stat1 AS s ON s.idx = i.name
    WHERE i.type = 'index' AND i.sql IS NOT NULL
        AND i.tbl_name IN ('contacts', 'messages', 'enrollments', 'runs', 'events', 'transfers', 'conversations')",
);

/// Drops them; answers what makes them again. Dropping one takes the planner's statistics of it along, so these are put back
/// too: before the index, as making it is what has them read anew.
pub(crate) fn drop(store: &Store) -> Vec<&'static Sql> {
    let rows = store.read_blocking(|read| read.query(&INDEXES, &[])).unwrap();
    let mut again = Vec::new();
    for row in &rows {
        let (name, make, table) = (row.text(0).unwrap(), row.text(1).unwrap(), row.text(2).unwrap());
        let dropped = constant(format!("DROP INDEX {name}"));
        store.write_blocking(Lane::Bulk, |tx| tx.execute(dropped, &[])).unwrap();
        let stat = row.opt_text(3).unwrap();
        again.extend(
            stat.map(|stat| constant(format!("INSERT INTO sqlite_stat1 VALUES ('{table}', '{name}', '{stat}')"))),
        );
        again.push(constant(make.to_owned()));
    }
    again
}

/// Makes them.
pub(crate) fn make(store: &Store, indexes: Vec<&'static Sql>) {
    for sql in indexes {
        store.write_blocking(Lane::Bulk, move |tx| tx.execute(sql, &[])).unwrap();
    }
}

/// A statement is a constant everywhere else; here it lives as long as the run.
fn constant(text: String) -> &'static Sql {
    Box::leak(Box::new(Sql::Same(Box::leak(text.into_boxed_str()))))
}
