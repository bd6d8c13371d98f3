//! Brings what happens at the simulator's handsets to the engine, as callbacks would.

use carrier::CarrierEvent;
use carrier::simulator::Simulator;
use futures_util::future::join_all;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::receive::Received;

/// Most callbacks that are taken at once.
const AT_ONCE: usize = 64;
/// Longest time between two looks at the handsets.
const LONGEST_IDLE: SignedDuration = SignedDuration::from_millis(200);

impl Engine {
    /// Takes every callback of the simulator that is due; says how many there were.
    pub async fn deliver(&self, simulator: &Simulator) -> Result<usize, Failure> {
        let mut delivered = 0;
        let _held = self.take_in_hand().await;
        loop {
            let events = simulator.due_events(self.now());
            if events.is_empty() {
                return Ok(delivered);
            }
            delivered += events.len();
            for chunk in events.chunks(AT_ONCE) {
                self.take_all(chunk).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        }
    }

    /// Takes callbacks at once, on SQLite in their order and in few commits.
    async fn take_all(&self, events: &[CarrierEvent]) -> Vec<Result<Received, Failure>> {
        join_all(events.iter().map(|event| self.receive("simulator", event.clone()))).await
    }

    /// Brings the simulator's callbacks until told to stop, many at once.
    pub async fn pump(&self, simulator: &Simulator, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let held = self.take_in_hand().await;
            let events = simulator.due_events(self.now());
            for chunk in events.chunks(AT_ONCE) {
                for error in self.take_all(chunk).await.into_iter().filter_map(Result::err) {
                    tracing::error!(%error, cause = error.causes(), "a callback was not taken");
                }
            }
            drop(held);
            if events.is_empty() {
                let idle = crate::claim::later(self.now(), LONGEST_IDLE);
                tokio::select! {
                    () = self.clock().sleep_until(idle) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
        }
    }
}
