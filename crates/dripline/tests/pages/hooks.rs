//! Each carrier's own calls, over HTTP, at the address that it was given: its replies and its news, and nobody else's.

use std::sync::{Arc, Mutex, mpsc};

use axum::body::Body;
use axum::http::Request;
use carrier::Simulator;
use carrier::simulator::{Behaviour, Reaction};
use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use engine::Clock;
use engine::carriers::Kind;
use engine::enrolling::EnrollRequest;
use engine::numbers::{NewNumber, NumberChange, NumberState};
use futures_util::FutureExt as _;
use store::{DbError, Lane, Sql};

use crate::exchange::{Exchange, Habits, dialect};
use crate::registered::register;
use crate::site::{Answer, Customer, Site};

const OURS: &str = "+13055550177";
/// Half of them come before the flood.
const REPLIES: usize = 40;

static INBOUND: Sql = Sql::Same(
    "SELECT CAST(COUNT(message_id) AS BIGINT) FROM messages
    WHERE workspace_id = $1 AND kind = 'inbound'
    GROUP BY contact_id",
);

/// A site whose customer sends over this carrier.
struct Over {
    site: Site,
    customer: Customer,
    exchange: Exchange,
}

impl Over {
    async fn found(kind: Kind) -> Self {
        let simulator = Arc::new(Simulator::new(Behaviour::default(), 1).unwrap());
        let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
        let exchange = Exchange::open(simulator, clock.clone(), Habits::default()).await;
        let site = Site::over(kind, &exchange.address, clock);
        let customer = site.customer("Ours", "+12125550100").await;
        let (engine, operator) = (&site.parts.engine, &customer.operator);
        let simulated = engine.numbers(operator).await.unwrap()[0].id;
        let paused = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
        engine.change_number(operator, simulated, paused).await.unwrap();
        let account = exchange.account(kind, &[OURS]);
        let typed = dialect::of(kind).typed(&account);
        let typed = typed.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let added = engine.add_carrier(operator, kind.word(), "Ours", typed).await.unwrap();
        exchange.call_at(&account, &added.callbacks);
        let number = NewNumber { phone: OURS.to_owned(), carrier: added.id.to_string(), per_minute: 0, per_day: 0 };
        let number = engine.add_number(operator, number).await.unwrap();
        register(engine, operator, number.id).await;
        Self { site, customer, exchange }
    }
}

async fn arrives(site: &Site, call: &dialect::Call) -> u16 {
    answer(site, call).await.status
}

async fn answer(site: &Site, call: &dialect::Call) -> Answer {
    let path = call.url.strip_prefix("https://texts.example.com").unwrap();
    let mut request = Request::builder().method(call.method).uri(path);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    site.send(request.body(Body::from(call.body.clone())).unwrap()).await
}

#[tokio::test]
async fn each_carrier_tells_of_a_text_and_of_its_reply_by_calls_of_its_own() {
    for kind in dialect::KINDS {
        println!("with {}", kind.name());
        let Over { site, customer, exchange } = Over::found(kind).await;
        let (engine, operator, simulator) = (&site.parts.engine, &customer.operator, &exchange.simulator);
        let contact = customer.contacts[0];
        let phone = engine.contact(operator, contact).await.unwrap().phone;
        simulator.script(&phone, vec![Reaction::delivered().reply("Yes please", 0)]);
        let workflow = engine.workflows(operator).await.unwrap()[0].workflow.id;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let enrolled = engine.enroll(operator, request).await.unwrap().enrollment;
        engine.round().await.unwrap();
        let events = simulator.due_events(engine.now());
        assert_eq!(events.len(), 3, "the text went out over {}", kind.name());
        let state = async || engine.enrollment(operator, enrolled).await.unwrap().state;
        for event in &events {
            let (account, call) = exchange.call(event);
            // Kannel takes no other answer for one.
            let heard = if call.method == "GET" { 200 } else { 204 };
            assert_eq!(arrives(&site, &exchange.call_of(&account.stranger(), event)).await, 403, "{call:?}");
            assert_eq!(arrives(&site, &call).await, heard, "{call:?}");
            assert_eq!(arrives(&site, &call).await, heard, "{call:?}");
        }
        assert_eq!(state().await, EnrollmentState::Stopped(StopReason::Replied));
        let thread = site.person(&customer, Role::Admin).await.get(&format!("/messenger/{contact}")).await.good();
        assert!(thread.has("Yes please") && thread.text.to_lowercase().contains("delivered"));
        let shown = engine.carrier_accounts(operator).await.unwrap().remove(0);
        assert_eq!((shown.refused, shown.heard_at), (3, Some(engine.now())));
    }
}

/// A transaction that takes its time, until what is answered is dropped.
async fn hold_up(store: &store::Store) -> (mpsc::Sender<()>, impl Future<Output = Result<(), DbError>> + use<>) {
    let (began, has_begun) = mpsc::channel();
    let (gate, shut) = mpsc::channel::<()>();
    let shut = Mutex::new(shut);
    let busy = store.write::<_, DbError, _>(Lane::Normal, move |_| {
        began.send(()).unwrap();
        let _ = shut.lock().unwrap().recv();
        Ok(())
    });
    has_begun.recv().unwrap();
    (gate, busy)
}

#[tokio::test]
async fn heavy_calls_in_hand_have_an_end_and_one_more_is_told_to_come_again() {
    let Over { site, customer, exchange } = Over::found(Kind::Twilio).await;
    let (site, engine, now) = (&site, &site.parts.engine, site.parts.engine.now());
    let reply = |nth: usize| {
        let event = exchange.simulator.reply(&format!("+1305{:07}", 6_000_000 + nth), OURS, "Who is this?", now);
        exchange.call(&event.unwrap()).1
    };
    let (gate, busy) = hold_up(engine.store()).await;
    let mut in_hand = Vec::new();
    let told = loop {
        let call = reply(in_hand.len());
        let mut one = Box::pin(async move { answer(site, &call).await });
        match (&mut one).now_or_never() {
            Some(told) => break told,
            None => in_hand.push(one),
        }
        assert!(in_hand.len() < 100_000, "calls in hand have no end");
    };
    assert_eq!((told.status, told.header("retry-after")), (503, "5"));
    assert!(in_hand.len() > 1_000, "only {} calls were taken", in_hand.len());
    drop(gate);
    busy.await.unwrap();
    let count = in_hand.len();
    for one in in_hand {
        assert_eq!(one.await.status, 204);
    }
    assert_eq!(arrives(site, &reply(count)).await, 204, "it comes again");
    let workspace = customer.workspace;
    let stored = engine.store().read::<_, DbError, _>(move |db| db.query(&INBOUND, &[workspace.0.into()]));
    let stored: i64 = stored.await.unwrap().iter().map(|row| row.int(0).unwrap()).sum();
    assert_eq!(usize::try_from(stored).unwrap(), count + 1, "each reply once");
}

#[tokio::test]
async fn heavy_a_call_that_finds_the_line_full_is_told_to_come_again_and_what_was_taken_is_kept() {
    let Over { site, customer, exchange } = Over::found(Kind::Twilio).await;
    let (engine, now) = (&site.parts.engine, site.parts.engine.now());
    let replies: Vec<_> = (0..REPLIES)
        .map(|nth| exchange.simulator.reply(&format!("+1305666{nth:04}"), OURS, "Who is this?", now).unwrap())
        .map(|event| exchange.call(&event).1)
        .collect();
    let (early, late) = replies.split_at(REPLIES / 2);
    let (gate, busy) = hold_up(engine.store()).await;
    let mut waiting: Vec<_> = early.iter().map(|call| Box::pin(answer(&site, call))).collect();
    for call in &mut waiting {
        assert!(call.now_or_never().is_none(), "answered before it was stored");
    }
    let mut flood = Vec::new();
    let limit = loop {
        let mut one = Box::pin(engine.store().write::<_, DbError, _>(Lane::Inbound, |_| Ok(())));
        match (&mut one).now_or_never() {
            None => flood.push(one),
            Some(Err(DbError::Overloaded { limit })) => break limit,
            Some(other) => panic!("{other:?}"),
        }
        assert!(flood.len() < 1_000_000, "the line has no end");
    };
    assert_eq!(flood.len() + early.len(), limit, "every call waits in the line");
    for call in late {
        let told = answer(&site, call).await;
        assert_eq!((told.status, told.header("retry-after")), (503, "5"));
    }
    drop(gate);
    busy.await.unwrap();
    for call in waiting {
        assert_eq!(call.await.status, 204);
    }
    for one in flood {
        one.await.unwrap();
    }
    for call in &replies {
        assert_eq!(arrives(&site, call).await, 204, "it comes again");
    }
    let workspace = customer.workspace;
    let stored = engine.store().read::<_, DbError, _>(move |db| db.query(&INBOUND, &[workspace.0.into()]));
    let stored: Vec<i64> = stored.await.unwrap().iter().map(|row| row.int(0).unwrap()).collect();
    assert_eq!(stored, vec![1; REPLIES], "each reply once");
}
