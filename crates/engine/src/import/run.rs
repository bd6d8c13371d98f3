//! Imports that are on file: their run says in their row how far it is and what became of it.
//!
//! A page uploads a file, looks at it and starts it ([`Engine::run_import`]); the command line and the API give it in one go
//! ([`Engine::import_file`]). Either is in the list of imports, with what was chosen, and can be undone.

use std::io::{Read, Write};

use domain::access::Permission;
use domain::ids::ImportId;
use jiff::Timestamp;
use store::{Lane, Tx, imports};

use super::merge::Rule;
use super::{ImportError, ImportOptions, ImportOutlets, ImportProgress, ImportReport, Run};
use crate::actor::Actor;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::imports::{Choices, Import, ImportsError, Outcome, Told, document, file_name, read};
use crate::labels::LabelError;

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
        let mut import = Import {
            id: ImportId(beat.id()),
            file_name: file_name(options.file.as_deref().unwrap_or_default()),
            file_bytes: options.bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0),
            state: "running".to_owned(),
            choices: String::new(),
            counts: document(&ImportProgress::default()),
            outcome: document(&Outcome::default()),
            actor: beat.actor.clone(),
            created_at: beat.now,
            updated_at: beat.now,
        };
        let (workspace, row, chosen) = (actor.workspace(), import.clone(), Choices::of(&options));
        let begin = move |tx: &mut Tx<'_>| {
            let choices = document(&chosen.begun(tx, &beat)?);
            imports::insert(tx, workspace, &Import { choices: choices.clone(), ..row.clone() })?;
            Ok::<_, LabelError>(choices)
        };
        import.choices = self.write(Lane::Normal, begin).await?;
        let rule = Rule { import: Some(import.id), ..Rule::of_import(&import) };
        let mut run = Run { progress, ..Run::of(self, workspace, &import) };
        let done = self.take_in(actor, reading, rule, &mut run).await;
        if matches!(done, Err(ImportError::NoRows)) {
            let id = import.id;
            self.write(Lane::Normal, move |tx| Ok::<_, Failure>(imports::remove(tx, workspace, id)?)).await?;
            // So does the list that it made: what is younger than the import came with it.
            if let Some(list) = read::<Choices>(&import.choices).list.filter(|list| list.0 > id.0) {
                self.delete_label(actor, list).await?;
            }
        }
        let ended = self.ended(actor, import, run.held, &done).await?;
        run.behind.ended().await;
        Ok((ended, done?))
    }

    /// Reads the file of an import that is in hand to its end, and says in its row how far it is and what became of it. Rows that an earlier
    /// run has done are passed over: what others have done to their contacts since stays. A run that somebody else has taken the import
    /// from saves nothing more, and leaves to them what is said of it.
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
        let (mut run, rule) = (Run::of(self, actor.workspace(), &import), Rule::of_import(&import));
        let work = async {
            actor.need(Permission::ContactsWrite)?;
            let reading = self.read_file(actor.workspace(), source, &options, rejects).await?;
            self.take_in(actor, reading, rule, &mut run).await
        };
        let done = work.await;
        let ended = self.ended(actor, import, run.held, &done).await?;
        run.behind.ended().await;
        Ok(ended)
    }

    /// Says in an import what became of it.
    async fn ended(
        &self,
        actor: &Actor,
        import: Import,
        held: Option<Held>,
        done: &Result<ImportReport, ImportError>,
    ) -> Result<Import, Failure> {
        let (workspace, id, now) = (actor.workspace(), import.id, self.now());
        let current = self.read(move |db| Ok::<_, Failure>(imports::find(db, workspace, id)?)).await?;
        let import = current.unwrap_or(import);
        if matches!(done, Err(ImportError::Taken)) {
            return Ok(import);
        }
        // How far it came stands there: each chunk has said so itself.
        let counts = done.as_ref().map_or_else(|_| read(&import.counts), |report| report.counts);
        let counts = document(&self.with_earlier(actor, id, counts).await?);
        let import = Import { counts, updated_at: now, ..import };
        let ended = match done {
            Ok(report) => Import { state: "done".to_owned(), outcome: document(&outcome(report)), ..import },
            Err(ImportError::Canceled) => Import { state: "canceled".to_owned(), ..import },
            Err(error) => {
                let outcome = Outcome { error: Some(whole(error)), ..Outcome::default() };
                Import { state: "failed".to_owned(), outcome: document(&outcome), ..import }
            }
        };
        let (row, moved) = (ended.clone(), held.map_or(now, |held| held.moved_at));
        // One that stood still so long that somebody else has it in hand stays theirs.
        self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(imports::end(tx, workspace, &row, moved)?)).await?;
        Ok(ended)
    }

    /// The counts of a run, with the contacts that a run before it had made by other choices: to this run they were there already.
    async fn with_earlier(
        &self,
        actor: &Actor,
        id: ImportId,
        counts: ImportProgress,
    ) -> Result<ImportProgress, Failure> {
        let workspace = actor.workspace();
        let made = self.read(move |db| Ok::<_, Failure>(imports::left(db, workspace, id)?)).await?;
        let earlier = u64::try_from(made).unwrap_or(0).saturating_sub(counts.created);
        let unchanged = counts.unchanged.saturating_sub(earlier);
        Ok(ImportProgress { created: counts.created + earlier, unchanged, ..counts })
    }
}

/// An import as its run has it in hand: when the run itself moved it last. Whoever else takes it in hand moves it, so what a run does with
/// an import that moved last at another time it may not do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) id: ImportId,
    moved_at: Timestamp,
}

impl Held {
    pub(super) fn of(import: &Import) -> Self {
        Self { id: import.id, moved_at: import.updated_at }
    }

    /// Says how far the import is, in the transaction of what brought it there; nothing if it is not this run's any more.
    pub(super) fn moved(
        self,
        tx: &mut Tx<'_>,
        beat: &Beat,
        counts: &ImportProgress,
    ) -> Result<Option<Self>, store::DbError> {
        let is_ours = imports::moved(tx, beat.workspace, (self.id, self.moved_at), &document(counts), beat.now)?;
        Ok(is_ours.then_some(Self { moved_at: beat.now, ..self }))
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
