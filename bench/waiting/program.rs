//! What the program itself does: imports a file, starts everybody in it, serves.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use store::{Address, Sql, Store};

use crate::{FILE, Table, customer, memory};

const PROGRAM: &str = env!("CARGO_BIN_EXE_dripline");
/// How long a server has nothing to do before its memory is looked at.
const IDLE: Duration = Duration::from_secs(5);
/// A workflow that waits for three weeks.
const WORKFLOW: &str = "name = \"Later\"
[[steps]]
after_days = 21
text = \"Hi {First Name}, are you still thinking of selling?\"
[[steps]]
after_days = 1
text = \"Any news?\"
[[steps]]
after_days = 1
text = \"Any news?\"
";

/// The pages of a table and of its indexes.
static BYTES: Sql = Sql::Same(
    "SELECT s.tbl_name, d.name, d.pgsize FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
    WHERE d.aggregate = TRUE AND s.tbl_name IN ('enrollments', 'runs', 'transfers', 'events') ORDER BY s.tbl_name, d.name",
);

/// Runs the program on the database in a folder.
fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(words).env_clear().stdin(Stdio::null());
    command.env("DRIPLINE_DATABASE", format!("sqlite:{}", folder.join(FILE).display()));
    command.env("DRIPLINE_DATA", folder).env("DRIPLINE_LOG_LEVEL", "error");
    command
}

fn run(folder: &Path, words: &[&str]) {
    let output = command(folder, words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A file of so many people, each with a phone, a name and a state.
fn file(path: &Path, rows: usize, place: impl Fn(usize) -> usize) {
    let mut text = "First Name,Last Name,Phone,State\n".to_owned();
    for nth in 0..rows {
        let nth = place(nth);
        let last = ["Miller", "Lopez", "Chen", "Okafor", "Smith", "Novak", "Silva"][nth % 7];
        writeln!(text, "Ann{nth},{last},{},NY", customer::phone(nth)).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// Imports a file, each time into a fresh database; then starts everybody in the last one, and weighs what that adds.
pub(crate) fn import(rows: usize, rounds: usize, table: &mut Table) {
    type Order = fn(usize, usize) -> usize;
    let orders: [(&str, Order); 2] =
        [("phones in order", |nth, _| nth), ("phones in no order", |nth, rows| nth * 7_919 % rows)];
    for round in 0..rounds {
        for (order, place) in orders {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("people.csv");
            file(&path, rows, |nth| place(nth, rows));
            run(folder.path(), &["workspace", "create", "Acme Homes", "--zone", "America/New_York"]);
            let begun = Instant::now();
            run(folder.path(), &["contacts", "import", path.to_str().unwrap(), "--no-consent"]);
            table.note(&format!("import of {rows} rows, {order}"), "s", begun.elapsed().as_secs_f64());
            if round + 1 == rounds {
                weigh(folder.path(), rows, order, table);
            }
        }
    }
}

fn weigh(folder: &Path, rows: usize, order: &str, table: &mut Table) {
    let workflow = folder.join("later.toml");
    std::fs::write(&workflow, WORKFLOW).unwrap();
    run(folder, &["number", "add", "+12125550100", "--per-minute", "0"]);
    run(folder, &["credit", "--usd", "1000000", "--note", "for the benchmark"]);
    run(folder, &["workflow", "import", workflow.to_str().unwrap()]);
    let before = bytes(folder);
    run(folder, &["enroll", "--workflow", "Later", "--all", "--yes"]);
    let mut all = [("enrollments", 0.0), ("runs", 0.0), ("transfers", 0.0), ("events", 0.0)];
    for ((of, name, after), (_, _, before)) in bytes(folder).into_iter().zip(before) {
        let each = (after - before) / rows as f64;
        table.note(&format!("{name}, {order}"), "bytes each", each);
        all.iter_mut().filter(|(table, _)| *table == of).for_each(|(_, sum)| *sum += each);
    }
    table.note(&format!("**enrollment with its indexes**, {order}"), "bytes each", all[0].1 + all[1].1);
    let sum = all.iter().map(|(_, sum)| sum).sum();
    table.note(&format!("with its charge and its event, {order}"), "bytes each", sum);
}

/// Table, name and bytes of each of them.
fn bytes(folder: &Path) -> Vec<(String, String, f64)> {
    let store = Store::open_to_read(&Address::file(folder.join(FILE))).unwrap();
    let rows = store.read_blocking(|db| db.query(&BYTES, &[])).unwrap();
    let row = |row: &store::Row| {
        (row.text(0).unwrap().to_owned(), row.text(1).unwrap().to_owned(), row.int(2).unwrap() as f64)
    };
    rows.iter().map(row).collect()
}

/// A server, which is told to stop when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let told = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success());
        self.0.wait().unwrap();
    }
}

/// Starts a server on a database where nothing is due.
pub(crate) fn start(folder: &Path, what: &str, rounds: usize, table: &mut Table) {
    for _ in 0..rounds {
        let begun = Instant::now();
        let mut command = command(folder, &["serve", "--listen", "127.0.0.1:0"]);
        let mut server = Server(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        let mut output = BufReader::new(server.0.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let (_, address) = line.trim().split_once("http://").unwrap();
        let address = address.split_whitespace().next().unwrap();
        assert!(ask(address).starts_with("HTTP/1.1 200"), "it answers and is not ready");
        table.note(&format!("start, {what}"), "s", begun.elapsed().as_secs_f64());
        std::thread::sleep(IDLE);
        let process = server.0.id().to_string();
        table.note(&format!("memory of an idle server, {what}"), "MB", memory::megabytes(&process, "VmRSS"));
    }
}

fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
