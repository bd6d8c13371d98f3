//! Brands and campaigns: with what a workspace's numbers are registered at the carriers, and what was used of their limits.
//!
//! What is used of the limits is written by claims only, which are one at a time in a workspace; the rest by whoever changes settings.

use domain::ids::{BrandId, CampaignId, NumberId, WorkspaceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// What the registry was told, by key.
pub type Facts = Vec<(String, String)>;

/// A brand as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    /// The identifier.
    pub id: BrandId,
    /// What it is called here.
    pub name: String,
    /// The registry's identifier; empty as long as there is none.
    pub registry_id: String,
    /// `draft`, `submitted`, `approved` or `rejected`.
    pub state: String,
    /// What the registry was told.
    pub facts: Facts,
    /// What T-Mobile allows in a Pacific day, in segments; 0 for no limit.
    pub day_segments: i64,
    /// The part of all texts that counts against it, in percent.
    pub share: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// A campaign as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// The identifier.
    pub id: CampaignId,
    /// Whose it is.
    pub brand: BrandId,
    /// What it is called here.
    pub name: String,
    /// The registry's identifier; empty as long as there is none.
    pub registry_id: String,
    /// `draft`, `submitted`, `approved` or `rejected`.
    pub state: String,
    /// What the registry was told.
    pub facts: Facts,
    /// What AT&T allows in a minute, in segments; 0 for no limit.
    pub segments_per_minute: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// The limits of a campaign and of its brand, with what is used of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its brand.
    pub brand: BrandId,
    /// Most segments in a minute; 0 for no limit.
    pub segments_per_minute: i64,
    /// Until when that is used up.
    pub paced_until: Timestamp,
    /// Most segments of the brand in a Pacific day to T-Mobile; 0 for no limit.
    pub day_segments: i64,
    /// The part of all texts that counts against it, in percent.
    pub share: i64,
    /// When the day ends that is counted.
    pub day_until: Timestamp,
    /// How many segments went in it, to all carriers.
    pub day_count: i64,
}

macro_rules! brand_columns {
    () => {
        "brand_id, name, registry_id, state, facts, day_segments, share, created_at, changed_at"
    };
}

macro_rules! campaign_columns {
    () => {
        "campaign_id, brand_id, name, registry_id, state, facts, segments_per_minute, created_at, changed_at"
    };
}

static BRANDS: Sql =
    Sql::Same(concat!("SELECT ", brand_columns!(), " FROM brands WHERE workspace_id = $1 ORDER BY brand_id"));

static FIND_BRAND: Sql =
    Sql::Same(concat!("SELECT ", brand_columns!(), " FROM brands WHERE workspace_id = $1 AND brand_id = $2"));

static SAVE_BRAND: Sql = Sql::Same(
    "
    INSERT INTO brands (workspace_id, brand_id, name, registry_id, state, facts, day_segments, share, day_until, day_count,
        created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10)
    ON CONFLICT (workspace_id, brand_id) DO UPDATE SET name = excluded.name, registry_id = excluded.registry_id,
        state = excluded.state, facts = excluded.facts, day_segments = excluded.day_segments, share = excluded.share,
        changed_at = excluded.changed_at",
);

static REMOVE_BRAND: Sql = Sql::Same("DELETE FROM brands WHERE workspace_id = $1 AND brand_id = $2");

static USE_BRAND: Sql =
    Sql::Same("UPDATE brands SET day_until = $3, day_count = $4 WHERE workspace_id = $1 AND brand_id = $2");

static CAMPAIGNS: Sql =
    Sql::Same(concat!("SELECT ", campaign_columns!(), " FROM campaigns WHERE workspace_id = $1 ORDER BY campaign_id"));

static FIND_CAMPAIGN: Sql =
    Sql::Same(concat!("SELECT ", campaign_columns!(), " FROM campaigns WHERE workspace_id = $1 AND campaign_id = $2"));

static SAVE_CAMPAIGN: Sql = Sql::Same(
    "
    INSERT INTO campaigns (workspace_id, campaign_id, brand_id, name, registry_id, state, facts, segments_per_minute,
        paced_until, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)
    ON CONFLICT (workspace_id, campaign_id) DO UPDATE SET name = excluded.name, registry_id = excluded.registry_id,
        state = excluded.state, facts = excluded.facts, segments_per_minute = excluded.segments_per_minute,
        changed_at = excluded.changed_at",
);

static REMOVE_CAMPAIGN: Sql = Sql::Same("DELETE FROM campaigns WHERE workspace_id = $1 AND campaign_id = $2");

static USE_CAMPAIGN: Sql =
    Sql::Same("UPDATE campaigns SET paced_until = $3 WHERE workspace_id = $1 AND campaign_id = $2");

static LIMITS: Sql = Sql::Same(
    "
    SELECT c.campaign_id, c.brand_id, c.segments_per_minute, c.paced_until, b.day_segments, b.share, b.day_until, b.day_count
    FROM campaigns c
    JOIN brands b ON b.workspace_id = c.workspace_id AND b.brand_id = c.brand_id
    WHERE c.workspace_id = $1",
);

static FREE: Sql = Sql::Same(
    "
    UPDATE numbers SET paced_until = 0
    WHERE workspace_id = $1 AND campaign_id IN (SELECT campaign_id FROM campaigns WHERE workspace_id = $1 AND brand_id = $2)",
);

/// In another campaign it goes on at once: what held it back may have been the one before.
static ASSIGN: Sql = Sql::Same(
    "
    UPDATE numbers SET campaign_id = $3, registration = $4,
        paced_until = CASE WHEN COALESCE(campaign_id, 0) = COALESCE(CAST($3 AS BIGINT), 0) THEN paced_until ELSE 0 END
    WHERE workspace_id = $1 AND number_id = $2",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("registrations::BRANDS", &BRANDS),
    ("registrations::FIND_BRAND", &FIND_BRAND),
    ("registrations::SAVE_BRAND", &SAVE_BRAND),
    ("registrations::REMOVE_BRAND", &REMOVE_BRAND),
    ("registrations::USE_BRAND", &USE_BRAND),
    ("registrations::CAMPAIGNS", &CAMPAIGNS),
    ("registrations::FIND_CAMPAIGN", &FIND_CAMPAIGN),
    ("registrations::SAVE_CAMPAIGN", &SAVE_CAMPAIGN),
    ("registrations::REMOVE_CAMPAIGN", &REMOVE_CAMPAIGN),
    ("registrations::USE_CAMPAIGN", &USE_CAMPAIGN),
    ("registrations::LIMITS", &LIMITS),
    ("registrations::FREE", &FREE),
    ("registrations::ASSIGN", &ASSIGN),
];

fn brand(row: &Row) -> Result<Brand, DbError> {
    Ok(Brand {
        id: BrandId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        registry_id: row.text(2)?.to_owned(),
        state: row.text(3)?.to_owned(),
        facts: json::read(row.text(4)?)?,
        day_segments: row.int(5)?,
        share: row.int(6)?,
        created_at: json::timestamp(row.int(7)?)?,
        changed_at: json::timestamp(row.int(8)?)?,
    })
}

fn campaign(row: &Row) -> Result<Campaign, DbError> {
    Ok(Campaign {
        id: CampaignId(row.int(0)?),
        brand: BrandId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        registry_id: row.text(3)?.to_owned(),
        state: row.text(4)?.to_owned(),
        facts: json::read(row.text(5)?)?,
        segments_per_minute: row.int(6)?,
        created_at: json::timestamp(row.int(7)?)?,
        changed_at: json::timestamp(row.int(8)?)?,
    })
}

fn limits_row(row: &Row) -> Result<Limits, DbError> {
    Ok(Limits {
        campaign: CampaignId(row.int(0)?),
        brand: BrandId(row.int(1)?),
        segments_per_minute: row.int(2)?,
        paced_until: json::timestamp(row.int(3)?)?,
        day_segments: row.int(4)?,
        share: row.int(5)?,
        day_until: json::timestamp(row.int(6)?)?,
        day_count: row.int(7)?,
    })
}

/// The brands of a workspace, the oldest first.
pub fn brands(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Brand>, DbError> {
    db.query(&BRANDS, &[workspace.0.into()])?.iter().map(brand).collect()
}

/// One brand.
pub fn find_brand(db: &Read<'_>, workspace: WorkspaceId, id: BrandId) -> Result<Option<Brand>, DbError> {
    db.query_optional(&FIND_BRAND, &[workspace.0.into(), id.0.into()])?.as_ref().map(brand).transpose()
}

/// Keeps a brand, a new one or what a person may change of it.
pub fn save_brand(tx: &mut Tx<'_>, workspace: WorkspaceId, new: &Brand) -> Result<(), DbError> {
    let facts = json::text(&new.facts)?;
    let params = [
        workspace.0.into(),
        new.id.0.into(),
        new.name.as_str().into(),
        new.registry_id.as_str().into(),
        new.state.as_str().into(),
        facts.as_str().into(),
        new.day_segments.into(),
        new.share.into(),
        json::micros(new.created_at).into(),
        json::micros(new.changed_at).into(),
    ];
    tx.execute(&SAVE_BRAND, &params).map(|_| ())
}

/// Removes a brand that has no campaign.
pub fn remove_brand(tx: &mut Tx<'_>, workspace: WorkspaceId, id: BrandId) -> Result<(), DbError> {
    tx.execute(&REMOVE_BRAND, &[workspace.0.into(), id.0.into()]).map(|_| ())
}

/// The campaigns of a workspace, the oldest first.
pub fn campaigns(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Campaign>, DbError> {
    db.query(&CAMPAIGNS, &[workspace.0.into()])?.iter().map(campaign).collect()
}

/// One campaign.
pub fn find_campaign(db: &Read<'_>, workspace: WorkspaceId, id: CampaignId) -> Result<Option<Campaign>, DbError> {
    db.query_optional(&FIND_CAMPAIGN, &[workspace.0.into(), id.0.into()])?.as_ref().map(campaign).transpose()
}

/// Keeps a campaign, a new one or what a person may change of it; its brand stays.
pub fn save_campaign(tx: &mut Tx<'_>, workspace: WorkspaceId, new: &Campaign) -> Result<(), DbError> {
    let facts = json::text(&new.facts)?;
    let params = [
        workspace.0.into(),
        new.id.0.into(),
        new.brand.0.into(),
        new.name.as_str().into(),
        new.registry_id.as_str().into(),
        new.state.as_str().into(),
        facts.as_str().into(),
        new.segments_per_minute.into(),
        json::micros(new.created_at).into(),
        json::micros(new.changed_at).into(),
    ];
    tx.execute(&SAVE_CAMPAIGN, &params).map(|_| ())
}

/// Removes a campaign that has no number.
pub fn remove_campaign(tx: &mut Tx<'_>, workspace: WorkspaceId, id: CampaignId) -> Result<(), DbError> {
    tx.execute(&REMOVE_CAMPAIGN, &[workspace.0.into(), id.0.into()]).map(|_| ())
}

/// The limits of all campaigns of a workspace.
pub fn limits(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Limits>, DbError> {
    db.query(&LIMITS, &[workspace.0.into()])?.iter().map(limits_row).collect()
}

/// Remembers until when a claim used up a campaign's minute.
pub fn use_campaign(tx: &mut Tx<'_>, workspace: WorkspaceId, id: CampaignId, until: Timestamp) -> Result<(), DbError> {
    tx.execute(&USE_CAMPAIGN, &[workspace.0.into(), id.0.into(), json::micros(until).into()]).map(|_| ())
}

/// Remembers what claims used of a brand's day, which ends then.
pub fn use_brand(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: BrandId,
    day_until: Timestamp,
    day_count: i64,
) -> Result<(), DbError> {
    let params = [workspace.0.into(), id.0.into(), json::micros(day_until).into(), day_count.into()];
    tx.execute(&USE_BRAND, &params).map(|_| ())
}

/// Lets the numbers of a brand's campaigns go on at once: its limits are others now.
pub fn free(tx: &mut Tx<'_>, workspace: WorkspaceId, brand: BrandId) -> Result<(), DbError> {
    tx.execute(&FREE, &[workspace.0.into(), brand.0.into()]).map(|_| ())
}

/// Assigns a number to a campaign, or to none, and notes how far it is itself.
pub fn assign(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    number: NumberId,
    campaign: Option<CampaignId>,
    registration: &str,
) -> Result<(), DbError> {
    let params = [workspace.0.into(), number.0.into(), campaign.map(|id| id.0).into(), registration.into()];
    tx.execute(&ASSIGN, &params).map(|_| ())
}
