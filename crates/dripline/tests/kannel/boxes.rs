//! Kannel's two boxes, started for one test and killed at its end.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc;

/// Kannel, which sends to an SMSC and takes texts at `sendsms`.
pub(crate) struct Kannel {
    boxes: Vec<Child>,
    folder: tempfile::TempDir,
    pub(crate) sendsms: u16,
}

/// Longest silence of a box that starts.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port that nobody has just now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn program(name: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!("{name} is missing: these tests need Kannel; run `scripts/need kannel` (Debian: apt-get install kannel)")
    })
}

impl Kannel {
    /// Starts both boxes. `lines` are the account's own, as its page shows them.
    pub(crate) async fn start(smsc: u16, lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (admin, inner, sendsms) = (free_port(), free_port(), free_port());
        let (service, smsbox) = lines.split_once("# In the group smsbox:\n").unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = secret
smsbox-port = {inner}
smsbox-interface = 127.0.0.1
box-deny-ip = \"*.*.*.*\"
box-allow-ip = \"127.0.0.1\"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = test
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = {user}
smsc-password = {password}
system-type = \"\"
reconnect-delay = 1
msg-id-type = 0x00

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
{smsbox}
group = sendsms-user
username = dripline
password = \"{sender}\"
concatenation = true
max-messages = 10

{service}
",
            user = crate::smsc::SYSTEM_ID,
            password = crate::smsc::PASSWORD,
            sender = crate::house::GATEWAY_PASSWORD,
        );
        std::fs::write(at("kannel.conf"), config.replace("http-queue-delay = 10", "http-queue-delay = 1")).unwrap();
        let mut kannel = Self { boxes: Vec::new(), folder, sendsms };
        kannel.run("bearerbox", "Start-up done").await;
        kannel.run("smsbox", "Connected to bearerbox").await;
        kannel
    }

    /// Starts a box and waits until it says that it is there.
    async fn run(&mut self, name: &str, ready: &'static str) {
        let mut command = Command::new(program(name));
        command.arg("-v").arg("0").arg(self.folder.path().join("kannel.conf")).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        self.boxes.push(child);
        let (tell, mut told) = mpsc::unbounded_channel();
        let (name, log) = (name.to_owned(), self.folder.path().join(format!("{name}.log")));
        std::thread::spawn(move || {
            use std::io::Write as _;
            let mut log = std::fs::File::create(log).unwrap();
            for line in lines.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let _ = writeln!(log, "{line}");
                let _ = tell.send(line);
            }
        });
        let mut said = Vec::new();
        while let Ok(Some(line)) = tokio::time::timeout(PATIENCE, told.recv()).await {
            if line.contains(ready) {
                return;
            }
            said.push(line);
        }
        panic!("{name} was never ready:\n{}", said.join("\n"));
    }

    /// What a box wrote.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Kannel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["bearerbox", "smsbox"] {
                eprintln!("== {name}\n{}", self.log(name));
            }
        }
        for child in self.boxes.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
