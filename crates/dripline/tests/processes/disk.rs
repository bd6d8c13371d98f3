//! SQLite on a disk that is full, and on one that may not be written. The disk is a file system of the server's own, in a mount namespace:
//! whoever may not make one (a container, a kernel without user namespaces) is told so by a failing test.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use store::{Address, Store};

use crate::outage::struck_alive;
use crate::server::{PROGRAM, Server};
use crate::traffic::{self, wait};

/// Rounds in which the disk is full for a while.
const ROUNDS: usize = 12;
/// Calls that want room before the test gives up: more than fit on the disk.
const CALLS: usize = 2_000;
const FULL: &str = "the disk of the database is full: free some space, nothing that was saved is lost";
const READ_ONLY: &str = "the database is read-only: let this program's user write the file and its folder";

/// Mounts a disk of its own at the first argument with what the second holds, does to it what the third says, and runs the rest on it.
const ON_DISK: &str = r#"set -e; disk=$0; from=$1; then=$2; shift 2
mount -t tmpfs -o size=20m tmpfs "$disk"; cp -R "$from"/. "$disk"/; if [ "$then" = closed ]; then mount -o remount,ro "$disk"; fi; exec "$@""#;

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// A command in a mount namespace of its own.
fn apart() -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--propagation", "private"]);
    command
}

/// Runs what follows on a disk of its own at `disk`, which begins with what `from` holds.
fn on_disk(disk: &Path, from: &Path, then: &str) -> Command {
    let probe = apart().args(["mount", "-t", "tmpfs", "tmpfs"]).arg(disk).output();
    let may = probe.as_ref().is_ok_and(|probe| probe.status.success());
    assert!(
        may,
        "this test needs a file system of its own, and this user may not mount one even in a namespace: run it as root, or \
         on a Linux that lets users make namespaces (kernel.unprivileged_userns_clone = 1, no container in the way): {probe:?}"
    );
    let mut command = apart();
    command.args(["sh", "-c", ON_DISK]).args([disk, from]).args([then, PROGRAM]);
    command
}

/// Fills what is left of the server's disk, to the last byte.
fn fill(disk: &Path) -> PathBuf {
    let ballast = disk.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    for bytes in [65_536, 4_096, 64, 1] {
        while file.write_all(&vec![7; bytes]).is_ok() {}
    }
    ballast
}

#[test]
fn heavy_a_disk_that_is_full_for_a_while_is_said_and_nothing_is_lost_or_done_twice() {
    let (data, from, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let office = traffic::office(&Address::file(from.path().join("full.db")), ROUNDS);
    let log = data.path().join("server.log");
    let mut command = on_disk(disk.path(), from.path(), "open");
    command.stderr(File::create(&log).unwrap());
    let address = Address::file(disk.path().join("full.db")).to_string();
    let server = Server::start_by(&mut command, &address, data.path());
    // The disk as the server sees it.
    let seen = PathBuf::from(format!("/proc/{}/root", server.pid())).join(disk.path().strip_prefix("/").unwrap());
    let client = server.client(&office.key).bearing_outages();
    let kept = struck_alive(&server, &office, data.path(), ROUNDS, |round| {
        let ballast = fill(&seen);
        let wants_room = |nth: usize| {
            let phone = format!("+1305{:03}{nth:04}", 600 + round);
            client.post("/contacts", &json!({ "phone": phone, "fields": { "Notes": "room ".repeat(150) } }))
        };
        let refused = (0..CALLS).map(wants_room).find_map(Result::err);
        assert!(refused.expect("the disk is full").to_string().contains("503"), "round {round}");
        wait(u64::try_from(round).unwrap() * 17 % 90);
        std::fs::remove_file(ballast).unwrap();
    });
    // Nothing moves any more: the disk goes with the server, so the database is taken off it first.
    let copy = tempfile::tempdir().unwrap();
    for name in ["full.db", "full.db-wal"] {
        std::fs::copy(seen.join(name), copy.path().join(name)).unwrap();
    }
    assert!(server.stop(), "the server said that something was wrong");
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains(FULL), "{said}");
    let store = Store::open(&Address::file(copy.path().join("full.db"))).unwrap();
    traffic::check_end(&store, data.path(), &office, &kept, ROUNDS);
}

fn serve(command: &mut Command, database: &Path, data: &Path) -> Output {
    command.args(["serve", "--listen", "127.0.0.1:0", "--database", &Address::file(database).to_string(), "--data"]);
    command.arg(data).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn is_refused(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(READ_ONLY), "{said}");
}

#[test]
fn a_database_on_a_disk_that_may_not_be_written_is_refused_in_words() {
    let (data, from, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(Store::open(&Address::file(from.path().join("closed.db"))).unwrap());
    let mut command = on_disk(disk.path(), from.path(), "closed");
    is_refused(&serve(&mut command, &disk.path().join("closed.db"), data.path()));
}

#[test]
fn a_database_file_that_may_not_be_written_is_refused_in_words() {
    use std::os::unix::fs::PermissionsExt;
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = folder.path().join("closed.db");
    drop(Store::open(&Address::file(&file)).unwrap());
    let allow = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    allow(&file, 0o444);
    // Nothing keeps root from writing: the program runs as somebody else.
    let mut command = if is_root() { Command::new("setpriv") } else { Command::new(PROGRAM) };
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM]);
        for path in [folder.path(), data.path()] {
            allow(path, 0o777);
        }
        let _ = std::fs::remove_file(folder.path().join("closed.db.lock"));
    }
    is_refused(&serve(&mut command, &file, data.path()));
}
