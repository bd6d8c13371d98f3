//! Each carrier's own calls, over HTTP, at the address that it was given: its replies and its news, and nobody else's.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use carrier::Simulator;
use carrier::simulator::{Behaviour, Reaction};
use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use engine::Clock;
use engine::enrolling::EnrollRequest;
use engine::numbers::{NewNumber, NumberChange, NumberState};

use crate::exchange::{Exchange, Habits, dialect};
use crate::registered::register;
use crate::site::Site;

const OURS: &str = "+13055550177";

async fn arrives(site: &Site, call: &dialect::Call) -> u16 {
    let path = call.url.strip_prefix("https://texts.example.com").unwrap();
    let mut request = Request::builder().method(call.method).uri(path);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    site.send(request.body(Body::from(call.body.clone())).unwrap()).await.status
}

#[tokio::test]
async fn each_carrier_tells_of_a_text_and_of_its_reply_by_calls_of_its_own() {
    for kind in dialect::KINDS {
        println!("with {}", kind.name());
        let simulator = Arc::new(Simulator::new(Behaviour::default(), 1).unwrap());
        let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
        let exchange = Exchange::open(Arc::clone(&simulator), clock.clone(), Habits::default()).await;
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
