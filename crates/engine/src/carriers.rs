//! Accounts at carriers: what a workspace sends with. Their settings are sealed ([`crate::sealed`]) and never shown again.

use carrier::account::{self, SettingsError};
pub use carrier::account::{Field, Kind, Reach, Shape};
pub use carrier::{Checked, Held, Http, HttpError, Link};
use domain::access::Permission;
use domain::ids::CarrierId;
use jiff::Timestamp;
use serde_json::json;
use store::carriers::{self, Carrier as Stored};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids;
use crate::roll::Outfit;
use crate::text::{TextError, line};

/// Most characters in the name of an account.
pub const MAX_CARRIER_NAME: usize = 80;
/// Most accounts of a workspace.
pub const MAX_CARRIERS: usize = 20;

/// The key under which a change names an optional secret that is no longer kept.
pub const FORGET: &str = "forget";

/// Why an account is not kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The name is refused.
    #[error("the account's name is refused")]
    Name(#[source] TextError),
    /// There is no such carrier.
    #[error("there is no carrier {0:?}; there are bandwidth, gateway, plivo, smpp, telnyx, twilio and vonage")]
    Kind(String),
    /// The settings are refused.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Nothing can be sealed.
    #[error(
        "this server keeps no credentials: it is a demo, or has no master key (master_key_file, DRIPLINE_MASTER_KEY)"
    )]
    NoMasterKey,
    /// There are as many as there may be.
    #[error("the workspace has {MAX_CARRIERS} accounts at carriers already; remove one first")]
    TooMany,
    /// Numbers need it.
    #[error("{count} numbers are sent for by this account; they have to go first")]
    InUse {
        /// How many.
        count: i64,
    },
    /// An address from before is still taken.
    #[error("the address before this one is still taken; forget it first, or the carrier may call one that is gone")]
    TwoAddresses,
    /// Nobody calls it.
    #[error("a link of our own has no address that anybody calls")]
    NoAddress,
    /// There is no such account.
    #[error("the account does not exist")]
    Unknown,
    /// Its settings cannot be opened.
    #[error("the account cannot be opened: {0}")]
    Closed(String),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for CarrierError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// An account, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierAccount {
    /// The identifier; its text is the name under which numbers know the account.
    pub id: CarrierId,
    /// Which carrier.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// The settings that are no secrets, by key.
    pub shown: Vec<(String, String)>,
    /// The address that the carrier has to call.
    pub callbacks: String,
    /// The address before, as long as it is taken too, and when a verified call came to it last, since this process began.
    pub before: Option<(String, Option<Timestamp>)>,
    /// What has to be written down at the other side besides, where there is more to it.
    pub lines: Option<String>,
    /// How many numbers it sends for.
    pub numbers: i64,
    /// When a verified call came last, and how many calls were not verified, since this process began.
    pub heard_at: Option<Timestamp>,
    /// Calls that were not verified.
    pub refused: u64,
    /// How its link stands on this node, where it keeps one.
    pub link: Option<Link>,
    /// Why it sends nothing, if so.
    pub trouble: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl CarrierAccount {
    /// Our address as it is to be set at the carrier.
    #[must_use]
    pub fn to_set(&self) -> String {
        self.kind.to_set(&self.callbacks)
    }
}

impl Engine {
    /// The accounts of the workspace, the oldest first.
    pub async fn carrier_accounts(&self, actor: &Actor) -> Result<Vec<CarrierAccount>, CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        self.refresh_carriers().await?;
        let workspace = actor.workspace();
        let read = move |db: &store::Read<'_>| {
            let stored = carriers::list(db, workspace)?;
            let counted = |one: Stored| Ok((carriers::numbers(db, workspace, &one.id.to_string())?, one));
            stored.into_iter().map(counted).collect::<Result<Vec<_>, DbError>>()
        };
        let stored = self.read(read).await?;
        Ok(stored.into_iter().filter_map(|(numbers, stored)| self.shown(&stored, numbers)).collect())
    }

    fn shown(&self, stored: &Stored, numbers: i64) -> Option<CarrierAccount> {
        let kind = Kind::from_word(&stored.kind)?;
        let name = stored.id.to_string();
        let outfit = self.roll().outfit();
        let settings =
            outfit.map_or_else(|| Err("this server has no master key".to_owned()), |outfit| outfit.settings(stored));
        let known = self.roll().account(&name);
        let value =
            |key: &str| settings.as_ref().ok()?.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let open = kind.fields().iter().filter(|field| !field.secret);
        let callbacks = outfit.map_or_else(String::new, |outfit| outfit.callbacks(&name, &stored.hook_key));
        Some(CarrierAccount {
            id: stored.id,
            kind,
            lines: kind.lines(&callbacks),
            name: stored.name.clone(),
            shown: open.filter_map(|field| Some((field.key.to_owned(), value(field.key)?))).collect(),
            callbacks,
            before: stored.hook_key_before.as_ref().zip(outfit).map(|(key, outfit)| {
                (outfit.callbacks(&name, key), known.as_ref().and_then(|known| known.health.heard_before_at()))
            }),
            numbers,
            heard_at: known.as_ref().and_then(|known| known.health.heard_at()),
            refused: known.as_ref().map_or(0, |known| known.health.refusals()),
            link: known.as_ref().and_then(|known| known.opened.as_ref().ok()?.link()),
            trouble: settings.err().or_else(|| known.and_then(|known| known.opened.err())),
            created_at: stored.created_at,
        })
    }

    /// Adds an account. `typed` are its settings by key ([`Kind::fields`]).
    pub async fn add_carrier(
        &self,
        actor: &Actor,
        kind: &str,
        name: &str,
        typed: Vec<(String, String)>,
    ) -> Result<CarrierAccount, CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        let outfit = self.roll().outfit().ok_or(CarrierError::NoMasterKey)?;
        let kind = Kind::from_word(kind).ok_or_else(|| CarrierError::Kind(kind.to_owned()))?;
        let name = line(name, MAX_CARRIER_NAME).map_err(CarrierError::Name)?;
        let settings = account::checked(kind, typed, &outfit.reach)?;
        let beat = self.beat(actor);
        let id = CarrierId(beat.id());
        let stored = Stored {
            workspace: beat.workspace,
            id,
            kind: kind.word().to_owned(),
            name,
            sealed: seal(outfit, id, &settings),
            hook_key: ids::secret(),
            hook_key_before: None,
            created_at: beat.now,
            changed_at: beat.now,
        };
        let insert = stored.clone();
        self.write(Lane::Normal, move |tx| {
            store::workspaces::lock(tx, beat.workspace)?;
            if carriers::list(tx, beat.workspace)?.len() >= MAX_CARRIERS {
                return Err(CarrierError::TooMany);
            }
            carriers::insert(tx, &insert)?;
            noted(tx, &beat, "carrier.added", &insert)
        })
        .await?;
        self.refresh_carriers().await?;
        self.shown(&stored, 0).ok_or(CarrierError::Unknown)
    }

    /// Changes an account: its name, and the settings that are given. A secret that is left empty stays as it is; one that is
    /// named under [`FORGET`] goes, such as a token before, which would sign calls for ever.
    pub async fn change_carrier(
        &self,
        actor: &Actor,
        id: CarrierId,
        name: &str,
        typed: Vec<(String, String)>,
    ) -> Result<(), CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        let outfit = self.roll().outfit().ok_or(CarrierError::NoMasterKey)?.clone();
        let name = line(name, MAX_CARRIER_NAME).map_err(CarrierError::Name)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            store::workspaces::lock(tx, beat.workspace)?;
            let before = carriers::find(tx, beat.workspace, id)?.ok_or(CarrierError::Unknown)?;
            let kind = Kind::from_word(&before.kind).ok_or_else(|| CarrierError::Kind(before.kind.clone()))?;
            let settings =
                merged(kind, &outfit.settings(&before).map_err(CarrierError::Closed)?, typed.clone(), &outfit.reach)?;
            let sealed = seal(&outfit, id, &settings);
            let after =
                Stored { name: name.clone(), sealed, changed_at: beat.now.max(later(before.changed_at)), ..before };
            carriers::change(tx, &after)?;
            noted(tx, &beat, "carrier.changed", &after)
        })
        .await?;
        Ok(self.refresh_carriers().await?)
    }

    /// Gives an account a new address; calls to the one before are taken until it is forgotten.
    pub async fn renew_address(&self, actor: &Actor, id: CarrierId) -> Result<(), CarrierError> {
        self.readdress(actor, id, "carrier.address_renewed", |stored| {
            if !Kind::from_word(&stored.kind).is_some_and(Kind::calls_us) {
                return Err(CarrierError::NoAddress);
            }
            if stored.hook_key_before.is_some() {
                return Err(CarrierError::TwoAddresses);
            }
            stored.hook_key_before = Some(std::mem::replace(&mut stored.hook_key, ids::secret()));
            Ok(())
        })
        .await
    }

    /// Takes no calls any more at the address before.
    pub async fn forget_address(&self, actor: &Actor, id: CarrierId) -> Result<(), CarrierError> {
        self.readdress(actor, id, "carrier.address_forgotten", |stored| {
            stored.hook_key_before = None;
            Ok(())
        })
        .await
    }

    async fn readdress(
        &self,
        actor: &Actor,
        id: CarrierId,
        event: &'static str,
        change: impl Fn(&mut Stored) -> Result<(), CarrierError> + Send + Sync + 'static,
    ) -> Result<(), CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            store::workspaces::lock(tx, beat.workspace)?;
            let before = carriers::find(tx, beat.workspace, id)?.ok_or(CarrierError::Unknown)?;
            let mut after = Stored { changed_at: beat.now.max(later(before.changed_at)), ..before.clone() };
            change(&mut after)?;
            if (&before.hook_key, &before.hook_key_before) == (&after.hook_key, &after.hook_key_before) {
                return Ok(());
            }
            carriers::change(tx, &after)?;
            noted(tx, &beat, event, &after)
        })
        .await?;
        Ok(self.refresh_carriers().await?)
    }

    /// Removes an account and forgets its credentials; refused while it sends for a number.
    pub async fn remove_carrier(&self, actor: &Actor, id: CarrierId) -> Result<(), CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            store::workspaces::lock(tx, beat.workspace)?;
            let stored = carriers::find(tx, beat.workspace, id)?.ok_or(CarrierError::Unknown)?;
            let count = carriers::numbers(tx, beat.workspace, &id.to_string())?;
            if count > 0 {
                return Err(CarrierError::InUse { count });
            }
            carriers::remove(tx, beat.workspace, id, beat.now.max(later(stored.changed_at)))?;
            noted(tx, &beat, "carrier.removed", &stored)
        })
        .await?;
        Ok(self.refresh_carriers().await?)
    }

    /// Asks the carrier whether the account works.
    pub async fn check_carrier(&self, actor: &Actor, id: CarrierId) -> Result<Checked, CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        self.refresh_carriers().await?;
        let account = self.roll().account(&id.to_string()).filter(|account| account.workspace == actor.workspace());
        let carrier = account.ok_or(CarrierError::Unknown)?.opened.map_err(CarrierError::Closed)?;
        Ok(carrier.check().await)
    }

    /// Asks the carrier which numbers the account has; those that are the workspace's already are left out.
    pub async fn carrier_numbers(&self, actor: &Actor, id: CarrierId) -> Result<Held, CarrierError> {
        actor.need(Permission::SettingsWrite)?;
        self.refresh_carriers().await?;
        let account = self.roll().account(&id.to_string()).filter(|account| account.workspace == actor.workspace());
        let carrier = account.ok_or(CarrierError::Unknown)?.opened.map_err(CarrierError::Closed)?;
        let mut all = match carrier.numbers().await {
            Held::Numbers(all) => all,
            other => return Ok(other),
        };
        let workspace = actor.workspace();
        let ours = self.read(move |db| Ok::<_, CarrierError>(store::numbers::list(db, workspace)?)).await?;
        all.retain(|phone| !ours.iter().any(|number| number.phone == *phone));
        Ok(Held::Numbers(all))
    }

    /// What a number of the workspace can be sent for by: the names of carriers, each with what it is called.
    pub async fn carrier_names(&self, actor: &Actor) -> Result<Vec<(String, String)>, CarrierError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        let accounts = self.read(move |db| Ok::<_, CarrierError>(carriers::list(db, workspace)?)).await?;
        let fixed = self.carriers().keys().map(|name| (name.clone(), name.clone()));
        Ok(fixed.chain(accounts.into_iter().map(|account| (account.id.to_string(), account.name))).collect())
    }

    /// Seals every account of every workspace anew that was sealed with an older master key; says how many.
    pub async fn reseal_carriers(&self) -> Result<usize, CarrierError> {
        let outfit = self.roll().outfit().ok_or(CarrierError::NoMasterKey)?.clone();
        let now = self.now();
        self.write(Lane::Bulk, move |tx| {
            let mut count = 0;
            for seen in carriers::all(tx)?.into_iter().filter(|stored| !outfit.keys.is_current(&stored.sealed)) {
                // Read again under the lock: who changes the account just now must not lose what they typed.
                store::workspaces::lock(tx, seen.workspace)?;
                let Some(stored) = carriers::find(tx, seen.workspace, seen.id)? else { continue };
                let owner = stored.id.to_string();
                let text = outfit.keys.open(&owner, &stored.sealed);
                let text = text.map_err(|error| CarrierError::Closed(format!("{owner}: {error}")))?;
                let sealed = outfit.keys.seal(&owner, &text);
                carriers::change(tx, &Stored { sealed, changed_at: now.max(later(stored.changed_at)), ..stored })?;
                count += 1;
            }
            Ok(count)
        })
        .await
    }

    /// Takes up what was added, changed or removed on any node.
    pub async fn refresh_carriers(&self) -> Result<(), Failure> {
        if self.roll().outfit().is_none() {
            return Ok(());
        }
        let known = self.roll().version();
        let read = move |db: &store::Read<'_>| {
            let version = carriers::version(db)?;
            let stored = if known == Some(version) { None } else { Some(carriers::all(db)?) };
            Ok::<_, Failure>((version, stored))
        };
        if let (version, Some(stored)) = self.read(read).await? {
            self.roll().take(version, &stored);
        }
        Ok(())
    }
}

/// A change is later than the one before even if the clock is not, or a node would not see it.
fn later(at: Timestamp) -> Timestamp {
    at.saturating_add(jiff::SignedDuration::from_micros(1)).unwrap_or(at)
}

fn seal(outfit: &Outfit, id: CarrierId, settings: &serde_json::Map<String, serde_json::Value>) -> Vec<u8> {
    outfit.keys.seal(&id.to_string(), &serde_json::Value::from(settings.clone()).to_string())
}

/// The settings with what was typed: an empty secret stays as it is, unless it is to be forgotten.
fn merged(
    kind: Kind,
    before: &serde_json::Value,
    typed: Vec<(String, String)>,
    reach: &Reach,
) -> Result<serde_json::Map<String, serde_json::Value>, SettingsError> {
    let old = |key: &str| before.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let is_secret = |key: &str| kind.fields().iter().any(|field| field.key == key && field.secret);
    let mut values: Vec<(String, String)> =
        kind.fields().iter().map(|field| (field.key.to_owned(), old(field.key))).collect();
    let (forgotten, typed): (Vec<_>, Vec<_>) = typed.into_iter().partition(|(key, _)| key == FORGET);
    let typed = typed.into_iter().filter(|(key, value)| !is_secret(key) || !value.trim().is_empty());
    let forgotten = forgotten.into_iter().map(|(_, key)| (key, String::new()));
    for (key, value) in forgotten.chain(typed) {
        values.retain(|(known, _)| *known != key);
        values.push((key, value));
    }
    account::checked(kind, values, reach)
}

fn noted(tx: &mut Tx<'_>, beat: &Beat, kind: &str, stored: &Stored) -> Result<(), CarrierError> {
    let note = json!({ "carrier": stored.id, "kind": stored.kind, "name": stored.name });
    Ok(beat.note(tx, kind, None, &note)?)
}
