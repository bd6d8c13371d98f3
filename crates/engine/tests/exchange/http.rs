//! One end of HTTP/1.1, written by hand so that it can also behave badly.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn query(&self, name: &str) -> &str {
        find(&self.query, name)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// The value of a pair; empty if there is none.
pub(crate) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// An answer in full.
#[derive(Debug, Clone)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Says {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let kind = ("content-type", "application/json".to_owned());
        Self { status, headers: vec![kind], body: body.to_string() }
    }

    /// What stands before a carrier and knows nothing of texts.
    pub(crate) fn page(status: u16) -> Self {
        let kind = ("content-type", "text/html".to_owned());
        Self { status, headers: vec![kind], body: format!("<html><h1>{status}</h1></html>") }
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// What happens on the connection.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// As it should be.
    Whole(Says),
    /// Byte by byte, as a slow line brings it.
    Drips(Says),
    /// In full, and the connection is gone without a word about it.
    ThenGone(Says),
    /// Half of it.
    Breaks(Says),
    /// None: the connection is closed.
    Drops,
}

/// Whoever answers.
pub(crate) type Desk = Arc<dyn Fn(Asked) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Serves for as long as the runtime lives.
pub(crate) fn serve(listener: TcpListener, desk: Desk) {
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move {
                // A client that goes away is no trouble of ours.
                let _ = connection(stream, desk).await;
            });
        }
    });
}

async fn connection(mut stream: TcpStream, desk: Desk) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut rest = Vec::new();
    while let Some(asked) = read(&mut stream, &mut rest).await? {
        let stays = match desk(asked).await {
            Answer::Whole(says) => stream.write_all(&bytes(&says)).await.map(|()| true)?,
            Answer::Drips(says) => {
                for piece in bytes(&says).chunks(7) {
                    stream.write_all(piece).await?;
                    tokio::task::yield_now().await;
                }
                true
            }
            Answer::ThenGone(says) => stream.write_all(&bytes(&says)).await.map(|()| false)?,
            Answer::Breaks(says) => {
                let whole = bytes(&says);
                stream.write_all(&whole[..whole.len() - says.body.len().div_ceil(2)]).await.map(|()| false)?
            }
            Answer::Drops => false,
        };
        if !stays {
            return Ok(());
        }
    }
    Ok(())
}

fn bytes(says: &Says) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Said\r\ncontent-length: {}\r\n", says.status, says.body.len());
    for (name, value) in &says.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", says.body.as_bytes()].concat()
}

/// The next request; nothing when the client has left. What came too much stays for the next.
async fn read(stream: &mut TcpStream, rest: &mut Vec<u8>) -> std::io::Result<Option<Asked>> {
    loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let headers: Vec<(String, String)> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect();
            let length = find(&headers, "content-length").parse().unwrap_or(0);
            if rest.len() >= end + 4 + length {
                let body = rest[end + 4..end + 4 + length].to_vec();
                rest.drain(..end + 4 + length);
                return Ok(Some(request(&head, headers, body)));
            }
        }
        let mut chunk = [0; 8192];
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        rest.extend_from_slice(&chunk[..count]);
    }
}

fn request(head: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Asked {
    let mut line = head.lines().next().unwrap_or_default().split(' ');
    let method = line.next().unwrap_or_default().to_owned();
    let target = line.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    Asked { method, path: path.to_owned(), query, headers, body }
}
