//! Fields of a workspace's own: listed with where they are used, added, spelled otherwise, removed.
//!
//! A field is what its name means without case, spaces, underscores and hyphens (`domain::template::key`): values, templates and
//! columns of files are found by that. So a new name that means the same is a matter of spelling, and any other name another field.
//! Removing takes the field from pages and pickers; what contacts have in it stays with them, out of sight, and is seen again
//! when the field is added again. A workflow's text that names it must go first: it could not be rendered.

use std::collections::HashMap;

use domain::access::Permission;
use domain::ids::{WorkflowId, WorkspaceId};
use domain::template::{Template, key};
use serde_json::json;
use store::{DbError, Lane, Read, Tx, contacts, workflows};

use super::fields::{self, FieldError, MAX_CUSTOM_FIELDS};
use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::facts;
use crate::failure::Failure;

/// In how many contacts it is counted how many have a value: the newest ones.
pub const LOOKED_AT: i64 = 1_000;

/// A field of the workspace's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// What its values are kept under.
    pub key: String,
    /// As the workspace writes it.
    pub name: String,
    /// The workflows whose texts name it, in the workspace's order.
    pub used_by: Vec<(WorkflowId, String)>,
    /// How many of the contacts that were looked at have a value.
    pub filled: usize,
}

/// All fields of the workspace's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomFields {
    /// By key.
    pub fields: Vec<CustomField>,
    /// How many contacts were looked at: the newest [`LOOKED_AT`] at most.
    pub looked_at: usize,
}

/// Why a field is not listed, added, renamed or removed.
#[derive(Debug, thiserror::Error)]
pub enum CustomFieldError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The workspace has no such field.
    #[error("there is no such field")]
    Unknown,
    /// No field can have the name.
    #[error(transparent)]
    Name(#[from] FieldError),
    /// Every contact has such a field.
    #[error("every contact has the field {0:?} already")]
    Standard(String),
    /// The workspace has it.
    #[error("there is a field {0:?} already")]
    Taken(String),
    /// The new name means another field.
    #[error(
        "{to:?} would be another field than {from:?}: only the spelling of a name can be changed (case, spaces, hyphens). \
         Add {to:?} as a field of its own, and import the values into it"
    )]
    OtherField {
        /// As it is called.
        from: String,
        /// As it was to be called.
        to: String,
    },
    /// The workspace has as many as it may have.
    #[error("the workspace has {MAX_CUSTOM_FIELDS} fields of its own already; remove one first")]
    TooMany,
    /// Texts of workflows name it.
    #[error("the field {name:?} is used by {}; take it out of their texts first", listed(.workflows))]
    InUse {
        /// Its name.
        name: String,
        /// The names of the workflows.
        workflows: Vec<String>,
    },
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for CustomFieldError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// Names in quotation marks, the first three.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(3).map(|name| format!("{name:?}")).collect();
    let more = names.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

impl Engine {
    /// The fields of the workspace's own, with where they are used.
    ///
    /// # Errors
    /// Forbidden, or the database failed.
    pub async fn custom_fields(&self, actor: &Actor) -> Result<CustomFields, CustomFieldError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let known = contacts::custom_fields(db, workspace)?;
            let mut uses = uses(db, workspace, &known)?;
            let (mut filled, mut looked_at) = (HashMap::<String, usize>::new(), 0);
            contacts::for_each_newest(db, workspace, LOOKED_AT, |_, fields| {
                looked_at += 1;
                for (key, _) in fields {
                    match filled.get_mut(key) {
                        Some(count) => *count += 1,
                        None => drop(filled.insert(key.clone(), 1)),
                    }
                }
            })?;
            let field = |(key, name): (String, String)| CustomField {
                used_by: uses.remove(&key).unwrap_or_default(),
                filled: filled.get(&key).copied().unwrap_or(0),
                key,
                name,
            };
            Ok(CustomFields { fields: known.into_iter().map(field).collect(), looked_at })
        })
        .await
    }

    /// Adds a field, and answers its key.
    ///
    /// # Errors
    /// See [`CustomFieldError`].
    pub async fn add_custom_field(&self, actor: &Actor, name: &str) -> Result<String, CustomFieldError> {
        actor.need(Permission::SettingsWrite)?;
        let (key, name) = named(name)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let known = contacts::custom_fields(tx, beat.workspace)?;
            if let Some((_, taken)) = known.iter().find(|(known, _)| *known == key) {
                return Err(CustomFieldError::Taken(taken.clone()));
            }
            if known.len() >= MAX_CUSTOM_FIELDS {
                return Err(CustomFieldError::TooMany);
            }
            contacts::add_custom_field(tx, beat.workspace, &key, &name, beat.now)?;
            beat.note(tx, "field.added", None, &json!({ "field": key, "name": name }))?;
            Ok(key.clone())
        })
        .await
    }

    /// Spells a field's name otherwise.
    ///
    /// # Errors
    /// See [`CustomFieldError`].
    pub async fn rename_custom_field(&self, actor: &Actor, field: &str, name: &str) -> Result<(), CustomFieldError> {
        actor.need(Permission::SettingsWrite)?;
        let (key, name) = named(name)?;
        let (field, beat) = (field.to_owned(), self.beat(actor));
        self.write(Lane::Normal, move |tx| {
            let from = name_of(tx, &beat, &field)?;
            if key != field {
                return Err(CustomFieldError::OtherField { from, to: name.clone() });
            }
            if from == name {
                return Ok(());
            }
            contacts::rename_custom_field(tx, beat.workspace, &field, &name)?;
            Ok(beat.note(tx, "field.renamed", None, &json!({ "field": field, "from": from, "name": name }))?)
        })
        .await
    }

    /// Removes a field that no workflow uses, and answers its name.
    ///
    /// # Errors
    /// See [`CustomFieldError`].
    pub async fn remove_custom_field(&self, actor: &Actor, field: &str) -> Result<String, CustomFieldError> {
        actor.need(Permission::SettingsWrite)?;
        let (field, beat) = (field.to_owned(), self.beat(actor));
        self.write(Lane::Normal, move |tx| {
            let name = name_of(tx, &beat, &field)?;
            // Deleted first: whoever saves a text that names it either is done, and is seen below, or waits for this.
            contacts::remove_custom_field(tx, beat.workspace, &field)?;
            let mut known = contacts::custom_fields(tx, beat.workspace)?;
            known.push((field.clone(), name.clone()));
            if let Some(used_by) = uses(tx, beat.workspace, &known)?.remove(&field) {
                let workflows = used_by.into_iter().map(|(_, name)| name).collect();
                return Err(CustomFieldError::InUse { name, workflows });
            }
            beat.note(tx, "field.removed", None, &json!({ "field": field, "name": name }))?;
            Ok(name)
        })
        .await
    }
}

/// The key that a name means, and the name as it is kept.
fn named(name: &str) -> Result<(String, String), CustomFieldError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match fields::key_of(&name) {
        Ok(key) if fields::is_standard(&key) => Err(CustomFieldError::Standard(name)),
        Ok(key) => Ok((key, name)),
        Err(FieldError::Phone) => Err(CustomFieldError::Standard(name)),
        Err(error) => Err(error.into()),
    }
}

fn name_of(tx: &Tx<'_>, beat: &Beat, field: &str) -> Result<String, CustomFieldError> {
    let known = contacts::custom_fields(tx, beat.workspace)?;
    let found = known.into_iter().find(|(known, _)| known == field);
    found.map(|(_, name)| name).ok_or(CustomFieldError::Unknown)
}

type Uses = HashMap<String, Vec<(WorkflowId, String)>>;

/// Which workflows name which fields.
fn uses(db: &Read<'_>, workspace: WorkspaceId, known: &[(String, String)]) -> Result<Uses, CustomFieldError> {
    let fields = facts::named(known);
    let mut uses = Uses::new();
    for text in workflows::texts(db, workspace)? {
        let stored = |error| Failure::Stored(format!("a text of {}: {error}", text.workflow));
        for variable in Template::parse(&text.template, &fields).map_err(stored)?.variables() {
            let by = uses.entry(key(&variable.field)).or_default();
            if by.last().is_none_or(|(last, _)| *last != text.workflow) {
                by.push((text.workflow, text.name.clone()));
            }
        }
    }
    Ok(uses)
}
