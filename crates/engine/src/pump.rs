//! Brings what happens at the simulator's handsets to the engine, as callbacks would.

use carrier::simulator::Simulator;
use futures_util::future::join_all;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::failure::Failure;

/// Most callbacks that are taken at once.
const AT_ONCE: usize = 64;
/// Longest time between two looks at the handsets.
const LONGEST_IDLE: SignedDuration = SignedDuration::from_millis(200);

impl Engine {
    /// Takes every callback of the simulator that is due; says how many there were.
    pub async fn deliver(&self, simulator: &Simulator) -> Result<usize, Failure> {
        let mut delivered = 0;
        loop {
            let events = simulator.due_events(self.now());
            if events.is_empty() {
                return Ok(delivered);
            }
            delivered += events.len();
            for event in events {
                self.receive("simulator", event).await?;
            }
        }
    }

    /// Brings the simulator's callbacks until told to stop, many at once.
    pub async fn pump(&self, simulator: &Simulator, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let events = simulator.due_events(self.now());
            for chunk in events.chunks(AT_ONCE) {
                let taken = chunk.iter().map(|event| self.receive("simulator", event.clone()));
                for error in join_all(taken).await.into_iter().filter_map(Result::err) {
                    tracing::error!(%error, cause = ?std::error::Error::source(&error), "a callback was not taken");
                }
            }
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
