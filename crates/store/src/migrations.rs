//! The schema's history: numbered texts, the same names for both databases, applied in order
//! inside one transaction when a store opens. An applied text never changes; its checksum is kept.

use domain::ids::WorkspaceId;
use sha2::{Digest, Sha256};

use crate::db::{DbError, Read, Sql, Tx, Value};
use crate::{contacts, tallies};

type Fill = fn(&mut Tx<'_>) -> Result<(), DbError>;

struct Migration {
    name: &'static str,
    sql: Sql,
}

/// Every migration; its place in the list, from 1, is its number.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_foundation",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0001_foundation.sql"),
            postgres: include_str!("../../../migrations/postgres/0001_foundation.sql"),
        },
    },
    Migration {
        name: "0002_receipts",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0002_receipts.sql"),
            postgres: include_str!("../../../migrations/postgres/0002_receipts.sql"),
        },
    },
    Migration {
        name: "0003_upkeep",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0003_upkeep.sql"),
            postgres: include_str!("../../../migrations/postgres/0003_upkeep.sql"),
        },
    },
    Migration {
        name: "0004_sessions",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0004_sessions.sql"),
            postgres: include_str!("../../../migrations/postgres/0004_sessions.sql"),
        },
    },
    Migration {
        name: "0005_tallies",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0005_tallies.sql"),
            postgres: include_str!("../../../migrations/postgres/0005_tallies.sql"),
        },
    },
    Migration {
        name: "0006_contacts",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0006_contacts.sql"),
            postgres: include_str!("../../../migrations/postgres/0006_contacts.sql"),
        },
    },
    Migration {
        name: "0007_inbox",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0007_inbox.sql"),
            postgres: include_str!("../../../migrations/postgres/0007_inbox.sql"),
        },
    },
    Migration {
        name: "0008_failures",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0008_failures.sql"),
            postgres: include_str!("../../../migrations/postgres/0008_failures.sql"),
        },
    },
    Migration {
        name: "0009_team",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0009_team.sql"),
            postgres: include_str!("../../../migrations/postgres/0009_team.sql"),
        },
    },
    Migration {
        name: "0010_carriers",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0010_carriers.sql"),
            postgres: include_str!("../../../migrations/postgres/0010_carriers.sql"),
        },
    },
    Migration {
        name: "0011_zones",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0011_zones.sql"),
            postgres: include_str!("../../../migrations/postgres/0011_zones.sql"),
        },
    },
    Migration {
        name: "0012_consent",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0012_consent.sql"),
            postgres: include_str!("../../../migrations/postgres/0012_consent.sql"),
        },
    },
    Migration {
        name: "0013_registration",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0013_registration.sql"),
            postgres: include_str!("../../../migrations/postgres/0013_registration.sql"),
        },
    },
    Migration {
        name: "0014_addresses",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0014_addresses.sql"),
            postgres: include_str!("../../../migrations/postgres/0014_addresses.sql"),
        },
    },
    Migration {
        name: "0015_copies",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0015_copies.sql"),
            postgres: include_str!("../../../migrations/postgres/0015_copies.sql"),
        },
    },
    Migration {
        name: "0016_turns",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0016_turns.sql"),
            postgres: include_str!("../../../migrations/postgres/0016_turns.sql"),
        },
    },
    Migration {
        name: "0017_plans",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0017_plans.sql"),
            postgres: include_str!("../../../migrations/postgres/0017_plans.sql"),
        },
    },
    Migration {
        name: "0018_webhooks",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0018_webhooks.sql"),
            postgres: include_str!("../../../migrations/postgres/0018_webhooks.sql"),
        },
    },
    Migration {
        name: "0019_event_seals",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0019_event_seals.sql"),
            postgres: include_str!("../../../migrations/postgres/0019_event_seals.sql"),
        },
    },
    Migration {
        name: "0020_payments",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0020_payments.sql"),
            postgres: include_str!("../../../migrations/postgres/0020_payments.sql"),
        },
    },
    Migration {
        name: "0021_views",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0021_views.sql"),
            postgres: include_str!("../../../migrations/postgres/0021_views.sql"),
        },
    },
    Migration {
        name: "0022_operators",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0022_operators.sql"),
            postgres: include_str!("../../../migrations/postgres/0022_operators.sql"),
        },
    },
    Migration {
        name: "0023_bulk_quotes",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0023_bulk_quotes.sql"),
            postgres: include_str!("../../../migrations/postgres/0023_bulk_quotes.sql"),
        },
    },
    Migration {
        name: "0024_erasures",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0024_erasures.sql"),
            postgres: include_str!("../../../migrations/postgres/0024_erasures.sql"),
        },
    },
    Migration {
        name: "0025_reminders",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0025_reminders.sql"),
            postgres: include_str!("../../../migrations/postgres/0025_reminders.sql"),
        },
    },
    Migration {
        name: "0026_mails",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0026_mails.sql"),
            postgres: include_str!("../../../migrations/postgres/0026_mails.sql"),
        },
    },
    Migration {
        name: "0027_carrier_rates",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0027_carrier_rates.sql"),
            postgres: include_str!("../../../migrations/postgres/0027_carrier_rates.sql"),
        },
    },
    Migration {
        name: "0028_filters",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0028_filters.sql"),
            postgres: include_str!("../../../migrations/postgres/0028_filters.sql"),
        },
    },
    Migration {
        name: "0029_operator_acts",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0029_operator_acts.sql"),
            postgres: include_str!("../../../migrations/postgres/0029_operator_acts.sql"),
        },
    },
    Migration {
        name: "0030_import_changes",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0030_import_changes.sql"),
            postgres: include_str!("../../../migrations/postgres/0030_import_changes.sql"),
        },
    },
    Migration {
        name: "0031_lists",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0031_lists.sql"),
            postgres: include_str!("../../../migrations/postgres/0031_lists.sql"),
        },
    },
    Migration {
        name: "0032_room_for_contacts",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0032_room_for_contacts.sql"),
            postgres: include_str!("../../../migrations/postgres/0032_room_for_contacts.sql"),
        },
    },
    Migration {
        name: "0033_words_due",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0033_words_due.sql"),
            postgres: include_str!("../../../migrations/postgres/0033_words_due.sql"),
        },
    },
    Migration {
        name: "0034_names_in_order",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0034_names_in_order.sql"),
            postgres: include_str!("../../../migrations/postgres/0034_names_in_order.sql"),
        },
    },
    Migration {
        name: "0035_runs",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0035_runs.sql"),
            postgres: include_str!("../../../migrations/postgres/0035_runs.sql"),
        },
    },
    Migration {
        name: "0036_on_the_way",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0036_on_the_way.sql"),
            postgres: include_str!("../../../migrations/postgres/0036_on_the_way.sql"),
        },
    },
    Migration {
        name: "0037_conversations_by_side",
        sql: Sql::Twin {
            sqlite: include_str!("../../../migrations/sqlite/0037_conversations_by_side.sql"),
            postgres: include_str!("../../../migrations/postgres/0037_conversations_by_side.sql"),
        },
    },
];

/// What only the program can work out of rows that are there already, by the migration that needs it. It runs once the
/// schema is the newest, so that it may use every statement of this version.
const FILLS: &[(&str, Fill)] = &[("0005_tallies", count_all), ("0034_names_in_order", sort_all_in)];

const WORKSPACES: Sql = Sql::Same("SELECT workspace_id FROM workspaces ORDER BY workspace_id");

/// Counts what happened before anything was counted.
fn count_all(tx: &mut Tx<'_>) -> Result<(), DbError> {
    for row in tx.query(&WORKSPACES, &[])? {
        tallies::take_again(tx, WorkspaceId(row.int(0)?))?;
    }
    Ok(())
}

/// Gives a place by name to contacts that had none.
fn sort_all_in(tx: &mut Tx<'_>) -> Result<(), DbError> {
    for row in tx.query(&WORKSPACES, &[])? {
        contacts::sort_in(tx, WorkspaceId(row.int(0)?))?;
    }
    Ok(())
}

/// On a server several programs may start at once: one migrates, the others wait for it.
const LOCK: Sql = Sql::Twin {
    sqlite: "SELECT 1",
    postgres: "
        SET LOCAL statement_timeout = 0;
        SELECT pg_advisory_xact_lock(7236837011465)",
};

const CREATE_TABLE: Sql = Sql::Same(
    "CREATE TABLE IF NOT EXISTS schema_migrations (
        number BIGINT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL
    )",
);

const IS_THERE: Sql = Sql::Twin {
    sqlite: "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
    postgres: "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_migrations'",
};

const LIST_APPLIED: Sql = Sql::Same(
    "SELECT number, checksum
    FROM schema_migrations
    ORDER BY number",
);

const RECORD_APPLIED: Sql = Sql::Same(
    "INSERT INTO schema_migrations (number, name, checksum)
    VALUES ($1, $2, $3)",
);

pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("migrations::WORKSPACES", &WORKSPACES),
    ("migrations::CREATE_TABLE", &CREATE_TABLE),
    ("migrations::IS_THERE", &IS_THERE),
    ("migrations::LIST_APPLIED", &LIST_APPLIED),
    ("migrations::RECORD_APPLIED", &RECORD_APPLIED),
];

/// Every migration's text, in order.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn texts() -> impl Iterator<Item = Sql> {
    MIGRATIONS.iter().map(|migration| migration.sql)
}

/// Applies what the database lacks; answers its version.
pub(crate) fn apply(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    apply_list(tx, MIGRATIONS)
}

/// Answers the version of a database that is only to be read; it must be the newest.
pub(crate) fn check(read: &Read<'_>) -> Result<i64, DbError> {
    let there = read.query_one(&IS_THERE, &[])?.int(0)? > 0;
    let database = if there { applied(read, MIGRATIONS)? } else { 0 };
    let program = newest(MIGRATIONS);
    if database < program { Err(DbError::Older { database, program }) } else { Ok(database) }
}

fn newest(migrations: &[Migration]) -> i64 {
    i64::try_from(migrations.len()).expect("a short list")
}

/// The number of the last migration that the database has, all of which must be ours.
fn applied(read: &Read<'_>, migrations: &[Migration]) -> Result<i64, DbError> {
    let mut version = 0;
    for row in read.query(&LIST_APPLIED, &[])? {
        version = row.int(0)?;
        let known = usize::try_from(version - 1).ok().and_then(|place| migrations.get(place));
        let known = known.ok_or(DbError::Newer { database: version, program: newest(migrations) })?;
        if checksum(read, known) != row.text(1)? {
            return Err(DbError::MigrationChanged { name: known.name.to_owned() });
        }
    }
    Ok(version)
}

fn apply_list(tx: &mut Tx<'_>, migrations: &[Migration]) -> Result<i64, DbError> {
    tx.batch(&LOCK)?;
    tx.batch(&CREATE_TABLE)?;
    let version = applied(tx, migrations)?;
    for (number, migration) in (1..).zip(migrations).skip(usize::try_from(version).expect("a known version")) {
        let failed = |error| DbError::Migration { name: migration.name, source: Box::new(error) };
        tx.batch(&migration.sql).map_err(failed)?;
        let record = [Value::Int(number), migration.name.into(), checksum(tx, migration).into()];
        tx.execute(&RECORD_APPLIED, &record)?;
    }
    for migration in migrations.iter().skip(usize::try_from(version).expect("a known version")) {
        let failed = |error| DbError::Migration { name: migration.name, source: Box::new(error) };
        let fill = FILLS.iter().find(|(name, _)| *name == migration.name);
        fill.map_or(Ok(()), |(_, fill)| fill(tx)).map_err(failed)?;
    }
    Ok(newest(migrations))
}

/// The checksum of the text that this database runs. Line ends do not count: a checkout may change them.
fn checksum(read: &Read<'_>, migration: &Migration) -> String {
    let text = read.text(&migration.sql).replace('\r', "");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::{Lane, testing};

    const GOOD: Migration = Migration { name: "0001_good", sql: Sql::Same("CREATE TABLE good (id BIGINT); SELECT 1;") };
    const BAD: Migration =
        Migration { name: "0002_bad", sql: Sql::Same("CREATE TABLE bad (id BIGINT); INSERT nonsense") };

    #[test]
    fn both_folders_hold_exactly_the_listed_migrations() {
        let listed: Vec<String> = MIGRATIONS.iter().map(|migration| format!("{}.sql", migration.name)).collect();
        for folder in ["sqlite", "postgres"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
            let entries = fs::read_dir(path).unwrap();
            let mut found: Vec<String> = entries.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            assert_eq!(found, listed, "{folder}");
        }
        for (number, migration) in (1..).zip(MIGRATIONS) {
            assert!(migration.name.starts_with(&format!("{number:04}_")), "{} is out of order", migration.name);
        }
    }

    /// The database as it was before whatever runs had rows of its own, with one enrollment that runs and one that has ended.
    const BEFORE_RUNS: Sql = Sql::Same(
        "DROP TABLE runs;
        DROP INDEX enrollments_past;
        CREATE UNIQUE INDEX enrollments_running ON enrollments (workspace_id, contact_id) WHERE state = 'active';
        CREATE INDEX enrollments_by_workflow ON enrollments (workspace_id, workflow_id) WHERE state = 'active';
        CREATE INDEX enrollments_by_contact ON enrollments (workspace_id, contact_id, enrollment_id);
        INSERT INTO enrollments (workspace_id, enrollment_id, contact_id, workflow_id, version, state, number_id, place, field_values,
            prices, rate_micros, next_step, started_by, started_at)
        VALUES (1, 10, 2, 7, 1, 'active', 5, '', '', '', 0, 1, '', 0), (1, 11, 3, 7, 1, 'completed', 5, '', '', '', 0, 1, '', 0);
        DELETE FROM schema_migrations WHERE number >= 35",
    );

    #[test]
    fn what_runs_when_runs_get_rows_of_their_own_has_one() {
        const RUNS: Sql = Sql::Same("SELECT workspace_id, contact_id, enrollment_id, workflow_id FROM runs");
        for db in testing::databases() {
            let runs = db.store.write_blocking(Lane::Normal, |tx| {
                tx.batch(&BEFORE_RUNS)?;
                apply_list(tx, &MIGRATIONS[..35])?;
                let rows = tx.query(&RUNS, &[])?;
                rows.iter().map(|row| Ok([row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?])).collect()
            });
            assert_eq!(runs.map_err(|error: DbError| error.to_string()), Ok(vec![[1, 2, 10, 7]]), "{}", db.name);
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_of_itself_or_of_those_before() {
        const FORGET: Sql = Sql::Same("DELETE FROM schema_migrations");
        for db in testing::databases() {
            db.store.write_blocking(Lane::Normal, |tx| tx.execute(&FORGET, &[])).unwrap();
            let error = db.store.write_blocking(Lane::Normal, |tx| apply_list(tx, &[GOOD, BAD])).unwrap_err();
            assert!(matches!(error, DbError::Migration { name: "0002_bad", .. }), "{}: {error:?}", db.name);
            let version = db.store.write_blocking(Lane::Normal, |tx| apply_list(tx, &[GOOD]));
            assert_eq!(version.unwrap(), 1, "{}", db.name);
        }
    }
}
