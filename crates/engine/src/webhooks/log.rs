//! The log of deliveries, a test, and delivering again: one, or whatever happened since an instant.
//!
//! A delivery that is queued anew has its ten tries and three days again, under the same `webhook-id`: a receiver that took it already
//! knows it by that. Replays keep the order of each contact, as far as it is still to be delivered.

use domain::access::Permission;
use domain::ids::{EventId, WebhookId};
use domain::webhook::{DeliveryState, EndpointState};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
pub use store::webhooks::deliveries::Logged;
use store::webhooks::deliveries::{self, Of, Told, Which};
use store::webhooks::{self, Webhook};
use store::{Lane, Tx};

use super::{LOG_DAYS, WebhookError};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::claim::earlier;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::once;
use crate::ids::Ids;

/// Most deliveries on one page of the log.
const MAX_PAGE: i64 = 200;
/// Events that a replay looks at in one transaction.
const CHUNK: i64 = 500;
/// Most chunks of one replay: 100,000 events.
const MOST_CHUNKS: usize = 200;

/// What is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// What was not taken: it failed, waits for its next try, or was never queued, as the endpoint was not on.
    Undelivered,
    /// Everything.
    Everything,
}

impl Again {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Undelivered, Self::Everything];

    /// The word that the API takes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Undelivered => "undelivered",
            Self::Everything => "everything",
        }
    }

    /// Whether a delivery that stands so is queued anew. What waits is only tried now, what is under way is left alone.
    fn takes(self, state: Option<DeliveryState>) -> bool {
        match state {
            None | Some(DeliveryState::Failed) => true,
            Some(DeliveryState::Delivered) => self == Self::Everything,
            Some(DeliveryState::Pending | DeliveryState::Sending) => false,
        }
    }
}

/// What a replay has queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// How many deliveries.
    pub queued: u64,
    /// Where to go on, if there was more than one replay looks at.
    pub next: Option<Timestamp>,
}

/// A chunk of a replay.
struct Chunk {
    queued: u64,
    last: Option<(EventId, Timestamp)>,
}

impl Engine {
    /// Deliveries to an endpoint, the newest event first, before the given one; of one state, if given.
    pub async fn webhook_log(
        &self,
        actor: &Actor,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<EventId>,
        limit: i64,
    ) -> Result<Vec<Logged>, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        let (of, before) = ((actor.workspace(), id), before.unwrap_or(EventId(i64::MAX)));
        let limit = limit.clamp(1, MAX_PAGE + 1);
        self.read(move |db| {
            webhooks::find(db, of.0, of.1)?.ok_or(WebhookError::Unknown)?;
            Ok(deliveries::log(db, of, state, before, limit)?)
        })
        .await
    }

    /// Writes an event that says that a user asked for a test, and queues it for this endpoint whatever it wants.
    pub async fn test_webhook(&self, actor: &Actor, id: WebhookId) -> Result<EventId, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        self.webhook_outfit()?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            once(tx, &beat, &("test_webhook", id), |tx| {
                let webhook = on(tx, &beat, id)?;
                let event = beat.event(
                    "webhook.tested",
                    None,
                    &json!({ "webhook": webhook.id, "description": webhook.description }),
                );
                let written = event.id;
                store::events::insert(tx, beat.workspace, &[event])?;
                deliveries::queue(tx, (beat.workspace, id), &[written], beat.now)?;
                Ok::<_, WebhookError>(written)
            })
        })
        .await
    }

    /// Delivers one event again; one that waits for its next try is tried now.
    pub async fn replay_delivery(&self, actor: &Actor, id: WebhookId, event: EventId) -> Result<Logged, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        self.webhook_outfit()?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let of = (beat.workspace, on(tx, &beat, id)?.id);
            let before = deliveries::find(tx, of, event)?.ok_or(WebhookError::Unknown)?;
            match before.state {
                DeliveryState::Delivered | DeliveryState::Failed => {
                    deliveries::queue(tx, of, &[event], beat.now)?;
                    beat.note(tx, "webhook.replayed", None, &json!({ "webhook": id, "event": event, "queued": 1 }))?;
                }
                DeliveryState::Pending => {
                    deliveries::hasten(tx, of, event, beat.now)?;
                }
                DeliveryState::Sending => {}
            }
            deliveries::find(tx, of, event)?.ok_or(WebhookError::Unknown)
        })
        .await
    }

    /// Delivers again what happened since an instant and the endpoint wants, in chunks of a transaction each.
    pub async fn replay_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        since: Timestamp,
        again: Again,
    ) -> Result<Replayed, WebhookError> {
        actor.need(Permission::SettingsWrite)?;
        self.webhook_outfit()?;
        let beat = self.beat(actor);
        // What is written from now on is queued anyway.
        let until = beat.now;
        if since < earlier(until, SignedDuration::from_hours(24 * LOG_DAYS)) {
            return Err(WebhookError::TooOld);
        }
        let (mut queued, mut after, mut next) = (0, EventId(Ids::floor(since) - 1), None);
        for nth in 0.. {
            let chunk = self.replay_chunk(beat.clone(), id, (since, after), again).await?;
            queued += chunk.queued;
            match chunk.last {
                Some((last, at)) if at <= until => (after, next) = (last, Some(at)),
                _ => {
                    next = None;
                    break;
                }
            }
            if nth + 1 >= MOST_CHUNKS {
                break;
            }
        }
        self.write(Lane::Normal, move |tx| {
            let note = json!({ "webhook": id, "since": since, "queued": queued });
            Ok::<_, WebhookError>(beat.note(tx, "webhook.replayed", None, &note)?)
        })
        .await?;
        Ok(Replayed { queued, next })
    }

    async fn replay_chunk(
        &self,
        beat: Beat,
        id: WebhookId,
        (since, after): (Timestamp, EventId),
        again: Again,
    ) -> Result<Chunk, WebhookError> {
        self.write(Lane::Bulk, move |tx| {
            let webhook = on(tx, &beat, id)?;
            let of = (beat.workspace, id);
            let told = deliveries::since(tx, of, after, CHUNK)?;
            let full = i64::try_from(told.len()).is_ok_and(|count| count >= CHUNK);
            let last = told.last().filter(|_| full).map(|last| (last.event, last.at));
            let wanted = |one: &&Told| (since..=beat.now).contains(&one.at) && webhook.kinds.want(&one.kind);
            let wanted: Vec<&Told> = told.iter().filter(wanted).collect();
            let events: Vec<_> = wanted.iter().filter(|one| again.takes(one.state)).map(|one| one.event).collect();
            let mut queued = deliveries::queue(tx, of, &events, beat.now)?;
            for one in wanted.iter().filter(|one| one.state == Some(DeliveryState::Pending)) {
                queued += u64::from(deliveries::hasten(tx, of, one.event, beat.now)?);
            }
            Ok(Chunk { queued, last })
        })
        .await
    }

    /// Lets go of deliveries of a workspace that are over and too old for the log, and of all of endpoints that were removed.
    pub(crate) async fn forget_deliveries(
        &self,
        workspace: domain::ids::WorkspaceId,
        rows: u64,
    ) -> Result<u64, Failure> {
        let old = EventId(Ids::floor(earlier(self.now(), SignedDuration::from_hours(24 * LOG_DAYS))));
        let kept = self.read(move |db| Ok::<_, Failure>(webhooks::kept(db, workspace)?)).await?;
        let mut gone = 0;
        for (id, is_removed) in kept {
            let (which, before) = if is_removed { (Which::All, EventId(i64::MAX)) } else { (Which::Over, old) };
            let of: Of = (workspace, id);
            loop {
                let forget = move |tx: &mut Tx<'_>| Ok::<_, Failure>(deliveries::forget(tx, of, which, before, rows)?);
                let count = self.write(Lane::Bulk, forget).await?;
                gone += count;
                if count < rows {
                    break;
                }
            }
        }
        Ok(gone)
    }
}

/// The endpoint, locked; only if it gets what happens.
fn on(tx: &mut Tx<'_>, beat: &Beat, id: WebhookId) -> Result<Webhook, WebhookError> {
    let webhook = webhooks::lock(tx, beat.workspace, id)?.ok_or(WebhookError::Unknown)?;
    if webhook.state == EndpointState::On { Ok(webhook) } else { Err(WebhookError::NotOn) }
}
