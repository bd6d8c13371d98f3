//! Imports that are on file: their run says in their row how far it is and what became of it.
//!
//! A page uploads a file, looks at it and starts it ([`Engine::run_import`]); the command line and the API give it in one go
//! ([`Engine::import_file`]). Either is in the list of imports, with what was chosen, and can be undone.

use std::future::Future;
use std::io::{Read, Write};

use domain::access::Permission;
use domain::ids::ImportId;
use store::{Lane, Tx, imports};

use super::merge::Rule;
use super::{ImportError, ImportOptions, ImportOutlets, ImportProgress, ImportReport, Progress};
use crate::actor::Actor;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::imports::{Choices, Import, ImportsError, Outcome, Told, document, file_name, read};

impl Engine {
    /// Imports a file in one go, and keeps the import with its counts, so that it is in the list and can be undone. A file that cannot
    /// begin is not in the list.
    ///
    /// # Errors
    /// As [`Engine::import_contacts`]; [`ImportError::Untold`] where nobody says how its people agreed.
    pub async fn import_file(
        &self,
        actor: &Actor,
        source: impl Read + Send + 'static,
        options: ImportOptions,
        outlets: ImportOutlets,
    ) -> Result<(Import, ImportReport), ImportError> {
        actor.need(Permission::ContactsWrite)?;
        let ImportOutlets { rejects, progress } = outlets;
        let reading = self.read_file(actor.workspace(), source, &options, rejects).await?;
        reading.need_consent(&options)?;
        let beat = self.beat(actor);
        let import = Import {
            id: ImportId(beat.id()),
            file_name: file_name(options.file.as_deref().unwrap_or_default()),
            file_bytes: options.bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0),
            state: "running".to_owned(),
            choices: document(&Choices::of(&options)),
            counts: document(&ImportProgress::default()),
            outcome: document(&Outcome::default()),
            actor: beat.actor.clone(),
            created_at: beat.now,
            updated_at: beat.now,
        };
        let (workspace, row) = (actor.workspace(), import.clone());
        self.write(Lane::Normal, move |tx| Ok::<_, Failure>(imports::insert(tx, workspace, &row)?)).await?;
        let rule = Rule { import: Some(import.id), ..Rule::of(&options) };
        let work = |progress| self.take_in(actor, reading, rule, (ImportProgress::default(), progress));
        let done = self.noting(actor, import.id, progress, work).await?;
        if matches!(done, Err(ImportError::NoRows)) {
            let id = import.id;
            self.write(Lane::Normal, move |tx| Ok::<_, Failure>(imports::remove(tx, workspace, id)?)).await?;
        }
        let ended = self.ended(actor, import, &done).await?;
        Ok((ended, done?))
    }

    /// Reads the file of an import that is in hand to its end, and says in its row how far it is and what became of it. Rows that an earlier
    /// run is known to have done are passed over: what others have done to their contacts since stays. Of the few that it did after it
    /// told so last each is met again, which makes nobody twice.
    ///
    /// # Errors
    /// Only where that cannot be written: why a file failed stands in the import.
    pub async fn run_import(
        &self,
        actor: &Actor,
        import: Import,
        source: impl Read + Send + 'static,
        rejects: Box<dyn Write + Send>,
    ) -> Result<Import, ImportsError> {
        let (file, bytes) = (Some(import.file_name.clone()), u64::try_from(import.file_bytes).ok());
        let options = ImportOptions { file, bytes, ..read::<Choices>(&import.choices).options(Some(import.id)) };
        let before: ImportProgress = read(&import.counts);
        let work = async |progress: Progress| {
            actor.need(Permission::ContactsWrite)?;
            let reading = self.read_file(actor.workspace(), source, &options, rejects).await?;
            self.take_in(actor, reading, Rule::of(&options), (before, progress)).await
        };
        let done = self.noting(actor, import.id, Box::new(|_| {}), work).await?;
        Ok(self.ended(actor, import, &done).await?)
    }

    /// Does the work of an import, and says meanwhile in its row how far it is.
    async fn noting<T, F: Future<Output = T>>(
        &self,
        actor: &Actor,
        id: ImportId,
        mut progress: Progress,
        work: impl FnOnce(Progress) -> F,
    ) -> Result<T, Failure> {
        let (tell, told) = flume::unbounded();
        let progress = Box::new(move |counts: &ImportProgress| {
            progress(counts);
            let _ = tell.send(*counts);
        });
        let note = async {
            while let Ok(counts) = told.recv_async().await {
                // Several at once are told as the last of them.
                let counts = told.drain().last().unwrap_or(counts);
                let (workspace, counts, now) = (actor.workspace(), document(&counts), self.now());
                let moved = move |tx: &mut Tx<'_>| imports::moved(tx, workspace, id, &counts, now);
                self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(moved(tx)?)).await?;
            }
            Ok::<(), Failure>(())
        };
        let (done, noted) = futures_util::future::join(work(progress), note).await;
        noted.map(|()| done)
    }

    /// Says in an import what became of it.
    async fn ended(
        &self,
        actor: &Actor,
        import: Import,
        done: &Result<ImportReport, ImportError>,
    ) -> Result<Import, Failure> {
        let (workspace, id, now) = (actor.workspace(), import.id, self.now());
        let ended = match done {
            Ok(report) => Import {
                state: "done".to_owned(),
                counts: document(&self.with_earlier(actor, id, report.counts).await?),
                outcome: document(&outcome(report)),
                updated_at: now,
                ..import
            },
            Err(ImportError::Canceled(counts)) => Import {
                state: "canceled".to_owned(),
                counts: document(&self.with_earlier(actor, id, **counts).await?),
                updated_at: now,
                ..import
            },
            Err(error) => {
                let outcome = Outcome { error: Some(whole(error)), ..Outcome::default() };
                let current = self.read(move |db| Ok::<_, Failure>(imports::find(db, workspace, id)?)).await?;
                let current = current.unwrap_or(import);
                Import { state: "failed".to_owned(), outcome: document(&outcome), updated_at: now, ..current }
            }
        };
        let row = ended.clone();
        // One that stood still so long that it is being undone stays so.
        self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(imports::end(tx, workspace, &row)?)).await?;
        Ok(ended)
    }

    /// The counts of a run, with the contacts that an interrupted run before it had made: to this run they were there
    /// already. What that run wrote of itself does not tell: it may have ended before it wrote anything.
    async fn with_earlier(
        &self,
        actor: &Actor,
        id: ImportId,
        counts: ImportProgress,
    ) -> Result<ImportProgress, Failure> {
        let workspace = actor.workspace();
        let made = self.read(move |db| Ok::<_, Failure>(imports::left(db, workspace, id)?)).await?;
        let earlier = u64::try_from(made).unwrap_or(0).saturating_sub(counts.created).min(counts.unchanged);
        Ok(ImportProgress { created: counts.created + earlier, unchanged: counts.unchanged - earlier, ..counts })
    }
}

fn outcome(report: &ImportReport) -> Outcome {
    let rejects = report.rejects.iter().map(|one| Told { row: one.row, text: one.reason.to_string() });
    let warnings = report.warnings.iter().map(|one| Told { row: one.row, text: one.warning.to_string() });
    Outcome { rejects: rejects.collect(), warnings: warnings.collect(), ..Outcome::default() }
}

/// An error with what it came from, in one sentence.
fn whole(error: &ImportError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}
