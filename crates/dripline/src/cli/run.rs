//! What commands share that work with files and with the engine: a runtime, and faults that name the file.

use std::io;
use std::path::{Path, PathBuf};

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

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
