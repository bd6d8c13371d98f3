//! The uploaded files, in a folder of the data folder: never held in memory, named by their import alone.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use domain::ids::ImportId;
use engine::Failure;
use engine::import::{self, ImportError};
use engine::imports;
use futures_util::stream;
use jiff::SignedDuration;
use tokio::fs::DirEntry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::problem::{Code, Problem};
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// For how long a file is kept after its upload.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// For how long rejected rows are kept after it: they are of people.
const REJECTED_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How much of a file is sent in one piece, in bytes.
const PIECE: usize = 64 * 1024;

/// A file that is still being uploaded; gone if it is never kept.
pub(in crate::web) struct Draft {
    file: tokio::fs::File,
    path: tempfile::TempPath,
    bytes: u64,
}

impl Draft {
    pub(in crate::web) async fn new(folder: &Path) -> io::Result<Self> {
        tokio::fs::create_dir_all(folder).await?;
        let (file, path) = tempfile::NamedTempFile::new_in(folder)?.into_parts();
        Ok(Self { file: tokio::fs::File::from_std(file), path, bytes: 0 })
    }

    pub(in crate::web) async fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).await
    }

    pub(in crate::web) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A workbook as its rows: what is kept is read at each look, and unpacked this once.
    pub(super) async fn unpacked(mut self, folder: &Path) -> Result<Self, ImportError> {
        self.file.flush().await.map_err(ImportError::Read)?;
        let (path, folder) = (self.path.to_path_buf(), folder.to_owned());
        let done = tokio::task::spawn_blocking(move || unpack(&path, &folder)).await;
        let Some((file, path, bytes)) = done.map_err(|_| ImportError::Ending)?? else { return Ok(self) };
        Ok(Self { file: tokio::fs::File::from_std(file), path, bytes })
    }

    /// The file itself, from its beginning; its name is gone with the draft.
    pub(in crate::web) async fn reopen(mut self) -> io::Result<File> {
        self.file.flush().await?;
        File::open(&self.path)
    }

    /// Keeps it as the file of an import.
    pub(super) async fn keep(mut self, folder: &Path, import: ImportId) -> io::Result<()> {
        self.file.flush().await?;
        self.path.persist(file(folder, import)).map_err(|error| error.error)
    }
}

/// The rows of a workbook in a file of their own, and how many bytes they are; nothing for what is no workbook.
fn unpack(path: &Path, folder: &Path) -> Result<Option<(File, tempfile::TempPath, u64)>, ImportError> {
    let Some(mut rows) = import::unpacked(File::open(path).map_err(ImportError::Read)?)? else { return Ok(None) };
    let (mut file, path) = tempfile::NamedTempFile::new_in(folder).map_err(ImportError::Read)?.into_parts();
    let bytes = io::copy(&mut rows, &mut file).map_err(ImportError::Read)?;
    Ok(Some((file, path, bytes)))
}

fn file(folder: &Path, import: ImportId) -> PathBuf {
    folder.join(format!("{import}.csv"))
}

fn rejects_file(folder: &Path, import: ImportId) -> PathBuf {
    folder.join(format!("{import}.rejected.csv"))
}

fn checked_file(folder: &Path, import: ImportId) -> PathBuf {
    folder.join(format!("{import}.checked.csv"))
}

/// The rejected rows of a check, while it runs; gone if they are never kept.
pub(super) struct Rejects(tempfile::TempPath);

impl Rejects {
    /// With where they go.
    pub(super) fn new(folder: &Path) -> Result<(Self, BufWriter<File>), Wrong> {
        let (file, path) = tempfile::NamedTempFile::new_in(folder).map_err(failed)?.into_parts();
        Ok((Self(path), BufWriter::new(file)))
    }

    /// Keeps them beside the file of an import.
    pub(super) fn keep(self, folder: &Path, import: ImportId) -> io::Result<()> {
        self.0.persist(checked_file(folder, import)).map_err(|error| error.error)
    }
}

/// What is said of a file that cannot be written.
pub(in crate::web) fn failed(error: io::Error) -> Wrong {
    Failure::from(store::DbError::Other(Box::new(error))).into()
}

/// The file of an import.
pub(super) fn open(folder: &Path, import: ImportId) -> Result<BufReader<File>, Wrong> {
    let gone = |_| Problem::new(Code::ImportRefused, "the file is no longer there: upload it again");
    Ok(BufReader::new(File::open(file(folder, import)).map_err(gone)?))
}

/// Whether the file of an import is here.
pub(super) fn is_there(folder: &Path, import: ImportId) -> bool {
    file(folder, import).exists()
}

/// Whether the rejected rows of an import are here.
pub(super) fn has_rejects(folder: &Path, import: ImportId) -> bool {
    rejects_file(folder, import).exists()
}

/// Where the rejected rows go.
pub(super) fn rejects(folder: &Path, import: ImportId) -> Result<BufWriter<File>, Wrong> {
    Ok(BufWriter::new(File::create(rejects_file(folder, import)).map_err(failed)?))
}

/// The rejected rows, piece by piece.
pub(super) async fn read_rejects(folder: &Path, import: ImportId) -> Result<Body, Wrong> {
    read(&rejects_file(folder, import)).await
}

/// The rows that a check rejected, piece by piece.
pub(super) async fn read_checked(folder: &Path, import: ImportId) -> Result<Body, Wrong> {
    read(&checked_file(folder, import)).await
}

/// Lets go of what a check rejected: the import tells it anew.
pub(super) async fn forget_checked(folder: &Path, import: ImportId) {
    let _ = tokio::fs::remove_file(checked_file(folder, import)).await;
}

async fn read(path: &Path) -> Result<Body, Wrong> {
    let file = tokio::fs::File::open(path).await;
    let file = file.map_err(|_| Wrong::not_found("the file of rejected rows"))?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let count = file.read(&mut piece).await?;
        piece.truncate(count);
        Ok::<_, io::Error>((count > 0).then(|| (Bytes::from(piece), file)))
    });
    Ok(Body::from_stream(pieces))
}

/// Lets go of what was uploaded more than a day ago and nobody has in hand, and of rows that were rejected more than 30 days ago.
pub(super) async fn sweep(parts: &Parts) -> io::Result<()> {
    let in_hand = parts.engine.imports_in_hand().await.map_err(io::Error::other)?;
    let now = parts.engine.now();
    for entry in here(&parts.uploads).await? {
        let is_old = match owner(&entry) {
            Some((import, kept)) => imports::is_older(import, kept, now) && !in_hand.contains(&import),
            None => is_left_behind(&entry).await,
        };
        // One that cannot go keeps no other; another server may have been faster.
        match if is_old { tokio::fs::remove_file(entry.path()).await } else { Ok(()) } {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(path = %entry.path().display(), %error, "an old file of an import cannot be removed");
            }
            _ => {}
        }
    }
    Ok(())
}

/// The files that are here.
async fn here(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut all = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        all.push(entry);
    }
    Ok(all)
}

/// The import that a file is of, and for how long it is kept.
fn owner(file: &DirEntry) -> Option<(ImportId, SignedDuration)> {
    let name = file.file_name();
    let name = name.to_str()?.strip_suffix(".csv")?;
    let (import, kept) = match name.split_once('.') {
        Some((import, "rejected")) => (import, REJECTED_KEPT),
        Some((import, "checked")) => (import, KEPT),
        Some(_) => return None,
        None => (name, KEPT),
    };
    Some((import.parse().ok()?, kept))
}

/// Whether a draft was left by a server that ended during the upload: nobody has written to it for a day of the machine's own time.
async fn is_left_behind(file: &DirEntry) -> bool {
    let is_draft = file.file_name().to_str().is_some_and(|name| name.starts_with(".tmp"));
    let written = if is_draft { file.metadata().await.and_then(|about| about.modified()).ok() } else { None };
    written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > KEPT.unsigned_abs())
}
