//! How far the demo's clock is ahead of the machine's, kept in the data folder over restarts.
//!
//! It is written, down to the disk, before each push moves the clock. A process that is killed on the way
//! comes back at the instant that the push was to reach, never before it: what has been sent and what is
//! planned would otherwise lie in the future.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use engine::Clock;
use jiff::SignedDuration;

/// Where it is kept, in the data folder: a duration as ISO 8601 writes it.
const FILE: &str = "demo.clock";

/// The kept lead cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{} does not say how far the demo's clock is ahead: remove it to go on at the real time", path.display())]
pub struct LeadError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The demo's clock, as far ahead as it was when it was pushed last.
pub(crate) fn clock(data: &Path) -> Result<Clock, LeadError> {
    let path = data.join(FILE);
    let by = read(&path).map_err(|source| LeadError { path: path.clone(), source })?;
    let keeper = Keeper { path, kept: Mutex::new(by) };
    Ok(Clock::kept_ahead(by, move |by| {
        // The push goes on: a demo on a full disk still shows what it can.
        if let Err(error) = keeper.keep(by) {
            tracing::error!(%error, path = %keeper.path.display(), "how far the clock is ahead was not kept");
        }
    }))
}

/// Keeps the farthest lead: of pushes at once the shorter one may come last.
struct Keeper {
    path: PathBuf,
    kept: Mutex<SignedDuration>,
}

impl Keeper {
    fn keep(&self, by: SignedDuration) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if by > *kept {
            write(&self.path, by)?;
            *kept = by;
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<SignedDuration> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(SignedDuration::ZERO),
        text => text?,
    };
    let by: SignedDuration = text.trim().parse().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    if by.is_negative() {
        return Err(io::Error::new(ErrorKind::InvalidData, "the clock of the demo is never behind"));
    }
    Ok(by)
}

/// Replaces the file as a whole, so that a crash leaves the old one or the new one.
fn write(path: &Path, by: SignedDuration) -> io::Result<()> {
    let draft = path.with_extension("clock.partial");
    let mut file = File::create(&draft)?;
    file.write_all(format!("{by}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_reads_back_to_the_nanosecond_and_nothing_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(read(&path).unwrap(), SignedDuration::ZERO);
        for by in [SignedDuration::new(31_622_400, 7), SignedDuration::from_micros(1), SignedDuration::ZERO] {
            write(&path, by).unwrap();
            assert_eq!(read(&path).unwrap(), by);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn of_pushes_at_once_the_farthest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper { path: folder.path().join(FILE), kept: Mutex::new(SignedDuration::ZERO) };
        std::thread::scope(|scope| {
            let keeper = &keeper;
            let keep = |hours| scope.spawn(move || keeper.keep(SignedDuration::from_hours(hours)));
            let keeping: Vec<_> = (1..=32).rev().map(keep).collect();
            assert!(keeping.into_iter().all(|keeping| keeping.join().unwrap().is_ok()));
        });
        assert_eq!(read(&keeper.path).unwrap(), SignedDuration::from_hours(32));
    }

    #[test]
    fn a_file_that_says_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for bad in ["", "tomorrow", "-PT5S", "\u{0}"] {
            fs::write(folder.path().join(FILE), bad).unwrap();
            let error = clock(folder.path()).unwrap_err();
            assert!(error.to_string().contains("demo.clock") && error.to_string().contains("remove it"), "{error}");
            assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap(), bad);
        }
    }
}
