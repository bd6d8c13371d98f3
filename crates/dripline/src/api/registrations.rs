//! Brands and campaigns: noted, listed, removed, and the numbers in them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use engine::registrations::{Brand, BrandNote, Campaign, CampaignAt, CampaignNote};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::numbers::Number;
use super::request::{Body, Caller, KeyHeader};
use super::words::{RegistrationWord, Word};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// A business as the registry knows it.
#[derive(Serialize, ToSchema)]
#[schema(as = Brand)]
pub(crate) struct BrandView {
    id: ids::Brand,
    name: String,
    /// The registry's identifier; empty as long as there is none.
    registry_id: String,
    state: RegistrationWord,
    /// What the registry was told.
    facts: BTreeMap<String, String>,
    /// Most segments to T-Mobile in a Pacific day; 0 for no limit.
    segments_per_day: i64,
    /// The part of all texts that counts against it, in percent.
    share: i64,
}

/// What a brand is registered to send.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignView {
    id: ids::Campaign,
    brand: ids::Brand,
    name: String,
    /// The registry's identifier; empty as long as there is none.
    registry_id: String,
    state: RegistrationWord,
    /// What the registry was told.
    facts: BTreeMap<String, String>,
    /// Most segments in a minute; 0 for no limit.
    segments_per_minute: i64,
}

impl From<Brand> for BrandView {
    fn from(brand: Brand) -> Self {
        Self {
            id: brand.id.into(),
            name: brand.name,
            registry_id: brand.registry_id,
            state: Word::of(brand.state),
            facts: brand.facts.into_iter().collect(),
            segments_per_day: brand.day_segments,
            share: brand.share,
        }
    }
}

impl From<Campaign> for CampaignView {
    fn from(campaign: Campaign) -> Self {
        Self {
            id: campaign.id.into(),
            brand: campaign.brand.into(),
            name: campaign.name,
            registry_id: campaign.registry_id,
            state: Word::of(campaign.state),
            facts: campaign.facts.into_iter().collect(),
            segments_per_minute: campaign.segments_per_minute,
        }
    }
}

/// All brands and campaigns.
#[derive(Serialize, ToSchema)]
pub(crate) struct RegistrationsView {
    brands: Vec<BrandView>,
    campaigns: Vec<CampaignView>,
}

/// List brands and campaigns
///
/// With what the workspace's numbers are registered to text US numbers (10DLC).
#[utoipa::path(get, path = "/registrations", operation_id = "listRegistrations", tag = "Registrations",
    responses((status = 200, description = "All of them.", body = RegistrationsView)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(
    State(parts): State<Parts>,
    Caller(actor): Caller,
) -> Result<Json<RegistrationsView>, Problem> {
    let all = parts.engine.registrations(&actor).await?;
    let brands = all.brands.into_iter().map(BrandView::from).collect();
    Ok(Json(RegistrationsView { brands, campaigns: all.campaigns.into_iter().map(CampaignView::from).collect() }))
}

/// What is noted of a brand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrandBody {
    #[schema(example = "Acme Homes")]
    name: String,
    /// The registry's identifier.
    #[serde(default)]
    #[schema(example = "BXYZ123")]
    registry_id: String,
    state: RegistrationWord,
    /// What the registry was told.
    #[serde(default)]
    #[schema(example = json!({ "company": "Acme Homes LLC", "website": "https://acme.example" }))]
    facts: BTreeMap<String, String>,
    /// Most segments to T-Mobile in a Pacific day; 0 for no limit.
    #[serde(default)]
    #[schema(example = 2000)]
    segments_per_day: i64,
    /// The part of all texts that counts against it, in percent.
    #[serde(default = "usual_share")]
    #[schema(example = 40)]
    share: i64,
}

fn usual_share() -> i64 {
    domain::registration::USUAL_SHARE
}

impl From<BrandBody> for BrandNote {
    fn from(body: BrandBody) -> Self {
        Self {
            name: body.name,
            registry_id: body.registry_id,
            state: body.state.as_str().to_owned(),
            facts: body.facts.into_iter().collect(),
            day_segments: body.segments_per_day,
            share: body.share,
        }
    }
}

/// What is noted of a campaign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignBody {
    #[schema(example = "Leads")]
    name: String,
    /// The registry's identifier.
    #[serde(default)]
    #[schema(example = "CXYZ123")]
    registry_id: String,
    state: RegistrationWord,
    /// What the registry was told.
    #[serde(default)]
    #[schema(example = json!({ "use_case": "LOW_VOLUME" }))]
    facts: BTreeMap<String, String>,
    /// Most segments in a minute; 0 for no limit.
    #[serde(default)]
    #[schema(example = 75)]
    segments_per_minute: i64,
}

impl From<CampaignBody> for CampaignNote {
    fn from(body: CampaignBody) -> Self {
        Self {
            name: body.name,
            registry_id: body.registry_id,
            state: body.state.as_str().to_owned(),
            facts: body.facts.into_iter().collect(),
            segments_per_minute: body.segments_per_minute,
        }
    }
}

/// Note a brand
///
/// The registry decides; here is noted what it decided.
#[utoipa::path(post, path = "/brands", operation_id = "noteBrand", tag = "Registrations", params(KeyHeader),
    request_body = BrandBody, responses((status = 200, description = "The brand.", body = BrandView)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["registration_invalid"]))))]
pub(crate) async fn add_brand(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<BrandBody>,
) -> Result<Json<BrandView>, Problem> {
    Ok(Json(parts.engine.note_brand(&actor, None, body.into()).await?.into()))
}

/// Change a brand
///
/// All of it; a limit that is raised counts at once.
#[utoipa::path(put, path = "/brands/{id}", operation_id = "changeBrand", tag = "Registrations",
    params(("id" = ids::Brand, Path, description = "The brand.")), request_body = BrandBody,
    responses((status = 200, description = "The brand as it is now.", body = BrandView)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found", "registration_invalid"]))))]
pub(crate) async fn change_brand(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Brand,
    Body(body): Body<BrandBody>,
) -> Result<Json<BrandView>, Problem> {
    Ok(Json(parts.engine.note_brand(&actor, Some(id), body.into()).await?.into()))
}

/// What was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedBrand {
    removed: ids::Brand,
}

/// Remove a brand
///
/// One that has no campaign. At the registry it stays.
#[utoipa::path(delete, path = "/brands/{id}", operation_id = "removeBrand", tag = "Registrations",
    params(("id" = ids::Brand, Path, description = "The brand.")),
    responses((status = 200, description = "It is removed.", body = RemovedBrand)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found", "registration_in_use"]))))]
pub(crate) async fn remove_brand(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Brand,
) -> Result<Json<RemovedBrand>, Problem> {
    parts.engine.remove_brand(&actor, id).await?;
    Ok(Json(RemovedBrand { removed: id.into() }))
}

/// Note a campaign
///
/// Of this brand.
#[utoipa::path(post, path = "/brands/{id}/campaigns", operation_id = "noteCampaign", tag = "Registrations",
    params(("id" = ids::Brand, Path, description = "The brand."), KeyHeader), request_body = CampaignBody,
    responses((status = 200, description = "The campaign.", body = CampaignView)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found", "registration_invalid"]))))]
pub(crate) async fn add_campaign(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(brand): ids::Brand,
    Body(body): Body<CampaignBody>,
) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(parts.engine.note_campaign(&actor, CampaignAt::New(brand), body.into()).await?.into()))
}

/// Change a campaign
///
/// All of it but its brand.
#[utoipa::path(put, path = "/campaigns/{id}", operation_id = "changeCampaign", tag = "Registrations",
    params(("id" = ids::Campaign, Path, description = "The campaign.")), request_body = CampaignBody,
    responses((status = 200, description = "The campaign as it is now.", body = CampaignView)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found", "registration_invalid"]))))]
pub(crate) async fn change_campaign(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Campaign,
    Body(body): Body<CampaignBody>,
) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(parts.engine.note_campaign(&actor, CampaignAt::Known(id), body.into()).await?.into()))
}

/// What was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedCampaign {
    removed: ids::Campaign,
}

/// Remove a campaign
///
/// One that has no number. At the registry it stays.
#[utoipa::path(delete, path = "/campaigns/{id}", operation_id = "removeCampaign", tag = "Registrations",
    params(("id" = ids::Campaign, Path, description = "The campaign.")),
    responses((status = 200, description = "It is removed.", body = RemovedCampaign)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found", "registration_in_use"]))))]
pub(crate) async fn remove_campaign(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Campaign,
) -> Result<Json<RemovedCampaign>, Problem> {
    parts.engine.remove_campaign(&actor, id).await?;
    Ok(Json(RemovedCampaign { removed: id.into() }))
}

/// Where a number is registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberRegistrationBody {
    /// The campaign that it is in; a toll-free number needs none.
    campaign: Option<ids::Campaign>,
    /// How far the number itself is: taken into its campaign, or verified.
    state: RegistrationWord,
}

/// Note where a number is registered
///
/// A number of an account at a carrier texts US numbers only once it is approved in an approved campaign of an approved brand;
/// a toll-free one once it is verified.
#[utoipa::path(put, path = "/numbers/{id}/registration", operation_id = "registerNumber", tag = "Registrations",
    params(("id" = ids::Number, Path, description = "The number.")), request_body = NumberRegistrationBody,
    responses((status = 200, description = "The number.", body = Number)),
    extensions(("x-permission" = json!("numbers:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn register(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Number,
    Body(body): Body<NumberRegistrationBody>,
) -> Result<Json<Number>, Problem> {
    let state = domain::registration::Registration::from_word(body.state.as_str())
        .ok_or_else(|| Problem::new(Code::RegistrationInvalid, "there is no such state"))?;
    let campaign = body.campaign.map(|ids::Id(id)| id);
    Ok(Json(Number::from(&parts.engine.register_number(&actor, id, campaign, state).await?)))
}
