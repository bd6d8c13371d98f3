//! The configuration file: TOML with the settings as its keys, and nothing else.
//!
//! The parser's own report shows the line, which may hold a password; so only its message and its
//! place are used.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::{Spanned, Value};

use super::error::ConfigError;
use super::setting::{Kind, Origin, SETTINGS, Setting};

/// What a file sets.
#[derive(Default)]
pub(super) struct File {
    path: PathBuf,
    /// The text and line of each setting that is set.
    lines: BTreeMap<&'static str, (String, usize)>,
}

impl File {
    pub(super) fn read(path: PathBuf) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(path, &text),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }

    pub(super) fn parse(path: PathBuf, text: &str) -> Result<Self, ConfigError> {
        let table: BTreeMap<Spanned<String>, Spanned<Value>> =
            toml::from_str(text).map_err(|error| syntax(&path, text, &error))?;
        let mut lines = BTreeMap::new();
        for (key, value) in table {
            let setting = SETTINGS.iter().find(|setting| setting.key == key.get_ref());
            let setting = setting.ok_or_else(|| unknown(&path, text, &key))?;
            let (line, column) = place(text, &value.span());
            let value = written(setting, value.into_inner()).ok_or_else(|| ConfigError::WrongKind {
                path: path.clone(),
                line,
                column,
                key: setting.key,
                kind: setting.kind,
            })?;
            lines.insert(setting.key, (value, line));
        }
        Ok(Self { path, lines })
    }

    pub(super) fn get(&self, key: &str) -> Option<(String, Origin)> {
        let (text, line) = self.lines.get(key)?;
        Some((text.clone(), Origin::File { path: self.path.clone(), line: *line }))
    }
}

/// The value as a flag would write it, if it is of the setting's kind.
fn written(setting: &Setting, value: Value) -> Option<String> {
    match (setting.kind, value) {
        (Kind::Text | Kind::Secret, Value::String(text)) => Some(text),
        (Kind::Number, Value::Integer(number)) => Some(number.to_string()),
        (Kind::Flag, Value::Boolean(flag)) => Some(flag.to_string()),
        _ => None,
    }
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let (line, column) = place(text, &error.span().unwrap_or_default());
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    ConfigError::Syntax { path: path.into(), line, column, message }
}

fn unknown(path: &Path, text: &str, key: &Spanned<String>) -> ConfigError {
    let (line, column) = place(text, &key.span());
    // A whole name may be a password that slipped into the wrong place; names of settings are short.
    let name: String = key.get_ref().chars().take(40).collect();
    let alike = |setting: &&Setting| {
        let (key, name) = (setting.key.replace('_', ""), name.to_lowercase().replace(['-', '_'], ""));
        name.len() > 2 && (key.contains(&name) || name.contains(&key))
    };
    let hint = SETTINGS.iter().find(alike).map_or_else(
        || format!("there are {}", SETTINGS.each_ref().map(|setting| setting.key).join(", ")),
        |setting| format!("did you mean {}?", setting.key),
    );
    ConfigError::UnknownKey { path: path.into(), line, column, key: name, hint }
}

/// The line and the character of a place in the text, both from 1.
fn place(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
