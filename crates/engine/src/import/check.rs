//! The dry run of an import: reads a whole file by the very rules of the import, and changes nothing.
//!
//! What a chunk would do says the same `ChangeSet`; it meets the contacts as they are, in one short read for each chunk. What an
//! earlier chunk would have written is not there, so it is remembered where it tells: which phones stood in the file (as the import
//! does), and which consents it would have recorded. Who drops it ends it. What others do to the contacts meanwhile, or later, it cannot know.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read;
use std::sync::Arc;

use domain::access::Permission;
use domain::ids::WorkspaceId;
use serde::Serialize;
use store::consents::{self, Mark};

use super::change_set::{self, Change, ChangeSet, Touched};
use super::chunk::{Chunk, MAX_REMEMBERED, Taken, Turn};
use super::columns::{Column, Meaning};
use super::pace::Course;
use super::{ImportError, ImportOptions, ImportOutlets, ImportProgress, ImportReport, OnDuplicate};
use crate::actor::Actor;
use crate::contacts::{self, ContactError, display_name, get};
use crate::engine::Engine;

/// How many contacts that change, and how many that are made, are shown.
pub const MAX_SAMPLED: usize = 10;

/// What the import of a file would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportCheck {
    /// What the import would report.
    pub report: ImportReport,
    /// Contacts of the file whose phone is on a list that forbids texting.
    pub suppressed: u64,
    /// Names of the fields that the workspace would get.
    pub new_fields: Vec<String>,
    /// The first contacts that would change.
    pub changed: Vec<Sampled>,
    /// The first contacts that would be made.
    pub made: Vec<Sampled>,
}

/// What would become of one contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sampled {
    /// The row that has its phone first, as a spreadsheet counts.
    pub row: u64,
    /// E.164.
    pub phone: String,
    /// The name that it would be listed under.
    pub name: String,
    /// The fields that would change; all of one that is made.
    pub fields: Vec<FieldDiff>,
    /// Whether it would be joined with the other phones of its row, as one person's.
    pub joined: bool,
}

/// A field that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// Its name.
    pub field: String,
    /// Its value now.
    pub before: Option<String>,
    /// Its value then.
    pub after: String,
    /// As the file has it, where that is written otherwise.
    pub in_file: Option<String>,
}

/// What a chunk would do, and what is known of its phones.
struct Seen {
    set: ChangeSet,
    recorded: HashSet<Mark>,
    suppressed: HashSet<i64>,
    new_fields: Vec<String>,
}

/// What is known of a file so far.
#[derive(Default)]
struct Findings {
    counts: ImportProgress,
    /// Hashes of the consents that earlier chunks would have recorded.
    recorded: HashSet<u64>,
    suppressed: u64,
    new_fields: Vec<String>,
    changed: Vec<Sampled>,
    made: Vec<Sampled>,
}

impl Engine {
    /// Says what an import would do. Of the outlets, `progress` is told after each chunk.
    ///
    /// # Errors
    /// As [`Engine::import_file`].
    pub async fn check_import(
        &self,
        actor: &Actor,
        source: impl Read + Send + 'static,
        options: ImportOptions,
        outlets: ImportOutlets,
    ) -> Result<ImportCheck, ImportError> {
        actor.need(Permission::ContactsWrite)?;
        let ImportOutlets { rejects, mut progress } = outlets;
        let workspace = actor.workspace();
        let reading = self.read_file(workspace, source, &options, rejects).await?;
        reading.need_consent(&options)?;
        if !options.list.is_empty() {
            let list = options.list.clone();
            self.read(move |db| crate::labels::find_list(db, workspace, &list).map(|_| ())).await?;
        }
        let (own, mut findings) = (Arc::new(reading.own_fields()), Findings::default());
        let (begun, mut course) = (self.clock().mark(), Course::default());
        while let Some(chunk) = reading.next().await {
            let chunk = Arc::new(chunk);
            let seen = self.look(workspace, Arc::clone(&chunk), Arc::clone(&own), options.on_duplicate).await?;
            findings.add(&chunk, seen, reading.columns());
            let pace = course.reach(self.clock().since(&begun), chunk.read.rows, chunk.read.bytes);
            progress(&ImportProgress { pace, ..findings.counts });
        }
        let report = reading.ended(findings.counts).await?;
        let Findings { suppressed, new_fields, changed, made, .. } = findings;
        Ok(ImportCheck { report, suppressed, new_fields, changed, made })
    }

    /// Looks a chunk's phones up.
    async fn look(
        &self,
        workspace: WorkspaceId,
        chunk: Arc<Chunk>,
        own: Arc<Vec<(String, String)>>,
        rule: OnDuplicate,
    ) -> Result<Seen, ImportError> {
        self.read(move |db| {
            if chunk.rows.is_empty() {
                return Ok(Seen::nothing());
            }
            let custom = store::contacts::custom_fields(db, workspace)?;
            let new = contacts::missing(&custom, &own).map_err(|error| match error {
                ContactError::Failure(failure) => ImportError::Failure(failure),
                error => ImportError::Column(error),
            })?;
            let texts = chunk.phones();
            let phones: Vec<&str> = texts.iter().map(String::as_str).collect();
            let stored = store::contacts::by_phones(db, workspace, &phones)?;
            let numbers = store::contacts::persons(db, workspace, &change_set::persons(&stored))?;
            let set = ChangeSet::of(stored, numbers, &chunk.rows, rule)?;
            let agreeing: Vec<i64> = set.given(&chunk.rows).iter().map(|given| given.hash).collect();
            let recorded =
                if agreeing.is_empty() { HashSet::new() } else { consents::known(db, workspace, &agreeing)? };
            let hashes: Vec<i64> = set.contacts.iter().map(|one| one.hash).collect();
            let suppressed =
                store::suppressions::of(db, workspace, &hashes)?.into_iter().map(|(hash, _)| hash).collect();
            let new_fields = new.into_iter().map(|(_, name)| name.clone()).collect();
            Ok::<_, ImportError>(Seen { set, recorded, suppressed, new_fields })
        })
        .await
    }
}

impl Seen {
    fn nothing() -> Self {
        let set = ChangeSet::default();
        Self { set, recorded: HashSet::new(), suppressed: HashSet::new(), new_fields: Vec::new() }
    }
}

impl Findings {
    fn add(&mut self, chunk: &Chunk, seen: Seen, columns: &[Column]) {
        let Seen { set, recorded, suppressed, new_fields } = seen;
        let consents = self.consents(&set, &chunk.rows, recorded);
        self.counts = self.counts.with(&chunk.read, set.tally(), consents);
        let first = |one: &&Touched| one.turn == Turn::First && suppressed.contains(&one.hash);
        self.suppressed += set.contacts.iter().filter(first).count() as u64;
        if self.new_fields.is_empty() {
            self.new_fields = new_fields;
        }
        self.sample(&set, &chunk.rows, columns);
    }

    /// How many consents the chunk would add to those on record and to those of the chunks before it.
    fn consents(&mut self, set: &ChangeSet, rows: &[Taken], mut known: HashSet<Mark>) -> u64 {
        let mut new = change_set::unrecorded(set.given(rows), &mut known);
        new.retain(|given| {
            let hash = hash(&given.mark());
            if self.recorded.len() < MAX_REMEMBERED {
                self.recorded.insert(hash)
            } else {
                !self.recorded.contains(&hash)
            }
        });
        new.len() as u64
    }

    /// Keeps the first contacts that change and the first that are made, in the order of the file.
    fn sample(&mut self, set: &ChangeSet, rows: &[Taken], columns: &[Column]) {
        if self.changed.len() >= MAX_SAMPLED && self.made.len() >= MAX_SAMPLED {
            return;
        }
        for row in rows {
            for entry in row.entries.iter().filter(|entry| entry.turn == Turn::First) {
                let Some(one) = set.get(entry.phone) else { continue };
                let place = match (&one.before, one.change) {
                    (None, _) => &mut self.made,
                    (Some(_), Change::Some) => &mut self.changed,
                    (Some(_), Change::None) => continue,
                };
                if place.len() < MAX_SAMPLED {
                    place.push(sampled(one, row, columns));
                }
            }
        }
    }
}

fn hash(mark: &Mark) -> u64 {
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    hasher.finish()
}

fn sampled(one: &Touched, row: &Taken, columns: &[Column]) -> Sampled {
    let old = one.before.as_ref().map(|contact| contact.fields.as_slice()).unwrap_or_default();
    let changed = one.fields.iter().filter(|(key, value)| get(old, key) != Some(value));
    let fields = changed.map(|(key, value)| FieldDiff {
        field: name_of(key, columns),
        before: get(old, key).map(str::to_owned),
        after: value.clone(),
        in_file: get(&row.recased, key).filter(|_| get(&row.fields, key) == Some(value)).map(str::to_owned),
    });
    Sampled {
        row: row.row,
        phone: one.phone.to_string(),
        name: display_name(&one.fields, one.phone),
        fields: fields.collect(),
        joined: one.before.as_ref().is_some_and(|contact| contact.person.is_none()) && one.owner.is_some(),
    }
}

/// The name of a field of the file.
fn name_of(key: &str, columns: &[Column]) -> String {
    let named = columns.iter().find_map(|column| match &column.meaning {
        Meaning::Field { key: known, name } if known == key => Some(name.clone()),
        _ => None,
    });
    named.unwrap_or_else(|| key.to_owned())
}
