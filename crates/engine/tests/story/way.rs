//! The way to the handsets: the simulator itself, or a carrier's API in front of it, over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use carrier::account::Kind;
use carrier::simulator::{Backlog, Behaviour, Delay, Faults, Receipts, Replies, ReplyText};
use carrier::{Capabilities, Carrier, CarrierEvent, Finding, Http, Outcome, Simulator, Sought, StopAnswer, Submission};
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::{Actor, Carriers, Clock, Engine};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::exchange::{Exchange, Habits};
use crate::story::texts;

/// Seconds until a text can be found.
const SEARCH_LAG_SECONDS: u32 = 300;

/// What the carrier was handed and what it answered: its own record.
pub(crate) struct Recorder {
    inner: Arc<Simulator>,
    handed: Mutex<Vec<(Submission, Outcome)>>,
}

impl Carrier for Recorder {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = self.inner.submit(submission, now).await;
            self.handed.lock().unwrap().push((submission.clone(), outcome.clone()));
            outcome
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.inner.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// The way.
#[derive(Clone)]
pub(crate) enum Way {
    Straight(Arc<Recorder>),
    Over(Kind, Exchange),
}

impl Way {
    pub(crate) async fn lay(kind: Option<Kind>, simulator: &Arc<Simulator>, clock: &Clock) -> Self {
        let Some(kind) = kind else {
            let (inner, handed) = (Arc::clone(simulator), Mutex::default());
            return Self::Straight(Arc::new(Recorder { inner, handed }));
        };
        let habits = Habits {
            // Over SMPP it counts what it was handed.
            fewer_segments: if kind == Kind::Smpp { 0 } else { 10 },
            search_fails: 30,
            search_lag_seconds: SEARCH_LAG_SECONDS.into(),
            early: 4,
            forged: 10,
            rough: 20,
            made_at: None,
        };
        let mut exchange = Exchange::open(Arc::clone(simulator), clock.clone(), habits).await;
        if kind == Kind::Smpp {
            exchange.also_smpp().await;
        }
        Self::Over(kind, exchange)
    }

    /// An engine that knows no other way.
    pub(crate) fn engine(&self, store: store::Store, clock: Clock) -> Engine {
        match self {
            Self::Straight(recorder) => {
                let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(recorder) as Arc<dyn Carrier>)]);
                Engine::open(store, clock, carriers).unwrap()
            }
            Self::Over(kind, exchange) => {
                let outfit = Outfit {
                    keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
                    http: Http::new().unwrap(),
                    poster: Poster::new("none".parse().unwrap()).unwrap(),
                    public_url: "https://texts.example.com".to_owned(),
                    reach: "127.0.0.1".parse().unwrap(),
                    bases: BTreeMap::from([(*kind, exchange.address.clone())]),
                };
                Engine::open_with(store, clock, Carriers::new(), Some(outfit)).unwrap()
            }
        }
    }

    /// The carrier of a customer's numbers: with an account, where it takes one.
    pub(crate) async fn carrier(&self, engine: &Engine, actor: &Actor, numbers: &[&str]) -> String {
        let Self::Over(kind, exchange) = self else { return "simulator".to_owned() };
        let account = exchange.account(*kind, numbers);
        exchange.serve(&account, engine, actor.workspace());
        let typed = crate::exchange::dialect::typed(&account);
        let typed = typed.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let added = engine.add_carrier(actor, kind.word(), "Ours", typed).await.unwrap();
        exchange.call_at(&account, &added.callbacks);
        added.id.to_string()
    }

    /// Waits for the links that are being made anew.
    pub(crate) async fn linked(&self) {
        if let Self::Over(_, exchange) = self {
            exchange.linked().await;
        }
    }

    /// What was handed over, and what the answer to it had to mean.
    pub(crate) fn handed(&self) -> Vec<(Submission, Outcome)> {
        match self {
            Self::Straight(recorder) => recorder.handed.lock().unwrap().clone(),
            Self::Over(_, exchange) => exchange.handed(),
        }
    }

    /// Tells an event to the engine.
    pub(crate) async fn tell(&self, engine: &Engine, event: &CarrierEvent) {
        match self {
            Self::Straight(_) => drop(engine.receive("simulator", event.clone()).await.unwrap()),
            Self::Over(_, exchange) => drop(exchange.tell(engine, event).await),
        }
    }

    /// How many segments the carrier's news said that the text of this attempt has, if it does not say so in its answer.
    pub(crate) fn counted(&self, attempt: i64) -> Option<u32> {
        match self {
            Self::Straight(_) => None,
            Self::Over(_, exchange) => exchange.counted(attempt),
        }
    }

    /// What this carrier never answers to a submission.
    pub(crate) fn unsaid(kind: Option<Kind>) -> &'static [&'static str] {
        match kind {
            Some(Kind::Bandwidth | Kind::Plivo | Kind::Gateway) => &["permanent", "opted out"],
            Some(Kind::Vonage | Kind::Smpp) => &["opted out"],
            _ => &[],
        }
    }
}

/// Every fault, each as often as it takes to meet every other.
pub(crate) fn behaviour(kind: Option<Kind>) -> Behaviour {
    let hours = |min: u64, max: u64| Delay { min_ms: min * 3_600_000, max_ms: max * 3_600_000 };
    let said = |word: &str, rate: f64| if Way::unsaid(kind).contains(&word) { 0.0 } else { rate };
    // What is never said at once is said in the news instead.
    let told = |word: &str, rate: f64| if Way::unsaid(kind).contains(&word) { 0.15 } else { rate };
    Behaviour {
        faults: Faults {
            temporary: 0.06,
            throttled: 0.03,
            permanent: said("permanent", 0.008),
            opted_out: said("opted out", 0.006),
            sender_problem: 0.004,
            rejected: 0.004,
            lost_after: 0.03,
            lost_before: 0.03,
            find_unavailable: 0.3,
            // The exchange counts by itself.
            fewer_segments: if kind.is_none() { 0.1 } else { 0.0 },
            retry_after_seconds: 400,
        },
        backlog: Backlog { rate: 0.06, delay: hours(0, 7) },
        receipts: Receipts {
            delay: hours(0, 8),
            missing: 0.3,
            doubled: 0.1,
            out_of_order: 0.15,
            failed: 0.06,
            recovered: 0.4,
            bad_number: told("permanent", 0.006),
            opted_out: told("opted out", 0.004),
        },
        replies: Replies {
            rate: 0.14,
            delay: hours(0, 90),
            texts: texts::SAYINGS
                .iter()
                .map(|(body, weight, _)| ReplyText { body: (*body).to_owned(), weight: *weight })
                .collect(),
            doubled: 0.2,
        },
        find_lag_ms: u64::from(SEARCH_LAG_SECONDS) * 1_000,
        // Plivo's block comes by a receipt, and is drawn there.
        stop_answer: match kind {
            Some(Kind::Twilio | Kind::Telnyx) => StopAnswer::Carrier,
            _ => StopAnswer::Ours,
        },
        ..Behaviour::default()
    }
}
