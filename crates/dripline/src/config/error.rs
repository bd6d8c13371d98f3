//! Why the configuration is refused. Each error names its place; none repeats a value.

use std::io;
use std::path::PathBuf;

use super::setting::{Kind, Origin};

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing, a folder, not text, or not ours to read.
    #[error("the configuration file {} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{}, line {line}, column {column}: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// What the parser says; it quotes nothing of the file.
        message: String,
    },
    /// There is no such setting.
    #[error("{}, line {line}, column {column}: there is no setting {key:?}; {hint}", .path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// The name as it was written.
        key: String,
        /// The nearest setting, or all of them.
        hint: String,
    },
    /// The value is of another kind than its setting takes.
    #[error("{}, line {line}, column {column}: {key} takes {kind}", .path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// The setting.
        key: &'static str,
        /// What it takes.
        kind: Kind,
    },
    /// The value is not what its setting takes.
    #[error("{key} (from {origin}) {reason}")]
    Value {
        /// The setting.
        key: &'static str,
        /// Where the value was read.
        origin: Origin,
        /// What it must be.
        reason: &'static str,
    },
    /// A variable that is no text.
    #[error("the environment variable {0} is not valid UTF-8")]
    NotUtf8(String),
}
