//! A carrier's end of the line on loopback: takes requests, remembers them byte for byte, and answers as it is told, or badly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status with a body.
    Says(u16, String),
    /// A status with a body and one more header.
    SaysWith(u16, &'static str, String),
    /// The request is read, and the connection closed.
    Drops,
    /// A promise of a body that does not come.
    Breaks(u16),
    /// The connection is closed before the request is read.
    Hangs,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// `POST /path?query`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Taken {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body as a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// The desk.
pub(crate) struct Desk {
    /// Its address, `http://127.0.0.1:port`.
    pub(crate) address: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Desk {
    /// Opens; the answers are given in their order, the last one again and again.
    pub(crate) async fn open(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&taken);
        tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let answer = if answers.len() > 1 { answers.next() } else { answers.peek().cloned() };
                serve(stream, answer.unwrap(), &requests).await;
            }
        });
        Self { address, taken }
    }

    /// An address where nobody listens.
    pub(crate) async fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    /// What was asked so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, taken: &Mutex<Vec<Taken>>) {
    if matches!(answer, Answer::Hangs) {
        return;
    }
    let Some(request) = read(&mut stream).await else { return };
    taken.lock().unwrap().push(request);
    let (status, header, body, length) = match answer {
        Answer::Says(status, body) => (status, "x-none: 0", body.clone(), body.len()),
        Answer::SaysWith(status, header, body) => (status, header, body.clone(), body.len()),
        Answer::Breaks(status) => (status, "x-none: 0", "{".to_owned(), 100),
        Answer::Drops | Answer::Hangs => return,
    };
    let text =
        format!("HTTP/1.1 {status} X\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
    // The client reads to the end before the socket goes.
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut [0])).await;
}

async fn read(stream: &mut TcpStream) -> Option<Taken> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok()?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
            let headers: Vec<_> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                return Some(Taken { line, headers, body: body.to_owned() });
            }
        }
        if count == 0 {
            return None;
        }
    }
}
