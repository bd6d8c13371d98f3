//! How long a carrier waits for the answer to its call while the same process sends at full: `bench/webhooks` runs it, in a release build.
//!
//! | part | what it does |
//! |---|---|
//! | `town` | a customer whose texts went out over Twilio's API (the tests' exchange speaks it), and one with a backlog that never ends |
//! | `calls` | makes the calls at their times, over real connections, and takes the times of the answers |
//!
//! `DRIPLINE_ACKS_ONLY=replies` makes every call the first reply of another contact, which stops a workflow and brings money back: the answer
//! comes when that is committed. A day later it looks whether any of them was sent its next text.
//!
//! A call's time runs from when it was due, not from when a connection was free, so that a stall counts for all that it holds up.

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is wrong")]
#![expect(clippy::disallowed_methods, reason = "it measures, and decides nothing by it")]

mod calls;
#[path = "../common/customer.rs"]
mod customer;
#[path = "../../crates/engine/tests/exchange/mod.rs"]
mod exchange;
mod town;

use std::time::Duration;

use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::town::Town;

/// What a call may take: all but one in a hundred.
const LIMIT: Duration = Duration::from_millis(100);

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Whether every call is a reply.
fn only_replies() -> bool {
    std::env::var("DRIPLINE_ACKS_ONLY").is_ok_and(|only| only == "replies")
}

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(time_calls());
}

async fn time_calls() {
    let rate = setting("DRIPLINE_ACKS_RATE", 1_000);
    let seconds = setting("DRIPLINE_ACKS_SECONDS", 20);
    let town = Town::found(rate * seconds, setting("DRIPLINE_ACKS_BACKLOG", 150_000), only_replies()).await;
    let calls = town.calls(rate * seconds);
    let (stop, stopped) = watch::channel(false);
    let engine = town.parts.engine.clone();
    let dispatch = tokio::spawn({
        let (engine, stopped) = (engine.clone(), stopped.clone());
        async move { engine.dispatch(stopped, SignedDuration::from_secs(5)).await }
    });
    let pump = tokio::spawn({
        let (engine, simulator) = (engine.clone(), town.parts.simulator.clone());
        async move { engine.pump(&simulator, stopped).await }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = dripline::serve::app(town.parts.clone(), 1024 * 1024, "http://127.0.0.1:8080", None);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let before = town.parts.simulator.stats().unwrap().texts;
    let mut times = calls::make(address, &calls, rate).await;
    let sent = town.parts.simulator.stats().unwrap().texts - before;
    let left = engine.backlog().await.unwrap();
    stop.send_replace(true);
    let _ = tokio::join!(dispatch, pump);
    if only_replies() {
        town.check_stops(calls.len()).await;
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 1_000).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    println!("{} signed calls at {rate} a second on {}", times.len(), town.database);
    println!("p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, most {:.1} ms", at(500), at(990), at(999), at(1_000));
    println!("meanwhile {sent} texts were sent, {} a second; still to send: {left:?}", sent as usize / seconds);
    if times[times.len() * 99 / 100] > LIMIT {
        println!("**over** the limit of {} ms", LIMIT.as_millis());
    }
}
