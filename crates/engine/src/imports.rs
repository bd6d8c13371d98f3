//! Imports in steps: a file is uploaded, looked at, read with what a person chose, and may be undone.
//!
//! | state | it goes on to |
//! |---|---|
//! | `uploaded` | `running`, when a person starts it |
//! | `running` | `done` or `failed`; `canceling`, when a person cancels it; one that has not moved for a minute has lost its process and may be started again, or undone |
//! | `canceling` | `canceled`, before its next rows; `done`, if there were none; what has not moved for a minute is as good as canceled |
//! | `canceled` | `running` or `undoing`: what was saved stays until then |
//! | `failed` | `running`: what was saved stays, and a second run changes nothing twice |
//! | `done` | `undoing`, when a person undoes it; so may `failed` |
//! | `undoing` | `undone` (`import/undo.rs`); one that has not moved for a minute may be gone on with |
//!
//! Whoever serves goes on with what has lost its process ([`Engine::still_imports`]), where the file is. The file lies with whoever calls:
//! here it is a source of bytes. How a file is read says [`crate::import`].

use std::collections::HashSet;

use domain::access::Permission;
use domain::ids::{ImportId, LabelId, WorkspaceId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
pub use store::imports::Import;
use store::{DbError, Lane, Tx, imports};

use crate::actor::Actor;
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ids::Ids;
use crate::import::{FileConsent, ImportOptions, ImportProgress, OnDuplicate, Part, Target};
use crate::labels::{LabelError, find_or_make_list};

/// An import that has not moved for so long has lost its process: a chunk of rows takes some hundred milliseconds.
const STILL: SignedDuration = SignedDuration::from_mins(1);
/// Most imports that have lost their process and are read at once.
const FOUND: i64 = 100;
/// Most imports of one page of a list.
pub const MAX_LISTED: i64 = 200;
/// Every state of an import, as the table above has them.
pub const STATES: [&str; 8] = ["uploaded", "running", "canceling", "canceled", "done", "failed", "undoing", "undone"];

/// What a person chose for a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Whether values overwrite those that are there.
    pub overwrite: bool,
    /// The label that all contacts of the file get.
    pub label: Option<LabelId>,
    /// The list that they are put on, once the import has begun.
    pub list: Option<LabelId>,
    /// Its name, by which it is found or made when the import begins; empty for none.
    pub list_name: String,
    /// Labels and lists that runs by other choices gave.
    pub gave: Vec<LabelId>,
    /// Headers and what they mean: `phone`, `ignore`, or `field:` or `consent:` and a name.
    pub mapping: Vec<(String, String)>,
    /// What is said of the consent of all rows.
    pub consent: FileConsent,
    /// Whether somebody said that none is recorded.
    pub no_consent: bool,
    /// Whether names in capitals are written as people write them.
    pub recase: bool,
    /// Whether the file came in one go, so that nobody has it any more.
    pub in_one_go: bool,
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

    /// The word of what a column means.
    fn word(target: &Target) -> String {
        match target {
            Target::Phone => "phone".to_owned(),
            Target::Ignore => "ignore".to_owned(),
            Target::Field(name) => format!("field:{name}"),
            Target::Consent(part) => format!("consent:{}", part.name()),
        }
    }

    /// What these options say of a file that comes in one go, for the list of imports and for the next file with the same columns.
    pub(crate) fn of(options: &ImportOptions) -> Self {
        let mapping = options.mapping.iter().map(|(header, target)| (header.clone(), Self::word(target)));
        Self {
            overwrite: options.on_duplicate == OnDuplicate::Overwrite,
            label: options.label,
            list: None,
            list_name: options.list.clone(),
            gave: Vec::new(),
            mapping: mapping.collect(),
            consent: options.consent.clone(),
            no_consent: options.no_consent,
            recase: options.recase,
            in_one_go: true,
        }
    }

    /// As the importer takes them, for an import.
    #[must_use]
    pub fn options(&self, import: Option<ImportId>) -> ImportOptions {
        let mapping = self.mapping.iter().filter_map(|(header, word)| Some((header.clone(), Self::target(word)?)));
        let on_duplicate = if self.overwrite { OnDuplicate::Overwrite } else { OnDuplicate::FillEmpty };
        let (mapping, consent) = (mapping.collect(), self.consent.clone());
        let (label, list, no_consent, recase) = (self.label, self.list_name.clone(), self.no_consent, self.recase);
        let rest = ImportOptions::default();
        ImportOptions { on_duplicate, mapping, import, label, list, consent, no_consent, recase, ..rest }
    }

    /// The label and the list that contacts of the file get.
    pub(crate) fn given(&self) -> [Option<LabelId>; 2] {
        [self.label, self.list]
    }

    /// All labels and lists that contacts have from this import, by whatever choices.
    pub(crate) fn all_given(&self) -> Vec<LabelId> {
        self.given().into_iter().flatten().chain(self.gave.iter().copied()).collect()
    }

    /// As an import begins: its list is there, by its name. One that is there stays the one, whatever it is called by now.
    pub(crate) fn begun(&self, tx: &mut Tx<'_>, beat: &Beat) -> Result<Self, LabelError> {
        let known = self.list.map(|list| store::labels::find(tx, beat.workspace, list)).transpose()?.flatten();
        let list = match known {
            Some(list) => Some(list),
            None if self.list_name.is_empty() => None,
            None => Some(find_or_make_list(tx, beat, &self.list_name)?),
        };
        Ok(Self { list: list.map(|list| list.id), ..self.clone() })
    }

    /// The same, but for what runs by other choices gave.
    fn alone(&self) -> Self {
        Self { gave: Vec::new(), ..self.clone() }
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
    /// How many that were there before are again as the import found them.
    pub restored: i64,
    /// How many of them keep something of it, or have something else by now, since somebody or a later import changed them.
    pub altered: i64,
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
    /// It is not over, or was undone.
    #[error("{}", not_undone(state))]
    NotUndone {
        /// Its state.
        state: String,
    },
    /// It is over, or has not begun.
    #[error("the import is {state}: there is nothing to cancel")]
    NotRunning {
        /// Its state.
        state: String,
    },
    /// There cannot be such a list.
    #[error(transparent)]
    List(#[from] LabelError),
    /// The database failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

fn not_undone(state: &str) -> &'static str {
    match state {
        "undone" => "the import was undone already",
        "undoing" => "the import is being undone already",
        "uploaded" => "the import was never started: there is nothing to undo",
        _ => "the import still runs: cancel it first, or wait a minute if its program has ended",
    }
}

impl From<DbError> for ImportsError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// A file's name as it is kept: what has none is called as most are.
pub(crate) fn file_name(given: &str) -> String {
    let name: String = crate::contacts::cleaned(given).replace('\n', " ").chars().take(200).collect();
    if name.is_empty() { "contacts.csv".to_owned() } else { name }
}

pub(crate) fn document<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// What an import's documents say; what no version of this program wrote says nothing.
#[must_use]
pub fn read<T: for<'de> Deserialize<'de> + Default>(document: &str) -> T {
    serde_json::from_str(document).unwrap_or_default()
}

/// Whether somebody has an import in hand, or had: it runs, is being canceled or undone.
#[must_use]
pub fn is_in_hand(import: &Import) -> bool {
    ["running", "canceling", "undoing"].contains(&import.state.as_str())
}

/// Whether an import has lost its process: it is in hand, and has not moved for a minute. It may be gone on with.
#[must_use]
pub fn stands_still(import: &Import, now: Timestamp) -> bool {
    is_in_hand(import) && import.updated_at < still_since(now)
}

/// An import in hand that has not moved since then has lost its process.
pub(crate) fn still_since(now: Timestamp) -> Timestamp {
    now.saturating_sub(STILL).unwrap_or(Timestamp::MIN)
}

/// Imports of all workspaces that are in hand and have not moved since then.
fn every_still(db: &store::Read<'_>, since: Timestamp) -> Result<Vec<(WorkspaceId, ImportId)>, DbError> {
    let (mut found, mut after) = (Vec::new(), (WorkspaceId(i64::MIN), ImportId(i64::MIN)));
    loop {
        let page = imports::still(db, since, after, FOUND)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = *last;
        found.extend(page);
    }
}

/// Whether an import came so long before now.
#[must_use]
pub fn is_older(import: ImportId, age: SignedDuration, now: Timestamp) -> bool {
    import.0 < Ids::floor(now.saturating_sub(age).unwrap_or(Timestamp::MIN))
}

impl Engine {
    /// Takes up a file that was uploaded. The choices of the last import are the first guess for this one.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn begin_upload(&self, actor: &Actor, file_name: &str, bytes: u64) -> Result<Import, ImportsError> {
        actor.need(Permission::ContactsWrite)?;
        let beat = self.beat(actor);
        let name = self::file_name(file_name);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.write(Lane::Normal, move |tx| {
            let import = Import {
                id: ImportId(beat.id()),
                file_name: name.clone(),
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

    /// Imports of the workspace before the given one, the newest first, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn imports(&self, actor: &Actor, before: ImportId, limit: i64) -> Result<Vec<Import>, ImportsError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(imports::page(db, workspace, before, limit.clamp(1, MAX_LISTED))?)).await
    }

    /// The mapping that was used last for a file with these column names, of the newest imports.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn last_mapping(&self, actor: &Actor, headers: &[String]) -> Result<Vec<(String, String)>, ImportsError> {
        let all = self.imports(actor, ImportId(i64::MAX), MAX_LISTED).await?;
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
        let (beat, chosen) = (self.beat(actor), choices.clone());
        self.write(Lane::Normal, move |tx| {
            let mut choices = chosen.begun(tx, &beat)?;
            let found = imports::lock(tx, beat.workspace, id)?.ok_or(ImportsError::Unknown)?;
            let (was, had) = (found.state.clone(), read::<Choices>(&found.choices));
            // By other choices it begins anew, else behind the rows that are done.
            let anew = had.alone() != choices.alone();
            choices.gave = if anew { had.all_given() } else { had.gave };
            let counts = if anew { document(&ImportProgress::default()) } else { found.counts };
            let (state, choices) = ("running".to_owned(), document(&choices));
            let import = Import { state, choices, counts, updated_at: beat.now, ..found };
            if imports::begin(tx, beat.workspace, &import, still_since(beat.now))? {
                return Ok(import);
            }
            Err(ImportsError::NotNow { state: was })
        })
        .await
    }

    /// Imports of all workspaces that somebody has in hand, or had.
    ///
    /// # Errors
    /// The database failed.
    pub async fn imports_in_hand(&self) -> Result<HashSet<ImportId>, Failure> {
        self.read(move |db| Ok(every_still(db, Timestamp::MAX)?.into_iter().map(|(_, import)| import).collect())).await
    }

    /// Imports of all workspaces that have lost their process, each with whoever began it; none that runs in this process.
    ///
    /// # Errors
    /// The database failed.
    pub async fn still_imports(&self) -> Result<Vec<(Actor, Import)>, ImportsError> {
        let (since, runs) = (still_since(self.now()), self.runs().clone());
        self.read(move |db| {
            let mut found = Vec::new();
            for (workspace, id) in every_still(db, since)?.into_iter().filter(|(_, id)| !runs.has(*id)) {
                if let Some(import) = imports::find(db, workspace, id)? {
                    found.push((Actor::operator(workspace).named(&import.actor), import));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Says of an import that has lost its process, and whose file nobody has any more, that it failed.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn give_up_import(&self, actor: &Actor, import: Import) -> Result<(), ImportsError> {
        let error = "the program ended while it ran; import the file again, nothing is done twice".to_owned();
        let outcome = document(&Outcome { error: Some(error), ..read(&import.outcome) });
        self.end_import(actor, Import { state: "failed".to_owned(), outcome, ..import }).await
    }

    /// Says of an import that was being canceled and has lost its process that it is canceled.
    ///
    /// # Errors
    /// See [`ImportsError`].
    pub async fn end_canceling(&self, actor: &Actor, import: Import) -> Result<(), ImportsError> {
        self.end_import(actor, Import { state: "canceled".to_owned(), ..import }).await
    }

    async fn end_import(&self, actor: &Actor, import: Import) -> Result<(), ImportsError> {
        let workspace = actor.workspace();
        let (moved, ended) = (import.updated_at, Import { updated_at: self.now(), ..import });
        self.write(Lane::Bulk, move |tx| Ok(imports::end(tx, workspace, &ended, moved).map(|_| ())?)).await
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
}
