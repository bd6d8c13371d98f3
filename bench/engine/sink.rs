//! What every text is posted to: a server that reads a request, counts it and accepts it, and does nothing else. It runs in a
//! process of its own, on one thread, and speaks just enough HTTP/1.1.
//!
//! `POST` to any path is counted and answered as Twilio answers a text that it took; `GET /count` tells how many there were.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The word by which the benchmark's own program becomes the sink.
pub(crate) const WORD: &str = "sink";

/// A running sink.
pub(crate) struct Sink {
    child: Child,
    pub(crate) address: String,
}

impl Sink {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new(program).arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().to_owned() }
    }

    /// How many requests it has taken.
    pub(crate) async fn count(&self) -> u64 {
        let mut stream = TcpStream::connect(self.address.strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(b"GET /count HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.rsplit("\r\n\r\n").next().unwrap().parse().unwrap()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Serves until the process is killed, or whoever started it is gone.
pub(crate) fn serve() {
    std::thread::spawn(|| {
        // Nothing comes; it ends with the other process.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(AtomicU64::new(0));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let taken = Arc::clone(&taken);
            tokio::spawn(async move { talk(stream, &taken).await });
        }
    });
}

/// Answers the requests of one connection, until it ends.
async fn talk(mut stream: TcpStream, taken: &AtomicU64) -> Option<()> {
    let mut asked = Vec::with_capacity(4_096);
    loop {
        while let Some(length) = whole(&asked) {
            if asked.starts_with(b"GET /count") {
                let count = told("200 OK", "text/plain", &taken.load(Ordering::Relaxed).to_string());
                // The connection ends with it.
                return stream.write_all(&count).await.ok();
            }
            let nth = taken.fetch_add(1, Ordering::Relaxed);
            let body = format!(r#"{{"sid":"SM{nth:032x}","num_segments":"1"}}"#);
            asked.drain(..length);
            stream.write_all(&told("201 Created", "application/json", &body)).await.ok()?;
        }
        if stream.read_buf(&mut asked).await.ok()? == 0 {
            return None;
        }
    }
}

fn told(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// How long the first request is, once it is here whole.
fn whole(asked: &[u8]) -> Option<usize> {
    let head = asked.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = std::str::from_utf8(&asked[..head]).unwrap().lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let end = head + length.unwrap_or(0);
    (asked.len() >= end).then_some(end)
}
