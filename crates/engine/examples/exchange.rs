//! The tests' telephone exchange as a program, for the carriers' official clients (`judges`): an account with one number at each of
//! the five carriers. Tells where it is and what to sign in with as one line of JSON; then, for every line that it reads, the calls
//! that the carriers have to make by then. Ends with its input.

#![expect(clippy::unwrap_used, reason = "a tool of the tests")]

#[path = "../tests/exchange/mod.rs"]
mod exchange;

use std::sync::Arc;

use carrier::Simulator;
use carrier::simulator::{Behaviour, Replies};
use engine::Clock;
use exchange::{Exchange, Habits, dialect};
use serde_json::json;
use tokio::sync::mpsc;

fn main() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve());
}

async fn serve() {
    // Whoever is texted answers at once.
    let behaviour = Behaviour { replies: Replies { rate: 1.0, ..Replies::default() }, ..Behaviour::default() };
    let simulator = Arc::new(Simulator::new(behaviour, 1).unwrap());
    let exchange = Exchange::open(Arc::clone(&simulator), Clock::System, Habits::default()).await;
    let mut accounts = serde_json::Map::new();
    for kind in dialect::FIRMS {
        let number = format!("+1212555010{}", accounts.len());
        let account = exchange.account(kind, &[&number]);
        let callbacks = format!("https://texts.example.com/hooks/car_{}/secret", kind.word());
        exchange.call_at(&account, &callbacks);
        let typed: serde_json::Map<_, _> =
            dialect::of(kind).typed(&account).into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        accounts.insert(kind.word().to_owned(), json!({ "number": number, "callbacks": callbacks, "typed": typed }));
    }
    println!("{}", json!({ "address": exchange.address, "accounts": accounts }));
    let (asked, mut asks) = mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().try_for_each(|line| asked.send(line.unwrap())));
    while asks.recv().await.is_some() {
        let calls: Vec<_> = simulator
            .due_events(Clock::System.now())
            .iter()
            .map(|event| {
                let (account, call) = exchange.call(event);
                let headers: serde_json::Map<_, _> =
                    call.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
                json!({ "carrier": account.kind.word(), "url": call.url, "headers": headers, "body": call.body })
            })
            .collect();
        println!("{}", json!(calls));
    }
}
