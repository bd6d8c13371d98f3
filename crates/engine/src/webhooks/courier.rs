//! The courier: looks for endpoints that something is due for, and calls them. It runs on every node that serves.
//!
//! | bound | |
//! |---|---|
//! | calls under way at one endpoint, on all nodes | [`MOST_PER_WEBHOOK`] |
//! | calls under way on one node | [`MOST_PER_NODE`] |
//! | one call | 15 seconds, [`MAX_BODY`] bytes out, 2 KiB of the answer |
//! | from being taken up to being called | `HAND_OVER`; later it is left for its next try, as its node's machine slept |
//!
//! A node that dies leaves what it had taken up to the others after a minute (`claim`). Waits here are the machine's own: a
//! clock that is pushed must not let anybody run in circles.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use carrier::webhook::{Post, Posted, signature::Signer};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::SignedDuration;
use store::webhooks::deliveries::Of;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::claim::Taken;
use super::settle::Answered;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::live::real;

/// Most calls under way at one endpoint.
pub const MOST_PER_WEBHOOK: usize = 8;
/// Most calls under way on one node.
pub const MOST_PER_NODE: usize = 64;
/// Largest body, in bytes.
pub const MAX_BODY: usize = 256 * 1024;
/// How often it is looked for what is due; and, while a slow call is awaited, whether more is.
const LOOK: SignedDuration = SignedDuration::from_millis(500);
/// How long after it was taken up a delivery may still be called.
const HAND_OVER: SignedDuration = SignedDuration::from_secs(30);
/// Most endpoints that one look finds.
const FOUND: i64 = 200;

impl Engine {
    /// Calls webhooks until told to stop; then waits for the calls under way, up to the grace.
    pub async fn post_webhooks(&self, mut stop: watch::Receiver<bool>, grace: SignedDuration) {
        if !self.calls_webhooks() {
            let _ = stop.wait_for(|stop| *stop).await;
            return;
        }
        let (slots, in_hand) = (Arc::new(Semaphore::new(MOST_PER_NODE)), Arc::new(Mutex::new(HashSet::<Of>::new())));
        let mut serving = JoinSet::new();
        while !*stop.borrow() {
            match self.due_webhooks().await {
                Ok(due) => {
                    for of in due {
                        if in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(of) {
                            let (engine, slots, stop) = (self.clone(), Arc::clone(&slots), stop.clone());
                            let held = InHand { of, all: Arc::clone(&in_hand) };
                            serving.spawn(async move { engine.serve_webhook(held, &slots, &stop).await });
                        }
                    }
                }
                Err(error) => tracing::error!(%error, cause = error.causes(), "due webhooks were not found"),
            }
            while serving.try_join_next().is_some() {}
            tokio::select! {
                () = real(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        tokio::select! {
            () = async { while serving.join_next().await.is_some() {} } => {}
            () = real(grace) => serving.abort_all(),
        }
    }

    /// Calls all that is due now, and what becomes due by it; says how many calls were made. For whoever plays with the clock.
    pub async fn post_due_webhooks(&self) -> Result<usize, Failure> {
        let (slots, (_, stop)) = (Arc::new(Semaphore::new(MOST_PER_NODE)), watch::channel(false));
        let mut calls = 0;
        loop {
            let due = self.due_webhooks().await?;
            let mut made = 0;
            for of in due {
                made += self.serve_webhook(InHand { of, all: Arc::default() }, &slots, &stop).await;
            }
            if made == 0 {
                return Ok(calls);
            }
            calls += made;
        }
    }

    async fn due_webhooks(&self) -> Result<Vec<Of>, Failure> {
        let now = self.now();
        self.read(move |db| Ok(store::webhooks::due(db, now, FOUND)?)).await
    }

    /// Serves one endpoint until nothing is due there; says how many calls it made.
    async fn serve_webhook(&self, held: InHand, slots: &Arc<Semaphore>, stop: &watch::Receiver<bool>) -> usize {
        let (of, mut flying, mut calls) = (held.of, FuturesUnordered::new(), 0);
        loop {
            let room = (MOST_PER_WEBHOOK - flying.len()).min(slots.available_permits());
            let mut parked = 0;
            if room > 0 && !*stop.borrow() {
                match self.take_up(of, room, MOST_PER_WEBHOOK).await {
                    Ok(Some(claim)) => {
                        parked = claim.parked;
                        let signers = Arc::new(claim.signers);
                        for taken in claim.taken {
                            let permit = Arc::clone(slots).acquire_owned();
                            flying.push(self.call(claim.url.clone(), Arc::clone(&signers), taken, permit));
                        }
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(webhook = %of.1, %error, cause = error.causes(), "nothing was taken up")
                    }
                }
            }
            if flying.is_empty() {
                if parked > 0 {
                    continue;
                }
                return calls;
            }
            let first = tokio::select! {
                answered = flying.next() => answered,
                () = real(LOOK) => None,
            };
            let mut answers: Vec<Answered> = first.flatten().into_iter().collect();
            while let Some(Some(answered)) = flying.next().now_or_never() {
                answers.extend(answered);
            }
            calls += answers.len();
            if !answers.is_empty()
                && let Err(error) = self.settle_webhooks(of, answers).await
            {
                // They stay taken up, and are called again when their time is over: at least once.
                tracing::error!(webhook = %of.1, %error, cause = error.causes(), "calls were not settled");
            }
        }
    }

    /// Makes one call; nothing if it came too late to be made.
    async fn call(
        &self,
        url: String,
        signers: Arc<Result<Vec<Signer>, String>>,
        taken: Taken,
        permit: impl Future<Output = Result<OwnedSemaphorePermit, tokio::sync::AcquireError>>,
    ) -> Option<Answered> {
        let _permit = permit.await.ok()?;
        let now = self.now();
        if now > later(taken.taken_at, HAND_OVER) {
            return None;
        }
        let not_called = |said: &str| Posted { status: None, said: said.to_owned() };
        let mark = self.clock().mark();
        let hopeless = taken.body.len() > MAX_BODY;
        let posted = match (&*signers, self.roll().outfit()) {
            _ if hopeless => not_called("it is larger than a webhook may be"),
            (Err(why), _) => not_called(why),
            (Ok(_), None) => not_called("this server has no master key"),
            (Ok(signers), Some(outfit)) => {
                let id = taken.event.to_string();
                outfit.poster.post(Post { url: &url, id: &id, at: now, body: &taken.body, signers }).await
            }
        };
        let took = self.clock().since(&mark).as_millis();
        Some(Answered { taken, posted, hopeless, took_millis: i64::try_from(took).unwrap_or(i64::MAX) })
    }
}

/// An endpoint that this node serves just now.
struct InHand {
    of: Of,
    all: Arc<Mutex<HashSet<Of>>>,
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.of);
    }
}
