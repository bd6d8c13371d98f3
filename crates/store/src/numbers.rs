//! Numbers of ours, their pace, and the route from a phone to its workspace.

use domain::ids::{CampaignId, EnrollmentId, NumberId, WorkspaceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A number as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// Its identifier.
    pub id: NumberId,
    /// E.164.
    pub phone: String,
    /// The carrier's name in the configuration.
    pub carrier: String,
    /// `live`, `pending`, `paused` or `lost`.
    pub state: String,
    /// Its NANP area code.
    pub area: Option<i64>,
    /// Its state or province, such as `US-FL`; empty if unknown.
    pub region: String,
    /// Most segments in a minute; 0 for no limit.
    pub messages_per_minute: i64,
    /// Most messages in a day; 0 for no limit.
    pub messages_per_day: i64,
    /// Until when its pace is used up.
    pub paced_until: Timestamp,
    /// When the day that is counted began.
    pub day_start: Timestamp,
    /// How many were claimed in that day.
    pub day_count: i64,
    /// How many contacts are assigned to it.
    pub contacts: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a message was claimed for it last.
    pub used_at: Option<Timestamp>,
    /// The campaign that it is in.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
    /// How far it is itself: `draft`, `submitted`, `approved` or `rejected`.
    #[serde(default = "draft")]
    pub registration: String,
    /// How far its campaign is.
    #[serde(default)]
    pub campaign_state: Option<String>,
    /// How far its campaign's brand is.
    #[serde(default)]
    pub brand_state: Option<String>,
}

fn draft() -> String {
    "draft".to_owned()
}

macro_rules! select {
    () => {
        "
        SELECT n.number_id, n.phone, n.carrier, n.state, n.area, n.region, n.messages_per_minute, n.messages_per_day,
            n.paced_until, n.day_start, n.day_count, n.contacts, n.created_at, n.used_at, n.campaign_id, n.registration,
            c.state, b.state
        FROM numbers n
        LEFT JOIN campaigns c ON c.workspace_id = n.workspace_id AND c.campaign_id = n.campaign_id
        LEFT JOIN brands b ON b.workspace_id = c.workspace_id AND b.brand_id = c.brand_id
        WHERE n.workspace_id = $1 ORDER BY n.number_id"
    };
}

static LIST: Sql = Sql::Same(select!());

static LOCK: Sql = Sql::Twin { sqlite: select!(), postgres: concat!(select!(), " FOR UPDATE OF n") };

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO numbers (workspace_id, number_id, phone, carrier, state, area, region, messages_per_minute,
        messages_per_day, paced_until, day_start, day_count, contacts, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, $10)",
);

static ROUTE: Sql = Sql::Same("INSERT INTO number_routes (phone, workspace_id, number_id) VALUES ($1, $2, $3)");

static FIND_ROUTE: Sql = Sql::Same(
    "
    SELECT r.workspace_id, r.number_id, n.carrier
    FROM number_routes r
    JOIN numbers n ON n.workspace_id = r.workspace_id AND n.number_id = r.number_id
    WHERE r.phone = $1",
);

static RUNNING: Sql = Sql::Same(
    "
    SELECT r.enrollment_id FROM runs r
    JOIN enrollments e ON e.workspace_id = r.workspace_id AND e.enrollment_id = r.enrollment_id
    WHERE r.workspace_id = $1 AND e.number_id = $2 ORDER BY r.contact_id LIMIT $3",
);

static PACE: Sql = Sql::Same(
    "
    UPDATE numbers SET paced_until = $3, day_start = $4, day_count = $5, used_at = $6
    WHERE workspace_id = $1 AND number_id = $2",
);

static LOAD: Sql = Sql::Same("UPDATE numbers SET contacts = contacts + $3 WHERE workspace_id = $1 AND number_id = $2");

static UPDATE: Sql = Sql::Same(
    "
    UPDATE numbers SET state = $3, messages_per_minute = $4, messages_per_day = $5,
        paced_until = CASE WHEN messages_per_minute = $4 AND messages_per_day = $5 THEN paced_until ELSE 0 END
    WHERE workspace_id = $1 AND number_id = $2",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("numbers::LIST", &LIST),
    ("numbers::LOCK", &LOCK),
    ("numbers::INSERT", &INSERT),
    ("numbers::ROUTE", &ROUTE),
    ("numbers::FIND_ROUTE", &FIND_ROUTE),
    ("numbers::RUNNING", &RUNNING),
    ("numbers::PACE", &PACE),
    ("numbers::LOAD", &LOAD),
    ("numbers::UPDATE", &UPDATE),
];

fn read(row: &Row) -> Result<Number, DbError> {
    Ok(Number {
        id: NumberId(row.int(0)?),
        phone: row.text(1)?.to_owned(),
        carrier: row.text(2)?.to_owned(),
        state: row.text(3)?.to_owned(),
        area: row.opt_int(4)?,
        region: row.text(5)?.to_owned(),
        messages_per_minute: row.int(6)?,
        messages_per_day: row.int(7)?,
        paced_until: json::timestamp(row.int(8)?)?,
        day_start: json::timestamp(row.int(9)?)?,
        day_count: row.int(10)?,
        contacts: row.int(11)?,
        created_at: json::timestamp(row.int(12)?)?,
        used_at: json::timestamp_or_none(row.opt_int(13)?)?,
        campaign: row.opt_int(14)?.map(CampaignId),
        registration: row.text(15)?.to_owned(),
        campaign_state: row.opt_text(16)?.map(str::to_owned),
        brand_state: row.opt_text(17)?.map(str::to_owned),
    })
}

/// All numbers of a workspace, in order.
pub fn list(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Number>, DbError> {
    db.query(&LIST, &[workspace.0.into()])?.iter().map(read).collect()
}

/// All numbers of a workspace, locked until the transaction ends.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Number>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into()])?.iter().map(read).collect()
}

/// Inserts a number and its route. A phone that any workspace has already is a constraint error.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, number: &Number) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        number.id.0.into(),
        number.phone.as_str().into(),
        number.carrier.as_str().into(),
        number.state.as_str().into(),
        number.area.into(),
        number.region.as_str().into(),
        number.messages_per_minute.into(),
        number.messages_per_day.into(),
        json::micros(number.created_at).into(),
    ];
    tx.execute(&INSERT, &params)?;
    tx.execute(&ROUTE, &[number.phone.as_str().into(), workspace.0.into(), number.id.0.into()]).map(|_| ())
}

/// Whose a number is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The number.
    pub number: NumberId,
    /// The name of the carrier that sends for it.
    pub carrier: String,
}

/// Whose number this is: asked by a callback, before any workspace is known.
pub fn route(db: &Read<'_>, phone: &str) -> Result<Option<Route>, DbError> {
    let row = db.query_optional(&FIND_ROUTE, &[phone.into()])?;
    let read = |row: Row| {
        let (workspace, number) = (WorkspaceId(row.int(0)?), NumberId(row.int(1)?));
        Ok(Route { workspace, number, carrier: row.text(2)?.to_owned() })
    };
    row.map(read).transpose()
}

/// Some of the running enrollments that text from a number, in no order that means anything.
pub fn running(
    db: &Read<'_>,
    workspace: WorkspaceId,
    number: NumberId,
    limit: i64,
) -> Result<Vec<EnrollmentId>, DbError> {
    let rows = db.query(&RUNNING, &[workspace.0.into(), number.0.into(), limit.into()])?;
    rows.iter().map(|row| row.int(0).map(EnrollmentId)).collect()
}

/// Remembers what a claim used of a number's pace and day.
pub fn pace(tx: &mut Tx<'_>, workspace: WorkspaceId, number: &Number) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        number.id.0.into(),
        json::micros(number.paced_until).into(),
        json::micros(number.day_start).into(),
        number.day_count.into(),
        number.used_at.map(json::micros).into(),
    ];
    tx.run(&PACE, &params)
}

/// Counts contacts that were assigned to a number.
pub fn load(tx: &mut Tx<'_>, workspace: WorkspaceId, number: NumberId, contacts: i64) -> Result<(), DbError> {
    tx.run(&LOAD, &[workspace.0.into(), number.0.into(), contacts.into()])
}

/// Overwrites a number's state and pace, with which it goes on at once if it is another; false if there is no such number.
pub fn update(tx: &mut Tx<'_>, workspace: WorkspaceId, number: &Number) -> Result<bool, DbError> {
    let params = [
        workspace.0.into(),
        number.id.0.into(),
        number.state.as_str().into(),
        number.messages_per_minute.into(),
        number.messages_per_day.into(),
    ];
    Ok(tx.execute(&UPDATE, &params)? == 1)
}
