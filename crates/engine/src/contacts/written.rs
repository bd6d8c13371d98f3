//! Field changes as people write them, resolved to keys and clean values before anything is saved.

use std::collections::BTreeSet;

use store::Tx;

use super::fields::{self, FieldError, MAX_CUSTOM_FIELDS, MAX_FIELDS};
use super::{ContactError, put};
use crate::beat::Beat;
use crate::failure::Failure;

/// Field changes, resolved.
#[derive(Debug, Default)]
pub(super) struct Changes {
    values: Vec<(String, Option<String>)>,
    /// The keys that get a value, with the names that they were given under.
    pub(super) names: Vec<(String, String)>,
}

/// Resolves names and cleans values. A blank value takes the field away, as none does.
pub(super) fn resolved<'g>(given: impl Iterator<Item = (&'g str, Option<&'g str>)>) -> Result<Changes, FieldError> {
    let mut changes = Changes::default();
    let mut seen = BTreeSet::new();
    for (name, raw) in given {
        let key = fields::key_of(name)?;
        if !seen.insert(key.clone()) {
            return Err(FieldError::Twice { name: name.to_owned() });
        }
        if seen.len() > MAX_FIELDS {
            return Err(FieldError::TooMany);
        }
        let value = raw.map_or(Ok(None), |raw| fields::value(&key, name, raw))?;
        if value.is_some() {
            changes.names.push((key.clone(), name.trim().to_owned()));
        }
        changes.values.push((key, value));
    }
    Ok(changes)
}

/// Carries changes out.
pub(super) fn change(fields: &mut Vec<(String, String)>, changes: Changes) -> Result<(), FieldError> {
    changes.values.into_iter().for_each(|(key, value)| put(fields, &key, value));
    if fields.len() > MAX_FIELDS { Err(FieldError::TooMany) } else { Ok(()) }
}

/// Adds those of these fields (key and name) that the workspace does not have yet.
pub(crate) fn add_custom(tx: &mut Tx<'_>, beat: &Beat, names: &[(String, String)]) -> Result<(), ContactError> {
    if names.iter().all(|(key, _)| fields::is_standard(key)) {
        return Ok(());
    }
    let custom = store::contacts::custom_fields(tx, beat.workspace).map_err(Failure::from)?;
    for (key, name) in missing(&custom, names)? {
        store::contacts::add_custom_field(tx, beat.workspace, key, name, beat.now)?;
    }
    Ok(())
}

/// Those of these fields (key and name) that are neither standard nor among the workspace's own, if it has room for all of them.
pub(crate) fn missing<'n>(
    custom: &[(String, String)],
    names: &'n [(String, String)],
) -> Result<Vec<&'n (String, String)>, ContactError> {
    let is_missing = |key: &str| !fields::is_standard(key) && !custom.iter().any(|(known, _)| known == key);
    let missing: Vec<_> = names.iter().filter(|(key, _)| is_missing(key)).collect();
    match missing.get(MAX_CUSTOM_FIELDS.saturating_sub(custom.len())) {
        Some((_, name)) => Err(ContactError::TooManyCustomFields { name: name.clone() }),
        None => Ok(missing),
    }
}
