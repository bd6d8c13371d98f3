//! How endpoints are kept: who may, what is refused, what is sealed, what is let go of.

use domain::access::Role;
use domain::ids::{EventId, UserId};
use domain::webhook::DeliveryState;
use engine::sealed::MasterKeys;
use engine::webhooks::log::Again;
use engine::webhooks::{MAX_WEBHOOKS, WebhookChange, WebhookError};
use engine::{Actor, IdempotencyKey};

use crate::webhooks::house::{House, on_both, opened, outfit};

#[test]
fn only_whoever_may_change_settings_sees_an_endpoint_and_nobody_elses() {
    on_both(async |house| {
        let (webhook, _) = house.endpoint(&[]).await;
        let agent = Actor::user(house.actor.workspace(), UserId(1), Role::Agent.permissions());
        let other = House::workspace(&house.engine, "Bolt").await;
        for (actor, forbidden) in [(&agent, true), (&other, false)] {
            let fits = |error: &WebhookError| {
                if forbidden {
                    matches!(error, WebhookError::Forbidden(_))
                } else {
                    matches!(error, WebhookError::Unknown)
                }
            };
            let engine = &house.engine;
            let change = WebhookChange { description: Some("x".to_owned()), ..WebhookChange::default() };
            let since = engine.now();
            let errors = [
                engine.webhook(actor, webhook).await.unwrap_err(),
                engine.change_webhook(actor, webhook, change).await.unwrap_err(),
                engine.rotate_webhook(actor, webhook).await.unwrap_err(),
                engine.test_webhook(actor, webhook).await.unwrap_err(),
                engine.webhook_log(actor, webhook, None, None, 10).await.unwrap_err(),
                engine.replay_delivery(actor, webhook, EventId(1)).await.unwrap_err(),
                engine.replay_webhook(actor, webhook, since, Again::Everything).await.unwrap_err(),
                engine.remove_webhook(actor, webhook).await.unwrap_err(),
            ];
            assert!(errors.iter().all(fits), "{errors:?}");
        }
        assert!(house.engine.webhooks(&other).await.unwrap().is_empty());
        assert!(matches!(house.engine.webhooks(&agent).await, Err(WebhookError::Forbidden(_))));
        // What happens at one customer is no other's business.
        let (bolt, _) = house.engine.add_webhook(&other, &house.sink.url, "", &[]).await.unwrap();
        house.contact(1).await;
        let log = house.engine.webhook_log(&other, bolt.id, None, None, 10).await.unwrap();
        assert_eq!(log.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), ["webhook.added"]);
    });
}

#[test]
fn what_cannot_be_an_endpoint_is_refused_with_its_reason() {
    on_both(async |house| {
        let add = async |url: &str, description: &str, kinds: &[&str]| {
            let kinds: Vec<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            house.engine.add_webhook(&house.actor, url, description, &kinds).await
        };
        assert!(matches!(add("ftp://example.com", "", &[]).await, Err(WebhookError::Url(_))));
        assert!(matches!(add("https://10.0.0.1/", "", &[]).await, Err(WebhookError::Url(_))));
        assert!(matches!(add("https://example.com", "a\nb", &[]).await, Err(WebhookError::Description(_))));
        assert!(matches!(add("https://example.com", &"x".repeat(121), &[]).await, Err(WebhookError::Description(_))));
        assert!(matches!(add("https://example.com", "", &["message.eaten"]).await, Err(WebhookError::Kind(_))));
        for _ in 0..MAX_WEBHOOKS {
            add("https://example.com", "", &[]).await.unwrap();
        }
        assert!(matches!(add("https://example.com", "", &[]).await, Err(WebhookError::TooMany)));
        let keyless = opened(&house.store, house.engine.clock().clone(), None).await;
        let refused = keyless.add_webhook(&house.actor, "https://example.com", "", &[]).await.unwrap_err();
        assert!(refused.to_string().contains("DRIPLINE_MASTER_KEY"), "{refused}");
        assert_eq!(keyless.post_due_webhooks().await.unwrap(), 0, "it takes nothing up");
    });
}

#[test]
fn a_repeat_makes_no_second_endpoint_and_no_second_secret() {
    on_both(async |house| {
        let keyed = |key: &str| house.actor.clone().with_key(Some(IdempotencyKey::parse(key).unwrap()));
        let add = async || house.engine.add_webhook(&keyed("a"), &house.sink.url, "CRM", &[]).await.unwrap();
        let ((first, secret), (second, nothing)) = (add().await, add().await);
        assert_eq!((first.id, nothing.as_str()), (second.id, ""));
        assert!(secret.starts_with("whsec_"));
        let rotate = async || house.engine.rotate_webhook(&keyed("b"), first.id).await.unwrap();
        assert!(rotate().await.starts_with("whsec_"));
        assert_eq!((rotate().await, house.events("webhook.rotated").await.len()), (String::new(), 1));
    });
}

#[test]
fn secrets_are_sealed_and_survive_a_change_of_the_master_key() {
    on_both(async |house| {
        let (old, new) = (MasterKeys::draw(), MasterKeys::draw());
        let with =
            |keys: String| engine::roll::Outfit { keys: MasterKeys::parse(&keys).unwrap(), ..outfit("127.0.0.1") };
        let clock = house.engine.clock();
        let before = opened(&house.store, clock.clone(), Some(with(old.clone()))).await;
        let (webhook, secret) = before.add_webhook(&house.actor, &house.sink.url, "", &[]).await.unwrap();
        let text = String::from_utf8_lossy(&webhook.sealed).into_owned();
        assert!(!text.contains(&secret) && !text.contains("whsec_"));
        let both = opened(&house.store, clock.clone(), Some(with(format!("{new}\n{old}")))).await;
        assert_eq!(both.reseal_webhooks().await.unwrap(), 1);
        assert_eq!(both.reseal_webhooks().await.unwrap(), 0);
        let after = opened(&house.store, clock.clone(), Some(with(new))).await;
        after.post_due_webhooks().await.unwrap();
        let call = house.sink.calls().remove(0);
        let theirs = standardwebhooks::Webhook::new(&secret).unwrap();
        assert_eq!(call.signature, theirs.sign(&call.id, call.seconds, call.text.as_bytes()).unwrap());
        // With another key nothing can be signed, so nothing is called: the log says why.
        after.test_webhook(&house.actor, webhook.id).await.unwrap();
        let other = opened(&house.store, clock.clone(), Some(with(MasterKeys::draw()))).await;
        house.sink.fresh();
        other.post_due_webhooks().await.unwrap();
        let log = other.webhook_log(&house.actor, webhook.id, None, None, 1).await.unwrap();
        assert!(log[0].said.as_deref().unwrap().contains("master key"), "{log:?}");
        assert!(house.sink.calls().is_empty());
    });
}

#[test]
fn old_deliveries_go_and_those_of_a_removed_endpoint() {
    on_both(async |house| {
        let contact = house.contact(1).await;
        let (webhook, _) = house.endpoint(&["note.added"]).await;
        let (other, _) = house.endpoint(&["note.added"]).await;
        house.happens(contact).await;
        house.post().await;
        house.wait(31 * 24 * 3_600);
        house.happens(contact).await;
        house.engine.sweep_old().await.unwrap();
        assert_eq!(house.log(webhook).await.len(), 1);
        assert_eq!(house.count(webhook, DeliveryState::Pending).await, 1);
        house.engine.remove_webhook(&house.actor, other).await.unwrap();
        let gone = house.engine.webhook_log(&house.actor, other, None, None, 1).await;
        assert!(matches!(gone, Err(WebhookError::Unknown)), "{gone:?}");
        house.engine.sweep_old().await.unwrap();
        let of = (house.actor.workspace(), other);
        let left = move |db: &store::Read<'_>| store::webhooks::deliveries::log(db, of, None, EventId(i64::MAX), 10);
        assert_eq!(house.store.read::<_, store::DbError, _>(left).await.unwrap(), []);
        assert_eq!(house.post().await, 1, "the other one's");
    });
}
