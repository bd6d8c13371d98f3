//! An adapter as a program, for judges of others' making (`judges`): its arguments are the carrier, the account's settings and, where that is not
//! the carrier's own, the address to call. Tells what a check of the account says and which numbers it has, hands over each text that it
//! reads as a line of JSON, and tells what became of it, what the carrier says when asked for it and all that is heard over a link, as lines of
//! JSON. Says farewell when its input ends.

#![expect(clippy::unwrap_used, reason = "a tool of the tests")]

use std::sync::Arc;

use carrier::account::{self, Kind, Place};
use carrier::{Carrier, CarrierEvent, Ear, Heard, Http, NotTaken, Outcome, Sought, Submission};
use domain::ids::AttemptId;
use engine::Clock;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

/// Tells what it hears, and takes it.
struct Teller;

impl Ear for Teller {
    fn take<'a>(&'a self, _carrier: &'a str, heard: Heard) -> BoxFuture<'a, Result<(), NotTaken>> {
        Box::pin(async move {
            for event in heard.events {
                match event {
                    CarrierEvent::Inbound(inbound) => println!("{}", json!({ "inbound": inbound })),
                    CarrierEvent::Receipt(receipt) => println!("{}", json!({ "receipt": receipt })),
                }
            }
            heard.strange.iter().for_each(|strange| println!("{}", json!({ "strange": strange.why })));
            Ok(())
        })
    }

    fn now(&self) -> Timestamp {
        Clock::System.now()
    }
}

/// A text to hand over.
#[derive(Deserialize)]
struct Text {
    attempt: i64,
    from: String,
    to: String,
    body: String,
}

fn main() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve());
}

async fn serve() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, settings, base @ ..] = &arguments[..] else { panic!("usage: adapter CARRIER SETTINGS [ADDRESS]") };
    let kind = Kind::from_word(kind).expect("a carrier");
    let base = base.first().map(String::as_str).or_else(|| kind.base()).unwrap_or_default().to_owned();
    let place = Place { base, callbacks: "https://texts.example.com/hooks/car_1/secret".to_owned() };
    let settings = serde_json::from_str(settings).unwrap();
    let carrier = account::open(kind, settings, "car_1".to_owned(), place, Http::new().unwrap()).unwrap();
    let (check, numbers) = (carrier.check().await, carrier.numbers().await);
    println!("{}", json!({ "check": format!("{check:?}"), "numbers": format!("{numbers:?}") }));
    carrier.attach(Arc::new(Teller));
    let (told, mut texts) = mpsc::unbounded_channel::<Text>();
    std::thread::spawn(move || {
        std::io::stdin().lines().try_for_each(|line| told.send(serde_json::from_str(&line.unwrap()).unwrap()))
    });
    let mut under_way = tokio::task::JoinSet::new();
    while let Some(text) = texts.recv().await {
        under_way.spawn(hand_over(Arc::clone(&carrier), text));
    }
    under_way.join_all().await;
    carrier.detach().await;
}

/// Hands a text over and tells what became of it.
async fn hand_over(carrier: Arc<dyn Carrier>, text: Text) {
    let Text { attempt, from, to, body } = text;
    let submitted_at = Clock::System.now();
    let deliver_by = submitted_at + domain::deadline::LONGEST;
    let submission = Submission { attempt: AttemptId(attempt), from, to, body, segments: 1, deliver_by };
    let said = match carrier.submit(&submission, submitted_at).await {
        Outcome::Accepted { carrier_id, segments } => {
            json!({ "outcome": "accepted", "id": carrier_id, "segments": segments })
        }
        Outcome::Temporary { code, .. } => json!({ "outcome": "temporary", "code": code }),
        Outcome::Permanent { code, .. } => json!({ "outcome": "permanent", "code": code }),
        Outcome::InDoubt { reason } => json!({ "outcome": "in doubt", "reason": reason }),
        other => json!({ "outcome": format!("{other:?}") }),
    };
    let found = carrier.find(&Sought { submission, submitted_at }, Clock::System.now()).await;
    println!("{}", json!({ "attempt": attempt, "said": said, "found": format!("{found:?}") }));
}
