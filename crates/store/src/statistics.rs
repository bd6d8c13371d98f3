//! What PostgreSQL's planner knows of tables that have just grown.
//!
//! It knows nothing of a table until somebody analyzes it, and autovacuum looks once a minute. Until then a table that was filled by one import
//! counts as empty, any index is as good as another to the planner, and a statement for 256 contacts walks through all of them: on a fresh
//! database with 20,000 contacts the first minute of sending went at a tenth of the speed. So while somebody makes many rows (`engine/src/growth.rs`) the
//! tables are looked at that are more than half new. SQLite has fixed statistics from the migrations and needs none of this.

use crate::{DbError, Read, Sql, Tx};

// Of the catalog; no row of a workspace is read.
static STALE: Sql = Sql::Twin {
    sqlite: "SELECT name, 0 FROM sqlite_schema WHERE FALSE",
    postgres: "
        SELECT CAST(s.relname AS TEXT), CASE WHEN c.reltuples < 1000000 THEN 1 ELSE 0 END FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
        WHERE s.schemaname = current_schema() AND s.n_mod_since_analyze > 1000
          AND s.n_mod_since_analyze > GREATEST(c.reltuples, 0) / 2",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("statistics::STALE", &STALE)];

/// The tables that grow with the work, each with how it is looked at. One that somebody looks at already is passed over.
static ANALYZE: [(&str, Sql); 13] = [
    ("contacts", analyze("ANALYZE (SKIP_LOCKED) contacts")),
    ("contact_words", analyze("ANALYZE (SKIP_LOCKED) contact_words")),
    ("contact_labels", analyze("ANALYZE (SKIP_LOCKED) contact_labels")),
    ("consents", analyze("ANALYZE (SKIP_LOCKED) consents")),
    ("enrollments", analyze("ANALYZE (SKIP_LOCKED) enrollments")),
    ("runs", analyze("ANALYZE (SKIP_LOCKED) runs")),
    ("messages", analyze("ANALYZE (SKIP_LOCKED) messages")),
    ("carrier_messages", analyze("ANALYZE (SKIP_LOCKED) carrier_messages")),
    ("conversations", analyze("ANALYZE (SKIP_LOCKED) conversations")),
    ("events", analyze("ANALYZE (SKIP_LOCKED) events")),
    ("transfers", analyze("ANALYZE (SKIP_LOCKED) transfers")),
    ("suppressions", analyze("ANALYZE (SKIP_LOCKED) suppressions")),
    ("webhook_deliveries", analyze("ANALYZE (SKIP_LOCKED) webhook_deliveries")),
];

/// At 3,000 rows, not at 30,000: enough to tell that a table is no longer empty, as long as it has fewer than a million rows and is looked at again
/// and again while it grows (`docs/decisions/0036`, `0048`). Autovacuum looks closely when a tenth of it has changed again.
static QUICKLY: Sql = analyze("SET LOCAL default_statistics_target = 10");

const fn analyze(postgres: &'static str) -> Sql {
    Sql::Twin { sqlite: "SELECT 1 WHERE FALSE", postgres }
}

/// A table more than half of which the planner does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// Its name.
    pub table: &'static str,
    /// Whether the planner takes it for one of fewer than a million rows.
    pub small: bool,
    analyze: &'static Sql,
}

/// Those tables; none on SQLite.
pub fn stale(db: &Read<'_>) -> Result<Vec<Stale>, DbError> {
    let rows = db.query(&STALE, &[])?;
    let found = rows.iter().map(|row| Ok((row.text(0)?, row.flag(1)?))).collect::<Result<Vec<_>, DbError>>()?;
    let stale = |(table, analyze): &'static (&'static str, Sql)| {
        let (_, small) = found.iter().find(|(name, _)| name == table)?;
        Some(Stale { table, small: *small, analyze })
    };
    Ok(ANALYZE.iter().filter_map(stale).collect())
}

/// Has the planner look at a table.
pub fn refresh(tx: &mut Tx<'_>, stale: Stale) -> Result<(), DbError> {
    if stale.small {
        tx.run(&QUICKLY, &[])?;
    }
    tx.execute(stale.analyze, &[]).map(|_| ())
}
