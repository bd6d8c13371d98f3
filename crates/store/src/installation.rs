//! All workspaces of the installation, for whoever runs it: a page of them, each with what it has, sends and brings.
//!
//! A page is a few statements over the workspaces on it, however many they are: none is asked for by itself. Names are looked
//! through by the caller, as only the program knows what is the same letter in every script.

use std::collections::HashMap;

use domain::ids::{CarrierId, WorkspaceId};
use domain::plan::Standing;
use domain::tally::{Count, Leg, What};

use crate::workspaces::{self, Workspace};
use crate::{DbError, Read, Row, Sql, Value, json};

static NAMES: Sql = Sql::Same(
    "
    SELECT workspace_id, name FROM workspaces WHERE workspace_id < $1 ORDER BY workspace_id DESC LIMIT $2",
);

macro_rules! some {
    () => {
        "SELECT w.workspace_id, w.name, w.zone, w.plan, w.rate_micros, w.settings, w.messages_per_minute, w.paced_until,
            w.created_at, w.suspended_at, w.suspended_because, p.name, s.standing, s.grace_until
        FROM workspaces w
        LEFT JOIN subscriptions s ON s.workspace_id = w.workspace_id
        LEFT JOIN plans p ON p.plan_id = s.plan_id
        WHERE w.workspace_id "
    };
}

macro_rules! in_list {
    (sqlite) => {
        "IN (SELECT value FROM json_each($1))"
    };
    (postgres) => {
        "= ANY ($1::BIGINT[])"
    };
}

static SOME: Sql =
    Sql::Twin { sqlite: concat!(some!(), in_list!(sqlite)), postgres: concat!(some!(), in_list!(postgres)) };

static AVAILABLE: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT workspace_id, unit, balance FROM accounts WHERE account = 'available' AND workspace_id ",
        in_list!(sqlite)
    ),
    postgres: concat!(
        "SELECT workspace_id, unit, balance FROM accounts WHERE account = 'available' AND workspace_id ",
        in_list!(postgres)
    ),
};

static SUMS: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT workspace_id, what, SUM(count), SUM(segments), SUM(micros) FROM tallies WHERE workspace_id ",
        in_list!(sqlite),
        " AND workflow_id = 0 AND step = 0 AND day >= $2 AND (what = 'sent' OR what LIKE 'money.%')
        GROUP BY workspace_id, what"
    ),
    postgres: concat!(
        "SELECT workspace_id, what, CAST(SUM(count) AS BIGINT), CAST(SUM(segments) AS BIGINT), CAST(SUM(micros) AS BIGINT)
        FROM tallies WHERE workspace_id ",
        in_list!(postgres),
        " AND workflow_id = 0 AND step = 0 AND day >= $2 AND (what = 'sent' OR what LIKE 'money.%')
        GROUP BY workspace_id, what"
    ),
};

static LEGS: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT workspace_id, day, what, count, segments FROM tallies WHERE workspace_id ",
        in_list!(sqlite),
        " AND workflow_id = 0 AND step = 0 AND day >= $2 AND (what LIKE 'out.%' OR what LIKE 'in.%')"
    ),
    postgres: concat!(
        "SELECT workspace_id, day, what, count, segments FROM tallies WHERE workspace_id ",
        in_list!(postgres),
        " AND workflow_id = 0 AND step = 0 AND day >= $2 AND (what LIKE 'out.%' OR what LIKE 'in.%')"
    ),
};

/// Removed accounts too: they have carried texts.
static KINDS: Sql = Sql::Twin {
    sqlite: concat!("SELECT carrier_id, kind FROM carriers WHERE workspace_id ", in_list!(sqlite)),
    postgres: concat!("SELECT carrier_id, kind FROM carriers WHERE workspace_id ", in_list!(postgres)),
};

/// One probe of the tallies' key for each workspace. `CROSS JOIN` keeps SQLite from walking through all tallies instead.
static TEXTS: Sql = Sql::Twin {
    sqlite: "
        SELECT t.what, SUM(t.count)
        FROM workspaces w
        CROSS JOIN tallies t ON t.workspace_id = w.workspace_id AND t.workflow_id = 0 AND t.step = 0 AND t.day >= $1
        WHERE t.what IN ('sent', 'failed', 'undelivered')
        GROUP BY t.what",
    postgres: "
        SELECT t.what, CAST(SUM(t.count) AS BIGINT)
        FROM workspaces w
        CROSS JOIN LATERAL (
            SELECT d.what, d.count FROM tallies d
            WHERE d.workspace_id = w.workspace_id AND d.workflow_id = 0 AND d.step = 0 AND d.day >= $1
              AND d.what IN ('sent', 'failed', 'undelivered')) AS t
        GROUP BY t.what",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("installation::NAMES", &NAMES),
    ("installation::SOME", &SOME),
    ("installation::AVAILABLE", &AVAILABLE),
    ("installation::SUMS", &SUMS),
    ("installation::LEGS", &LEGS),
    ("installation::KINDS", &KINDS),
    ("installation::TEXTS", &TEXTS),
];

/// The names of workspaces, the newest first, before the given one.
pub fn names(db: &Read<'_>, before: WorkspaceId, limit: i64) -> Result<Vec<(WorkspaceId, String)>, DbError> {
    let rows = db.query(&NAMES, &[before.0.into(), limit.into()])?;
    rows.iter().map(|row| Ok((WorkspaceId(row.int(0)?), row.text(1)?.to_owned()))).collect()
}

/// A workspace with its plan's name and standing, where it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// The workspace.
    pub workspace: Workspace,
    /// The plan's name.
    pub plan: Option<String>,
    /// Where it stands with it.
    pub standing: Option<Standing>,
}

fn list(ids: &[WorkspaceId]) -> Value {
    json::list(ids.iter().map(|id| id.0))
}

/// These workspaces, in no order that means anything.
pub fn some(db: &Read<'_>, ids: &[WorkspaceId]) -> Result<Vec<Customer>, DbError> {
    let customer = |row: &Row| {
        let grace = json::timestamp_or_none(row.opt_int(13)?)?;
        Ok(Customer {
            workspace: workspaces::read(row)?,
            plan: row.opt_text(11)?.map(str::to_owned),
            standing: row.opt_text(12)?.and_then(|word| Standing::from_word(word, grace)),
        })
    };
    db.query(&SOME, &[list(ids)])?.iter().map(customer).collect()
}

/// Credits and micro-dollars free to spend of these workspaces.
pub fn available(db: &Read<'_>, ids: &[WorkspaceId]) -> Result<HashMap<WorkspaceId, (i64, i64)>, DbError> {
    let mut found = HashMap::<_, (i64, i64)>::new();
    for row in db.query(&AVAILABLE, &[list(ids)])? {
        let of = found.entry(WorkspaceId(row.int(0)?)).or_default();
        match row.text(1)? {
            "segments" => of.0 = row.int(2)?,
            _ => of.1 = row.int(2)?,
        }
    }
    Ok(found)
}

/// What these workspaces sent, and what money moved, since a day of each one's calendar.
pub fn sums(db: &Read<'_>, ids: &[WorkspaceId], since: i64) -> Result<Vec<(WorkspaceId, What, Count)>, DbError> {
    let sum = |row: &Row| {
        let what = What::from_word(row.text(1)?)
            .ok_or_else(|| json::unreadable("tallies.what", row.text(1).unwrap_or_default()))?;
        let mut count = Count { count: row.int(2)?, segments: row.int(3)?, ..Count::default() };
        count.amounts.micros.0 = row.int(4)?;
        Ok((WorkspaceId(row.int(0)?), what, count))
    };
    db.query(&SUMS, &[list(ids), since.into()])?.iter().map(sum).collect()
}

/// What carriers carried for these workspaces since a day of each one's calendar: workspace, day, over which leg, how much.
pub fn legs(db: &Read<'_>, ids: &[WorkspaceId], since: i64) -> Result<Vec<(WorkspaceId, i64, Leg, Count)>, DbError> {
    let mut legs = Vec::new();
    for row in db.query(&LEGS, &[list(ids), since.into()])? {
        if let Some(What::Carried(leg)) = What::from_word(row.text(2)?) {
            let count = Count { count: row.int(3)?, segments: row.int(4)?, ..Count::default() };
            legs.push((WorkspaceId(row.int(0)?), row.int(1)?, leg, count));
        }
    }
    Ok(legs)
}

/// Of which kind of carrier the accounts of these workspaces are or were.
pub fn kinds(db: &Read<'_>, ids: &[WorkspaceId]) -> Result<HashMap<CarrierId, String>, DbError> {
    let rows = db.query(&KINDS, &[list(ids)])?;
    rows.iter().map(|row| Ok((CarrierId(row.int(0)?), row.text(1)?.to_owned()))).collect()
}

/// How many texts of all workspaces went, were not sent and did not arrive since a day of each one's calendar.
pub fn texts(db: &Read<'_>, since: i64) -> Result<(i64, i64, i64), DbError> {
    let (mut sent, mut failed, mut undelivered) = (0, 0, 0);
    for row in db.query(&TEXTS, &[since.into()])? {
        match row.text(0)? {
            "sent" => sent = row.int(1)?,
            "failed" => failed = row.int(1)?,
            _ => undelivered = row.int(1)?,
        }
    }
    Ok((sent, failed, undelivered))
}
