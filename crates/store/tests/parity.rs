//! The two schemas are one: the same tables, columns, keys and indexes, and each of them begins with the workspace.

use std::collections::{BTreeMap, BTreeSet};

use store::{Sql, Store, testing};

/// Tables that are read before any workspace is known, each with its key; the text of their migration says why.
const WITHOUT_WORKSPACE: [(&str, &str); 9] = [
    ("carrier_rates", "carrier"),
    ("copies", "source"),
    ("nodes", "node"),
    ("number_routes", "phone"),
    ("operator_acts", "act_id"),
    ("plans", "plan_id"),
    ("schema_migrations", "number"),
    ("sign_ins", "email_key"),
    ("stray_events", "carrier"),
];

/// Indexes by which a row is found before its workspace is known, each with its first column: a payment provider's call names no
/// workspace (decision 0026), and one look asks for the payments, the mails or the reminders that are due, of all.
const ACROSS: [(&str, &str); 5] = [
    ("mails_by_due", "due_at"),
    ("payments_by_id", "payment_id"),
    ("payments_by_intent", "intent"),
    ("payments_by_look", "look_at"),
    ("reminders_untold", "due_at"),
];

/// Table, column, type, `required` or `optional`.
const COLUMNS: Sql = Sql::Twin {
    sqlite: "
        SELECT t.name, c.name, LOWER(c.type), CASE WHEN c.\"notnull\" = 1 THEN 'required' ELSE 'optional' END
        FROM pragma_table_list AS t
        JOIN pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    postgres: "
        SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), REPLACE(CAST(data_type AS TEXT), 'bytea', 'blob'),
            CASE WHEN is_nullable = 'NO' THEN 'required' ELSE 'optional' END
        FROM information_schema.columns
        WHERE table_schema = 'public'",
};

/// Table, name (`key` for the primary one), `unique` or `plain`, its condition or nothing, place, column.
const INDEXES: Sql = Sql::Twin {
    sqlite: "
        SELECT t.name, CASE WHEN i.origin = 'pk' THEN 'key' ELSE i.name END,
            CASE WHEN i.\"unique\" = 1 THEN 'unique' ELSE 'plain' END,
            CASE WHEN i.partial = 1 THEN SUBSTR(s.sql, INSTR(s.sql, ' WHERE ') + 7) ELSE '' END, c.seqno, c.name
        FROM pragma_table_list AS t
        JOIN pragma_index_list(t.name) AS i
        JOIN pragma_index_info(i.name) AS c
        LEFT JOIN sqlite_schema AS s ON s.name = i.name
        WHERE t.schema = 'main' AND t.type = 'table'
        UNION ALL
        SELECT t.name, 'key', 'unique', '', 0, c.name
        FROM pragma_table_list AS t
        JOIN pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND c.pk = 1
          AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS i WHERE i.origin = 'pk')",
    postgres: "
        SELECT CAST(t.relname AS TEXT), CASE WHEN x.indisprimary THEN 'key' ELSE CAST(i.relname AS TEXT) END,
            CASE WHEN x.indisunique THEN 'unique' ELSE 'plain' END,
            COALESCE(pg_get_expr(x.indpred, x.indrelid), ''), CAST(k.place - 1 AS BIGINT), CAST(a.attname AS TEXT)
        FROM pg_index AS x
        JOIN pg_class AS i ON i.oid = x.indexrelid
        JOIN pg_class AS t ON t.oid = x.indrelid
        JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = 'public'
        CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum",
};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Index {
    table: String,
    name: String,
    unique: String,
    condition: String,
}

fn columns(store: &Store) -> BTreeSet<[String; 4]> {
    let rows = store.read_blocking(|read| read.query(&COLUMNS, &[])).unwrap();
    rows.iter().map(|row| [0, 1, 2, 3].map(|place| row.text(place).unwrap().to_owned())).collect()
}

fn indexes(store: &Store) -> BTreeMap<Index, Vec<String>> {
    let rows = store.read_blocking(|read| read.query(&INDEXES, &[])).unwrap();
    let mut found = BTreeMap::<Index, BTreeMap<i64, String>>::new();
    for row in &rows {
        let text = |place| row.text(place).unwrap().to_owned();
        let index = Index { table: text(0), name: text(1), unique: text(2), condition: plain(&text(3)) };
        found.entry(index).or_default().insert(row.int(4).unwrap(), text(5));
    }
    found.into_iter().map(|(index, columns)| (index, columns.into_values().collect())).collect()
}

/// A condition without what only one database writes: parentheses, type names, upper case.
fn plain(condition: &str) -> String {
    let condition = condition.to_lowercase().replace("::text", "");
    condition.chars().filter(|character| !"()".contains(*character)).collect::<String>().trim().to_owned()
}

#[test]
fn both_databases_have_the_same_columns() {
    let (sqlite, postgres) = (columns(&testing::sqlite().store), columns(&testing::postgres().store));
    assert!(sqlite.len() > 100, "only {} columns were found", sqlite.len());
    assert_eq!(sqlite.difference(&postgres).collect::<Vec<_>>(), Vec::<&[String; 4]>::new(), "only on SQLite");
    assert_eq!(postgres.difference(&sqlite).collect::<Vec<_>>(), Vec::<&[String; 4]>::new(), "only on PostgreSQL");
    let types: BTreeSet<&str> = sqlite.iter().map(|column| column[2].as_str()).collect();
    assert!(types.is_subset(&BTreeSet::from(["bigint", "blob", "text"])), "{types:?}");
}

#[test]
fn both_databases_have_the_same_keys_and_indexes() {
    let (sqlite, postgres) = (indexes(&testing::sqlite().store), indexes(&testing::postgres().store));
    assert!(sqlite.len() > 30, "only {} indexes were found", sqlite.len());
    let only = |one: &BTreeMap<Index, Vec<String>>, other: &BTreeMap<Index, Vec<String>>| -> Vec<String> {
        one.iter().filter(|(index, columns)| other.get(*index) != Some(columns)).map(|row| format!("{row:?}")).collect()
    };
    assert_eq!(only(&sqlite, &postgres), Vec::<String>::new(), "only on SQLite");
    assert_eq!(only(&postgres, &sqlite), Vec::<String>::new(), "only on PostgreSQL");
}

#[test]
fn every_key_and_index_begins_with_the_workspace() {
    for (index, columns) in indexes(&testing::sqlite().store) {
        let exception = WITHOUT_WORKSPACE.iter().find(|(table, _)| *table == index.table);
        let across = ACROSS.iter().find(|(name, _)| *name == index.name);
        let first = exception.or(across).map_or("workspace_id", |(_, key)| *key);
        assert_eq!(columns[0], first, "{} of {}", index.name, index.table);
    }
}
