//! A whole database into another: from SQLite to PostgreSQL when one machine is not enough, or back.
//!
//! | step | what holds afterwards |
//! |---|---|
//! | check | both have the same schema, nobody serves either, the target is empty or an unfinished copy of this source |
//! | mark | no server opens the target ([`unfinished`]) |
//! | fill | table by table in the order of the keys, in batches that commit; whoever breaks it off goes on after the last row |
//! | compare | rows, and a sum over each column, are the same in both |
//! | finish | the mark says so, and servers open it |
//!
//! Statements are written from the schema itself, so that a new table or column is never forgotten; names come from the
//! migrations and from nowhere else.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::db::{DbError, Lane, Read, Row, Sql, Store, Tx, Value};
use crate::json;

/// How many rows go in one transaction.
const ROWS_PER_BATCH: i64 = 2_000;
/// Keeps sums of identifiers and times within 64 bits for 10¹² rows.
const MODULUS: i64 = 1_000_003;
/// A node that has left keeps its number for a second; one that serves has it for a minute and more. Microseconds.
const LEFT: i64 = 2_000_000;
/// Of each database's own.
const OWN: [&str; 2] = ["schema_migrations", "copies"];

/// Table, column, type; in the order of the table's columns.
const COLUMNS: Sql = Sql::Twin {
    sqlite: "SELECT t.name, c.name, LOWER(c.type)
        FROM pragma_table_list AS t
        JOIN pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY t.name, c.cid",
    postgres:
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), REPLACE(CAST(data_type AS TEXT), 'bytea', 'blob')
        FROM information_schema.columns
        WHERE table_schema = current_schema()
        ORDER BY table_name, ordinal_position",
};

/// Table and column of the primary keys, in the order of the keys.
const KEYS: Sql = Sql::Twin {
    sqlite: "SELECT t.name, c.name
        FROM pragma_table_list AS t
        JOIN pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND c.pk > 0
        ORDER BY t.name, c.pk",
    postgres: "SELECT CAST(t.relname AS TEXT), CAST(a.attname AS TEXT)
        FROM pg_index AS x
        JOIN pg_class AS t ON t.oid = x.indrelid
        JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema()
        CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum
        WHERE x.indisprimary
        ORDER BY t.relname, k.place",
};

const FIND: Sql = Sql::Same("SELECT source, finished_at FROM copies ORDER BY started_at DESC LIMIT 1");

const BEGIN: Sql = Sql::Same("INSERT INTO copies (source, started_at, finished_at) VALUES ($1, $2, NULL)");

const FINISH: Sql = Sql::Same("UPDATE copies SET finished_at = $1 WHERE finished_at IS NULL");

const SERVED: Sql = Sql::Same("SELECT COUNT(*) FROM nodes WHERE lease_until > $1");

pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("copies::COLUMNS", &COLUMNS),
    ("copies::KEYS", &KEYS),
    ("copies::FIND", &FIND),
    ("copies::BEGIN", &BEGIN),
    ("copies::FINISH", &FINISH),
    ("copies::SERVED", &SERVED),
];

/// Why a database is not copied. What was copied so far stays, and the next try goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Source or target failed.
    #[error("the {0} cannot be used")]
    Db(Side, #[source] DbError),
    /// It would be copied into itself.
    #[error("source and target are the same database")]
    Same,
    /// A server would change it meanwhile.
    #[error("a server uses the {0}: stop it first; after a kill its place is kept for two minutes")]
    Served(Side),
    /// The target holds something that is no copy of this source.
    #[error("the target is not empty: its table {table} has rows; name a fresh database")]
    NotEmpty {
        /// Its first table with rows.
        table: String,
    },
    /// The target is an unfinished copy of something else.
    #[error("the target is an unfinished copy of {source_name}; go on with that, or name a fresh database")]
    Another {
        /// What it is a copy of.
        source_name: String,
    },
    /// The rows are not the same after all.
    #[error("{table}.{column} differs: {source_sum} in the source, {target_sum} in the target; name a fresh database")]
    Differs {
        /// The table.
        table: String,
        /// The column, or `rows`.
        column: String,
        /// The source's count or sum.
        source_sum: i64,
        /// The target's.
        target_sum: i64,
    },
}

/// Which of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From where.
    Source,
    /// To where.
    Target,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress<'t> {
    /// The table at hand.
    pub table: &'t str,
    /// How many of its rows are in the target.
    pub rows: i64,
    /// How many it has.
    pub all: i64,
}

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: i64,
}

/// What a database that is an unfinished copy is a copy of; a server must not open it.
///
/// # Errors
/// As any read.
pub fn unfinished(read: &Read<'_>) -> Result<Option<String>, DbError> {
    let row = read.query_optional(&FIND, &[])?;
    let row = row.filter(|row| row.opt_int(1).ok().flatten().is_none());
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// Copies everything, or goes on where it was broken off. Blocks; `progress` is told after each batch.
///
/// # Errors
/// See [`CopyError`].
pub fn copy(
    from: &Store,
    to: &Store,
    now: Timestamp,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<Vec<Copied>, CopyError> {
    let (source, target) =
        (&move |error| CopyError::Db(Side::Source, error), &move |error| CopyError::Db(Side::Target, error));
    // A file is one process's at a time anyway.
    let servers =
        [(Side::Source, from), (Side::Target, to)].into_iter().filter(|(_, store)| store.address().is_server());
    for (side, store) in servers {
        let at = json::micros(now).saturating_add(LEFT);
        let served = store.read_blocking(move |read| read.query_one(&SERVED, &[at.into()])?.int(0));
        if served.map_err(|error| CopyError::Db(side, error))? > 0 {
            return Err(CopyError::Served(side));
        }
    }
    let tables = from.read_blocking(tables).map_err(source)?;
    mark(from, to, &tables, now)?;
    let mut copied = Vec::with_capacity(tables.len());
    for table in &tables {
        let all = sums(from, table).map_err(source)?;
        let mut rows = sums(to, table).map_err(target)?[0];
        let mut after = to.read_blocking(table.with(Table::last)).map_err(target)?;
        loop {
            progress(&Progress { table: &table.name, rows, all: all[0] });
            let batch = from.read_blocking(table.with_after(after)).map_err(source)?;
            let Some(last) = batch.last().map(|row| table.key_of(row)).transpose().map_err(source)? else { break };
            rows += i64::try_from(batch.len()).unwrap_or(i64::MAX);
            let document = table.document(&batch).map_err(source)?;
            let insert = table.insert();
            let write = move |tx: &mut Tx<'_>| tx.execute(&insert, &[document.as_str().into()]);
            to.write_blocking::<_, DbError, _>(Lane::Bulk, write).map_err(target)?;
            after = Some(last);
        }
        compare(table, &all, &sums(to, table).map_err(target)?)?;
        copied.push(Copied { table: table.name.clone(), rows: all[0] });
    }
    let at = json::micros(now);
    to.write_blocking::<_, DbError, _>(Lane::Normal, move |tx| tx.execute(&FINISH, &[at.into()])).map_err(target)?;
    Ok(copied)
}

/// Takes the target for this copy.
fn mark(from: &Store, to: &Store, tables: &[Table], now: Timestamp) -> Result<(), CopyError> {
    let target = |error| CopyError::Db(Side::Target, error);
    let name = from.address().to_string();
    match to.read_blocking(unfinished).map_err(target)? {
        Some(source_name) if source_name == name => return Ok(()),
        Some(source_name) => return Err(CopyError::Another { source_name }),
        None => {}
    }
    for table in tables {
        if sums(to, table).map_err(target)?[0] > 0 {
            return Err(CopyError::NotEmpty { table: table.name.clone() });
        }
    }
    let at = json::micros(now);
    let begin = move |tx: &mut Tx<'_>| tx.execute(&BEGIN, &[name.as_str().into(), at.into()]).map(drop);
    to.write_blocking(Lane::Normal, begin).map_err(target)
}

/// How many rows a table has, and the sum over each column.
fn sums(store: &Store, table: &Table) -> Result<Vec<i64>, DbError> {
    let (sums, columns) = (table.sums(), table.columns.len());
    store.read_blocking(move |read| {
        let row = read.query_one(&sums, &[])?;
        (0..=columns).map(|place| row.int(place)).collect()
    })
}

fn compare(table: &Table, source: &[i64], target: &[i64]) -> Result<(), CopyError> {
    let names = std::iter::once("rows").chain(table.columns.iter().map(|column| column.name.as_str()));
    for ((column, source_sum), target_sum) in names.zip(source).zip(target) {
        if source_sum != target_sum {
            let (table, column) = (table.name.clone(), column.to_owned());
            return Err(CopyError::Differs { table, column, source_sum: *source_sum, target_sum: *target_sum });
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Int,
    Text,
    Bytes,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    of: Type,
}

/// A table as the schema tells it.
#[derive(Debug, Clone)]
struct Table {
    name: String,
    columns: Vec<Column>,
    /// The places of the key's columns.
    key: Vec<usize>,
}

/// Every table but those of each database's own, in the order of their names.
fn tables(read: &Read<'_>) -> Result<Vec<Table>, DbError> {
    let mut tables = BTreeMap::<String, Table>::new();
    for row in read.query(&COLUMNS, &[])? {
        let (name, of) = (row.text(0)?.to_owned(), row.text(2)?);
        let of = match of {
            "bigint" => Type::Int,
            "text" => Type::Text,
            "blob" => Type::Bytes,
            other => return Err(json::unreadable("a column's type", other)),
        };
        let table = Table { name: name.clone(), columns: Vec::new(), key: Vec::new() };
        let column = Column { name: row.text(1)?.to_owned(), of };
        tables.entry(name).or_insert(table).columns.push(column);
    }
    for row in read.query(&KEYS, &[])? {
        let Some(table) = tables.get_mut(row.text(0)?) else { continue };
        let column = row.text(1)?;
        table.key.extend(table.columns.iter().position(|of| of.name == column));
    }
    Ok(tables.into_values().filter(|table| !OWN.contains(&table.name.as_str())).collect())
}

/// A statement that is written while the program runs: a few for each table, once in the life of a copying process.
fn made(sqlite: String, postgres: String) -> Sql {
    Sql::Twin { sqlite: Box::leak(sqlite.into_boxed_str()), postgres: Box::leak(postgres.into_boxed_str()) }
}

impl Table {
    /// A read of this table, as a closure of its own.
    fn with<T: Send + 'static>(
        &self,
        work: fn(&Self, &Read<'_>) -> Result<T, DbError>,
    ) -> impl Fn(&Read<'_>) -> Result<T, DbError> + Send + 'static + use<T> {
        let table = self.clone();
        move |read| work(&table, read)
    }

    /// The rows after a key.
    fn with_after(
        &self,
        after: Option<Vec<Value>>,
    ) -> impl Fn(&Read<'_>) -> Result<Vec<Row>, DbError> + Send + 'static + use<> {
        let (page, mut params) = (self.page(after.is_some()), after.unwrap_or_default());
        params.push(ROWS_PER_BATCH.into());
        move |read| read.query(&page, &params)
    }

    fn names(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The key's columns, each followed by this. PostgreSQL compares texts byte by byte only if it is told to.
    fn keyed(&self, postgres: bool, followed: &str) -> String {
        let column = |place: &usize| {
            let Column { name, of } = &self.columns[*place];
            let collated = if postgres && *of == Type::Text { " COLLATE \"C\"" } else { "" };
            format!("{name}{collated}{followed}")
        };
        self.key.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    fn page(&self, after: bool) -> Sql {
        let write = |postgres| {
            let (names, table, order) = (self.names(), &self.name, self.keyed(postgres, ""));
            let params: Vec<String> = (1..=self.key.len()).map(|place| format!("${place}")).collect();
            let past = format!(" WHERE ({order}) > ({})", params.join(", "));
            let (past, limit) = if after { (past, self.key.len() + 1) } else { (String::new(), 1) };
            format!("SELECT {names} FROM {table}{past} ORDER BY {order} LIMIT ${limit}")
        };
        made(write(false), write(true))
    }

    /// The last key that is there.
    fn last(&self, read: &Read<'_>) -> Result<Option<Vec<Value>>, DbError> {
        let write = |postgres| {
            let (names, table, order) = (self.names(), &self.name, self.keyed(postgres, " DESC"));
            format!("SELECT {names} FROM {table} ORDER BY {order} LIMIT 1")
        };
        let row = read.query_optional(&made(write(false), write(true)), &[])?;
        row.map(|row| self.key_of(&row)).transpose()
    }

    fn key_of(&self, row: &Row) -> Result<Vec<Value>, DbError> {
        let value = |place: &usize| {
            Ok(match self.columns[*place].of {
                Type::Int => row.int(*place)?.into(),
                Type::Text => row.text(*place)?.into(),
                Type::Bytes => row.bytes(*place)?.into(),
            })
        };
        self.key.iter().map(value).collect()
    }

    /// Rows as one parameter: a list of lists, bytes as hexadecimal digits.
    fn document(&self, rows: &[Row]) -> Result<String, DbError> {
        use serde_json::Value as Json;
        let cell = |row: &Row, place: usize| {
            Ok::<_, DbError>(match self.columns[place].of {
                Type::Int => row.opt_int(place)?.map_or(Json::Null, Json::from),
                Type::Text => row.opt_text(place)?.map_or(Json::Null, Json::from),
                Type::Bytes => row.opt_bytes(place)?.map_or(Json::Null, |bytes| Json::from(hex(bytes))),
            })
        };
        let mut list = Vec::with_capacity(rows.len());
        for row in rows {
            list.push((0..self.columns.len()).map(|place| cell(row, place)).collect::<Result<Vec<_>, _>>()?);
        }
        json::text(&list)
    }

    fn insert(&self) -> Sql {
        let cells = |write: &dyn Fn(usize, Type) -> String| {
            let all = self.columns.iter().enumerate().map(|(place, column)| write(place, column.of));
            all.collect::<Vec<_>>().join(", ")
        };
        let sqlite = cells(&|place, of| match of {
            Type::Bytes => format!("unhex(value ->> {place})"),
            Type::Int | Type::Text => format!("value ->> {place}"),
        });
        let postgres = cells(&|place, of| match of {
            Type::Bytes => format!("decode(value ->> {place}, 'hex')"),
            Type::Int => format!("CAST(value ->> {place} AS BIGINT)"),
            Type::Text => format!("value ->> {place}"),
        });
        let (table, names) = (&self.name, self.names());
        made(
            format!("INSERT INTO {table} ({names}) SELECT {sqlite} FROM json_each($1)"),
            format!(
                "INSERT INTO {table} ({names}) SELECT {postgres} FROM jsonb_array_elements($1::text::jsonb) AS rows (value)"
            ),
        )
    }

    fn sums(&self) -> Sql {
        let of = |column: &Column| {
            let Column { name, of } = column;
            match of {
                Type::Int => format!("CAST(COALESCE(SUM({name} % {MODULUS}), 0) AS BIGINT)"),
                Type::Text | Type::Bytes => format!("CAST(COALESCE(SUM(LENGTH({name}) + 1), 0) AS BIGINT)"),
            }
        };
        let sums = self.columns.iter().map(of).collect::<Vec<_>>().join(", ");
        let text = format!("SELECT CAST(COUNT(*) AS BIGINT), {sums} FROM {}", self.name);
        made(text.clone(), text)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
