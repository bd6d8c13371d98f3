//! The roll of carriers: those that the installation has, and the accounts of the workspaces, opened and ready.
//!
//! Accounts are in the database; a node opens what it finds there and looks again now and then, and whenever it meets a
//! name that it does not know. An account whose settings cannot be opened is on the roll with its reason, and sends nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use carrier::account::{self, Kind, Place, Reach};
use carrier::webhook::Poster;
use carrier::{Carrier, Ear, Http};
use domain::ids::WorkspaceId;
use jiff::Timestamp;
use store::carriers::Carrier as Stored;

use crate::engine::Carriers;
use crate::sealed::MasterKeys;
use crate::tokens;
use crate::turnstile::Turnstile;

/// What opening an account takes.
#[derive(Debug, Clone)]
pub struct Outfit {
    /// The keys with which settings are sealed.
    pub keys: MasterKeys,
    /// The client that calls the carriers.
    pub http: Http,
    /// What calls endpoints of webhooks.
    pub poster: Poster,
    /// The address under which carriers reach us, without a closing slash.
    pub public_url: String,
    /// The gateways and SMSCs that accounts may name.
    pub reach: Reach,
    /// Other addresses of carriers than their own, for tests.
    pub bases: BTreeMap<Kind, String>,
}

impl Outfit {
    /// The address that a carrier calls.
    #[must_use]
    pub fn callbacks(&self, carrier: &str, hook_key: &str) -> String {
        format!("{}/hooks/{carrier}/{hook_key}", self.public_url)
    }

    /// The settings of an account.
    pub(crate) fn settings(&self, stored: &Stored) -> Result<serde_json::Value, String> {
        let text = self.keys.open(&stored.id.to_string(), &stored.sealed).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|_| "its settings are not of this version".to_owned())
    }

    fn open(&self, stored: &Stored) -> Result<Arc<dyn Carrier>, String> {
        let kind = Kind::from_word(&stored.kind).ok_or_else(|| format!("there is no carrier {:?}", stored.kind))?;
        let name = stored.id.to_string();
        let base = self.bases.get(&kind).map(String::as_str).or_else(|| kind.base());
        let place =
            Place { base: base.unwrap_or_default().to_owned(), callbacks: self.callbacks(&name, &stored.hook_key) };
        let settings = self.settings(stored)?;
        // The operator may have taken the host off the list since the account was added.
        let known = settings.as_object().cloned().unwrap_or_default();
        account::may_reach(kind, &known, &self.reach).map_err(|error| error.to_string())?;
        let opened = account::open(kind, settings, name, place, self.http.clone());
        opened.map_err(|_| "its settings are not of this version".to_owned())
    }
}

/// What happened at an account since this process began.
#[derive(Debug, Default)]
pub struct Health {
    /// When it was last heard, in seconds since 1970; 0 for never.
    heard: AtomicI64,
    /// The same, at the address before.
    heard_before: AtomicI64,
    /// Calls that were not verified.
    refused: AtomicU64,
}

impl Health {
    pub(crate) fn heard(&self, now: Timestamp, by: Address) {
        self.heard.store(now.as_second(), Ordering::Relaxed);
        if by == Address::Before {
            self.heard_before.store(now.as_second(), Ordering::Relaxed);
        }
    }

    /// When a verified call came last to the address before.
    #[must_use]
    pub fn heard_before_at(&self) -> Option<Timestamp> {
        at(&self.heard_before)
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// When a verified call came last.
    #[must_use]
    pub fn heard_at(&self) -> Option<Timestamp> {
        at(&self.heard)
    }

    /// How many calls were not verified.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

fn at(second: &AtomicI64) -> Option<Timestamp> {
    let second = second.load(Ordering::Relaxed);
    (second > 0).then(|| Timestamp::from_second(second).ok()).flatten()
}

/// Which of an account's addresses was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    Current,
    Before,
}

/// An account on the roll.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) workspace: WorkspaceId,
    hook_key: String,
    hook_key_before: Option<String>,
    /// The adapter, or why there is none.
    pub(crate) opened: Result<Arc<dyn Carrier>, String>,
    pub(crate) health: Arc<Health>,
    changed_at: Timestamp,
}

impl Account {
    /// The address whose secret part this is, if it is one of the account's.
    pub(crate) fn address(&self, hook_key: &str) -> Option<Address> {
        let is = |key: &str| tokens::same(key, hook_key);
        let current = is(&self.hook_key).then_some(Address::Current);
        current.or_else(|| self.hook_key_before.as_deref().is_some_and(is).then_some(Address::Before))
    }
}

/// All carriers that this node knows.
#[derive(Default)]
pub(crate) struct Roll {
    fixed: Carriers,
    outfit: Option<Outfit>,
    accounts: RwLock<Known>,
    /// Where calls to names that nobody knows wait for one look at the database.
    pub(crate) looks: Turnstile,
}

#[derive(Default)]
struct Known {
    /// Who hears for links, in a process that serves.
    ear: Option<Arc<dyn Ear>>,
    version: Option<(i64, i64)>,
    by_name: BTreeMap<String, Account>,
}

impl Roll {
    pub(crate) fn new(fixed: Carriers, outfit: Option<Outfit>) -> Self {
        Self { fixed, outfit, accounts: RwLock::default(), looks: Turnstile::default() }
    }

    pub(crate) fn outfit(&self) -> Option<&Outfit> {
        self.outfit.as_ref()
    }

    /// Those that the installation itself has.
    pub(crate) fn fixed(&self) -> &Carriers {
        &self.fixed
    }

    /// The carrier of a name, ready to be called.
    pub(crate) fn ready(&self, name: &str) -> Option<Arc<dyn Carrier>> {
        self.fixed.get(name).cloned().or_else(|| self.account(name)?.opened.ok())
    }

    pub(crate) fn account(&self, name: &str) -> Option<Account> {
        self.accounts.read().expect("nothing fails while it is held").by_name.get(name).cloned()
    }

    pub(crate) fn version(&self) -> Option<(i64, i64)> {
        self.accounts.read().expect("nothing fails while it is held").version
    }

    /// Takes what the database holds now; what did not change stays open as it is.
    pub(crate) fn take(&self, version: (i64, i64), stored: &[Stored]) {
        let Some(outfit) = &self.outfit else { return };
        let mut known = self.accounts.write().expect("nothing fails while it is held");
        let (mut by_name, ear) = (BTreeMap::new(), known.ear.take());
        for one in stored {
            let name = one.id.to_string();
            let before = known.by_name.remove(&name);
            let health = before.as_ref().map_or_else(Arc::default, |before| Arc::clone(&before.health));
            let same = |before: &Account| before.changed_at == one.changed_at;
            if let Some(Account { opened: Ok(other), .. }) = before.as_ref().filter(|before| !same(before)) {
                part(other, ear.as_ref());
            }
            let account = before.filter(same).unwrap_or_else(|| {
                let opened = outfit.open(one);
                if let Err(why) = &opened {
                    tracing::error!(carrier = %one.id, workspace = %one.workspace, why, "an account at a carrier cannot be opened");
                }
                Account {
                    workspace: one.workspace,
                    hook_key: one.hook_key.clone(),
                    hook_key_before: one.hook_key_before.clone(),
                    opened,
                    health,
                    changed_at: one.changed_at,
                }
            });
            if let (Ok(carrier), Some(ear)) = (&account.opened, &ear) {
                carrier.attach(Arc::clone(ear));
            }
            by_name.insert(name, account);
        }
        for gone in known.by_name.values().filter_map(|gone| gone.opened.as_ref().ok()) {
            part(gone, ear.as_ref());
        }
        *known = Known { ear, version: Some(version), by_name };
    }

    /// From now on every account that needs a link has one.
    pub(crate) fn listen(&self, ear: Arc<dyn Ear>) {
        let mut known = self.accounts.write().expect("nothing fails while it is held");
        for carrier in known.by_name.values().filter_map(|account| account.opened.as_ref().ok()) {
            carrier.attach(Arc::clone(&ear));
        }
        known.ear = Some(ear);
    }

    /// From now on none has; answers all that may have one, for the caller to end.
    pub(crate) fn listen_no_more(&self) -> Vec<Arc<dyn Carrier>> {
        let mut known = self.accounts.write().expect("nothing fails while it is held");
        known.ear = None;
        known.by_name.values().filter_map(|account| account.opened.clone().ok()).collect()
    }
}

/// An account is another one now, or gone: its link ends by itself, with the answers that are still to come.
fn part(carrier: &Arc<dyn Carrier>, ear: Option<&Arc<dyn Ear>>) {
    if ear.is_some() {
        let carrier = Arc::clone(carrier);
        tokio::spawn(async move { carrier.detach().await });
    }
}
