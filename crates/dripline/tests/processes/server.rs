//! One `dripline serve` process, and calls of its API over a connection each.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use store::testing::TestDatabase;

/// Longer than any answer takes, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dripline");

/// The address of a PostgreSQL database as the command line takes it: an address shows itself without its user.
pub(crate) fn address_of(database: &TestDatabase) -> String {
    let server = std::env::var("DRIPLINE_TEST_POSTGRES").unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    let shown = database.address.to_string();
    let (_, name) = shown.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// A server that runs. It is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Held open, so that the process can go on writing.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a demo, whose clock can be pushed, and waits until it answers.
    pub(crate) fn start(database: &str, data: &Path) -> Self {
        Self::start_by(&mut Command::new(PROGRAM), database, data)
    }

    /// The same, by a command that runs the program with the arguments that follow.
    pub(crate) fn start_by(command: &mut Command, database: &str, data: &Path) -> Self {
        command
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--log-level", "error"])
            .args(["--database", database])
            .arg("--data")
            .arg(data)
            .env_clear();
        Self::spawn(command)
    }

    /// Starts whatever serves by this command, and waits until it says where.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (mut said, mut line) = (String::new(), String::new());
        let address = loop {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the server said {said:?}");
            if let Some((_, address)) = line.trim().split_once("http://") {
                break address.parse().unwrap();
            }
            said.push_str(&line);
        };
        Self { child, address, _output: output }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it while others still speak to it; [`Server::kill`] ends it for good.
    pub(crate) fn kill_now(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// Its number among the processes.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager does, and waits until it has; whether it then said that all is well.
    pub(crate) fn stop(mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }

    /// Whoever calls it with a key.
    pub(crate) fn client(&self, key: &str) -> Client {
        Client { address: self.address, key: key.to_owned(), bears_outages: false }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A signed-in browser at a server: what it knows outlives the process.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    cookies: Vec<(String, String)>,
}

/// What a page was answered with.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl Browser {
    /// Signs in.
    pub(crate) fn sign_in(server: &Server, (email, password): (&str, &str)) -> Self {
        let mut browser = Self::default();
        let form = format!("email={email}&password={}", password.replace(' ', "+"));
        let answer = browser.post(server, "/sign-in", &form).unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    pub(crate) fn get(&mut self, server: &Server, path: &str) -> io::Result<Page> {
        self.ask(server.address, "GET", path, "text/plain", "")
    }

    pub(crate) fn post(&mut self, server: &Server, path: &str, form: &str) -> io::Result<Page> {
        self.ask(server.address, "POST", path, "application/x-www-form-urlencoded", form)
    }

    /// Sends a file, as the field `file` of a form.
    pub(crate) fn upload(&mut self, server: &Server, path: &str, csv: &str) -> io::Result<Page> {
        let head = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"leads.csv\"\r\n\
            Content-Type: text/csv\r\n\r\n";
        let body = format!("{head}{csv}\r\n--cut--\r\n");
        self.ask(server.address, "POST", path, "multipart/form-data; boundary=cut", &body)
    }

    /// By HTTP/1.0, so that the answer comes in one piece and the connection ends with it.
    fn ask(&mut self, address: SocketAddr, method: &str, path: &str, kind: &str, body: &str) -> io::Result<Page> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {address}\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            cookies.join("; "),
            body.len()
        );
        stream.write_all((head + body).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, text) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut page = Page { status: 0, location: String::new(), text: text.to_owned() };
        page.status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "content-length" if value != text.len().to_string() => return Err(io::ErrorKind::UnexpectedEof.into()),
                "location" => value.clone_into(&mut page.location),
                "set-cookie" => self.keep(value),
                _ => {}
            }
        }
        Ok(page)
    }

    fn keep(&mut self, cookie: &str) {
        let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
        self.cookies.retain(|(known, _)| known != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }
}

/// Calls a server. An error means that there was no whole answer: nobody knows what became of the request.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    key: String,
    bears_outages: bool,
}

impl Client {
    /// The database may be away: that the server says so is an error, as if there had been no answer.
    pub(crate) fn bearing_outages(self) -> Self {
        Self { bears_outages: true, ..self }
    }

    pub(crate) fn get(&self, path: &str) -> io::Result<Value> {
        self.call("GET", path, None, "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> io::Result<Value> {
        self.call("POST", path, None, &body.to_string())
    }

    /// The same key again gets the first answer.
    pub(crate) fn post_once(&self, path: &str, key: &str, body: &Value) -> io::Result<Value> {
        self.call("POST", path, Some(key), &body.to_string())
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> io::Result<Value> {
        self.call("PUT", path, None, &body.to_string())
    }

    /// Pushes the clock; answers the seconds since 1970 that it then shows.
    pub(crate) fn push(&self, seconds: i64) -> io::Result<i64> {
        Ok(seconds_of(&self.post("/simulator/clock", &json!({ "seconds": seconds }))?))
    }

    /// What the clock shows.
    pub(crate) fn clock(&self) -> io::Result<i64> {
        Ok(seconds_of(&self.get("/simulator/clock")?))
    }

    /// Lets the simulated carrier take so long for each answer.
    pub(crate) fn slow_the_carrier_down(&self, latency_ms: u64) {
        let mut behaviour = self.get("/simulator/behaviour").unwrap();
        behaviour["latency_ms"] = latency_ms.into();
        self.put("/simulator/behaviour", &behaviour).unwrap();
    }

    fn call(&self, method: &str, path: &str, once: Option<&str>, body: &str) -> io::Result<Value> {
        let once = once.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
        let headers = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n{once}", self.key);
        let (head, body) = self.ask(method, &format!("/api/v1{path}"), &headers, body)?;
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length != Some(body.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.bears_outages && head.starts_with("HTTP/1.1 5") {
            return Err(io::Error::other(format!("{head}\r\n\r\n{body}")));
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path} was answered {head}\r\n\r\n{body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Makes a carrier's call, whose headers stand as they are sent, and gives its answer's first line.
    pub(crate) fn call_hook(&self, path: &str, headers: &str, body: &str) -> io::Result<String> {
        let (head, _) = self.ask("POST", path, headers, body)?;
        Ok(head.lines().next().unwrap_or_default().to_owned())
    }

    /// Head and body of the answer.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<(String, String)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        stream.write_all((head + body).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok((head.to_owned(), body.to_owned()))
    }
}

fn seconds_of(clock: &Value) -> i64 {
    let now: jiff::Timestamp = clock["now"].as_str().unwrap().parse().unwrap();
    now.as_second()
}
