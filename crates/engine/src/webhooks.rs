//! Outgoing webhooks: addresses of a workspace's own that are told what happens (SPEC §11, decision 0023).
//!
//! | part | where |
//! |---|---|
//! | endpoints: added, changed, their secret renewed, removed | here |
//! | what a call says | `body` |
//! | taking deliveries up, calling, settling | `courier`, `claim`, `settle` |
//! | the log, a test, a replay | [`log`] |
//!
//! What happened is queued by the statement that writes the event (`store::events`); nothing here reads the history by a cursor. Secrets
//! are sealed ([`crate::sealed`]) and shown once. Addresses are told to nobody but who may change settings: they may hold a key.

mod body;
mod claim;
pub mod courier;
pub mod log;
mod secrets;
mod settle;

pub use carrier::webhook::{MAX_URL, Poster, SAID, UrlError};
use domain::access::Permission;
use domain::ids::WebhookId;
use domain::webhook::{EndpointState, Kinds, NoSuchKind, OLD_SECRET};
use jiff::Timestamp;
use serde_json::json;
pub use store::webhooks::Webhook;
use store::{DbError, Lane, Tx, webhooks};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::roll::Outfit;
use crate::text::{TextError, line_or_nothing};
use secrets::Secrets;

/// Most characters that say what an endpoint is for.
pub const MAX_DESCRIPTION: usize = 120;
/// Most endpoints of a workspace.
pub const MAX_WEBHOOKS: usize = 10;
/// How far back what happened can be delivered again, and how long the log is kept.
pub const LOG_DAYS: i64 = 30;

/// Why an endpoint is not kept, shown or told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nothing can be sealed, and nothing is called.
    #[error("this server calls no webhooks: it is a demo, or has no master key (master_key_file, DRIPLINE_MASTER_KEY)")]
    NoMasterKey,
    /// The address is refused.
    #[error("the address is refused")]
    Url(#[source] UrlError),
    /// The description is refused.
    #[error("the description is refused")]
    Description(#[source] TextError),
    /// A kind of event that there is not.
    #[error(transparent)]
    Kind(#[from] NoSuchKind),
    /// There are as many as there may be.
    #[error("the workspace has {MAX_WEBHOOKS} endpoints already; remove one first")]
    TooMany,
    /// There is no such endpoint, or nothing was queued for it.
    #[error("the endpoint or the delivery does not exist")]
    Unknown,
    /// It gets nothing just now.
    #[error("the endpoint is not on: switch it on first")]
    NotOn,
    /// It is too long ago.
    #[error("what happened more than {LOG_DAYS} days ago is not delivered again")]
    TooOld,
    /// Its secrets cannot be opened.
    #[error("the secret of the endpoint cannot be opened: {0}")]
    Closed(String),
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for WebhookError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// What changes of an endpoint; what is nothing stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Where it is called.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Which events it wants; none for all.
    pub kinds: Option<Vec<String>>,
    /// Whether it gets anything.
    pub on: Option<Wanted>,
}

/// What a user wants of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It is told what happens.
    On,
    /// It is not.
    Off,
}

impl Engine {
    /// Whether this server calls webhooks at all.
    #[must_use]
    pub fn calls_webhooks(&self) -> bool {
        self.roll().outfit().is_some()
    }

    fn webhook_outfit(&self) -> Result<Outfit, WebhookError> {
        self.roll().outfit().cloned().ok_or(WebhookError::NoMasterKey)
    }

    /// The endpoints of the workspace, the oldest first.
    pub async fn webhooks(&self, actor: &Actor) -> Result<Vec<Webhook>, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(webhooks::list(db, workspace)?)).await
    }

    /// One endpoint.
    pub async fn webhook(&self, actor: &Actor, id: WebhookId) -> Result<Webhook, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let workspace = actor.workspace();
        self.read(move |db| webhooks::find(db, workspace, id)?.ok_or(WebhookError::Unknown)).await
    }

    /// Adds an endpoint: it is told whatever is written after this has answered. The second part of the answer is its secret, which
    /// cannot be had again: a repeat under the same idempotency key names the first endpoint with an empty text.
    pub async fn add_webhook(
        &self,
        actor: &Actor,
        url: &str,
        description: &str,
        kinds: &[String],
    ) -> Result<(Webhook, String), WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let outfit = self.webhook_outfit()?;
        let (beat, secrets) = (self.beat(actor), Secrets::draw());
        let id = WebhookId(beat.id());
        let webhook = Webhook {
            id,
            url: outfit.poster.address(url).map_err(WebhookError::Url)?,
            description: line_or_nothing(description, MAX_DESCRIPTION).map_err(WebhookError::Description)?,
            kinds: Kinds::of(kinds)?,
            sealed: secrets.seal(&outfit, id),
            old_until: None,
            state: EndpointState::On,
            stopped_at: None,
            stopped_because: None,
            failing_since: None,
            delivered_at: None,
            created_at: beat.now,
            changed_at: beat.now,
        };
        let made = self.write(Lane::Normal, move |tx| {
            let asked = ("add_webhook", &webhook.url, &webhook.description, webhook.kinds.stored());
            let id = once(tx, &beat, &asked, |tx| add(tx, &beat, &webhook))?;
            webhooks::find(tx, beat.workspace, id)?.ok_or(WebhookError::Unknown)
        });
        let made = made.await?;
        let text = if made.id == id { secrets.current().to_owned() } else { String::new() };
        Ok((made, text))
    }

    /// Changes an endpoint. One that is switched on again goes on with what still waits; what happened while it was not on is
    /// delivered by a replay only.
    pub async fn change_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Webhook, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let outfit = self.webhook_outfit()?;
        let url = change.url.as_deref().map(|url| outfit.poster.address(url)).transpose().map_err(WebhookError::Url)?;
        let description = change.description.as_deref().map(|text| line_or_nothing(text, MAX_DESCRIPTION)).transpose();
        let description = description.map_err(WebhookError::Description)?;
        let kinds = change.kinds.as_deref().map(Kinds::of).transpose()?;
        let (beat, on) = (self.beat(actor), change.on);
        self.write(Lane::Normal, move |tx| {
            let before = webhooks::lock(tx, beat.workspace, id)?.ok_or(WebhookError::Unknown)?;
            let mut after = before.clone();
            after.url.clone_from(url.as_ref().unwrap_or(&before.url));
            after.description.clone_from(description.as_ref().unwrap_or(&before.description));
            after.kinds.clone_from(kinds.as_ref().unwrap_or(&before.kinds));
            if let Some(wanted) = on {
                switch(&mut after, wanted, beat.now);
            }
            if after == before {
                return Ok(before);
            }
            after.changed_at = beat.now;
            webhooks::save(tx, beat.workspace, &after)?;
            noted(tx, &beat, "webhook.changed", &after)?;
            Ok(after)
        })
        .await
    }

    /// Gives an endpoint a new secret; the one before signs too for another day. Answers the new one; empty on a repeat under the same
    /// idempotency key.
    pub async fn rotate_webhook(&self, actor: &Actor, id: WebhookId) -> Result<String, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let outfit = self.webhook_outfit()?;
        let (beat, fresh) = (self.beat(actor), Secrets::draw());
        let (text, mark) = (fresh.current().to_owned(), beat.id());
        let done = self.write(Lane::Normal, move |tx| {
            once(tx, &beat, &("rotate_webhook", id), |tx| {
                let webhook = webhooks::lock(tx, beat.workspace, id)?.ok_or(WebhookError::Unknown)?;
                let secrets = Secrets::open(&outfit, &webhook).map_err(WebhookError::Closed)?.renewed(&fresh);
                let (sealed, old_until) = (secrets.seal(&outfit, id), Some(later(beat.now, OLD_SECRET)));
                let after = Webhook { sealed, old_until, changed_at: beat.now, ..webhook };
                webhooks::save(tx, beat.workspace, &after)?;
                noted(tx, &beat, "webhook.rotated", &after)?;
                Ok::<_, WebhookError>(mark)
            })
        });
        Ok(if done.await? == mark { text } else { String::new() })
    }

    /// Removes an endpoint: its secret is forgotten, what waits for it is not delivered.
    pub async fn remove_webhook(&self, actor: &Actor, id: WebhookId) -> Result<(), WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let webhook = webhooks::lock(tx, beat.workspace, id)?.ok_or(WebhookError::Unknown)?;
            webhooks::remove(tx, beat.workspace, id, beat.now)?;
            noted(tx, &beat, "webhook.removed", &webhook)
        })
        .await
    }

    /// Seals the secrets of every endpoint of every workspace anew that were sealed with an older master key; says how many.
    pub async fn reseal_webhooks(&self) -> Result<usize, WebhookError> {
        let outfit = self.webhook_outfit()?;
        self.write(Lane::Bulk, move |tx| {
            let mut count = 0;
            for (workspace, id, _) in webhooks::all(tx)?.into_iter().filter(|one| !outfit.keys.is_current(&one.2)) {
                // Read again under the lock: a secret may be renewed just now.
                let Some(webhook) = webhooks::lock(tx, workspace, id)? else { continue };
                let secrets = Secrets::open(&outfit, &webhook);
                let secrets = secrets.map_err(|why| WebhookError::Closed(format!("{id}: {why}")))?;
                webhooks::save(tx, workspace, &Webhook { sealed: secrets.seal(&outfit, id), ..webhook })?;
                count += 1;
            }
            Ok(count)
        })
        .await
    }
}

fn add(tx: &mut Tx<'_>, beat: &Beat, webhook: &Webhook) -> Result<WebhookId, WebhookError> {
    store::workspaces::lock(tx, beat.workspace)?;
    if webhooks::list(tx, beat.workspace)?.len() >= MAX_WEBHOOKS {
        return Err(WebhookError::TooMany);
    }
    webhooks::insert(tx, beat.workspace, webhook)?;
    noted(tx, beat, "webhook.added", webhook)?;
    Ok(webhook.id)
}

fn switch(webhook: &mut Webhook, wanted: Wanted, now: Timestamp) {
    match (wanted, webhook.state) {
        (Wanted::On, EndpointState::On) | (Wanted::Off, EndpointState::Off) => return,
        (Wanted::On, _) => (webhook.state, webhook.stopped_at) = (EndpointState::On, None),
        (Wanted::Off, _) => (webhook.state, webhook.stopped_at) = (EndpointState::Off, Some(now)),
    }
    // It has three days again.
    (webhook.stopped_because, webhook.failing_since) = (None, None);
}

fn noted(tx: &mut Tx<'_>, beat: &Beat, kind: &str, webhook: &Webhook) -> Result<(), WebhookError> {
    let (state, kinds) = (webhook.state.word(), webhook.kinds.list());
    let note = json!({ "webhook": webhook.id, "description": webhook.description, "state": state, "kinds": kinds });
    Ok(beat.note(tx, kind, None, &note)?)
}
