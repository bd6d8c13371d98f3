//! Endpoints of outgoing webhooks. Their secrets are sealed; what is delivered to them is in [`deliveries`].
//!
//! Whoever takes up deliveries, settles them or queues them anew locks the endpoint's row first ([`take_turn`], [`lock`]): so these
//! are one after the other on every node. Who writes events only reads it. On SQLite whatever changes an endpoint here has the writer forget what it
//! remembers of the workspace (`db/memo.rs`).

pub mod deliveries;

use domain::ids::{WebhookId, WorkspaceId};
use domain::webhook::{EndpointState, Kinds};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// An endpoint as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The identifier.
    pub id: WebhookId,
    /// Where it is called.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Which events it wants.
    pub kinds: Kinds,
    /// Its secrets, sealed.
    pub sealed: Vec<u8>,
    /// Until when the secret before signs too.
    pub old_until: Option<Timestamp>,
    /// Whether it gets anything.
    pub state: EndpointState,
    /// Since when it does not.
    pub stopped_at: Option<Timestamp>,
    /// Why it was disabled.
    pub stopped_because: Option<String>,
    /// Since when every try has failed.
    pub failing_since: Option<Timestamp>,
    /// When it took something last.
    pub delivered_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

macro_rules! columns {
    () => {
        "webhook_id, url, description, kinds, sealed, old_until, state, stopped_at, stopped_because, failing_since,
        delivered_at, created_at, changed_at"
    };
}

static LIST: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM webhooks WHERE workspace_id = $1 AND removed_at IS NULL ORDER BY webhook_id"
));

static FIND: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM webhooks WHERE workspace_id = $1 AND webhook_id = $2 AND removed_at IS NULL"
));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM webhooks WHERE workspace_id = $1 AND webhook_id = $2 AND removed_at IS NULL"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM webhooks WHERE workspace_id = $1 AND webhook_id = $2 AND removed_at IS NULL FOR NO KEY UPDATE"
    ),
};

/// Whoever finds it locked passes it over: another node has it in hand just now.
static TURN: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM webhooks WHERE workspace_id = $1 AND webhook_id = $2 AND state = 'on'"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM webhooks WHERE workspace_id = $1 AND webhook_id = $2 AND state = 'on' FOR NO KEY UPDATE SKIP LOCKED"
    ),
};

static TURNED: Sql = Sql::Same("UPDATE webhooks SET turn_at = $3 WHERE workspace_id = $1 AND webhook_id = $2");

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO webhooks (workspace_id, webhook_id, url, description, kinds, sealed, state, turn_at, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)",
);

static SAVE: Sql = Sql::Same(
    "
    UPDATE webhooks SET url = $3, description = $4, kinds = $5, sealed = $6, old_until = $7, state = $8, stopped_at = $9,
        stopped_because = $10, failing_since = $11, delivered_at = $12, changed_at = $13
    WHERE workspace_id = $1 AND webhook_id = $2",
);

/// The secrets go; the row stays until what was delivered to it has gone.
static REMOVE: Sql = Sql::Same(
    "
    UPDATE webhooks SET removed_at = $3, changed_at = $3, state = 'off', sealed = $4, old_until = NULL
    WHERE workspace_id = $1 AND webhook_id = $2",
);

/// One probe of an index for each endpoint.
static DUE: Sql = Sql::Same(
    "
    SELECT w.workspace_id, w.webhook_id FROM webhooks w
    WHERE w.state = 'on'
      AND (SELECT 1 FROM webhook_deliveries d
            WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.webhook_id
              AND d.due_at IS NOT NULL AND d.due_at <= $1
            ORDER BY d.due_at LIMIT 1) IS NOT NULL
    ORDER BY w.turn_at, w.webhook_id
    LIMIT $2",
);

static DISABLED: Sql =
    Sql::Same("SELECT COUNT(*) FROM webhooks WHERE workspace_id = $1 AND state = 'disabled' AND removed_at IS NULL");

/// Removed ones too.
static KEPT: Sql =
    Sql::Same("SELECT webhook_id, removed_at IS NOT NULL FROM webhooks WHERE workspace_id = $1 ORDER BY webhook_id");

static ALL_OPEN: Sql = Sql::Same(
    "SELECT workspace_id, webhook_id, sealed FROM webhooks WHERE removed_at IS NULL ORDER BY workspace_id, webhook_id",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("webhooks::LIST", &LIST),
    ("webhooks::FIND", &FIND),
    ("webhooks::LOCK", &LOCK),
    ("webhooks::TURN", &TURN),
    ("webhooks::TURNED", &TURNED),
    ("webhooks::INSERT", &INSERT),
    ("webhooks::SAVE", &SAVE),
    ("webhooks::REMOVE", &REMOVE),
    ("webhooks::DUE", &DUE),
    ("webhooks::DISABLED", &DISABLED),
    ("webhooks::KEPT", &KEPT),
    ("webhooks::ALL_OPEN", &ALL_OPEN),
];

fn read(row: &Row) -> Result<Webhook, DbError> {
    let state = row.text(6)?;
    Ok(Webhook {
        id: WebhookId(row.int(0)?),
        url: row.text(1)?.to_owned(),
        description: row.text(2)?.to_owned(),
        kinds: Kinds::read(row.opt_text(3)?),
        sealed: row.bytes(4)?.to_vec(),
        old_until: json::timestamp_or_none(row.opt_int(5)?)?,
        state: EndpointState::from_word(state).ok_or_else(|| json::unreadable("webhooks.state", state))?,
        stopped_at: json::timestamp_or_none(row.opt_int(7)?)?,
        stopped_because: row.opt_text(8)?.map(str::to_owned),
        failing_since: json::timestamp_or_none(row.opt_int(9)?)?,
        delivered_at: json::timestamp_or_none(row.opt_int(10)?)?,
        created_at: json::timestamp(row.int(11)?)?,
        changed_at: json::timestamp(row.int(12)?)?,
    })
}

/// The endpoints of a workspace, the oldest first.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Webhook>, DbError> {
    db.query(&LIST, &[workspace.0.into()])?.iter().map(read).collect()
}

/// One endpoint.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// One endpoint, locked until the transaction ends.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

/// The same for whoever takes up deliveries: nothing if it gets none, or if another node has it in hand. Waits for nobody.
pub fn take_turn(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: WebhookId,
    now: Timestamp,
) -> Result<Option<Webhook>, DbError> {
    let key = [workspace.0.into(), id.0.into()];
    let Some(webhook) = tx.query_write(&TURN, &key)?.first().map(read).transpose()? else { return Ok(None) };
    tx.execute(&TURNED, &[workspace.0.into(), id.0.into(), json::micros(now).into()])?;
    Ok(Some(webhook))
}

/// Adds an endpoint.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, webhook: &Webhook) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        webhook.id.0.into(),
        webhook.url.as_str().into(),
        webhook.description.as_str().into(),
        webhook.kinds.stored().as_deref().into(),
        webhook.sealed.as_slice().into(),
        webhook.state.word().into(),
        json::micros(webhook.created_at).into(),
    ];
    tx.forget(workspace.0);
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Overwrites what may change of an endpoint.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, webhook: &Webhook) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        webhook.id.0.into(),
        webhook.url.as_str().into(),
        webhook.description.as_str().into(),
        webhook.kinds.stored().as_deref().into(),
        webhook.sealed.as_slice().into(),
        webhook.old_until.map(json::micros).into(),
        webhook.state.word().into(),
        webhook.stopped_at.map(json::micros).into(),
        webhook.stopped_because.as_deref().into(),
        webhook.failing_since.map(json::micros).into(),
        webhook.delivered_at.map(json::micros).into(),
        json::micros(webhook.changed_at).into(),
    ];
    tx.forget(workspace.0);
    tx.execute(&SAVE, &params).map(|_| ())
}

/// Removes an endpoint and forgets its secrets.
pub fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, id: WebhookId, now: Timestamp) -> Result<(), DbError> {
    let nothing: &[u8] = &[];
    tx.forget(workspace.0);
    tx.execute(&REMOVE, &[workspace.0.into(), id.0.into(), json::micros(now).into(), nothing.into()]).map(|_| ())
}

/// Endpoints of all workspaces that something is due for, the one that waited longest first.
pub fn due(db: &Read<'_>, now: Timestamp, limit: i64) -> Result<Vec<(WorkspaceId, WebhookId)>, DbError> {
    let rows = db.query(&DUE, &[json::micros(now).into(), limit.into()])?;
    rows.iter().map(|row| Ok((WorkspaceId(row.int(0)?), WebhookId(row.int(1)?)))).collect()
}

/// How many endpoints of a workspace were disabled.
pub fn disabled(db: &Read<'_>, workspace: WorkspaceId) -> Result<i64, DbError> {
    db.query_one(&DISABLED, &[workspace.0.into()])?.int(0)
}

/// All endpoints of a workspace that ever were, and whether each was removed.
pub fn kept(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(WebhookId, bool)>, DbError> {
    let rows = db.query(&KEPT, &[workspace.0.into()])?;
    rows.iter().map(|row| Ok((WebhookId(row.int(0)?), row.flag(1)?))).collect()
}

/// What is sealed of all endpoints of all workspaces.
pub fn all(db: &Read<'_>) -> Result<Vec<(WorkspaceId, WebhookId, Vec<u8>)>, DbError> {
    let rows = db.query(&ALL_OPEN, &[])?;
    rows.iter().map(|row| Ok((WorkspaceId(row.int(0)?), WebhookId(row.int(1)?), row.bytes(2)?.to_vec()))).collect()
}
