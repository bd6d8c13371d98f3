//! What a serving node does now and then beside its work: finishes what others left half removed, renews and ends plans
//! (`periods`), asks about payments that are open (`payments`), tells where a balance is low (`low_balance`) and which reminders are due, keeps
//! contacts by the fields that lists are filtered by (`contacts/kept.rs`), writes what imports left undone that contacts are found by
//! (`contacts/words.rs`), and lets go of what is old.
//! Jobs of nodes that died are `orphans`.
//!
//! | what | kept | why so long |
//! |---|---|---|
//! | answers to idempotency keys | 30 days | longer than anybody repeats a request whose answer was lost |
//! | quotes | a day after they expired | a start by an expired quote is refused in any case |
//! | quotes of many that began a job | as long as the job | what it has started is taken back by them |
//! | keys of carriers' callbacks | 30 days | carriers repeat for three days at most (SMS §2.1); after that a repeat would count as new |
//! | receipts that no text claims | 72 hours, then as callbacks that belong to nobody | a carrier is asked no longer for a text in doubt |
//! | callbacks that belong to nobody | 90 days | a person looks at them |
//! | deliveries of webhooks that are over | 30 days; of removed endpoints not at all | so far back they can be delivered again |
//! | a deleted label or list, and whose it was | an hour | nobody sees it any more; a transaction that had found it before is over by then |
//! | what imports changed of contacts | 30 days | so far back an import is undone whole; old values of a person are not kept for longer |
//! | e-mails | 7 days | so far back one sees whom was written; the event stays |
//!
//! Rows go a bounded number at a time, each workspace in transactions of its own, so that no work waits for it.

use domain::ids::{EventId, ImportId, WorkspaceId};
use jiff::{SignedDuration, Timestamp};
use store::upkeep::{self, Old};
use store::{Lane, workspaces};
use tokio::sync::watch;

use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids::Ids;

/// How often a node looks for accounts that others changed, removals that nobody works on, and plans to renew or end.
const LOOK: SignedDuration = SignedDuration::from_secs(30);
/// How often a node lets go of what is old.
const SWEEP: SignedDuration = SignedDuration::from_hours(1);
/// For how long answers to idempotency keys and keys of callbacks are kept.
const KEYS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// For how long an expired quote is kept.
const QUOTES: SignedDuration = SignedDuration::from_hours(24);
/// For how long a callback that belongs to nobody is kept.
const STRAYS: SignedDuration = SignedDuration::from_hours(90 * 24);
/// For how long it is kept what imports changed.
pub const CHANGES: SignedDuration = SignedDuration::from_hours(30 * 24);
/// For how long a deleted label is kept.
const LABELS: SignedDuration = SignedDuration::from_hours(1);
/// For how long e-mails are kept.
const MAILS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most rows that go in one transaction: some milliseconds.
const ROWS: u64 = 1_000;
/// Workspaces in one look.
const WORKSPACES: i64 = 1_000;

impl Engine {
    /// Keeps house until told to stop.
    pub async fn keep_house(&self, mut stop: watch::Receiver<bool>) {
        let (mut swept, mut looked) = (self.now(), WorkspaceId(i64::MIN));
        loop {
            if let Err(error) = self.refresh_carriers().await {
                tracing::warn!(%error, "the accounts at carriers were not looked through");
            }
            match self.resume_removals().await {
                Ok(0) => {}
                Ok(lists) => tracing::info!(lists, "interrupted removals of lists were finished"),
                Err(error) => tracing::error!(%error, "interrupted removals of lists were not finished"),
            }
            if let Err(error) = self.look_at_payments().await {
                tracing::error!(%error, cause = error.causes(), "payments were not looked through");
            }
            // Before the plans, so that the month's price is there when the month begins.
            if let Err(error) = self.charge_cards().await {
                tracing::error!(%error, cause = error.causes(), "it was not looked through where cards are to be charged");
            }
            // After the charges: a wallet that its card has filled again is not low.
            match self.tell_low_balances(looked).await {
                Ok(look) => looked = look.next,
                Err(error) => {
                    tracing::error!(%error, cause = error.causes(), "it was not looked where a balance is low")
                }
            }
            if let Err(error) = self.turn_periods().await {
                tracing::error!(%error, cause = error.causes(), "plans were not looked through");
            }
            match self.tell_reminders().await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "reminders are due"),
                Err(error) => tracing::error!(%error, cause = error.causes(), "reminders were not looked through"),
            }
            match self.tend_fields().await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "fields that lists are filtered by were looked after"),
                Err(error) => {
                    tracing::error!(%error, cause = error.causes(), "fields that lists are filtered by were not looked after")
                }
            }
            match self.write_words_left().await {
                Ok(0) => {}
                Ok(count) => {
                    tracing::info!(count, "contacts that an import had left were found in so many workspaces")
                }
                Err(error) => {
                    tracing::error!(%error, cause = error.causes(), "what imported contacts are found by was not written")
                }
            }
            if self.now() >= later(swept, SWEEP) {
                swept = self.now();
                self.sweep().await;
            }
            tokio::select! {
                () = self.clock().sleep_until(later(self.now(), LOOK)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn sweep(&self) {
        match self.expire_receipts().await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "receipts of texts that were never known were kept as strays"),
            Err(error) => tracing::warn!(%error, "parked receipts were not looked through"),
        }
        if let Err(error) = self.sweep_old().await {
            tracing::warn!(%error, cause = error.causes(), "what is old was not swept");
        }
    }

    /// Lets go of what is old, in all workspaces; says how many rows went.
    pub async fn sweep_old(&self) -> Result<u64, Failure> {
        let (mut gone, mut after) = (0, WorkspaceId(i64::MIN));
        loop {
            let page = self.read(move |db| Ok::<_, Failure>(workspaces::page(db, after, WORKSPACES)?)).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for row in page {
                for (what, kept) in [(Old::Answers, KEYS), (Old::Quotes, QUOTES), (Old::Callbacks, KEYS)] {
                    gone += self.let_go(kept, move |tx, before| upkeep::forget(tx, row.id, what, before, ROWS)).await?;
                }
                gone += self.forget_bulk_quotes(row.id).await?;
                gone += self.forget_deliveries(row.id, ROWS).await?;
                gone += self.let_go(CHANGES, move |tx, before| forget_changes(tx, row.id, before)).await?;
                gone += self.let_go(LABELS, move |tx, before| forget_labels(tx, row.id, before)).await?;
                gone += self.let_go(MAILS, move |tx, before| forget_mails(tx, row.id, before)).await?;
            }
        }
        gone += self.let_go(STRAYS, |tx, before| upkeep::forget_strays(tx, before, ROWS)).await?;
        Ok(gone)
    }

    /// Quotes of many that were not started, one in a transaction: each may have two thousand rows.
    async fn forget_bulk_quotes(&self, workspace: WorkspaceId) -> Result<u64, Failure> {
        let (before, mut gone) = (self.now().saturating_sub(QUOTES).unwrap_or(Timestamp::MIN), 0);
        let forget = move |tx: &mut store::Tx<'_>| store::bulk_quotes::forget_one(tx, workspace, before);
        while self.write::<_, store::DbError, _>(Lane::Bulk, forget).await? {
            gone += 1;
        }
        Ok(gone)
    }

    /// Deletes in one transaction after the other until one of them finds less than it may take.
    async fn let_go<F>(&self, kept: SignedDuration, delete: F) -> Result<u64, Failure>
    where
        F: Fn(&mut store::Tx<'_>, Timestamp) -> Result<u64, store::DbError> + Clone + Send + Sync + 'static,
    {
        let before = self.now().saturating_sub(kept).unwrap_or(Timestamp::MIN);
        let mut all = 0;
        loop {
            let delete = delete.clone();
            let gone = self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(delete(tx, before)?)).await?;
            all += gone;
            if gone < ROWS {
                return Ok(all);
            }
        }
    }
}

fn forget_changes(tx: &mut store::Tx<'_>, workspace: WorkspaceId, before: Timestamp) -> Result<u64, store::DbError> {
    store::imports::changes::forget(tx, workspace, ImportId(Ids::floor(before)), ROWS)
}

/// A portion of less than it may take only once nothing is left, however many labels there were.
fn forget_labels(tx: &mut store::Tx<'_>, workspace: WorkspaceId, before: Timestamp) -> Result<u64, store::DbError> {
    let mut all = 0;
    while all < ROWS {
        match store::labels::forget(tx, workspace, before, ROWS - all)? {
            0 => break,
            gone => all += gone,
        }
    }
    Ok(all)
}

fn forget_mails(tx: &mut store::Tx<'_>, workspace: WorkspaceId, before: Timestamp) -> Result<u64, store::DbError> {
    store::mails::forget(tx, workspace, EventId(Ids::floor(before)), ROWS)
}
