//! Makes the calls, each at its time, over connections that stay open, as a carrier's fleet does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::exchange::dialect::Call;

/// Connections at once.
const CONNECTIONS: usize = 64;

/// How long each call waited for its answer, counted from when it was due.
pub(crate) async fn make(address: SocketAddr, calls: &[Call], rate: usize) -> Vec<Duration> {
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(calls.iter().map(request).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..CONNECTIONS {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        workers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(nth) else { return times };
                let due = begun + Duration::from_secs_f64(nth as f64 / rate as f64);
                tokio::time::sleep_until(due.into()).await;
                stream.write_all(request).await.unwrap();
                taken(&mut stream).await;
                times.push(due.elapsed());
            }
        }));
    }
    let mut all = Vec::with_capacity(calls.len());
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    all
}

fn request(call: &Call) -> Vec<u8> {
    let path = call.url.strip_prefix("https://texts.example.com").unwrap();
    let mut head =
        format!("POST {path} HTTP/1.1\r\nhost: texts.example.com\r\ncontent-length: {}\r\n", call.body.len());
    for (name, value) in &call.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{}", call.body).into_bytes()
}

/// Reads the answer, which has no body.
async fn taken(stream: &mut TcpStream) {
    let (mut answer, mut chunk) = (Vec::new(), [0; 1_024]);
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the server closed the connection");
        answer.extend_from_slice(&chunk[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 204"), "{}", String::from_utf8_lossy(&answer));
}
