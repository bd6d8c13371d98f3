//! Workspaces, their settings, and the numbers of the nodes that serve them.

use domain::ids::{EnrollmentId, WorkspaceId};
use domain::money::Micros;
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Later, Read, Row, Sql, Tx};

/// A workspace as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Workspace {
    /// Its identifier.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its time zone.
    pub zone: String,
    /// `active` or `ended`.
    pub plan: String,
    /// Price of a segment beyond the credits.
    pub rate: Micros,
    /// The other settings, as a document.
    pub settings: String,
    /// Most messages in a minute; 0 for no limit of its own.
    pub messages_per_minute: i64,
    /// Until when its pace is used up.
    pub paced_until: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether the operator has it send nothing.
    pub suspended: Option<Suspension>,
}

/// Since when a workspace sends nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// Why, in the operator's words.
    pub reason: String,
}

macro_rules! columns {
    () => {
        "workspace_id, name, zone, plan, rate_micros, settings, messages_per_minute, paced_until, created_at, \
         suspended_at, suspended_because"
    };
}

static FIND: Sql = Sql::Same(concat!("SELECT ", columns!(), " FROM workspaces WHERE workspace_id = $1"));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM workspaces WHERE workspace_id = $1"),
    postgres: concat!("SELECT ", columns!(), " FROM workspaces WHERE workspace_id = $1 FOR UPDATE"),
};

static RUNNING: Sql = Sql::Same(
    "
    SELECT enrollment_id FROM runs WHERE workspace_id = $1 ORDER BY contact_id LIMIT $2",
);

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM workspaces WHERE workspace_id > $1 ORDER BY workspace_id LIMIT $2"
));

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO workspaces (workspace_id, name, zone, plan, rate_micros, settings, messages_per_minute, paced_until,
        dispatched_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)",
);

static UPDATE: Sql = Sql::Same(
    "
    UPDATE workspaces SET name = $2, zone = $3, plan = $4, rate_micros = $5, settings = $6, messages_per_minute = $7
    WHERE workspace_id = $1",
);

static SUSPEND: Sql =
    Sql::Same("UPDATE workspaces SET suspended_at = $2, suspended_because = $3 WHERE workspace_id = $1");

static PACE: Sql = Sql::Same("UPDATE workspaces SET paced_until = $2 WHERE workspace_id = $1");

static TAKE_NODE: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO nodes (node, owner, lease_until)
        SELECT MIN(free.value), $1, $2
        FROM json_each($3) AS free
        WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node = free.value AND n.lease_until > $4)
        HAVING COUNT(*) > 0
        ON CONFLICT (node) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
        WHERE nodes.lease_until <= $4
        RETURNING node",
    postgres: "
        INSERT INTO nodes (node, owner, lease_until)
        SELECT MIN(free), $1, $2
        FROM UNNEST($3::BIGINT[]) AS free
        WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node = free AND n.lease_until > $4)
        HAVING COUNT(*) > 0
        ON CONFLICT (node) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
        WHERE nodes.lease_until <= $4
        RETURNING node",
};

static KEEP_NODE: Sql = Sql::Same("UPDATE nodes SET lease_until = $3 WHERE node = $1 AND owner = $2");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("workspaces::FIND", &FIND),
    ("workspaces::LOCK", &LOCK),
    ("workspaces::RUNNING", &RUNNING),
    ("workspaces::PAGE", &PAGE),
    ("workspaces::INSERT", &INSERT),
    ("workspaces::UPDATE", &UPDATE),
    ("workspaces::SUSPEND", &SUSPEND),
    ("workspaces::PACE", &PACE),
    ("workspaces::TAKE_NODE", &TAKE_NODE),
    ("workspaces::KEEP_NODE", &KEEP_NODE),
];

pub(crate) fn read(row: &Row) -> Result<Workspace, DbError> {
    let suspended = json::timestamp_or_none(row.opt_int(9)?)?.zip(row.opt_text(10)?);
    Ok(Workspace {
        id: WorkspaceId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        zone: row.text(2)?.to_owned(),
        plan: row.text(3)?.to_owned(),
        rate: Micros(row.int(4)?),
        settings: row.text(5)?.to_owned(),
        messages_per_minute: row.int(6)?,
        paced_until: json::timestamp(row.int(7)?)?,
        created_at: json::timestamp(row.int(8)?)?,
        suspended: suspended.map(|(at, reason)| Suspension { at, reason: reason.to_owned() }),
    })
}

/// One workspace.
pub fn find(db: &Read<'_>, id: WorkspaceId) -> Result<Option<Workspace>, DbError> {
    db.query_optional(&FIND, &[id.0.into()])?.as_ref().map(read).transpose()
}

/// The same, as [`Tx::heard`] answers it.
pub fn find_later(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<Later<Option<Workspace>>, DbError> {
    tx.query_later(&FIND, &[id.0.into()], |rows| rows.first().map(read).transpose())
}

/// One workspace, locked for a change of it until the transaction ends.
pub fn lock(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<Option<Workspace>, DbError> {
    tx.query_write(&LOCK, &[id.0.into()])?.first().map(read).transpose()
}

/// Some of the running enrollments of a workspace, in no order that means anything.
pub fn running(db: &Read<'_>, id: WorkspaceId, limit: i64) -> Result<Vec<EnrollmentId>, DbError> {
    let rows = db.query(&RUNNING, &[id.0.into(), limit.into()])?;
    rows.iter().map(|row| row.int(0).map(EnrollmentId)).collect()
}

/// All workspaces, in order, after the given one. For the operator, who sees them all.
pub fn page(db: &Read<'_>, after: WorkspaceId, limit: i64) -> Result<Vec<Workspace>, DbError> {
    db.query(&PAGE, &[after.0.into(), limit.into()])?.iter().map(read).collect()
}

/// Inserts a workspace.
pub fn insert(tx: &mut Tx<'_>, workspace: &Workspace) -> Result<(), DbError> {
    let params = [
        workspace.id.0.into(),
        workspace.name.as_str().into(),
        workspace.zone.as_str().into(),
        workspace.plan.as_str().into(),
        workspace.rate.0.into(),
        workspace.settings.as_str().into(),
        workspace.messages_per_minute.into(),
        json::micros(workspace.paced_until).into(),
        json::micros(workspace.created_at).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites what a person may change of a workspace.
pub fn update(tx: &mut Tx<'_>, workspace: &Workspace) -> Result<(), DbError> {
    let params = [
        workspace.id.0.into(),
        workspace.name.as_str().into(),
        workspace.zone.as_str().into(),
        workspace.plan.as_str().into(),
        workspace.rate.0.into(),
        workspace.settings.as_str().into(),
        workspace.messages_per_minute.into(),
    ];
    tx.execute(&UPDATE, &params).map(|_| ())
}

/// Suspends a workspace, or lets it go on. Its row has to be locked.
pub fn suspend(tx: &mut Tx<'_>, id: WorkspaceId, suspended: Option<&Suspension>) -> Result<(), DbError> {
    let (at, reason) = (suspended.map(|one| json::micros(one.at)), suspended.map(|one| one.reason.as_str()));
    tx.execute(&SUSPEND, &[id.0.into(), at.into(), reason.into()]).map(|_| ())
}

/// Remembers until when the workspace's pace is used up.
pub fn pace(tx: &mut Tx<'_>, id: WorkspaceId, until: Timestamp) -> Result<(), DbError> {
    tx.run(&PACE, &[id.0.into(), json::micros(until).into()])
}

/// How many nodes can serve one database at once.
pub const MAX_NODES: i64 = 256;

/// Takes the lowest free node number under a lease; nothing if all are taken. Whoever meets another
/// node that starts at the same instant looks again, and then sees the number that the other got.
pub fn take_node(tx: &mut Tx<'_>, owner: &str, until: Timestamp, now: Timestamp) -> Result<Option<i64>, DbError> {
    let params = [owner.into(), json::micros(until).into(), json::list(0..MAX_NODES), json::micros(now).into()];
    for _ in 0..MAX_NODES {
        if let Some(row) = tx.query_write(&TAKE_NODE, &params)?.first() {
            return row.int(0).map(Some);
        }
    }
    Ok(None)
}

/// Renews the lease on a node number; false if another owner has taken it.
pub fn keep_node(tx: &mut Tx<'_>, node: i64, owner: &str, until: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&KEEP_NODE, &[node.into(), owner.into(), json::micros(until).into()])? == 1)
}
