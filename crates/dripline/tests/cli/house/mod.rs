//! A folder with a database in which a test plays the operator through the real binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use store::testing::{self, TestDatabase};

use crate::program::{self, Done};

/// Where the commands of a test run and what they work on.
pub(crate) struct House {
    pub(crate) name: &'static str,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) database: String,
    // Its store keeps a server's database alive; SQLite's file is the commands' alone.
    _server: Option<TestDatabase>,
}

/// One on SQLite, in the data folder as by default, and one on PostgreSQL.
pub(crate) fn houses() -> Vec<House> {
    let server = testing::postgres();
    // The test's own address holds no password: it is a socket.
    let base = std::env::var("DRIPLINE_TEST_POSTGRES").unwrap();
    let name = server.address.to_string().rsplit('/').next().unwrap().to_owned();
    let (start, query) = base.split_once('?').map_or((base.as_str(), String::new()), |(a, b)| (a, format!("?{b}")));
    let database = format!("{}/{name}{query}", start.rsplit_once('/').unwrap().0);
    let folder = tempfile::tempdir().unwrap();
    vec![House::sqlite(), House { name: "postgres", folder, database, _server: Some(server) }]
}

impl House {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { name: "sqlite", folder, database: "sqlite:data/dripline.db".to_owned(), _server: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program::command(arguments);
        command.current_dir(self.folder.path()).env("DRIPLINE_DATABASE", &self.database);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code().unwrap(), output: text(output.stdout), errors: text(output.stderr) }
    }

    /// The answer of a command that must do what it is asked.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!((done.code, done.errors.as_str()), (0, ""), "{} {arguments:?}: {}", self.name, done.output);
        done.output
    }

    /// The same as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// The error of a command that must not do what it is asked, with its exit code before it.
    pub(crate) fn error(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.output, "", "{} {arguments:?}", self.name);
        format!("{} {}", done.code, done.errors)
    }

    /// A workspace with a number, money and a workflow of two messages.
    pub(crate) fn furnish(&self) {
        self.text(&["workspace", "create", "Acme Homes", "--zone", "America/New_York", "--credits", "3"]);
        self.text(&["number", "add", "+12125550100"]);
        self.text(&["credit", "--usd", "25", "--note", "invoice 17"]);
        self.write("spring.toml", SPRING);
        self.text(&["workflow", "import", "spring.toml"]);
    }

    /// Starts the server; answers once it listens.
    pub(crate) fn serve(&self, more: &[&str]) -> Served {
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0"], more].concat());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Dripline listens at http://").map(str::to_owned);
        Served { child, address: address.unwrap_or_else(|| panic!("it says {line:?}")) }
    }
}

pub(crate) const SPRING: &str = "name = \"Spring leads\"\n\n[[steps]]\nafter_days = 0\n\
    text = \"Hi {First Name|there}, is {Address} still for sale?\"\n\n[[steps]]\nafter_days = 3\n\
    text = \"\"\"\nJust \\\"checking\\\"\nin.\"\"\"\n";

/// A running server, killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    address: String,
}

impl Served {
    /// Asks the API; answers the status and the document.
    pub(crate) fn ask(&self, key: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (method, body) = body.map_or(("GET", ""), |body| ("POST", body));
        write!(
            stream,
            "{method} /api/v1{path} HTTP/1.1\r\nHost: dripline\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// Asks until the answer fits: the server works by itself meanwhile.
    pub(crate) fn until(&self, key: &str, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..10_000 {
            let (status, answer) = self.ask(key, path, None);
            assert_eq!(status, 200, "{path}: {answer}");
            if fits(&answer) {
                return answer;
            }
        }
        panic!("{path} never fits");
    }

    /// Ends it as a crash does: nothing is tidied up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as an operator does; true if it left in order.
    pub(crate) fn stop(mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        asked.success() && self.child.wait().unwrap().success()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small disk, where the test may mount one.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(crate) fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=24m", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Takes the right to write, even from root.
    pub(crate) fn forbid_writing(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
