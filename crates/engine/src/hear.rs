//! A carrier's call to an account of a workspace: checked, read, and taken.
//!
//! | what comes | what happens |
//! |---|---|
//! | to an address that is no account's | refused; which part was wrong is not told |
//! | not signed by the carrier | refused and counted, never read |
//! | what can be read | taken, each event in its own transaction ([`crate::receive`]); the answer follows the commit |
//! | what cannot | kept as a stray with the reason |

use std::sync::Arc;

pub use carrier::Callback;
use carrier::{Carrier, Heard, Unverified};
use domain::ids::CarrierId;
use jiff::Timestamp;
use store::{Lane, Tx, answers};

use crate::engine::Engine;
use crate::failure::Failure;
use crate::receive::Received;
use crate::roll::{Account, Address};
use crate::tokens;

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// No account has this address.
    #[error("no account at a carrier has this address")]
    Unknown,
    /// The account cannot be opened, so nothing can be checked; the carrier has to come again.
    #[error("the account cannot be opened: {0}")]
    Closed(String),
    /// The carrier did not make this call.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// It could not be taken; the carrier has to come again.
    #[error(transparent)]
    Failure(#[from] Failure),
}

fn warn(error: &Failure) {
    tracing::warn!(%error, "the accounts at carriers were not looked through");
}

impl Engine {
    /// Whether an account has this address, before a call to it is read: what has not its form costs nothing, and one that
    /// nobody knows one look at the database for all who come meanwhile.
    ///
    /// # Errors
    /// [`HearError::Unknown`] if none has it; a failure if that cannot be known now.
    pub async fn knows_address(&self, name: &str, hook_key: &str) -> Result<(), HearError> {
        self.account_at(name, hook_key).await.map(drop)
    }

    async fn account_at(&self, name: &str, hook_key: &str) -> Result<(Account, Address), HearError> {
        if name.parse::<CarrierId>().is_err() || !tokens::is_secret(hook_key) {
            return Err(HearError::Unknown);
        }
        let known = |account: Option<Account>| {
            let account = account?;
            account.address(hook_key).map(|address| (account, address))
        };
        if let Some(found) = known(self.roll().account(name)) {
            return Ok(found);
        }
        // Another node may have added it a moment ago, or given it this address.
        let look = async { self.refresh_carriers().await.inspect_err(warn).is_ok() };
        if !self.roll().looks.pass(look).await {
            return Err(HearError::Closed("the accounts could not be looked through".to_owned()));
        }
        known(self.roll().account(name)).ok_or(HearError::Unknown)
    }

    /// Takes a call that came to the address of an account. Once it answers, everything is stored.
    pub async fn hear(&self, name: &str, hook_key: &str, callback: &Callback<'_>) -> Result<Vec<Received>, HearError> {
        let (account, address) = self.account_at(name, hook_key).await?;
        let carrier: Arc<dyn Carrier> = account.opened.map_err(HearError::Closed)?;
        let heard = carrier.hear(callback).inspect_err(|error| {
            account.health.refused();
            self.counters().refused();
            // The address that the error names has a secret in it, which is nothing for a log.
            let error = error.to_string().replace(hook_key, "…");
            tracing::warn!(carrier = name, error, "a call to an account at a carrier is refused");
        })?;
        account.health.heard(callback.at, address);
        Ok(self.take_heard(name, heard, callback.at).await?)
    }

    /// Takes what a carrier told, whose word it surely is. Once it answers, everything is stored.
    pub(crate) async fn take_heard(&self, name: &str, heard: Heard, at: Timestamp) -> Result<Vec<Received>, Failure> {
        let Heard { events, strange, once } = heard;
        let mut received = Vec::with_capacity(events.len());
        for event in events {
            received.push(self.receive_once(name, event, once.clone()).await?);
        }
        for one in strange {
            tracing::warn!(carrier = name, why = one.why, "a call of a carrier is not understood");
            let (carrier, now) = (name.to_owned(), at);
            let payload = serde_json::json!({ "why": one.why, "raw": one.raw }).to_string();
            let keep = move |tx: &mut Tx<'_>| {
                Ok::<_, Failure>(answers::keep_stray(tx, &carrier, &one.event_id, &payload, now)?)
            };
            self.write(Lane::Receipt, keep).await?;
            received.push(Received::Stray);
        }
        Ok(received)
    }
}
