//! Tables that grow: PostgreSQL's planner is told of it while they do, so that it finds the rows at hand by the right index
//! (`store/src/statistics.rs` says what happens otherwise). Whoever makes many rows watches meanwhile.

use jiff::SignedDuration;
use store::{Lane, statistics};
use tokio::task::JoinHandle;

use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// How long after a look the next one begins. The server itself counts changes about once a second.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

/// Somebody looks, until this is dropped.
#[must_use]
pub(crate) struct Watch(Option<JoinHandle<()>>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(looking) = &self.0 {
            looking.abort();
        }
    }
}

impl Engine {
    /// Looks every second whether tables have grown much; on SQLite nobody needs to.
    pub(crate) fn watch_growth(&self) -> Watch {
        if !self.store().address().is_server() {
            return Watch(None);
        }
        let engine = self.clone();
        Watch(Some(tokio::spawn(async move {
            loop {
                engine.clock().sleep_until(later(engine.now(), LOOK)).await;
                engine.refresh_statistics().await;
            }
        })))
    }

    /// Has the database look anew at tables that have grown much.
    pub(crate) async fn refresh_statistics(&self) {
        let refreshed = async {
            for stale in self.read(|db| Ok::<_, Failure>(statistics::stale(db)?)).await? {
                self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(statistics::refresh(tx, stale)?)).await?;
            }
            Ok::<_, Failure>(())
        };
        if let Err(error) = refreshed.await {
            tracing::warn!(%error, "tables that have grown were not looked at");
        }
    }
}
