//! The text of a statement: one for both databases nearly always, two side by side where they
//! truly differ. Parameters are `$1`, `$2`, … in both.

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
/// | PostgreSQL | once for all | the members, at its place, of the `N` arrays that are the parameters after the shared ones: `UNNEST($2::BIGINT[], $3::TEXT[]) AS t (id, word)` |
///
/// SQLite has no network to save; a document of rows it reads slower than it writes them. PostgreSQL takes a statement for all, and arrays
/// of numbers as they are: one JSON document costs it more than the update that it is for (`docs/decisions/0036`).
///
/// On SQLite one that inserts what it selects says `INSERT OR FAIL`: otherwise each page that it changes is copied for each row, to take back
/// what it inserted before an error, though an error takes back the whole job (`docs/decisions/0047`).
#[derive(Debug, Clone, Copy)]
pub struct Each<const N: usize>(pub Sql);

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
