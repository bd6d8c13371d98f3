//! Payments by card, with Stripe's role played on loopback: what is paid is posted once, whatever comes twice, late, or not at all.

mod auto;
mod books;
#[allow(dead_code, reason = "each test uses what it needs")]
pub(crate) mod stripe;

use std::sync::Arc;

use domain::ids::{EventId, WorkspaceId};
use domain::money::Micros;
use domain::payment::State;
use engine::payments::{Begun, NotSigned, PaymentError, PaymentHearError, Secret, Stripe, Till, Trouble};
use engine::{Actor, Engine};
use jiff::SignedDuration;
use store::payments::Payment;

use self::stripe::{Imitation, KEY, Mood, SIGNING, signature};
use crate::world::{Plan, World, on_both};

const AMOUNT: Micros = Micros(25_000_000);

fn poor() -> Plan {
    Plan { credits: 0, wallet: Micros(10_000_000), ..Plan::default() }
}

/// Cards are taken from now on.
pub(crate) fn with_cards(engine: &Engine) -> Imitation {
    let imitation = Imitation::open();
    let http = engine::carriers::Http::new().unwrap();
    let stripe = Stripe::new(http, &imitation.address, Secret::new(KEY), Secret::new(SIGNING));
    engine.take_cards(Till { payments: Arc::new(stripe), public_url: "https://texts.example.com".to_owned() });
    imitation
}

async fn begun(world: &World) -> (Begun, String) {
    let begun = world.engine.begin_payment(&world.actor, AMOUNT, false).await.unwrap();
    let session = begun.payment.session.clone().unwrap();
    (begun, session)
}

async fn paid(world: &World, stripe: &Imitation) -> (Payment, String) {
    let (begun, session) = begun(world).await;
    let intent = stripe.pay(&session, "4242");
    (world.engine.refresh_payment(&world.actor, begun.payment.id).await.unwrap(), intent)
}

async fn wallet(world: &World) -> i64 {
    world.balance("available").await.1
}

fn later(world: &World, minutes: i64) {
    assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(minutes)));
}

/// What the history tells of payments and of the wallet, oldest first.
async fn told(world: &World) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(0), 1_000);
    let events = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    let of = |kind: &String| {
        ["payment.", "ledger.", "card.", "recharge.", "plan."].iter().any(|part| kind.starts_with(part))
    };
    events.into_iter().map(|event| event.kind).filter(of).collect()
}

async fn end(world: World) {
    assert_eq!(world.engine.verify_ledger(world.workspace()).await.unwrap().faults, []);
    world.end().await;
}

#[test]
fn what_is_paid_on_stripes_page_is_in_the_wallet_once_however_often_it_is_told() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (begun, session) = begun(&world).await;
        assert_eq!(begun.url, format!("https://checkout.example.com/{session}"));
        let page = stripe.session(&session);
        assert_eq!(
            (page["amount_total"].as_i64(), page["client_reference_id"].as_str()),
            (Some(2_500), Some(&*begun.payment.id.to_string()))
        );
        assert_eq!(
            world.engine.refresh_payment(&world.actor, begun.payment.id).await.unwrap().report.state,
            State::Open
        );
        assert_eq!(wallet(&world).await, 10_000_000);
        let intent = stripe.pay(&session, "4242");
        let second = world.engine.now().as_second();
        let (signed, body) = stripe.event(&stripe.session(&session), second);
        for _ in 0..3 {
            assert!(world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        }
        let (signed, body) = stripe.event(&stripe.intent(&intent), second);
        assert!(world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        let row = world.engine.refresh_payment(&world.actor, begun.payment.id).await.unwrap();
        assert_eq!((row.report.state, wallet(&world).await), (State::Paid, 35_000_000));
        assert_eq!(row.receipt.as_deref(), Some(&*format!("https://pay.example.com/receipts/{intent}")));
        assert_eq!(told(&world).await, ["payment.begun", "ledger.topped_up"]);
        end(world).await;
    });
}

/// What a new form would say is another by then: the card of a second top-up is known.
#[test]
fn a_page_that_is_asked_for_again_is_the_same_one_and_can_be_paid() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let actor = world.actor.clone().with_key(Some(engine::IdempotencyKey::parse("top-up").unwrap()));
        let first = world.engine.begin_payment(&actor, AMOUNT, true).await.unwrap();
        let other = world.engine.begin_payment(&world.actor, AMOUNT, true).await.unwrap();
        stripe.pay(other.payment.session.as_deref().unwrap(), "4242");
        world.engine.refresh_payment(&world.actor, other.payment.id).await.unwrap();
        let again = world.engine.begin_payment(&actor, AMOUNT, true).await.unwrap();
        assert_eq!((again.url, again.payment.id), (first.url, first.payment.id));
        stripe.pay(first.payment.session.as_deref().unwrap(), "4242");
        later(&world, 6);
        world.engine.look_at_payments().await.unwrap();
        assert_eq!(wallet(&world).await, 10_000_000 + 2 * AMOUNT.0);
        end(world).await;
    });
}

#[test]
fn two_calls_upkeep_and_the_person_at_once_post_once() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        for round in 1..=5 {
            let (begun, session) = begun(&world).await;
            stripe.pay(&session, "4242");
            later(&world, 6);
            let (signed, body) = stripe.event(&stripe.session(&session), world.engine.now().as_second());
            let (engine, actor) = (&world.engine, &world.actor);
            let (first, second, third, fourth) = tokio::join!(
                engine.hear_payments(&signed, body.as_bytes()),
                engine.hear_payments(&signed, body.as_bytes()),
                engine.look_at_payments(),
                engine.refresh_payment(actor, begun.payment.id),
            );
            assert!(first.unwrap() && second.unwrap());
            drop((third.unwrap(), fourth.unwrap()));
            assert_eq!(wallet(&world).await, 10_000_000 + round * AMOUNT.0);
        }
        end(world).await;
    });
}

#[test]
fn a_call_that_is_lost_is_made_up_for_and_a_page_nobody_paid_on_expires() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let ((one, first), (two, second)) = (begun(&world).await, begun(&world).await);
        stripe.pay(&first, "4242");
        assert_eq!(world.engine.look_at_payments().await.unwrap(), 0, "it is too early to ask");
        later(&world, 6);
        assert_eq!(world.engine.look_at_payments().await.unwrap(), 2);
        assert_eq!(wallet(&world).await, 35_000_000);
        later(&world, 120);
        stripe.expire(&second);
        world.engine.look_at_payments().await.unwrap();
        let rows = world.engine.payments(&world.actor, None, 10).await.unwrap();
        let states: Vec<_> = rows.iter().map(|row| (row.id, row.report.state, row.look_at.is_some())).collect();
        assert_eq!(states, [(two.payment.id, State::Expired, false), (one.payment.id, State::Paid, true)]);
        end(world).await;
    });
}

#[test]
fn a_call_that_is_not_stripes_is_not_read() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (_, session) = begun(&world).await;
        stripe.pay(&session, "4242");
        let (second, asked) = (world.engine.now().as_second(), stripe.asked("GET /v1/checkout/sessions/x"));
        let (_, body) = stripe.event(&stripe.session(&session), second);
        for (signed, why) in [
            (String::new(), NotSigned::Unreadable),
            (signature("whsec_other", second, &body), NotSigned::Wrong),
            (signature(SIGNING, second - 301, &body), NotSigned::Old),
        ] {
            let refused = world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap_err();
            assert!(matches!(refused, PaymentHearError::NotSigned(found) if found == why), "{refused:?}");
        }
        assert_eq!((wallet(&world).await, stripe.asked("GET /v1/checkout/sessions/x")), (10_000_000, asked));
        // One from the future is taken, as Stripe's own libraries do.
        let signed = signature(SIGNING, second + 600, &body);
        assert!(world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        assert_eq!(wallet(&world).await, 35_000_000);
        end(world).await;
    });
}

#[test]
fn what_a_call_says_of_a_payment_is_not_believed() {
    on_both(poor, async |world| {
        let stripe = with_cards(&world.engine);
        let (begun, session) = begun(&world).await;
        let second = world.engine.now().as_second();
        // It says paid, and names our payment: Stripe, when asked, knows better.
        let mut said = stripe.session(&session);
        (said["status"], said["payment_status"]) = ("complete".into(), "paid".into());
        let (signed, body) = stripe.event(&said, second);
        world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap();
        assert_eq!(wallet(&world).await, 10_000_000);
        // It names a payment of ours beside one of Stripe's that is somebody else's.
        let mut other = stripe.session(&session);
        other["client_reference_id"] = "pay_7zzzzzzzzzzzz".into();
        let (signed, body) = stripe.event(&other, second);
        assert!(!world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap(), "no row of ours has it");
        for object in [serde_json::json!({ "object": "invoice" }), serde_json::json!(null)] {
            let (signed, body) = stripe.event(&object, second);
            assert!(!world.engine.hear_payments(&signed, body.as_bytes()).await.unwrap());
        }
        let row = world.engine.refresh_payment(&world.actor, begun.payment.id).await.unwrap();
        assert_eq!(row.report.state, State::Open);
        end(world).await;
    });
}

#[test]
fn a_payment_is_begun_once_for_a_key_and_only_within_limits() {
    on_both(poor, async |world| {
        let engine = &world.engine;
        assert!(matches!(engine.begin_payment(&world.actor, AMOUNT, false).await, Err(PaymentError::NoCards)));
        let stripe = with_cards(engine);
        for given in [0, 4_990_000, 5_005_000, 10_000_010_000] {
            let refused = engine.begin_payment(&world.actor, Micros(given), false).await;
            assert!(matches!(refused, Err(PaymentError::Amount { .. })), "{given}");
        }
        let key = engine::IdempotencyKey::parse("k").unwrap();
        let actor = world.actor.clone().with_key(Some(key));
        // Stripe makes the page and its answer is lost: the same request gets that very page.
        stripe.mood(Mood::LosesAnswer);
        let lost = engine.begin_payment(&actor, AMOUNT, false).await;
        assert!(matches!(lost, Err(PaymentError::Provider(Trouble::Unknown(_)))), "{lost:?}");
        stripe.mood(Mood::Good);
        let first = engine.begin_payment(&actor, AMOUNT, false).await.unwrap();
        assert_eq!(engine.begin_payment(&actor, AMOUNT, false).await.unwrap(), first);
        let other = engine.begin_payment(&actor, Micros(AMOUNT.0 + 10_000), false).await;
        assert!(matches!(other, Err(PaymentError::KeyReused(_))));
        assert_eq!(engine.payments(&world.actor, None, 10).await.unwrap().len(), 1);
        // What Stripe clearly refuses is over.
        stripe.mood(Mood::Refuses);
        let refused = engine.begin_payment(&world.actor, AMOUNT, false).await;
        assert!(matches!(refused, Err(PaymentError::Provider(Trouble::Misconfigured(_)))), "{refused:?}");
        assert_eq!(engine.payments(&world.actor, None, 1).await.unwrap()[0].report.state, State::Failed);
        // Of another workspace nothing is seen.
        let other = Actor::operator(WorkspaceId(2));
        assert!(engine.payments(&other, None, 10).await.unwrap().is_empty());
        assert!(matches!(engine.refresh_payment(&other, first.payment.id).await, Err(PaymentError::Unknown)));
        end(world).await;
    });
}
