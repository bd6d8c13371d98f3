//! The same texts through the same adapter and the same client, as many at once as the engine has, and no database at all.

use std::sync::Arc;
use std::time::Instant;

use carrier::account::{self, Kind, Place};
use carrier::{Http, Outcome, Submission};
use domain::ids::AttemptId;
use engine::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use crate::customer;
use crate::place::TYPED;
use crate::sink::Sink;

/// As many as one account may have with a carrier at once (`engine/src/slots.rs`).
const AT_ONCE: usize = 264;

/// Texts a second.
pub(crate) async fn run(sink: &Sink, texts: usize) -> f64 {
    let settings =
        serde_json::Value::Object(TYPED.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect());
    let place = Place { base: sink.address.clone(), callbacks: "https://texts.example.com/hooks/1/2".to_owned() };
    let carrier = account::open(Kind::Twilio, settings, "1".to_owned(), place, Http::new().unwrap()).unwrap();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let before = sink.count().await;
    let begun = Instant::now();
    let now = Clock::System.now();
    for nth in 0..texts {
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let carrier = Arc::clone(&carrier);
        tokio::spawn(async move {
            let outcome = carrier.submit(&submission(nth, now), now).await;
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
            drop(slot);
        });
    }
    drop(slots.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap());
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(sink.count().await - before, texts as u64);
    texts as f64 / seconds
}

fn submission(nth: usize, now: Timestamp) -> Submission {
    Submission {
        attempt: AttemptId(i64::try_from(nth).unwrap()),
        from: "+18335550100".to_owned(),
        to: customer::phone(nth),
        body: format!("Hi Ann{nth}, are you still thinking of selling?"),
        segments: 1,
        deliver_by: now + SignedDuration::from_hours(4),
    }
}
