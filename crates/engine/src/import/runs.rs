//! The imports that run in this process. However long one of them does not move (a slow source, a clock that was pushed on), it has not lost
//! its process, and whoever looks for those that have passes it over.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::ImportId;

/// The imports that run here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<HashSet<ImportId>>>);

/// One that runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    runs: Runs,
    import: ImportId,
}

impl Runs {
    /// An import begins to run here.
    pub(super) fn begin(&self, import: ImportId) -> Running {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(import);
        Running { runs: self.clone(), import }
    }

    /// Whether an import runs here.
    pub(crate) fn has(&self, import: ImportId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&import)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.runs.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.import);
    }
}
