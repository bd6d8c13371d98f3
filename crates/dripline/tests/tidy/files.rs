//! The files of the repository as the rules see them: a path from its root, and a text.
//!
//! Git says which files count (tracked, or new and not ignored), so build output never does.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file.
pub(crate) struct File {
    /// From the root of the repository, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// A sample for the tests of the rules.
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file is compiled for tests only.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Whether it is this very file, or lies in the folder named with a slash at its end.
    pub(crate) fn is_one_of(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || (place.ends_with('/') && self.path.starts_with(place)))
    }

    /// A fault at a line (from 0) of this file.
    pub(crate) fn fault(&self, line: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, line + 1)
    }
}

/// The root of the repository. Cargo and nextest both tell the crate's folder when a test runs.
pub(crate) fn root() -> PathBuf {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo tells the crate's folder");
    Path::new(&folder).join("../..").canonicalize().expect("the crate lies in crates/")
}

/// Every text file of the repository; those that are not UTF-8 (pictures) are left out.
pub(crate) fn tracked() -> Vec<File> {
    let root = root();
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let read = |path: &str| Some(File::sample(path, &std::fs::read_to_string(root.join(path)).ok()?));
    let files: Vec<File> = names.split_terminator('\0').filter_map(read).collect();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "the list of files is not that of the repository");
    files
}
