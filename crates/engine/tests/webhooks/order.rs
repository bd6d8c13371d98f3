//! What is told, how it is signed, what fails and in which order it goes.

use domain::webhook::DeliveryState;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::webhooks::house::{Call, House, on_both, opened, outfit};

const NOTES: &[&str] = &["note.added"];

/// What a secret signs of a call.
fn signed(secret: &str, call: &Call) -> String {
    Webhook::new(secret).unwrap().sign(&call.id, call.seconds, call.text.as_bytes()).unwrap()
}

#[test]
fn what_happens_is_told_once_signed_and_with_prefixed_identifiers() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, secret) = house.endpoint(NOTES).await;
        let event = house.happens(contact).await;
        house.contact(2).await;
        assert_eq!(house.post().await, 1, "only what it wants");
        assert_eq!(house.post().await, 0, "it was delivered");
        let call = house.sink.fresh().remove(0);
        assert_eq!((call.id.as_str(), call.kind.as_str()), (event.as_str(), "note.added"));
        assert_eq!(call.seconds, house.engine.now().as_second());
        assert_eq!(call.signature, signed(&secret, &call));
        let body: Value = serde_json::from_str(&call.text).unwrap();
        assert_eq!((&body["type"], &body["timestamp"]), (&json!("note.added"), &json!("2026-11-24T15:00:00Z")));
        assert_eq!((&body["data"]["id"], &body["data"]["contact"]), (&json!(event), &json!(contact.to_string())));
        let logged = house.delivery(webhook, &event).await;
        assert_eq!((logged.state, logged.tries, logged.status), (DeliveryState::Delivered, 1, Some(204)));
    });
}

#[test]
fn an_endpoint_without_a_choice_is_told_everything() {
    on_both(async |house| {
        house.endpoint(&[]).await;
        let contact = house.contact(1).await;
        house.happens(contact).await;
        house.post().await;
        let mut kinds: Vec<_> = house.sink.calls().into_iter().map(|call| call.kind).collect();
        kinds.sort();
        assert_eq!(kinds, ["contact.created", "note.added", "webhook.added"]);
    });
}

#[test]
fn what_a_contact_does_later_waits_behind_what_failed_and_others_go_on() {
    on_both(async |house| {
        let (ann, bob) = (house.contact(1).await, house.contact(2).await);
        let (webhook, _) = house.endpoint(NOTES).await;
        let down = ann.to_string();
        house.sink.answers(move |call| if call.contact == down { 503 } else { 200 });
        let (mut of_ann, mut of_bob) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            of_ann.push(house.happens(ann).await);
            of_bob.push(house.happens(bob).await);
        }
        assert_eq!(house.post().await, 5, "one try for Ann, and all of Bob");
        assert_eq!(house.sink.taken(bob), of_bob);
        assert_eq!(house.delivery(webhook, &of_ann[0]).await.status, Some(503));
        assert_eq!(house.delivery(webhook, &of_ann[1]).await.due_at, None, "it waits behind");
        // More of Ann while she waits; more of Bob goes at once.
        of_ann.push(house.happens(ann).await);
        of_bob.push(house.happens(bob).await);
        assert_eq!(house.post().await, 1);
        house.wait(6);
        assert_eq!(house.post().await, 1, "the second try of the first");
        house.sink.answers(|_| 200);
        assert_eq!(house.post().await, 0, "five minutes have to pass");
        house.wait(331);
        house.post().await;
        assert_eq!(house.sink.taken(ann), of_ann, "in the order in which it happened");
        assert_eq!(house.sink.taken(bob), of_bob);
        assert_eq!(house.count(webhook, DeliveryState::Delivered).await, of_ann.len() + of_bob.len());
    });
}

#[test]
fn what_fails_for_three_days_is_given_up_and_what_waits_behind_it_goes_on() {
    on_both(async |house| {
        let (ann, bob) = (house.contact(1).await, house.contact(2).await);
        let (webhook, _) = house.endpoint(NOTES).await;
        let first = house.happens(ann).await;
        let poison = first.clone();
        house.sink.answers(move |call| if call.id == poison { 0 } else { 200 });
        let second = house.happens(ann).await;
        let mut tried = Vec::new();
        loop {
            house.post().await;
            tried.extend(house.sink.fresh().into_iter().filter(|call| call.id == first).map(|call| call.seconds));
            let now = house.delivery(webhook, &first).await;
            let Some(due) = now.due_at else { break };
            assert_eq!(house.delivery(webhook, &second).await.tries, 0, "it waits behind");
            assert!(house.engine.clock().move_to(due));
            // Somebody else is heard of, so that the endpoint has not failed altogether.
            house.happens(bob).await;
        }
        let waits: Vec<_> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (wait, least) in waits.iter().zip([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]) {
            assert!((least..=least + least / 10 + 1).contains(wait), "{waits:?}");
        }
        assert_eq!(tried.len(), 10, "{waits:?}");
        let given_up = house.delivery(webhook, &first).await;
        assert_eq!((given_up.state, given_up.tries, given_up.status), (DeliveryState::Failed, 10, None));
        house.post().await;
        assert_eq!(house.delivery(webhook, &second).await.state, DeliveryState::Delivered);
        let webhook = house.engine.webhook(&house.actor, webhook).await.unwrap();
        assert_eq!((webhook.state.word(), webhook.failing_since), ("on", None));
        // Bob's nine and what waited; nine tries that are made again, and the last.
        let counted = house.engine.counts().webhooks;
        assert_eq!(counted, [("delivered", 10), ("again", 9), ("failed", 1), ("gone", 0)]);
    });
}

#[test]
fn both_secrets_sign_for_a_day_after_a_rotation() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, old) = house.endpoint(NOTES).await;
        let new = house.engine.rotate_webhook(&house.actor, webhook).await.unwrap();
        assert_ne!(new, old);
        let told = async || {
            house.happens(contact).await;
            house.post().await;
            house.sink.fresh().pop().unwrap()
        };
        let call = told().await;
        assert_eq!(call.signature, format!("{} {}", signed(&new, &call), signed(&old, &call)));
        house.wait(24 * 3_600 - 1);
        let call = told().await;
        assert!(call.signature.ends_with(&signed(&old, &call)));
        house.wait(1);
        let call = told().await;
        assert_eq!(call.signature, signed(&new, &call));
        assert_eq!(house.events("webhook.rotated").await.len(), 1);
    });
}

#[test]
fn a_name_that_leads_into_our_own_network_is_told_in_the_log_and_nothing_is_sent() {
    on_both(async |house| {
        let engine = opened(&house.store, house.engine.clock().clone(), Some(outfit("10.0.0.0/8"))).await;
        let actor = House::workspace(&engine, "Inside").await;
        let port = house.sink.url.rsplit(':').next().unwrap();
        let url = format!("https://localhost:{port}");
        let (webhook, _) = engine.add_webhook(&actor, &url, "", &[]).await.unwrap();
        engine.post_due_webhooks().await.unwrap();
        let log = engine.webhook_log(&actor, webhook.id, None, None, 10).await.unwrap();
        assert_eq!((log[0].state, log[0].status), (DeliveryState::Pending, None));
        assert!(log[0].said.as_deref().unwrap().contains("a loopback address"), "{log:?}");
        assert!(house.sink.calls().is_empty());
        let refused = engine.add_webhook(&actor, "https://169.254.169.254/latest", "", &[]).await.unwrap_err();
        assert!(std::error::Error::source(&refused).unwrap().to_string().contains("link-local"), "{refused}");
    });
}
