//! Two customers: one whose texts have gone out over Twilio's API and whom the carrier has much to tell, one with a backlog.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carrier::simulator::{Behaviour, Receipts, Replies, ReplyText};
use carrier::{CarrierEvent, Simulator};
use dripline::wiring::{self, Parts};
use engine::carriers::{Http, Kind};
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::{Actor, Engine};
use jiff::SignedDuration;
use store::Address;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::customer;
use crate::exchange::dialect::Call;
use crate::exchange::{Exchange, Habits, dialect};

/// Everything.
pub(crate) struct Town {
    pub(crate) parts: Parts,
    pub(crate) database: &'static str,
    exchange: Exchange,
    /// Whose texts have gone out over Twilio's API, and how many.
    told: Option<(Actor, usize)>,
    only_replies: bool,
    _folder: TempDir,
}

impl Town {
    /// Enough texts for so many calls, and a backlog.
    pub(crate) async fn found(calls: usize, backlog: usize, only_replies: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Each text is told as sent and as delivered, and half are answered; or all, with a word that gets no answer of ours, which would
        // be counted among the texts.
        let yes = || vec![ReplyText { body: "Yes, tell me more".to_owned(), weight: 1 }];
        let replies = match only_replies {
            true => Replies { rate: 1.0, texts: yes(), ..Replies::default() },
            false => Replies { rate: 0.5, ..Replies::default() },
        };
        let world = Arc::new(Simulator::new(Behaviour { replies, ..Behaviour::default() }, 1).unwrap());
        let clock = customer::clock();
        let exchange = Exchange::open(world, clock.clone(), Habits::default()).await;
        let outfit = Outfit {
            keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
            http: Http::new().unwrap(),
            poster: Poster::new("none".parse().unwrap()).unwrap(),
            public_url: "https://texts.example.com".to_owned(),
            reach: "localhost".parse().unwrap(),
            bases: BTreeMap::from([(Kind::Twilio, exchange.address.clone())]),
        };
        let (database, address) = match std::env::var("DRIPLINE_TEST_POSTGRES") {
            Ok(address) => ("PostgreSQL", address.parse().unwrap()),
            Err(_) => ("SQLite", Address::file(folder.path().join("acks.db"))),
        };
        let data = folder.path().to_owned();
        // The backlog's carrier tells nothing of its texts: the calls that are timed are all that come in.
        let receipts = Receipts { missing: 1.0, ..Receipts::default() };
        let silent = Behaviour { receipts, ..wiring::quiet_behaviour() };
        let open = move || wiring::open_with(&address, &data, clock, silent, Some(outfit)).unwrap();
        let parts = tokio::task::spawn_blocking(open).await.unwrap();
        let engine = parts.engine.clone();
        tokio::spawn(async move { engine.hold_node(watch::channel(false).1).await });
        let mut town = Self { parts, database, exchange, told: None, only_replies, _folder: folder };
        town.tell_much(if only_replies { calls } else { calls * 2 / 5 } + 500).await;
        let actor = customer::workspace(&town.parts.engine, "Backlog").await;
        fill(&town.parts.engine, &actor, "+13055550100", "simulator", backlog).await;
        println!("{backlog} texts wait");
        town
    }

    /// The customer whose texts go out at once.
    async fn tell_much(&mut self, texts: usize) {
        let engine = &self.parts.engine;
        let ours = "+18335550100";
        let account = self.exchange.account(Kind::Twilio, &[ours]);
        let actor = customer::workspace(engine, "Told").await;
        let typed = dialect::of(Kind::Twilio).typed(&account);
        let typed = typed.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let added = engine.add_carrier(&actor, "twilio", "Ours", typed).await.unwrap();
        self.exchange.call_at(&account, &added.callbacks);
        fill(engine, &actor, ours, &added.id.to_string(), texts).await;
        self.told = Some((actor, texts));
        self.dispatch_during(self.sent(texts)).await;
        println!("{texts} texts have gone out over Twilio's API");
    }

    /// Until so many texts have gone out over Twilio's API.
    async fn sent(&self, texts: usize) {
        while self.exchange.simulator.stats().unwrap().texts < texts as u64 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn dispatch_during(&self, work: impl Future) {
        let (stop, stopped) = watch::channel(false);
        let dispatch = tokio::spawn({
            let engine = self.parts.engine.clone();
            async move { engine.dispatch(stopped, SignedDuration::from_secs(5)).await }
        });
        work.await;
        stop.send_replace(true);
        dispatch.await.unwrap();
    }

    /// A day later everybody but those who have replied is sent the next text, and the books are right.
    pub(crate) async fn check_stops(&self, replied: usize) {
        let engine = &self.parts.engine;
        let (actor, texts) = self.told.as_ref().unwrap();
        let due = SignedDuration::from_hours(25);
        engine.clock().move_to(engine.now() + due);
        let last = 2 * texts - replied;
        self.dispatch_during(self.sent(last)).await;
        engine.clock().move_to(engine.now() + due);
        self.dispatch_during(tokio::time::sleep(Duration::from_secs(3))).await;
        let sent = self.exchange.simulator.stats().unwrap().texts;
        assert_eq!(sent, last as u64, "a text went to somebody who had replied");
        let report = engine.verify_ledger(actor.workspace()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        println!("a day later {} texts went to those who had not replied, and none to the others", texts - replied);
    }

    /// The calls that the carrier has to make, in the order of what happened.
    pub(crate) fn calls(&self, count: usize) -> Vec<Call> {
        let mut calls = Vec::with_capacity(count);
        loop {
            let events: Vec<CarrierEvent> = self.exchange.simulator.due_events(self.parts.engine.now());
            if events.is_empty() {
                break;
            }
            let wanted = events.iter().filter(|event| !self.only_replies || matches!(event, CarrierEvent::Inbound(_)));
            calls.extend(wanted.map(|event| self.exchange.call(event).1));
        }
        assert!(calls.len() >= count, "only {} calls are to be made", calls.len());
        calls.truncate(count);
        calls
    }
}

/// Contacts, all in a workflow of two messages, the first of which is due.
async fn fill(engine: &Engine, actor: &Actor, phone: &str, carrier: &str, contacts: usize) {
    customer::number(engine, actor, phone, carrier).await;
    customer::contacts(engine, actor, 0, contacts).await;
    let workflow = customer::workflow(engine, actor, 2).await;
    customer::enroll(engine, actor, workflow).await;
}
