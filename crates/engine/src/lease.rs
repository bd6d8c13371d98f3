//! The lease on the node's number: renewed in time, or the node stops while the number is surely its own.
//!
//! | since the last renewal that was answered began | what the node does |
//! |---|---|
//! | `RENEWAL` | renews; after a failure again every `RETRY` |
//! | `NODE_LEASE` less `MARGIN` | ends, whatever the database says or does not say |
//! | `NODE_LEASE` | another process may take the number |
//!
//! Time is measured by a clock that nobody can set, and by the wall's where that ran faster (a machine that
//! slept). The second barrier is in the database: a claim needs the number to be this process's still.

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::clock::{Clock, Mark};
use crate::engine::{Engine, NODE_LEASE};
use crate::failure::Failure;

/// How long after a renewal the next one begins.
pub const RENEWAL: SignedDuration = SignedDuration::from_secs(30);
/// How long after a failed renewal the next one begins.
const RETRY: SignedDuration = SignedDuration::from_secs(5);
/// How long before its end a lease is given up: for what is under way, and for clocks that differ.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(45);

/// Why a lease is not held any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The process was told to stop.
    Told,
    /// Another process has taken the number.
    Taken,
    /// It could not be renewed in time.
    Expired,
}

impl Engine {
    /// Renews the lease on the node's number until told to stop, or until this process must stop.
    pub async fn hold_node(&self, stop: watch::Receiver<bool>) -> LeaseEnd {
        // A demo's clock is pushed; leases are about the time that passes.
        let clock = if let manual @ Clock::Manual(_) = self.clock() { manual.clone() } else { Clock::System };
        hold(&clock, self.taken(), stop, || self.keep_node()).await
    }
}

async fn hold<F, R>(clock: &Clock, taken: Mark, mut stop: watch::Receiver<bool>, renew: F) -> LeaseEnd
where
    F: Fn() -> R,
    R: Future<Output = Result<bool, Failure>>,
{
    let (mut last, mut wait) = (taken, RENEWAL);
    loop {
        let Some(left) = left(clock, &last) else { return LeaseEnd::Expired };
        tokio::select! {
            () = clock.sleep_for(wait.min(left)) => {}
            _ = stop.wait_for(|stop| *stop) => return LeaseEnd::Told,
        }
        let Some(left) = self::left(clock, &last) else { return LeaseEnd::Expired };
        let begun = clock.mark();
        let renewed = tokio::select! {
            renewed = renew() => renewed,
            () = clock.sleep_for(left) => return LeaseEnd::Expired,
            _ = stop.wait_for(|stop| *stop) => return LeaseEnd::Told,
        };
        match renewed {
            Ok(true) => (last, wait) = (begun, RENEWAL),
            Ok(false) => return LeaseEnd::Taken,
            Err(error) => {
                tracing::warn!(%error, "the lease on the node's number was not renewed; trying again");
                wait = RETRY;
            }
        }
    }
}

/// For how long the lease is still surely held; nothing if it is not.
fn left(clock: &Clock, last: &Mark) -> Option<SignedDuration> {
    let left = NODE_LEASE - MARGIN - clock.since(last);
    left.is_positive().then_some(left)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SAFE: SignedDuration = SignedDuration::from_secs(90);

    /// Lets a lease be held, second by second, and says after how many seconds it ended and how.
    async fn held<F, R>(renew: F, most: i64) -> Option<(i64, LeaseEnd)>
    where
        F: Fn(i64) -> R + Send + Sync + 'static,
        R: Future<Output = Result<bool, Failure>> + Send,
    {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let (start, taken) = (clock.now(), clock.mark());
        let (_stop, stopped) = watch::channel(false);
        let holding = tokio::spawn({
            let clock = clock.clone();
            async move { hold(&clock, taken, stopped, || renew(clock.now().duration_since(start).as_secs())).await }
        });
        for second in 0..=most {
            clock.move_to(start + SignedDuration::from_secs(second));
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            if holding.is_finished() {
                return Some((second, holding.await.unwrap()));
            }
        }
        holding.abort();
        None
    }

    fn down() -> Failure {
        Failure::Stored("down".to_owned())
    }

    #[tokio::test]
    async fn a_node_that_cannot_renew_stops_before_another_can_take_its_number() {
        let (second, end) = held(async |_| Err(down()), 200).await.unwrap();
        assert_eq!(end, LeaseEnd::Expired);
        assert!(second > RENEWAL.as_secs() && second <= SAFE.as_secs(), "it stopped after {second} seconds");
    }

    #[tokio::test]
    async fn a_renewal_that_hangs_is_not_waited_for() {
        let (second, end) = held(|_| std::future::pending(), 200).await.unwrap();
        assert_eq!(end, LeaseEnd::Expired);
        assert!(second <= SAFE.as_secs(), "it stopped after {second} seconds");
    }

    #[tokio::test]
    async fn a_database_that_comes_back_in_time_is_enough() {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let renew = move |second: i64| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { if second % 120 < 50 { Err(down()) } else { Ok(true) } }
        };
        assert_eq!(held(renew, 600).await, None);
        assert!(tries.load(Ordering::SeqCst) > 10);
    }

    #[tokio::test]
    async fn a_number_that_another_process_has_taken_ends_the_node_at_once() {
        let end = held(async |_| Ok(false), 200).await;
        assert_eq!(end, Some((RENEWAL.as_secs(), LeaseEnd::Taken)));
    }
}
