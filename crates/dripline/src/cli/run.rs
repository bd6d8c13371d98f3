//! What commands share that work with files and with the engine: a runtime, bars of progress, faults that
//! name the file.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use engine::workflow_file::{self, Places};
use engine::workflows::WorkflowInput;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::{Builder, Runtime};

use super::Stop;

/// Something is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileFault {
    /// It cannot be read or written.
    #[error("{} cannot be used", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It would be overwritten.
    #[error("{} exists already: name a new file, or move that one away", path.display())]
    Exists { path: PathBuf },
    /// Its content is not what it must be: all faults, each with its place.
    #[error("{}: {list}", path.display())]
    Content { path: PathBuf, list: String },
}

impl FileFault {
    pub(crate) fn stop(path: &Path, source: io::Error) -> Stop {
        Stop::failed(Self::Io { path: path.to_owned(), source })
    }

    pub(crate) fn listed(path: &Path, faults: &[impl ToString]) -> Stop {
        let list = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
        Stop::failed(Self::Content { path: path.to_owned(), list })
    }
}

/// A new file to write; one that is there is never overwritten.
pub(crate) fn new_file(path: &Path) -> Result<File, Stop> {
    File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Stop::failed(FileFault::Exists { path: path.to_owned() }),
        _ => FileFault::stop(path, error),
    })
}

/// The workflow of a file, with the places of its parts.
pub(crate) fn workflow(path: &Path) -> Result<(WorkflowInput, Places), Stop> {
    // One byte more tells a file that is too large, and no more of it is ever read.
    let limit = u64::try_from(workflow_file::MAX_FILE_BYTES).unwrap_or(u64::MAX) + 1;
    let mut source = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut source));
    read.map_err(|error| FileFault::stop(path, error))?;
    workflow_file::read_bytes(&source).map_err(|errors| FileFault::listed(path, &errors))
}

pub(crate) fn runtime() -> Result<Runtime, Stop> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Stop> {
    Ok(runtime()?.block_on(work))
}

/// Work whose end is not known. Nothing is drawn where standard error is no terminal.
pub(crate) fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(styled("{spinner} {msg}", ProgressStyle::default_spinner));
    bar
}

/// Work of so many parts. Nothing is drawn where standard error is no terminal.
pub(crate) fn bar(parts: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(parts);
    bar.set_style(styled(template, ProgressStyle::default_bar));
    bar
}

fn styled(template: &str, fallback: fn() -> ProgressStyle) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| fallback())
}
