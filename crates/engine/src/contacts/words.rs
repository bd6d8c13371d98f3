//! What contacts that come by the thousand are found by: written behind them, very many at a time (`store::search::due` says why and how).
//!
//! An import does so while it reads on, and once more at its end. What a process leaves that dies or fails, upkeep finds.

use std::ops::Range;
use std::sync::Arc;

use domain::ids::WorkspaceId;
use jiff::{SignedDuration, Timestamp};
use store::search::due::{self, KeyRows, Keys, Span};
use store::{Lane, Tx};
use tokio::task::JoinError;

use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// About so many contacts make a batch: the more, the fewer pages are written again and again. Their keys take some 40 MB.
pub(crate) const BATCH: usize = 200_000;
/// Most bytes that the keys of a batch take.
const BYTES: usize = 64 * 1024 * 1024;
/// Contacts that are read in one transaction.
const READ: usize = 10_000;
/// Keys that are written in one transaction, unless something inbound waits: some ten milliseconds.
const KEYS: usize = 16_000;
/// Most spans that are looked at together.
const SPANS: i64 = 1_000;
/// For how long nothing is heard of a writer that is taken for dead, and how long upkeep leaves to others what is due.
const SILENT: SignedDuration = SignedDuration::from_mins(1);

impl Engine {
    /// Has the contacts of a workspace found by what is due of them now. Where another node writes for the workspace it ends early, and upkeep does
    /// the rest.
    ///
    /// # Errors
    /// The database failed; what is due stays due.
    pub(crate) async fn write_words(&self, workspace: WorkspaceId) -> Result<(), Failure> {
        let last = self.read(move |db| Ok::<_, Failure>(due::last(db, workspace)?)).await?;
        let Some(last) = last else { return Ok(()) };
        let watched = self.watch_growth();
        while self.write_some_words(workspace).await? {
            let next = self.words_due(workspace, 1).await?;
            if next.first().is_none_or(|next| next.first > last.first) {
                break;
            }
        }
        drop(watched);
        self.refresh_statistics().await;
        Ok(())
    }

    /// Writes what was put off a minute ago in any workspace, a batch of each. For upkeep. Says in how many it did. What fails in one workspace is
    /// for the log and keeps no other waiting.
    ///
    /// # Errors
    /// It cannot be read what is due.
    pub async fn write_words_left(&self) -> Result<usize, Failure> {
        let (mut after, mut written) = (WorkspaceId(i64::MIN), 0);
        loop {
            let around = around(self.now());
            let next = self.read(move |db| Ok::<_, Failure>(due::waiting(db, after, &around)?)).await?;
            let Some(workspace) = next else { return Ok(written) };
            after = workspace;
            match self.write_some_words(workspace).await {
                Ok(is_written) => written += usize::from(is_written),
                Err(error) => {
                    tracing::error!(%error, cause = error.causes(), workspace = workspace.0, "what contacts are found by was not written");
                }
            }
        }
    }

    /// Writes the oldest of what is due, some [`BATCH`] contacts; false if nothing was, or another node is at it. Whoever hangs up meanwhile
    /// does not end it.
    ///
    /// # Errors
    /// The database failed; what is due stays due.
    pub(crate) async fn write_some_words(&self, workspace: WorkspaceId) -> Result<bool, Failure> {
        if self.words_due(workspace, 1).await?.is_empty() {
            return Ok(false);
        }
        let engine = self.clone();
        joined(tokio::spawn(async move { engine.write_batch(workspace).await }).await)?
    }

    async fn write_batch(&self, workspace: WorkspaceId) -> Result<bool, Failure> {
        let _turn = self.words().await;
        let holder = self.beat_as(workspace, "words").id();
        let (clock, is_server) = (self.clock().clone(), self.store().address().is_server());
        let take = move |tx: &mut Tx<'_>| {
            let now = clock.now();
            // An SQLite file has one process, so whoever had the turn in it is dead.
            let heard = if is_server { around(now) } else { Timestamp::MAX..Timestamp::MAX };
            Ok::<_, Failure>(due::take(tx, workspace, holder, now, &heard)?)
        };
        if !self.write(Lane::Bulk, take).await? {
            return Ok(false);
        }
        let written = self.write_held(workspace, holder).await;
        let back = move |tx: &mut Tx<'_>| Ok::<_, Failure>(due::give_back(tx, workspace, holder)?);
        if let Err(error) = self.write(Lane::Bulk, back).await {
            tracing::warn!(%error, "the turn to write what contacts are found by was not given back; the next waits a minute");
        }
        written
    }

    /// The oldest spans that are due.
    async fn words_due(&self, workspace: WorkspaceId, most: i64) -> Result<Vec<Span>, Failure> {
        self.read(move |db| Ok::<_, Failure>(due::spans(db, workspace, most)?)).await
    }

    /// Writes a batch by whoever has the turn; false if there is nothing, or the turn was lost.
    async fn write_held(&self, workspace: WorkspaceId, holder: i64) -> Result<bool, Failure> {
        let (keys, mut spans) = self.read_keys(workspace).await?;
        if spans.is_empty() {
            return Ok(false);
        }
        // The next rows are made while these are written.
        let keys = Arc::new(keys);
        let made = |from: usize| {
            let keys = Arc::clone(&keys);
            tokio::task::spawn_blocking(move || keys.rows(from..keys.len().min(from + KEYS)))
        };
        let mut next = Some(made(0));
        let mut from = 0;
        while let Some(rows) = next {
            from += KEYS;
            let rows = joined(rows.await)?;
            next = (from < keys.len()).then(|| made(from));
            if !self.write_rows(workspace, holder, rows).await? {
                return Ok(false);
            }
        }
        while !spans.is_empty() {
            let (some, clock) = (spans.clone(), self.clock().clone());
            let finish =
                move |tx: &mut Tx<'_>| Ok::<_, Failure>(due::finish(tx, workspace, holder, &some, clock.now())?);
            let Some(finished) = self.write(Lane::Bulk, finish).await? else { return Ok(false) };
            spans.drain(..finished);
        }
        Ok(true)
    }

    /// False if the turn was lost.
    async fn write_rows(&self, workspace: WorkspaceId, holder: i64, rows: KeyRows) -> Result<bool, Failure> {
        let (rows, mut reached) = (Arc::new(rows), 0);
        while reached < rows.len() {
            let (some, clock) = (Arc::clone(&rows), self.clock().clone());
            let write = move |tx: &mut Tx<'_>| {
                Ok::<_, Failure>(due::write(tx, workspace, holder, (&some, reached), clock.now())?)
            };
            let Some(end) = self.write(Lane::Bulk, write).await? else { return Ok(false) };
            reached = end;
        }
        Ok(true)
    }

    /// The keys of the contacts of the oldest spans, sorted, and those spans.
    async fn read_keys(&self, workspace: WorkspaceId) -> Result<(Keys, Vec<Span>), Failure> {
        let mut spans = self.words_due(workspace, SPANS).await?;
        self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(due::wait(tx, workspace)?)).await?;
        let (mut all, mut taken) = (Keys::default(), 0);
        while taken < spans.len() && all.contacts() < BATCH && all.bytes() < BYTES {
            let rest = spans[taken..].to_vec();
            let read = move |db: &store::Read<'_>| {
                let (mut some, mut read) = (Keys::default(), 0);
                while read < rest.len() && some.contacts() < READ {
                    some.add_span(db, workspace, rest[read])?;
                    read += 1;
                }
                Ok::<_, Failure>((some, read))
            };
            let (some, read) = self.read(read).await?;
            if taken == 0 {
                all = Keys::with_room(BATCH.min(some.contacts() * spans.len()), &some);
            }
            all.append(&some)?;
            taken += read;
        }
        spans.truncate(taken);
        let sorted = tokio::task::spawn_blocking(move || {
            all.sort();
            all
        });
        Ok((joined(sorted.await)?, spans))
    }
}

/// Between which times one must have been heard of who is alive.
fn around(now: Timestamp) -> Range<Timestamp> {
    now.saturating_sub(SILENT).unwrap_or(Timestamp::MIN)..later(now, SILENT)
}

/// The result of a thread; its panic goes on here.
fn joined<T>(result: Result<T, JoinError>) -> Result<T, Failure> {
    result.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => store::DbError::Closed.into(),
    })
}
