//! Imports in steps: a file is uploaded, looked at, read with what a person chose, and may be undone.
//!
//! | state | it goes on to |
//! |---|---|
//! | `uploaded` | `running`, when a person starts it |
//! | `running` | `done` or `failed`; `canceling`, when a person cancels it; one that has not moved for two minutes has lost its process and may be started again |
//! | `canceling` | `canceled`, before its next rows; `done`, if there were none; what has not moved for two minutes is as good as canceled |
//! | `canceled` | `running` or `undoing`: what was saved stays until then |
//! | `failed` | `running`: what was saved stays, and a second run changes nothing twice |
//! | `done` | `undoing`, when a person undoes it; so may `failed` |
//! | `undoing` | `undone`: contacts that it made and that nobody touched since are deleted; one that has not moved for two minutes may be gone on with |
//!
//! The file lies with whoever calls: here it is a source of bytes. How a file is read says [`crate::import`].

use std::io::{Read, Write};
use std::sync::Arc;

use domain::access::Permission;
use domain::ids::{ContactId, ImportId, LabelId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
pub use store::imports::Import;
use store::{DbError, Lane, imports};

use crate::actor::Actor;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::import::{
    FileConsent, ImportError, ImportOptions, ImportOutlets, ImportProgress, ImportReport, OnDuplicate, Part, Target,
};

/// An import that has not moved for so long has lost its process.
const STILL: SignedDuration = SignedDuration::from_mins(2);
/// How many contacts one transaction of an undoing deletes.
const CHUNK: i64 = 100;
/// Most imports of a list.
pub const MAX_LISTED: i64 = 50;

/// What a person chose for a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Whether values overwrite those that are there.
    pub overwrite: bool,
    /// The label that all contacts of the file get.
    pub label: Option<LabelId>,
    /// Headers and what they mean: `phone`, `ignore`, or `field:` or `consent:` and a name.
    pub mapping: Vec<(String, String)>,
    /// What is said of the consent of all rows.
    pub consent: FileConsent,
    /// Whether somebody said that none is recorded.
    pub no_consent: bool,
    /// Whether names in capitals are written as people write them.
    pub recase: bool,
}

impl Choices {
    /// What a column shall mean, by its word.
    #[must_use]
    pub fn target(word: &str) -> Option<Target> {
        match word {
            "phone" => Some(Target::Phone),
            "ignore" => Some(Target::Ignore),
            word => match word.strip_prefix("consent:") {
                Some(name) => Part::named(name).map(Target::Consent),
                None => word.strip_prefix("field:").map(|name| Target::Field(name.to_owned())),
            },
        }
    }

    /// As the importer takes them, for an import.
    #[must_use]
    pub fn options(&self, import: Option<ImportId>) -> ImportOptions {
        let mapping = self.mapping.iter().filter_map(|(header, word)| Some((header.clone(), Self::target(word)?)));
        let on_duplicate = if self.overwrite { OnDuplicate::Overwrite } else { OnDuplicate::FillEmpty };
        let (mapping, label, consent) = (mapping.collect(), self.label, self.consent.clone());
        let recase = self.recase;
        ImportOptions { on_duplicate, mapping, import, label, consent, recase, ..ImportOptions::default() }
    }
}

/// A row of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// As a spreadsheet counts.
    pub row: u64,
    /// Why it was rejected, or what to look at.
    pub text: String,
}

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Why it failed.
    pub error: Option<String>,
    /// The first rejected rows.
    pub rejects: Vec<Told>,
    /// The first warnings.
    pub warnings: Vec<Told>,
    /// How many contacts an undoing deleted.
    pub undone: i64,
    /// How many it kept, since they were touched.
    pub kept: i64,
}

/// Why an import does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ImportsError {
    /// The actor lacks the permission.
    #[error(transparent)]
    Forbidden(#[from] crate::actor::Forbidden),
    /// There is no such import.
    #[error("there is no such import")]
    Unknown,
    /// It is running, or was undone.
    #[error("the import is {state} and cannot be started")]
    NotNow {
        /// Its state.
        state: String,
    },
    /// It is over, or has not begun.
    #[error("the import is {state}: there is nothing to cancel")]
    NotRunning {
        /// Its state.
        state: String,
    },
    /// The database failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for ImportsError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

fn document<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// What an import's documents say; what no version of this program wrote says nothing.
#[must_use]
pub fn read<T: for<'de> Deserialize<'de> + Default>(document: &str) -> T {
    serde_json::from_str(document).unwrap_or_default()
}

/// Whether an import has lost its process: it is in hand, and has not moved for two minutes. It may be gone on with.
#[must_use]
pub fn stands_still(import: &Import, now: Timestamp) -> bool {
    ["running", "canceling", "undoing"].contains(&import.state.as_str())
        && import.updated_at < now.saturating_sub(STILL).unwrap_or(Timestamp::MIN)
}

impl Engine {
    /// Takes up a file that was uploaded. The choices of the last import are the first guess for this one.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn begin_upload(&self, actor: &Actor, file_name: &str, bytes: u64) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        let name: String = crate::contacts::cleaned(file_name).replace('\n', " ").chars().take(200).collect();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.write(Lane::Normal, move |tx| {
            let import = Import {
                id: ImportId(beat.id()),
                file_name: if name.is_empty() { "contacts.csv".to_owned() } else { name.clone() },
                file_bytes: bytes,
                state: "uploaded".to_owned(),
                choices: document(&Choices { recase: true, ..Choices::default() }),
                counts: document(&ImportProgress::default()),
                outcome: document(&Outcome::default()),
                actor: beat.actor.clone(),
                created_at: beat.now,
                updated_at: beat.now,
            };
            imports::insert(tx, beat.workspace, &import)?;
            Ok(import)
        })
        .await
    }

    /// One import.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn find_import(&self, actor: &Actor, id: ImportId) -> Result<Import, ImportsError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| imports::find(db, workspace, id)?.ok_or(ImportsError::Unknown)).await
    }

    /// The newest imports of the workspace.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn imports(&self, actor: &Actor) -> Result<Vec<Import>, ImportsError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(imports::page(db, workspace, ImportId(i64::MAX), MAX_LISTED)?)).await
    }

    /// The mapping that was used last for a file with these column names.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn last_mapping(&self, actor: &Actor, headers: &[String]) -> Result<Vec<(String, String)>, ImportsError> {
        let all = self.imports(actor).await?;
        let mappings =
            all.iter().filter(|import| import.state == "done").map(|import| read::<Choices>(&import.choices));
        let fits = |choices: &Choices| {
            !choices.mapping.is_empty() && choices.mapping.iter().all(|(header, _)| headers.contains(header))
        };
        Ok(mappings.into_iter().find(fits).map(|choices| choices.mapping).unwrap_or_default())
    }

    /// Takes an import in hand with what was chosen; [`Engine::run_import`] does it.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn start_import(&self, actor: &Actor, id: ImportId, choices: &Choices) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let (workspace, now, choices) = (actor.workspace(), self.now(), document(choices));
        let still = now.saturating_sub(STILL).unwrap_or(Timestamp::MIN);
        self.write(Lane::Normal, move |tx| {
            let import = imports::find(tx, workspace, id)?.ok_or(ImportsError::Unknown)?;
            if imports::begin(tx, workspace, id, &choices, (now, still))? {
                return Ok(Import { state: "running".to_owned(), choices: choices.clone(), ..import });
            }
            Err(ImportsError::NotNow { state: import.state })
        })
        .await
    }

    /// Reads the file of an import that is in hand to its end, and says in its row how far it is and what became of it.
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
        let choices: Choices = read(&import.choices);
        let (tell, told) = flume::unbounded();
        let progress = Box::new(move |counts: &ImportProgress| {
            let _ = tell.send(*counts);
        });
        let outlets = ImportOutlets { rejects, progress };
        let import = Arc::new(import);
        let note = async {
            while let Ok(counts) = told.recv_async().await {
                // Several at once are told as the last of them.
                let counts = told.drain().last().unwrap_or(counts);
                let (workspace, id, counts, now) = (actor.workspace(), import.id, document(&counts), self.now());
                let moved = move |tx: &mut store::Tx<'_>| imports::moved(tx, workspace, id, &counts, now);
                self.write(Lane::Bulk, move |tx| Ok::<_, Failure>(moved(tx)?)).await?;
            }
            Ok::<(), Failure>(())
        };
        let (file, bytes) = (Some(import.file_name.clone()), u64::try_from(import.file_bytes).ok());
        let options = ImportOptions { file, bytes, ..choices.options(Some(import.id)) };
        let work = self.import_contacts(actor, source, options, outlets);
        let (done, noted) = futures_util::future::join(work, note).await;
        noted?;
        let now = self.now();
        let ended = match done {
            Ok(report) => Import {
                state: "done".to_owned(),
                counts: document(&self.with_earlier(actor, &import, report.counts).await?),
                outcome: document(&outcome(&report)),
                updated_at: now,
                ..(*import).clone()
            },
            Err(ImportError::Canceled(counts)) => Import {
                state: "canceled".to_owned(),
                counts: document(&self.with_earlier(actor, &import, *counts).await?),
                updated_at: now,
                ..(*import).clone()
            },
            Err(error) => {
                let outcome = Outcome { error: Some(whole(&error)), ..Outcome::default() };
                let current = self.find_import(actor, import.id).await?;
                Import { state: "failed".to_owned(), outcome: document(&outcome), updated_at: now, ..current }
            }
        };
        self.save_import(actor, ended.clone()).await?;
        Ok(ended)
    }

    /// The counts of a run, with the contacts that an interrupted run before it had made: to this run they were there
    /// already. What that run wrote of itself does not tell: it may have ended before it wrote anything.
    async fn with_earlier(
        &self,
        actor: &Actor,
        import: &Import,
        counts: ImportProgress,
    ) -> Result<ImportProgress, ImportsError> {
        let (workspace, id) = (actor.workspace(), import.id);
        let made = self.read(move |db| Ok::<_, ImportsError>(imports::left(db, workspace, id)?)).await?;
        let earlier = u64::try_from(made).unwrap_or(0).saturating_sub(counts.created).min(counts.unchanged);
        Ok(ImportProgress { created: counts.created + earlier, unchanged: counts.unchanged - earlier, ..counts })
    }

    /// Has an import end before its next rows. What was saved stays; it may be undone, or started again.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn cancel_import(&self, actor: &Actor, id: ImportId) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let import = imports::find(tx, beat.workspace, id)?.ok_or(ImportsError::Unknown)?;
            if !imports::cancel(tx, beat.workspace, id, beat.now)? {
                return Err(ImportsError::NotRunning { state: import.state });
            }
            beat.note(tx, "import.canceled", None, &serde_json::json!({ "import": id, "file": import.file_name }))?;
            Ok(Import { state: "canceling".to_owned(), ..import })
        })
        .await
    }

    async fn save_import(&self, actor: &Actor, import: Import) -> Result<(), ImportsError> {
        let workspace = actor.workspace();
        self.write(Lane::Bulk, move |tx| Ok(imports::save(tx, workspace, &import)?)).await
    }

    /// Takes the undoing of an import in hand; [`Engine::run_undo`] does it.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn begin_undo(&self, actor: &Actor, id: ImportId) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let (workspace, now) = (actor.workspace(), self.now());
        let still = now.saturating_sub(STILL).unwrap_or(Timestamp::MIN);
        self.write(Lane::Normal, move |tx| {
            let import = imports::find(tx, workspace, id)?.ok_or(ImportsError::Unknown)?;
            if !imports::begin_undo(tx, workspace, id, (now, still))? {
                return Err(ImportsError::NotNow { state: import.state });
            }
            Ok(Import { state: "undoing".to_owned(), updated_at: now, ..import })
        })
        .await
    }

    /// Deletes the contacts that an import made and nobody touched since; says in the import how many went, and in the end how
    /// many stay. Broken off and begun again it goes on.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn run_undo(&self, actor: &Actor, id: ImportId) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let mut before = ContactId(i64::MAX);
        loop {
            let beat = self.beat(actor);
            let from = before;
            let gone = self
                .write(Lane::Bulk, move |tx| {
                    let ids = imports::untouched(tx, beat.workspace, id, from, CHUNK)?;
                    store::contacts::lock(tx, beat.workspace, &ids)?;
                    // Whoever was texted between the two looks is not in the second.
                    let ids = imports::untouched(tx, beat.workspace, id, from, CHUNK)?;
                    for contact in &ids {
                        store::contacts::delete(tx, beat.workspace, *contact, beat.now)?;
                        beat.note(tx, "contact.deleted", Some(*contact), &serde_json::json!({}))?;
                    }
                    // An undoing that is interrupted and begun again tells of all that it deleted.
                    let import = imports::find(tx, beat.workspace, id)?.ok_or(ImportsError::Unknown)?;
                    let mut outcome: Outcome = read(&import.outcome);
                    outcome.undone += i64::try_from(ids.len()).unwrap_or(0);
                    let moved = Import { outcome: document(&outcome), updated_at: beat.now, ..import };
                    imports::save(tx, beat.workspace, &moved)?;
                    Ok::<_, ImportsError>(ids)
                })
                .await?;
            let Some(last) = gone.last() else { break };
            before = *last;
        }
        let (workspace, now) = (actor.workspace(), self.now());
        self.write(Lane::Bulk, move |tx| {
            let import = imports::find(tx, workspace, id)?.ok_or(ImportsError::Unknown)?;
            let outcome = Outcome { kept: imports::left(tx, workspace, id)?, ..read(&import.outcome) };
            let (state, outcome) = ("undone".to_owned(), document(&outcome));
            let import = Import { state, outcome, updated_at: now, ..import };
            imports::save(tx, workspace, &import)?;
            Ok(import)
        })
        .await
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
