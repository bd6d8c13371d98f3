//! Brands and campaigns with which a workspace is registered to text US numbers (10DLC), and its numbers in them.
//!
//! The registry decides; here is noted what it decided, by whom and when, and what was told to it. What the gate and the limits do
//! with it: `domain::registration` and `meters`.

use domain::access::Permission;
use domain::ids::{BrandId, CampaignId, NumberId};
use domain::registration::{Lack, Registration};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use store::numbers::{self, Number};
pub use store::registrations::{Brand, Campaign};
use store::{DbError, Lane, Tx, registrations};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::senders;
use crate::text::{TextError, line};

/// Most characters in a name or in the registry's identifier.
pub const MAX_NAME: usize = 80;
/// Most brands, and most campaigns, of a workspace.
pub const MAX_REGISTRATIONS: usize = 100;
/// The highest limit that can be noted, in segments.
pub const MAX_LIMIT: i64 = 10_000_000;

/// What the registry asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Its key.
    pub key: &'static str,
    /// What it is called there.
    pub name: &'static str,
    /// The least and most characters, where it is given.
    pub length: (usize, usize),
    /// Whether it is long enough to be written in several lines.
    pub is_long: bool,
}

const fn short(key: &'static str, name: &'static str) -> Fact {
    Fact { key, name, length: (1, 255), is_long: false }
}

const fn long(key: &'static str, name: &'static str, least: usize, most: usize) -> Fact {
    Fact { key, name, length: (least, most), is_long: true }
}

/// What the registry asks of a brand (The Campaign Registry, by Telnyx' API of 2026).
pub const BRAND_FACTS: &[Fact] = &[
    short("company", "Legal name of the company"),
    short("entity", "Kind of company"),
    short("tax_id", "Tax number (EIN)"),
    short("country", "Country"),
    short("vertical", "Industry"),
    short("website", "Website"),
    short("email", "Contact e-mail"),
    short("phone", "Contact phone"),
    short("street", "Street"),
    short("city", "City"),
    short("region", "State or province"),
    short("postal_code", "ZIP code"),
    short("score", "Vetting score or class"),
];

/// What the registry asks of a campaign; the lengths are Twilio's, which are the narrowest.
pub const CAMPAIGN_FACTS: &[Fact] = &[
    short("use_case", "Use case"),
    long("description", "Description", 40, 4_096),
    long("message_flow", "How people agree to be texted", 40, 2_048),
    long("sample1", "First sample message", 20, 1_024),
    long("sample2", "Second sample message", 20, 1_024),
    long("sample3", "Third sample message", 20, 1_024),
    long("optin_message", "Answer to START", 20, 320),
    long("optout_message", "Answer to STOP", 20, 320),
    long("help_message", "Answer to HELP", 20, 320),
    short("privacy_policy", "Address of the privacy policy"),
    short("terms", "Address of the terms"),
];

/// Why a registration is not noted.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The name is refused.
    #[error("the name is refused")]
    Name(#[source] TextError),
    /// The registry's identifier is refused.
    #[error("the registry's identifier is refused")]
    RegistryId(#[source] TextError),
    /// Something is called approved that the registry has not named.
    #[error("what is approved has an identifier at the registry: note it as well")]
    NoRegistryId,
    /// There is no such state.
    #[error("there is no state {0:?}; there are draft, submitted, approved and rejected")]
    State(String),
    /// The registry asks nothing of that key.
    #[error("the registry asks nothing under {0:?}")]
    FactUnknown(String),
    /// A fact is shorter or longer than the registry takes.
    #[error("{name} has {count} characters; the registry takes {least} to {most}")]
    FactLength {
        /// Under which key.
        key: &'static str,
        /// What it is called.
        name: &'static str,
        /// How many it has.
        count: usize,
        /// How many it must have.
        least: usize,
        /// How many it may have.
        most: usize,
    },
    /// A limit is out of range.
    #[error("a limit of {0} segments is not between 0 and {MAX_LIMIT}")]
    Limit(i64),
    /// A share is out of range.
    #[error("a share of {0} % is not between 1 and 100")]
    Share(i64),
    /// There are as many as there may be.
    #[error("the workspace has {MAX_REGISTRATIONS} of them already")]
    TooMany,
    /// There is no such brand.
    #[error("the brand does not exist")]
    BrandUnknown,
    /// There is no such campaign.
    #[error("the campaign does not exist")]
    CampaignUnknown,
    /// There is no such number.
    #[error("the number does not exist")]
    NumberUnknown,
    /// Something is registered with it.
    #[error("{count} {what} registered with it; they have to go first")]
    InUse {
        /// How many.
        count: usize,
        /// Of what.
        what: &'static str,
    },
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for RegistrationError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// What is noted of a brand.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BrandNote {
    /// What it is called here.
    pub name: String,
    /// The registry's identifier; empty as long as there is none.
    pub registry_id: String,
    /// The word of its state.
    pub state: String,
    /// What the registry was told, by key; what is empty is left out.
    pub facts: Vec<(String, String)>,
    /// What T-Mobile allows in a Pacific day, in segments; 0 for no limit.
    pub day_segments: i64,
    /// The part of all texts that counts against it, in percent.
    pub share: i64,
}

/// What is noted of a campaign.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CampaignNote {
    /// What it is called here.
    pub name: String,
    /// The registry's identifier; empty as long as there is none.
    pub registry_id: String,
    /// The word of its state.
    pub state: String,
    /// What the registry was told, by key; what is empty is left out.
    pub facts: Vec<(String, String)>,
    /// What AT&T allows in a minute, in segments; 0 for no limit.
    pub segments_per_minute: i64,
}

/// All brands of a workspace, and all its campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrations {
    /// The brands, the oldest first.
    pub brands: Vec<Brand>,
    /// The campaigns, the oldest first.
    pub campaigns: Vec<Campaign>,
}

impl Engine {
    /// All brands and campaigns of the workspace.
    pub async fn registrations(&self, actor: &Actor) -> Result<Registrations, RegistrationError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let brands = registrations::brands(db, workspace)?;
            Ok(Registrations { brands, campaigns: registrations::campaigns(db, workspace)? })
        })
        .await
    }

    /// Notes a brand, a new one or another state of this one.
    pub async fn note_brand(
        &self,
        actor: &Actor,
        id: Option<BrandId>,
        note: BrandNote,
    ) -> Result<Brand, RegistrationError> {
        actor.need(Permission::NumbersWrite)?;
        let (name, registry_id, state) = checked_head(&note.name, &note.registry_id, &note.state)?;
        let facts = checked_facts(BRAND_FACTS, &note.facts)?;
        let day_segments = checked_limit(note.day_segments)?;
        let share = Some(note.share).filter(|share| (1..=100).contains(share));
        let share = share.ok_or(RegistrationError::Share(note.share))?;
        let beat = self.beat(actor);
        let now = beat.now;
        let noted = move |id, created_at| Brand {
            id,
            name: name.clone(),
            registry_id: registry_id.clone(),
            state: state.word().to_owned(),
            facts: facts.clone(),
            day_segments,
            share,
            created_at,
            changed_at: now,
        };
        let save =
            move |tx: &mut Tx<'_>| once(tx, &beat, &("note_brand", id, &note), |tx| save_brand(tx, &beat, id, &noted));
        let brand = self.write(Lane::Normal, save).await?;
        self.wake();
        Ok(brand)
    }

    /// Notes a campaign of a brand, a new one or another state of this one.
    pub async fn note_campaign(
        &self,
        actor: &Actor,
        at: CampaignAt,
        note: CampaignNote,
    ) -> Result<Campaign, RegistrationError> {
        actor.need(Permission::NumbersWrite)?;
        let (name, registry_id, state) = checked_head(&note.name, &note.registry_id, &note.state)?;
        let facts = checked_facts(CAMPAIGN_FACTS, &note.facts)?;
        let segments_per_minute = checked_limit(note.segments_per_minute)?;
        let beat = self.beat(actor);
        let now = beat.now;
        let noted = move |id, brand, created_at| Campaign {
            id,
            brand,
            name: name.clone(),
            registry_id: registry_id.clone(),
            state: state.word().to_owned(),
            facts: facts.clone(),
            segments_per_minute,
            created_at,
            changed_at: now,
        };
        let save = move |tx: &mut Tx<'_>| {
            once(tx, &beat, &("note_campaign", at, &note), |tx| save_campaign(tx, &beat, at, &noted))
        };
        let campaign = self.write(Lane::Normal, save).await?;
        self.wake();
        Ok(campaign)
    }

    /// Removes a brand without campaigns.
    pub async fn remove_brand(&self, actor: &Actor, id: BrandId) -> Result<(), RegistrationError> {
        actor.need(Permission::NumbersWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            store::workspaces::lock(tx, beat.workspace)?;
            let brand = registrations::find_brand(tx, beat.workspace, id)?.ok_or(RegistrationError::BrandUnknown)?;
            let campaigns = registrations::campaigns(tx, beat.workspace)?;
            let count = campaigns.iter().filter(|campaign| campaign.brand == id).count();
            unused(count, "campaigns are")?;
            registrations::remove_brand(tx, beat.workspace, id)?;
            Ok(beat.note(tx, "brand.removed", None, &json!({ "brand": id, "name": brand.name }))?)
        })
        .await
    }

    /// Removes a campaign without numbers.
    pub async fn remove_campaign(&self, actor: &Actor, id: CampaignId) -> Result<(), RegistrationError> {
        actor.need(Permission::NumbersWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            store::workspaces::lock(tx, beat.workspace)?;
            let campaign = registrations::find_campaign(tx, beat.workspace, id)?;
            let campaign = campaign.ok_or(RegistrationError::CampaignUnknown)?;
            let numbers = numbers::list(tx, beat.workspace)?;
            let count = numbers.iter().filter(|number| number.campaign == Some(id) && number.state != "lost").count();
            unused(count, "numbers are")?;
            registrations::remove_campaign(tx, beat.workspace, id)?;
            Ok(beat.note(tx, "campaign.removed", None, &json!({ "campaign": id, "name": campaign.name }))?)
        })
        .await
    }

    /// What a number lacks to text a US number; nothing if it may.
    pub fn lack_of(&self, number: &Number) -> Result<Option<Lack>, Failure> {
        Ok(senders::standing(number)?.lack_for_us())
    }

    /// Notes the campaign that a number is in, or none, and how far the number itself is.
    pub async fn register_number(
        &self,
        actor: &Actor,
        id: NumberId,
        campaign: Option<CampaignId>,
        state: Registration,
    ) -> Result<Number, RegistrationError> {
        actor.need(Permission::NumbersWrite)?;
        let beat = self.beat(actor);
        let number = self
            .write(Lane::Normal, move |tx| {
                store::workspaces::lock(tx, beat.workspace)?;
                let find = |all: Vec<Number>| all.into_iter().find(|number| number.id == id);
                find(numbers::lock(tx, beat.workspace)?).ok_or(RegistrationError::NumberUnknown)?;
                if let Some(campaign) = campaign {
                    let found = registrations::find_campaign(tx, beat.workspace, campaign)?;
                    found.ok_or(RegistrationError::CampaignUnknown)?;
                }
                registrations::assign(tx, beat.workspace, id, campaign, state.word())?;
                let note = json!({ "number": id, "campaign": campaign, "registration": state.word() });
                beat.note(tx, "number.registered", None, &note)?;
                find(numbers::list(tx, beat.workspace)?).ok_or(RegistrationError::NumberUnknown)
            })
            .await?;
        self.wake();
        Ok(number)
    }
}

/// Which campaign is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CampaignAt {
    /// A new one of this brand.
    New(BrandId),
    /// This one.
    Known(CampaignId),
}

fn unused(count: usize, what: &'static str) -> Result<(), RegistrationError> {
    if count > 0 { Err(RegistrationError::InUse { count, what }) } else { Ok(()) }
}

fn save_brand(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: Option<BrandId>,
    noted: &impl Fn(BrandId, Timestamp) -> Brand,
) -> Result<Brand, RegistrationError> {
    store::workspaces::lock(tx, beat.workspace)?;
    let brand = if let Some(id) = id {
        let before = registrations::find_brand(tx, beat.workspace, id)?.ok_or(RegistrationError::BrandUnknown)?;
        let brand = noted(id, before.created_at);
        registrations::save_brand(tx, beat.workspace, &brand)?;
        numbers::lock(tx, beat.workspace)?;
        registrations::free(tx, beat.workspace, id)?;
        brand
    } else {
        if registrations::brands(tx, beat.workspace)?.len() >= MAX_REGISTRATIONS {
            return Err(RegistrationError::TooMany);
        }
        let brand = noted(BrandId(beat.id()), beat.now);
        registrations::save_brand(tx, beat.workspace, &brand)?;
        brand
    };
    let note = json!({ "brand": brand.id, "name": brand.name, "state": brand.state,
        "registry_id": brand.registry_id, "day_segments": brand.day_segments, "share": brand.share });
    beat.note(tx, "brand.noted", None, &note)?;
    Ok(brand)
}

fn save_campaign(
    tx: &mut Tx<'_>,
    beat: &Beat,
    at: CampaignAt,
    noted: &impl Fn(CampaignId, BrandId, Timestamp) -> Campaign,
) -> Result<Campaign, RegistrationError> {
    store::workspaces::lock(tx, beat.workspace)?;
    let campaign = match at {
        CampaignAt::Known(id) => {
            let before = registrations::find_campaign(tx, beat.workspace, id)?;
            let before = before.ok_or(RegistrationError::CampaignUnknown)?;
            let campaign = noted(id, before.brand, before.created_at);
            registrations::save_campaign(tx, beat.workspace, &campaign)?;
            numbers::lock(tx, beat.workspace)?;
            registrations::free(tx, beat.workspace, before.brand)?;
            campaign
        }
        CampaignAt::New(brand) => {
            registrations::find_brand(tx, beat.workspace, brand)?.ok_or(RegistrationError::BrandUnknown)?;
            if registrations::campaigns(tx, beat.workspace)?.len() >= MAX_REGISTRATIONS {
                return Err(RegistrationError::TooMany);
            }
            let campaign = noted(CampaignId(beat.id()), brand, beat.now);
            registrations::save_campaign(tx, beat.workspace, &campaign)?;
            campaign
        }
    };
    let note = json!({ "campaign": campaign.id, "brand": campaign.brand, "name": campaign.name,
        "state": campaign.state, "registry_id": campaign.registry_id,
        "segments_per_minute": campaign.segments_per_minute });
    beat.note(tx, "campaign.noted", None, &note)?;
    Ok(campaign)
}

fn checked_head(
    name: &str,
    registry_id: &str,
    state: &str,
) -> Result<(String, String, Registration), RegistrationError> {
    let name = line(name, MAX_NAME).map_err(RegistrationError::Name)?;
    let registry_id = match registry_id.trim() {
        "" => String::new(),
        given => line(given, MAX_NAME).map_err(RegistrationError::RegistryId)?,
    };
    let state = Registration::from_word(state).ok_or_else(|| RegistrationError::State(state.to_owned()))?;
    if state == Registration::Approved && registry_id.is_empty() {
        return Err(RegistrationError::NoRegistryId);
    }
    Ok((name, registry_id, state))
}

/// The facts that are given, in the registry's order.
fn checked_facts(
    asked: &'static [Fact],
    given: &[(String, String)],
) -> Result<Vec<(String, String)>, RegistrationError> {
    for (key, value) in given {
        let fact = asked.iter().find(|fact| fact.key == key);
        let fact = fact.ok_or_else(|| RegistrationError::FactUnknown(key.clone()))?;
        let (count, (least, most)) = (value.trim().chars().count(), fact.length);
        if count > 0 && !(least..=most).contains(&count) {
            return Err(RegistrationError::FactLength { key: fact.key, name: fact.name, count, least, most });
        }
    }
    let value = |fact: &Fact| {
        let (_, value) = given.iter().rfind(|(key, _)| key == fact.key)?;
        // PostgreSQL keeps no NUL.
        let value = value.trim().replace('\0', "");
        (!value.is_empty()).then(|| (fact.key.to_owned(), value))
    };
    Ok(asked.iter().filter_map(value).collect())
}

fn checked_limit(given: i64) -> Result<i64, RegistrationError> {
    (0..=MAX_LIMIT).contains(&given).then_some(given).ok_or(RegistrationError::Limit(given))
}
