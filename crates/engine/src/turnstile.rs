//! A turnstile: many ask for the same work at once, and it is done for all of them together.
//!
//! Whoever comes while it is being done waits for the next time, which then serves all who wait: it began after they asked. So
//! it is never done twice at once, however many ask.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

#[derive(Default)]
pub(crate) struct Turnstile {
    begun: AtomicU64,
    /// Whether it went well the last time.
    turn: Mutex<bool>,
}

impl Turnstile {
    /// Does the work, or waits until it was done by another who began after this call. False if it failed.
    pub(crate) async fn pass(&self, work: impl Future<Output = bool>) -> bool {
        let asked = self.begun.load(Ordering::SeqCst);
        let mut went_well = self.turn.lock().await;
        if self.begun.load(Ordering::SeqCst) > asked {
            return *went_well;
        }
        self.begun.fetch_add(1, Ordering::SeqCst);
        // Who is dropped in the middle leaves those behind with a failure, and they ask again.
        *went_well = false;
        *went_well = work.await;
        *went_well
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_thousand_at_once_are_served_by_two_turns() {
        let (turnstile, turns) = (Turnstile::default(), AtomicUsize::new(0));
        let one = || {
            turnstile.pass(async {
                turns.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                true
            })
        };
        assert!(join_all((0..1_000).map(|_| one())).await.into_iter().all(|well| well));
        assert!(turns.load(Ordering::SeqCst) <= 2, "{turns:?} turns");
        // Who comes later is not told what was seen before.
        let before = turns.load(Ordering::SeqCst);
        assert!(one().await);
        assert_eq!(turns.load(Ordering::SeqCst), before + 1);
    }

    #[tokio::test]
    async fn whoever_waited_for_a_turn_that_failed_is_told() {
        let turnstile = Turnstile::default();
        let one = || {
            turnstile.pass(async {
                tokio::task::yield_now().await;
                false
            })
        };
        assert!(join_all((0..9).map(|_| one())).await.into_iter().all(|well| !well));
    }
}
