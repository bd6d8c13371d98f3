//! How endpoints end and begin again: 410, three days of nothing, a user's word; and what is delivered again.

use domain::webhook::DeliveryState;
use engine::webhooks::log::Again;
use engine::webhooks::{Wanted, WebhookChange, WebhookError};
use jiff::SignedDuration;
use serde_json::json;

use crate::webhooks::house::{House, on_both};

const NOTES: &[&str] = &["note.added"];

async fn switch(house: &House, webhook: domain::ids::WebhookId, wanted: Wanted) {
    let change = WebhookChange { on: Some(wanted), ..WebhookChange::default() };
    house.engine.change_webhook(&house.actor, webhook, change).await.unwrap();
}

#[test]
fn an_endpoint_that_is_gone_is_disabled_at_once() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(NOTES).await;
        house.sink.answers(|_| 410);
        let (first, second) = (house.happens(contact).await, house.happens(contact).await);
        assert_eq!(house.post().await, 1);
        assert_eq!(house.delivery(webhook, &first).await.state, DeliveryState::Failed);
        let row = house.engine.webhook(&house.actor, webhook).await.unwrap();
        assert_eq!((row.state.word(), row.stopped_because.as_deref()), ("disabled", Some("gone")));
        assert_eq!(house.events("webhook.disabled").await[0]["reason"], json!("gone"));
        assert_eq!(house.engine.needs(&house.actor).await.unwrap().webhooks, 1);
        house.wait(24 * 3_600);
        house.happens(contact).await;
        assert_eq!(house.post().await, 0, "nothing is delivered, nothing is queued");
        house.sink.answers(|_| 200);
        switch(&house, webhook, Wanted::On).await;
        assert_eq!(house.engine.needs(&house.actor).await.unwrap().webhooks, 0);
        house.post().await;
        assert_eq!(house.sink.taken(contact), [second], "what still waited");
    });
}

#[test]
fn an_endpoint_that_takes_nothing_for_three_days_is_disabled_and_goes_on_when_it_is_mended() {
    on_both(async |house| {
        let (ann, bob) = (house.contact(1).await, house.contact(2).await);
        let (webhook, _) = house.endpoint(NOTES).await;
        house.sink.answers(|_| 500);
        house.happens(ann).await;
        house.post().await;
        let since = house.engine.now();
        let state = async || house.engine.webhook(&house.actor, webhook).await.unwrap().state.word();
        while house.engine.now().duration_since(since) < SignedDuration::from_hours(71) {
            house.wait(3_600);
            house.post().await;
            assert_eq!(state().await, "on", "after {}", house.engine.now().duration_since(since));
        }
        let waits = house.happens(bob).await;
        house.wait(3_600);
        house.post().await;
        assert_eq!(state().await, "disabled");
        let disabled = house.events("webhook.disabled").await;
        assert_eq!((disabled.len(), &disabled[0]["reason"]), (1, &json!("unanswered")));
        assert_eq!(disabled[0]["failing_since"], json!(since.to_string()));
        house.sink.answers(|_| 200);
        house.wait(3_600);
        assert_eq!(house.post().await, 0);
        switch(&house, webhook, Wanted::On).await;
        house.wait(3_600 * 5);
        house.post().await;
        assert_eq!(house.sink.taken(bob), [waits]);
        let row = house.engine.webhook(&house.actor, webhook).await.unwrap();
        assert_eq!((row.failing_since, row.stopped_at, row.delivered_at), (None, None, Some(house.engine.now())));
    });
}

#[test]
fn what_happened_while_it_was_off_is_delivered_by_a_replay_in_order() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(NOTES).await;
        let mut all = vec![house.happens(contact).await];
        house.post().await;
        switch(&house, webhook, Wanted::Off).await;
        house.wait(60);
        let off = house.engine.now();
        for _ in 0..3 {
            all.push(house.happens(contact).await);
        }
        house.wait(60);
        let refused = house.engine.replay_webhook(&house.actor, webhook, off, Again::Undelivered).await;
        assert!(matches!(refused, Err(WebhookError::NotOn)), "{refused:?}");
        switch(&house, webhook, Wanted::On).await;
        assert_eq!(house.post().await, 0, "it was not queued");
        let replay =
            async |since, again| house.engine.replay_webhook(&house.actor, webhook, since, again).await.unwrap().queued;
        assert_eq!(replay(off, Again::Undelivered).await, 3);
        assert_eq!(replay(off, Again::Undelivered).await, 0, "it waits already");
        house.post().await;
        assert_eq!(house.sink.taken(contact), all);
        assert_eq!(replay(off, Again::Undelivered).await, 0, "it was delivered");
        house.sink.fresh();
        assert_eq!(replay(off, Again::Everything).await, 3, "what was before is not asked for");
        house.post().await;
        assert_eq!(house.sink.taken(contact), all[1..], "under the same identifiers");
        house.sink.answers(|_| 500);
        house.happens(contact).await;
        house.post().await;
        house.sink.answers(|_| 200);
        assert_eq!(house.post().await, 0, "it waits for its next try");
        assert_eq!(replay(off, Again::Undelivered).await, 1, "what waits is tried now");
        assert_eq!(house.post().await, 1);
        let month = SignedDuration::from_hours(24 * 30 + 1);
        let old =
            house.engine.replay_webhook(&house.actor, webhook, house.engine.now() - month, Again::Everything).await;
        assert!(matches!(old, Err(WebhookError::TooOld)), "{old:?}");
    });
}

#[test]
fn one_delivery_is_made_again_or_at_once() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(NOTES).await;
        let event = house.happens(contact).await;
        house.post().await;
        let id = event.parse().unwrap();
        let replay = async || house.engine.replay_delivery(&house.actor, webhook, id).await.unwrap();
        let queued = replay().await;
        assert_eq!((queued.state, queued.tries), (DeliveryState::Pending, 0));
        house.sink.answers(|_| 500);
        house.post().await;
        house.sink.answers(|_| 200);
        assert_eq!(house.post().await, 0, "it waits for its next try");
        replay().await;
        assert_eq!(house.post().await, 1, "the wait was cut short");
        assert_eq!(house.sink.taken(contact), [event.clone(), event]);
        let nobody = house.engine.replay_delivery(&house.actor, webhook, domain::ids::EventId(1)).await;
        assert!(matches!(nobody, Err(WebhookError::Unknown)), "{nobody:?}");
    });
}

#[test]
fn a_test_reaches_the_endpoint_whatever_it_wants() {
    on_both(async |house| {
        let (webhook, _) = house.endpoint(NOTES).await;
        let event = house.engine.test_webhook(&house.actor, webhook).await.unwrap();
        assert_eq!(house.post().await, 1);
        let call = house.sink.calls().remove(0);
        assert_eq!((call.id, call.kind.as_str()), (event.to_string(), "webhook.tested"));
        switch(&house, webhook, Wanted::Off).await;
        let refused = house.engine.test_webhook(&house.actor, webhook).await;
        assert!(matches!(refused, Err(WebhookError::NotOn)), "{refused:?}");
    });
}
