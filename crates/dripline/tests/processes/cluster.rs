//! PostgreSQL servers of a test's own, which it may break: `scripts/postgres-server` does the work.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A server in a folder; gone when it is dropped.
pub(crate) struct Cluster {
    home: TempDir,
}

impl Cluster {
    /// A server that runs.
    pub(crate) fn make() -> Self {
        let cluster = Self::nothing();
        cluster.run(&["make"], &[]);
        cluster
    }

    /// A replica of another server.
    pub(crate) fn replica_of(other: &Self) -> Self {
        let cluster = Self::nothing();
        cluster.follow(other);
        cluster
    }

    fn nothing() -> Self {
        // The path of a socket has to be short.
        Self { home: tempfile::Builder::new().prefix("dripline-own.").tempdir_in("/tmp").unwrap() }
    }

    fn run(&self, before: &[&str], after: &[&Path]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres-server");
        let done = Command::new(script).args(before).arg(self.home.path()).args(after).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "scripts/postgres-server {before:?} failed: {said}");
    }

    /// Ends it at once: whatever it was doing is cut off.
    pub(crate) fn crash(&self) {
        self.run(&["crash"], &[]);
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        self.run(&["start"], &[]);
    }

    /// Becomes a replica of another server, from the beginning, and that one waits for it from now on.
    pub(crate) fn follow(&self, other: &Self) {
        self.run(&["replica"], &[other.home.path()]);
        other.run(&["together"], &[]);
    }

    /// The replica takes over.
    pub(crate) fn promote(&self) {
        self.run(&["promote"], &[]);
    }

    /// Its folder as a host of an address.
    fn host(&self) -> String {
        self.home.path().display().to_string().replace('/', "%2F")
    }

    /// Its own address.
    pub(crate) fn address(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.host())
    }

    /// The address of whichever of the two can write.
    pub(crate) fn address_with(&self, other: &Self) -> String {
        format!("postgres://postgres@{},{}/postgres?target_session_attrs=read-write", self.host(), other.host())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A folder is there to be removed even if nothing was ever made in it.
        self.run(&["remove"], &[]);
    }
}
