//! `/settings/registration`: brands and campaigns with which the numbers are registered to text US numbers (10DLC).

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::{BrandId, CampaignId, NumberId};
use domain::registration::{Registration, TIERS, Tier, USUAL_SHARE};
use engine::numbers::NumberState;
use engine::registrations::{
    BRAND_FACTS, Brand, BrandNote, CAMPAIGN_FACTS, Campaign, CampaignAt, CampaignNote, Fact, RegistrationError,
    Registrations,
};
use serde::Deserialize;

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::{Form, whole};
use crate::web::format;
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/registration";
const NAME: &str = "name";
const REGISTRY_ID: &str = "registry_id";
const STATE: &str = "state";
const LIMIT: &str = "limit";
const SHARE: &str = "share";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show))
        .route("/settings/registration/brands/new", get(new_brand).post(create_brand))
        .route("/settings/registration/brands/{id}", get(edit_brand).post(change_brand))
        .route("/settings/registration/brands/{id}/remove", post(remove_brand))
        .route("/settings/registration/brands/{id}/campaigns", get(new_campaign).post(create_campaign))
        .route("/settings/registration/campaigns/{id}", get(edit_campaign).post(change_campaign))
        .route("/settings/registration/campaigns/{id}/remove", post(remove_campaign))
        .route("/settings/registration/numbers/{id}", post(register))
}

/// A brand with its campaigns.
struct Registered {
    brand: Brand,
    /// Its daily limit, in words.
    limit: String,
    campaigns: Vec<(Campaign, String)>,
}

/// A number, and whether it may text US numbers.
struct Row {
    id: NumberId,
    phone: String,
    /// What it lacks; empty if it lacks nothing.
    lacks: String,
    is_real: bool,
    campaign: Option<CampaignId>,
    state: String,
}

impl Row {
    fn is_in(&self, campaign: &CampaignId) -> bool {
        self.campaign == Some(*campaign)
    }
}

#[derive(Template)]
#[template(path = "settings/registration.html")]
struct RegistrationPage<'v> {
    frame: Frame<'v>,
    side: Side,
    brands: Vec<Registered>,
    campaigns: Vec<Campaign>,
    numbers: Vec<Row>,
    states: [Registration; 4],
    may_write: bool,
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let Registrations { brands, campaigns } = parts.engine.registrations(&viewer.actor).await?;
    let numbers = parts.engine.numbers(&viewer.actor).await?;
    let carriers = parts.engine.carrier_names(&viewer.actor).await?;
    let mut rows = Vec::new();
    for number in numbers.iter().filter(|number| number.state != NumberState::Lost.word()) {
        let lack = parts.engine.lack_of(number)?;
        let called = carriers.iter().find(|(name, _)| *name == number.carrier);
        rows.push(Row {
            id: number.id,
            phone: format::phone(&number.phone),
            lacks: lack.map(|lack| lack.to_string()).unwrap_or_default(),
            is_real: called.is_none_or(|(name, _)| name != "simulator"),
            campaign: number.campaign,
            state: number.registration.clone(),
        });
    }
    let of = |brand: Brand| {
        let own = campaigns.iter().filter(|campaign| campaign.brand == brand.id);
        Registered {
            limit: match brand.day_segments {
                0 => "no limit to T-Mobile noted".to_owned(),
                limit => format!("{} segments a day to T-Mobile, {} % of all", format::count(limit), brand.share),
            },
            campaigns: own.map(|campaign| (campaign.clone(), per_minute(campaign))).collect(),
            brand,
        }
    };
    let (frame, side) = frame(&viewer, HERE);
    Ok(html(&RegistrationPage {
        brands: brands.into_iter().map(of).collect(),
        campaigns: campaigns.clone(),
        numbers: rows,
        states: Registration::ALL,
        may_write: viewer.may("numbers:write"),
        frame,
        side,
    }))
}

fn per_minute(campaign: &Campaign) -> String {
    match campaign.segments_per_minute {
        0 => "no limit to AT&T noted".to_owned(),
        limit => format!("{} segments a minute", format::count(limit)),
    }
}

/// A question of the registry, with what was answered.
struct Asked {
    fact: &'static Fact,
    value: String,
}

/// The form of a brand or a campaign.
#[derive(Template)]
#[template(path = "settings/registration/form.html")]
struct FormPage<'v> {
    frame: Frame<'v>,
    side: Side,
    title: String,
    action: String,
    is_brand: bool,
    name: String,
    registry_id: String,
    state: String,
    limit: String,
    share: String,
    asked: Vec<Asked>,
    states: [Registration; 4],
    tiers: &'static [Tier],
    fault: Fault,
}

type Values = Vec<(String, String)>;

/// What a form is about.
enum About {
    NewBrand,
    Brand(BrandId),
    NewCampaign(BrandId),
    Campaign(CampaignId),
}

impl About {
    fn is_brand(&self) -> bool {
        matches!(self, Self::NewBrand | Self::Brand(_))
    }

    fn facts(&self) -> &'static [Fact] {
        if self.is_brand() { BRAND_FACTS } else { CAMPAIGN_FACTS }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NewBrand => "Note a brand",
            Self::Brand(_) => "Change a brand",
            Self::NewCampaign(_) => "Note a campaign",
            Self::Campaign(_) => "Change a campaign",
        }
    }

    fn action(&self) -> String {
        match self {
            Self::NewBrand => format!("{HERE}/brands/new"),
            Self::Brand(id) => format!("{HERE}/brands/{id}"),
            Self::NewCampaign(brand) => format!("{HERE}/brands/{brand}/campaigns"),
            Self::Campaign(id) => format!("{HERE}/campaigns/{id}"),
        }
    }
}

fn page<'v>(viewer: &'v Viewer, about: &About, values: &Values, fault: Fault) -> FormPage<'v> {
    let (frame, side) = frame(viewer, HERE);
    let value = |key: &str| found(values, key);
    FormPage {
        frame,
        side,
        title: about.title().to_owned(),
        action: about.action(),
        is_brand: about.is_brand(),
        name: value(NAME),
        registry_id: value(REGISTRY_ID),
        state: value(STATE),
        limit: value(LIMIT),
        share: value(SHARE),
        asked: about.facts().iter().map(|fact| Asked { fact, value: value(fact.key) }).collect(),
        states: Registration::ALL,
        tiers: TIERS,
        fault,
    }
}

fn found(values: &Values, key: &str) -> String {
    values.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn facts(about: &About, values: &Values) -> Values {
    about.facts().iter().map(|fact| (fact.key.to_owned(), found(values, fact.key))).collect()
}

fn pairs(known: &[(&str, String)], facts: Values) -> Values {
    known.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).chain(facts).collect()
}

async fn new_brand(viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::NumbersWrite)?;
    let values = pairs(&[(SHARE, USUAL_SHARE.to_string()), (LIMIT, "2000".to_owned())], Vec::new());
    Ok(html(&page(&viewer, &About::NewBrand, &values, Fault::default())))
}

async fn new_campaign(State(parts): State<Parts>, viewer: Viewer, Id(brand): Id<BrandId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::NumbersWrite)?;
    let all = parts.engine.registrations(&viewer.actor).await?;
    all.brands.iter().find(|one| one.id == brand).ok_or_else(|| Wrong::not_found("the brand"))?;
    let values = pairs(&[(LIMIT, "75".to_owned())], Vec::new());
    Ok(html(&page(&viewer, &About::NewCampaign(brand), &values, Fault::default())))
}

async fn edit_brand(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<BrandId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::NumbersWrite)?;
    let all = parts.engine.registrations(&viewer.actor).await?;
    let brand = all.brands.into_iter().find(|one| one.id == id).ok_or_else(|| Wrong::not_found("the brand"))?;
    let values = [
        (NAME, brand.name),
        (REGISTRY_ID, brand.registry_id),
        (STATE, brand.state),
        (LIMIT, brand.day_segments.to_string()),
        (SHARE, brand.share.to_string()),
    ];
    Ok(html(&page(&viewer, &About::Brand(id), &pairs(&values, brand.facts), Fault::default())))
}

async fn edit_campaign(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CampaignId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::NumbersWrite)?;
    let all = parts.engine.registrations(&viewer.actor).await?;
    let campaign = all.campaigns.into_iter().find(|one| one.id == id);
    let campaign = campaign.ok_or_else(|| Wrong::not_found("the campaign"))?;
    let values = [
        (NAME, campaign.name),
        (REGISTRY_ID, campaign.registry_id),
        (STATE, campaign.state),
        (LIMIT, campaign.segments_per_minute.to_string()),
    ];
    Ok(html(&page(&viewer, &About::Campaign(id), &pairs(&values, campaign.facts), Fault::default())))
}

async fn create_brand(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(values): Form<Values>,
) -> Result<Response, Wrong> {
    keep(&parts, &viewer, About::NewBrand, values).await
}

async fn change_brand(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<BrandId>,
    Form(values): Form<Values>,
) -> Result<Response, Wrong> {
    keep(&parts, &viewer, About::Brand(id), values).await
}

async fn create_campaign(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(brand): Id<BrandId>,
    Form(values): Form<Values>,
) -> Result<Response, Wrong> {
    keep(&parts, &viewer, About::NewCampaign(brand), values).await
}

async fn change_campaign(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<CampaignId>,
    Form(values): Form<Values>,
) -> Result<Response, Wrong> {
    keep(&parts, &viewer, About::Campaign(id), values).await
}

/// Keeps what a form holds, or shows it again with what is wrong.
async fn keep(parts: &Parts, viewer: &Viewer, about: About, values: Values) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::NumbersWrite)?;
    let (limit, share) = (whole(&found(&values, LIMIT)), whole(&found(&values, SHARE)));
    let (Some(limit), Some(share)) = (limit, share) else {
        let field = if limit.is_none() { LIMIT } else { SHARE };
        let fault = Fault::says(field, "This is not a whole number.");
        return Ok(refused(&page(viewer, &about, &values, fault)));
    };
    let (name, registry_id, state) = (found(&values, NAME), found(&values, REGISTRY_ID), found(&values, STATE));
    let facts = facts(&about, &values);
    let kept = match about {
        About::NewBrand | About::Brand(_) => {
            let id = if let About::Brand(id) = about { Some(id) } else { None };
            let note = BrandNote { name, registry_id, state, facts, day_segments: limit, share };
            parts.engine.note_brand(&viewer.actor, id, note).await.map(|brand| brand.name)
        }
        About::NewCampaign(_) | About::Campaign(_) => {
            let at = match about {
                About::Campaign(id) => CampaignAt::Known(id),
                About::NewCampaign(brand) => CampaignAt::New(brand),
                About::NewBrand | About::Brand(_) => return Err(Wrong::not_found("the campaign")),
            };
            let note = CampaignNote { name, registry_id, state, facts, segments_per_minute: limit };
            parts.engine.note_campaign(&viewer.actor, at, note).await.map(|campaign| campaign.name)
        }
    };
    match kept {
        Ok(name) => Ok(Done::to(HERE).saying(format!("“{name}” is noted")).into_response()),
        Err(error) => Ok(refused(&page(viewer, &about, &values, fault(error)?))),
    }
}

/// The field that an error is about.
fn fault(error: RegistrationError) -> Result<Fault, Wrong> {
    let field = match &error {
        RegistrationError::Name(_) | RegistrationError::TooMany => NAME,
        RegistrationError::RegistryId(_) | RegistrationError::NoRegistryId => REGISTRY_ID,
        RegistrationError::State(_) => STATE,
        RegistrationError::Limit(_) => LIMIT,
        RegistrationError::Share(_) => SHARE,
        RegistrationError::FactLength { key, .. } => key,
        _ => return Err(error.into()),
    };
    Ok(Fault::at(field, &error))
}

async fn remove_brand(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<BrandId>) -> Result<Response, Wrong> {
    gone(parts.engine.remove_brand(&viewer.actor, id).await, "The brand is removed")
}

async fn remove_campaign(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<CampaignId>,
) -> Result<Response, Wrong> {
    gone(parts.engine.remove_campaign(&viewer.actor, id).await, "The campaign is removed")
}

fn gone(done: Result<(), RegistrationError>, said: &str) -> Result<Response, Wrong> {
    match done {
        Ok(()) => Ok(Done::to(HERE).saying(said).into_response()),
        Err(error @ RegistrationError::InUse { .. }) => {
            Ok(Done::to(HERE).failing(format::sentence(&error.to_string())).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    campaign: String,
    state: String,
}

async fn register(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<NumberId>,
    Form(place): Form<Place>,
) -> Result<Response, Wrong> {
    let campaign = match place.campaign.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Wrong::not_found("the campaign"))?),
    };
    let state = Registration::from_word(&place.state).ok_or_else(|| Wrong::not_found("this state of a number"))?;
    let number = parts.engine.register_number(&viewer.actor, id, campaign, state).await?;
    let phone = format::phone(&number.phone);
    Ok(match parts.engine.lack_of(&number)? {
        None => Done::to(HERE).saying(format!("{phone} is noted and may text US numbers")),
        Some(lack) => Done::to(HERE).saying(format!("{phone} is noted. It texts no US number yet: it {lack}")),
    }
    .into_response())
}
