//! A file that is being read on a thread of its own, some chunks ahead of whoever takes them.

use std::io::{Read, Write};

use domain::access::Permission;
use domain::ids::WorkspaceId;
use domain::zones::Zone;
use tokio::task::JoinHandle;

use super::agreed::{self, FileConsent, NoRecord, Premise};
use super::chunk::{Chunk, Reader, Summary};
use super::columns::{self, Column, Meaning};
use super::sheet::Sheet;
use super::text::Encoding;
use super::{ImportError, ImportOptions, ImportProgress, ImportReport, blocking, joined};
use crate::actor::Actor;
use crate::engine::Engine;
use crate::failure::Failure;

/// Chunks that wait: the reading thread is never far ahead, and has the next ones ready when some were saved.
const CHUNKS_AHEAD: usize = 6;

/// A file, open and past its column names. Whoever drops it ends the reading.
pub(super) struct Reading {
    encoding: Encoding,
    separator: char,
    columns: Vec<Column>,
    chunks: flume::Receiver<Chunk>,
    thread: JoinHandle<Result<Summary, ImportError>>,
}

impl Reading {
    /// The next rows; nothing at the end.
    pub(super) async fn next(&self) -> Option<Chunk> {
        self.chunks.recv_async().await.ok()
    }

    /// The next chunk, and those behind it that are ready, at most so many; nothing at the end.
    pub(super) async fn next_few(&self, most: usize) -> Option<Vec<Chunk>> {
        let mut chunks = vec![self.next().await?];
        chunks.extend(self.chunks.try_iter().take(most.saturating_sub(1)));
        Some(chunks)
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Refuses a file of which nobody says how its people agreed: neither of all rows nor in a column, nor that none is recorded.
    pub(super) fn need_consent(&self, options: &ImportOptions) -> Result<(), ImportError> {
        let in_column = self.columns.iter().any(|column| matches!(column.meaning, Meaning::Consent(_)));
        let of_all = options.consent != FileConsent::default();
        match (options.no_consent, of_all) {
            (true, true) => Err(ImportError::ToldTwice),
            (false, false) if !in_column => Err(ImportError::Untold),
            _ => Ok(()),
        }
    }

    /// The fields that no workspace has by itself: key and name.
    pub(super) fn own_fields(&self) -> Vec<(String, String)> {
        columns::own_fields(&self.columns)
    }

    /// What became of a file that was read to its end.
    ///
    /// # Errors
    /// Why it was not.
    pub(super) async fn ended(self, counts: ImportProgress) -> Result<ImportReport, ImportError> {
        let Summary { rejects, warnings, .. } = joined(self.thread.await)?;
        let Self { encoding, separator, columns, .. } = self;
        Ok(ImportReport { counts, encoding, separator, columns, rejects, warnings })
    }
}

impl Engine {
    /// Opens a file and begins to read it.
    pub(super) async fn read_file(
        &self,
        workspace: WorkspaceId,
        source: impl Read + Send + 'static,
        options: &ImportOptions,
        rejects: Box<dyn Write + Send>,
    ) -> Result<Reading, ImportError> {
        let (custom, premise) = self.premise(workspace, options).await?;
        let chosen = options.clone();
        let sheet = blocking(move || Sheet::open(Box::new(source), &custom, &chosen)).await?;
        let (encoding, separator, columns) = (sheet.encoding, char::from(sheet.separator), sheet.columns.clone());
        if let Some(fault) = agreed::fault(&premise, &columns) {
            return Err(ImportError::Consent(fault));
        }
        let reader = Reader::new(sheet, premise, workspace, rejects);
        let (out, chunks) = flume::bounded(CHUNKS_AHEAD);
        let thread = tokio::task::spawn_blocking(move || reader.run(&out));
        Ok(Reading { encoding, separator, columns, chunks, thread })
    }

    /// Why what is said of the consent of all rows makes no record of any; nothing if it does, or nothing is said.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn consent_fault(
        &self,
        actor: &Actor,
        options: &ImportOptions,
        columns: &[Column],
    ) -> Result<Option<NoRecord>, ImportError> {
        actor.need(Permission::ContactsWrite)?;
        let (_, premise) = self.premise(actor.workspace(), options).await?;
        Ok(agreed::fault(&premise, columns))
    }

    /// The workspace's own fields, and how the rows of a file are read.
    pub(super) async fn premise(
        &self,
        workspace: WorkspaceId,
        options: &ImportOptions,
    ) -> Result<(Vec<(String, String)>, Premise), ImportError> {
        let (custom, zone) = self
            .read(move |db| {
                let custom = store::contacts::custom_fields(db, workspace)?;
                Ok::<_, ImportError>((custom, crate::facts::workspace_of(db, workspace)?.row.zone))
            })
            .await?;
        let zone = Zone::named(&zone).map_err(|error| Failure::Stored(error.to_string()))?;
        let (file, name, region) = (options.consent.clone(), options.file.clone(), options.region);
        Ok((custom, Premise { file, name, region, zone, now: self.now(), recase: options.recase }))
    }
}
