//! The text of a statement: one for both databases nearly always, two side by side where they
//! truly differ. Parameters are `$1`, `$2`, … in both.

use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};

use super::Value;

/// A statement, written once as a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sql {
    /// The same text on both databases.
    Same(&'static str),
    /// One text for each database; both take the same parameters and answer the same columns.
    Twin {
        /// The text for SQLite.
        sqlite: &'static str,
        /// The text for PostgreSQL.
        postgres: &'static str,
    },
}

impl Sql {
    pub(super) fn sqlite(&self) -> &'static str {
        match self {
            Self::Same(text) => text,
            Self::Twin { sqlite, .. } => sqlite,
        }
    }

    pub(super) fn postgres(&self) -> &'static str {
        match self {
            Self::Same(text) => text,
            Self::Twin { postgres, .. } => postgres,
        }
    }
}

/// A statement for many rows of `N` values.
///
/// | database | how it runs | the values of a row |
/// |---|---|---|
/// | SQLite | once for each row | the parameters after the shared ones |
/// | PostgreSQL | once for all | members, by these names, of the objects of one JSON document, the parameter after the shared ones |
///
/// SQLite has no network to save, and reads a document of rows slower than it writes them; PostgreSQL is the other way round.
#[derive(Debug, Clone, Copy)]
pub struct Each<const N: usize> {
    /// The names in the document.
    pub columns: [&'static str; N],
    /// Both texts.
    pub sql: Sql,
}

/// Rows as PostgreSQL takes them.
pub(super) struct Document<'a, const N: usize> {
    pub(super) columns: &'a [&'static str; N],
    pub(super) rows: &'a [[Value; N]],
}

impl<const N: usize> Serialize for Document<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Named(self.columns, row)))
    }
}

struct Named<'a>(&'a [&'static str], &'a [Value]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0.iter().zip(self.1) {
            match value {
                Value::Int(value) => object.serialize_entry(name, value)?,
                Value::Text(value) => object.serialize_entry(name, value)?,
                Value::NullInt | Value::NullText | Value::NullBytes => object.serialize_entry(name, &())?,
                Value::Bytes(_) => return Err(S::Error::custom("bytes do not go into a document")),
            }
        }
        object.end()
    }
}

/// Whether a statement may only read, told from its words: SQLite says so itself, PostgreSQL
/// does not. `SELECT … FOR UPDATE` reads: it locks rows, which a transaction that writes may do.
pub(super) fn only_reads(text: &str) -> bool {
    let words = words(text);
    let opens_as_read = words.first().is_some_and(|first| matches!(first.as_str(), "SELECT" | "WITH" | "VALUES"));
    let writes = words.iter().enumerate().any(|(place, word)| match word.as_str() {
        "INSERT" | "DELETE" | "MERGE" => true,
        "UPDATE" => place == 0 || !matches!(words[place - 1].as_str(), "FOR" | "KEY"),
        _ => false,
    });
    opens_as_read && !writes
}

/// The bare words of a statement in capitals, without literals, quoted names and comments.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\'' | '"' => after(&rest[1..], if first == '"' { "\"" } else { "'" }),
            '-' if rest.starts_with("--") => after(rest, "\n"),
            '/' if rest.starts_with("/*") => after(rest, "*/"),
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                words.push(rest[..end].to_ascii_uppercase());
                &rest[end..]
            }
            _ => &rest[first.len_utf8()..],
        };
    }
    words
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |at| &text[at + mark.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_writes_is_known_by_its_words() {
        let cases = [
            ("SELECT a FROM t WHERE b = 'delete it'", true),
            ("SELECT \"update\" FROM t -- insert nothing", true),
            ("SELECT a FROM t FOR UPDATE SKIP LOCKED", true),
            ("SELECT a FROM t FOR NO KEY UPDATE", true),
            ("/* delete */ WITH x AS (SELECT 1) SELECT a FROM x", true),
            ("SELECT updated_at, deleted FROM t", true),
            ("SELECT 'it''s' FROM t", true),
            ("WITH gone AS (DELETE FROM t RETURNING a) SELECT a FROM gone", false),
            ("WITH x AS (SELECT 1) UPDATE t SET a = 1", false),
            ("insert into t VALUES (1) RETURNING a", false),
            ("UPDATE t SET a = 1", false),
            ("CREATE TABLE t (a BIGINT)", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(only_reads(text), expected, "{text}");
        }
    }
}
