//! Sends what is due, until the last text is at the sink and its answer is settled.

use std::time::{Duration, Instant};

use engine::Engine;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::sink::Sink;

/// Texts a second.
pub(crate) async fn drain(engine: &Engine, sink: &Sink, texts: usize) -> f64 {
    let (before, settled) = (sink.count().await, accepted(engine));
    let (stop, stopped) = watch::channel(false);
    let begun = Instant::now();
    let dispatch = tokio::spawn({
        let engine = engine.clone();
        async move { engine.dispatch(stopped, SignedDuration::from_secs(5)).await }
    });
    while accepted(engine) < settled + texts as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    stop.send_replace(true);
    dispatch.await.unwrap();
    assert_eq!(sink.count().await - before, texts as u64);
    texts as f64 / seconds
}

/// How many texts the carrier has accepted since the engine began, as far as that is settled.
fn accepted(engine: &Engine) -> u64 {
    let counts = engine.counts();
    let (_, count) = counts.answers.iter().find(|(word, _)| *word == "accepted").unwrap();
    *count
}
