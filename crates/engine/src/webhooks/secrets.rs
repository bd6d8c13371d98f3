//! The secrets of an endpoint: the current one and the one before, sealed together.

use carrier::Secret;
use carrier::webhook::signature::{self, Signer};
use domain::ids::WebhookId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::webhooks::Webhook;

use crate::ids;
use crate::roll::Outfit;

/// What is sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Secrets {
    current: Secret,
    before: Option<Secret>,
}

impl Secrets {
    /// A new one.
    pub(super) fn draw() -> Self {
        Self { current: signature::secret(ids::bytes()), before: None }
    }

    /// The current one, to be shown once.
    pub(super) fn current(&self) -> &str {
        self.current.reveal()
    }

    /// The fresh one in its place, this one's as the one before.
    pub(super) fn renewed(self, fresh: &Self) -> Self {
        Self { current: fresh.current.clone(), before: Some(self.current) }
    }

    pub(super) fn seal(&self, outfit: &Outfit, id: WebhookId) -> Vec<u8> {
        outfit.keys.seal(&id.to_string(), &serde_json::to_string(self).expect("secrets are plain data"))
    }

    pub(super) fn open(outfit: &Outfit, webhook: &Webhook) -> Result<Self, String> {
        let text = outfit.keys.open(&webhook.id.to_string(), &webhook.sealed).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|_| "it is not of this version".to_owned())
    }

    /// Who signs at this time.
    pub(super) fn signers(&self, old_until: Option<Timestamp>, now: Timestamp) -> Vec<Signer> {
        let before = self.before.as_ref().filter(|_| old_until.is_some_and(|until| now < until));
        std::iter::once(&self.current).chain(before).filter_map(Signer::of).collect()
    }
}
